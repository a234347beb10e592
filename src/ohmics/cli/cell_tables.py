"""`ohmics cell-tables`: CELL_QC and CELLS come in; what the filters removed and which cells remain goes out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from ohmics.cli._common import stage_parser
from ohmics.io import read_table, write_table
from ohmics.plan_paths import part_paths
from ohmics.qc.cells import cell_filters, cell_summary, cell_type_shares, filled_filters
from ohmics.tables import CELL_FILTERS, CELL_QC, CELL_SUMMARY, CELL_TYPE_SHARES, CELLS, SAMPLES


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "cell-tables", "Say what the filters removed and which cells remain.", run)
    for name in ("samples", "cells", "folder", "out-summary", "out-filters", "out-types"):
        parser.add_argument(f"--{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Read one sample's cells after the other and write the three tables."""
    samples = read_table(arguments.samples, SAMPLES)["sample"]
    summaries, filters, searched = [], [], set()
    for path in part_paths(arguments.folder, samples, "cell_qc.parquet"):
        cell_qc = read_table(path, CELL_QC)
        summaries.append(cell_summary(cell_qc))
        filters.append(cell_filters(cell_qc))
        searched |= set(cell_qc.loc[cell_qc["doublet"].notna(), "sample"].astype(str))
    write_table(pd.concat(summaries, ignore_index=True), CELL_SUMMARY, arguments.out_summary)
    whole = filled_filters(pd.concat(filters, ignore_index=True), searched=searched)
    write_table(whole, CELL_FILTERS, arguments.out_filters)
    write_table(cell_type_shares(read_table(arguments.cells, CELLS)), CELL_TYPE_SHARES, arguments.out_types)
    return 0
