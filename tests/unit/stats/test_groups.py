"""Permutation of groups against scipy, brute force within strata, and linear models."""

import itertools

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from ohmics.stats.groups import Groups, permutation_test, step_down


def plan(test, strata=None, **more):
    return Groups(np.asarray(test, dtype=bool), np.zeros(len(test), dtype=int) if strata is None else strata, **more)


def test_p_is_scipys_exact_permutation_test():
    random = np.random.default_rng(0)
    label = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0])
    y = random.normal(size=(9, 3)) + label[:, None]
    result = permutation_test(y, plan(label))
    for j in range(3):
        truth = stats.permutation_test(
            (y[label == 1, j], y[label == 0, j]), lambda a, b: abs(a.mean() - b.mean()), n_resamples=np.inf,
            alternative="greater",
        )  # fmt: skip
        assert result.p[j] == pytest.approx(truth.pvalue, abs=1e-12)
        assert result.effect[j] == pytest.approx(y[label == 1, j].mean() - y[label == 0, j].mean())
    assert result.smallest_p[0] == pytest.approx(1 / 126)
    assert result.level[0] >= 0.95


def test_labels_are_exchanged_within_strata_only():
    random = np.random.default_rng(1)
    strata, label = np.array([0] * 4 + [1] * 6), np.array([1, 1, 0, 0, 1, 1, 1, 0, 0, 0])
    y = random.normal(size=10) + 4 * strata + label
    centred = y - np.array([y[strata == s].mean() for s in (0, 1)])[strata]
    sums = []
    for first in itertools.combinations(range(4), 2):
        for second in itertools.combinations(range(4, 10), 3):
            sums.append(centred[[*first, *second]].sum())
    observed = centred[label == 1].sum()
    expected = np.mean(np.abs(sums) >= abs(observed) * (1 - 1e-9))
    result = permutation_test(y[:, None], plan(label, strata))
    assert result.p[0] == pytest.approx(expected)
    assert "within strata, all 120 labellings" in result.scheme[0]
    assert result.smallest_p[0] == pytest.approx(2 / 120)


def test_the_interval_holds_the_shifts_that_are_not_rejected():
    random = np.random.default_rng(2)
    label = np.array([1] * 5 + [0] * 5)
    y = random.normal(size=10) + 2 * label
    result = permutation_test(y[:, None], plan(label))
    width = result.high[0] - result.low[0]
    for shift, inside in (
        (result.low[0] + 1e-6 * width, True), (result.high[0] - 1e-6 * width, True),
        (result.low[0] - 1e-6 * width, False), (result.high[0] + 1e-6 * width, False),
    ):  # fmt: skip
        p = permutation_test((y - shift * label)[:, None], plan(label)).p[0]
        assert (p > 1 - result.level[0] + 1e-12) == inside


def test_freedman_lane_agrees_with_the_linear_model():
    random = np.random.default_rng(3)
    label, x = random.random(60) < 0.4, random.normal(size=(60, 2))
    y = random.normal(size=(60, 6)) + 3 * x[:, :1] + 0.5 * label[:, None]
    result = permutation_test(y, plan(label, covariates=x, n_draws=5000))
    design = np.column_stack([np.ones(60), label, x])
    for j in range(6):
        fit = sm.OLS(y[:, j], design).fit()
        assert result.effect[j] == pytest.approx(fit.params[1])
        assert result.p[j] == pytest.approx(fit.pvalues[1], abs=0.02)
        np.testing.assert_allclose([result.low[j], result.high[j]], fit.conf_int()[1], atol=0.08)
    assert "Freedman-Lane" in result.scheme[0]


def test_step_down_of_one_test_is_its_p_and_of_many_is_no_smaller():
    random = np.random.default_rng(4)
    label = np.array([1] * 4 + [0] * 5)
    y = random.normal(size=(9, 5)) + label[:, None]
    alone = [step_down(y[:, [j]], plan(label))[0] for j in range(5)]
    p = permutation_test(y, plan(label)).p
    np.testing.assert_allclose(alone, p)
    assert (step_down(y, plan(label)) >= p - 1e-12).all()


def test_missing_units_and_empty_groups():
    random = np.random.default_rng(5)
    label = np.array([1] * 5 + [0] * 6)
    y = random.normal(size=(11, 3)) + 3 * label[:, None]
    y[0, 1] = np.nan
    y[label == 1, 2] = np.nan
    result = permutation_test(y, plan(label, n_draws=999))
    alone = permutation_test(y[1:, [1]], plan(label[1:]))
    assert result.effect[1] == pytest.approx(alone.effect[0])
    assert result.p[1] == pytest.approx(alone.p[0], abs=0.02)
    assert np.isnan([result.effect[2], result.p[2]]).all()
    assert np.isnan(step_down(y, plan(label, n_draws=999))[2])
    assert result.n_units.tolist() == [11, 10, 6]


def test_a_quantity_is_permuted_over_units():
    random = np.random.default_rng(6)
    x = random.normal(size=6)
    y = random.normal(size=(6, 3)) + x[:, None]
    groups = Groups(np.ones(6, dtype=bool), np.zeros(6, dtype=np.int64), quantity=x, n_draws=20_000)
    result = permutation_test(y, groups)
    for j in range(3):
        fit = sm.OLS(y[:, j], sm.add_constant(x)).fit()
        assert result.effect[j] == pytest.approx(fit.params[1])
        every = [abs(np.corrcoef(x, y[list(order), j])[0, 1]) for order in itertools.permutations(range(6))]
        share = np.mean(np.array(every) >= abs(np.corrcoef(x, y[:, j])[0, 1]) - 1e-9)
        assert result.p[j] == pytest.approx(share, abs=0.015)
    assert result.smallest_p[0] == 1 / 720
    assert result.scheme[0].startswith("values permuted over units")
    assert np.isnan(result.hodges_lehmann).all()


def test_differences_beyond_covariates_change_their_signs():
    random = np.random.default_rng(7)
    gap = random.normal(size=(9, 1))
    d = random.normal(size=(9, 4)) + 2 * gap + 0.5
    groups = Groups(np.ones(9, dtype=bool), np.zeros(9, dtype=np.int64), gap, signs=True)
    result = permutation_test(d, groups)
    signs = np.array(list(itertools.product([1, -1], repeat=9)))
    for j in range(4):
        fit = sm.OLS(d[:, j], sm.add_constant(gap)).fit()
        assert result.effect[j] == pytest.approx(fit.params[0])
        assert result.sd[j] == pytest.approx(np.sqrt(fit.scale))
        left = sm.OLS(d[:, j], gap).fit().resid
        null = [abs(sm.OLS(sign * left, sm.add_constant(gap)).fit().tvalues[0]) for sign in signs]
        assert result.p[j] == pytest.approx(np.mean(np.array(null) >= abs(fit.tvalues[0]) - 1e-9))
    assert result.scheme[0] == "sign flips of residuals (Freedman-Lane), all 2^9"
    assert result.smallest_p[0] == 2 / 2**9
    np.testing.assert_allclose(step_down(d[:, [1]], groups), result.p[[1]])
    drawn = permutation_test(np.vstack([d, d]), Groups(np.ones(18, dtype=bool), np.zeros(18, dtype=np.int64),
                                                       np.vstack([gap, gap]), signs=True, n_draws=999))  # fmt: skip
    assert (drawn.smallest_p == 1 / 1000).all()


@pytest.mark.parametrize("kind", ["quantity", "signs"])
def test_without_effect_the_new_schemes_keep_their_level(kind):
    random = np.random.default_rng(8)
    found = []
    for _ in range(40):
        x = random.normal(size=12)
        y = random.normal(size=(12, 25)) + (x[:, None] if kind == "signs" else 0)
        more = {"quantity": x} if kind == "quantity" else {"covariates": x[:, None], "signs": True}
        found.append(
            permutation_test(y, Groups(np.ones(12, dtype=bool), np.zeros(12, dtype=np.int64), n_draws=399, **more)).p
        )
    hits = int(np.sum(np.concatenate(found) <= 0.05))
    # Tests of one draw of x are not independent: twice the binomial width.
    assert abs(hits - 50) < 2 * 4 * np.sqrt(1000 * 0.05 * 0.95)
