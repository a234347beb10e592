"""Log-normalised input: taken only when asked, never rounded, and ids of one symbol summed before the logarithm."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.errors import OhmicsError
from ohmics.intake import gene_table, read
from ohmics.intake.resources import list_aliases


@pytest.fixture
def logged(tmp_path: Path) -> tuple[Path, np.ndarray, list[str]]:
    genes = [*gene_table().frame["symbol"].head(20), "CD20", "MS4A1"]  # CD20 is an alias of MS4A1
    counts = np.random.default_rng(0).poisson(3.0, size=(6, 22)) + 1.0
    values = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    path = tmp_path / "a.h5ad"
    cells = pd.DataFrame(index=[f"C{number}" for number in range(6)])
    ad.AnnData(sp.csr_matrix(values), obs=cells, var=pd.DataFrame(index=genes)).write_h5ad(path)
    return path, values, genes


def test_log_values_are_refused_unless_allowed(logged) -> None:
    path, _, _ = logged
    with pytest.raises(OhmicsError, match="look log-transformed"):
        read(path, modality="single_cell")
    adata = read(path, modality="single_cell", log_allowed=True)
    assert adata.uns["ohmics"]["intake"]["values"] == "log"


def test_log_values_are_kept_and_summed_before_the_logarithm(logged) -> None:
    path, values, genes = logged
    adata = read(path, modality="single_cell", log_allowed=True)
    found = adata.to_df()
    np.testing.assert_allclose(found[genes[:20]], values[:, :20], rtol=1e-5)
    np.testing.assert_allclose(found["MS4A1"], np.log1p(np.expm1(values[:, 20:]).sum(axis=1)), rtol=1e-5)


def test_bulk_log_values_have_base_2(tmp_path: Path) -> None:
    genes = [*gene_table().frame["symbol"].head(20), "CD20", "MS4A1"]
    cpm = np.random.default_rng(1).uniform(1, 5000, size=(22, 4))
    pd.DataFrame(np.log2(cpm + 1), index=genes, columns=list("abcd")).to_csv(tmp_path / "a.csv")
    adata = read(tmp_path / "a.csv", modality="bulk", log_allowed=True)
    np.testing.assert_allclose(adata.to_df()["MS4A1"], np.log2(cpm[20:].sum(axis=0) + 1), rtol=1e-5)


def test_counts_stay_counts_when_log_is_allowed(tmp_path: Path) -> None:
    genes = list(gene_table().frame["symbol"].head(20))
    counts = np.random.default_rng(2).poisson(3.0, size=(20, 4))
    pd.DataFrame(counts, index=genes, columns=list("abcd")).to_csv(tmp_path / "a.csv")
    adata = read(tmp_path / "a.csv", modality="bulk", log_allowed=True)
    assert adata.uns["ohmics"]["intake"]["values"] == "counts"
    np.testing.assert_array_equal(adata.to_df().to_numpy().T, counts)


def test_ids_of_lists_reach_symbols() -> None:
    found = list_aliases({"a": ["ENSG00000177455.5", "CD8A"], "b": {"up": ["930"], "down": ["ENSG99999999999"]}})
    assert found["ENSG00000177455.5"] == "CD19"
    assert found["930"] == "CD19"
    assert "ENSG99999999999" not in found
    assert found.items() >= gene_table().aliases.items()
