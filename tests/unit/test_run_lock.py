"""One run at a time writes to a results folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from ohmics.cli.run import call_snakemake
from ohmics.errors import OhmicsError
from ohmics.run_lock import held_for_child, hold_folder, is_held_by_parent


def test_a_second_run_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    with (
        hold_folder(tmp_path / "results"),
        pytest.raises(OhmicsError, match=r"another run is writing here \(process \d+\)"),
    ):
        hold_folder(tmp_path / "results")
    hold_folder(tmp_path / "results").close()


def test_a_killed_run_leaves_no_lock(tmp_path: Path) -> None:
    code = f"import os, ohmics.run_lock as r; held = r.hold_folder({str(tmp_path)!r}); os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -9
    hold_folder(tmp_path).close()


def test_the_child_of_a_run_knows_that_its_parent_holds_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_held_by_parent(tmp_path)
    for name, value in held_for_child(tmp_path).items():
        monkeypatch.setenv(name, value)
    assert is_held_by_parent(tmp_path)
    assert not is_held_by_parent(tmp_path / "other")


def test_no_snakemake_is_started_in_a_folder_that_is_written_to(tmp_path: Path) -> None:
    with hold_folder(tmp_path), pytest.raises(OhmicsError, match="two runs in one folder would mix"):
        call_snakemake(tmp_path / "no.yaml", cores="1", profile="local", rest=[], writes_to=tmp_path)
