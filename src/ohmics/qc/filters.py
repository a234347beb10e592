"""The quality of each cell comes in; which cells are removed, and why, goes out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from ohmics.qc.metrics import qc_metrics

LEAST_CELLS_FOR_MAD = 20
"""With fewer cells past the fixed thresholds a spread cannot be estimated, and only those thresholds hold."""
SCALE = 1.4826
"""Turns a median absolute deviation into the standard deviation of a normal distribution."""


def removal_reasons(
    metrics: pd.DataFrame,
    *,
    min_umi: float = 500,
    min_genes: float = 250,
    max_pct_mito: float = 15,
    n_mads: float = 5,
) -> pd.Series:
    """Return why each cell is removed, reasons joined by ``;``; missing for a cell that is kept.

    Parameters
    ----------
    metrics
        Result of `qc_metrics`.
    min_umi, min_genes, max_pct_mito
        Fixed thresholds; a missing mitochondrial share removes no cell.
    n_mads
        Cells further than this many scaled MADs from the median of log UMI or log genes are removed. Median and
        MAD are those of the cells that pass the fixed thresholds, so that debris cannot widen them; 0: off.
    """
    reasons: list[tuple[pd.Series, str]] = [
        (metrics["n_umi"] < min_umi, f"n_umi below {min_umi:g}"),
        (metrics["n_genes"] < min_genes, f"n_genes below {min_genes:g}"),
        (metrics["pct_mito"] > max_pct_mito, f"pct_mito above {max_pct_mito:g}"),
    ]
    fixed = ~(reasons[0][0] | reasons[1][0] | reasons[2][0])
    if n_mads > 0 and int(fixed.sum()) >= LEAST_CELLS_FOR_MAD:
        for name in ("n_umi", "n_genes"):
            values = pd.Series(np.log1p(metrics[name].to_numpy(dtype=float)), index=metrics.index)
            middle = float(values[fixed].median())
            reach = n_mads * SCALE * float((values[fixed] - middle).abs().median())
            if reach > 0:
                beyond = f"{n_mads:g} MADs"
                reasons.append((fixed & (values < middle - reach), f"{name} {beyond} below the median"))
                reasons.append((fixed & (values > middle + reach), f"{name} {beyond} above the median"))
    text = pd.Series("", index=metrics.index, dtype=object)
    for mask, reason in reasons:
        text[mask] = text[mask].where(text[mask] == "", text[mask] + ";") + reason
    return text.where(text != "", None)


def filter_cells(
    adata: AnnData,
    *,
    min_umi: float = 500,
    min_genes: float = 250,
    max_pct_mito: float = 15,
    n_mads: float = 5,
) -> AnnData:
    """Return a copy with the cells that pass; thresholds as in `removal_reasons`, doublets are not looked for."""
    reasons = removal_reasons(
        qc_metrics(adata), min_umi=min_umi, min_genes=min_genes, max_pct_mito=max_pct_mito, n_mads=n_mads
    )
    return adata[reasons.isna().to_numpy()].copy()
