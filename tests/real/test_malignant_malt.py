"""The clone of a MALT lymphoma by its light chain, held to surface CD19 (10x Genomics 2018, CITE-seq)."""

import os
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import ohmics as om
from ohmics.annotate import annotate, marker_scores
from ohmics.embed import embed

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("OHMICS_DATA" not in os.environ, reason="OHMICS_DATA names no folder with the real data"),
]
LAMBDA = [f"IGLC{number}" for number in range(1, 8)]


def called(names):
    """Return the cells of some halves with their call, and the first half's proteins and light-chain counts."""
    folder = Path(os.environ["OHMICS_DATA"]) / "malt_lymphoma"
    catalog = om.catalog()
    adatas = {}
    for name in names:
        adatas[name] = om.read(folder / f"{name}.h5ad", modality="single_cell")
        adatas[name].obs["sample"] = name
    embedded = embed(list(adatas.values()), umap=False, patients=dict.fromkeys(names, "patient"))
    evidence = pd.concat([marker_scores(adata, catalog.markers) for adata in adatas.values()])
    cells = embedded.merge(annotate(evidence, embedded, catalog=catalog), on=["sample", "barcode"])
    for name, adata in adatas.items():
        mine = cells[cells["sample"] == name].set_index("barcode").loc[adata.obs_names]
        for column in ("cluster_uncorrected", "own_neighbours", "cell_type"):
            adata.obs[column] = mine[column].to_numpy()
    sheet = pd.DataFrame({"sample": list(names), "patient": "patient", "disease": "MALT lymphoma"})
    calls = om.call_malignant(adatas, sheet, catalog=catalog)
    raw = ad.read_h5ad(folder / "a.h5ad")
    frame = calls.cells[calls.cells["sample"] == "a"].set_index("barcode").loc[raw.obs_names]
    protein = raw.obsm["protein"]
    counts = raw.to_df()
    kappa, lambda_ = counts["IGKC"], counts[LAMBDA].sum(axis=1)
    b_cell = (protein["CD19"] > 150) & (protein["CD3"] < 300)
    frame["b_cell"], frame["outside"] = b_cell.to_numpy(), (protein["CD19"] < 60).to_numpy()
    frame["chain"] = np.where(kappa + lambda_ < 20, "few", np.where(kappa > lambda_, "kappa", "lambda"))
    return frame, calls


def share(frame):
    return float((frame["malignant"] == True).mean())  # noqa: E712  # a nullable column


def test_kappa_dominant_b_cells_are_the_clone_and_cells_without_cd19_are_not():
    frame, calls = called(["a"])
    told = frame[frame["b_cell"] & (frame["chain"] == "kappa")]
    assert len(told) == 263
    assert share(told) >= 0.95
    assert share(frame[frame["outside"]]) <= 0.05
    lambda_ = frame[frame["b_cell"] & (frame["chain"] == "lambda")]
    assert len(lambda_) == 7
    assert share(lambda_) == 0
    assert (lambda_["light_chain"] == "lambda").all()
    assert calls.malignant["reason"].str.contains("one patient cannot show").all()


def test_clustered_with_its_other_half_the_clone_is_still_found():
    """Other clusters then mix the clone with normal B cells, which its level of light chain tells apart."""
    frame, _ = called(["a", "b"])
    told = frame[frame["b_cell"] & (frame["chain"] == "kappa")]
    assert len(told) == 263
    assert share(told) >= 0.95
    assert share(frame[frame["outside"]]) <= 0.05
    assert share(frame[frame["b_cell"] & (frame["chain"] == "lambda")]) == 0
