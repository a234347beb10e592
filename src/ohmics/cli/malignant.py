"""`ohmics malignant`: annotated cells of usable samples come in; CELLS with malignant cells, and MALIGNANT, go out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import anndata as ad
import pandas as pd

from ohmics.calls.malignant import call_malignant
from ohmics.calls.malignant_rules import MalignantRules
from ohmics.catalog import catalog
from ohmics.cli._cells import LazyCells
from ohmics.cli._common import read_samples_and_qc, skipped_frame, stage_parser
from ohmics.cli._fractions import WholeCells
from ohmics.errors import Fault, OhmicsError
from ohmics.intake.gene_positions import read_gene_positions
from ohmics.intake.obs_column import read_obs_column
from ohmics.io import read_table, write_table
from ohmics.tables import CELLS, MALIGNANT, SKIPPED


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "malignant", "Call the malignant cells of all usable samples.", run)
    for name in ("samples", "qc", "cells", "folder", "out-cells", "out-malignant", "out-skipped"):
        parser.add_argument(f"--{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Call one sample after the other, fill CELLS.malignant, and write what each cluster is and why."""
    settings = arguments.settings["malignant"]
    samples, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    sheet = samples[samples["sample"].isin(usable)]
    column, positions = settings.get("column"), settings.get("gene_positions")
    # Clusters are called on the counts of many cells, which rounding those with fractions hardly moves.
    lazy = WholeCells(LazyCells(arguments.folder, arguments.cells, usable))
    calls = call_malignant(
        _WithColumn(lazy, sheet, column) if column else lazy,
        sheet,
        catalog=catalog(),
        disease=settings.get("disease"),
        cell_types=settings["cell_types"],
        column=column,
        gene_positions=read_gene_positions(positions) if positions else None,
        rules=MalignantRules(certain=settings["certain"]),
    )
    cells = read_table(arguments.cells, CELLS)
    kept = cells.drop(columns=["malignant", "malignant_probability", "light_chain"], errors="ignore")
    filled = kept.merge(calls.cells, on=["sample", "barcode"], how="left", validate="one_to_one")
    write_table(filled, CELLS, arguments.out_cells)
    write_table(calls.malignant, MALIGNANT, arguments.out_malignant)
    write_table(skipped_frame(calls.skipped.to_dict("records")), SKIPPED, arguments.out_skipped)
    print(filled["malignant"].value_counts(dropna=False).to_string())
    return 0


class _WithColumn(Mapping[str, ad.AnnData]):
    """Samples with one column of the user's own h5ad files in ``obs``."""

    def __init__(self, cells: Mapping[str, ad.AnnData], sheet: pd.DataFrame, column: str) -> None:
        self._cells, self._column = cells, column
        self._paths = dict(zip(sheet["sample"].astype(str), sheet["path"].astype(str), strict=True))

    def __getitem__(self, sample: str) -> ad.AnnData:
        adata = self._cells[sample]
        values = read_obs_column(self._paths[sample], self._column)
        absent = adata.obs_names.difference(values.index)
        if len(absent):
            what = f"{len(absent)} cells of sample {sample} are not in obs, {absent[0]} among them"
            raise OhmicsError(Fault(what, where=self._paths[sample], remedy="name the samples' own h5ad files"))
        adata.obs[self._column] = values.loc[adata.obs_names].to_numpy()
        return adata

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)
