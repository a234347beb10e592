"""Doublet scores are scanpy's, without its dense matrices."""

import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp

from ohmics.qc.scrublet import scrublet


def two_kinds(n_cells: int = 260, n_genes: int = 500, seed: int = 0) -> ad.AnnData:
    rng = np.random.default_rng(seed)
    rate = np.tile(rng.gamma(0.4, 1, n_genes) + 0.02, (n_cells, 1))
    rate[: n_cells // 2, :60] += 4
    rate[n_cells // 2 :, 60:120] += 4
    # Ten droplets hold a cell of each kind.
    rate[:10] += rate[-10:]
    return ad.AnnData(
        X=sp.csr_matrix(rng.poisson(rate).astype(np.float32)),
        obs=pd.DataFrame(index=[f"b{i}" for i in range(n_cells)]),
        var=pd.DataFrame(index=[f"G{i}" for i in range(n_genes)]),
    )


@pytest.fixture(scope="module")
def theirs() -> ad.AnnData:
    adata = two_kinds()
    with warnings.catch_warnings():
        # scanpy divides by the sd of a bin that holds one gene, and announces what it will change.
        warnings.simplefilter("ignore")
        sc.pp.scrublet(
            adata,
            expected_doublet_rate=0.05,
            n_prin_comps=10,
            use_approx_neighbors=False,
            verbose=False,
            random_state=3,
        )
    return adata


def test_scores_are_scanpys(theirs: ad.AnnData) -> None:
    found = scrublet(two_kinds(), expected=0.05, n_components=10, seed=3)
    assert list(found.scores.index) == list(theirs.obs_names)
    same = np.isclose(found.scores, theirs.obs["doublet_score"], rtol=0, atol=1e-12)
    # Two points at the same distance may change places.
    assert same.mean() > 0.98
    assert found.scores[:10].min() > found.scores[10:].quantile(0.9)


def test_what_is_not_expressed_by_a_cell_has_no_score() -> None:
    adata = two_kinds()
    adata.X = sp.csr_matrix(sp.diags((np.arange(adata.n_obs) != 40).astype(np.float32)) @ adata.X)
    found = scrublet(adata, expected=0.05, n_components=10, seed=3)
    assert found.scores.isna().sum() == 1
    assert np.isnan(found.scores["b40"])


def test_one_mode_has_no_threshold() -> None:
    rng = np.random.default_rng(1)
    counts = sp.csr_matrix(rng.poisson(2.0, (150, 200)).astype(np.float32))
    names = pd.DataFrame(index=[f"b{i}" for i in range(150)])
    found = scrublet(ad.AnnData(counts, obs=names), expected=0.05, n_components=5, seed=0)
    assert found.threshold is None or found.threshold > found.scores.quantile(0.5)
    assert found.scores.notna().all()


def test_fewer_variable_genes_than_components_are_enough():
    adata = two_kinds(n_cells=120, n_genes=200)
    found = scrublet(adata, expected=0.05, n_components=100, seed=0)
    assert found is not None
    assert found.scores.notna().all()


def test_thin_cells_are_scored_without_a_warning():
    # Warnings are errors here; of some cells no variable gene is found.
    rng = np.random.default_rng(3)
    thin = sp.csr_matrix(rng.poisson(rng.gamma(0.3, size=3000) * 0.02, size=(100, 3000)).astype(np.float32))
    names = pd.DataFrame(index=[f"G{i}" for i in range(3000)])
    found = scrublet(ad.AnnData(thin, var=names), expected=0.05, n_components=30, seed=0)
    assert found is not None
    assert len(found.scores) == 100


def test_cells_in_which_nothing_varies_have_no_scores():
    alike = ad.AnnData(sp.csr_matrix(np.ones((120, 3), dtype=np.float32)))
    assert scrublet(alike, expected=0.05, n_components=30, seed=0) is None
