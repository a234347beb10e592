"""Times to an event of one group come in, the points of its Kaplan-Meier curve go out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

FloatArray = npt.NDArray[np.float64]
LEVEL = 0.95


def kaplan_meier(time: FloatArray, event: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Return survival after each time, with pointwise intervals on the log-log scale.

    Parameters
    ----------
    time, event
        Shape (patients,); ``event`` is False where the patient was last seen at ``time``.

    Returns
    -------
    pandas.DataFrame
        One row a distinct time, and time 0: ``time``, ``at_risk`` (just before), ``events``, ``censored``,
        ``survival``, ``low`` and ``high``. The interval is missing before the first event and where no one survives.

    Notes
    -----
    Kaplan and Meier 1958, doi 10.1080/01621459.1958.10501452; Greenwood's variance; Kalbfleisch and Prentice's
    log-log interval.
    """
    moments = np.concatenate([[0.0], np.unique(time)])
    events = np.array([np.count_nonzero((time == moment) & event) for moment in moments])
    censored = np.array([np.count_nonzero((time == moment) & ~event) for moment in moments])
    at_risk = np.array([np.count_nonzero(time >= moment) for moment in moments])
    survival = np.cumprod(1 - events / np.maximum(at_risk, 1))
    left = at_risk * (at_risk - events)
    greenwood = np.cumsum(np.divide(events, left, out=np.zeros(moments.size), where=left > 0))
    inside = (survival > 0) & (survival < 1)
    log = np.log(np.where(inside, survival, 0.5))
    margin = float(stats.norm.isf((1 - LEVEL) / 2)) * np.sqrt(greenwood) / np.abs(log)
    low, high = (np.where(inside, np.exp(log * np.exp(sign * margin)), np.nan) for sign in (1, -1))
    return pd.DataFrame({
        "time": moments, "at_risk": at_risk, "events": events, "censored": censored, "survival": survival,
        "low": low, "high": high,
    })  # fmt: skip
