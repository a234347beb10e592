"""Thinning: binomial counts, the right depth, and the same numbers in whatever order."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse, stats

from ohmics.errors import OhmicsError
from ohmics.score.thin import name_keys, thin, thin_counts


def cells(n=200, genes=300, rate=3.0, seed=0):
    random = np.random.default_rng(seed)
    counts = random.poisson(random.gamma(0.5, 2 * rate, size=genes) * random.gamma(5, 0.2, size=(n, 1)))
    return AnnData(
        sparse.csr_matrix(counts.astype(np.float32)),
        obs=pd.DataFrame({"sample": "s1"}, index=[f"c{i}" for i in range(n)]),
        var=pd.DataFrame(index=[f"G{g}" for g in range(genes)]),
    )


def totals(adata):
    return np.asarray(adata.X.sum(axis=1)).ravel()


def test_the_median_becomes_the_target_and_differences_between_cells_stay():
    adata = cells()
    thinned = thin(adata, 300, seed=0)
    assert np.median(totals(thinned)) == pytest.approx(300, rel=0.03)
    assert np.corrcoef(totals(adata), totals(thinned))[0, 1] > 0.95
    assert (thinned.X.data == np.floor(thinned.X.data)).all()
    assert (thinned.X > adata.X).nnz == 0
    assert thinned.X.dtype == np.float32
    assert (thinned.X.data != 0).all()


def test_shallower_data_are_returned_as_they_are():
    adata = cells()
    assert (thin(adata, 10**6, seed=0).X != adata.X).nnz == 0


@pytest.mark.parametrize("count", [1, 7, 15, 16, 63, 64, 200, 5000])
@pytest.mark.parametrize("share", [0.5, 0.13, 0.937])
def test_counts_are_binomial(count, share):
    n = 4000
    matrix = sparse.csr_matrix(np.full((n, 1), float(count)))
    cell_keys = name_keys([f"c{i}" for i in range(n)], 3)
    kept = thin_counts(matrix, share, cell_keys, name_keys(["G"], 3)).toarray().ravel()
    truth = stats.binom(count, share)
    # A randomised probability transform is uniform exactly when the counts are binomial.
    random = np.random.default_rng(count)
    u = truth.cdf(kept - 1) + random.random(n) * truth.pmf(kept)
    assert stats.kstest(u, "uniform").pvalue > 1e-4


def test_neighbouring_counts_are_independent():
    n = 3000
    keys = name_keys([f"c{i}" for i in range(n)], 0)
    kept = thin_counts(sparse.csr_matrix(np.full((n, 8), 30.0)), 0.4, keys, name_keys([f"G{g}" for g in range(8)], 0))
    dense = kept.toarray()
    off = np.corrcoef(dense, rowvar=False)[~np.eye(8, dtype=bool)]
    along = np.corrcoef(dense[:-1, 0], dense[1:, 0])[0, 1]
    assert np.abs(np.append(off, along)).max() < 5 / np.sqrt(n)


def test_the_order_of_cells_and_genes_does_not_matter_and_the_seed_does():
    adata = cells(60, 80)
    random = np.random.default_rng(1)
    order = random.permutation(60), random.permutation(80)
    first = thin(adata, 200, seed=0).to_df()
    second = thin(adata[order[0]][:, order[1]].copy(), 200, seed=0).to_df()
    pd.testing.assert_frame_equal(first, second.loc[first.index, first.columns])
    assert not first.equals(thin(adata, 200, seed=1).to_df())
    other = adata.copy()
    other.obs["sample"] = "s2"
    assert not first.equals(thin(other, 200, seed=0).to_df())


def test_what_cannot_be_thinned_is_refused():
    adata = cells(5, 10)
    adata.X = adata.X * 0.5
    with pytest.raises(OhmicsError, match="no raw counts"):
        thin(adata, 5, seed=0)
    with pytest.raises(OhmicsError, match="above 0"):
        thin(cells(5, 10), 0, seed=0)
