"""`ohmics run` says before it starts why a results folder cannot be written to."""

from __future__ import annotations

from pathlib import Path

import pytest

from ohmics.cli.run import make_outdir
from ohmics.errors import OhmicsError


def test_the_folder_is_made(tmp_path: Path) -> None:
    make_outdir(tmp_path / "a" / "b")
    make_outdir(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("x")
    with pytest.raises(OhmicsError, match=r"cannot write results to .*results: a file has that name; choose another"):
        make_outdir(tmp_path / "results")
    with pytest.raises(OhmicsError, match="Not a directory"):
        make_outdir(tmp_path / "results" / "more")


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever is root may write everywhere, so the answer of the system is put in its place.
    monkeypatch.setattr("ohmics.cli.run.os.access", lambda *_: False)
    with pytest.raises(OhmicsError, match="Permission denied"):
        make_outdir(tmp_path)
