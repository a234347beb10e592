"""Counts of an antigen per cell before and after come in; the share of antigen-negative cells after goes out.

A cell is negative, with ambient counts only, or positive, with counts whose spread between cells is that of the
cells before. How strong the positive cells are is left free: only counts that are many enough a cell tell fewer
positive cells from dimmer ones, and then the profile of the likelihood is narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from ohmics.calls.populations import Floats
from ohmics.calls.ratio import Side

LEAST_MEAN = 0.5
"""Fewer counts a cell than this never tell fewer from dimmer cells; the profile is not worked out."""
DROP = 1.9207294103470
"""Half of the 95 % quantile of chi-square with one degree of freedom."""
_BINS = 16
_SHARES = np.linspace(0.0, 1.0, 51)
_DISPERSIONS = np.geomspace(0.02, 8.0, 8)
_RATES = np.exp(np.linspace(np.log(0.02), np.log(8.0), 45))
_EXACT_UP_TO = 24.0


@dataclass(frozen=True, slots=True)
class Negative:
    """Share of negative cells after with its interval, share before, or why there is none."""

    share: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    before: float = float("nan")
    reason: str = ""


def negative_fraction(pre: Side, post: Side, *, widest: float) -> Negative:
    """Return the share of antigen-negative cells after, where its 95 % profile interval is narrower than ``widest``.

    Parameters
    ----------
    pre, post
        The antigen before and after.
    widest
        Widest interval that is still told.

    Notes
    -----
    The dispersion of positive cells is shared by both samples and profiled, as are the rates of positive cells
    before and after and the negative share before.
    """
    mean = pre.own_rate * post.cells.mean_depth
    if mean < LEAST_MEAN:
        return Negative(reason=f"{mean:.2g} counts a cell cannot tell fewer positive cells from dimmer ones")
    before, after = (_surface(side) for side in (pre, post))
    joint = before.max(axis=(1, 2))[:, None] + after.max(axis=2)
    profile = joint.max(axis=0)
    inside = np.flatnonzero(profile >= profile.max() - DROP)
    step = _SHARES[1]
    # A grid finds limits to within a step; they are moved outwards by it.
    low, high = max(_SHARES[inside[0]] - step, 0.0), min(_SHARES[inside[-1]] + step, 1.0)
    if high - low >= widest:
        words = f"its interval ({low:.2f} to {high:.2f}) is no narrower than {widest:g}"
        return Negative(reason=f"fewer positive cells and dimmer ones cannot be told apart: {words}")
    best = int(np.argmax(profile))
    at = int(np.argmax(joint[:, best]))
    return Negative(
        share=float(_SHARES[best]),
        low=float(low),
        high=float(high),
        before=float(_SHARES[int(np.argmax(before[at].max(axis=1)))]),
    )


def _surface(side: Side) -> Floats:
    """Return the log likelihood on dispersions × negative shares × rates of positive cells."""
    depth = side.cells.depth / side.cells.mean_depth
    edges = np.quantile(depth, np.linspace(0, 1, _BINS + 1)[1:-1])
    part = np.searchsorted(edges, depth)
    table, inverse = np.unique(np.stack([_rounded(side.counts), part], axis=1), axis=0, return_inverse=True)
    weight = np.bincount(inverse.ravel(), minlength=len(table)).astype(np.float64)
    typical = np.array([depth[part == number].mean() if np.any(part == number) else 1.0 for number in range(_BINS)])
    count, own = table[:, 0], typical[table[:, 1].astype(np.int64)]
    soup = max(side.ambient.per_cell, 1e-4)
    ambient = count * np.log(soup) - soup - gammaln(count + 1)
    centre = max(side.total / side.cells.n, 1e-2)
    mean = centre * _RATES[:, None] * own[None, :] + soup
    surface = np.empty((len(_DISPERSIONS), len(_SHARES), len(_RATES)))
    with np.errstate(divide="ignore"):
        shares = np.log(_SHARES)[:, None, None], np.log1p(-_SHARES)[:, None, None]
    for number, dispersion in enumerate(_DISPERSIONS):
        size = 1.0 / dispersion
        positive = gammaln(count + size) - gammaln(size) - gammaln(count + 1)
        positive = positive + size * np.log(size / (size + mean)) + count * np.log(mean / (size + mean))
        mixed = np.logaddexp(shares[0] + ambient[None, None, :], shares[1] + positive[None, :, :])
        surface[number] = mixed @ weight
    return surface


def _rounded(counts: Floats) -> Floats:
    """Round large counts to steps of a tenth: they are positive whatever the last digit, and the table stays small."""
    steps = np.round(np.log(np.maximum(counts, _EXACT_UP_TO) / _EXACT_UP_TO) / np.log(1.1))
    return np.where(counts <= _EXACT_UP_TO, counts, np.round(_EXACT_UP_TO * 1.1**steps))
