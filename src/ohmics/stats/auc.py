"""Scores of patients with and without an event come in, the area under the ROC curve and its interval go out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from ohmics.errors import OhmicsError

FloatArray = npt.NDArray[np.float64]
LEVEL = 0.95
_BARE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Area under the ROC curve: the chance that a patient with the event has the higher score; a tie counts half."""

    auc: float
    low: float
    high: float
    n_events: int
    n_others: int


def roc_area(score: FloatArray, event: npt.NDArray[np.bool_]) -> Area:
    """Return the area under the ROC curve with a 95 % interval that also holds in small groups.

    Parameters
    ----------
    score
        Shape (patients,), no missing value.
    event
        Shape (patients,): True where the event (or the response) happened.

    Returns
    -------
    Area
        ``auc`` is Mann and Whitney's U over the number of pairs. The interval reaches as far, at either end, as the
        wider of two: DeLong's on the logit scale, which asks nothing of how scores spread in either group, and
        Newcombe's, which has a width where one group lies wholly above the other and DeLong's variance is 0.

    Raises
    ------
    OhmicsError
        When a score is missing or one of the two groups is empty.

    Notes
    -----
    DeLong, DeLong and Clarke-Pearson 1988, doi 10.2307/2531595; on the logit scale as in Pepe 2003. Method 5 of
    Newcombe 2006, doi 10.1002/sim.2324. Newcombe's alone covers 90 % where the rarer group has twice the other's
    spread, DeLong's alone 92 % where many scores tie and the area is above 0.9; the wider of both was taken after
    that was measured (``make calibration``).
    """
    values, held = np.asarray(score, dtype=np.float64), np.asarray(event, dtype=bool)
    if values.shape != held.shape or values.ndim != 1 or not np.isfinite(values).all():
        raise OhmicsError(f"scores {values.shape} and events {held.shape}: one finite score a patient is expected")
    n, others = int(held.sum()), int((~held).sum())
    if not n or not others:
        raise OhmicsError(f"{n} patients with and {others} without the event; an area needs both")
    auc, variance = delong(values, held)
    low, high = newcombe(auc, n, others)
    if min(auc, 1 - auc) >= _BARE and min(n, others) > 1 and variance > _BARE:
        # The delta method carries the variance to the logit scale, where the interval cannot leave 0 to 1.
        middle, margin = float(special.logit(auc)), _z() * float(np.sqrt(variance)) / (auc * (1 - auc))
        low = min(low, float(special.expit(middle - margin)))
        high = max(high, float(special.expit(middle + margin)))
    return Area(auc=auc, low=low, high=high, n_events=n, n_others=others)


def delong(score: FloatArray, event: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Return the area and DeLong's variance of it, from the mid-ranks of the scores.

    The variance is missing where a group has one patient.
    """
    n, others = int(event.sum()), int((~event).sum())
    together = stats.rankdata(score)
    # How many of the other group each patient lies above, as a share.
    above = (together[event] - stats.rankdata(score[event])) / others
    below = 1 - (together[~event] - stats.rankdata(score[~event])) / n
    if min(n, others) < 2:
        return float(above.mean()), float("nan")
    return float(above.mean()), float(above.var(ddof=1) / n + below.var(ddof=1) / others)


def newcombe(auc: float, n: int, others: int) -> tuple[float, float]:
    """Return the areas whose own standard error puts ``auc`` at the edge of 95 %."""

    def beyond(area: float, sign: float) -> float:
        return sign * (auc - area) - _z() * float(np.sqrt(area_variance(area, n, others)))

    # At the ends of the scale the variance vanishes with the distance: the root wanted lies inside.
    low = 0.0 if auc <= 0 else optimize.brentq(beyond, 0.0, min(auc, 1 - _BARE), args=(1.0,))
    high = 1.0 if auc >= 1 else optimize.brentq(beyond, max(auc, _BARE), 1.0, args=(-1.0,))
    return float(low), float(high)


def _z() -> float:
    return float(stats.norm.isf((1 - LEVEL) / 2))


def area_variance(area: float, n: int, others: int) -> float:
    """Return the variance of an estimated area whose true value is ``area``, the same for either group's size.

    Examples
    --------
    >>> round(area_variance(0.5, 10, 10), 6), area_variance(1.0, 10, 10)
    (0.0175, 0.0)
    """
    mean = (n + others) / 2 - 1
    spread = 1 + mean * ((1 - area) / (2 - area) + area / (1 + area))
    return area * (1 - area) * spread / (n * others)
