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
    found: dict[str, float] = {}
    for name in scores.columns:
        values = scores[name].to_numpy(dtype=np.float64)
        given = np.isfinite(values) & np.isfinite(totals)
        varies = given.sum() >= MIN_OBSERVATIONS and np.ptp(values[given]) > 0 and np.ptp(totals[given]) > 0
        found[str(name)] = float(stats.spearmanr(values[given], totals[given]).statistic) if varies else float("nan")
    return pd.Series(found, dtype=np.float64, name="spearman")
