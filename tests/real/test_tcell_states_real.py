"""T-cell axes and derived scores on published data: the authors' labels and the known directions are found."""

from __future__ import annotations

import os
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import ohmics as om
from ohmics.calls.content import beyond_content, content_scores
from ohmics.calls.exhaustion import AxisLists, axis_lists, decompose_exhaustion
from ohmics.cli import main
from ohmics.intake.resources import tcell_axes

ROOT = Path(os.environ.get("OHMICS_DATA", ""))
pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif("OHMICS_DATA" not in os.environ or not ROOT.is_dir(), reason="OHMICS_DATA names no folder"),
]


@pytest.fixture(scope="module")
def lists() -> AxisLists:
    return axis_lists(tcell_axes(), om.catalog().gene_lists)


@pytest.fixture(scope="module")
def labelled() -> tuple[ad.AnnData, pd.DataFrame]:
    """The published CAR T cells with the authors' labels."""
    labels = pd.read_csv(ROOT / "carpall2023" / "published_car_t_labels.tsv.gz", sep="\t")
    sheet = pd.read_csv(ROOT / "carpall2023" / "samples.tsv", sep="\t").set_index("sample")
    parts = []
    for sample, mine in labels.groupby("sample"):
        adata = om.read(ROOT / "carpall2023" / sheet.loc[sample, "path"], modality="single_cell", sample=sample)
        adata = adata[adata.obs_names.isin(mine["barcode"])].copy()
        adata.obs = adata.obs.join(mine.set_index("barcode")[["cell_type", "patient"]])
        adata.obs["timepoint"] = sheet.loc[sample, "timepoint_bin"]
        adata.obs["barcode"] = adata.obs_names
        adata.obs_names = sample + "_" + adata.obs_names
        parts.append(adata)
    whole = ad.concat(parts, join="inner")
    whole.uns["ohmics"] = {"modality": "single_cell"}
    cells = whole.obs.reset_index(drop=True)
    return whole, cells.assign(n_umi=np.asarray(whole.X.sum(axis=1)).ravel())


def test_axes_follow_the_authors_labels(labelled, lists: AxisLists) -> None:
    adata, cells = labelled
    axes = tcell_axes()["axis"].tolist()
    scores = om.score(adata, {key: lists.lists[key] for key in axes}, method="ucell").reset_index(drop=True)
    means = scores.groupby(cells["cell_type"]).mean()
    print(means.assign(n=cells["cell_type"].value_counts()).round(3).to_string())
    common = means[cells["cell_type"].value_counts().reindex(means.index) >= 20]
    assert common["proliferation"].idxmax() == "Proliferating CAR T"
    assert common["treg"].max() < 0.1  # no regulatory T cell is labelled
    stages = common.loc[["CD8 Naive/TCM", "CD8 TEM", "CD8 CTL"]]
    assert stages["memory"].is_monotonic_decreasing
    assert stages["cytotoxicity"].is_monotonic_increasing
    assert stages["progenitor_exhaustion"].is_monotonic_decreasing


def test_states_and_decomposition_of_published_cells(labelled, lists: AxisLists) -> None:
    adata, cells = labelled
    scores = om.score(adata, lists.lists, method="mean_z").reset_index(drop=True)
    scores = pd.concat([cells[["sample", "barcode"]], scores], axis=1)
    samples = cells[["sample", "patient", "timepoint"]].drop_duplicates()
    found = decompose_exhaustion(
        scores, cells, samples, axes=tcell_axes(), types={"T cell": set(cells["cell_type"])}, pre="Early"
    )
    print(found.coefficients.round(3).to_string(), found.condition_number, found.notes)
    print(found.states.pivot_table(index="state", columns="sample", values="fraction").round(2).to_string())
    assert found.states["beyond"].notna().any()
    assert found.condition_number < 10
    coefficients = found.coefficients.set_index("term")
    assert coefficients.loc["activation", "coefficient"] > 0
    state = found.cells.merge(cells, on=["sample", "barcode"])
    proliferating = state["cell_type"] == "Proliferating CAR T"
    share = (state["state"] == "proliferation").groupby(proliferating).mean()
    assert share[True] > 3 * share[False]


def test_tonic_signalling_raises_terminal_exhaustion_in_pairs_of_one_donor_and_day(tmp_path: Path, capsys) -> None:
    out = tmp_path / "T.tsv"
    data = ROOT / "cartex" / "counts_ensembl.csv.gz"
    # On the ranks of all genes one pair of day 21 ties (0.864 and 0.865).
    for method, least in (("ucell", 8), ("mean_z", 9)):
        assert main(["score", str(data), "--gene-lists", "catalog", "--method", method, "--out", str(out)]) == 0
        found = pd.read_csv(out, sep="\t").set_index("observation")["tcell_exhaustion_terminal/tex_consensus_2of3"]
        sheet = pd.read_csv(ROOT / "cartex" / "samples.csv", index_col=0)
        scored = sheet.assign(score=found.reindex(sheet.index))
        wide = scored.pivot_table(index="Time.Donor", columns="CAR", values="score")
        assert len(wide) == 9
        assert (wide["HA"] > wide["CD19"]).sum() >= least
        assert (wide["HA"] - wide["CD19"]).mean() > 0
    capsys.readouterr()


def test_derived_scores_of_melanoma_under_nivolumab() -> None:
    adata = om.read(ROOT / "riaz2017" / "GSE91061_counts_entrez.csv.gz", modality="bulk")
    sheet = pd.read_csv(ROOT / "riaz2017" / "samples.tsv", sep="\t").set_index("sample").reindex(adata.obs_names)
    refused = om.derived_score(adata, "cyt")
    assert "raw counts without gene lengths" in refused.attrs["skipped"][0]["reason"]
    cyt = np.log2(om.derived_score(adata, "cyt_cpm"))
    told = sheet.assign(cyt=cyt)
    one = told.pivot_table(index="patient", columns="timepoint", values="cyt", aggfunc="first").dropna()
    change = one["On"] - one["Pre"]
    print(f"cyt_cpm, log2: mean change {change.mean():+.2f} in {len(change)} pairs, up in {(change > 0).sum()}")
    assert change.mean() > 0
    ratio = om.derived_score(adata, "chronic_ifn_ratio")
    assert ratio.notna().all()
    lists = {"terminal": list(om.catalog().lists["tcell_exhaustion_terminal/tex_consensus_2of3"].genes)}
    scores = om.score(adata, lists, method="mean_z")
    counts = adata.to_df()
    logged = np.log2(counts.div(counts.sum(axis=1), axis=0) * 1e6 + 1)
    before = sheet["timepoint"] == "Pre"
    found = beyond_content(scores, content_scores(logged, lists), fit_on=before)
    print(found.coefficients.round(3).to_string())
    # Most of what a T-cell programme shows in bulk is how many T cells there are.
    assert found.coefficients["r_squared"][0] > 0.5
