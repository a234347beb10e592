"""Priors a gene: what outliers and a trend do to them."""

from __future__ import annotations

import numpy as np
import pytest

from ohmics.errors import OhmicsError
from ohmics.stats.ebayes import fit_prior
from ohmics.stats.gene_priors import gene_priors, natural_spline
from ohmics.stats.linear import contrast_last
from ohmics.stats.sample_weights import sample_weights

DF = 6


def variances(n: int = 2000, prior_df: float = 8.0, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    return prior_df / random.chisquare(prior_df, n) * random.chisquare(DF, n) / DF


def test_without_options_it_is_the_common_prior() -> None:
    values = variances()
    prior, common = gene_priors(values, DF), fit_prior(values, DF)
    np.testing.assert_allclose(prior.df, common.df)
    np.testing.assert_allclose(prior.variance, common.variance)
    np.testing.assert_allclose(prior.squeeze(values, DF), common.squeeze(values, DF))


def test_outliers_lose_prior_degrees_of_freedom_and_the_others_gain() -> None:
    values = variances()
    values[:20] *= 200
    plain, robust = gene_priors(values, DF), gene_priors(values, DF, robust=True)
    assert robust.df[:20].max() < 1 < plain.df[0] < np.median(robust.df)
    # An outlier keeps its variance; with the common prior it is drawn far down.
    assert np.median(robust.squeeze(values, DF)[:20] / values[:20]) > 0.9
    assert np.median(plain.squeeze(values, DF)[:20] / values[:20]) < 0.9


def test_the_trend_follows_expression() -> None:
    expression = np.linspace(0, 12, 2000)
    prior = gene_priors(variances() * np.exp(-expression / 3), DF, expression=expression)
    np.testing.assert_allclose(np.diff(np.log(prior.variance)).mean(), -12 / 3 / 2000, rtol=0.1)


def test_equal_variances_have_an_endless_prior() -> None:
    values = np.random.default_rng(0).chisquare(50, 500) / 50
    for robust in (False, True):
        prior = gene_priors(values, 5, robust=robust)
        assert np.isinf(prior.df).any()
        assert np.isfinite(prior.squeeze(values, 5)).all()


def test_constant_genes_alone_are_refused() -> None:
    with pytest.raises(OhmicsError, match="more than half of the residual variances are 0"):
        gene_priors(np.array([0.0, 0.0, 0.0, 1.0]), DF)


def test_few_values_get_a_smaller_spline() -> None:
    assert [natural_spline(np.arange(float(n))).shape[1] for n in (2, 4, 10, 50)] == [1, 2, 3, 4]
    assert natural_spline(np.ones(50)).shape[1] == 1


def test_a_noisy_sample_weighs_less_and_weights_multiply_to_one() -> None:
    random = np.random.default_rng(5)
    design = np.column_stack([np.ones(10), np.arange(10) % 2])
    noise = random.normal(size=(10, 400))
    noise[3] *= 4
    found = sample_weights(noise, design, weights=np.ones((10, 400)))
    assert np.argmin(found) == 3
    assert found[3] < 0.3 < 0.8 < np.delete(found, 3).min()
    assert np.log(found).sum() == pytest.approx(0, abs=1e-10)
    assert (sample_weights(noise[:3], design[:3], weights=np.ones((3, 400))) == 1).all()


def test_a_contrast_needs_a_number_a_coefficient() -> None:
    with pytest.raises(OhmicsError, match="as many numbers"):
        contrast_last(np.eye(4)[:, :2], np.zeros(2))
