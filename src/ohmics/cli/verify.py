"""`ohmics verify`: a results folder comes in; every table in it is checked against its schema."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ohmics.errors import Faults, OhmicsError
from ohmics.io import read_table
from ohmics.tables import TABLES, Table

_ELSEWHERE = {"samples.tsv": "SAMPLES", "pairs.tsv": "PAIRS", "design.tsv": "DESIGN"}
_PARTS = {"qc.tsv": "QC", "cell_qc.parquet": "CELL_QC", "scores.tsv": "SCORES", "coverage.tsv": "COVERAGE",
          "cell_scores.parquet": "CELL_SCORES"}  # fmt: skip

_FURTHER = {"state_effects": "EFFECTS", "state_composition": "COMPOSITION"}


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = commands.add_parser("verify", help="check every table of a results folder against its schema")
    parser.add_argument("results", type=Path)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Read each table; print how many there are, or raise with every fault."""
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
    faults.raise_if_any()
    print(f"{len(found)} tables, every one as its schema says")
    return 0


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
