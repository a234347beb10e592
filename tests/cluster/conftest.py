"""A SLURM on loopback, and a tiny bulk cohort whose undisturbed local run every scenario is held to."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster_run import IMPATIENT, Run, different, start_run, take_away, write_cohort
from loopback_slurm import LoopbackSlurm, why_not

REASON = why_not()
MATRIX = pytest.StashKey[list[tuple[str, str, str, int]]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "cluster" in str(item.path.parent.name):
            item.add_marker(pytest.mark.cluster)
            if REASON:
                item.add_marker(pytest.mark.skip(reason=REASON))


def pytest_configure(config: pytest.Config) -> None:
    config.stash[MATRIX] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[MATRIX]:
        terminalreporter.section("what was tried on SLURM")
        for scenario, done, ended, again in config.stash[MATRIX]:
            terminalreporter.write_line(f"{scenario} | {done} | {ended} | {again}")


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return what adds a line to the table at the end: scenario, what was done, how it ended, jobs sent again."""

    def add(scenario: str, *, done: str, ended: str, again: int) -> None:
        request.config.stash[MATRIX].append((scenario, done, ended, again))

    return add


@pytest.fixture(scope="session")
def slurm() -> Iterator[LoopbackSlurm]:
    """Yield a running SLURM; its folder is short-named, since sockets have short names."""
    # A test run that is told to end ends like one that is interrupted: what it started is stopped.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    started = LoopbackSlurm(folder)
    try:
        yield started
    finally:
        started.close()
        shutil.rmtree(folder, ignore_errors=True)
        signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the one folder every scenario runs in: another place has other paths, and all would be made anew."""
    return tmp_path_factory.mktemp("place") / "bulk"


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the written cohort."""
    folder = tmp_path_factory.mktemp("toy") / "bulk"
    write_cohort(folder)
    return folder


@pytest.fixture(scope="session")
def local(cohort: Path, place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what the cohort's undisturbed run on this machine, without SLURM, left behind."""
    shutil.copytree(cohort, place)
    command = [sys.executable, "-m", "ohmics", "run", "config.yaml", "--cores", "2"]
    done = subprocess.run(command, cwd=place, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kept = tmp_path_factory.mktemp("local") / "bulk"
    shutil.copytree(place, kept)
    return kept


@pytest.fixture
def finished(local: Path, place: Path) -> Path:
    """Return the folder of the finished run, at the place where it was made."""
    shutil.rmtree(place)
    shutil.copytree(local, place)
    return place


@pytest.fixture
def unfinished(finished: Path) -> Path:
    """Return the finished run's folder without the patients' pages and the h5ad of the run: four stages are left."""
    take_away(finished / "results")
    return finished


@pytest.fixture
def start(slurm: LoopbackSlurm) -> Iterator[Callable[..., Run]]:
    """Yield what starts the workflow of a folder on the cluster; what still runs at the end is ended."""
    runs: list[Run] = []

    def go(folder: Path, *more: str) -> Run:
        runs.append(start_run(folder, *IMPATIENT, *more))
        return runs[-1]

    yield go
    for run in runs:
        run.kill()
    slurm.settle()


@pytest.fixture
def stage_runs(slurm: LoopbackSlurm) -> Callable[[str, Run], str]:
    """Return what waits until a stage itself runs, beyond the start of its job, and gives the job's number."""

    def wait(rule: str, run: Run) -> str:
        end = time.monotonic() + 900
        log = run.log.parent / "results" / "logs" / f"{rule}.log"
        while time.monotonic() < end and run.process.poll() is None:
            running = [number for number, comment in slurm.jobs().items() if comment == f"rule_{rule}"]
            if running and log.exists():
                return running[0]
            time.sleep(0.1)
        raise TimeoutError(f"no job of {rule} ran: {slurm.tell('squeue', '-t', 'all')}{run.text()}")

    return wait


@pytest.fixture
def same_bytes(local: Path) -> Callable[[Path], None]:
    """Return what demands that a folder's arrays, tables and pages are those of the undisturbed local run."""

    def compare(folder: Path) -> None:
        assert (local / "results" / "export" / "ohmics.h5ad").is_file()
        assert different(folder / "results", local / "results") == []

    return compare
