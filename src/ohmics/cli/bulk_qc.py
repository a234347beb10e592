"""`ohmics bulk-qc`: one bulk matrix comes in; counts, QC, PCA, IDENTITY and GENE_REFERENCE go out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ohmics.cli._common import skipped_frame, stage_parser
from ohmics.errors import OhmicsError
from ohmics.intake.bulk_samples import read_bulk
from ohmics.io import read_table, write_h5ad, write_table
from ohmics.qc.bulk import bulk_pca, bulk_qc
from ohmics.qc.identity import check_identity, sex_counts
from ohmics.reference import gene_reference
from ohmics.tables import GENE_REFERENCE, IDENTITY, PCA, QC, SAMPLES, SKIPPED, skipped


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "bulk-qc", "Say how good each bulk sample is.", run)
    for name in ("samples", "out-counts", "out-qc", "out-pca", "out-identity", "out-reference", "out-skipped"):
        parser.add_argument(f"--{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Read the matrix, judge its samples and make the cohort's reference of the usable ones."""
    settings = arguments.settings
    samples = read_table(arguments.samples, SAMPLES)
    adata = read_bulk(
        samples,
        gene_ids=settings["input_gene_ids"],
        orientation=settings["input_orientation"],
        transgenes=settings["input_transgenes"],
        strandedness=settings.get("input_strandedness", "auto"),
        transcripts=settings.get("input_transcripts"),
        fractions=settings.get("input_fractions", "keep"),
    )
    adata.obs["cell_type"] = "bulk"
    qc = bulk_qc(adata, settings=settings["qc"])
    usable = qc.loc[qc["verdict"] != "excluded", "sample"].tolist()
    if not usable:
        raise OhmicsError(f"{samples['path'].iloc[0]}: every sample is excluded: {qc['flags'].iloc[0]}")
    kept = adata[usable].copy()
    write_h5ad(kept, arguments.out_counts)
    write_table(qc, QC, arguments.out_qc)
    write_table(bulk_pca(kept), PCA, arguments.out_pca)
    write_table(check_identity(sex_counts(kept), samples), IDENTITY, arguments.out_identity)
    write_table(gene_reference([kept]), GENE_REFERENCE, arguments.out_reference)
    out = qc[qc["verdict"] == "excluded"]
    rows = [skipped("qc", str(why), subject=str(name)) for name, why in zip(out["sample"], out["flags"], strict=True)]
    write_table(skipped_frame(rows), SKIPPED, arguments.out_skipped)
    return 0
