"""`ohmics aggregate`: one sample's kept cells and their types come in, gene sums by cell type go out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import anndata as ad

from ohmics.catalog import catalog
from ohmics.cli._common import cells_of_sample, stage_parser, with_cells
from ohmics.io import write_atomic, write_h5ad
from ohmics.pseudobulk import pseudobulk
from ohmics.reference import gene_stats


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "aggregate", "Sum the genes of one sample by cell type.", run)
    parser.add_argument("--sample", required=True)
    for name in ("counts", "cells", "out-genes", "out-sums"):
        parser.add_argument(f"--{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Write the sample's part of GENE_REFERENCE and its pseudobulk."""
    markers = catalog()
    adata = with_cells(ad.read_h5ad(arguments.counts), cells_of_sample(arguments.cells, arguments.sample))
    with write_atomic(arguments.out_genes) as temporary:
        gene_stats(adata, adata.obs, ancestors=markers.ancestors).to_parquet(temporary, index=False)
    write_h5ad(pseudobulk(adata, by=["sample", "cell_type"]), arguments.out_sums)
    return 0
