"""`ohmics run`: a config comes in, the workflow runs; whatever else is given goes to snakemake."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from ohmics.cli._stop import Stopped, is_full
from ohmics.errors import Fault, OhmicsError, did_you_mean
from ohmics.plan import Plan, load_plan
from ohmics.run_lock import held_for_child, hold_folder, is_locked
from ohmics.shipped import shipped

PASSES_UNKNOWN = True
"""Options that are not ours are snakemake's."""
_PATIENCE = 30.0
"""Seconds that stages get to end after a signal, before they are killed."""


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = commands.add_parser(
        "run",
        help="run the workflow on a config",
        description="Run the workflow. Every other option is passed on, for example -n, --forcerun de, --unlock.",
    )
    parser.add_argument("config", type=Path)
    parser.add_argument("--cores", default="2", help="cores to use at once (default 2)")
    parser.add_argument(
        "--profile-name", default="local", help="a folder of workflow/profiles, or a path (default local)"
    )
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Check the config and its sheet, then hand over to snakemake; return its status."""
    plan = load_plan(arguments.config)
    rest = list(getattr(arguments, "rest", []))
    outdir = Path(plan.config["outdir"])
    quiet = not any(word in ("-n", "--dry-run", "--lint", "--unlock", "--report", "--summary") for word in rest)
    if quiet:
        make_outdir(outdir)
        # Told in full: it is relative to the folder one stands in, not to the config.
        kind = plan.modality.replace("_", "-")
        print(f"{len(plan.samples)} {kind} samples; results go to {outdir.resolve()}/", flush=True)
    started = time.time()
    status = call_snakemake(
        arguments.config,
        cores=arguments.cores,
        profile=arguments.profile_name,
        rest=rest,
        writes_to=outdir if quiet else None,
    )
    if quiet and status == 0:
        for line in where_reports_are(plan):
            print(line)
    if quiet and status and (is_full(outdir) or _a_stage_told_it(outdir / "logs", since=started)):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(outdir.resolve()))
    return status


def _a_stage_told_it(logs: Path, *, since: float) -> bool:
    """Return whether a stage of this run found the disk full: what it half-wrote is gone since, and there is room."""
    newer = (path for path in logs.rglob("*.log") if path.stat().st_mtime >= since)
    return any("ohmics " in text and "the disk is full" in text for text in map(_end_of, newer))


def _end_of(log: Path) -> str:
    with log.open("rb") as handle:
        handle.seek(max(0, log.stat().st_size - 4096))
        return handle.read().decode("utf-8", errors="replace")


def make_outdir(folder: Path) -> None:
    """Make the results folder, or say in one sentence why it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reason = "" if os.access(folder, os.W_OK | os.X_OK) else "Permission denied"
    except OSError as error:
        reason = "a file has that name" if isinstance(error, FileExistsError) else str(error.strerror)
    if reason:
        raise OhmicsError(
            Fault(f"cannot write results to {folder}: {reason}", "config, key outdir", remedy="choose another outdir")
        )


def call_snakemake(config: Path, *, cores: str, profile: str, rest: list[str], writes_to: Path | None = None) -> int:
    """Start snakemake on the shipped Snakefile in the current folder and return its status.

    ``writes_to`` is the results folder, locked from before snakemake starts until it has ended.
    """
    command = [
        sys.executable, "-m", "snakemake",
        "--snakefile", str(shipped("Snakefile")),
        "--configfile", str(config),
        "--cores", str(cores),
        "--workflow-profile", str(profile_folder(profile)),
        *rest,
    ]  # fmt: skip
    # One BLAS thread a process: the results are the same bytes, and jobs do not take each other's cores.
    pinned = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**os.environ, **pinned}
    if writes_to is None:
        return _watched(_start(command, environment))
    with hold_folder(writes_to) as held:
        # Snakemake gets the open lock too: it lasts as long as either of the two processes. Its own lock outlives a
        # run that was killed, and guards nothing that ours does not.
        environment |= held_for_child(writes_to)
        if is_locked(held):
            command.append("--nolock")
        return _watched(_start(command, environment, held.fileno()))


def _start(command: list[str], environment: dict[str, str], *kept: int) -> subprocess.Popen[bytes]:
    """Start snakemake so that our SIGINT reaches it, also where we were started with SIGINT ignored.

    So start a script's background job and ``nohup ... &``; Python programs that they start inherit it. Snakemake is
    then kept away from the terminal's Ctrl-C by a process group of its own.
    """
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if not ignored or threading.current_thread() is not threading.main_thread():
        return subprocess.Popen(command, env=environment, pass_fds=kept)
    # What a process is started with is what its parent has at that moment.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return subprocess.Popen(command, env=environment, pass_fds=kept, process_group=0)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _watched(process: subprocess.Popen[bytes]) -> int:
    """Wait for snakemake; when we are told to stop, see to it that it and its stages have ended before we do."""
    try:
        return process.wait()
    except Stopped as stop:
        if not (stop.number == signal.SIGINT and _sent_by_terminal()):
            _send(process, signal.SIGINT)
        _end_stages(process)
        raise


def _sent_by_terminal() -> bool:
    """Return whether Ctrl-C would reach us: the terminal then sent the signal to snakemake as well."""
    try:
        with Path("/dev/tty").open("rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


def _end_stages(process: subprocess.Popen[bytes]) -> None:
    """Ask the stages that run here to end, wait for snakemake, and kill what has not ended in time.

    Snakemake cancels the jobs of a cluster by itself; those on this machine it waits for.
    """
    told: set[int] = set()
    until = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        for stage in _stages(process.pid):
            if stage.pid not in told:
                told.add(stage.pid)
                _send(stage, signal.SIGTERM)
        time.sleep(0.1)
    if process.poll() is None:
        for one in (*_descendants(process.pid), process):
            _send(one, signal.SIGKILL)
        process.wait()


def _send(process: subprocess.Popen[bytes] | psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _stages(pid: int) -> list[psutil.Process]:
    """Return the stages among the descendants of snakemake; what it calls to speak with a cluster is left alone."""
    return [one for one in _descendants(pid) if any(Path(word).name == "ohmics" for word in _command(one)[:3])]


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return []


def profile_folder(name: str) -> Path:
    """Return the folder of a profile; snakemake itself ignores a misspelt one in silence."""
    profiles = shipped("workflow") / "profiles"
    for candidate in (profiles / name, Path(name)):
        if (candidate / "config.yaml").is_file() or (candidate / "config.v9+.yaml").is_file():
            return candidate
    known = sorted(path.name for path in profiles.iterdir() if path.is_dir())
    raise OhmicsError(
        Fault(
            f"no profile `{name}`",
            legal=f"{', '.join(known)}, or a folder with a config.yaml",
            remedy=did_you_mean(name, known),
        )
    )


def where_reports_are(plan: Plan) -> list[str]:
    """Return the lines that say where the reports lie."""
    folder = Path(plan.config["outdir"]).resolve() / "reports"
    return ["reports:", *(f"  {folder / name}" for name in ("qc.html", "signatures.html", "patients/index.html"))]
