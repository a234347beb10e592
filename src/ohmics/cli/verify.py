"""`ohmics verify`: a results folder comes in; its tables are held against their schemas, its files to the manifest."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ohmics.cli.manifest import stages
from ohmics.errors import Faults, OhmicsError, listing
from ohmics.io import read_table
from ohmics.manifest import Differences, differences
from ohmics.tables import TABLES, Table

_ELSEWHERE = {"samples.tsv": "SAMPLES", "pairs.tsv": "PAIRS", "design.tsv": "DESIGN",
              "figures/figures.tsv": "FIGURES", "manifest.tsv": "MANIFEST"}  # fmt: skip
_PARTS = {"qc.tsv": "QC", "cell_qc.parquet": "CELL_QC", "scores.tsv": "SCORES", "coverage.tsv": "COVERAGE",
          "cell_scores.parquet": "CELL_SCORES"}  # fmt: skip

_FURTHER = {"state_effects": "EFFECTS", "state_composition": "COMPOSITION"}
_MOST = 50
"""Files named one by one for each kind of difference."""


def add_parser(commands: Any) -> None:
    """Add the verb."""
    text = "check a results folder: tables against their schemas, files against the manifest"
    parser = commands.add_parser("verify", help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.add_argument("results", type=Path)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Read each table and each file; print how many there are, or raise with every fault."""
    found = tables_in(arguments.results)
    if not found:
        raise OhmicsError(f"{arguments.results}: no tables here; give the folder a run wrote (`outdir` in its config)")
    faults = Faults()
    for path, table in found:
        try:
            read_table(path, table)
        except OhmicsError as error:
            for fault in error.faults:
                faults.add(str(fault).rstrip("."), where=str(path.relative_to(arguments.results)))
        except (ValueError, OSError) as error:
            faults.add(f"cannot be read ({error})", where=str(path.relative_to(arguments.results)))
    seen = None
    try:
        seen = differences(arguments.results, stages=stages())
    except OhmicsError as error:
        faults.extend(error.faults)
    if seen is not None:
        _add_differences(seen, faults)
        for line in _other_making(seen):
            print(line)
    faults.raise_if_any()
    print(f"{len(found)} tables, every one as its schema says")
    if seen is not None:
        print(f"{seen.files} files, every one as the manifest has it, and none beside them")
    return 0


def _add_differences(seen: Differences, faults: Faults) -> None:
    kinds = (
        (seen.changed, "was changed after the run", "run the workflow again to make it anew"),
        (seen.missing, "is missing; the run wrote it", "run the workflow again to make it anew"),
        (seen.added, "was added; the last run did not write it", "move it elsewhere, or run the workflow again"),
        (seen.inputs, "is an input that was changed after the run", "run the workflow again on it"),
    )
    for names, what, remedy in kinds:
        for name in names[:_MOST]:
            faults.add(what, where=name, remedy=remedy)
        if len(names) > _MOST:
            faults.add(f"and {len(names) - _MOST:,} more files: each {what}")


def _other_making(seen: Differences) -> list[str]:
    """Return, line by line, what differs from the making of the results and is no fault of theirs."""
    lines = []
    told: Sequence[tuple[Sequence[str], str]] = (
        (seen.absent_inputs, "inputs not found where the run read them, so not checked"),
        (seen.catalogue, "resource files that differ between the ohmics that made this and the one installed"),
        (seen.code, "stages whose code differs between the ohmics that made this and the one installed"),
    )
    for names, what in told:
        if names:
            lines.append(f"{len(names)} {what}: {listing(names)}")
    return lines


def tables_in(results: Path) -> list[tuple[Path, Table]]:
    """Return the tables of a results folder with their schemas."""
    found = [(results / name, TABLES[table]) for name, table in _ELSEWHERE.items()]
    by_stem = {name.lower(): table for name, table in TABLES.items()} | {
        name: TABLES[table] for name, table in _FURTHER.items()
    }
    found += [(path, by_stem[path.stem]) for path in sorted(results.glob("tables/*")) if path.stem in by_stem]
    for name, table in _PARTS.items():
        found += [(path, TABLES[table]) for path in sorted(results.glob(f"samples/*/{name}"))]
    return [(path, table) for path, table in found if path.is_file()]
