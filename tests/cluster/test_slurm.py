"""The workflow on a real SLURM: undisturbed, and with everything going wrong that goes wrong on clusters."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_run import Run
from loopback_slurm import LoopbackSlurm

Start = Callable[..., Run]
Wait = Callable[[str], str]
Same = Callable[[Path], None]


def test_the_cluster_gives_the_bytes_of_the_laptop(cohort: Path, start: Start, tmp_path: Path, same_bytes: Same):
    folder = tmp_path / "bulk"
    shutil.copytree(cohort, folder)
    run = start(folder)
    assert run.end() == 0, run.text()
    assert "submitted with SLURM jobid" in run.text()
    same_bytes(folder)


def test_a_job_killed_for_too_little_memory_is_sent_again_with_more(unfinished: Path, start: Start, same_bytes: Same):
    run = start(unfinished, "--set-resources", "compare:mem_mb=30 * attempt ** 6")
    assert run.end() == 0, run.text()
    assert "restart" in run.text().lower()
    same_bytes(unfinished)


def test_a_cancelled_job_is_sent_again(
    slurm: LoopbackSlurm, unfinished: Path, start: Start, wait_for: Wait, same_bytes: Same
):
    run = start(unfinished)
    cancelled = wait_for("compare")
    slurm.tell("scancel", cancelled)
    again = wait_for("compare")
    assert run.end() == 0, run.text()
    assert again != cancelled
    same_bytes(unfinished)


def test_a_node_that_goes_down_and_comes_back(
    slurm: LoopbackSlurm, unfinished: Path, start: Start, wait_for: Wait, same_bytes: Same
):
    run = start(unfinished)
    wait_for("compare")
    slurm.tell("scontrol", "update", "nodename=localhost", "state=down", "reason=test")
    time.sleep(3)
    assert not slurm.jobs()
    assert run.process.poll() is None
    slurm.tell("scontrol", "update", "nodename=localhost", "state=resume")
    assert run.end() == 0, run.text()
    same_bytes(unfinished)


def test_snakemake_killed_and_started_again(unfinished: Path, start: Start, wait_for: Wait, same_bytes: Same):
    run = start(unfinished)
    wait_for("compare")
    run.kill()
    assert start(unfinished, "--unlock").end() == 0
    # The job of before still runs on the cluster; both write the same bytes, each in one step.
    again = start(unfinished)
    assert again.end() == 0, again.text()
    same_bytes(unfinished)


def test_a_full_disk_leaves_nothing_half_written(unfinished: Path, start: Start, same_bytes: Same):
    results = unfinished / "results"
    kept = unfinished / "kept"
    results.rename(kept)
    results.mkdir()
    used = sum(-(-path.stat().st_size // 4096) * 4096 + 4096 for path in kept.rglob("*"))
    mount(results, "size=64m")
    try:
        shutil.copytree(kept, results, dirs_exist_ok=True)
        # Nothing but a few pages are left.
        filler = results / "filler"
        filler.write_bytes(b"")
        mount(results, f"remount,size={used + 2**16}")
        fill(filler)
        run = start(unfinished)
        assert run.end() != 0
        assert not (results / "tables" / "evidence.tsv").exists()
        filler.unlink()
        mount(results, "remount,size=64m")
        again = start(unfinished)
        assert again.end() == 0, again.text()
        same_bytes(unfinished)
        assert not [path for path in results.rglob(".*") if path.is_file() and path.name != ".snakemake_timestamp"]
    finally:
        subprocess.run(["umount", "--lazy", str(results)], check=True)


def mount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True, capture_output=True)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("ab", buffering=0) as file:
        while True:
            try:
                file.write(os.urandom(4096))
            except OSError:
                return


def test_a_corrupted_intermediate_is_named_and_can_be_made_again(unfinished: Path, start: Start, same_bytes: Same):
    results = unfinished / "results"
    damaged = results / "counts" / "bulk.h5ad"
    whole, stamp = damaged.read_bytes(), damaged.stat()
    damaged.write_bytes(whole[: len(whole) // 2])
    os.utime(damaged, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    (results / "tables" / "de.tsv").unlink()
    run = start(unfinished, "--retries", "0")
    assert run.end() != 0
    log = (results / "logs" / "de.log").read_text(encoding="utf-8") + run.text()
    assert "counts/bulk.h5ad" in log
    assert "Traceback" not in (results / "logs" / "de.log").read_text(encoding="utf-8")
    damaged.unlink()
    again = start(unfinished)
    assert again.end() == 0, again.text()
    same_bytes(unfinished)


@pytest.fixture(autouse=True)
def nothing_is_left_running(slurm: LoopbackSlurm):
    yield
    end = time.monotonic() + 30
    while slurm.jobs() and time.monotonic() < end:
        time.sleep(0.5)
    assert not slurm.jobs()
