"""`ohmics reference`: the gene sums of all usable samples come in; GENE_REFERENCE, pseudobulk and IDENTITY go out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import anndata as ad
import pandas as pd

from ohmics.cli._common import read_samples_and_qc, stage_parser
from ohmics.io import write_h5ad, write_table
from ohmics.plan_paths import part_paths
from ohmics.qc.identity import check_identity, sex_counts
from ohmics.reference import combine
from ohmics.tables import GENE_REFERENCE, IDENTITY


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "reference", "Make one reference of the gene sums of all samples.", run)
    for name in ("samples", "qc", "folder", "out-reference", "out-sums", "out-identity"):
        parser.add_argument(f"--{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Add up the samples' parts, one at a time, and see whether a patient's samples are of one person."""
    samples, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    parts = (pd.read_parquet(path) for path in part_paths(arguments.folder, usable, "gene_stats.parquet"))
    write_table(combine(parts), GENE_REFERENCE, arguments.out_reference)
    sums = [ad.read_h5ad(path) for path in part_paths(arguments.folder, usable, "pseudobulk.h5ad")]
    # A gene that one sample was not measured for has no count there.
    together = ad.concat(sums, join="outer", merge="first", fill_value=0)
    together.var["feature_type"] = together.var["feature_type"].astype(str)
    write_h5ad(together, arguments.out_sums)
    write_table(check_identity(sex_counts(together), samples), IDENTITY, arguments.out_identity)
    return 0
