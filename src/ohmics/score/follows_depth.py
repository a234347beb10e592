"""Finished scores and the depth of the same observations come in; how closely each score follows depth goes out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

FOLLOWS_DEPTH = 0.3
"""Spearman correlation from which a score is said to follow depth."""
MIN_OBSERVATIONS = 20


def depth_correlation(scores: pd.DataFrame, depth: npt.ArrayLike) -> pd.Series:
    """Return the Spearman correlation of each list's score with depth, without scoring anything anew.

    Parameters
    ----------
    scores
        Observations × lists, of one method.
    depth
        Total counts of each observation (or genes detected), in the order of ``scores``.

    Returns
    -------
    pandas.Series
        One value a list, -1 to 1; missing with fewer than 20 scored observations, or when score or depth does
        not vary. Cells of different types differ in depth, so a correlation over all cells is a caution, no test.
    """
    totals = np.asarray(depth, dtype=np.float64)
    found = rank_correlations(scores.to_numpy(dtype=np.float64), totals)
    return pd.Series(found, index=scores.columns.astype(str), dtype=np.float64, name="spearman")


def rank_correlations(values: npt.NDArray[np.float64], depth: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the Spearman correlation of each column (observations × lists) with depth, as `depth_correlation`."""
    found = np.full(values.shape[1], np.nan)
    for pattern, columns in _by_missing(np.isfinite(values) & np.isfinite(depth)[:, None]):
        if pattern.sum() < MIN_OBSERVATIONS or np.ptp(depth[pattern]) == 0:
            continue
        ranks = stats.rankdata(values[np.ix_(pattern, columns)], axis=0)
        ranks -= ranks.mean(axis=0)
        deep = stats.rankdata(depth[pattern])
        deep -= deep.mean()
        size = np.sqrt((ranks**2).sum(axis=0) * (deep**2).sum())
        found[columns] = np.divide(deep @ ranks, size, out=np.full(columns.size, np.nan), where=size > 0)
    return found


def _by_missing(
    given: npt.NDArray[np.bool_],
) -> list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]]:
    """Return columns that are given in the same observations together."""
    together: dict[bytes, list[int]] = {}
    for column in range(given.shape[1]):
        together.setdefault(given[:, column].tobytes(), []).append(column)
    return [(given[:, columns[0]], np.array(columns, dtype=np.intp)) for columns in together.values()]
