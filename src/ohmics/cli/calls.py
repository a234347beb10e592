"""`ohmics calls`: malignant cells of each pair come in; ANTIGEN, ANTIGEN_PRESENTATION and LINEAGE go out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import anndata as ad
import pandas as pd

from ohmics.calls.lineage_cells import LineageRules
from ohmics.calls.lineages import call_lineages
from ohmics.calls.patients import call_antigens
from ohmics.catalog import catalog
from ohmics.cli._cells import LazyCells
from ohmics.cli._common import antigen_rules, read_samples_and_qc, skipped_frame, stage_parser
from ohmics.cli._fractions import WholeCells, fractional_samples, not_called, whole_pairs
from ohmics.intake.extra_tables import cell_flags, flags_of, read_cell_table
from ohmics.intake.obs_column import read_obs_column
from ohmics.io import read_table, write_table
from ohmics.tables import (
    ANTIGEN,
    ANTIGEN_DEPTH,
    ANTIGEN_PRESENTATION,
    CELLS,
    LINEAGE,
    LINEAGE_CELLS,
    PAIRS,
    SKIPPED,
)

CLONE = "clone"


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "calls", "Call antigens and lineage of every patient with a pair of samples.", run)
    for name in ("samples", "qc", "pairs", "cells", "folder"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--own-cells", type=Path, help="the user's table of cells, with the clone's mark")
    for name in ("antigen", "presentation", "depth", "lineage", "lineage-cells", "skipped"):
        parser.add_argument(f"--out-{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Call one patient after the other; two samples are in memory at a time."""
    settings = arguments.settings
    samples, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    sheet = samples[samples["sample"].isin(usable)]
    pairs = read_table(arguments.pairs, PAIRS)
    cells = LazyCells(arguments.folder, arguments.cells, usable)
    known = catalog(*settings["catalog_paths"])
    rules, n_matched = antigen_rules(settings["antigen"])
    fractional = fractional_samples(arguments.folder, usable)
    antigens = call_antigens(
        cells, sheet, whole_pairs(pairs, fractional), catalog=known, rules=rules, n_matched=n_matched,
        seed=settings["seed"],
    )  # fmt: skip
    column = settings["lineage"].get("clonal_column")
    marked = _Marked(cells, sheet, column, arguments.own_cells) if column else cells
    lineages = call_lineages(
        WholeCells(marked), sheet, pairs, catalog=known, clone=CLONE if column else None,
        cells=_of(arguments.cells, usable), rules=LineageRules(min_cells=settings["lineage"]["min_cells"]),
    )  # fmt: skip
    write_table(antigens.antigen, ANTIGEN, arguments.out_antigen)
    write_table(antigens.presentation, ANTIGEN_PRESENTATION, arguments.out_presentation)
    write_table(antigens.depth, ANTIGEN_DEPTH, arguments.out_depth)
    write_table(lineages.lineage, LINEAGE, arguments.out_lineage)
    write_table(lineages.cells, LINEAGE_CELLS, arguments.out_lineage_cells)
    missed: list[dict[Any, Any]] = [
        *not_called("antigen", sheet, pairs, fractional, cell_type="malignant"),
        *antigens.skipped.to_dict("records"),
        *lineages.skipped.to_dict("records"),
    ]
    write_table(skipped_frame(missed), SKIPPED, arguments.out_skipped)
    return 0


def _of(path: Path, samples: list[str]) -> pd.DataFrame:
    cells = read_table(path, CELLS)
    return cells[cells["sample"].isin(samples)]


class _Marked(Mapping[str, ad.AnnData]):
    """Samples with the clone's mark in ``obs["clone"]``: of the user's table of cells, else of the h5ad files."""

    def __init__(self, cells: LazyCells, sheet: pd.DataFrame, column: str, table: Path | None) -> None:
        self._cells, self._column = cells, column
        self._paths = dict(zip(sheet["sample"].astype(str), sheet["path"].astype(str), strict=True))
        self._flags: pd.Series | None = None
        if table is not None:
            frame = read_cell_table(table)
            flags = cell_flags(frame, column, where=table.name)
            self._flags = pd.Series(flags.array, index=pd.MultiIndex.from_frame(frame[["sample", "barcode"]]))

    def __getitem__(self, sample: str) -> ad.AnnData:
        adata = self._cells[sample]
        if self._flags is None:
            values = flags_of(read_obs_column(self._paths[sample], self._column), self._column, where=sample)
            marks = values.reindex(adata.obs_names)
        else:
            wanted = pd.MultiIndex.from_product([[sample], adata.obs_names])
            marks = self._flags.reindex(wanted)
        adata.obs[CLONE] = marks.array
        return adata

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)
