"""Benjamini-Hochberg against scipy, step-down max-|T| against the algorithm written out naively."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ohmics.errors import OhmicsError
from ohmics.stats import multiple


def naive_step_down(observed, null, identity_included):
    """Westfall and Young 1993, algorithm 4.1, one test at a time."""
    observed, null = np.abs(observed), np.abs(null)
    order = [j for j in np.argsort(-observed) if not np.isnan(observed[j])]
    extra = 0 if identity_included else 1
    adjusted, before = np.full(len(observed), np.nan), 0.0
    for place, j in enumerate(order):
        rest = order[place:]
        count = sum(np.nanmax(np.append(row[rest], -1.0)) >= observed[j] * (1 - 1e-9) for row in null)
        before = max(before, (count + extra) / (len(null) + extra))
        adjusted[j] = before
    return adjusted


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_benjamini_hochberg_is_scipys(p):
    np.testing.assert_allclose(multiple.benjamini_hochberg(p), stats.false_discovery_control(p), rtol=1e-12)


def test_a_missing_p_stays_missing_and_is_not_counted():
    q = multiple.benjamini_hochberg([0.01, np.nan, 0.04, np.nan])
    assert np.isnan(q[[1, 3]]).all()
    np.testing.assert_allclose(q[[0, 2]], stats.false_discovery_control([0.01, 0.04]))


def test_families_are_corrected_apart_and_an_empty_family_is_not():
    q = multiple.benjamini_hochberg_by_family([0.01, 0.02, 0.03, 0.04], ["a", "b", "a", None])
    np.testing.assert_allclose(q[:3], [0.02, 0.02, 0.03])
    assert np.isnan(q[3])


@pytest.mark.parametrize("identity_included", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_step_down_is_the_naive_algorithm(seed, identity_included):
    random = np.random.default_rng(seed)
    tests = int(random.integers(1, 9))
    shared = random.normal(size=(60, 1))
    null = np.round(random.normal(size=(60, tests)) + shared, 1)  # rounded: ties
    observed = np.round(random.normal(size=tests) * 2, 1)
    null[random.random(null.shape) < 0.05] = np.nan
    if tests > 3:
        observed[1] = np.nan
    result = multiple.step_down_max_t(observed, null, identity_included=identity_included)
    np.testing.assert_allclose(result, naive_step_down(observed, null, identity_included))


def test_blocks_of_draws_give_the_same_as_one():
    random = np.random.default_rng(1)
    null, observed = random.normal(size=(500, 7)), random.normal(size=7) * 2
    whole = multiple.step_down_max_t(observed, null)
    parts = multiple.step_down_max_t(observed, (null[i : i + 37] for i in range(0, 500, 37)))
    np.testing.assert_array_equal(whole, parts)


def test_drawn_p_is_never_zero_and_the_weaker_test_is_never_the_more_significant():
    random = np.random.default_rng(2)
    observed = np.array([50.0, 3.0, 1.0, 0.0])
    q = multiple.step_down_max_t(observed, random.normal(size=(99, 4)))
    assert q[0] == 0.01
    assert (np.diff(q) >= 0).all()
    assert q[3] == 1.0


def test_a_correlated_family_pays_less_than_bonferroni():
    random = np.random.default_rng(3)
    shared = random.normal(size=(4000, 1))
    q = multiple.step_down_max_t(np.full(50, 2.5), shared + 0.1 * random.normal(size=(4000, 50)))
    assert q[0] < 0.05 < 50 * 2 * stats.norm.sf(2.5)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: multiple.benjamini_hochberg([0.5, 1.5]), "1.5 is no p value"),
        (lambda: multiple.step_down_max_t([1.0], np.zeros((3, 2))), "shape (3, 2)"),
        (lambda: multiple.step_down_max_t([1.0], iter(())), "no draw"),
        (lambda: multiple.benjamini_hochberg_by_family([0.1], ["a", "b"]), "1 p values have 2 families"),
    ],
)
def test_wrong_input_is_named(call, said):
    with pytest.raises(OhmicsError) as error:
        call()
    assert said in str(error.value)


def test_names_of_families():
    assert multiple.primary_family("relapse_vs_pre") == "relapse_vs_pre/primary"
    assert multiple.method_family("relapse_vs_pre", "ucell") == "relapse_vs_pre/ucell"


def test_holm_agrees_with_statsmodels_and_keeps_missing() -> None:
    from statsmodels.stats.multitest import multipletests

    from ohmics.stats.multiple import holm

    p = np.random.default_rng(3).uniform(0, 0.2, 30)
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])
    assert np.isnan(holm([0.5, np.nan])).tolist() == [False, True]


def test_primary_families_get_holm_and_others_benjamini_hochberg() -> None:
    from ohmics.stats.multiple import benjamini_hochberg, holm, model_q_by_family

    p = np.array([0.01, 0.02, 0.03, 0.01, 0.02, 0.03])
    q = model_q_by_family(p, ["c/primary"] * 3 + ["c/camera"] * 3)
    np.testing.assert_allclose(q, [*holm(p[:3]), *benjamini_hochberg(p[3:])])
