"""The random-intercept model: against the paired t test, statsmodels, subsets of itself, and planted variances."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from ohmics.errors import OhmicsError
from ohmics.stats.mixed import fit_random_intercept


def cohort(n=12, *, alone=0, tests=1, spread=1.0, effect=0.0, seed=0):
    random = np.random.default_rng(seed)
    patient = np.concatenate([np.repeat(np.arange(n), 2), n + np.arange(alone)])
    side = np.concatenate([np.tile([0.0, 1.0], n), np.arange(alone) % 2])
    values = spread * random.normal(size=(n + alone, tests))[patient] + random.normal(size=(len(side), tests))
    return values + effect * side[:, None], np.column_stack([np.ones(len(side)), side]), patient.astype(object)


@pytest.mark.parametrize("df", ["satterthwaite", "kenward_roger"])
def test_complete_pairs_give_the_paired_t_test(df):
    values, design, patients = cohort(tests=20)
    fit = fit_random_intercept(values, design, patients, df=df)
    theirs = stats.ttest_rel(values[1::2], values[::2])
    free = ~fit.singular
    assert free.sum() > 10
    np.testing.assert_allclose(fit.p[free], theirs.pvalue[free], rtol=1e-6)
    np.testing.assert_allclose(fit.df[free], 11, rtol=1e-6)
    interval = theirs.confidence_interval()
    np.testing.assert_allclose(fit.low[free], interval.low[free], rtol=1e-5)
    np.testing.assert_allclose(fit.high[free], interval.high[free], rtol=1e-5)
    np.testing.assert_allclose(fit.gain, 1.0)
    assert set(fit.n_varying) == {12}


def test_estimates_are_those_of_statsmodels():
    values, design, patients = cohort(15, alone=9, seed=3, effect=0.5)
    fit = fit_random_intercept(values, design, patients)
    frame = pd.DataFrame({"y": values[:, 0], "side": design[:, 1], "patient": patients.astype(str)})
    theirs = smf.mixedlm("y ~ side", frame, groups="patient").fit(reml=True, gtol=1e-9)
    assert fit.effect[0] == pytest.approx(theirs.params["side"], rel=1e-4)
    assert fit.se[0] == pytest.approx(theirs.bse["side"], rel=1e-3)
    assert fit.sd_blocks[0] ** 2 == pytest.approx(float(theirs.cov_re.iloc[0, 0]), rel=1e-3)
    assert fit.sd_within[0] ** 2 == pytest.approx(theirs.scale, rel=1e-3)


def test_missing_values_give_the_fit_of_the_samples_there_are():
    values, design, patients = cohort(10, alone=4, tests=6, seed=1)
    values[[0, 5], 1] = np.nan
    values[3, 4] = np.nan
    fit = fit_random_intercept(values, design, patients, df="kenward_roger")
    for j in range(6):
        given = ~np.isnan(values[:, j])
        alone = fit_random_intercept(values[given, j : j + 1], design[given], patients[given], df="kenward_roger")
        for name in ("effect", "se", "df", "p", "gain", "sd_within"):
            assert getattr(fit, name)[j] == pytest.approx(getattr(alone, name)[0]), name
        assert fit.n_samples[j] == given.sum()
    assert fit.n_varying.tolist() == [10, 8, 10, 10, 9, 10]


def test_patients_on_one_side_make_the_standard_error_smaller_the_more_the_less_patients_differ():
    gains = []
    for spread in (0.3, 3.0):
        fit = fit_random_intercept(*cohort(20, alone=40, tests=200, spread=spread, seed=2))
        gains.append(np.median(fit.gain))
    assert gains[0] > gains[1] > 1
    # Forty single samples beside twenty pairs of patients who barely differ: twice the samples.
    assert gains[0] == pytest.approx(np.sqrt(2), rel=0.15)


def test_planted_variances_and_effect_are_found():
    fit = fit_random_intercept(*cohort(40, alone=20, tests=500, spread=2.0, effect=0.7, seed=4))
    assert np.mean(fit.sd_blocks**2) == pytest.approx(4, rel=0.05)
    assert np.mean(fit.sd_within**2) == pytest.approx(1, rel=0.05)
    assert np.mean(fit.effect) == pytest.approx(0.7, abs=0.03)
    assert np.mean((fit.low < 0.7) & (fit.high > 0.7)) == pytest.approx(0.95, abs=0.03)
    # The detectable effect is found four times in five.
    planted = np.median(fit.min_detectable)
    again = fit_random_intercept(*cohort(40, alone=20, tests=500, spread=2.0, effect=planted, seed=5))
    assert np.mean(again.p < 0.05) == pytest.approx(0.8, abs=0.06)


def test_an_interaction_counts_pairs_by_the_side():
    values, design, patients = cohort(8, tests=1)
    group = (patients.astype(int) < 4).astype(float)
    wide = np.column_stack([design[:, 0], group, design[:, 1], design[:, 1] * group])
    assert fit_random_intercept(values, wide, patients, side=design[:, 1]).n_varying[0] == 8
    assert fit_random_intercept(values, wide, patients).n_varying[0] == 4


def test_a_singular_fit_is_said():
    values, design, patients = cohort(6, tests=1)
    values[::2, 0], values[1::2, 0] = [1, -1, 1, -1, 1, -1], [-1.1, 1, -1, 1, -1, 1.2]
    fit = fit_random_intercept(values, design, patients)
    assert fit.singular.tolist() == [True]
    assert fit.sd_blocks[0] == 0


def test_what_cannot_be_fitted_is_missing_or_refused():
    values, design, patients = cohort(6)
    alone = fit_random_intercept(values, design, np.arange(12).astype(object))
    assert np.isnan(alone.p[0])
    constant = fit_random_intercept(np.ones((12, 1)), design, patients)
    assert np.isnan(constant.p[0])
    few = fit_random_intercept(values[:3], design[:3], patients[:3])
    assert np.isnan(few.p[0])
    with pytest.raises(OhmicsError, match="cannot be told apart"):
        fit_random_intercept(values, np.ones((12, 2)), patients)
    with pytest.raises(OhmicsError, match="infinite"):
        fit_random_intercept(values * np.inf, design, patients)
    with pytest.raises(OhmicsError, match="do not fit"):
        fit_random_intercept(values[1:], design, patients)
