from types import SimpleNamespace

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.annotate import ON_REQUEST, annotate, candidates, cluster_types, confusion, marker_scores
from ohmics.catalog import catalog
from ohmics.errors import OhmicsError
from ohmics.model import CellMarkers

MARKERS = {
    entry.cell_type: entry
    for entry in (
        CellMarkers(cell_type="T cell", parent="lymphoid", positive=("CD3D", "CD3E", "CD3G", "CD2")),
        CellMarkers(cell_type="CD8 T", parent="T cell", positive=("CD8A", "CD8B"), negative=("CD4",)),
        CellMarkers(cell_type="CD4 T", parent="T cell", positive=("CD4", "CD40LG"), negative=("CD8A", "CD8B")),
        CellMarkers(cell_type="NK", parent="lymphoid", positive=("KLRD1", "NCR1", "NKG7"), negative=("CD3D", "CD3E")),
        CellMarkers(cell_type="B cell", parent="lymphoid", positive=("MS4A1", "CD19", "CD79A", "BANK1")),
        CellMarkers(cell_type="CD14 monocyte", parent="myeloid", positive=("LYZ", "S100A8", "S100A9", "CD14")),
        CellMarkers(cell_type="CD16 monocyte", parent="myeloid", positive=("LYZ", "FCGR3A", "MS4A7", "CDKN1C")),
        CellMarkers(cell_type="blast", parent="malignant", positive=("DNTT", "CD19")),
        CellMarkers(cell_type="CAR+ T", parent="T cell", positive=("CD3D",)),
        CellMarkers(cell_type="cycling T", parent="T cell", positive=("MKI67",)),
        CellMarkers(cell_type="immune (pan)", positive=("PTPRC",)),
        CellMarkers(cell_type="sex QC female", parent="QC", positive=("XIST",)),
    )
}
CATALOG = SimpleNamespace(markers=MARKERS)
GENES = sorted({g for entry in MARKERS.values() for g in (*entry.positive, *entry.negative)})
ALL_GENES = [*GENES, "CAR", *[f"G{i}" for i in range(50)]]
ON = {
    "CD8 T": {"CD3D": 8, "CD3E": 12, "CD3G": 5, "CD2": 5, "CD8A": 6, "CD8B": 6, "NKG7": 20},
    "CD4 T": {"CD3D": 8, "CD3E": 12, "CD3G": 5, "CD2": 5, "CD4": 3, "CD40LG": 2},
    "NK": {"KLRD1": 8, "NCR1": 2, "NKG7": 60},
    "B cell": {"MS4A1": 6, "CD19": 1, "CD79A": 12, "BANK1": 3},
    "CD14 monocyte": {"LYZ": 80, "S100A8": 80, "S100A9": 80, "CD14": 5},
    "junk": {},
}


def build(numbers, sample="s", depth=3000.0, ambient=0.05, seed=0):
    """Cells of known kinds: rates per 10,000 as in blood, soup of the same size in every droplet."""
    rng = np.random.default_rng(seed)
    kind = np.repeat(list(numbers), list(numbers.values()))
    rate = np.array([[ON[k].get(g, 0) / 1e4 for g in ALL_GENES] for k in kind])
    rate[:, -50:] = (1 - rate.sum(axis=1, keepdims=True)) / 50
    depths = depth * rng.gamma(4, 1 / 4, len(kind))
    soup = ambient * depth * rate.mean(axis=0)
    counts = rng.poisson(rate * depths[:, None] * rng.gamma(3, 1 / 3, rate.shape) + soup)
    adata = ad.AnnData(
        X=sp.csr_matrix(counts.astype(np.float32)),
        obs=pd.DataFrame({"sample": sample}, index=[f"b{i}" for i in range(len(kind))]),
        var=pd.DataFrame({"feature_type": ["transgene" if g == "CAR" else "gene" for g in ALL_GENES]}, index=ALL_GENES),
    )
    return adata, kind


def clusters_of(adata, names):
    return pd.DataFrame({"sample": adata.obs["sample"].to_numpy(), "barcode": adata.obs_names, "cluster": names})


def named(adata, clusters, **options):
    cells = annotate(marker_scores(adata, MARKERS), clusters_of(adata, clusters), catalog=CATALOG, **options)
    return cells["cell_type"].to_numpy()


MIXED = {"CD8 T": 150, "CD4 T": 80, "NK": 60, "B cell": 60, "CD14 monocyte": 80}


def test_candidates_leave_out_malignant_quality_and_states():
    assert candidates(MARKERS) == ["T cell", "CD8 T", "CD4 T", "NK", "B cell", "CD14 monocyte", "CD16 monocyte"]
    assert candidates(MARKERS, ["blast", "CAR+ T"]) == ["blast", "CAR+ T"]
    with pytest.raises(OhmicsError, match="did you mean `B cell`"):
        candidates(MARKERS, ["B cells"])


def test_types_on_request_stand_in_the_catalogue():
    assert not ON_REQUEST - set(catalog().markers)
    assert {"T cell", "CD8 T", "B cell", "CD14 monocyte"} <= set(candidates(catalog().markers))
    assert not {"B-ALL blast", "sex QC male", "immune (pan)", "CAR+ T"} & set(candidates(catalog().markers))


def test_scores_are_cells_by_types_and_speak_for_the_right_one():
    adata, kind = build(MIXED)
    scores = marker_scores(adata, MARKERS)
    assert scores.index.names == ["sample", "barcode"]
    assert list(scores.columns) == candidates(MARKERS)
    top = scores[["T cell", "NK", "B cell", "CD14 monocyte"]].idxmax(axis=1).to_numpy()
    lineage = np.where(np.isin(kind, ["CD8 T", "CD4 T"]), "T cell", kind)
    assert (top == lineage).mean() > 0.97


def test_one_sample_is_enough_and_others_change_nothing():
    first, _ = build(MIXED, "a", seed=1)
    alone = marker_scores(first, MARKERS)
    marker_scores(build(MIXED, "b", seed=2)[0], MARKERS)
    pd.testing.assert_frame_equal(alone, marker_scores(first, MARKERS))


def test_good_clusters_give_types_and_subtypes():
    adata, kind = build(MIXED)
    found = named(adata, kind)
    for name in MIXED:
        assert (found[kind == name] == name).mean() > 0.9


def test_a_cell_with_the_markers_of_another_type_is_not_named_after_its_cluster():
    adata, kind = build(MIXED)
    # Every cell stands in one cluster, so only its own markers tell.
    found = named(adata, "all")
    assert (found[kind == "CD14 monocyte"] == "CD14 monocyte").mean() > 0.95
    assert (found[kind == "B cell"] == "B cell").mean() > 0.9
    assert np.isin(found[np.isin(kind, ["CD8 T", "CD4 T"])], ["T cell", "CD8 T", "CD4 T"]).mean() > 0.9


def test_a_pure_sample_of_t_cells_stays_t_cells_at_low_depth():
    adata, _ = build({"CD8 T": 300}, depth=900.0)
    found = named(adata, "0")
    assert np.isin(found, ["T cell", "CD8 T"]).mean() > 0.95


def test_cells_without_any_marker_stay_unassigned():
    adata, kind = build({**MIXED, "junk": 100}, ambient=0.02)
    cells = annotate(marker_scores(adata, MARKERS), clusters_of(adata, kind), catalog=CATALOG)
    junk = cells[kind == "junk"]
    assert (junk["cell_type"] == "unassigned").mean() > 0.9
    assert cells["cell_type_confidence"].between(0, 1).all()


def test_soup_does_not_make_shallow_cells_monocytes():
    adata, kind = build({"CD8 T": 200, "CD14 monocyte": 100}, depth=1000.0, ambient=0.2)
    found = named(adata, kind)
    assert np.isin(found[kind == "CD8 T"], ["T cell", "CD8 T"]).mean() > 0.95


def test_the_mixture_is_that_of_the_sample():
    """Cells without markers in a cluster follow the cells of their own sample, not those of a sorted one."""
    evidence = pd.DataFrame(
        {"T cell": [3.0] * 80 + [-0.5] * 20 + [3.0] * 20 + [-0.5] * 80, "B cell": [-3.0] * 200},
        index=pd.MultiIndex.from_arrays(
            [["sorted"] * 100 + ["mixed"] * 100, [f"b{i}" for i in range(200)]], names=["sample", "barcode"]
        ),
    )
    clusters = evidence.index.to_frame(index=False).assign(cluster="0")
    cells = annotate(evidence, clusters, catalog=CATALOG)
    silent = cells[evidence["T cell"].to_numpy() < 0].groupby("sample")["cell_type_confidence"].mean()
    assert silent["sorted"] > silent["mixed"] + 0.2


def test_a_group_is_named_where_its_types_only_decide_together():
    index = pd.MultiIndex.from_arrays([["s"] * 40, [f"b{i}" for i in range(40)]], names=["sample", "barcode"])
    evidence = pd.DataFrame(
        {"T cell": -5.0, "CD14 monocyte": 4.0, "CD16 monocyte": 4.0, "B cell": 3.9}, index=index, dtype=float
    )
    clusters = index.to_frame(index=False).assign(cluster="0")
    assert set(annotate(evidence, clusters, catalog=CATALOG)["cell_type"]) == {"myeloid"}


def test_types_whose_genes_were_not_measured_are_missing_and_never_given():
    adata, kind = build(MIXED)
    adata = adata[:, ~adata.var_names.isin(MARKERS["B cell"].positive)].copy()
    scores = marker_scores(adata, MARKERS)
    assert scores["B cell"].isna().all()
    assert scores["T cell"].notna().all()
    assert "B cell" not in set(named(adata, kind))


def test_a_transgene_never_counts():
    adata, _ = build(MIXED)
    plain = marker_scores(adata, MARKERS)
    counts = adata.X.toarray()
    counts[:, ALL_GENES.index("CAR")] = 5000
    adata.X = sp.csr_matrix(counts)
    pd.testing.assert_frame_equal(plain, marker_scores(adata, MARKERS))


def test_no_cell_gives_no_row():
    adata, _ = build(MIXED)
    scores = marker_scores(adata[:0].copy(), MARKERS)
    assert scores.shape == (0, len(candidates(MARKERS)))


def test_evidence_survives_a_table_and_cells_without_cluster_share_one():
    adata, kind = build(MIXED)
    scores, clusters = marker_scores(adata, MARKERS), clusters_of(adata, kind)
    direct = annotate(scores, clusters, catalog=CATALOG)
    pd.testing.assert_frame_equal(direct, annotate(scores.reset_index(), clusters, catalog=CATALOG))
    assert len(annotate(scores, clusters.iloc[:200], catalog=CATALOG)) == adata.n_obs


def test_clusters_of_other_cells_are_refused():
    adata, kind = build(MIXED)
    other = clusters_of(adata, kind).assign(sample="other")
    with pytest.raises(OhmicsError, match="no cell of marker_evidence"):
        annotate(marker_scores(adata, MARKERS), other, catalog=CATALOG)
    twice = pd.concat([clusters_of(adata, kind)] * 2)
    with pytest.raises(OhmicsError, match="stand twice in clusters"):
        annotate(marker_scores(adata, MARKERS), twice, catalog=CATALOG)


def test_cluster_types_and_confusion_count_cells():
    cells = pd.DataFrame(
        {
            "sample": "s", "barcode": list("abcd"), "cluster": ["0", "0", "0", "1"],
            "cell_type": ["T cell", "T cell", "NK", "B cell"],
        }
    )  # fmt: skip
    assert cluster_types(cells).to_dict("records") == [
        {"cluster": "0", "cell_type": "T cell", "share": 2 / 3, "n_cells": 3},
        {"cluster": "1", "cell_type": "B cell", "share": 1.0, "n_cells": 1},
    ]
    labels = pd.DataFrame({"sample": "s", "barcode": ["a", "c", "z"], "cell_type": ["CD8 TEM", "CD8 TEM", "DN"]})
    table = confusion(cells, labels)
    assert table.loc["CD8 TEM", ["T cell", "NK"]].tolist() == [1, 1]
    assert table.loc["DN", "(not kept)"] == 1
    assert table.loc["(no label)"].sum() == 2
