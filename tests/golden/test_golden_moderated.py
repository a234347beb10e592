"""Sample weights, trend, robust, treat, contrasts and the hypergeometric tail against limma and R."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ohmics.de import DeModel, differential_expression, fit_expression
from ohmics.model import Contrast
from ohmics.normalize import filter_by_expr, tmm_factors
from ohmics.stats.ebayes import moderate
from ohmics.stats.linear import contrast_last, fit_effects
from ohmics.stats.voom import voom

TABLES = Path(__file__).parent / "tables"
PAIRED = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient")
RANDOM = Contrast(variable="timepoint", test="relapse", reference="pre", random_by="patient")
PRIORS = {
    "trend": DeModel(trend=True),
    "flat_robust": DeModel(robust=True),
    "trend_robust": DeModel(trend=True, robust=True),
}


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(TABLES / f"moderated_{name}.tsv", sep="\t", keep_default_na=False, na_values=[""])


@pytest.fixture(scope="module")
def counts() -> pd.DataFrame:
    return table("counts").set_index("gene").T


@pytest.fixture(scope="module")
def samples() -> pd.DataFrame:
    return table("samples")


@pytest.mark.parametrize("name", PRIORS)
def test_prior_df_and_variance_are_limma_s(counts: pd.DataFrame, samples: pd.DataFrame, name: str) -> None:
    prior = fit_expression(counts, samples, PAIRED, model=PRIORS[name]).moderated.prior
    golden = table("priors")
    np.testing.assert_allclose(prior.df, golden[f"{name}_df"], rtol=1e-5)
    np.testing.assert_allclose(prior.variance, golden[f"{name}_variance"], rtol=1e-6)
    if "robust" in name:
        assert (golden[f"{name}_df"] < golden[f"{name}_df"].max()).sum() >= 10


@pytest.mark.parametrize("name", ["flat", *PRIORS])
@pytest.mark.parametrize("min_lfc", [0.0, 0.5])
def test_p_and_t_are_limma_s(counts: pd.DataFrame, samples: pd.DataFrame, name: str, min_lfc: float) -> None:
    chosen = PRIORS.get(name, DeModel())
    model = DeModel(trend=chosen.trend, robust=chosen.robust, min_lfc=min_lfc)
    answer = differential_expression(counts, samples, contrast=PAIRED, model=model)
    golden = table("tests")
    assert answer["gene"].tolist() == golden["gene"].tolist()
    what = "_treat" if min_lfc else ""
    np.testing.assert_allclose(answer["p"], golden[f"{name}{what}_p"], rtol=1e-5)
    np.testing.assert_allclose(answer["t"], golden[f"{name}{what}_t"], rtol=1e-5, atol=1e-8)
    assert (answer["min_lfc"] == min_lfc).all()


def test_sample_weights_are_limma_s_and_name_the_bad_pair(counts: pd.DataFrame, samples: pd.DataFrame) -> None:
    fit = fit_expression(counts, samples, PAIRED, model=DeModel(weights="samples"))
    golden = table("quality")
    np.testing.assert_allclose(fit.voom.quality, golden["weight"], rtol=1e-6)
    answer = differential_expression(counts, samples, contrast=PAIRED, model=DeModel(weights="samples"))
    expected = table("quality_de")
    names = {"log2_fc": "logFC", "low": "CI.L", "high": "CI.R", "t": "t", "p": "P.Value", "q": "adj.P.Val"}
    for ours, theirs in {**names, "mean_log_cpm": "AveExpr"}.items():
        np.testing.assert_allclose(answer[ours], expected[theirs], rtol=1e-6, atol=1e-7, err_msg=ours)
    assert "the least for P3_" in answer.attrs["design"]


def test_sample_weights_beside_a_random_effect_are_limma_s(counts: pd.DataFrame, samples: pd.DataFrame) -> None:
    fit = fit_expression(counts, samples, RANDOM, model=DeModel(weights="samples"))
    golden, expected = table("random_quality"), table("random_quality_de")
    assert fit.voom.consensus == pytest.approx(golden["correlation"].iloc[-1], abs=1e-4)
    np.testing.assert_allclose(fit.voom.quality, golden["weight"], rtol=1e-4)
    np.testing.assert_allclose(fit.moderated.coefficient, expected["log2_fc"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(fit.moderated.p, expected["p"], rtol=1e-3)


def test_a_contrast_of_coefficients_is_limma_s(counts: pd.DataFrame, samples: pd.DataFrame) -> None:
    kept = counts.loc[:, filter_by_expr(counts, samples["timepoint"]).to_numpy()]
    arms = pd.get_dummies(samples["arm"]).assign(timepoint=samples["timepoint"] == "relapse").to_numpy(np.float64)
    weighed = voom(kept, arms, factors=tmm_factors(kept))
    turned = contrast_last(arms, np.array([-0.5, 1.0, -0.5, 0.0]))
    answer = moderate(fit_effects(weighed.log_cpm.to_numpy(), turned, weights=weighed.weights))
    golden = table("arms")
    np.testing.assert_allclose(answer.coefficient, golden["log2_fc"], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(answer.p, golden["p"], rtol=1e-6)
