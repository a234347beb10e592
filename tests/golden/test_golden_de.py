"""Normalisation and differential expression against limma and edgeR on a simulated paired cohort."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ohmics.de import differential_expression, fit_expression
from ohmics.model import Contrast
from ohmics.normalize import filter_by_expr, log_cpm, tmm_factors
from ohmics.stats.voom import _trend

TABLES = Path(__file__).parent / "tables"


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(TABLES / f"simulated_{name}.tsv", sep="\t", keep_default_na=False, na_values=[""])


@pytest.fixture(scope="module")
def counts() -> pd.DataFrame:
    return table("counts").set_index("gene").T


@pytest.fixture(scope="module")
def samples() -> pd.DataFrame:
    return table("samples").set_index("sample")


PAIRED = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient")
CONTRASTS = {
    "paired": PAIRED,
    # In R: ~age+timepoint, all samples independent; the sample is named as its own unit to say so.
    "groups": Contrast(variable="timepoint", test="relapse", reference="pre", covariates=["age"], unit="tube"),
    "random": Contrast(variable="timepoint", test="relapse", reference="pre", random_by="patient"),
}


def test_the_same_genes_are_kept_by_filter_by_expr(counts: pd.DataFrame, samples: pd.DataFrame) -> None:
    kept = filter_by_expr(counts, samples["timepoint"])
    expected = table("kept").set_index("gene")["kept"].astype(bool)
    assert kept.index.equals(expected.index.rename(None))
    assert (kept.to_numpy() == expected.to_numpy()).all()
    assert 0 < expected.sum() < len(expected)


def test_tmm_factors_and_log_cpm_are_edger_s(counts: pd.DataFrame, samples: pd.DataFrame) -> None:
    kept = counts.loc[:, filter_by_expr(counts, samples["timepoint"]).to_numpy()]
    factors = tmm_factors(kept)
    np.testing.assert_allclose(factors, table("tmm")["factor"], rtol=1e-9)
    expected = table("log_cpm").set_index("gene").T
    np.testing.assert_allclose(log_cpm(kept, factors=factors), expected, rtol=1e-8)


def test_the_trend_is_r_s_lowess_with_tied_abscissae() -> None:
    golden = table("lowess")
    x, y = _trend(golden["x"].to_numpy(), golden["y"].to_numpy())
    expected = golden.groupby("x")["fitted"].mean()
    np.testing.assert_allclose(x, expected.index)
    np.testing.assert_allclose(y, expected, rtol=1e-7)


def test_weights_and_prior_are_limma_s(counts: pd.DataFrame, samples: pd.DataFrame) -> None:
    fit = fit_expression(counts, samples, PAIRED)
    expected = table("paired_weights").set_index("gene").T.to_numpy()
    np.testing.assert_allclose(fit.voom.weights, expected, rtol=1e-7)
    prior = table("paired_prior").iloc[0]
    assert fit.moderated.prior.df == pytest.approx(prior["prior_df"], rel=1e-6)
    assert fit.moderated.prior.variance == pytest.approx(prior["prior_variance"], rel=1e-8)


@pytest.mark.parametrize("design", ["paired", "groups", "random"])
def test_differential_expression_is_limma_s(counts: pd.DataFrame, samples: pd.DataFrame, design: str) -> None:
    sheet = samples.assign(tube=samples.index)
    answer = differential_expression(counts, sheet, contrast=CONTRASTS[design])
    golden = table(f"{design}_de")
    assert answer["gene"].tolist() == golden["gene"].tolist()
    # The correlation's estimate differs in the sixth digit (another optimiser), nothing else may.
    tolerance = 1e-4 if design == "random" else 1e-6
    names = {"log2_fc": "logFC", "low": "CI.L", "high": "CI.R", "t": "t", "p": "P.Value", "q": "adj.P.Val"}
    for ours, theirs in {**names, "mean_log_cpm": "AveExpr"}.items():
        np.testing.assert_allclose(answer[ours], golden[theirs], rtol=tolerance, atol=1e-7, err_msg=ours)


def test_the_correlation_within_blocks_is_duplicate_correlation_s(counts: pd.DataFrame, samples: pd.DataFrame) -> None:
    fit = fit_expression(counts, samples, CONTRASTS["random"])
    assert fit.voom.consensus == pytest.approx(table("random_correlation")["correlation"].iloc[-1], abs=1e-4)
