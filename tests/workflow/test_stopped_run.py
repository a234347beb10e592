"""A run that is stopped or killed leaves nothing half-written and no lock; the same command goes on from there."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from workflow_calls import call

RUN = [sys.executable, "-m", "ohmics", "run", "config.yaml", "--cores", "2"]


def heed_signals() -> None:
    """Heed what the tests were perhaps told to ignore, as a script's background jobs are."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def start(folder: Path) -> subprocess.Popen:
    return subprocess.Popen(
        RUN, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=heed_signals,
    )  # fmt: skip


def wait_for(process: subprocess.Popen, folder: Path, files: int) -> None:
    """Wait until the run has left so many files more and a stage is at work."""
    before = len(finished(folder))
    while process.poll() is None and len(finished(folder)) < before + files:
        time.sleep(0.05)
    while process.poll() is None and not stages_of(process):
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()


def finished(folder: Path) -> list[Path]:
    results = folder / "results"
    return [path for path in results.rglob("*") if path.is_file() and "logs" not in path.parts]


def stages_of(process: subprocess.Popen) -> list[psutil.Process]:
    try:
        below = psutil.Process(process.pid).children(recursive=True)
        return [one for one in below if any(Path(word).name == "ohmics" for word in one.cmdline()[:3])]
    except psutil.Error:
        return []


def half_written(folder: Path) -> list[Path]:
    return [
        path for path in (folder / "results").rglob(".*") if path.name not in (".ohmics.lock", ".snakemake_timestamp")
    ]


@pytest.mark.slow
def test_a_run_goes_on_after_signals_and_a_kill(toy_bulk: Path, finished_bulk: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bulk"
    shutil.copytree(toy_bulk, folder)
    for number, status in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        process = start(folder)
        wait_for(process, folder, 2)
        below = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        _, told = process.communicate()
        assert process.returncode == status, told
        assert told.splitlines()[-1] == (
            f"ohmics run: stopped by {number.name}; the same command goes on where it stopped"
        )
        assert not psutil.wait_procs(below, timeout=10)[1]
        assert half_written(folder) == []
    process = start(folder)
    wait_for(process, folder, 2)
    second = call(folder, "run", "config.yaml", check=False)
    assert second.returncode == 2
    assert "another run is writing here (process" in second.stderr
    assert second.stderr.count("\n") == 1
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = {path: path.stat().st_mtime_ns for path in finished(folder) if path.suffix == ".h5ad"}
    call(folder, "run", "config.yaml", "--cores", "2")
    assert before
    assert {path: path.stat().st_mtime_ns for path in before} == before, "what was done was done again"
    assert half_written(folder) == []
    for path in sorted((finished_bulk / "results" / "tables").iterdir()):
        assert (folder / "results" / "tables" / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.slow
def test_a_full_disk_ends_a_run_with_one_clear_line_and_room_lets_it_go_on(toy_bulk: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "bulk"
    shutil.copytree(toy_bulk, folder)
    results = folder / "results"
    results.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(results)], check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        done = call(folder, "run", "config.yaml", "--cores", "1", check=False)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(f"ohmics run: the disk is full at {results}")
        assert half_written(folder) == []
        subprocess.run(["mount", "-o", "remount,size=200m", str(results)], check=True)
        call(folder, "run", "config.yaml", "--cores", "2", "--until", "qc")
        assert (results / "counts" / "bulk.h5ad").is_file()
    finally:
        subprocess.run(["umount", str(results)], check=True)
