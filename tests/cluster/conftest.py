"""A SLURM on loopback, and a small bulk cohort whose undisturbed local run every scenario is held to."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster_run import Run
from loopback_slurm import LoopbackSlurm, why_not

REASON = why_not()
# The plugin waits 40 s before it first asks how a job is doing, which suits jobs of hours.
IMPATIENT = (
    "--seconds-between-status-checks", "1", "--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "5",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "cluster" in str(item.path.parent.name):
            item.add_marker(pytest.mark.cluster)
            if REASON:
                item.add_marker(pytest.mark.skip(reason=REASON))


@pytest.fixture(scope="session")
def slurm() -> Iterator[LoopbackSlurm]:
    """Yield a running SLURM; its folder is short-named, since sockets have short names."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    started = LoopbackSlurm(folder)
    try:
        yield started
    finally:
        started.close()
        shutil.rmtree(folder, ignore_errors=True)


def ohmics(folder: Path, *words: str) -> None:
    subprocess.run([sys.executable, "-m", "ohmics", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small written bulk cohort."""
    folder = tmp_path_factory.mktemp("toy")
    ohmics(folder, "demo", "--only", "bulk", "--small", "--write-only", "--out", "d")
    return folder / "d" / "bulk"


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the one folder every scenario runs in: another place has other paths, and all would be made anew."""
    return tmp_path_factory.mktemp("place") / "bulk"


@pytest.fixture(scope="session")
def local(cohort: Path, place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what the cohort's undisturbed run on this machine left behind."""
    shutil.copytree(cohort, place)
    ohmics(place, "run", "config.yaml", "--cores", "2")
    kept = tmp_path_factory.mktemp("local") / "bulk"
    shutil.copytree(place, kept)
    return kept


@pytest.fixture
def unfinished(local: Path, place: Path) -> Path:
    """Return the folder of the finished run without the comparison and the evidence that follows from it."""
    shutil.rmtree(place)
    shutil.copytree(local, place)
    for name in ("effects", "composition", "evidence"):
        (place / "results" / "tables" / f"{name}.tsv").unlink()
    return place


@pytest.fixture
def start(slurm: LoopbackSlurm) -> Iterator[Callable[..., Run]]:
    """Yield what starts the workflow of a folder on the cluster; what still runs at the end is ended."""
    runs: list[Run] = []

    def go(folder: Path, *more: str) -> Run:
        log = folder / f"cluster{len(runs)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "ohmics", "run", "config.yaml", "--profile-name", "slurm", *IMPATIENT, *more],
                cwd=folder, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        runs.append(Run(process, log))
        return runs[-1]

    yield go
    for run in runs:
        run.kill()
    slurm.tell("scancel", "--user=root")
    slurm.tell("scontrol", "update", "nodename=localhost", "state=resume")


@pytest.fixture(scope="session")
def wait_for(slurm: LoopbackSlurm) -> Callable[[str], str]:
    """Return what waits until a job of a rule runs, and gives its number."""

    def wait(rule: str, seconds: float = 180) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for number, comment in slurm.jobs().items():
                if f"rule_{rule}" in comment:
                    return number
            time.sleep(0.2)
        raise TimeoutError(f"no job of {rule} ran: {slurm.tell('squeue', '-t', 'all')}")

    return wait


@pytest.fixture(scope="session")
def same_bytes(local: Path) -> Callable[[Path], None]:
    """Return what demands that a folder's tables and pages are those of the undisturbed local run."""

    def compare(folder: Path) -> None:
        kept = ("tables", "reports", "figures", "export")
        names = [
            path.relative_to(local)
            for part in kept
            for path in sorted((local / "results" / part).rglob("*"))
            if path.is_file()
        ]
        assert len(names) >= 12
        different = [
            str(name)
            for name in names
            if not (folder / name).is_file() or (folder / name).read_bytes() != (local / name).read_bytes()
        ]
        assert not different, different

    return compare
