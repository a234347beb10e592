"""Values of independent units × tests and what is asked of them in, effects and p values by re-labelling out.

Two groups and a quantity are permuted over units; differences of pairs beyond covariates change their signs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations, product
from math import comb, factorial, prod

import numpy as np
import numpy.typing as npt

from ohmics.errors import OhmicsError
from ohmics.seeds import generator
from ohmics.stats.multiple import TIE, FloatArray, step_down_max_t
from ohmics.stats.paired import LEVEL, EffectTest, detectable_shift

EXACT_LABELLINGS = 1 << 20
EXACT_SIGNS = 14
"""Up to this many units all signs of residuals are taken; they are exchangeable only nearly: more is no gain."""
_ROWS = 1 << 15
_HELD = 1 << 25  # numbers of one part of the draws' ratios: 256 MiB


@dataclass(frozen=True, slots=True)
class Groups:
    """Who belongs to which group, and how labels may be exchanged.

    Parameters
    ----------
    test
        Shape (units,): True in the test group, False in the reference group.
    strata
        Shape (units,): labels are exchanged within a stratum only.
    covariates
        Shape (units, covariates), numeric: their linear effect is removed and residuals are permuted
        (Freedman and Lane 1983, doi 10.1080/07350015.1983.10509354).
    quantity
        Shape (units,): a continuous variable; its slope is asked about and ``test`` is not read.
    signs
        Values are differences of pairs: their mean beyond the covariates (differences too) is asked about, and
        residuals change their signs (Winkler 2014, doi 10.1016/j.neuroimage.2014.01.060); ``test`` is not read.
    n_draws, seed, name
        Random permutations when the labellings exceed 2^20, a unit lacks a test or there are covariates.
    """

    test: npt.NDArray[np.bool_]
    strata: npt.NDArray[np.int64]
    covariates: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    quantity: FloatArray | None = None
    signs: bool = False
    n_draws: int = 10_000
    seed: int = 0
    name: str = ""

    @property
    def n_labellings(self) -> int:
        """Distinct ways to label the units within strata."""
        return _labellings(self.test, self.strata)

    def exact(self, values: FloatArray) -> bool:
        """Whether every labelling is enumerated for these values."""
        if np.isnan(values).any() or self.quantity is not None:
            return False
        if self.signs:
            return len(values) <= EXACT_SIGNS
        return not self.covariates.size and self.n_labellings <= EXACT_LABELLINGS

    @property
    def asked(self) -> FloatArray:
        """The column whose coefficient is asked about, shape (units,)."""
        if self.signs:
            return np.ones(self.test.size)
        return self.test.astype(np.float64) if self.quantity is None else self.quantity


@dataclass(frozen=True, slots=True)
class _Design:
    """The linear model of the units that have one pattern of tests."""

    rows: npt.NDArray[np.intp]
    basis: FloatArray  # orthonormal columns of intercept, strata and covariates
    contrast: FloatArray  # group indicator beyond the basis
    strata: npt.NDArray[np.int64]

    @property
    def df(self) -> int:
        return int(self.rows.size - self.basis.shape[1] - 1)


def permutation_test(values: FloatArray, groups: Groups) -> EffectTest:
    """Test the difference between two groups by permuting units within strata.

    Parameters
    ----------
    values
        Shape (units, tests); NaN where a unit lacks the test.
    groups
        Labels, strata, covariates and draws; rows agree with ``values``.

    Returns
    -------
    EffectTest
        ``effect`` is test minus reference (a quantity: the slope), within strata and beyond covariates; ``sd`` the
        residual standard deviation between units. The interval inverts the permutation test; its limits are
        order statistics, so no search is needed. A test with an empty group is missing throughout.
    """
    values, exact = _check(values, groups), groups.exact(values)
    names = ("effect", "low", "high", "level", "p", "least", "sd", "hl", "mde")
    out = {name: np.full(values.shape[1], np.nan) for name in names}
    schemes = [""] * values.shape[1]
    for design, tests in _parts(values, groups, exact=exact):
        e, numerator, studentised = _observed(values, design, tests)
        beyond = np.zeros(tests.size, dtype=np.int64)
        ratios, own = [], float(design.contrast @ design.contrast)
        for weights, bases in _blocks(groups, design, exact=exact):
            null = _studentise(weights @ e, e, design, bases)
            beyond += np.count_nonzero(np.abs(null) >= np.abs(studentised) * (1 - TIE), axis=0)
            gap = (own - weights @ design.contrast)[:, None]
            ratios.append(np.where(gap > TIE * own, numerator - weights @ e, np.nan) / np.maximum(gap, TIE * own))
        draws = sum(len(r) for r in ratios)
        extra = 0 if exact else 1
        out["p"][tests] = (beyond + extra) / (draws + extra)
        out["effect"][tests] = numerator / own
        out["low"][tests], out["high"][tests], out["level"][tests] = _limits(
            np.concatenate(ratios), numerator / own, design, groups, exact=exact
        )
        least = _smallest(groups, design, exact=exact, draws=draws)
        out["sd"][tests] = np.sqrt(np.maximum(0, (e * e).sum(axis=0) - numerator**2 / own) / max(design.df, 1))
        shift = detectable_shift(design.df, 0.05 if least <= 0.05 else 0.0)
        out["mde"][tests] = out["sd"][tests] / np.sqrt(own) * shift
        out["least"][tests] = least
        if design.basis.shape[1] == 1 and groups.quantity is None and not groups.signs:
            out["hl"][tests] = _shift(values[np.ix_(design.rows, tests)], groups.test[design.rows])
        for j in tests:
            schemes[j] = _scheme(groups, exact=exact, draws=draws)
    return EffectTest(
        effect=out["effect"], low=out["low"], high=out["high"], level=out["level"], p=out["p"],
        smallest_p=out["least"], n_units=np.count_nonzero(~np.isnan(values), axis=0), sd=out["sd"],
        hodges_lehmann=out["hl"], min_detectable=out["mde"], scheme=tuple(schemes),
        hl_low=np.full_like(out["hl"], np.nan), hl_high=np.full_like(out["hl"], np.nan),
        hl_level=np.full_like(out["hl"], np.nan),
    )  # fmt: skip


def step_down(values: FloatArray, groups: Groups) -> FloatArray:
    """Return step-down max-|T| adjusted p of one family under shared permutations, shape (tests,)."""
    values, exact = _check(values, groups), groups.exact(values)
    observed = np.full(values.shape[1], np.nan)
    patterns = list(_patterns(values, groups))
    for design, tests in patterns:
        observed[tests] = _observed(values, design, tests)[2]

    def null() -> Iterator[FloatArray]:
        streams = [_blocks(groups, design, exact=exact) for design, _ in patterns]
        for parts in zip(*streams, strict=True):
            block = np.full((len(parts[0][0]), values.shape[1]), np.nan)
            for (weights, bases), (design, tests) in zip(parts, patterns, strict=True):
                e = _observed(values, design, tests)[0]
                block[:, tests] = _studentise(weights @ e, e, design, bases)
            yield block

    if not patterns:
        return observed
    return step_down_max_t(observed, null(), identity_included=exact)


def _patterns(values: FloatArray, groups: Groups) -> Iterator[tuple[_Design, npt.NDArray[np.intp]]]:
    """Yield the design of each set of units and the tests these units have; an empty group has none."""
    given = ~np.isnan(values)
    patterns, member = np.unique(given, axis=1, return_inverse=True)
    for number in range(patterns.shape[1]):
        rows = np.flatnonzero(patterns[:, number])
        label, strata = groups.asked[rows], groups.strata[rows]
        columns = [np.zeros((rows.size, 0))]
        if not groups.signs:
            columns = [np.ones((rows.size, 1)), (strata[:, None] == np.unique(strata)[None, 1:]).astype(float)]
        if groups.covariates.size:
            columns.append(groups.covariates[rows])
        basis, triangle = np.linalg.qr(np.column_stack(columns))
        basis = basis[:, np.abs(np.diag(triangle)) > 1e-10] if rows.size else basis
        contrast = label - basis @ (basis.T @ label)
        if rows.size and float(contrast @ contrast) > 1e-8 and rows.size > basis.shape[1] + 1:
            yield _Design(rows, basis, contrast, strata), np.flatnonzero(member.ravel() == number)


def _parts(values: FloatArray, groups: Groups, *, exact: bool) -> Iterator[tuple[_Design, npt.NDArray[np.intp]]]:
    """Yield the same, few enough tests at a time that every draw's number of each can be held."""
    draws = groups.n_draws
    if exact:
        draws = 1 << max(0, len(values) - 1) if groups.signs else groups.n_labellings
    step = max(1, _HELD // max(1, draws))
    for design, tests in _patterns(values, groups):
        for start in range(0, tests.size, step):
            yield design, tests[start : start + step]


def _observed(
    values: FloatArray, design: _Design, tests: npt.NDArray[np.intp]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return residuals, the contrast's sum over them, and the observed statistic."""
    y = values[np.ix_(design.rows, tests)]
    e = y - design.basis @ (design.basis.T @ y)
    numerator = design.contrast @ e
    return e, numerator, _studentise(numerator[None], e, design, None)[0]


def _studentise(numerator: FloatArray, e: FloatArray, design: _Design, bases: list[FloatArray] | None) -> FloatArray:
    """Return the partial correlation times √df: t's monotone twin, of bounded size like that of the flips."""
    left = np.broadcast_to((e * e).sum(axis=0), numerator.shape)
    for weights in bases or ():
        left = left - (weights @ e) ** 2
    size = np.sqrt(np.maximum(left, 0) * float(design.contrast @ design.contrast))
    scaled = np.divide(numerator, size, out=np.zeros_like(numerator), where=size > TIE * np.abs(numerator))
    statistic: FloatArray = scaled * np.sqrt(max(design.df + 1, 1))
    return statistic


def _blocks(groups: Groups, design: _Design, *, exact: bool) -> Iterator[tuple[FloatArray, list[FloatArray] | None]]:
    """Yield, draw by draw, the contrast (and, with covariates, the basis) moved to permuted units or signs."""
    if groups.signs:
        for signs in _signs(groups, exact=exact):
            own = signs[:, design.rows]
            yield own * design.contrast, [own * column for column in design.basis.T]
        return
    if exact:
        labels = _enumerate(groups.test, groups.strata)
        for start in range(0, len(labels), _ROWS):
            x = labels[start : start + _ROWS].astype(np.float64)
            yield x - (x @ design.basis) @ design.basis.T, None
        return
    random = generator(groups.seed, "permutations", groups.name, groups.test.size)
    home = np.argsort(design.strata, kind="stable")
    for start in range(0, groups.n_draws, _ROWS):
        keys = random.random((min(_ROWS, groups.n_draws - start), groups.test.size))[:, design.rows]
        moved = np.empty(keys.shape, dtype=np.intp)
        moved[:, home] = np.argsort(design.strata + keys, axis=1)
        place = np.arange(len(keys))[:, None]
        weights = np.empty(keys.shape)
        weights[place, moved] = design.contrast
        bases = None
        if groups.covariates.size:
            bases = [np.empty(keys.shape) for _ in range(design.basis.shape[1])]
            for number, one in enumerate(bases):
                one[place, moved] = design.basis[:, number]
        yield weights, bases


def _signs(groups: Groups, *, exact: bool) -> Iterator[FloatArray]:
    """Yield signs of all units, shape (draws, units); a draw and its mirror image say the same."""
    n = groups.test.size
    total = 1 << max(0, n - 1) if exact else groups.n_draws
    random = generator(groups.seed, "signs", groups.name, n)
    for start in range(0, total, _ROWS):
        stop = min(start + _ROWS, total)
        if exact:
            bits = (np.arange(start, stop)[:, None] << 1 >> np.arange(n)) & 1
        else:
            bits = random.integers(0, 2, size=(stop - start, n), dtype=np.int8)
        yield np.asarray(1.0 - 2.0 * bits, dtype=np.float64)


def _enumerate(test: npt.NDArray[np.bool_], strata: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    """Return every labelling within strata, shape (labellings, units), the observed one among them."""
    members = [np.flatnonzero(strata == name) for name in np.unique(strata)]
    choices = [combinations(rows.tolist(), int(test[rows].sum())) for rows in members]
    chosen = np.array([sum(parts, ()) for parts in product(*choices)], dtype=np.intp)
    labels = np.zeros((len(chosen), test.size), dtype=np.int8)
    np.put_along_axis(labels, chosen, 1, axis=1)
    return labels


def _limits(
    ratios: FloatArray, effect: FloatArray, design: _Design, groups: Groups, *, exact: bool
) -> tuple[FloatArray, FloatArray, float]:
    """Return the interval from the shifts at which each draw starts to count, and its level."""
    number = len(ratios) + (0 if exact else 1)
    order = max(1, int((1 - LEVEL) / 2 * number + TIE))
    place = order if exact else order - 1
    if place >= len(ratios):
        return np.full_like(effect, np.nan), np.full_like(effect, np.nan), float("nan")
    low = np.sort(np.where(np.isnan(ratios), -np.inf, ratios), axis=0)[place]
    high = -np.sort(np.where(np.isnan(ratios), -np.inf, -ratios), axis=0)[place]
    if groups.covariates.size:
        # Permuted residuals vary by (n - k) / (n - 1) of what errors do, those that change signs by (n - k) / n.
        most = design.rows.size - (0 if groups.signs else 1)
        wider = np.sqrt(most / (design.rows.size - design.basis.shape[1]))
        low, high = effect + (low - effect) * wider, effect + (high - effect) * wider
    known = np.isfinite(low) & np.isfinite(high)
    level = 1.0 - 2.0 * order / number
    return np.where(known, low, np.nan), np.where(known, high, np.nan), level if level > 0 else float("nan")


def _labellings(test: npt.NDArray[np.bool_], strata: npt.NDArray[np.int64]) -> int:
    return prod(comb(int((strata == name).sum()), int(test[strata == name].sum())) for name in np.unique(strata))


def _smallest(groups: Groups, design: _Design, *, exact: bool, draws: int) -> float:
    if groups.signs or groups.quantity is not None:
        n = int(design.rows.size)
        floor = min(1.0, 2.0 ** (1 - n) if groups.signs else 1.0 / factorial(n))
        return floor if exact else max(floor, 1 / (draws + 1))
    label, strata = groups.test[design.rows], groups.strata[design.rows]
    # Equal groups in every stratum: exchanging the two names gives the same |T|.
    mirrored = all(2 * int(label[strata == name].sum()) == int((strata == name).sum()) for name in np.unique(strata))
    floor = min(1.0, (2 if mirrored else 1) / _labellings(label, strata))
    return floor if exact else max(floor, 1 / (draws + 1))


def _scheme(groups: Groups, *, exact: bool, draws: int) -> str:
    if groups.signs:
        how = f"all 2^{groups.test.size}" if exact else f"{draws} draws, seed {groups.seed}"
        return f"sign flips of residuals (Freedman-Lane), {how}"
    within = " within strata" if np.unique(groups.strata).size > 1 else ""
    if exact:
        return f"permutation of units{within}, all {draws} labellings"
    what = "residuals (Freedman-Lane)" if groups.covariates.size else "units"
    if groups.quantity is not None:
        return f"values permuted over {what}{within}, {draws} draws, seed {groups.seed}"
    return f"permutation of {what}{within}, {draws} draws, seed {groups.seed}"


def _shift(y: FloatArray, test: npt.NDArray[np.bool_]) -> FloatArray:
    """Return the median of all differences between a unit of the test and one of the reference group."""
    pairs: FloatArray = y[test][:, None, :] - y[~test][None, :, :]
    return np.median(pairs.reshape(-1, y.shape[1]), axis=0)


def _check(values: FloatArray, groups: Groups) -> FloatArray:
    checked = np.asarray(values, dtype=np.float64)
    if checked.ndim != 2 or not checked.shape[0] == groups.test.size == groups.strata.size:
        raise OhmicsError(f"values of shape {checked.shape} do not fit {groups.test.size} labelled units")
    if np.isinf(checked).any():
        raise OhmicsError(f"{int(np.isinf(checked).sum())} values are infinite; legal: numbers, or missing")
    return checked
