"""Scores and a yes-or-no outcome come in, Firth's penalised logistic regression goes out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from ohmics.errors import OhmicsError

FloatArray = npt.NDArray[np.float64]
LEVEL = 0.95
_STEPS = 100
_LONGEST = 5.0  # of one Newton step, in log odds: further is halved into the likelihood's reach
_SETTLED = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class FirthFit:
    """What the penalised model says of its first column.

    ``effect`` is in log odds a unit of that column, ``low`` and ``high`` the 95 % interval from the profile of the
    penalised likelihood, ``p`` from its ratio test. ``coefficients`` are the intercept and every column;
    ``standard_errors`` theirs. ``converged`` is False where the maximum was not found; nothing else is to be read then.
    """

    effect: float
    low: float
    high: float
    p: float
    coefficients: FloatArray
    standard_errors: FloatArray
    log_likelihood: float
    converged: bool


@dataclass(frozen=True, slots=True)
class _Maximum:
    beta: FloatArray
    value: float
    converged: bool


def firth_logistic(columns: FloatArray, event: npt.NDArray[np.bool_]) -> FirthFit:
    """Fit a logistic model by Firth's penalised likelihood, with or without separation.

    The penalty is half the log determinant of the information (Jeffreys' prior). It removes the first-order bias of
    small samples and keeps estimates finite where scores separate the outcomes, so that one estimator serves every
    data set: switching to it only where separation is seen would make the model depend on the result.

    Parameters
    ----------
    columns
        Shape (patients,) or (patients, columns), without an intercept; effect, interval and p are of the first.
    event
        Shape (patients,).

    Returns
    -------
    FirthFit
        Effect, interval and p of the first column.

    Raises
    ------
    OhmicsError
        When a value is missing, all outcomes are the same, or columns are collinear.

    Notes
    -----
    Firth 1993, doi 10.1093/biomet/80.1.27; Heinze and Schemper 2002, doi 10.1002/sim.1047.
    """
    x, y = _design(columns, event)
    best = _maximise(x, y, np.zeros(x.shape[1]), None)
    null = _maximise(x, y, np.where(np.arange(x.shape[1]) == 1, 0.0, best.beta), 1)
    errors = np.sqrt(np.diag(np.linalg.inv(_information(x, best.beta)[0])))
    ends = [_end(x, y, best, sign * float(errors[1])) for sign in (-1, 1)] if best.converged else [float("nan")] * 2
    ratio = max(0.0, 2 * (best.value - null.value))
    return FirthFit(
        effect=float(best.beta[1]),
        low=ends[0],
        high=ends[1],
        p=float(stats.chi2.sf(ratio, 1)),
        coefficients=best.beta,
        standard_errors=errors,
        log_likelihood=best.value,
        converged=best.converged and null.converged and bool(np.isfinite(ends).all()),
    )


def _design(columns: FloatArray, event: npt.NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    given = np.asarray(columns, dtype=np.float64)
    given = given[:, None] if given.ndim == 1 else given
    y = np.asarray(event, dtype=np.float64)
    if given.ndim != 2 or y.shape != (len(given),) or not np.isfinite(given).all():
        raise OhmicsError(f"columns {given.shape} and events {y.shape}: one finite row a patient is expected")
    if y.min() == y.max():
        raise OhmicsError(f"all {y.size} outcomes are the same; a logistic model needs both")
    x = np.column_stack([np.ones(len(given)), given])
    if np.linalg.matrix_rank(x - np.append(0.0, given.mean(axis=0))) < x.shape[1]:
        raise OhmicsError("a column is constant or follows from the others; its effect cannot be told")
    return x, y


def _information(x: FloatArray, beta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    chance = 1 / (1 + np.exp(-np.clip(x @ beta, -500, 500)))
    weight = chance * (1 - chance)
    return (x * weight[:, None]).T @ x, chance, weight


def _inverse(information: FloatArray) -> FloatArray:
    """Return the inverse, or what comes nearest where the information has all but vanished."""
    try:
        inverse = np.asarray(np.linalg.inv(information), dtype=np.float64)
    except np.linalg.LinAlgError:
        inverse = np.full(information.shape, np.nan)
    return inverse if np.isfinite(inverse).all() else np.asarray(np.linalg.pinv(information), dtype=np.float64)


def _value(x: FloatArray, y: FloatArray, beta: FloatArray) -> float:
    """Return the penalised log likelihood; minus infinity where the information has vanished."""
    eta = x @ beta
    sign, log_determinant = np.linalg.slogdet(_information(x, beta)[0])
    if sign <= 0:
        return -np.inf
    return float(np.sum(y * eta - np.logaddexp(0.0, eta)) + 0.5 * log_determinant)


def _maximise(x: FloatArray, y: FloatArray, start: FloatArray, fixed: int | None) -> _Maximum:
    """Climb the penalised likelihood by Newton's method; the coefficient ``fixed`` keeps its start."""
    free = np.array([number for number in range(x.shape[1]) if number != fixed])
    beta, value = start.copy(), _value(x, y, start)
    for _ in range(_STEPS):
        information, chance, weight = _information(x, beta)
        # Hat values of the weighted fit: the gradient of the penalty.
        hat = weight * np.sum((x @ _inverse(information)) * x, axis=1)
        gradient = (x.T @ (y - chance + hat * (0.5 - chance)))[free]
        step = _inverse(information[np.ix_(free, free)]) @ gradient
        step *= min(1.0, _LONGEST / max(float(np.abs(step).max()), 1e-300))
        while True:
            moved = beta.copy()
            moved[free] += step
            reached = _value(x, y, moved)
            if reached >= value - _SETTLED or np.abs(step).max() < _SETTLED:
                break
            step /= 2
        beta, value = moved, reached
        if np.abs(step).max() < 1e-8 and np.abs(gradient).max() < 1e-6:
            return _Maximum(beta, value, True)
    return _Maximum(beta, value, False)


def _end(x: FloatArray, y: FloatArray, best: _Maximum, step: float) -> float:
    """Return where the profile of the penalised likelihood has fallen by half the chi-squared quantile."""
    drop = float(stats.chi2.isf(1 - LEVEL, 1)) / 2
    inner = best.beta

    def at(effect: float) -> _Maximum:
        # Each search starts from the nearest point found: far out the likelihood is flat and has further maxima.
        trial = inner.copy()
        trial[1] = effect
        return _maximise(x, y, trial, 1)

    for _ in range(200):
        outer = at(float(inner[1]) + step)
        if not outer.converged:
            return float("nan")
        if outer.value - best.value + drop < 0:
            reach = (float(inner[1]), float(outer.beta[1]))
            return float(optimize.brentq(lambda effect: at(effect).value - best.value + drop, *reach, xtol=1e-7))
        inner = outer.beta
    return float("nan")
