"""`ohmics car`: annotated cells of all usable samples come in; CELLS with CAR+ calls, and CAR, go out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from ohmics.calls.cars import call_cars
from ohmics.catalog import catalog
from ohmics.cli._cells import LazyCells
from ohmics.cli._common import read_samples_and_qc, skipped_frame, stage_parser
from ohmics.cli._fractions import WHY, fractional_samples
from ohmics.io import read_table, write_table
from ohmics.tables import CAR, CELLS, SKIPPED, skipped


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "car", "Call CAR+ T cells of all usable samples.", run)
    for name in ("samples", "qc", "cells", "folder", "out-cells", "out-car", "out-skipped"):
        parser.add_argument(f"--{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Call the cells of one sample after the other and write what they are beside their types."""
    _, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    fractional = fractional_samples(arguments.folder, usable)
    whole = [sample for sample in usable if sample not in fractional]
    cells_of = LazyCells(arguments.folder, arguments.cells, whole)
    calls = call_cars(cells_of, arguments.settings["input_transgenes"], catalog=catalog())
    left_out = [
        skipped("car", f"not assessable: {WHY}", cell_type="car_positive", subject=sample) for sample in fractional
    ]
    cells = read_table(arguments.cells, CELLS).drop(columns="car_positive")
    called = calls.cells[["sample", "barcode", "car_positive"]]
    cells = cells.merge(called, on=["sample", "barcode"], how="left", validate="one_to_one")
    # A cell of a sample whose T cells were called, and that is no T cell, is no CAR T cell.
    told = cells["sample"].isin(set(called["sample"])) & ~_is_t(cells)
    cells["car_positive"] = cells["car_positive"].astype("boolean").mask(told, other=False)
    write_table(cells, CELLS, arguments.out_cells)
    write_table(calls.car, CAR, arguments.out_car)
    # Without a sample that can be looked at, what is missing from the samples is not known.
    missed = calls.skipped.to_dict("records") if whole else []
    write_table(skipped_frame([*left_out, *missed]), SKIPPED, arguments.out_skipped)
    return 0


def _is_t(cells: pd.DataFrame) -> pd.Series:
    known = catalog()
    return cells["cell_type"].isin({"T cell", "unassigned", "lymphoid", *known.descendants("T cell")})
