"""Paired tests: differences of independent units × tests in, effects, intervals and flip p values out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from ohmics.errors import OhmicsError
from ohmics.seeds import generator
from ohmics.stats.multiple import TIE, FloatArray, step_down_max_t

EXACT_UNITS = 20
"""Up to this many units all 2^n sign flips are enumerated; beyond it they are drawn."""
LEVEL = 0.95
_BLOCK = 1 << 21  # numbers in one block of null statistics: 16 MiB
_BEYOND = 1e300
_RANKED = 200  # units up to which the signed-rank distribution is counted out


@dataclass(frozen=True, slots=True)
class EffectTest:
    """What a randomisation test says, one entry a test; every array has shape (tests,).

    ``effect`` is the mean difference and ``low``, ``high`` the interval from inverting the test at
    ``level`` (the attained one: with few units the widest attainable interval, with one none).
    ``p`` is two-sided and never 0. ``smallest_p`` is what the test could have reached. ``sd`` is the
    standard deviation between units. ``min_detectable`` is the true effect found with 80 % power at
    the largest attainable level up to 5 % (noncentral t; missing where 5 % cannot be attained).
    ``hodges_lehmann`` is the median of the Walsh averages, ``hl_low`` and ``hl_high`` the signed-rank interval
    around it at ``hl_level`` (of two groups: the median of all differences, without interval).
    """

    effect: FloatArray
    low: FloatArray
    high: FloatArray
    level: FloatArray
    p: FloatArray
    smallest_p: FloatArray
    n_units: npt.NDArray[np.int64]
    sd: FloatArray
    hodges_lehmann: FloatArray
    min_detectable: FloatArray
    scheme: tuple[str, ...]
    hl_low: FloatArray
    hl_high: FloatArray
    hl_level: FloatArray

    def subset(self, tests: npt.NDArray[np.bool_]) -> EffectTest:
        """Return some of the tests."""
        kept = {f.name: getattr(self, f.name)[tests] for f in fields(self) if f.name != "scheme"}
        return EffectTest(scheme=tuple(np.array(self.scheme, dtype=object)[tests]), **kept)


@dataclass(frozen=True, slots=True)
class Flips:
    """The sign flips that all tests of a contrast share.

    A flip and its mirror image give the same ``|T|``, so only flips that keep the first unit's sign
    are enumerated; the first row is the identity.

    Parameters
    ----------
    n_units
        Independent units (patients) of the contrast.
    n_draws
        Random flips when there are more than `EXACT_UNITS` units.
    seed, name
        What the draws depend on: the same seed and name give the same flips for every test.
    """

    n_units: int
    n_draws: int = 10_000
    seed: int = 0
    name: str = ""

    @property
    def exact(self) -> bool:
        """Whether every flip is enumerated."""
        return self.n_units <= EXACT_UNITS

    @property
    def n_flips(self) -> int:
        """Flips that `blocks` yields."""
        return 1 << max(0, self.n_units - 1) if self.exact else self.n_draws

    def blocks(self, width: int = 1) -> Iterator[FloatArray]:
        """Yield the flips as -1 and 1, shape (flips, units), in blocks fit for ``width`` tests."""
        rows = max(1, _BLOCK // max(1, width, self.n_units))
        random = generator(self.seed, "flips", self.name, self.n_units)
        for start in range(0, self.n_flips, rows):
            stop = min(start + rows, self.n_flips)
            if self.exact:
                bits = (np.arange(start, stop)[:, None] << 1 >> np.arange(self.n_units)) & 1
            else:
                bits = random.integers(0, 2, size=(stop - start, self.n_units), dtype=np.int8)
            yield np.asarray(1.0 - 2.0 * bits, dtype=np.float64)

    def null(self, differences: FloatArray) -> Iterator[FloatArray]:
        """Yield the flipped statistics, shape (flips, tests), block by block."""
        scaled = _scaled(differences)
        for signs in self.blocks(differences.shape[1]):
            yield signs @ scaled


def statistic(differences: FloatArray) -> FloatArray:
    """Return the self-normalised sum of each test: sum of d over the root of the sum of d².

    It is t's monotone twin (t = z √((n - 1) / (n - z²))), so alone it gives the p values of t and of
    the mean; but under flips its variance is 1 whatever the number of units, and its size at most √n.
    A test on two patients therefore cannot drown, in max-|T|, the tests that have twelve.

    Parameters
    ----------
    differences
        Shape (units, tests); NaN where a unit lacks the test. A test without any difference has NaN.
    """
    total = np.ones(differences.shape[0]) @ _scaled(differences)
    return np.where(np.isnan(differences).all(axis=0), np.nan, total)


def _scaled(differences: FloatArray) -> FloatArray:
    filled = np.nan_to_num(differences, nan=0.0)
    size = np.sqrt(np.einsum("ij,ij->j", filled, filled))
    scaled: FloatArray = np.divide(filled, size, out=np.zeros_like(filled), where=size > 0)
    return scaled


def step_down(differences: FloatArray, flips: Flips) -> FloatArray:
    """Return step-down max-|T| adjusted p of one family of tests under shared flips, shape (tests,).

    Parameters
    ----------
    differences
        The family's tests, shape (units, tests); NaN where a unit lacks the test.
    flips
        The flips of the contrast; its units are the rows of ``differences``.
    """
    checked = _check(differences)
    if checked.shape[0] != flips.n_units:
        raise OhmicsError(f"differences have {checked.shape[0]} units, the flips {flips.n_units}; they must agree")
    return step_down_max_t(statistic(checked), flips.null(checked), identity_included=flips.exact)


def flip_test(differences: FloatArray, flips: Flips) -> EffectTest:
    """Test each column's mean against zero by flipping the signs of units.

    Parameters
    ----------
    differences
        Shape (units, tests), test minus reference; NaN where a unit lacks the test.
    flips
        The flips of the contrast. A test with at most 20 units is enumerated on its own units,
        even when the contrast has more.

    Notes
    -----
    The interval is the set of shifts that the flip test does not reject. Its limits are order
    statistics of the means of all subsets of units (Hartigan 1969, doi 10.1080/01621459.1969.10501057),
    so no search is needed.
    """
    checked = _check(differences)
    n = np.count_nonzero(~np.isnan(checked), axis=0)
    count = checked.shape[1]
    names = ("effect", "low", "high", "level", "p", "least", "sd", "hl", "hl_low", "hl_high", "hl_level", "mde")
    columns = {name: np.full(count, np.nan) for name in names}
    drawn = np.flatnonzero(n > EXACT_UNITS)
    results = {int(j): _exact(_given(checked, j)) for j in np.flatnonzero((n > 0) & (n <= EXACT_UNITS))}
    results.update(zip(drawn.tolist(), _drawn(checked[:, drawn], flips), strict=True))
    schemes = [""] * count
    for j, (p, low, high, level, scheme, attainable) in results.items():
        d = _given(checked, j)
        columns["p"][j], columns["low"][j], columns["high"][j], columns["level"][j] = p, low, high, level
        columns["effect"][j] = d.mean()
        columns["hl"][j] = hodges_lehmann(d)
        columns["hl_low"][j], columns["hl_high"][j], columns["hl_level"][j] = signed_rank_interval(d)
        columns["sd"][j] = d.std(ddof=1) if d.size > 1 else np.nan
        columns["least"][j] = _smallest(d, flips)
        columns["mde"][j] = columns["sd"][j] * detectable_shift(int(d.size) - 1, attainable) / np.sqrt(d.size)
        schemes[j] = scheme
    return EffectTest(
        effect=columns["effect"], low=columns["low"], high=columns["high"], level=columns["level"], p=columns["p"],
        smallest_p=columns["least"], n_units=n, sd=columns["sd"],
        hodges_lehmann=columns["hl"], min_detectable=columns["mde"], scheme=tuple(schemes),
        hl_low=columns["hl_low"], hl_high=columns["hl_high"], hl_level=columns["hl_level"],
    )  # fmt: skip


_Row = tuple[float, float, float, float, str, float]


def _exact(d: FloatArray) -> _Row:
    """Return p, low, high, level, scheme and largest attainable level ≤ 5 % from all 2^n subsets of units."""
    sums, sizes = np.zeros(1), np.zeros(1)
    for value in d:
        sums, sizes = np.concatenate([sums, sums + value]), np.concatenate([sizes, sizes + 1])
    total = float(sums[-1])
    slack = TIE * float(np.abs(d).sum())
    # Flipping the units of a subset lowers the sum unless the subset's own sum is ≤ 0 (the empty one: identity).
    beyond = np.count_nonzero(sums <= slack if total > 0 else sums >= -slack)
    p = min(1.0, 2.0 * beyond / sums.size)
    means = sums[1:] / sizes[1:]
    order = max(1, int((1 - LEVEL) / 2 * sums.size))
    level = 1.0 - 2.0 * order / sums.size
    scheme = f"sign flips of {d.size} units, all 2^{d.size}"
    attainable = int((1 - LEVEL) / 2 * sums.size) * 2.0 / sums.size
    if d.size < 2:
        return p, np.nan, np.nan, np.nan, scheme, attainable
    limits = np.partition(means, [order - 1, means.size - order])
    return p, float(limits[order - 1]), float(limits[means.size - order]), level, scheme, attainable


def _drawn(differences: FloatArray, flips: Flips) -> Iterator[_Row]:
    """Yield the same as `_exact` for tests with too many units, from the contrast's shared draws."""
    count = differences.shape[1]
    if not count:
        return
    filled, given = np.nan_to_num(differences, nan=0.0), (~np.isnan(differences)).astype(np.float64)
    step = max(1, _BLOCK // flips.n_draws)
    flipped = np.concatenate([(signs < 0) for signs in flips.blocks()]).astype(np.float64)
    order = max(1, int((1 - LEVEL) / 2 * (flips.n_draws + 1)))
    level = 1.0 - 2.0 * order / (flips.n_draws + 1)
    scheme = f"sign flips, {flips.n_draws} draws, seed {flips.seed}"
    for start in range(0, count, step):
        part = slice(start, start + step)
        sums, sizes = flipped @ filled[:, part], flipped @ given[:, part]
        total, slack = filled[:, part].sum(axis=0), TIE * np.abs(filled[:, part]).sum(axis=0)
        tail = np.where(total > 0, sums <= slack, sums >= -slack)
        # Both tails of the drawn flips: the mirror image of a flip flips the complement.
        tail |= np.where(total > 0, total - sums <= slack, total - sums >= -slack)
        p = (1 + np.count_nonzero(tail, axis=0)) / (flips.n_draws + 1)
        means = np.divide(sums, sizes, out=np.full_like(sums, -_BEYOND), where=sizes > 0)
        limits = np.partition(means, [order - 1, flips.n_draws - order], axis=0)
        for j in range(sums.shape[1]):
            yield float(p[j]), float(limits[order - 1, j]), float(limits[-order, j]), level, scheme, 1 - LEVEL


def hodges_lehmann(d: FloatArray) -> float:
    """Return the median of the Walsh averages (d_i + d_j) / 2, i ≤ j: the estimate beside the signed-rank test."""
    first, second = np.triu_indices(d.size)
    return float(np.median((d[first] + d[second]) / 2.0))


def signed_rank_interval(d: FloatArray) -> tuple[float, float, float]:
    """Return low, high and level of the interval that inverts Wilcoxon's signed-rank test.

    Parameters
    ----------
    d
        Differences, shape (units,), none missing. The level is the exact one of untied differences, at least 95 %
        or, with fewer than six units, the largest there is; missing for one unit.

    Notes
    -----
    Hollander, Wolfe and Chicken 2014, section 3.3. Beyond 200 units the normal approximation gives the order.
    """
    if d.size < 2:
        return float("nan"), float("nan"), float("nan")
    first, second = np.triu_indices(d.size)
    walsh = np.sort((d[first] + d[second]) / 2.0)
    order, level = _signed_rank_order(int(d.size))
    return float(walsh[order - 1]), float(walsh[-order]), level


@lru_cache(maxsize=256)
def _signed_rank_order(n: int) -> tuple[int, float]:
    """Return which Walsh average from either end limits the interval, and its level."""
    if n > _RANKED:
        mean, sd = n * (n + 1) / 4, np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        order = max(1, int(mean - stats.norm.isf((1 - LEVEL) / 2) * sd))
        return order, float(1 - 2 * stats.norm.cdf((order - 0.5 - mean) / sd))
    chance = np.ones(1)
    for rank in range(1, n + 1):
        wider = np.zeros(chance.size + rank)
        wider[: chance.size] += chance / 2
        wider[rank:] += chance / 2
        chance = wider
    below = np.cumsum(chance)
    order = max(1, int(np.searchsorted(below, (1 - LEVEL) / 2 + TIE, side="left")))
    return order, float(1 - 2 * below[order - 1])


@lru_cache(maxsize=1024)
def detectable_shift(df: int, level: float, power: float = 0.8) -> float:
    """Return the true effect, in standard errors, that a two-sided t test finds with this power.

    Parameters
    ----------
    df
        Degrees of freedom; NaN is returned below 1.
    level
        Two-sided level of the test; NaN is returned when it is 0 (nothing can be found).
    power
        Share of studies that find it.
    """
    if df < 1 or level <= 0:
        return float("nan")
    limit = float(stats.t.isf(level / 2, df))

    def missing(shift: float) -> float:
        # The other tail is left out: at 80 % power it is below 1e-6.
        return float(stats.nct.sf(limit, df, shift)) - power

    return float(optimize.brentq(missing, 0.0, limit + 20.0))


def _smallest(d: FloatArray, flips: Flips) -> float:
    """Return the smallest p these absolute differences allow: a difference of exactly 0 cannot be flipped."""
    floor = float(min(1.0, 2.0 ** (1 - np.count_nonzero(d))))
    return floor if d.size <= EXACT_UNITS else max(floor, 1.0 / (flips.n_draws + 1))


def _given(differences: FloatArray, column: int | np.intp) -> FloatArray:
    values = differences[:, column]
    given: FloatArray = values[~np.isnan(values)]
    return given


def _check(differences: FloatArray) -> FloatArray:
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 2:
        raise OhmicsError(f"differences have {values.ndim} dimensions; units × tests are expected")
    if np.isinf(values).any():
        raise OhmicsError(f"{int(np.isinf(values).sum())} differences are infinite; legal: numbers, or missing")
    return values
