"""`ohmics targets`: the depths of the usable samples come in, TARGETS go out."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from ohmics.cli._common import contrasts_of, outcomes_of, read_samples_and_qc, stage_parser
from ohmics.io import read_table, write_table
from ohmics.model import Contrast
from ohmics.outcomes import baseline_contrast
from ohmics.pseudobulk import group_cells
from ohmics.score.targets import depth_targets
from ohmics.tables import CELLS, TARGETS


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "targets", "Find the depth to which samples are thinned before comparison.", run)
    for name in ("samples", "qc", "lists", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--cells", type=Path, help="CELLS, for single-cell; bulk takes the library sizes of QC")


def run(arguments: argparse.Namespace) -> int:
    """Write the lowest median depth of each cell type and contrast."""
    samples, qc, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    lists = json.loads(arguments.lists.read_text(encoding="utf-8"))
    if arguments.cells is None:
        depth = qc[["sample", "median_umi"]].assign(cell_type="bulk", n_cells=1)
    else:
        depth = _medians(read_table(arguments.cells, CELLS), lists)
    targets = depth_targets(
        depth[depth["sample"].isin(usable)],
        samples[samples["sample"].isin(usable)],
        [*contrasts_of(arguments.settings), *_baselines(arguments.settings)],
        min_cells=arguments.settings["score_min_cells"],
    )
    write_table(targets, TARGETS, arguments.out)
    return 0


def _baselines(settings: dict[str, Any]) -> list[Contrast]:
    """Return the samples that outcomes read as the baseline: they are compared with each other, so at one depth."""
    known = {contrast.label: contrast for contrast in contrasts_of(settings)}
    return [
        baseline_contrast(outcome, known.get(outcome.contrast or ""))
        for outcome in outcomes_of(settings)
        if outcome.score == "baseline"
    ]


def _medians(cells: pd.DataFrame, lists: dict[str, Any]) -> pd.DataFrame:
    types = {name for names in lists["score_on"].values() for name in names} - {"*", "bulk"}
    if any("*" in names for names in lists["score_on"].values()):
        types |= set(cells["cell_type"]) - {"unassigned"}
    rows = []
    for sample, mine in cells.groupby("sample", sort=False):
        for name, mask in group_cells(mine, sorted(types), lists["descendants"]).items():
            if mask.any():
                depths = mine.loc[mask, "n_umi"]
                row = {
                    "sample": sample,
                    "cell_type": name,
                    "n_cells": len(depths),
                    "median_umi": float(depths.median()),
                }
                rows.append(row)
    return pd.DataFrame(rows, columns=["sample", "cell_type", "n_cells", "median_umi"])
