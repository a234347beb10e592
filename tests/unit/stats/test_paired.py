"""Sign flips against scipy's exact permutation test, brute-force inversion and R-free textbook values."""

import itertools

import numpy as np
import pytest
from scipy import stats

from ohmics.errors import OhmicsError
from ohmics.stats.paired import Flips, detectable_shift, flip_test, hodges_lehmann, statistic, step_down


def all_flips(n):
    return np.array(list(itertools.product([1.0, -1.0], repeat=n)))


def flip_p(d):
    sums = np.abs(all_flips(len(d)) @ d)
    return np.mean(sums >= abs(d.sum()) * (1 - 1e-9))


@pytest.mark.parametrize("n", [2, 5, 8, 11])
def test_p_is_scipys_exact_paired_permutation_test(n):
    random = np.random.default_rng(n)
    d = random.normal(0.4, 1, size=(n, 4))
    result = flip_test(d, Flips(n))
    for j in range(4):
        truth = stats.permutation_test(
            (d[:, j],), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
        )
        assert result.p[j] == pytest.approx(truth.pvalue, abs=1e-12)


def test_drawn_flips_agree_with_scipys_and_are_never_zero():
    random = np.random.default_rng(0)
    d = random.normal(0.2, 1, size=(25, 3))
    d[:, 2] += 5
    result = flip_test(d, Flips(25, n_draws=4000, seed=1))
    for j in range(2):
        truth = stats.permutation_test(
            (d[:, j],), lambda x, axis: np.mean(x, axis=axis), permutation_type="samples", n_resamples=20_000,
            vectorized=True, rng=np.random.default_rng(5),
        ).pvalue  # fmt: skip
        assert abs(result.p[j] - truth) < 4 * np.sqrt(truth * (1 - truth) * (1 / 4000 + 1 / 20_000))
    assert result.p[2] == pytest.approx(1 / 4001)
    assert result.smallest_p[2] == pytest.approx(1 / 4001)
    assert "4000 draws" in result.scheme[0]


@pytest.mark.parametrize("n", [6, 7, 9])
def test_the_interval_holds_exactly_the_shifts_that_are_not_rejected(n):
    d = np.random.default_rng(n).normal(1, 2, size=n)
    result = flip_test(d[:, None], Flips(n))
    low, high, level = result.low[0], result.high[0], result.level[0]
    assert level >= 0.95
    width = high - low
    for inside in (low + 1e-6 * width, high - 1e-6 * width, d.mean()):
        assert flip_p(d - inside) > 1 - level + 1e-12
    for outside in (low - 1e-6 * width, high + 1e-6 * width):
        assert flip_p(d - outside) <= 1 - level + 1e-12


def test_with_five_units_or_fewer_the_interval_is_the_widest_attainable_and_says_its_level():
    for n, level in ((2, 0.5), (3, 0.75), (5, 0.9375)):
        d = np.arange(1.0, n + 1)[:, None] ** 2
        result = flip_test(d, Flips(n))
        assert (result.low[0], result.high[0]) == (1.0, float(n**2))
        assert result.level[0] == level
        assert result.smallest_p[0] == 2.0 / 2**n
        assert np.isnan(result.min_detectable[0])


def test_one_unit_has_an_effect_and_nothing_else():
    result = flip_test(np.array([[0.7]]), Flips(1))
    assert result.effect[0] == 0.7
    assert result.p[0] == result.smallest_p[0] == 1.0
    assert np.isnan([result.low[0], result.level[0], result.sd[0]]).all()


def test_coverage_of_the_interval_is_its_level():
    random = np.random.default_rng(4)
    d = random.standard_t(3, size=(8, 3000))
    result = flip_test(d, Flips(8))
    covered = np.mean((result.low <= 0) & (result.high >= 0))
    assert abs(covered - result.level[0]) < 4 * np.sqrt(0.05 * 0.95 / 3000)


def test_drawn_and_exact_intervals_agree():
    d = np.random.default_rng(5).normal(1, 1, size=(21, 1))
    drawn = flip_test(d, Flips(21, n_draws=20_000))
    exact = flip_test(d[:20], Flips(20))
    student = stats.t.interval(0.95, 20, d.mean(), d.std(ddof=1) / np.sqrt(21))
    assert drawn.low[0] == pytest.approx(student[0], abs=0.1)
    assert drawn.high[0] == pytest.approx(student[1], abs=0.1)
    assert "2^20" in exact.scheme[0]


def test_missing_units_are_left_out_test_by_test():
    d = np.random.default_rng(6).normal(0.5, 1, size=(9, 3))
    d[[0, 4], 1] = np.nan
    d[:, 2] = np.nan
    result = flip_test(d, Flips(9))
    alone = flip_test(d[~np.isnan(d[:, 1]), 1][:, None], Flips(7))
    for name in ("effect", "low", "high", "level", "p", "smallest_p", "sd", "hodges_lehmann", "min_detectable"):
        assert getattr(result, name)[1] == getattr(alone, name)[0]
        assert np.isnan(getattr(result, name)[2])
    assert result.n_units.tolist() == [9, 7, 0]


def test_hodges_lehmann_is_the_median_of_walsh_averages():
    d = np.random.default_rng(7).normal(size=13)
    walsh = [(a + b) / 2 for a, b in itertools.combinations_with_replacement(d, 2)]
    assert hodges_lehmann(d) == pytest.approx(np.median(walsh))
    # The signed-rank statistic of the differences is balanced at the estimate.
    assert stats.wilcoxon(d - hodges_lehmann(d)).pvalue > 0.95


def test_min_detectable_has_eighty_percent_power():
    random = np.random.default_rng(8)
    n, level = 10, 0.05
    shift = detectable_shift(n - 1, level) / np.sqrt(n)
    p = stats.ttest_1samp(random.normal(shift, 1, size=(n, 20_000)), 0).pvalue
    assert np.mean(p < level) == pytest.approx(0.8, abs=0.015)


def test_the_statistic_is_ts_twin():
    d = np.random.default_rng(9).normal(0.3, 1, size=(12, 5))
    z = statistic(d)
    np.testing.assert_allclose(z * np.sqrt(11 / (12 - z**2)), stats.ttest_1samp(d, 0).statistic)


def test_step_down_uses_the_same_flips_for_all_tests():
    """Against the definition: all flips of whole rows, studentised, naive step-down."""
    d = np.random.default_rng(10).normal(0.6, 1, size=(8, 6)) + np.random.default_rng(11).normal(size=(8, 1))
    flips = all_flips(8)

    def t(values):
        return np.abs(stats.ttest_1samp(values, 0).statistic)

    observed = t(d)
    null = np.array([t(d * signs[:, None]) for signs in flips])
    order = np.argsort(-observed)
    expected, before = np.zeros(6), 0.0
    for place, j in enumerate(order):
        before = max(before, np.mean(null[:, order[place:]].max(axis=1) >= observed[j] * (1 - 1e-9)))
        expected[j] = before
    np.testing.assert_allclose(step_down(d, Flips(8)), expected)


def test_the_floor_of_q_does_not_depend_on_the_number_of_lists():
    d = np.random.default_rng(12).normal(1, 0.01, size=(6, 60))
    assert step_down(d, Flips(6)).max() == pytest.approx(2 / 2**6)


def test_a_test_on_two_units_cannot_drown_those_on_twelve():
    random = np.random.default_rng(13)
    d = random.normal(0, 1, size=(12, 8))
    d[:, 0] = random.normal(1.5, 0.5, size=12)
    d[2:, 1:] = np.nan
    assert step_down(d, Flips(12))[0] < 0.01


def test_flips_are_seeded_by_name_and_enumerated_when_few():
    assert Flips(5).exact
    assert Flips(5).n_flips == 16
    rows = np.concatenate(list(Flips(4).blocks()))
    assert len(np.unique(rows, axis=0)) == 8
    assert (rows[:, 0] == 1).all()
    assert (rows[0] == 1).all()
    first, second = (np.concatenate(list(Flips(30, 50, 0, name).blocks())) for name in ("a", "b"))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, np.concatenate(list(Flips(30, 50, 0, "a").blocks(width=10**6))))


def test_no_difference_at_all_is_p_one():
    result = flip_test(np.zeros((7, 1)), Flips(7))
    assert result.p[0] == result.smallest_p[0] == 1.0
    assert step_down(np.zeros((7, 1)), Flips(7))[0] == 1.0


def test_wrong_input_is_named():
    with pytest.raises(OhmicsError, match="infinite"):
        flip_test(np.array([[np.inf]]), Flips(1))
    with pytest.raises(OhmicsError, match="3 units, the flips 4"):
        step_down(np.zeros((3, 1)), Flips(4))
