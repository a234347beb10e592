"""Methods of bulk samples on sums of cells, methods that compare samples, nulls of every method, and depth."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse, stats

from ohmics.errors import OhmicsError
from ohmics.score import score, score_samples
from ohmics.score.depth import depth_correlations
from ohmics.score.methods import METHODS
from ohmics.tables import SCORES, check

GENES = [f"G{g:03d}" for g in range(300)]
LISTS = {"m/a": GENES[:15], "m/b": {"up": GENES[20:35], "down": GENES[50:58]}}
ALONE = [name for name, method in METHODS.items() if not method.needs_cohort]
BULK = ["singscore", "ssgsea", "gsva", "plage"]


def sample(name, n=60, genes=None, raised=1.0):
    random = np.random.default_rng([7, *name.encode()])
    rates = np.random.default_rng(7).gamma(0.7, 1, size=300)
    rates[:15] *= raised
    counts = random.poisson(rates / rates.sum() * 500 * random.lognormal(0, 0.3, size=(n, 1)))
    obs = pd.DataFrame({"sample": name, "cell_type": np.resize(["T", "T", "B"], n)}, index=[f"c{i}" for i in range(n)])
    adata = AnnData(sparse.csr_matrix(counts.astype(np.float32)), obs=obs, var=pd.DataFrame(index=GENES))
    return adata if genes is None else adata[:, genes].copy()


def reference():
    logged = pd.concat([sample(f"r{i}").to_df() for i in range(3)]).pipe(
        lambda x: np.log1p(x.div(x.sum(1), axis=0) * 1e4)
    )
    return pd.DataFrame({"mean": logged.mean(), "sd": logged.std(), "n_cells": 180})


def test_cells_are_summed_for_bulk_methods():
    adata = sample("s")
    scores = score_samples(adata, LISTS, depth=("raw",), methods=("ssgsea", "singscore"), n_null=50)
    check(scores, SCORES)
    sums = adata[adata.obs["cell_type"] == "T"].to_df().sum().to_frame("s").T
    for method in ("ssgsea", "singscore"):
        rows = scores[(scores["method"] == method) & (scores["cell_type"] == "T")].set_index("gene_list")
        np.testing.assert_allclose(rows["score"], score(sums, LISTS, method=method).iloc[0], rtol=1e-12)
        assert set(rows["n_cells"]) == {40}
        assert (rows["technical_sd"] > 0).all()
        assert rows["null_z"].notna().all()


def test_methods_that_compare_samples_get_all_of_them_and_their_common_genes():
    adatas = [sample("a"), sample("b", genes=GENES[::-1]), sample("c", genes=GENES[:290]), sample("d", raised=3.0)]
    scores = score_samples(adatas, LISTS, methods=("gsva", "plage"), n_null=0)
    check(scores, SCORES)
    sums = pd.concat({x.obs["sample"].iloc[0]: x[x.obs["cell_type"] == "T"].to_df().sum() for x in adatas}, axis=1).T
    for method in ("gsva", "plage"):
        own = scores[(scores["method"] == method) & (scores["cell_type"] == "T")]
        raw = own[(own["depth"] == "raw") & (own["gene_list"] == "m/a")].set_index("sample")["score"]
        expected = score(sums[GENES[:290]], LISTS, method=method)["m/a"]
        np.testing.assert_allclose(raw[list("abcd")], expected[list("abcd")], atol=1e-9)
        assert raw.idxmax() == "d"
        assert set(own["depth"]) == {"raw", "thinned"}
    assert scores[["null_z", "technical_sd"]].isna().all(axis=None)


def test_too_few_samples_to_compare_is_said():
    scores = score_samples([sample("a"), sample("b")], LISTS, methods=("plage", "singscore"), n_null=0)
    assert set(scores["method"]) == {"singscore"}
    reasons = {row["reason"] for row in scores.attrs["skipped"]}
    assert reasons == {"plage compares samples with each other: 2 in the call, 3 needed"}


@pytest.mark.parametrize("method", ALONE)
def test_null_z_tells_raised_genes_from_random_ones_by_every_method(method):
    adatas = [sample("s"), sample("raised", raised=3.0)]
    lists = {"raised": GENES[:15], "signed": {"up": GENES[:15], "down": GENES[100:115]}}
    lists |= {f"random{i}": GENES[60 + 15 * i : 75 + 15 * i] for i in range(12)}
    scores = score_samples(
        adatas, lists, depth=("raw",), reference=reference(), methods=(method,), n_null=200, min_cells=20
    )
    z = scores[scores["cell_type"] == "T"].set_index(["sample", "gene_list"])["null_z"]
    assert z["raised", "raised"] > 2.5 + z["s", "raised"]
    assert z["raised", "signed"] > 1.5 + z["s", "signed"]
    assert z["s"][[f"random{i}" for i in range(12)]].abs().median() < 1.5


@pytest.mark.parametrize("method", ["score_genes", "ulm", "mean_z", "aucell"])
def test_mean_scores_of_random_lists_are_means_over_the_cells(method):
    from ohmics.score.expression import open_source
    from ohmics.score.method import Given

    source = open_source(sample("s"))
    kernel = METHODS[method].kernel(Given(genes=source.genes, reference=reference(), seed=3))
    scorer = kernel(source.whole())
    lists = np.array([np.random.default_rng(i).choice(300, 12, replace=False) for i in range(40)])
    quick, slow = scorer.mean_scores(lists), scorer.scores(list(lists)).mean(axis=0)
    if method == "ulm":  # the t value of the mean correlation, not the mean t value
        assert np.corrcoef(quick, slow)[0, 1] > 0.999
    else:
        np.testing.assert_allclose(quick, slow, rtol=1e-9)


def test_depth_correlations_are_spearmans():
    adata = sample("s", n=80)
    table = depth_correlations(adata, LISTS, methods=("ucell", "score_genes"), reference=reference())
    assert list(table.columns) == ["method", "gene_list", "spearman"]
    totals = np.asarray(adata.X.sum(axis=1)).ravel()
    for row in table.itertuples():
        values = score(adata, LISTS, method=row.method, reference=reference())[row.gene_list]
        assert row.spearman == pytest.approx(abs(stats.spearmanr(values, totals).statistic))
    everything = depth_correlations(adata, LISTS, reference=reference())
    assert set(everything["method"]) == {name for name, method in METHODS.items() if method.per_cell}
    adata.X = adata.X * 0.5
    with pytest.raises(OhmicsError, match="fractions"):
        depth_correlations(adata, LISTS)
