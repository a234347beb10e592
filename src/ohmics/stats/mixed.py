"""Values of samples in blocks come in; effects of a model with one random intercept, with small-sample df, go out.

The model is y = X b + Z u + e with u ~ N(0, s_b²) a block and e ~ N(0, s²) a sample. Given the ratio
θ = s_b² / s² everything else has a closed form; in the eigenbasis of Z Z' beyond X the restricted likelihood of
thousands of responses is a sum over samples, so that all of them are maximised at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from ohmics.errors import OhmicsError
from ohmics.stats.paired import LEVEL, detectable_shift

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.object_]
DF = Literal["satterthwaite", "kenward_roger"]
SINGULAR = 1e-4
"""A fit is singular when the sd between blocks is below this share of the sd within (as in lme4)."""
_HIGHEST = 1 - 1e-6  # of θ / (1 + θ)
_GRID = 41
_HALVINGS = 48
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class MixedFit:
    """One entry a test; every array has shape (tests,), missing where the model cannot be fitted.

    Parameters
    ----------
    effect, se, df, p
        Estimate of the coefficient asked about, its standard error, degrees of freedom and two-sided p of t.
    low, high
        95 % interval.
    sd_blocks, sd_within
        Standard deviations between blocks and within one.
    singular
        Whether the best sd between blocks is 0: there the df mean nothing and t is too large; use another test.
    n_samples, n_blocks, n_varying
        Samples, blocks, and blocks with both sides (the pairs).
    gain
        Standard error that the pairs alone would give, over the one of all samples; missing without any.
    min_detectable
        True effect found with 80 % power at 5 % (noncentral t).
    """

    effect: Array
    se: Array
    df: Array
    p: Array
    low: Array
    high: Array
    sd_blocks: Array
    sd_within: Array
    singular: npt.NDArray[np.bool_]
    n_samples: npt.NDArray[np.int64]
    n_blocks: npt.NDArray[np.int64]
    n_varying: npt.NDArray[np.int64]
    gain: Array
    min_detectable: Array


@dataclass(frozen=True, slots=True)
class _Model:
    """The samples that some tests share, and what of the design all of them need.

    ``crossed`` is X'X; ``outer`` holds, for each size of a block, the sum of s s' over its blocks, where s is
    the sum of X over one block. ``values`` are the eigenvalues of Z Z' beyond X, ``basis`` its eigenvectors.
    """

    design: Array
    place: npt.NDArray[np.int64]
    side: Array
    crossed: Array
    sizes: Array
    outer: Array
    sums: Array
    size_of: npt.NDArray[np.int64]
    values: Array
    basis: Array


def fit_random_intercept(
    values: Array, design: Array, blocks: Labels, *, side: Array | None = None, df: DF = "satterthwaite"
) -> MixedFit:
    """Fit every column by restricted maximum likelihood and test the design's last coefficient.

    Parameters
    ----------
    values
        Samples × tests; NaN where a sample lacks the test.
    design
        Samples × coefficients of full column rank, without the blocks; the last one is asked about.
    blocks
        One label a sample: the patient.
    side
        One number a sample: a block in which it varies is a pair. None: the design's last column (of an
        interaction it is not: there it is the variable before it is multiplied).
    df
        ``satterthwaite``: from the observed information, as lmerTest gives them; ``kenward_roger``: from the
        expected one, with the standard error widened for the estimated variances, as pbkrtest gives them.

    Returns
    -------
    MixedFit
        A test is missing whose samples leave no degree of freedom, or hold no block of two, so that the two
        variances cannot be told apart.

    Raises
    ------
    OhmicsError
        When the shapes disagree, a value is infinite, or the design lacks full rank on all samples.

    Notes
    -----
    Satterthwaite: Kuznetsova, Brockhoff and Christensen 2017, doi 10.18637/jss.v082.i13. Kenward and Roger
    1997, doi 10.2307/2533558; with one coefficient its scale is 1. The profile in the eigenbasis: Kang 2008,
    doi 10.1534/genetics.107.080101.
    """
    y, x, labels = np.asarray(values, dtype=np.float64), np.asarray(design, dtype=np.float64), np.asarray(blocks)
    if y.ndim != 2 or x.ndim != 2 or not len(y) == len(x) == len(labels):
        raise OhmicsError(f"values {y.shape}, design {x.shape} and {len(labels)} blocks do not fit each other")
    if np.isinf(y).any():
        raise OhmicsError(f"{int(np.isinf(y).sum())} values are infinite; legal: numbers, or missing")
    if len(x) and np.linalg.matrix_rank(x) < x.shape[1]:
        raise OhmicsError(f"the design's {x.shape[1]} coefficients cannot be told apart in {len(x)} samples")
    out = {field.name: np.full(y.shape[1], np.nan) for field in fields(MixedFit)}
    told = x[:, -1] if side is None else np.asarray(side, dtype=np.float64)
    for rows, tests in _patterns(y):
        model = _model(x[rows], labels[rows], told[rows])
        out["n_samples"][tests] = len(rows)
        if model is None:
            continue
        found = _fit(model, y[np.ix_(rows, tests)], df)
        for name, column in found.items():
            out[name][tests] = column
    counts = {name: np.nan_to_num(out.pop(name)).astype(np.int64) for name in ("n_samples", "n_blocks", "n_varying")}
    return MixedFit(singular=np.nan_to_num(out.pop("singular")).astype(bool), **counts, **out)


def _patterns(values: Array) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Yield each set of samples and the tests that exactly these samples have."""
    given = ~np.isnan(values)
    if given.all():
        yield np.arange(len(values)), np.arange(values.shape[1])
        return
    patterns, member = np.unique(given, axis=1, return_inverse=True)
    for number in range(patterns.shape[1]):
        yield np.flatnonzero(patterns[:, number]), np.flatnonzero(member.ravel() == number)


def _model(design: Array, labels: Labels, side: Array) -> _Model | None:
    """Return the model of these samples, None where they cannot tell coefficients or the two variances apart."""
    n, width = design.shape
    if n <= width + 1 or np.linalg.matrix_rank(design) < width:
        return None
    place = np.unique(labels.astype(str), return_inverse=True)[1].astype(np.int64)
    member = np.zeros((n, int(place.max()) + 1))
    member[np.arange(n), place] = 1.0
    size = member.sum(axis=0)
    full, _ = np.linalg.qr(design, mode="complete")
    beyond = full[:, width:]
    inside = beyond.T @ member
    eigenvalues, vectors = np.linalg.eigh(inside @ inside.T)
    eigenvalues = np.where(eigenvalues > _TOLERANCE * max(1.0, eigenvalues[-1]), eigenvalues, 0.0)
    if np.ptp(eigenvalues) <= _TOLERANCE:
        return None
    sums = member.T @ design
    sizes, size_of = np.unique(size, return_inverse=True)
    outer = np.array([sums[size_of == k].T @ sums[size_of == k] for k in range(len(sizes))])
    return _Model(
        design=design, side=side, place=place, crossed=design.T @ design, sizes=sizes, outer=outer, sums=sums,
        size_of=size_of.astype(np.int64), values=eigenvalues, basis=beyond @ vectors,
    )  # fmt: skip


def _fit(model: _Model, y: Array, df: DF) -> dict[str, Array]:
    """Return the columns of `MixedFit` for tests that all samples of the model have."""
    turned = (model.basis.T @ y) ** 2
    constant = turned.sum(axis=0) <= 1e-20 * np.maximum((y**2).sum(axis=0), 1e-280)
    turned[:, constant] = 1.0
    theta = _best_ratio(model.values, turned)
    scale = 1.0 + theta[:, None] * model.values
    variance = (turned.T / scale).mean(axis=1)
    inverse: Array = np.asarray(np.linalg.inv(_information(model, theta, 1)), dtype=np.float64)
    effect = _effect(model, y, theta, inverse)
    unscaled = inverse[:, -1, -1]
    adjusted, freedom = _small_sample(model, turned, theta, variance, inverse, df)
    se = np.sqrt(adjusted)
    t = effect / se
    reach = stats.t.isf((1 - LEVEL) / 2, freedom)
    shifts = np.array([detectable_shift(int(d), 1 - LEVEL) if d >= 1 else np.nan for d in freedom])
    varying = _varying(model)
    count = len(theta)
    found = {
        "effect": effect, "se": se, "df": freedom, "p": np.maximum(2 * stats.t.sf(np.abs(t), freedom), 1e-300),
        "low": effect - reach * se, "high": effect + reach * se, "sd_blocks": np.sqrt(theta * variance),
        "sd_within": np.sqrt(variance), "min_detectable": se * shifts,
        "gain": _alone(model, theta, varying) / np.sqrt(unscaled),
    }  # fmt: skip
    for column in found.values():
        column[constant] = np.nan
    whole = {
        "singular": (np.sqrt(theta) < SINGULAR) & ~constant,
        "n_samples": np.full(count, len(y)),
        "n_blocks": np.full(count, len(model.size_of)),
        "n_varying": np.full(count, int(varying.sum())),
    }
    return {**found, **{name: np.asarray(column, dtype=np.float64) for name, column in whole.items()}}


def _slope(ratio: Array, values: Array, turned: Array) -> Array:
    """Return the derivative by θ of the profiled deviance at θ = ratio / (1 - ratio), one a test."""
    theta = ratio / (1 - ratio)
    scale = 1.0 + theta[:, None] * values
    left = turned.T / scale
    pull: Array = np.sum(values / scale, axis=1) - len(values) * np.sum(left * values / scale, axis=1) / left.sum(
        axis=1
    )
    return pull


def _best_ratio(values: Array, turned: Array) -> Array:
    """Return θ of the least restricted deviance: the best point of a grid, then halvings on the slope."""
    grid = np.linspace(0.0, np.sqrt(_HIGHEST), _GRID) ** 2
    deviance = np.empty((_GRID, turned.shape[1]))
    for k, ratio in enumerate(grid):
        scale = 1.0 + ratio / (1 - ratio) * values
        deviance[k] = len(values) * np.log(turned.T @ (1 / scale)) + np.log(scale).sum()
    best = deviance.argmin(axis=0)
    left, right = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, _GRID - 1)]
    at_zero = (best == 0) & (_slope(np.zeros(len(best)), values, turned) >= 0)
    for _ in range(_HALVINGS):
        middle = (left + right) / 2
        rising = _slope(middle, values, turned) > 0
        right, left = np.where(rising, middle, right), np.where(rising, left, middle)
    ratio = np.where(at_zero, 0.0, (left + right) / 2)
    best_ratio: Array = ratio / (1 - ratio)
    return best_ratio


def _information(model: _Model, theta: Array, power: int) -> Array:
    """Return X' R^-power X of each test, where R = I + θ Z Z'."""
    shrink = ((1.0 + theta[:, None] * model.sizes) ** -power - 1.0) / model.sizes
    information: Array = model.crossed + np.einsum("tk,kij->tij", shrink, model.outer)
    return information


def _between(model: _Model, theta: Array, power: int, sizes: int) -> Array:
    """Return the sum over blocks of s s' n^sizes / (1 + θ n)^power of each test."""
    weight = model.sizes**sizes / (1.0 + theta[:, None] * model.sizes) ** power
    total: Array = np.einsum("tk,kij->tij", weight, model.outer)
    return total


def _effect(model: _Model, y: Array, theta: Array, inverse: Array) -> Array:
    """Return the estimate of the last coefficient."""
    member_sums = np.zeros((len(model.size_of), y.shape[1]))
    np.add.at(member_sums, model.place, y)
    size = model.sizes[model.size_of]
    shrink = (1.0 / (1.0 + theta[:, None] * size) - 1.0) / size
    right = y.T @ model.design + (member_sums.T * shrink) @ model.sums
    estimate: Array = np.einsum("tj,tj->t", inverse[:, -1], right)
    return estimate


def _small_sample(
    model: _Model, turned: Array, theta: Array, variance: Array, inverse: Array, df: DF
) -> tuple[Array, Array]:
    """Return the variance of the effect and its degrees of freedom; variances are told as θ and s²."""
    scale = 1.0 + theta[:, None] * model.values
    share = model.values / scale
    left = turned.T / scale
    m = len(model.values)
    last = inverse[:, -1]
    plain = variance * inverse[:, -1, -1]
    by_ratio = variance * np.einsum("ti,tij,tj->t", last, _between(model, theta, 2, 0), last)
    by_variance = inverse[:, -1, -1]
    if df == "satterthwaite":
        # Half the second derivatives of the deviance, at its least point.
        a = np.sum(left * share**2, axis=1) / variance - np.sum(share**2, axis=1) / 2
        b = np.sum(left * share, axis=1) / (2 * variance**2)
        c = np.sum(left, axis=1) / variance**3 - m / (2 * variance**2)
    else:
        a, b, c = np.sum(share**2, axis=1) / 2, share.sum(axis=1) / (2 * variance), m / (2 * variance**2)
    determinant = a * c - b * b
    bad = determinant <= 0
    determinant = np.where(bad, np.nan, determinant)
    spread = (c * by_ratio**2 - 2 * b * by_ratio * by_variance + a * by_variance**2) / determinant
    freedom = np.clip(2 * plain**2 / spread, 1e-3, 1e6)
    if df == "satterthwaite":
        return plain, freedom
    covariance = c / determinant, -b / determinant, a / determinant
    return plain + _widening(model, theta, variance, inverse, covariance), freedom


def _widening(
    model: _Model, theta: Array, variance: Array, inverse: Array, covariance: tuple[Array, Array, Array]
) -> Array:
    """Return Kenward and Roger's addition to the effect's variance.

    ``covariance`` is that of (θ, s²); the structure is linear in (s_b², s²), where theirs has no further term.
    """
    ratio, both, within = covariance
    # s_b² = θ s²: its covariance with s² by the delta method, which is exact for the expected information.
    blocks_variance = variance**2 * ratio + 2 * theta * variance * both + theta**2 * within
    blocks_both = variance * both + theta * within
    cube = variance[:, None, None] ** 3
    square = variance[:, None, None] ** 2
    second = [_between(model, theta, 2, 0) / square, _information(model, theta, 2) / square]
    third = [
        _between(model, theta, 3, 1) / cube,
        _between(model, theta, 3, 0) / cube,
        _information(model, theta, 3) / cube,
    ]
    phi = inverse * variance[:, None, None]
    last = phi[:, -1]
    total = np.zeros(len(theta))
    for weight, i, j, q in ((blocks_variance, 0, 0, 0), (2 * blocks_both, 0, 1, 1), (within, 1, 1, 2)):
        inner = third[q] - second[i] @ phi @ second[j]
        total += weight * np.einsum("ti,tij,tj->t", last, inner, last)
    return 2 * total


def _varying(model: _Model) -> npt.NDArray[np.bool_]:
    """Say which blocks are pairs."""
    low, high = np.full(len(model.size_of), np.inf), np.full(len(model.size_of), -np.inf)
    np.minimum.at(low, model.place, model.side)
    np.maximum.at(high, model.place, model.side)
    varies: npt.NDArray[np.bool_] = high - low > _TOLERANCE
    return varies


def _alone(model: _Model, theta: Array, varying: npt.NDArray[np.bool_]) -> Array:
    """Return the unscaled standard error of the effect from the varying blocks alone, at the same variances."""
    rows = varying[model.place]
    x = model.design[rows]
    missing = np.full(len(theta), np.nan)
    keep = np.flatnonzero(np.abs(x).max(axis=0, initial=0) > 0)
    if not len(x) or np.linalg.matrix_rank(x[:, keep]) < len(keep):
        return missing
    sums, size = model.sums[varying][:, keep], model.sizes[model.size_of[varying]]
    shrink = (1.0 / (1.0 + theta[:, None] * size) - 1.0) / size
    information = x[:, keep].T @ x[:, keep] + np.einsum("tb,bi,bj->tij", shrink, sums, sums)
    unscaled: Array = np.linalg.inv(information)[:, -1, -1]
    return np.sqrt(unscaled)
