"""Sums per sample and cell type against pandas."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from ohmics.errors import OhmicsError
from ohmics.pseudobulk import group_cells, pseudobulk


def cells():
    random = np.random.default_rng(0)
    obs = pd.DataFrame(
        {"sample": random.choice(["s2", "s1"], 50), "cell_type": random.choice(["T", "B", None], 50)},
        index=[f"c{i}" for i in range(50)],
    )
    counts = sparse.csr_matrix(random.poisson(2, size=(50, 7)).astype(np.float32))
    return AnnData(counts, obs=obs, var=pd.DataFrame({"feature_type": "gene"}, index=list("ABCDEFG")))


def test_sums_are_pandas_sums_and_nothing_is_changed():
    adata = cells()
    before = adata.X.copy()
    result = pseudobulk(adata, by=["sample", "cell_type"])
    frame = adata.to_df().astype(int).groupby([adata.obs["sample"], adata.obs["cell_type"].astype(object)]).sum()
    assert result.obs_names.tolist() == ["|".join(key) for key in frame.index]
    np.testing.assert_array_equal(result.X.toarray(), frame.to_numpy())
    sizes = adata.obs.dropna().groupby(["sample", "cell_type"], observed=True).size()
    assert result.obs["n_cells"].tolist() == sizes.tolist()
    assert result.X.dtype == np.int64
    assert (before != adata.X).nnz == 0
    assert result.var.equals(adata.var)


def test_one_column_and_large_sums():
    adata = AnnData(
        sparse.csr_matrix(np.full((3, 1), 2.0**24, dtype=np.float32)),
        obs=pd.DataFrame({"sample": list("aab")}, index=list("xyz")),
    )
    assert pseudobulk(adata, "sample").X.toarray().ravel().tolist() == [2**25, 2**24]


def test_wrong_input_is_named():
    adata = cells()
    adata.X = adata.X * 0.5
    with pytest.raises(OhmicsError) as error:
        pseudobulk(adata, ["sampel"])
    assert "did you mean `sample`?" in str(error.value)
    assert "no raw counts" in str(error.value)


def test_groups_hold_descendants_and_flags():
    obs = pd.DataFrame({
        "cell_type": ["CD8 T", "T cell", "B cell", None], "malignant": pd.array([None, False, True, False], "boolean"),
    })  # fmt: skip
    groups = group_cells(obs, ["T cell", "CD8 T", "malignant", "car_positive"], {"T cell": {"CD8 T"}})
    assert {name: mask.tolist() for name, mask in groups.items()} == {
        "T cell": [True, True, False, False], "CD8 T": [True, False, False, False],
        "malignant": [False, False, True, False], "car_positive": [False] * 4,
    }  # fmt: skip
