"""A workflow that is killed, three times at random moments, ends with the same bytes as an undisturbed one."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from workflow_calls import call


def kill_after(folder: Path, seconds: float) -> bool:
    """Start the workflow and kill its whole process group; say whether it was still running."""
    with (folder / "killed.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ohmics", "run", "config.yaml", "--cores", "2"],
            cwd=folder, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
    return False


@pytest.mark.slow
def test_killed_three_times_the_tables_are_the_same_bytes(toy_bulk: Path, finished_bulk: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bulk"
    shutil.copytree(toy_bulk, folder)
    moments = random.Random(time.time_ns())
    killed = 0
    for _ in range(3):
        killed += kill_after(folder, moments.uniform(4, 14))
        call(folder, "run", "config.yaml", "--unlock")
    assert killed
    call(folder, "run", "config.yaml", "--cores", "2")
    names = {path.relative_to(finished_bulk) for path in (finished_bulk / "results" / "tables").iterdir()}
    assert len(names) >= 10
    for name in sorted(names):
        assert (folder / name).read_bytes() == (finished_bulk / name).read_bytes(), name
    assert not list((folder / "results").rglob(".*.tsv"))
