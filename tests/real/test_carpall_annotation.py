"""The whole single-cell thread up to annotation on the published CAR T cohort (Anderson 2023 Nat Med)."""

import os
from pathlib import Path

import pandas as pd
import pytest

from ohmics.annotate import annotate, confusion, marker_scores
from ohmics.catalog import catalog
from ohmics.embed import embed
from ohmics.intake.reading import read
from ohmics.qc import check_identity, run_qc, sex_counts

DATA = Path(os.environ.get("OHMICS_DATA", "")) / "carpall2023"
pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(
        "OHMICS_DATA" not in os.environ or not DATA.is_dir(),
        reason="OHMICS_DATA does not name a folder with carpall2023",
    ),
]
NO_T = ("CD3D", "CD3E", "CD3G", "TRAC")


def detected(adata, genes):
    return (adata[:, list(genes)].X.toarray() > 0).sum(axis=1)


@pytest.fixture(scope="module")
def cohort():
    sheet = pd.read_csv(DATA / "samples.tsv", sep="\t").set_index("sample")
    results = {}
    for sample, path in sheet["path"].items():
        adata = read(DATA / path, modality="single_cell", transgenes=["CAT_scFv"])
        results[sample] = run_qc(adata, sample=sample, seed=0)
    kept = {sample: result.kept for sample, result in results.items() if result.qc_row["verdict"] != "excluded"}
    known = catalog()
    clusters = embed(list(kept.values()), umap=False, seed=0)
    evidence = pd.concat([marker_scores(adata, known.markers) for adata in kept.values()])
    cells = annotate(evidence, clusters, catalog=known)
    labels = pd.read_csv(DATA / "published_car_t_labels.tsv.gz", sep="\t")
    return sheet, results, kept, cells, labels, known


def test_published_car_t_cells_are_t_cells(cohort):
    _, _, _, cells, labels, known = cohort
    kept = labels.merge(cells, on=["sample", "barcode"], suffixes=("_label", ""))
    print(confusion(cells, labels).to_string())
    assert len(kept) > 3500
    share = kept["cell_type"].isin(known.descendants("T cell")).mean()
    assert share >= 0.97


def test_b_cells_and_monocytes_of_unsorted_samples_are_not_t_cells(cohort):
    sheet, _, kept, cells, _, known = cohort
    types = cells.set_index(["sample", "barcode"])["cell_type"]
    found = []
    for sample in sheet.index[sheet["sort"] == "NoSo"]:
        if sample not in kept:
            continue
        adata = kept[sample]
        without = detected(adata, NO_T) == 0
        b_cell = without & (detected(adata, ("CD19", "CD79A", "MS4A1")) >= 2)
        monocyte = without & (detected(adata, ("LYZ", "CD14", "FCN1")) >= 2)
        found.append(types.loc[sample].reindex(adata.obs_names[b_cell | monocyte]))
    found = pd.concat(found)
    assert len(found) > 1000
    assert (~found.isin(known.descendants("T cell"))).mean() >= 0.95


def test_the_empty_sample_is_excluded_and_no_other(cohort):
    _, results, _, _, _, _ = cohort
    excluded = {sample for sample, result in results.items() if result.qc_row["verdict"] == "excluded"}
    assert excluded == {"CAR-T10593347"}
    row = results["CAR-T10593347"].qc_row
    assert row["median_umi"] == 2
    assert "essentially empty" in row["flags"]


def test_samples_of_a_patient_are_one_persons(cohort):
    sheet, _, kept, _, _, _ = cohort
    table = check_identity(pd.concat([sex_counts(adata) for adata in kept.values()]), sheet.reset_index())
    assert set(table["verdict"]) == {"consistent"}
    assert table.groupby("patient")["sex"].agg(lambda sexes: "|".join(sorted(set(sexes)))).to_dict() == {
        "P01": "male", "P02": "male", "P03": "female", "P06": "male", "P08": "male",
    }  # fmt: skip
