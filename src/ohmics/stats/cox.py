"""Scores and times to an event come in, a Cox model and the weights of its score test go out."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from ohmics.errors import OhmicsError

FloatArray = npt.NDArray[np.float64]
LEVEL = 0.95
_SETTLED = 1e-12  # of Newton's decrement; lifelines' own 1e-7 leaves effects near 0 at exactly 0
MONOTONE = "every event falls to the {which} score then at risk, so that the hazard ratio has no finite estimate"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxFit:
    """Log hazard a unit of score with Wald's 95 % interval, and p of the likelihood ratio.

    ``reason`` says why there is no estimate; empty when there is one.
    """

    effect: float
    low: float
    high: float
    p: float
    standard_error: float
    log_likelihood: float
    reason: str = ""


def cox_regression(score: FloatArray, time: FloatArray, event: npt.NDArray[np.bool_]) -> CoxFit:
    """Fit a Cox model with one score; tied times by Efron's method.

    Parameters
    ----------
    score, time
        Shape (patients,), no missing value; ``time`` is positive.
    event
        Shape (patients,): True where the event happened at ``time``, False where the patient was last seen.

    Returns
    -------
    CoxFit
        Effect and interval; missing, with the reason, where the likelihood has no maximum or its search failed.

    Raises
    ------
    OhmicsError
        When a value is missing, a time is not positive, or the score does not vary.

    Notes
    -----
    Cox 1972, doi 10.1111/j.2517-6161.1972.tb00899.x; Efron 1977, doi 10.1080/01621459.1977.10480613. Fitted by
    lifelines (Davidson-Pilon 2019, doi 10.21105/joss.01317).
    """
    x, t, d = _checked(score, time, event)
    which = _monotone(x, t, d)
    if which:
        return _none(MONOTONE.format(which=which))
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError, ConvergenceWarning

    frame = pd.DataFrame({"score": x, "time": t, "event": d})
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            model = CoxPHFitter().fit(frame, "time", "event", fit_options={"precision": _SETTLED})
        except ConvergenceError as error:
            return _none(f"the Cox model did not converge: {_first(error)}")
    failed = [w.message for w in told if issubclass(w.category, ConvergenceWarning) and "failed" in str(w.message)]
    if failed:
        return _none(f"the Cox model did not converge: {_first(failed[0])}")
    effect, spread = float(model.params_["score"]), float(model.standard_errors_["score"])
    margin = float(stats.norm.isf((1 - LEVEL) / 2)) * spread
    return CoxFit(
        effect=effect,
        low=effect - margin,
        high=effect + margin,
        p=float(model.log_likelihood_ratio_test().p_value),
        standard_error=spread,
        log_likelihood=float(model.log_likelihood_),
    )


def score_weights(time: FloatArray, event: npt.NDArray[np.bool_]) -> FloatArray:
    """Return what each patient's score counts in the Cox model's score test of no effect.

    The test's numerator is ``weights @ score``; the weights sum to 0. They are the log-rank scores with Efron's ties:
    1 for an event less the hazard a patient has lived through.

    Parameters
    ----------
    time, event
        Shape (patients,), see `cox_regression`.

    Examples
    --------
    >>> score_weights(np.array([1.0, 2.0]), np.array([True, True])).tolist()
    [0.5, -0.5]
    """
    t, d = np.asarray(time, dtype=np.float64), np.asarray(event, dtype=bool)
    weights = d.astype(np.float64)
    for moment in np.unique(t[d]):
        risk, tied = t >= moment, (t == moment) & d
        number = int(tied.sum())
        left = 1.0 / (int(risk.sum()) - np.arange(number))
        weights[risk & ~tied] -= left.sum()
        weights[tied] -= np.sum((1 - np.arange(number) / number) * left)
    return weights


def _checked(
    score: FloatArray, time: FloatArray, event: npt.NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    x, t, d = np.asarray(score, dtype=np.float64), np.asarray(time, dtype=np.float64), np.asarray(event, dtype=bool)
    if not x.shape == t.shape == d.shape or x.ndim != 1 or not np.isfinite(x + t).all():
        raise OhmicsError(f"scores {x.shape}, times {t.shape} and events {d.shape}: one of each a patient is expected")
    if (t <= 0).any():
        raise OhmicsError(f"{int((t <= 0).sum())} times are not above 0; a time counts from the start of observation")
    if not d.any() or np.ptp(x) <= 1e-12 * np.abs(x).max():
        raise OhmicsError("no event, or the same score in every patient; a hazard cannot be compared")
    return x, t, d


def _monotone(x: FloatArray, t: FloatArray, d: npt.NDArray[np.bool_]) -> str:
    """Return ``highest`` or ``lowest`` when that score always fails first: the likelihood then has no maximum."""
    highest = lowest = True
    for moment in np.unique(t[d]):
        risk, failed = x[t >= moment], x[(t == moment) & d]
        # With ties all who fail must lie beyond all who stay.
        stay = x[(t >= moment) & ~((t == moment) & d)]
        highest = highest and (stay.size == 0 or failed.min() >= stay.max()) and failed.max() >= risk.max()
        lowest = lowest and (stay.size == 0 or failed.max() <= stay.min()) and failed.min() <= risk.min()
    return "highest" if highest else "lowest" if lowest else ""


def _none(reason: str) -> CoxFit:
    missing = float("nan")
    return CoxFit(
        effect=missing, low=missing, high=missing, p=missing, standard_error=missing, log_likelihood=missing,
        reason=reason,
    )  # fmt: skip


def _first(message: object) -> str:
    """Return the first sentence of a library's message."""
    return str(message).split(". ")[0].split(" Please")[0].strip().rstrip(".")
