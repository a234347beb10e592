"""`ohmics run`: a config comes in, the workflow runs; whatever else is given goes to snakemake."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ohmics.errors import Fault, OhmicsError, did_you_mean
from ohmics.plan import Plan, load_plan
from ohmics.run_lock import held_for_child, hold_folder
from ohmics.shipped import shipped

PASSES_UNKNOWN = True
"""Options that are not ours are snakemake's."""


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
    return status


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
        return subprocess.run(command, env=environment, check=False).returncode
    with hold_folder(writes_to) as held:
        # Snakemake gets the open lock too: it lasts as long as either of the two processes.
        environment |= held_for_child(writes_to)
        return subprocess.run(command, env=environment, pass_fds=(held.fileno(),), check=False).returncode


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
