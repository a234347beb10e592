"""`ohmics targets`: PAIRS and the depths of the samples come in, TARGETS go out."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from ohmics.cli._common import stage_parser
from ohmics.errors import OhmicsError
from ohmics.io import read_table, write_table
from ohmics.pseudobulk import group_cells
from ohmics.reference import depth_targets
from ohmics.tables import CELLS, PAIRS, QC, TARGETS


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "targets", "Find the depth to which samples are thinned before comparison.", run)
    for name in ("pairs", "lists", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--cells", type=Path, help="CELLS, for single-cell")
    parser.add_argument("--qc", type=Path, help="QC, for bulk: its library sizes")


def run(arguments: argparse.Namespace) -> int:
    """Write the lowest median depth of each cell type and contrast."""
    if (arguments.cells is None) == (arguments.qc is None):
        raise OhmicsError("give either --cells (single-cell) or --qc (bulk)")
    lists = json.loads(arguments.lists.read_text(encoding="utf-8"))
    if arguments.qc is not None:
        medians = _library_sizes(read_table(arguments.qc, QC))
    else:
        medians = _medians(read_table(arguments.cells, CELLS), lists, arguments.settings["score_min_cells"])
    targets = depth_targets(read_table(arguments.pairs, PAIRS), medians)
    write_table(targets, TARGETS, arguments.out)
    return 0


def _library_sizes(qc: pd.DataFrame) -> pd.DataFrame:
    usable = qc[qc["verdict"] != "excluded"]
    return pd.DataFrame(
        {"sample": usable["sample"], "cell_type": "bulk", "median_umi": usable["median_umi"], "n_cells": 1}
    )


def _medians(cells: pd.DataFrame, lists: dict[str, Any], min_cells: int) -> pd.DataFrame:
    types = {name for names in lists["score_on"].values() for name in names} - {"*", "bulk"}
    if any("*" in names for names in lists["score_on"].values()):
        types |= set(cells["cell_type"]) - {"unassigned"}
    rows = []
    for sample, mine in cells.groupby("sample", sort=False):
        for name, mask in group_cells(mine, sorted(types), lists["descendants"]).items():
            depths = mine.loc[mask, "n_umi"]
            if len(depths) >= min_cells:
                rows.append({"sample": sample, "cell_type": name, "median_umi": float(depths.median()), "n_cells": len(depths)})
    return pd.DataFrame(rows, columns=["sample", "cell_type", "median_umi", "n_cells"])
