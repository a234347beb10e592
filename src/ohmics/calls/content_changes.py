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
FARTHEST = 1.0
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
        Under the null the score's changes follow those of content alone. Content is measured with error, so its changes
        are shrunk to their mean by their reliability, which undoes the flattening of the slope (regression calibration,
        doi 10.1201/9781420010138). ``contributions`` are the effective score contributions of sign-flip tests
        (Hemerik et al. 2020, doi 10.1111/rssb.12369), residuals scaled up by their leverage.
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
    share = reliability(parts)
    x = middle + share * (c - middle)
    y, z = d - d.mean(), x - x.mean()
    slope = float(z @ y / (z @ z))
    own, contributions = empty.copy(), empty.copy()
    own[usable] = d - slope * c
    # Under the null the line passes through the origin; what is left of 1 beyond x is what tells the intercept.
    along = x / np.sqrt(x @ x)
    rest, left = 1.0 - along * along.sum(), d - along * (along @ d)
    contributions[usable] = n * rest * left / np.maximum(1.0 - along**2, 1e-9) / (rest @ rest)
    return Beyond(
        own=own, contributions=contributions, slope=slope, r_squared=_explained(y, slope * z), reliability=share,
        mean_change=middle, sd_change=spread, n=n,
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
    within = parts - np.where(side[:, None], parts[side].mean(axis=0), parts[~side].mean(axis=0))
    c, z = parts.mean(axis=1), within.mean(axis=1)
    n = len(s)
    difference, spread = float(c[side].mean() - c[~side].mean()), float(np.sqrt(z @ z / (n - 2)))
    why = _too_far(difference, spread, "units within the groups")
    if why:
        return Beyond(own=empty, contributions=empty, n=n, mean_change=difference, sd_change=spread, why=why)
    share = reliability(within)
    y = s - np.where(side, s[side].mean(), s[~side].mean())
    flat = float(z @ y / (z @ z))
    slope = flat / share
    own, contributions = empty.copy(), empty.copy()
    own[usable] = s - slope * (c - c[~side].mean())
    left = (y - flat * z) / np.maximum(1.0 - z**2 / (z @ z), 1e-9)
    weight = np.where(side, -float(side.sum()), float((~side).sum()))
    contributions[usable] = own[usable] + weight * difference * z * left / (z @ z) / share
    return Beyond(
        own=own, contributions=contributions, slope=slope, r_squared=_explained(y, flat * z), reliability=share,
        mean_change=difference, sd_change=spread, n=n,
    )  # fmt: skip


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
