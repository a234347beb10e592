"""A workflow on the cluster, which a test follows, kills or waits for; and the tiny cohort it runs on."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ohmics import toy

# The plugin waits 40 s before it first asks how a job is doing, which suits jobs of hours.
IMPATIENT = (
    "--seconds-between-status-checks", "1", "--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "5",
)  # fmt: skip
COMPARED = ("counts", "tables", "reports", "figures", "export")
"""What DESIGN promises the same bytes of: arrays, tables and pages; logs, benchmarks and the like stay outside."""


@dataclass(frozen=True)
class Run:
    """A workflow that was started on the cluster."""

    process: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def end(self, seconds: float = 900) -> int:
        """Wait for the end. The limit only keeps a hung run from holding a machine for ever."""
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """Kill snakemake and what it started here; its jobs on the cluster go on."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def submitted(self) -> list[tuple[str, str]]:
        """Return every submission: the workflow's number of the job and SLURM's."""
        return re.findall(r"Job (\d+) has been submitted with SLURM jobid (\d+)", self.text())

    def sent_again(self) -> int:
        """Return how many jobs were submitted after their first time."""
        sent = self.submitted()
        return len(sent) - len({job for job, _ in sent})


def start_run(folder: Path, *more: str) -> Run:
    """Start the workflow of a folder on the cluster."""
    log = folder / f"cluster{len(list(folder.glob('cluster*.log')))}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "ohmics", "run", "config.yaml", "--profile-name", "slurm", *more],
            cwd=folder, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            # Else snakemake gets a process group of its own where the tests run in a script's background.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no threads run here
        )  # fmt: skip
    return Run(process, log)


def write_cohort(folder: Path) -> None:
    """Write the smallest bulk cohort that every stage has something to do on."""
    toy.write(toy.bulk(n_patients=3, n_genes=7000), folder)
    config = folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("tiers: [core]", "tiers: [core]\n  n_null: 10"), encoding="utf-8")


def different(found: Path, wanted: Path) -> list[str]:
    """Return the files of two results folders that are not the same bytes, or that one of them lacks."""
    names = {
        path.relative_to(folder)
        for folder in (found, wanted)
        for part in COMPARED
        for path in (folder / part).rglob("*")
        if path.is_file() and path.name != ".snakemake_timestamp"
    }
    return [
        str(name)
        for name in sorted(names)
        if not ((found / name).is_file() and (wanted / name).is_file())
        or (found / name).read_bytes() != (wanted / name).read_bytes()
    ]


def take_away(results: Path) -> None:
    """Delete the patients' pages and the h5ad of the run, with the logs of the stages that make them."""
    shutil.rmtree(results / "reports" / "patients")
    for name in ("ohmics.h5ad", "skipped.tsv"):
        (results / "export" / name).unlink()
    for rule in ("report_patients", "export_h5ad"):
        (results / "logs" / f"{rule}.log").unlink()
