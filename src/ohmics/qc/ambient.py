"""Raw counts of one sample come in; the share of ambient RNA in its cells goes out, where it can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray
from scipy.stats import poisson

EXCLUSIVE: Mapping[str, tuple[str, ...]] = {
    "hemoglobin": ("HBB", "HBA1", "HBA2"),
    "immunoglobulin": ("IGKC", "IGLC2", "IGLC3", "IGHG1", "IGHG3", "IGHA1", "IGHM", "JCHAIN"),
    "monocyte granule": ("S100A8", "S100A9", "S100A12"),
}
"""Genes that a few cells express by the hundreds and the others not at all."""
SOUP_ONLY = frozenset({"hemoglobin"})
"""Red cells burst: the soup holds far more of their RNA than the cells do, so these genes tell only against soup
that was measured, never against the sample's mean."""
LOW_UMI = 100
LOW_BARCODES = 500
"""With this many barcodes of at most 100 UMI in the matrix these are the soup; else the sample's mean stands for it."""
LEAST_EXPECTED = 100.0
LEAST_CELLS, LEAST_EXPRESSING = 20, 5
TAIL = 0.01


@dataclass(frozen=True, slots=True)
class Ambient:
    """Estimated share of ambient RNA (missing when it cannot be told), and what it rests on."""

    fraction: float
    reason: str


def ambient_fraction(adata: AnnData, kept: NDArray[np.bool_] | None = None) -> Ambient:
    """Estimate the ambient share of the kept cells' RNA.

    For each set of genes that most cells cannot express: cells whose count is above what soup alone would give
    (Poisson, were the whole cell soup) express the set themselves and are set aside; what the others hold of
    it, over what they would hold were they soup entirely, is their ambient share. This is the principle of
    SoupX (Young 2020, doi:10.1093/gigascience/giaa151) without its tuning. Each set can only overstate the
    share, so the lowest is taken. The soup's profile is that of the lowest barcodes where the matrix holds
    them, else the mean of the sample. When no set can be told apart, the fraction is missing, not 0.

    Parameters
    ----------
    adata
        Barcodes × genes of one sample, raw counts in ``X``, best before filtering.
    kept
        Which barcodes are cells; all when not given.
    """
    counts = sp.csr_matrix(adata.X, dtype=np.float64)
    total = np.asarray(counts.sum(axis=1)).ravel()
    cells = np.ones(adata.n_obs, dtype=bool) if kept is None else kept
    if int(cells.sum()) < LEAST_CELLS:
        return Ambient(float("nan"), f"ambient RNA cannot be told from {int(cells.sum())} cells")
    low = (total > 0) & (total <= LOW_UMI) & ~cells
    source = low if int(low.sum()) >= LOW_BARCODES else cells
    soup = "the lowest barcodes" if source is low else "the sample's mean"
    estimates: dict[str, float] = {}
    for name, genes in EXCLUSIVE.items():
        columns = np.flatnonzero(adata.var_names.isin(genes))
        if not columns.size or (name in SOUP_ONLY and source is not low):
            continue
        inside = np.asarray(counts[:, columns].sum(axis=1)).ravel()
        share = float(inside[source].sum() / total[source].sum())
        estimate = _estimate(inside[cells], total[cells], share, mean_profile=source is not low)
        if estimate is not None:
            estimates[name] = estimate
    if not estimates:
        return Ambient(float("nan"), "ambient RNA cannot be told: no gene set is expressed by some cells only")
    best = min(estimates, key=lambda name: (estimates[name], name))
    found = pd.Series(estimates).round(3)
    text = ", ".join(f"{name} {value:g}" for name, value in found.items())
    return Ambient(min(estimates[best], 1.0), f"from {best} genes against {soup} ({text})")


def _estimate(
    inside: NDArray[np.float64], total: NDArray[np.float64], share: float, *, mean_profile: bool
) -> float | None:
    expected = total * share
    expressing = inside > poisson.isf(TAIL, np.maximum(expected, 1e-9))
    rest = ~expressing
    if int(rest.sum()) < LEAST_CELLS or expected[rest].sum() < LEAST_EXPECTED:
        return None
    # Against the sample's own mean a set tells nothing unless a few cells hold most of it.
    told = int(expressing.sum()) >= LEAST_EXPRESSING and inside[expressing].sum() >= 0.5 * inside.sum()
    if mean_profile and not told:
        return None
    return float(inside[rest].sum() / expected[rest].sum())
