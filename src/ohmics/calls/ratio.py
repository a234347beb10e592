"""Counts of an antigen before and after, ambient RNA and the null come in; the remaining fraction and how sure go out.

The counts after are set against what they would be were a fraction of the antigen left. What is not known (the
rate before, ambient RNA, how far an unchanged gene moves) is drawn from what the data say of it, and the tail
probability of the counts after is averaged over the draws: a fiducial (generalised) p as for a ratio of two
Poisson rates, where this construction gives the conditional binomial test (Krishnamoorthy and Thomson 2004,
doi:10.1016/S0378-3758(02)00408-1; Weerahandi 1993, doi:10.1080/01621459.1993.10476355). A count of 0 after gives a
finite upper limit, and a rate before that is not told from 0 gives none (as Fieller's interval does).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, gammaincc, gammaincinv, gammaln, ndtri

from ohmics.calls.ambient import Ambient
from ohmics.calls.matched import Null
from ohmics.calls.populations import Floats, Population
from ohmics.seeds import generator

DRAWS = 512
GRID = np.log(np.concatenate(([1e-6], np.geomspace(2e-3, 60.0, 64))))
"""Logs of the remaining fractions at which tails are worked out; between them they are interpolated."""
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Side:
    """The antigen in one population: its cells, its counts, their dispersion and ambient RNA."""

    cells: Population
    counts: Floats
    dispersion: float
    ambient: Ambient

    @property
    def total(self) -> float:
        """Counts over all cells."""
        return float(self.counts.sum())

    @property
    def detected(self) -> int:
        """Cells with a count."""
        return int(np.count_nonzero(self.counts))

    @property
    def own_umi(self) -> float:
        """UMI of the cells less ambient RNA."""
        return self.cells.total * (1 - self.ambient.share)

    @property
    def own_rate(self) -> float:
        """Antigen counts of the cells' own per UMI of their own, never below 0."""
        own = max(self.total - self.cells.n * self.ambient.per_cell, 0.0)
        return own / self.own_umi if self.own_umi > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Tails:
    """Tail probabilities of the counts after, along `GRID`: of as few (loss) and as many (gain) or more extreme."""

    few: Floats
    many: Floats

    def p_loss(self, log_fraction: float = 0.0) -> float:
        """Return the one-sided p against ``fraction or more remains``."""
        return float(np.exp(np.interp(log_fraction, GRID, np.log(np.maximum(self.few, 1e-300)))))

    def p_gain(self, log_fraction: float = 0.0) -> float:
        """Return the one-sided p against ``fraction or less remains``."""
        return float(np.exp(np.interp(log_fraction, GRID, np.log(np.maximum(self.many, 1e-300)))))

    def upper(self, level: float) -> float:
        """Return the upper limit of the remaining fraction whose tail is ``level``; inf when there is none."""
        return _cross(self.few, level, np.inf)

    def lower(self, level: float) -> float:
        """Return the lower limit of the remaining fraction whose tail is ``level``; 0 when there is none."""
        return _cross(self.many[::-1], level, 0.0, GRID[::-1])


def _cross(tail: Floats, level: float, beyond: float, grid: Floats = GRID) -> float:
    """Return the fraction at which a falling tail crosses ``level``, in probits, where tails are nearly straight."""
    below = np.flatnonzero(tail < level)
    if not below.size:
        return beyond
    last = int(below[0])
    if last == 0:
        return float(np.exp(grid[0]))
    ends = ndtri(np.clip(tail[[last - 1, last]], 1e-300, 1 - 1e-16))
    share = float((ends[0] - ndtri(level)) / (ends[0] - ends[1])) if ends[0] > ends[1] else 1.0
    return float(np.exp(grid[last - 1] + share * (grid[last] - grid[last - 1])))


def tails(pre: Side, post: Side, null: Null, *, seed: int, names: tuple[str, ...]) -> Tails:
    """Return the tail probabilities of the counts after along `GRID`.

    Parameters
    ----------
    pre, post
        The antigen before and after.
    null
        How genes of like expression changed.
    seed, names
        Seed, and what tells this call from others, for the draws.
    """
    uniform = _spread_uniform(seed, names)
    normal = ndtri(uniform)
    shape = 1.0 / (1.0 / (pre.total + 0.5) + pre.dispersion * pre.cells.crowding)
    before = gammaincinv(shape, uniform[:, 0]) * (pre.total + 0.5) / shape
    # What the ambient correction makes of depth is half believed: how the soup is made up is only estimated.
    dilution = 0.5 * abs(float(np.log((1 - post.ambient.share) / (1 - pre.ambient.share))))
    moved = np.exp(null.median + float(np.sqrt(null.sd**2 + null.error**2 + dilution**2)) * normal[:, 1])
    found = []
    # Each tail takes the belief about ambient RNA that speaks against a call.
    for more, less in ((1.0, 0.0), (0.0, 1.0)):
        soup_before = pre.ambient.draw(uniform[:, 2], normal[:, 3], more) * pre.cells.n
        soup_after = post.ambient.draw(uniform[:, 4], normal[:, 5], less) * post.cells.n
        own = np.maximum(before - soup_before, 0.0) / pre.own_umi * post.own_umi * moved
        mean = np.exp(GRID)[:, None] * own[None, :] + soup_after[None, :]
        at_most, exactly = _distribution(post.total, mean, post.dispersion * post.cells.crowding)
        # Half of the point itself: its mean over repeats is then a half, as for a continuous statistic.
        tail = at_most - 0.5 * exactly
        found.append((tail if more else 1.0 - tail).mean(axis=1))
    few, many = (np.clip(tail, 0.0, 1.0) for tail in found)
    # Tails fall with the fraction; ties of the draws' rounding must not make two crossings.
    return Tails(np.minimum.accumulate(few), np.minimum.accumulate(many[::-1])[::-1])


def _spread_uniform(seed: int, names: tuple[str, ...]) -> Floats:
    """Return a Latin hypercube of draws × 6 in (0, 1): every margin is even, so that few draws are enough."""
    rng = generator(seed, "antigen", *names)
    steps = np.stack([rng.permutation(DRAWS) for _ in range(6)], axis=1)
    return np.asarray((steps + 0.5) / DRAWS, dtype=np.float64)


def _distribution(count: float, mean: Floats, dispersion: float) -> tuple[Floats, Floats]:
    """Return the probability of at most ``count`` and of ``count`` itself: negative binomial, or Poisson."""
    mean = np.maximum(mean, 1e-12)
    if dispersion < _TINY:
        at_most = gammaincc(count + 1.0, mean)
        return at_most, np.exp(count * np.log(mean) - mean - gammaln(count + 1.0))
    size = 1.0 / dispersion
    at_most = betainc(size, count + 1.0, size / (size + mean))
    log_point = gammaln(count + size) - gammaln(size) - gammaln(count + 1.0)
    return at_most, np.exp(log_point - size * np.log1p(mean / size) - count * np.log1p(size / mean))


def p_present(side: Side, *, seed: int, names: tuple[str, ...]) -> float:
    """Return the one-sided p of the counts against ``all of them are ambient``; 0 counts give 1.

    Without background cells it is 0: nothing speaks for ambient RNA, and nothing against it.
    """
    if side.total == 0:
        return 1.0
    if not side.ambient.known:
        return 0.0
    uniform = _spread_uniform(seed, ("present", *names))
    soup = side.ambient.draw(uniform[:, 0], ndtri(uniform[:, 1]), 1.0)
    at_most, exactly = _distribution(side.total, soup * side.cells.n, side.dispersion * side.cells.crowding)
    return float(np.mean(1.0 - at_most + exactly))


def expected_detected(pre: Side, post: Side, null: Null) -> float:
    """Return how many cells after would have a count had nothing changed, ambient counts included."""
    share = 1 - post.ambient.share
    mean = post.cells.depth * share * pre.own_rate * np.exp(null.median) + post.ambient.per_cell
    if pre.dispersion < _TINY:
        return float(np.sum(-np.expm1(-mean)))
    return float(np.sum(-np.expm1(-np.log1p(pre.dispersion * mean) / pre.dispersion)))
