"""Areas, Firth's and Cox's models, their permutations and curves: against closed forms and enumeration."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ohmics.errors import OhmicsError
from ohmics.stats.auc import area_variance, delong, newcombe, roc_area
from ohmics.stats.cox import cox_regression, score_weights
from ohmics.stats.firth import firth_logistic
from ohmics.stats.kaplan_meier import kaplan_meier
from ohmics.stats.linear_scores import Draws, association_test, smallest_p

EVENTS = np.array([True] * 5 + [False] * 7)


def test_an_area_is_the_share_of_pairs_in_order_and_a_tie_counts_half() -> None:
    area = roc_area(np.array([3.0, 1.0, 2.0, 1.0]), np.array([True, True, False, False]))
    assert area.auc == pytest.approx((1 + 1 + 0 + 0.5) / 4)
    assert (area.n_events, area.n_others) == (2, 2)


@given(st.integers(0, 10**6), st.integers(2, 30), st.integers(2, 30))
@settings(max_examples=50)
def test_an_interval_holds_its_area_stays_on_the_scale_and_follows_an_exchange_of_groups(
    seed: int, n: int, others: int
) -> None:
    x, held = np.random.default_rng(seed).integers(0, 6, n + others).astype(float), np.arange(n + others) < n
    area, turned = roc_area(x, held), roc_area(-x, held)
    assert 0 <= area.low <= area.auc <= area.high <= 1
    assert area.high - area.low > 0.05
    assert (turned.low, turned.auc, turned.high) == pytest.approx((1 - area.high, 1 - area.auc, 1 - area.low))


def test_newcombes_limits_solve_their_equation() -> None:
    low, high = newcombe(0.8, 12, 20)
    for limit in (low, high):
        assert abs(0.8 - limit) == pytest.approx(stats.norm.isf(0.025) * area_variance(limit, 12, 20) ** 0.5)
    assert newcombe(1.0, 10, 10)[1] == 1
    assert 0.75 < newcombe(1.0, 10, 10)[0] < 0.9


def test_one_patient_in_a_group_has_no_delong_variance_and_still_an_interval() -> None:
    x, held = np.array([2.0, 1.0, 3.0, 4.0]), np.array([True, False, False, False])
    assert np.isnan(delong(x, held)[1])
    area = roc_area(x, held)
    assert area.low < 1 / 3 < area.high


@pytest.mark.parametrize("wrong", [([1.0, np.nan], [True, False]), ([1.0, 2.0], [True, True])])
def test_an_area_needs_both_groups_and_every_score(wrong: tuple[list[float], list[bool]]) -> None:
    with pytest.raises(OhmicsError):
        roc_area(np.array(wrong[0]), np.array(wrong[1]))


@pytest.mark.parametrize("table", [(7, 3, 4, 9), (6, 0, 2, 8), (5, 5, 0, 7), (10, 0, 0, 10)])
def test_firth_of_two_groups_adds_half_to_every_cell(table: tuple[int, int, int, int]) -> None:
    """In a saturated model Jeffreys' prior is half a patient more in each cell, with or without separation."""
    a, b, c, d = table
    x = np.repeat([1.0, 1.0, 0.0, 0.0], table)
    y = np.repeat([True, False, True, False], table)
    fit = firth_logistic(x, y)
    assert fit.converged
    assert fit.effect == pytest.approx(np.log((a + 0.5) * (d + 0.5) / ((b + 0.5) * (c + 0.5))), abs=1e-6)
    assert fit.low < fit.effect < fit.high


def test_firth_shrinks_what_maximum_likelihood_overstates() -> None:
    import statsmodels.api as sm

    random = np.random.default_rng(3)
    x = random.normal(size=30)
    y = random.random(30) < 1 / (1 + np.exp(-1.2 * x))
    plain = sm.Logit(y.astype(float), sm.add_constant(x)).fit(disp=0).params[1]
    fit = firth_logistic(x, y)
    assert 0 < fit.effect < plain
    # With many patients the penalty vanishes.
    x, many = np.tile(x, 60), np.tile(y, 60)
    assert firth_logistic(x, many).effect == pytest.approx(plain, rel=0.01)


def test_firths_p_and_interval_agree_on_zero() -> None:
    random = np.random.default_rng(4)
    for _ in range(20):
        x, y = random.normal(size=20), np.arange(20) < 10
        fit = firth_logistic(x + 0.9 * y, y)
        assert (fit.p < 0.05) == (fit.low > 0 or fit.high < 0)


@pytest.mark.parametrize(
    ("columns", "words"),
    [(np.ones(12), "constant"), (np.column_stack([np.arange(12.0), 2 * np.arange(12.0)]), "follows"),
     (np.append(np.arange(11.0), np.nan), "finite")],
)  # fmt: skip
def test_firth_refuses_what_cannot_be_told(columns: np.ndarray, words: str) -> None:
    with pytest.raises(OhmicsError, match=words):
        firth_logistic(columns, EVENTS)
    with pytest.raises(OhmicsError, match="both"):
        firth_logistic(np.arange(12.0), np.ones(12, dtype=bool))


def test_cox_names_a_likelihood_without_maximum() -> None:
    time, event = np.arange(1.0, 13.0), np.ones(12, dtype=bool)
    assert "highest" in cox_regression(-time, time, event).reason
    assert "lowest" in cox_regression(time, time, event).reason
    assert np.isnan(cox_regression(time, time, event).effect)
    assert cox_regression(np.sin(time), time, event).reason == ""
    two = cox_regression(np.repeat([1.0, 0.0], 6), np.append(np.arange(1.0, 7.0), np.full(6, 50.0)), time < 7)
    assert "no finite estimate" in two.reason


@pytest.mark.parametrize(
    ("x", "t", "d"),
    [(np.ones(4), np.arange(1.0, 5.0), np.ones(4, bool)), (np.arange(4.0), np.arange(4.0), np.ones(4, bool)),
     (np.arange(4.0), np.arange(1.0, 5.0), np.zeros(4, bool)), (np.arange(3.0), np.arange(1.0, 5.0), np.ones(4, bool))],
)  # fmt: skip
def test_cox_refuses_what_is_no_survival(x: np.ndarray, t: np.ndarray, d: np.ndarray) -> None:
    with pytest.raises(OhmicsError):
        cox_regression(x, t, d)


@given(st.integers(0, 10**6), st.integers(4, 25))
@settings(max_examples=40)
def test_log_rank_weights_sum_to_zero_and_do_not_depend_on_the_scale_of_time(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    time, event = random.integers(1, 9, n).astype(float), random.random(n) < 0.6
    weights = score_weights(time, event)
    assert weights.sum() == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(weights, score_weights(time**3, event))
    # Who lives longer without an event has lived through more hazard.
    left = weights[~event][np.argsort(time[~event], kind="stable")]
    assert (np.diff(left) <= 1e-12).all()


def test_a_permutation_p_is_that_of_all_permutations() -> None:
    random = np.random.default_rng(5)
    x, y = random.normal(size=7), np.array([1.0, 1, 1, 0, 0, 0, 0])
    x[:3] += 1.0
    observed = abs(np.corrcoef(x, y)[0, 1])
    exact = np.mean([abs(np.corrcoef(x[list(order)], y)[0, 1]) >= observed - 1e-12 for order in permutations(range(7))])
    p = association_test(x[:, None], lambda rows: y[rows], Draws(n_draws=40_000))[0][0]
    assert p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 40_000) ** 0.5)


def test_ranks_give_mann_and_whitneys_p() -> None:
    random = np.random.default_rng(6)
    x = random.normal(size=20)
    held = np.arange(20) < 8
    x[held] += 0.8
    ranks = stats.rankdata(x)[:, None]
    p = association_test(ranks, lambda rows: held[rows].astype(float), Draws(n_draws=40_000))[0][0]
    exact = stats.mannwhitneyu(x[held], x[~held], method="exact").pvalue
    assert p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 40_000) ** 0.5)


def test_tests_that_lack_patients_or_do_not_vary_stand_beside_the_others() -> None:
    random = np.random.default_rng(7)
    y = (np.arange(24) < 12).astype(float)
    x = random.normal(size=(24, 4))
    x[:, 0] += 5 * y
    x[:, 2] = 3.0
    x[[0, 20], 3] = np.nan
    p, q = association_test(x, lambda rows: y[rows], Draws(n_draws=999))
    assert p[0] == q[0] == smallest_p(Draws(n_draws=999)) == 0.001
    assert np.isnan(p[2])
    assert np.isnan(q[2])
    assert (q[[0, 1, 3]] >= p[[0, 1, 3]]).all()
    # The patients it lacks do not matter to a test.
    known = ~np.isnan(x[:, 3])
    alone = association_test(x[known][:, [3]], lambda rows: y[known][rows], Draws(n_draws=999))[0][0]
    assert p[3] == pytest.approx(alone, abs=0.08)
    again = association_test(x, lambda rows: y[rows], Draws(n_draws=999))
    np.testing.assert_array_equal(again, (p, q))


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(OhmicsError):
        association_test(np.array([[1.0], [np.inf]]), lambda rows: rows.astype(float), Draws())


def test_a_curve_by_hand() -> None:
    curve = kaplan_meier(np.array([2.0, 3.0, 3.0, 5.0]), np.array([True, True, False, True]))
    assert curve["time"].tolist() == [0, 2, 3, 5]
    assert curve["at_risk"].tolist() == [4, 4, 3, 1]
    assert curve["survival"].tolist() == pytest.approx([1, 3 / 4, 3 / 4 * 2 / 3, 0])
    assert curve["censored"].tolist() == [0, 0, 1, 0]
    assert curve[["low", "high"]].isna().all(axis=1).tolist() == [True, False, False, True]
