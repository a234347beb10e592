"""Changes of a bulk score and of the content of the cells that carry it come in; changes beyond content go out.

A score's change beyond content is what it would have changed by had the content stayed: the intercept of the line of
the units' score changes on their content changes. Slopes between patients do not serve: patients with more T cells
also differ in what those do, and the slope's error, shared by all, would pass for a change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

MIN_UNITS = 6
LOWEST_RELIABILITY = 0.2
FARTHEST = 0.75
"""Greatest mean change of content, in sd of the units' changes: beyond it hardly any unit kept its content, so that
what would have happened without a change of content is an extrapolation."""


@dataclass(frozen=True, kw_only=True)
class Beyond:
    """One score beyond content over the units of a contrast.

    ``own``: each unit's change beyond content (groups: its value), missing where it takes no part. ``contributions``:
    values whose mean (groups: difference of means) is the same effect and whose spread also holds the uncertainty of
    the slope, for a test that re-labels units. ``slope``: change of the score a unit of measured content. ``why``: why
    there is none of these, else empty.
    """

    own: FloatArray
    contributions: FloatArray
    slope: float = float("nan")
    r_squared: float = float("nan")
    reliability: float = float("nan")
    mean_change: float = float("nan")
    sd_change: float = float("nan")
    n: int = 0
    why: str = ""


def reliability(parts: FloatArray) -> float:
    """Return the share of the variance of the mean of ``parts`` (units × genes) that the genes have in common.

    Cronbach's alpha, doi 10.1007/BF02310555, between 0.2 and 1; 1 for a single column, which is taken as exact.
    """
    k = parts.shape[1]
    if k < 2:
        return 1.0
    total = float(parts.sum(axis=1).var(ddof=1))
    if not total > 0:
        return LOWEST_RELIABILITY
    alpha = k / (k - 1) * (1.0 - float(parts.var(axis=0, ddof=1).sum()) / total)
    return float(np.clip(alpha, LOWEST_RELIABILITY, 1.0))


def beyond_paired(change: FloatArray, content: FloatArray) -> Beyond:
    """Return changes within units beyond those of content.

    Parameters
    ----------
    change
        Change of the score of each unit, shape (units,); missing where a unit has no pair.
    content
        Change of each content gene, shape (units, genes); content is their mean.

    Returns
    -------
    Beyond
        The slope of the changes on those of content is divided by the reliability of the latter: content is measured
        with error, which flattens slopes and would leave a part of its change in the score (Fuller 1987, doi
        10.1002/9780470316665). ``contributions`` are the jackknife's pseudo-values of the intercept (Tukey 1958, doi
        10.1214/aoms/1177706647): their spread holds what slope and reliability are uncertain by.
    """
    empty = np.full(change.shape, np.nan)
    usable = np.isfinite(change) & np.isfinite(content).all(axis=1)
    n = int(usable.sum())
    if n < MIN_UNITS:
        return Beyond(own=empty, contributions=empty, n=n, why=f"{n} units have both sides, {MIN_UNITS} are needed")
    d, parts = change[usable], content[usable]
    c = parts.mean(axis=1)
    middle, spread = float(c.mean()), float(c.std(ddof=1))
    why = _too_far(middle, spread, "units' changes")
    if why:
        return Beyond(own=empty, contributions=empty, n=n, mean_change=middle, sd_change=spread, why=why)

    def line(rows: npt.NDArray[np.bool_]) -> tuple[float, FloatArray]:
        slope = _slope(d[rows] - d[rows].mean(), parts[rows] - parts[rows].mean(axis=0))
        return slope, d[rows] - slope * c[rows]

    slope, beyond = line(np.ones(n, dtype=bool))
    without = np.array([line(np.arange(n) != unit)[1].mean() for unit in range(n)])
    own, contributions = empty.copy(), empty.copy()
    own[usable] = beyond
    contributions[usable] = beyond.mean() + (n - 1) * (without.mean() - without)
    share = reliability(parts)
    return Beyond(
        own=own, contributions=contributions, slope=slope, reliability=share, mean_change=middle, sd_change=spread,
        r_squared=_explained(d - d.mean(), slope * share * (c - c.mean())), n=n,
    )  # fmt: skip


def beyond_groups(value: FloatArray, content: FloatArray, test: npt.NDArray[np.bool_]) -> Beyond:
    """Return values of two groups of units beyond content; the slope is that within the groups.

    Parameters
    ----------
    value
        Score of each unit, shape (units,).
    content
        Content genes of each unit, shape (units, genes).
    test
        Which units are on the test side.
    """
    empty = np.full(value.shape, np.nan)
    usable = np.isfinite(value) & np.isfinite(content).all(axis=1)
    sizes = [int((usable & side).sum()) for side in (test, ~test)]
    if min(sizes) < MIN_UNITS // 2 or sum(sizes) < MIN_UNITS:
        why = f"{sizes[0]} against {sizes[1]} units, {MIN_UNITS // 2} on each side are needed"
        return Beyond(own=empty, contributions=empty, n=sum(sizes), why=why)
    s, parts, side = value[usable], content[usable], test[usable]
    n, c = len(s), content[usable].mean(axis=1)
    within = _within(parts, side)
    z = within.mean(axis=1)
    difference, spread = float(c[side].mean() - c[~side].mean()), float(np.sqrt(z @ z / (n - 2)))
    why = _too_far(difference, spread, "units within the groups")
    if why:
        return Beyond(own=empty, contributions=empty, n=n, mean_change=difference, sd_change=spread, why=why)

    def difference_without(rows: npt.NDArray[np.bool_]) -> tuple[float, float]:
        slope = _slope(_within(s[rows, None], side[rows])[:, 0], _within(parts[rows], side[rows]))
        beyond = s[rows] - slope * c[rows]
        return slope, float(beyond[side[rows]].mean() - beyond[~side[rows]].mean())

    slope, effect = difference_without(np.ones(n, dtype=bool))
    without = np.array([difference_without(np.arange(n) != unit)[1] for unit in range(n)])
    own, contributions = empty.copy(), empty.copy()
    own[usable] = s - slope * (c - c[~side].mean())
    # A unit's share in the difference, put back on its own side so that the difference of the means stays.
    part = _within(((n - 1) * (effect - without))[:, None], side)[:, 0]
    weight = np.where(side, side.sum() / n, -(~side).sum() / n)
    contributions[usable] = np.where(side, own[usable][side].mean(), own[usable][~side].mean()) + weight * part
    share = reliability(within)
    y = _within(s[:, None], side)[:, 0]
    return Beyond(
        own=own, contributions=contributions, slope=slope, reliability=share, mean_change=difference,
        sd_change=spread, r_squared=_explained(y, slope * share * z), n=n,
    )  # fmt: skip


def _slope(score: FloatArray, parts: FloatArray) -> float:
    """Return the slope of a centred score on centred content, divided by the reliability of the latter."""
    z = parts.mean(axis=1)
    return float(z @ score / max(float(z @ z), 1e-12) / reliability(parts))


def _within(values: FloatArray, side: npt.NDArray[np.bool_]) -> FloatArray:
    """Return values (units × columns) less the means of their group."""
    centred: FloatArray = values - np.where(side[:, None], values[side].mean(axis=0), values[~side].mean(axis=0))
    return centred


def _too_far(middle: float, spread: float, what: str) -> str:
    if not spread > 0:
        return "content does not vary"
    if abs(middle) > FARTHEST * spread:
        return (
            f"content changed by {middle:+.2f} on average, {abs(middle) / spread:.1f} sd of the {what}: too few kept "
            "their content to tell what would have changed without it"
        )
    return ""


def _explained(y: FloatArray, fitted: FloatArray) -> float:
    total = float(y @ y)
    return float(np.clip(1.0 - (y - fitted) @ (y - fitted) / total, 0.0, 1.0)) if total > 0 else 0.0
