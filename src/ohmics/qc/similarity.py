"""Raw counts of bulk samples, their sheet and QC come in; SAMPLE_CORRELATION and SAMPLE_SIMILARITY go out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray

from ohmics.tables import SAMPLE_CORRELATION, SAMPLE_SIMILARITY

LEAST_SAMPLES = 2
_OUTLIER = "outlier:"
"""How the flag of `ohmics.qc.bulk.bulk_qc` begins."""


def correlations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Spearman correlation of each sample with each other one; missing on the diagonal and where unknown.

    Parameters
    ----------
    values
        Samples × genes, counts; genes counted in fewer than half of the samples that have counts are left out.
    """
    alive = values.sum(axis=1) > 0
    found = np.full((len(values), len(values)), np.nan)
    used = values[alive][:, (values[alive] > 0).mean(axis=0) >= 0.5] if alive.any() else values[:0]
    if len(used) < LEAST_SAMPLES or used.shape[1] < 2:
        return found
    with np.errstate(invalid="ignore", divide="ignore"):
        matrix = np.corrcoef(pd.DataFrame(used).rank(axis=1).to_numpy())
    np.fill_diagonal(matrix, np.nan)
    found[np.ix_(alive, alive)] = matrix
    return found


def sample_similarity(adata: AnnData, samples: pd.DataFrame, *, qc: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Say which samples are alike, and whether a patient's samples are nearest to each other.

    Samples of one patient usually resemble each other more than those of others: a sample whose nearest is another
    patient's may be swapped, or may have changed a great deal.

    Parameters
    ----------
    adata
        Samples × genes, raw counts in ``X``; sample names in ``obs["sample"]``, else in the index.
    samples
        SAMPLES.
    qc
        QC of the same samples; its flags name the outliers.

    Returns
    -------
    SAMPLE_CORRELATION (each pair in both orders) and SAMPLE_SIMILARITY. Correlations are rounded to six decimals.
    """
    names = adata.obs["sample"].astype(str) if "sample" in adata.obs else pd.Series(adata.obs_names.astype(str))
    listed = names.tolist()
    values = np.asarray(adata.X.toarray() if sp.issparse(adata.X) else adata.X, dtype=float)
    own = adata.var["feature_type"] != "transgene" if "feature_type" in adata.var else np.ones(adata.n_vars, bool)
    matrix = np.round(correlations(values[:, np.asarray(own)]), 6)
    patients = dict(zip(samples["sample"].astype(str), samples["patient"].astype(str), strict=True))
    flags = dict(zip(qc["sample"].astype(str), qc["flags"].fillna("").astype(str), strict=True))
    pairs = [
        {"sample": one, "other": other, "correlation": float(matrix[i, j])}
        for i, one in enumerate(listed)
        for j, other in enumerate(listed)
        if i != j and not np.isnan(matrix[i, j])
    ]
    rows = [
        {
            "sample": one,
            "outlier": _OUTLIER in flags.get(one, ""),
            **_neighbours(matrix[place], place, listed, patients),
        }
        for place, one in enumerate(listed)
    ]
    return SAMPLE_CORRELATION.conform(pairs), SAMPLE_SIMILARITY.conform(rows)


def _neighbours(
    row: NDArray[np.float64], place: int, names: list[str], patients: dict[str, str]
) -> dict[str, float | int | str | None]:
    known = [j for j in range(len(names)) if j != place and not np.isnan(row[j])]
    if not known:
        return {}
    order = sorted(known, key=lambda j: (-row[j], names[j]))
    mine = [j for j in order if patients.get(names[j]) == patients.get(names[place])]
    return {
        "median_correlation": round(float(np.median(row[known])), 6),
        "nearest": names[order[0]],
        "nearest_correlation": float(row[order[0]]),
        "own_correlation": float(row[mine[0]]) if mine else None,
        "rank_own": order.index(mine[0]) + 1 if mine else None,
    }
