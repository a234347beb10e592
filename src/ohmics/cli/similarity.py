"""`ohmics similarity`: kept bulk counts come in, SAMPLE_CORRELATION and SAMPLE_SIMILARITY go out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import anndata as ad

from ohmics.cli._common import stage_parser
from ohmics.io import read_table, write_table
from ohmics.qc.similarity import sample_similarity
from ohmics.tables import QC, SAMPLE_CORRELATION, SAMPLE_SIMILARITY, SAMPLES


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "similarity", "Say which bulk samples are alike.", run)
    for name in ("samples", "qc", "counts", "out-correlation", "out-similarity"):
        parser.add_argument(f"--{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Write both tables of the usable samples."""
    correlation, similarity = sample_similarity(
        ad.read_h5ad(arguments.counts), read_table(arguments.samples, SAMPLES), qc=read_table(arguments.qc, QC)
    )
    write_table(correlation, SAMPLE_CORRELATION, arguments.out_correlation)
    write_table(similarity, SAMPLE_SIMILARITY, arguments.out_similarity)
    return 0
