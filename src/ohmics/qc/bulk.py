"""Raw counts of bulk samples come in; one QC row and one place on the first two components a sample go out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray

from ohmics.normalize import log_cpm
from ohmics.qc.metrics import qc_metrics
from ohmics.qc.settings import QCSettings
from ohmics.qc.similarity import correlations
from ohmics.qc.verdict import CARE, EXCLUDED, USE
from ohmics.tables import PCA, QC

HOPELESS = 0.1
"""Below this share of a threshold a sample is excluded; between it and the threshold it is used with care."""
OUTLIER_MADS = 5.0
OUTLIER_CORRELATION = 0.9
"""An outlier correlates less with the others than this, and less than is usual in its cohort."""
LEAST_SAMPLES = 5
HIGH_MITO = 20.0
PCA_GENES = 2_000
LEAST_PCA_SAMPLES = 3
NOTHING_VARIES = 1e-9


def bulk_qc(adata: AnnData, *, settings: Mapping[str, Any] | QCSettings | None = None) -> pd.DataFrame:
    """Say how good each bulk sample is.

    Parameters
    ----------
    adata
        Samples × genes, raw counts in ``X``; sample names in ``obs["sample"]``, else in the index.
    settings
        The config's ``qc`` block; ``min_library_size`` and ``min_genes_bulk`` are read.

    Returns
    -------
    QC: median_umi is the library size, median_genes the genes detected, cells_in and cells_kept 1 (0 when
    excluded). A sample below a tenth of a threshold is excluded, below the threshold used with care, and so is
    a sample whose median Spearman correlation with the others lies 5 MADs below the cohort's and under 0.9.
    """
    limits = QCSettings.of(settings)
    metrics = qc_metrics(adata)
    names = adata.obs["sample"].astype(str) if "sample" in adata.obs else pd.Series(adata.obs_names.astype(str))
    correlation = _correlations(adata)
    low = _outlier_limit(correlation)
    rows = []
    for position, name in enumerate(names):
        size, genes = float(metrics["n_umi"].iloc[position]), int(metrics["n_genes"].iloc[position])
        verdict, flags = _judge(size, genes, float(metrics["pct_mito"].iloc[position]), limits)
        if verdict != EXCLUDED and correlation[position] < low:
            verdict = CARE
            flags.append(f"outlier: its median correlation with the other samples is {correlation[position]:.2f}")
        rows.append(
            {
                "sample": name, "cells_in": 1, "cells_kept": int(verdict != EXCLUDED), "median_umi": size,
                "median_genes": genes, "pct_mito": float(metrics["pct_mito"].iloc[position]),
                "verdict": verdict, "flags": ";".join(flags),
            }
        )  # fmt: skip
    return QC.conform(rows)


def _judge(size: float, genes: int, pct_mito: float, limits: QCSettings) -> tuple[str, list[str]]:
    flags: list[str] = []
    verdict = USE
    for value, least, what in (
        (size, limits.min_library_size, "library size"),
        (float(genes), limits.min_genes_bulk, "number of genes detected"),
    ):
        if value >= least and value > 0:
            continue
        verdict = EXCLUDED if value < HOPELESS * least or value == 0 or verdict == EXCLUDED else CARE
        flags.append(f"its {what} is {value:,.0f}, below {least:,.0f}")
    if pct_mito > HIGH_MITO:
        verdict = CARE if verdict == USE else verdict
        flags.append(f"{pct_mito:.0f} % of its counts are mitochondrial")
    return verdict, flags


def _correlations(adata: AnnData) -> NDArray[np.float64]:
    """Return each sample's median Spearman correlation with the others, over genes counted in half of them."""
    values = np.asarray(adata.X.toarray() if sp.issparse(adata.X) else adata.X, dtype=float)
    alive = values.sum(axis=1) > 0
    medians = np.full(len(values), np.nan)
    if int(alive.sum()) < LEAST_SAMPLES:
        return medians
    matrix = correlations(values)[np.ix_(alive, alive)]
    if np.isnan(matrix).all():
        return medians
    medians[alive] = np.nanmedian(matrix, axis=1)
    return medians


def _outlier_limit(correlation: NDArray[np.float64]) -> float:
    known = correlation[~np.isnan(correlation)]
    if len(known) < LEAST_SAMPLES:
        return -np.inf
    middle = float(np.median(known))
    spread = 1.4826 * float(np.median(np.abs(known - middle)))
    return min(middle - OUTLIER_MADS * spread, OUTLIER_CORRELATION)


def bulk_pca(adata: AnnData) -> pd.DataFrame:
    """Place each bulk sample on the first two principal components.

    Parameters
    ----------
    adata
        Samples × genes, raw counts in ``X``; sample names in ``obs["sample"]``, else in the index.

    Returns
    -------
    PCA: of log2 counts per million of the 2,000 genes that vary most (ties: first in the data), centred, not scaled;
    transgenes are left out. The gene that weighs most on a component weighs positively. Rounded to six decimals, so
    that the order of sums does not show. Coordinates are missing for fewer than three samples and where nothing varies.
    """
    names = adata.obs["sample"].astype(str) if "sample" in adata.obs else pd.Series(adata.obs_names.astype(str))
    rows = pd.DataFrame({"sample": names.to_numpy()})
    own = np.ones(adata.n_vars, bool)
    if "feature_type" in adata.var:
        own = (adata.var["feature_type"] != "transgene").to_numpy()
    values = log_cpm(adata[:, own]).to_numpy(dtype=float)
    if len(values) < LEAST_PCA_SAMPLES:
        return PCA.conform(rows)
    # Rounding keeps genes of equal variance in the order of the data whatever the order of the sum was.
    order = np.argsort(-np.round(values.var(axis=0), 9), kind="stable")[:PCA_GENES]
    centred = values[:, order] - values[:, order].mean(axis=0)
    variances, vectors = np.linalg.eigh(centred @ centred.T)
    total = float(np.square(centred).sum())
    if total < NOTHING_VARIES:
        return PCA.conform(rows)
    for number in (1, 2):
        variance, vector = max(float(variances[-number]), 0.0), vectors[:, -number]
        loadings = vector @ centred
        sign = 1.0 if loadings[int(np.argmax(np.abs(loadings)))] >= 0 else -1.0
        rows[f"pc{number}"] = np.round(sign * vector * np.sqrt(variance), 6) + 0.0
        rows[f"share_{number}"] = round(variance / total, 6)
    return PCA.conform(rows)
