"""Change of composition on counts small enough to work out by hand."""

import numpy as np
import pytest

from ohmics.errors import OhmicsError
from ohmics.stats.composition import clr_change


def test_the_change_is_relative_to_the_geometric_mean_of_all_types():
    change, _ = clr_change(np.array([40.0, 10.0, 10.0]), np.array([10.0, 10.0, 10.0]))
    step = np.log(40.5) - np.log(10.5)
    np.testing.assert_allclose(change, [step * 2 / 3, -step / 3, -step / 3])


def test_a_type_absent_on_both_sides_is_dropped_and_changes_nothing_else():
    with_absent, _ = clr_change(np.array([5.0, 0.0, 7.0, 0.0]), np.array([9.0, 0.0, 2.0, 3.0]))
    without, _ = clr_change(np.array([5.0, 7.0, 0.0]), np.array([9.0, 2.0, 3.0]))
    assert np.isnan(with_absent[1])
    np.testing.assert_allclose(with_absent[[0, 2, 3]], without)


def test_the_variance_is_that_of_counting():
    random = np.random.default_rng(0)
    rates = np.array([200.0, 400.0, 100.0])
    draws = np.array([clr_change(random.poisson(rates), random.poisson(2 * rates))[0] for _ in range(4000)])
    _, variance = clr_change(rates, 2 * rates)
    np.testing.assert_allclose(draws.var(axis=0), variance, rtol=0.12)


def test_without_cells_or_with_one_type_there_is_no_change():
    assert np.isnan(clr_change(np.zeros(3), np.ones(3))[0]).all()
    assert np.isnan(clr_change(np.array([4.0, 0.0]), np.array([9.0, 0.0]))[0]).all()
    with pytest.raises(OhmicsError, match="negative"):
        clr_change(np.array([-1.0, 2.0]), np.ones(2))
