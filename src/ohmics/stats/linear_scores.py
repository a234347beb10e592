"""Scores of patients and what each outcome counts come in, permutation p values of their association go out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ohmics.errors import OhmicsError
from ohmics.seeds import generator
from ohmics.stats.multiple import TIE, FloatArray, step_down_max_t

Weigh = Callable[[npt.NDArray[np.intp]], FloatArray]
"""Rows (patients) to what the outcome of each counts among them; a permutation exchanges these."""
_ROWS = 1 << 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """How outcomes are exchanged between patients; the same draws serve every test of a family."""

    n_draws: int = 10_000
    seed: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    """The patients that one set of tests has."""

    rows: npt.NDArray[np.intp]
    tests: npt.NDArray[np.intp]
    weights: FloatArray
    scores: FloatArray


def association_test(values: FloatArray, weigh: Weigh, draws: Draws) -> tuple[FloatArray, FloatArray]:
    """Return p and step-down max-|T| adjusted p of every test, from permutations of the outcome.

    The statistic is the correlation of scores with what outcomes count: the score test of a logistic model where
    ``weigh`` gives 0 and 1, of a Cox model where it gives log-rank scores, Mann and Whitney's test where the values
    are ranks. It is exact where outcomes are exchangeable between patients; for survival that is where neither the
    event nor the end of observation depends on the score.

    Parameters
    ----------
    values
        Patients × tests; NaN where a patient lacks the score.
    weigh
        See `Weigh`; called once for each set of patients that some test has.
    draws
        Number and seed of the permutations.

    Returns
    -------
    tuple of numpy.ndarray
        P and adjusted p, shape (tests,); never 0; missing for a score or outcome that does not vary.
    """
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 2 or np.isinf(scores).any():
        raise OhmicsError(f"scores of shape {scores.shape}: patients × tests, numbers or missing, are expected")
    parts = list(_parts(scores, weigh))
    observed = np.full(scores.shape[1], np.nan)
    for part in parts:
        observed[part.tests] = part.weights @ part.scores
    blocks = list(_null(parts, scores.shape, draws))
    beyond = sum(np.count_nonzero(np.abs(block) >= np.abs(observed) * (1 - TIE), axis=0) for block in blocks)
    p = np.where(np.isnan(observed), np.nan, (beyond + 1) / (draws.n_draws + 1))
    return p, step_down_max_t(observed, iter(blocks))


def smallest_p(draws: Draws) -> float:
    """Return the smallest p that these draws can reach."""
    return 1.0 / (draws.n_draws + 1)


def _parts(scores: FloatArray, weigh: Weigh) -> Iterator[_Part]:
    given = ~np.isnan(scores)
    patterns, member = np.unique(given, axis=1, return_inverse=True)
    for number in range(patterns.shape[1]):
        rows, tests = np.flatnonzero(patterns[:, number]), np.flatnonzero(member.ravel() == number)
        if rows.size < 3:
            continue
        weights, own = _standard(weigh(rows)[:, None])[:, 0], _standard(scores[np.ix_(rows, tests)])
        varies = ~np.isnan(own).any(axis=0)
        if varies.any() and not np.isnan(weights).any():
            yield _Part(rows, tests[varies], weights, own[:, varies])


def _standard(columns: FloatArray) -> FloatArray:
    """Return columns with mean 0 and length 1; missing where a column does not vary."""
    centred = columns - columns.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    size = np.where(length > TIE * np.maximum(np.abs(columns).max(axis=0), TIE), length, np.nan)
    result: FloatArray = centred / size
    return result


def _null(parts: list[_Part], shape: tuple[int, ...], draws: Draws) -> Iterator[FloatArray]:
    random = generator(draws.seed, "outcomes", draws.name, shape[0])
    for start in range(0, draws.n_draws, _ROWS):
        keys = random.random((min(_ROWS, draws.n_draws - start), shape[0]))
        block = np.full((len(keys), shape[1]), np.nan)
        for part in parts:
            block[:, part.tests] = part.weights[np.argsort(keys[:, part.rows], axis=1)] @ part.scores
        yield block
