"""Normalisation: what is refused, and what no other test against R covers."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.errors import OhmicsError
from ohmics.normalize import counts_frame, filter_by_expr, log_cpm, tmm_factors


def counts(n_samples: int = 6, n_genes: int = 200, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    values = random.negative_binomial(5, 0.1, (n_samples, n_genes)).astype(float)
    return pd.DataFrame(values, index=[f"s{i}" for i in range(n_samples)], columns=[f"g{i}" for i in range(n_genes)])


def test_anndata_and_frame_give_the_same_counts() -> None:
    frame = counts()
    adata = ad.AnnData(
        sp.csr_matrix(frame.to_numpy()), obs=pd.DataFrame(index=frame.index), var=pd.DataFrame(index=frame.columns)
    )
    pd.testing.assert_frame_equal(counts_frame(adata), counts_frame(frame), check_names=False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.rename(columns={"g1": "g0"}), "1 gene names occur twice: g0"),
        (lambda f: f.rename(index={"s1": "s0"}), "1 sample names occur twice: s0"),
        (lambda f: f.mask(f == f.iloc[0, 0]), "values are missing or infinite"),
        (lambda f: f - 1e6, "values are negative"),
    ],
)
def test_what_cannot_be_raw_counts_is_refused(change: object, words: str) -> None:
    with pytest.raises(OhmicsError, match=words):
        counts_frame(change(counts()))  # type: ignore[operator]  # a function of the frame


def test_an_empty_library_is_named() -> None:
    frame = counts()
    frame.loc["s3"] = 0
    with pytest.raises(OhmicsError, match="1 samples have no counts at all: s3"):
        tmm_factors(frame)


def test_tmm_undoes_a_composition_change() -> None:
    frame = counts(n_genes=1000)
    frame.loc["s5"] = frame.loc["s0"].to_numpy()
    frame.loc["s5", frame.columns[:50]] *= 20
    factors = tmm_factors(frame)
    library = frame.sum(axis=1) * factors
    # Genes that did not change have nearly the same share of the effective library, far from that of the sums.
    assert library["s5"] == pytest.approx(library["s0"], rel=0.1)
    assert frame.loc["s5"].sum() > 1.5 * frame.loc["s0"].sum()
    assert np.log(factors).sum() == pytest.approx(0, abs=1e-12)


def test_large_groups_need_only_a_share_of_their_excess() -> None:
    frame = pd.DataFrame(1000.0, index=[f"s{i}" for i in range(40)], columns=["half", "many", "always"])
    frame["always"] = 1e6
    frame.loc[frame.index[:16], "half"] = 0
    frame.loc[frame.index[:24], "many"] = 0
    groups = ["a"] * 20 + ["b"] * 20
    # Smallest group 20: 10 + 10 * 0.7 = 17 samples must reach the cutoff.
    assert filter_by_expr(frame, groups).to_dict() == {"half": True, "many": False, "always": True}


def test_log_cpm_of_voom_is_its_formula() -> None:
    frame = counts(2, 5)
    expected = np.log2((frame + 0.5).div(frame.sum(axis=1) + 1, axis=0) * 1e6)
    pd.testing.assert_frame_equal(log_cpm(frame, prior_count=None), expected)


def test_logs_given_as_counts_are_refused_and_estimated_counts_are_not() -> None:
    with pytest.raises(OhmicsError, match="values look log-transformed"):
        counts_frame(np.log2(counts() + 1))
    # Fractions as RSEM estimates them, in libraries where something is counted often.
    estimated = counts() + 0.25
    assert counts_frame(estimated).equals(estimated)
