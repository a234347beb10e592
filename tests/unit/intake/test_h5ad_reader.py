"""h5ad files: which matrix holds the counts, and where the gene ids stand."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.errors import OhmicsError
from ohmics.intake import read


@pytest.fixture
def adata(made) -> ad.AnnData:
    obs, var = pd.DataFrame(index=made.barcodes), pd.DataFrame(index=made.names)
    return ad.AnnData(made.counts.astype(np.float32), obs=obs, var=var)


@pytest.mark.parametrize("dense", [True, False])
def test_counts_in_x(tmp_path: Path, adata: ad.AnnData, dense: bool) -> None:
    expected = adata.X.toarray()
    if dense:
        adata.X = expected
    adata.write_h5ad(tmp_path / "a.h5ad")
    found = read(tmp_path / "a.h5ad", modality="single_cell")
    np.testing.assert_array_equal(found.X.toarray(), expected)
    assert found.uns["ohmics"]["intake"]["taken_from"] == "X"


@pytest.mark.parametrize("place", ["layer", "raw", "csc"])
def test_counts_beside_a_logged_x(tmp_path: Path, adata: ad.AnnData, place: str) -> None:
    expected = adata.X.toarray()
    if place == "raw":
        adata.raw = adata.copy()
    else:
        adata.layers["counts"] = sp.csc_matrix(adata.X) if place == "csc" else adata.X.copy()
    adata.X = np.log1p(adata.X)
    adata.write_h5ad(tmp_path / "a.h5ad")
    found = read(tmp_path / "a.h5ad", modality="single_cell")
    np.testing.assert_array_equal(found.X.toarray(), expected)
    assert found.uns["ohmics"]["intake"]["taken_from"] == ("raw" if place == "raw" else 'layers["counts"]')


def test_raw_may_hold_more_genes_than_x(tmp_path: Path, adata: ad.AnnData) -> None:
    adata.raw = adata.copy()
    smaller = adata[:, :10].copy()
    smaller.X = np.log1p(smaller.X)
    smaller.write_h5ad(tmp_path / "a.h5ad")
    assert read(tmp_path / "a.h5ad", modality="single_cell").n_vars == 40


def test_a_named_layer_is_taken_or_refused(tmp_path: Path, adata: ad.AnnData) -> None:
    adata.layers["spliced"] = adata.X * 2
    adata.write_h5ad(tmp_path / "a.h5ad")
    found = read(tmp_path / "a.h5ad", modality="single_cell", layer="spliced")
    np.testing.assert_array_equal(found.X.toarray(), 2 * adata.X.toarray())
    with pytest.raises(OhmicsError, match="the file has no layer `unspliced`; legal: X, spliced"):
        read(tmp_path / "a.h5ad", modality="single_cell", layer="unspliced")


@pytest.mark.parametrize("column", ["feature_name", "gene_symbols", "gene_name"])
def test_symbols_in_a_column(tmp_path: Path, adata: ad.AnnData, made, column: str) -> None:
    adata.var[column] = adata.var_names.to_numpy()
    adata.var_names = [f"row{number}" for number in range(adata.n_vars)]
    adata.write_h5ad(tmp_path / "a.h5ad")
    found = read(tmp_path / "a.h5ad", modality="single_cell")
    assert list(found.var_names) == made.names
    assert f"gene ids are taken from column `{column}`" in found.uns["ohmics"]["intake"]["notes"]


def test_categorical_symbols_in_a_column(tmp_path: Path, adata: ad.AnnData, made) -> None:
    adata.var["feature_name"] = pd.Categorical(made.names)
    adata.var_names = made.ids
    adata.write_h5ad(tmp_path / "a.h5ad")
    assert list(read(tmp_path / "a.h5ad", modality="single_cell").var_names) == made.names


@pytest.mark.filterwarnings("ignore:Variable names are not unique")
def test_ensembl_ids_tell_genes_of_one_name_apart(tmp_path: Path, adata: ad.AnnData, made) -> None:
    names = [*made.names[:-1], made.names[0]]
    adata.var["gene_ids"] = made.ids
    adata.var_names = names
    adata.write_h5ad(tmp_path / "a.h5ad")
    found = read(tmp_path / "a.h5ad", modality="single_cell")
    assert list(found.var_names) == made.names
    adata.var = adata.var.drop(columns="gene_ids")
    adata.write_h5ad(tmp_path / "b.h5ad")
    with pytest.raises(OhmicsError, match="1 gene ids stand more than once"):
        read(tmp_path / "b.h5ad", modality="single_cell")


def test_no_matrix_with_counts_names_what_each_one_is(tmp_path: Path, adata: ad.AnnData) -> None:
    adata.layers["counts"] = -adata.X
    adata.X = np.log1p(adata.X)
    adata.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(OhmicsError) as caught:
        read(tmp_path / "a.h5ad", modality="single_cell")
    assert 'in layers["counts"]' in str(caught.value)
    assert "values are negative" in str(caught.value)
    assert "in X the values look log-transformed" in str(caught.value)


@pytest.mark.filterwarnings("ignore:Observation names are not unique")
def test_cells_of_one_name_are_refused(tmp_path: Path, adata: ad.AnnData) -> None:
    adata.obs_names = ["A", *adata.obs_names[1:-1], "A"]
    adata.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(OhmicsError, match="1 cell names stand more than once: A"):
        read(tmp_path / "a.h5ad", modality="single_cell")


def test_what_is_read_can_be_written_and_read_again(tmp_path: Path, adata: ad.AnnData) -> None:
    adata.write_h5ad(tmp_path / "a.h5ad")
    found = read(tmp_path / "a.h5ad", modality="single_cell", sample="S1", transgenes=["GFP"])
    found.write_h5ad(tmp_path / "b.h5ad")
    again = ad.read_h5ad(tmp_path / "b.h5ad")
    np.testing.assert_array_equal(again.X.toarray(), found.X.toarray())
    assert again.uns["ohmics"]["intake"]["gene_ids"] == "symbol"
    assert list(again.uns["ohmics"]["intake"]["transgenes_absent"]) == ["GFP"]


def test_a_bulk_h5ad_has_samples_in_its_rows(tmp_path: Path, adata: ad.AnnData) -> None:
    adata.write_h5ad(tmp_path / "a.h5ad")
    found = read(tmp_path / "a.h5ad", modality="bulk", samples=["CELL3-1", "CELL1-1"])
    assert list(found.obs["sample"]) == ["CELL3-1", "CELL1-1"]
    np.testing.assert_array_equal(found.X.toarray(), adata.X.toarray()[[3, 1]])


def test_a_file_of_anndata_before_0_7(tmp_path: Path, made) -> None:
    path = tmp_path / "old.h5ad"
    counts = made.counts.astype(np.float32)
    with h5py.File(path, "w") as handle:
        group = handle.create_group("X")
        group["data"], group["indices"], group["indptr"] = counts.data, counts.indices, counts.indptr
        group.attrs["h5sparse_format"], group.attrs["h5sparse_shape"] = "csr", counts.shape
        for name, index, more in (("obs", made.barcodes, made.barcodes), ("var", made.names, made.ids)):
            kind = [("index", "S40"), ("gene_ids", "S40")]
            handle[name] = np.array(list(zip(index, more, strict=True)), dtype=kind)
    found = read(path, modality="single_cell")
    assert list(found.var["original_id"]) == made.ids
    np.testing.assert_array_equal(found.X.toarray(), counts.toarray())


@pytest.mark.parametrize("form", ["categories beside the columns", "values with a mask"])
def test_other_encodings_of_text_columns(tmp_path: Path, adata: ad.AnnData, made, form: str) -> None:
    adata.var_names = [f"row{number}" for number in range(adata.n_vars)]
    adata.write_h5ad(tmp_path / "a.h5ad")
    with h5py.File(tmp_path / "a.h5ad", "r+") as handle:
        if form == "values with a mask":
            handle["var/feature_name/values"] = np.array(made.names, dtype="S")
        else:
            handle["var/feature_name"] = np.arange(40, dtype=np.int8)
            handle["var/__categories/feature_name"] = np.array(made.names, dtype="S")
    assert list(read(tmp_path / "a.h5ad", modality="single_cell").var_names) == made.names
