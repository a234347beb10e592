"""`ohmics annotate`: clusters and marker evidence come in, CELLS goes out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from ohmics.annotate import annotate
from ohmics.catalog import catalog
from ohmics.cli._common import read_samples_and_qc, stage_parser
from ohmics.io import read_table, write_table
from ohmics.plan_paths import part_paths
from ohmics.tables import CELL_QC, CELLS


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "annotate", "Name the cells of all usable samples.", run)
    for name in ("samples", "qc", "embedding", "folder", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Name the cells and join each cell's quality; which are malignant is called later."""
    settings = arguments.settings
    _, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    embedding = pd.read_parquet(arguments.embedding)
    evidence = pd.concat(
        [pd.read_parquet(path) for path in part_paths(arguments.folder, usable, "markers.parquet")], ignore_index=True
    )
    names = annotate(evidence, embedding, catalog=catalog(), min_confidence=settings["annotate"]["min_confidence"])
    quality = pd.concat(
        [_kept(path) for path in part_paths(arguments.folder, usable, "cell_qc.parquet")], ignore_index=True
    )
    key = ["sample", "barcode"]
    cells = embedding.merge(names, on=key, validate="one_to_one").merge(quality, on=key, validate="one_to_one")
    write_table(cells, CELLS, arguments.out)
    print(cells["cell_type"].value_counts().to_string())
    return 0


def _kept(path: Path) -> pd.DataFrame:
    quality = read_table(path, CELL_QC)
    return quality.loc[
        quality["kept"].astype(bool), ["sample", "barcode", "n_umi", "n_genes", "pct_mito", "doublet_score"]
    ]
