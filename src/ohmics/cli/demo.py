"""`ohmics demo`: seeded toy cohorts go through the whole workflow; what was planted stands beside what was found."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import pandas as pd

from ohmics import toy
from ohmics.cli.run import call_snakemake
from ohmics.errors import Fault, OhmicsError
from ohmics.io import read_table
from ohmics.tables import EFFECTS, EVIDENCE

_KINDS = ("bulk", "single_cell")


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = commands.add_parser("demo", help="run the whole workflow on toy cohorts with planted resistance")
    parser.add_argument("--out", type=Path, default=Path("ohmics-demo"), help="folder to make (default ohmics-demo)")
    parser.add_argument("--cores", default="2")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=_KINDS, help="only one of the two cohorts")
    parser.add_argument("--small", action="store_true", help="fewer patients and cells: quick, with less to find")
    parser.add_argument("--write-only", action="store_true", help="write the cohorts and configs, run nothing")
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the cohorts, run the workflow on each and print what was planted beside what was found."""
    kinds = [arguments.only] if arguments.only else list(_KINDS)
    for kind in kinds:
        _write(kind, arguments)
    if arguments.write_only:
        return 0
    for kind in kinds:
        started = time.monotonic()
        print(f"== {kind.replace('_', '-')} cohort", flush=True)
        status = _run_in(arguments.out / kind, arguments.cores)
        if status:
            return status
        print(f"finished in {time.monotonic() - started:.0f} s", flush=True)
    for kind in kinds:
        _print_found(arguments.out / kind, kind)
    print("\nreports:")
    for kind in kinds:
        for name in ("qc.html", "signatures.html", "patients/index.html"):
            print(f"  {(arguments.out / kind / 'results' / 'reports' / name).resolve()}")
    return 0


def _write(kind: str, arguments: argparse.Namespace) -> None:
    folder = arguments.out / kind
    config = folder / "config.yaml"
    mark = folder / ".cohort"
    wanted = f"seed={arguments.seed} small={arguments.small}"
    if config.is_file() and mark.is_file() and mark.read_text() == wanted:
        return
    if folder.exists() and any(folder.iterdir()) and not mark.is_file():
        raise OhmicsError(
            Fault("the folder is not empty and no demo made it", str(folder), remedy="give another --out")
        )
    print(f"making the {kind.replace('_', '-')} toy cohort in {folder}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    mark.unlink(missing_ok=True)
    toy.write(_cohort(kind, arguments.seed, small=arguments.small), folder)
    mark.write_text(wanted)


def _cohort(kind: str, seed: int, *, small: bool) -> toy.Cohort:
    if kind == "bulk":
        return toy.bulk(seed=seed, n_patients=12) if small else toy.bulk(seed=seed)
    return toy.single_cell(seed=seed, n_patients=6, n_cells=300) if small else toy.single_cell(seed=seed)


def _run_in(folder: Path, cores: str) -> int:
    before = Path.cwd()
    os.chdir(folder)
    try:
        return call_snakemake(Path("config.yaml"), cores=cores, profile="local", rest=["--quiet", "rules", "host"])
    finally:
        os.chdir(before)


def _print_found(folder: Path, kind: str) -> None:
    tables = folder / "results" / "tables"
    truth = pd.read_csv(folder / "truth.tsv", sep="\t", keep_default_na=False, na_values=[""])
    found = toy.planted_and_found(
        truth, read_table(tables / "evidence.tsv", EVIDENCE), read_table(tables / "effects.tsv", EFFECTS)
    )
    print(f"\n== planted and found, {kind.replace('_', '-')} cohort")
    columns = ["subject", "mechanism", "planted", "result", "says"]
    # Patients in whom nothing was planted are counted below and not listed one by one.
    told = (truth["change"].astype(str).str.lower() == "true") | (truth["level"] == "cohort")
    shown = found.loc[told.to_numpy(), columns].astype(str)
    widths = {name: min(60, max(len(name), int(shown[name].str.len().max()))) for name in columns}
    print("  ".join(name.ljust(widths[name]) for name in columns))
    for row in shown.to_numpy(dtype=str).tolist():
        cut = [
            text if len(text) <= widths[name] else text[: widths[name] - 1] + "…"
            for name, text in zip(columns, row, strict=True)
        ]
        print("  ".join(text.ljust(widths[name]) for name, text in zip(columns, cut, strict=True)).rstrip())
    counts = found["result"].value_counts()
    print(", ".join(f"{counts[name]} {name}" for name in counts.index))
