"""`ohmics qc`: one sample's raw counts come in; kept cells, QC and marker evidence go out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from ohmics.annotate import marker_scores
from ohmics.catalog import catalog
from ohmics.cli._common import skipped_frame, stage_parser
from ohmics.intake.reading import read
from ohmics.io import write_atomic, write_h5ad, write_table
from ohmics.qc.run import run_qc
from ohmics.tables import CELL_QC, QC, SKIPPED, skipped


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "qc", "Filter one sample's cells and say how good it is.", run)
    parser.add_argument("--sample", required=True)
    parser.add_argument("--matrix", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the sample")


def run(arguments: argparse.Namespace) -> int:
    """Read, filter and write; a sample without usable cells is excluded with its reason, and the run goes on."""
    settings, out, sample = arguments.settings, arguments.out, arguments.sample
    adata = read(
        arguments.matrix,
        modality="single_cell",
        sample=sample,
        gene_ids=settings["input_gene_ids"],
        transgenes=settings["input_transgenes"],
        sample_column=settings.get("input_sample_column"),
        fractions=settings.get("input_fractions", "keep"),
    )
    result = run_qc(adata, sample=sample, settings=settings["qc"], seed=settings["seed"])
    evidence = marker_scores(result.kept, catalog().markers, types=settings["annotate"].get("types")).reset_index()
    write_h5ad(result.kept, out / "counts.h5ad")
    write_table(pd.DataFrame([result.qc_row]), QC, out / "qc.tsv")
    write_table(result.cell_qc, CELL_QC, out / "cell_qc.parquet")
    with write_atomic(out / "markers.parquet") as temporary:
        evidence.to_parquet(temporary, index=False)
    rows = list(result.skipped)
    if result.qc_row["verdict"] == "excluded":
        rows.append(skipped("qc", f"the sample is excluded: {result.qc_row['flags']}", subject=sample))
    write_table(skipped_frame(rows), SKIPPED, out / "skipped_qc.tsv")
    print(
        f"{sample}: {result.qc_row['cells_kept']} of {result.qc_row['cells_in']} cells kept, {result.qc_row['verdict']}"
    )
    return 0
