"""Intake on the four real data sets: ids, shapes and counts as the files hold them."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml

from ohmics.intake import check_run, load_config, read, read_samples

DATA = Path(os.environ.get("OHMICS_DATA", ""))
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("OHMICS_DATA" not in os.environ, reason="OHMICS_DATA is not set: the real data are not here"),
]


def test_riaz_entrez_ids() -> None:
    path = DATA / "riaz2017" / "GSE91061_counts_entrez.csv.gz"
    adata = read(path, modality="bulk")
    intake = adata.uns["ohmics"]["intake"]
    assert adata.shape == (109, 22187)
    assert (intake["gene_ids"], intake["orientation"]) == ("entrez", "genes_by_samples")
    mapping = intake["mapping"]
    # 90632 is LINC00473's id; genes_extra.tsv takes it from PDE10A, so one more maps than in genes.tsv alone.
    assert (mapping["n_exact"], mapping["ambiguous"]) == (15520, ["6872: MYO18A, TAF1"])
    with gzip.open(path, "rt") as handle:
        assert adata.X.sum(dtype=np.float64) == sum(
            sum(map(int, line.rstrip("\n").split(",")[1:])) for number, line in enumerate(handle) if number
        )
    assert adata.var.loc["CD19", "original_id"] == "930"


def test_cartex_versioned_ensembl_ids_and_constructs() -> None:
    constructs = ["FMC63.8aTM.28z", "FMC63.8aTM.41BBz", "GFP_sequence", "HA_28Z"]
    adata = read(DATA / "cartex" / "counts_ensembl.csv.gz", modality="bulk", transgenes=constructs)
    assert adata.n_obs == 18
    assert adata.var_names[adata.var["feature_type"] == "transgene"].tolist() == constructs
    assert adata.uns["ohmics"]["intake"]["gene_ids"] == "ensembl"
    assert adata["HA_Donor76_Day11", "HA_28Z"].X[0, 0] == 29777
    plain = read(DATA / "cartex" / "counts_ensembl.csv.gz", modality="bulk")
    assert plain.uns["ohmics"]["intake"]["mapping"]["n_ids"] == 19650


def test_every_carpall_sample() -> None:
    samples = read_samples(
        DATA / "carpall2023" / "samples.tsv", columns={"timepoint": "timepoint_bin"}, modality="single_cell"
    )
    assert len(samples) == 23
    for sample, path in zip(samples["sample"], samples["path"], strict=True):
        adata = read(path, modality="single_cell", transgenes=["CAT_scFv"], sample=sample)
        with h5py.File(path, "r") as handle:
            assert adata.n_obs == len(handle["matrix/barcodes"])
            assert adata.X.sum(dtype=np.float64) == handle["matrix/data"][:].sum()
        assert "CAT_scFv" in adata.var_names
        assert adata.var_names.is_unique
        assert adata.uns["ohmics"]["intake"]["mapping"]["n_ids"] == 36601


def test_malt_symbols() -> None:
    for name, cells in (("a", 1000), ("b", 1100)):
        path = DATA / "malt_lymphoma" / f"{name}.h5ad"
        adata = read(path, modality="single_cell")
        with h5py.File(path, "r") as handle:
            assert adata.X.sum(dtype=np.float64) == handle["X/data"][:].sum(dtype=np.float64)
        assert adata.n_obs == cells
        assert adata.uns["ohmics"]["intake"]["gene_ids"] == "symbol"
        assert {"CD19", "MS4A1", "CD22"} <= set(adata.var_names)


def _config(folder: Path, **content: object) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"project": "Real", **content}))
    return path


def test_carpall_pairs_share_neither_tissue_nor_gate(tmp_path: Path) -> None:
    config = _config(
        tmp_path,
        input={
            "samples": "${OHMICS_DATA}/carpall2023/samples.tsv",
            "modality": "single_cell",
            "columns": {"timepoint": "timepoint_bin", "tissue": "source", "enrichment": "sort"},
            "defaults": {"therapy": "car_t", "target_antigen": "CD19"},
            "transgenes": ["CAT_scFv"],
        },
        contrasts=[{"variable": "timepoint", "test": "Late", "reference": "Early", "pair_by": "patient"}],
    )
    result = check_run(load_config(config))
    complete = result.pairs[result.pairs["complete"]]
    assert sorted(complete["subject"]) == ["P01", "P02", "P08"]
    assert set(complete["differs_in"]) == {"tissue|enrichment"}
    assert any("the smallest reachable p of a sign-flip test is 0.25" in note for note in result.notes)


def test_riaz_pairs(tmp_path: Path) -> None:
    config = _config(
        tmp_path,
        input={
            "samples": "${OHMICS_DATA}/riaz2017/samples.tsv",
            "matrix": "${OHMICS_DATA}/riaz2017/GSE91061_counts_entrez.csv.gz",
            "modality": "bulk",
            "columns": {"response": "best_overall_response"},
        },
        contrasts=[{"variable": "timepoint", "test": "On", "reference": "Pre", "pair_by": "patient"}],
    )
    result = check_run(load_config(config))
    assert result.pairs["complete"].sum() == 43
    assert (result.samples["response"] == "NE").sum() == 4
    assert result.samples["response"].isna().sum() == 1
    assert pd.Series(result.notes).str.contains("several samples on one side in Pt109").any()
