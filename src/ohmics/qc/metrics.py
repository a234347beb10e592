"""Raw counts of cells come in, the quality of each cell goes out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from ohmics.qc.features import mitochondrial, transgenes


def qc_metrics(adata: AnnData) -> pd.DataFrame:
    """Return depth, complexity and mitochondrial share of each cell; ``adata`` is not changed.

    Parameters
    ----------
    adata
        Cells × genes, raw counts in ``X``. Transgenes (``var["feature_type"]``) count for nothing here.

    Returns
    -------
    DataFrame indexed by barcode: n_umi (counts), n_genes (genes with a count), pct_mito (percent of UMI on
    ``MT-`` genes; missing for a cell without counts, and for all cells when the data hold no such gene).
    """
    genes = ~transgenes(adata)
    counts = sp.csr_matrix(adata.X)
    counts = counts[:, genes] if not genes.all() else counts
    total = np.asarray(counts.sum(axis=1, dtype=np.float64)).ravel()
    mito = mitochondrial(adata.var_names[genes])
    percent = np.full(adata.n_obs, np.nan)
    if mito.any():
        inside = np.asarray(counts[:, mito].sum(axis=1, dtype=np.float64)).ravel()
        percent = np.divide(100 * inside, total, out=percent, where=total > 0)
    detected = np.bincount(
        np.repeat(np.arange(adata.n_obs), np.diff(counts.indptr))[counts.data != 0], minlength=adata.n_obs
    )
    return pd.DataFrame(
        {"n_umi": total, "n_genes": detected.astype(np.int64), "pct_mito": percent}, index=adata.obs_names.astype(str)
    )
