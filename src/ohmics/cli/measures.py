"""`ohmics measures`: CELLS and SAMPLES come in, CELL_MEASURES goes out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ohmics.catalog import catalog
from ohmics.cli._common import read_samples_and_qc, stage_parser
from ohmics.io import read_table, write_table
from ohmics.measures import cell_measures
from ohmics.tables import CELL_MEASURES, CELLS

_LYMPHOCYTES = ("T cell", "B cell", "NK")


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "measures", "Count CAR+ cells and normal B cells of every sample.", run)
    for name in ("samples", "qc", "cells", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Write the measures of the usable samples."""
    samples, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    known = catalog(*arguments.settings["catalog_paths"])
    types = {name: {name, *known.descendants(name)} for name in _LYMPHOCYTES}
    found = cell_measures(
        read_table(arguments.cells, CELLS),
        samples[samples["sample"].isin(usable)],
        t_cells=types["T cell"],
        b_cells=types["B cell"],
        lymphocytes=set().union(*types.values()),
    )
    write_table(found, CELL_MEASURES, arguments.out)
    return 0
