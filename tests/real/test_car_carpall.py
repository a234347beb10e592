"""CAR+ cells of the published CD19 CAR T cohort (Anderson 2023 Nat Med): called among published CAR T barcodes."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ohmics.calls import call_cars
from ohmics.catalog import catalog
from ohmics.intake.reading import read
from ohmics.tables import CAR, check

DATA = Path(os.environ.get("OHMICS_DATA", "")) / "carpall2023"
pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(
        "OHMICS_DATA" not in os.environ or not DATA.is_dir(),
        reason="OHMICS_DATA does not name a folder with carpall2023",
    ),
]
LINEAGES = {
    "T cell": ("CD3D", "CD3E", "CD3G", "TRAC"),
    "CD14 monocyte": ("LYZ", "S100A8", "S100A9", "CST3"),
    "B cell": ("CD79A", "MS4A1", "CD79B"),
}


def typed(path):
    """Return the deep cells of a sample, named by whose marker counts they hold."""
    adata = read(path, modality="single_cell", transgenes=["CAT_scFv"])
    adata = adata[np.asarray(adata.X.sum(axis=1)).ravel() > 1000].copy()
    counts = {name: np.asarray(adata[:, list(genes)].X.sum(axis=1)).ravel() for name, genes in LINEAGES.items()}
    t_cell = (counts["T cell"] >= 2) & (counts["B cell"] == 0)
    adata.obs["cell_type"] = np.select(
        [t_cell, (counts["CD14 monocyte"] >= 8) & (counts["T cell"] == 0), (counts["B cell"] >= 2) & ~t_cell],
        ["T cell", "CD14 monocyte", "B cell"],
        default="unassigned",
    )
    adata.obs["malignant"] = False
    return adata


@pytest.fixture(scope="module")
def called():
    sheet = pd.read_csv(DATA / "samples.tsv", sep="\t").set_index("sample")
    adatas = {sample: typed(DATA / path) for sample, path in sheet["path"].items()}
    adatas = {sample: adata for sample, adata in adatas.items() if adata.n_obs >= 50}
    return adatas, call_cars(adatas, ["CAT_scFv"], catalog=catalog())


def test_published_car_t_cells_are_called_and_others_are_not(called):
    adatas, calls = called
    check(calls.car, CAR)
    published = pd.read_csv(DATA / "published_car_t_labels.tsv.gz", sep="\t")
    cells = calls.cells.merge(published[["sample", "barcode"]].assign(published=True), how="left")
    known = cells["published"].notna()
    positive = cells["car_positive"].fillna(False).astype(bool)
    with_count = cells["n_transgene"] > 0
    assert positive[known & with_count].mean() > 0.8
    # Of the cells called, most stand in the publication's CAR T list, where a sample stands in it at all.
    listed = cells["sample"].isin(published["sample"])
    assert known[listed & positive].mean() > 0.5
    background = sum(int((adata.obs["cell_type"] != "T cell").sum()) for adata in adatas.values())
    in_background = sum(
        int((np.asarray(adata[adata.obs["cell_type"] != "T cell", "CAT_scFv"].X.sum(axis=1)) > 0).sum())
        for adata in adatas.values()
    )
    assert in_background / background < positive[listed].mean()
