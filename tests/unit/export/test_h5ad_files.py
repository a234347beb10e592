from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.errors import OhmicsError
from ohmics.export.bulk_samples import write_samples
from ohmics.export.cells import write_cells


@pytest.fixture
def cells(cell_results: Path, tmp_path: Path) -> ad.AnnData:
    assert write_cells(cell_results, tmp_path / "o.h5ad", version="9.9") == ""
    return ad.read_h5ad(tmp_path / "o.h5ad")


def test_x_is_log_normalised_and_the_counts_are_those_of_the_samples(cells: ad.AnnData, cell_results: Path) -> None:
    assert cells.shape == (60, 11)
    assert isinstance(cells.X, sp.csr_matrix)
    assert cells.X.dtype == cells.layers["counts"].dtype == np.float32
    raw = cells.layers["counts"].toarray()
    for sample in ("S_pre", "S_relapse"):
        own = ad.read_h5ad(cell_results / "samples" / sample / "counts.h5ad")
        kept = cells[cells.obs["sample"] == sample]
        expected = own[list(kept.obs["barcode"].astype(str)), list(cells.var_names)].X.toarray()
        assert np.array_equal(kept.layers["counts"].toarray(), expected)
    totals = raw.sum(axis=1, keepdims=True)
    assert np.allclose(cells.X.toarray(), np.log1p(raw / totals * 10_000), rtol=1e-5)


def test_genes_that_a_sample_lacks_are_named_and_left_out(cells: ad.AnnData) -> None:
    assert list(cells.uns["ohmics"]["genes_left_out"]) == ["GENE11"]
    assert "GENE11" not in cells.var_names


def test_what_cellxgene_asks_of_a_file_holds(cells: ad.AnnData) -> None:
    assert cells.var_names.is_unique
    assert cells.obs_names.is_unique
    assert cells.obsm["X_umap"].shape == (60, 2)
    assert np.isfinite(cells.obsm["X_umap"]).all()
    for name in ("sample", "patient", "timepoint", "cell_type", "cluster", "malignant", "car_positive", "tissue"):
        assert isinstance(cells.obs[name].dtype, pd.CategoricalDtype), name
    for name in cells.obs.columns:
        assert cells.obs[name].dtype.kind in "fiO", name
    assert set(cells.obs["malignant"]) == {"malignant", "not malignant", "undetermined"}
    assert list(cells.obs["cluster"].cat.categories) == ["2", "10"]
    assert "light_chain" not in cells.obs, "a column without any value says nothing"
    assert cells.obs_names[0] == "S_pre:cell0"


def test_scores_stand_beside_their_cells(cells: ad.AnnData, cell_results: Path) -> None:
    lists = list(cells.uns["ohmics"]["gene_lists"])
    own = pd.read_parquet(cell_results / "samples" / "S_relapse" / "cell_scores.parquet").set_index("barcode")
    kept = cells[cells.obs["sample"] == "S_relapse"]
    expected = own.loc[list(kept.obs["barcode"].astype(str)), lists].to_numpy(dtype=np.float32)
    assert np.array_equal(np.asarray(kept.obsm["gene_list_scores"]), expected)


def test_scanpy_works_on_it(cells: ad.AnnData) -> None:
    import scanpy as sc

    means = sc.get.aggregate(cells, by="cell_type", func="mean").layers["mean"]
    assert np.allclose(np.asarray(means)[0], cells.X.toarray().mean(axis=0), rtol=1e-5)
    frame = sc.get.obs_df(cells, keys=["GENE0", "cell_type", "sample"])
    assert len(frame) == 60
    for name in ("cell_type", "sample", "timepoint"):
        assert len(cells.uns[f"{name}_colors"]) == len(cells.obs[name].cat.categories)


def test_no_path_is_told_and_the_bytes_are_the_same(cell_results: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_cells(cell_results, tmp_path / f"{name}.h5ad", version="9.9")
    assert (tmp_path / "a.h5ad").read_bytes() == (tmp_path / "b.h5ad").read_bytes()
    assert b"somebody" not in (tmp_path / "a.h5ad").read_bytes()


def test_too_many_cells_are_said_and_an_old_file_goes(cell_results: Path, tmp_path: Path) -> None:
    place = tmp_path / "o.h5ad"
    write_cells(cell_results, place, version="9.9")
    reason = write_cells(cell_results, place, version="9.9", most_cells=59)
    assert "60 cells are more than 59 (export.h5ad_max_cells)" in reason
    assert not place.exists()


def test_a_cell_without_counts_is_refused(cell_results: Path, tmp_path: Path) -> None:
    place = cell_results / "samples" / "S_pre" / "counts.h5ad"
    ad.read_h5ad(place)[:20].copy().write_h5ad(place)
    with pytest.raises(OhmicsError, match="CELLS names 10 barcodes the counts of S_pre do not hold"):
        write_cells(cell_results, tmp_path / "o.h5ad", version="9.9")
    assert not (tmp_path / "o.h5ad").exists()


def test_bulk_samples(bulk_results: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert write_samples(bulk_results, tmp_path / f"{name}.h5ad", version="9.9") == ""
    assert (tmp_path / "a.h5ad").read_bytes() == (tmp_path / "b.h5ad").read_bytes()
    held = ad.read_h5ad(tmp_path / "a.h5ad")
    raw = held.layers["counts"].toarray()
    assert np.array_equal(raw, np.arange(36, dtype=np.float32).reshape(3, -1))
    assert np.allclose(held.X.toarray(), np.log1p(raw / raw.sum(axis=1, keepdims=True) * 1e6), rtol=1e-5)
    assert held.obsm["X_pca"][:, 0].tolist() == [0.0, 1.0, 2.0]
    assert list(held.uns["ohmics"]["gene_lists"]) == ["car_tonic_signalling/ap1_irf_tonic", "my own list"]
    assert held.obsm["gene_list_scores"][:, 0].tolist() == [0.5, 1.5, 2.5]
    assert held.obs["library_size"].tolist() == [1000.0, 1001.0, 1002.0]
    assert held.obs["age"].tolist() == [61, 61, 61]


def test_bulk_without_counts_says_so(bulk_results: Path, tmp_path: Path) -> None:
    (bulk_results / "counts" / "bulk.h5ad").unlink()
    assert "no table of bulk counts" in write_samples(bulk_results, tmp_path / "o.h5ad", version="9.9")
