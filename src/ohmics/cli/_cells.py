"""Samples to their kept cells with the columns of CELLS, read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import anndata as ad

from ohmics.cli._common import cells_of_sample, with_cells


class LazyCells(Mapping[str, ad.AnnData]):
    """A mapping that holds no cells: each look-up reads one sample."""

    def __init__(self, folder: Path, cells: Path, samples: Sequence[str]) -> None:
        self._folder, self._cells, self._samples = folder, cells, list(samples)

    def __getitem__(self, sample: str) -> ad.AnnData:
        if sample not in self._samples:
            raise KeyError(sample)
        counts = ad.read_h5ad(self._folder / sample / "counts.h5ad")
        return with_cells(counts, cells_of_sample(self._cells, sample))

    def __iter__(self) -> Iterator[str]:
        return iter(self._samples)

    def __len__(self) -> int:
        return len(self._samples)
