"""Firth's regression, Cox models, Kaplan-Meier curves and areas against R: brglm2, survival and pROC."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ohmics.stats.auc import delong, roc_area
from ohmics.stats.cox import cox_regression, score_weights
from ohmics.stats.firth import firth_logistic
from ohmics.stats.kaplan_meier import kaplan_meier

TABLES = Path(__file__).parent / "tables"
CASES = ("plain", "separated", "ties", "null")


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(TABLES / f"association_{name}.tsv", sep="\t", keep_default_na=False, na_values=[""])


def case(name: str) -> pd.DataFrame:
    frame = table("data")
    return frame[frame["case"] == name]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("covariates", [0, 1])
def test_firth_is_brglm2s(name: str, covariates: int) -> None:
    data, answers = case(name), table("firth").set_index(["case", "covariates"])
    expected = answers.loc[(name, covariates)]
    columns = data[["score", "covariate"][: covariates + 1]].to_numpy(dtype=float)
    fit = firth_logistic(columns, data["response"].to_numpy() == 1)
    assert fit.converged
    assert fit.coefficients[:2] == pytest.approx([expected["intercept"], expected["effect"]], abs=2e-6)
    # brglm2 reports the errors of its last step but one, which differ in the sixth digit under separation.
    assert fit.standard_errors[1] == pytest.approx(expected["standard_error"], rel=1e-4)
    # R's profile is searched by optim, to about 1e-6 of the likelihood.
    assert [fit.low, fit.high] == pytest.approx([expected["low"], expected["high"]], rel=2e-4)
    assert fit.p == pytest.approx(expected["p"], rel=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_cox_is_survivals_with_efrons_ties(name: str) -> None:
    data, expected = case(name), table("cox").set_index("case").loc[name]
    time, event = data["time"].to_numpy(dtype=float), data["event"].to_numpy() == 1
    score = data["score"].to_numpy(dtype=float)
    fit = cox_regression(score, time, event)
    assert fit.reason == ""
    for mine in ("effect", "standard_error", "low", "high", "p", "log_likelihood"):
        assert getattr(fit, mine) == pytest.approx(expected[mine], rel=1e-5, abs=1e-7), mine
    numerator = float(score_weights(time, event) @ score)
    assert numerator == pytest.approx(expected["score_numerator"], rel=1e-8)
    assert numerator**2 / expected["information_at_0"] == pytest.approx(expected["score_test"], rel=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_curves_are_survfits(name: str) -> None:
    data, answers = case(name), table("curves")
    expected = answers[answers["case"] == name]
    curve = kaplan_meier(data["time"].to_numpy(dtype=float), data["event"].to_numpy() == 1).iloc[1:]
    for column in ("time", "at_risk", "events", "survival"):
        np.testing.assert_allclose(curve[column], expected[column], rtol=1e-8)
    inside = (curve["survival"] > 0).to_numpy() & (curve["survival"] < 1).to_numpy()
    for column in ("low", "high"):
        np.testing.assert_allclose(curve[column][inside], expected[column][inside], rtol=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_areas_are_procs_and_mann_and_whitneys(name: str) -> None:
    data, expected = case(name), table("auc").set_index("case").loc[name]
    score, held = data["score"].to_numpy(dtype=float), data["response"].to_numpy() == 1
    area, variance = delong(score, held)
    assert area == pytest.approx(expected["auc"], rel=1e-10)
    assert variance == pytest.approx(expected["variance"], rel=1e-9, abs=1e-15)
    u = stats.mannwhitneyu(score[held], score[~held]).statistic
    assert roc_area(score, held).auc == pytest.approx(u / held.sum() / (~held).sum())
