from __future__ import annotations

import hashlib
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import yaml

from ohmics import toy
from ohmics.catalog import Catalog
from ohmics.errors import OhmicsError
from ohmics.toy import Cohort
from ohmics.toy.write_cohort import B_LINEAGE


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_scanpy_reads_the_counts_back(tiny: Cohort, tiny_folder: Path) -> None:
    for sample, adata in tiny.adatas.items():
        back = sc.read_10x_h5(tiny_folder / "counts" / f"{sample}.h5")
        assert list(back.obs_names) == list(adata.obs_names)
        assert list(back.var_names) == list(adata.var_names)
        assert list(back.var["gene_ids"]) == list(adata.var["original_id"])
        assert np.array_equal(back.X.toarray(), adata.X.toarray())


def test_the_folder_holds_what_the_config_names(tiny: Cohort, tiny_folder: Path, toy_catalog: Catalog) -> None:
    config = yaml.safe_load((tiny_folder / "config.yaml").read_text())
    sheet = pd.read_csv(tiny_folder / config["input"]["samples"], sep="\t", keep_default_na=False, na_values=[""])
    assert all((tiny_folder / path).is_file() for path in sheet["path"])
    assert config["input"]["transgenes"] == [toy.CAR]
    (contrast,) = config["contrasts"]
    assert {contrast["test"], contrast["reference"]} == set(sheet[contrast["variable"]])
    assert contrast["name"] == toy.CONTRAST
    assert config["malignant"]["cell_types"] == list(B_LINEAGE)
    assert set(B_LINEAGE) <= set(toy_catalog.markers)
    assert not sheet.isna().all().any()


def test_truth_is_read_back_unchanged(tiny: Cohort, tiny_folder: Path) -> None:
    read = {"sep": "\t", "keep_default_na": False, "na_values": [""]}
    pd.testing.assert_frame_equal(pd.read_csv(tiny_folder / "truth.tsv", **read), tiny.truth)
    cells = pd.read_csv(tiny_folder / "truth_cells.tsv.gz", **read)
    pd.testing.assert_frame_equal(cells.fillna({"partner_type": ""}), tiny.truth_cells.fillna({"partner_type": ""}))


@pytest.mark.parametrize("format", ["10x_h5", "h5ad"])
def test_same_cohort_same_bytes(tiny: Cohort, tmp_path: Path, format: str) -> None:
    first = toy.write(tiny, tmp_path / "first", format=format).parent
    second = toy.write(tiny, tmp_path / "second", format=format).parent
    assert digests(first) == digests(second)
    assert len(digests(first)) == len(tiny.adatas) + 4


def test_h5ad_holds_raw_counts(tiny: Cohort, tmp_path: Path) -> None:
    folder = toy.write(tiny, tmp_path, format="h5ad").parent
    sheet = pd.read_csv(folder / "samples.tsv", sep="\t")
    back = ad.read_h5ad(folder / sheet["path"][0])
    assert np.array_equal(back.X.toarray(), tiny.adatas[sheet["sample"][0]].X.toarray())


def test_bulk_matrix_is_genes_by_samples(tumours: Cohort, tmp_path: Path) -> None:
    folder = toy.write(tumours, tmp_path / "first").parent
    assert digests(folder) == digests(toy.write(tumours, tmp_path / "second").parent)
    matrix = pd.read_csv(folder / "counts.csv.gz", index_col=0)
    assert list(matrix.columns) == list(tumours.samples["sample"])
    assert np.array_equal(matrix.to_numpy().T, tumours.counts.X.toarray())
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["input"]["modality"] == "bulk"
    assert config["input"]["matrix"] == "counts.csv.gz"


def test_a_format_that_does_not_fit_is_refused(tiny: Cohort, tumours: Cohort, tmp_path: Path) -> None:
    with pytest.raises(OhmicsError, match="format `csv` does not fit a single_cell cohort; legal: 10x_h5, h5ad"):
        toy.write(tiny, tmp_path, format="csv")
    with pytest.raises(OhmicsError, match="legal: csv"):
        toy.write(tumours, tmp_path, format="h5ad")
    assert not list(tmp_path.iterdir())
