"""Per-sample counts with cell types come in; the cohort's mean, sd and detection of each gene go out (GENE_REFERENCE)."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

from ohmics.qc.features import transgenes

SIZE = 10_000.0


def log_normalise(adata: AnnData) -> sp.csr_matrix:
    """Return log1p of counts per 10,000 (cells × genes, float32 CSR); a cell without counts stays empty.

    A cell's size is its sum over genes: transgenes do not count towards it.
    """
    counts = sp.csr_matrix(adata.X, dtype=np.float64)
    inside = sp.csr_matrix(counts[:, ~transgenes(adata)]) if transgenes(adata).any() else counts
    total = np.asarray(inside.sum(axis=1)).ravel()
    factor = np.divide(SIZE, total, out=np.zeros_like(total), where=total > 0)
    scaled = counts.copy()
    scaled.data = np.log1p(scaled.data * np.repeat(factor, np.diff(counts.indptr))).astype(np.float32)
    return scaled.astype(np.float32)
