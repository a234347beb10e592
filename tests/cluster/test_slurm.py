"""The workflow on a real SLURM: undisturbed, and with everything going wrong that goes wrong on clusters."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from cluster_run import Run, different, take_away
from loopback_slurm import LoopbackSlurm

Start = Callable[..., Run]
Wait = Callable[..., str]
Same = Callable[[Path], None]
Note = Callable[..., None]


def test_the_cluster_gives_the_bytes_of_the_laptop(
    cohort: Path, start: Start, tmp_path: Path, same_bytes: Same, note: Note
):
    folder = tmp_path / "elsewhere"
    shutil.copytree(cohort, folder)
    run = start(folder)
    assert run.end() == 0, run.text()
    same_bytes(folder)
    jobs = len(run.submitted())
    assert jobs >= 20
    note("undisturbed", done="nothing", ended=f"all {jobs} jobs passed", again=run.sent_again())


def test_a_job_killed_for_too_little_memory_is_sent_again_with_more(
    unfinished: Path, start: Start, same_bytes: Same, note: Note
):
    run = start(unfinished, "--set-resources", "report_patients:mem_mb=30 * attempt ** 6")
    assert run.end() == 0, run.text()
    # The plugin keeps the logs of failed jobs alone.
    (killed,) = (unfinished / ".snakemake" / "slurm_logs" / "rule_report_patients").glob("*.log")
    assert "memory limit" in killed.read_text(encoding="utf-8")
    assert run.sent_again() == 1, run.text()
    same_bytes(unfinished)
    note("too little memory", done="a stage was given 30 MB", ended="killed, passed with more", again=run.sent_again())


def test_a_cancelled_job_is_sent_again(
    slurm: LoopbackSlurm, unfinished: Path, start: Start, stage_runs: Wait, same_bytes: Same, note: Note
):
    run = start(unfinished)
    slurm.tell("scancel", stage_runs("report_patients", run))
    assert run.end() == 0, run.text()
    assert "SLURM status is: 'CANCELLED'" in run.text()
    assert run.sent_again() == 1, run.text()
    same_bytes(unfinished)
    note("cancelled job", done="scancel while its stage ran", ended="sent again, passed", again=run.sent_again())


def test_a_node_that_goes_down_and_comes_back(
    slurm: LoopbackSlurm, unfinished: Path, start: Start, stage_runs: Wait, same_bytes: Same, note: Note
):
    run = start(unfinished)
    lost = stage_runs("report_patients", run)
    slurm.cut_power()
    assert not slurm.jobs()
    assert lost in slurm.jobs("PENDING")
    assert run.process.poll() is None
    slurm.power_on()
    assert run.end() == 0, run.text()
    assert "Restarts=1" in slurm.tell("scontrol", "show", "job", lost)
    assert run.sent_again() == 0, run.text()
    same_bytes(unfinished)
    ended = "SLURM itself ran the lost jobs again, passed"
    note("node down", done="power cut while two stages ran, then back", ended=ended, again=run.sent_again())


def test_snakemake_killed_and_started_again(
    unfinished: Path, start: Start, stage_runs: Wait, same_bytes: Same, note: Note
):
    run = start(unfinished)
    stage_runs("report_patients", run)
    run.kill()
    # The jobs of before may still run on the cluster; both write the same bytes, each in one step.
    again = start(unfinished)
    assert again.end() == 0, again.text()
    same_bytes(unfinished)
    done = "kill -9 while two stages ran, then the same command"
    note("Snakemake killed", done=done, ended="went on, passed", again=again.sent_again())


def test_ctrl_c_cancels_the_jobs(
    slurm: LoopbackSlurm, unfinished: Path, start: Start, stage_runs: Wait, same_bytes: Same, note: Note
):
    run = start(unfinished)
    stage_runs("report_patients", run)
    run.process.send_signal(signal.SIGINT)
    assert run.end() != 0
    # Nothing goes on behind the user's back, and no half-written file is left.
    slurm.wait_until(lambda: not slurm.jobs("RUNNING,PENDING,COMPLETING"), "quiet queue")
    assert temporary(unfinished / "results") == []
    again = start(unfinished)
    assert again.end() == 0, again.text()
    same_bytes(unfinished)
    done = "Ctrl-C while two stages ran, then the same command"
    note("interrupted", done=done, ended="jobs cancelled; then passed", again=again.sent_again())


def test_a_full_disk_leaves_nothing_half_written(
    unfinished: Path, local: Path, start: Start, same_bytes: Same, note: Note
):
    results = unfinished / "results"
    mount(results, "size=64m")
    try:
        shutil.copytree(local / "results", results, dirs_exist_ok=True)
        take_away(results)
        # Room for logs and the first pages, not for all of them and the h5ad.
        filler = results / "filler"
        fill(filler, leave=200_000)
        run = start(unfinished, "--retries", "0")
        assert run.end() != 0
        assert "the disk is full" in run.text()
        # Of what differs from the whole run, nothing is there: neither half a file nor one that is being written.
        lacking = different(results, local / "results")
        assert lacking
        assert not [name for name in lacking if (results / name).exists()]
        assert temporary(results) == []
        filler.unlink()
        again = start(unfinished)
        assert again.end() == 0, again.text()
        same_bytes(unfinished)
        assert temporary(results) == []
    finally:
        subprocess.run(["umount", "--lazy", str(results)], check=True)
    done = "results on a tmpfs without room; then room, the same command"
    note("full disk", done=done, ended="named, no file half-written; then passed", again=again.sent_again())


def mount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True, capture_output=True)


def fill(path: Path, *, leave: int) -> None:
    """Write until only so many bytes of the disk are free."""
    disk = os.statvfs(path.parent)
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - leave)


def temporary(results: Path) -> list[Path]:
    """Return the hidden files of a folder, which a file is before it has its name."""
    known = (".snakemake_timestamp", ".ohmics.lock")
    return [path for path in results.rglob(".*") if path.is_file() and path.name not in known]


def test_a_corrupted_intermediate_is_named_and_can_be_made_again(
    finished: Path, start: Start, same_bytes: Same, note: Note
):
    results = finished / "results"
    damaged = results / "tables" / "sample_correlation.parquet"
    whole, stamp = damaged.read_bytes(), damaged.stat()
    damaged.write_bytes(whole[: len(whole) // 2])
    # As a disk does it: the time of the file tells nothing.
    os.utime(damaged, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    shutil.rmtree(results / "reports" / "patients")
    # Only what was deleted is asked for: what else follows from the damaged file would be made again too.
    pages = str(Path("results") / "reports" / "patients")
    run = start(finished, "--retries", "0", pages)
    assert run.end() != 0
    log = (results / "logs" / "report_patients.log").read_text(encoding="utf-8")
    assert "results/tables/sample_correlation.parquet: the file is cut off or damaged; delete it" in log
    assert "Traceback" not in log
    damaged.unlink()
    again = start(finished, pages)
    assert again.end() == 0, again.text()
    same_bytes(finished)
    done = "half of a Parquet table cut off; then deleted, the same command"
    note("damaged file", done=done, ended="named in one sentence; then made again", again=again.sent_again())
