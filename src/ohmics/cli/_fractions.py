"""Samples' counts come in; which hold fractions, and what is then not done and why, goes out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from ohmics.errors import listing
from ohmics.tables import skipped

_SHARE = "uns/ohmics/intake/scale/share_non_integer"
WHY = "counts with fractions (estimates, or ambient RNA subtracted) cannot be drawn or counted again"


def holds_fractions(adata: AnnData) -> bool:
    """Whether intake saw fractions in the counts of this file; of other data, whether there are any."""
    told: Any = adata.uns.get("ohmics", {})
    for key in ("intake", "scale", "share_non_integer"):
        told = told.get(key) if isinstance(told, Mapping) else None
    if told is not None:
        return float(np.asarray(told).item()) > 0
    values = adata.X.data if sp.issparse(adata.X) else np.asarray(adata.X)
    return bool((values != np.floor(values)).any())


def fractional_samples(folder: Path, samples: Iterable[str]) -> list[str]:
    """Return the samples whose kept counts hold fractions, from ``counts.h5ad`` of each; no count is read."""
    found = []
    for sample in samples:
        with h5py.File(folder / sample / "counts.h5ad", "r") as handle:
            if _SHARE in handle and float(np.asarray(handle[_SHARE][()]).item()) > 0:
                found.append(sample)
    return found


def whole_pairs(pairs: pd.DataFrame, fractional: Sequence[str]) -> pd.DataFrame:
    """Return PAIRS without the samples whose counts hold fractions, and without what then has one side."""
    if not fractional:
        return pairs
    kept = pairs.copy()
    for side in ("reference_samples", "test_samples"):
        kept[side] = [_without(text, fractional) for text in kept[side]]
        kept = kept[kept[side].notna()]
    return kept


def _without(text: object, names: Sequence[str]) -> str | None:
    left = [name for name in str(text or "").split("|") if name and name not in names]
    return "|".join(left) or None


def not_called(
    stage: str, samples: pd.DataFrame, pairs: pd.DataFrame, fractional: Sequence[str], *, cell_type: str
) -> list[dict[str, str]]:
    """Return a row of SKIPPED for each patient with a pair that cannot be called because its counts hold fractions."""
    patient = dict(zip(samples["sample"].astype(str), samples["patient"].astype(str), strict=True))
    hit: dict[str, dict[str, None]] = {}
    for row in pairs.to_dict("records"):
        if not bool(row["complete"]):
            continue
        for side in ("reference_samples", "test_samples"):
            for name in str(row[side] or "").split("|"):
                if name in fractional and name in patient:
                    hit.setdefault(patient[name], {})[name] = None
    return [
        skipped(stage, f"not assessable: {WHY} ({listing(names)})", cell_type=cell_type, subject=subject)
        for subject, names in hit.items()
    ]


class WholeCells(Mapping[str, AnnData]):
    """Samples to their cells, the counts of those with fractions rounded, for calls that look at clusters of cells."""

    def __init__(self, cells: Mapping[str, AnnData]) -> None:
        self._cells = cells

    def __getitem__(self, sample: str) -> AnnData:
        adata = self._cells[sample]
        if holds_fractions(adata):
            matrix = sp.csr_matrix(adata.X)
            matrix.data = np.rint(matrix.data)
            matrix.eliminate_zeros()
            adata.X = matrix
        return adata

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)


class OnlySamples(Mapping[str, AnnData]):
    """Some of the samples of a mapping."""

    def __init__(self, cells: Mapping[str, AnnData], samples: Sequence[str]) -> None:
        self._cells, self._samples = cells, list(samples)

    def __getitem__(self, sample: str) -> AnnData:
        if sample not in self._samples:
            raise KeyError(sample)
        return self._cells[sample]

    def __iter__(self) -> Iterator[str]:
        return iter(self._samples)

    def __len__(self) -> int:
        return len(self._samples)
