"""`ohmics aggregate`: one sample's kept cells and their types come in, gene sums by cell type go out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import anndata as ad

from ohmics.catalog import Catalog, catalog
from ohmics.cli._common import cells_of_sample, stage_parser, with_cells
from ohmics.io import write_atomic, write_h5ad
from ohmics.pseudobulk import pseudobulk_groups
from ohmics.reference import gene_stats


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "aggregate", "Sum the genes of one sample by cell type.", run)
    parser.add_argument("--sample", required=True)
    for name in ("counts", "cells", "out-genes", "out-sums"):
        parser.add_argument(f"--{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Write the sample's part of GENE_REFERENCE and its pseudobulk."""
    known = catalog()
    adata = with_cells(ad.read_h5ad(arguments.counts), cells_of_sample(arguments.cells, arguments.sample))
    stats = gene_stats(adata, adata.obs, ancestors=known.ancestors)
    types = _summed_types(set(adata.obs["cell_type"].astype(str)), known)
    sums = pseudobulk_groups(adata, types, {name: known.descendants(name) for name in types})
    with write_atomic(arguments.out_genes) as temporary:
        stats.to_parquet(temporary, index=False)
    write_h5ad(sums, arguments.out_sums)
    return 0


def _summed_types(present: set[str], known: Catalog) -> list[str]:
    """The types that occur, the types above them that a mechanism is read in or markers name, and the two flags."""
    present = present - {"unassigned"}
    read_in = {name for mechanism in known.mechanisms.values() for name in mechanism.score_on} - {"bulk"}
    above = {name for cell_type in present for name in known.ancestors(cell_type)}
    flags = {"malignant", "car_positive"}
    return sorted(present | (above & (read_in | set(known.markers))) | flags)
