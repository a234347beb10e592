"""`ohmics antigens`: malignant cells of each pair come in; ANTIGEN and ANTIGEN_PRESENTATION go out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import anndata as ad

from ohmics.calls.patients import call_antigens
from ohmics.catalog import catalog
from ohmics.cli._common import cells_of_sample, read_samples_and_qc, skipped_frame, stage_parser, with_cells
from ohmics.io import read_table, write_table
from ohmics.tables import ANTIGEN, ANTIGEN_PRESENTATION, PAIRS, SKIPPED


def add_parser(commands: Any) -> None:
    """Add the verb."""
    parser = stage_parser(commands, "antigens", "Call the target antigen of every patient with a pair of samples.", run)
    for name in ("samples", "qc", "pairs", "cells", "folder", "out-antigen", "out-presentation", "out-skipped"):
        parser.add_argument(f"--{name}", type=Path, required=True)


def run(arguments: argparse.Namespace) -> int:
    """Call one patient after the other; two samples are in memory at a time."""
    settings = arguments.settings
    samples, _, usable = read_samples_and_qc(arguments.samples, arguments.qc)
    calls = call_antigens(
        _Cells(arguments.folder, arguments.cells, usable),
        samples[samples["sample"].isin(usable)],
        read_table(arguments.pairs, PAIRS),
        catalog=catalog(*settings["catalog_paths"]),
        seed=settings["seed"],
    )
    write_table(calls.antigen, ANTIGEN, arguments.out_antigen)
    write_table(calls.presentation, ANTIGEN_PRESENTATION, arguments.out_presentation)
    write_table(skipped_frame(calls.skipped.to_dict("records")), SKIPPED, arguments.out_skipped)
    return 0


class _Cells(Mapping[str, ad.AnnData]):
    """Samples to their kept cells with the columns of CELLS, read when they are asked for."""

    def __init__(self, folder: Path, cells: Path, usable: list[str]) -> None:
        self._folder, self._cells, self._usable = folder, cells, usable

    def __getitem__(self, sample: str) -> ad.AnnData:
        if sample not in self._usable:
            raise KeyError(sample)
        counts = ad.read_h5ad(self._folder / sample / "counts.h5ad")
        return with_cells(counts, cells_of_sample(self._cells, sample))

    def __iter__(self) -> Iterator[str]:
        return iter(self._usable)

    def __len__(self) -> int:
        return len(self._usable)
