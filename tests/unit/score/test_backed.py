"""Data backed by h5ad or Zarr are scored block by block: the same numbers, and memory bounded by the block."""

import tracemalloc

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import zarr
from anndata import AnnData
from scipy import sparse

from ohmics.errors import OhmicsError
from ohmics.score import score
from ohmics.score.methods import METHODS

GENES = [f"G{g:04d}" for g in range(1000)]
LISTS = {"a": GENES[:20], "b": {"up": GENES[50:80], "down": GENES[200:215]}}
CELLS = [name for name, method in METHODS.items() if method.per_cell]


def cells(n, seed=0):
    random = np.random.default_rng(seed)
    counts = random.poisson(random.gamma(0.2, 1, size=1000), size=(n, 1000)).astype(np.float32)
    kinds = ["transgene" if g == 7 else "gene" for g in range(1000)]
    names = {
        "obs": pd.DataFrame(index=[f"c{i}" for i in range(n)]),
        "var": pd.DataFrame({"feature_type": kinds}, GENES),
    }
    return AnnData(sparse.csr_matrix(counts), **names)


def backed_by_zarr(adata, folder):
    adata.write_zarr(folder)
    group = zarr.open(folder, mode="r")
    return AnnData(ad.io.sparse_dataset(group["X"]), obs=adata.obs, var=adata.var)


@pytest.mark.parametrize("method", CELLS)
def test_backed_data_have_the_scores_of_data_in_memory(tmp_path, method):
    adata = cells(90)
    adata.write_h5ad(tmp_path / "x.h5ad")
    truth = score(adata, LISTS, method=method).to_numpy()
    backed = ad.read_h5ad(tmp_path / "x.h5ad", backed="r")
    np.testing.assert_array_equal(score(backed, LISTS, method=method, chunk=25).to_numpy(), truth)
    backed.file.close()


@pytest.mark.filterwarnings("ignore::UserWarning:zarr", "ignore::FutureWarning", "ignore:Writing zarr v2")
@pytest.mark.parametrize("method", ["ucell", "score_genes"])
def test_zarr_is_read_in_blocks_too(tmp_path, method):
    adata = cells(60)
    truth = score(adata, LISTS, method=method).to_numpy()
    lazy = backed_by_zarr(adata, tmp_path / "x.zarr")
    np.testing.assert_array_equal(score(lazy, LISTS, method=method, chunk=25).to_numpy(), truth)


def test_dense_backed_data_are_read_in_blocks(tmp_path):
    adata = cells(40)
    adata.X = adata.X.toarray()
    adata.write_h5ad(tmp_path / "x.h5ad")
    backed = ad.read_h5ad(tmp_path / "x.h5ad", backed="r")
    np.testing.assert_array_equal(score(backed, LISTS, chunk=7), score(adata, LISTS))
    backed.file.close()


@pytest.mark.parametrize("method", CELLS)
def test_memory_grows_with_the_block_and_not_with_the_cells(tmp_path, method):
    peaks = []
    for n in (600, 2400):
        cells(n).write_h5ad(tmp_path / f"{n}.h5ad")
        backed = ad.read_h5ad(tmp_path / f"{n}.h5ad", backed="r")
        score(backed, LISTS, method=method, chunk=100)
        tracemalloc.start()
        score(backed, LISTS, method=method, chunk=100)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        backed.file.close()
    with h5py.File(tmp_path / "2400.h5ad") as file:
        whole = file["X/data"].size * 8
    # What grows are the scores and names of 1,800 more cells, not their values.
    assert peaks[1] - peaks[0] < 0.15 * whole
    assert peaks[1] < whole


def test_a_fault_in_a_late_block_is_found(tmp_path):
    adata = cells(50)
    adata.X.data[-1] = -1
    adata.write_h5ad(tmp_path / "x.h5ad")
    backed = ad.read_h5ad(tmp_path / "x.h5ad", backed="r")
    with pytest.raises(OhmicsError, match="1 values are negative"):
        score(backed, LISTS, chunk=10)
    backed.file.close()
