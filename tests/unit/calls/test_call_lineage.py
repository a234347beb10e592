"""The lineage call on planted scenarios: a switch needs both a changed lineage and a clonal link."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from ohmics.calls import LineageRules, call_lineage, call_lineages
from ohmics.calls import lineage as lineage_module
from ohmics.calls.lineage import COLUMNS
from ohmics.calls.lineages import cluster_patients
from ohmics.errors import OhmicsError
from ohmics.tables import LINEAGE, LINEAGE_CELLS, check


@pytest.fixture(scope="module")
def panels(known):
    return {name: panel.genes for name, panel in known.lineages.items()}


def of(cohort, sample, *types, malignant=True):
    adata = cohort.adatas[sample]
    chosen = adata.obs["malignant"].to_numpy() if malignant else np.zeros(adata.n_obs, dtype=bool)
    return adata[chosen | adata.obs["cell_type"].isin(types).to_numpy()].copy()


def others(cohort, sample):
    adata = cohort.adatas[sample]
    return adata[~adata.obs["malignant"].to_numpy()].copy()


def called(cohort, panels, patient, post=None, **more):
    post = of(cohort, f"{patient}_relapse") if post is None else post
    return call_lineage(
        of(cohort, f"{patient}_pre"),
        post,
        panels=panels,
        exclude=["CD19"],
        background_post=others(cohort, f"{patient}_relapse"),
        patient=patient,
        **more,
    )


def test_a_switch_needs_a_clonal_link(cohort, panels):
    post = of(cohort, "P04_relapse")
    alone = called(cohort, panels, "P04", post)
    assert alone["call"] == "candidate"
    assert "without a clonal link" in alone["reason"]
    post.obs["clone"] = pd.array([True] * post.n_obs, dtype="boolean")
    linked = called(cohort, panels, "P04", post, clone="clone")
    assert linked["call"] == "switch"
    assert linked["low"] < linked["estimate"] < linked["high"]
    assert tuple(linked.index) == COLUMNS == tuple(n for n in LINEAGE.names if not n.endswith("_sample"))


def test_recovering_normal_myeloid_cells_are_never_a_switch(cohort, panels):
    post = of(cohort, "P03_relapse", "CD14 monocyte", "CD16 monocyte")
    post.obs["clone"] = pd.array(post.obs["malignant"].to_numpy(), dtype="boolean")
    row = called(cohort, panels, "P03", post, clone="clone")
    assert row["call"] == "no_switch"
    assert "carry the clone's mark" in row["reason"]
    few = post[~post.obs["malignant"].to_numpy() | (np.arange(post.n_obs) % 3 == 0)].copy()
    unlinked = called(cohort, panels, "P03", few)
    assert unlinked["call"] == "candidate"
    assert "normal cells of that lineage that recover" in unlinked["reason"]


@pytest.mark.parametrize("patient", ["P01", "P02", "P03", "P05"])
def test_tumours_that_stay_are_no_switch(cohort, panels, patient):
    # P01 lost CD19 altogether: the antigen alone is no lineage.
    row = called(cohort, panels, patient)
    assert row["call"] == "no_switch", row["reason"]
    assert row["high"] < 0.1


def test_dedifferentiation_when_the_lineage_falls_and_none_rises(cohort, panels):
    post = of(cohort, "P03_relapse")
    counts = sparse.csr_matrix(post.X, copy=True).tolil()
    home = np.flatnonzero(post.var_names.isin(panels["b_lymphoid"]))
    counts[:, home] = 0
    row = called(cohort, panels, "P03", AnnData(counts.tocsr(), obs=post.obs, var=post.var))
    assert row["call"] == "dedifferentiation"


def test_doublets_with_monocytes_and_ambient_rna_are_no_switch(cohort, panels):
    rng = np.random.default_rng(0)
    post = of(cohort, "P03_relapse")
    mono = cohort.adatas["P03_relapse"]
    mono = mono[mono.obs["cell_type"] == "CD14 monocyte"]
    counts = post.X.toarray()
    doubled = rng.random(post.n_obs) < 0.3
    counts[doubled] += mono.X.toarray()[rng.integers(0, mono.n_obs, int(doubled.sum()))]
    profile = np.asarray(others(cohort, "P03_relapse").X.mean(axis=0)).ravel()
    counts = counts + rng.poisson(0.2 * profile, counts.shape)
    row = called(cohort, panels, "P03", AnnData(sparse.csr_matrix(counts), obs=post.obs, var=post.var))
    assert row["call"] == "no_switch", row["reason"]


def test_a_quarter_of_the_depth_is_no_switch_and_far_less_not_assessable(cohort, panels):
    post = of(cohort, "P03_relapse")
    rng = np.random.default_rng(1)

    def thin(share):
        counts = sparse.csr_matrix(post.X, copy=True)
        counts.data = rng.binomial(counts.data.astype(int), share).astype(np.float32)
        return AnnData(counts, obs=post.obs, var=post.var)

    assert called(cohort, panels, "P03", thin(0.5))["call"] == "no_switch"
    shallow = called(cohort, panels, "P03", thin(0.02))
    assert shallow["call"] == "not_assessable"
    assert "too few to see a cell without them" in shallow["reason"]
    few = called(cohort, panels, "P03", post[:10].copy())
    assert few["call"] == "not_assessable"
    assert called(cohort, panels, "P03", rules=LineageRules(min_cells=10_000))["call"] == "not_assessable"


def test_faults_are_all_said(cohort, panels):
    post = of(cohort, "P03_relapse")
    with pytest.raises(OhmicsError) as caught:
        call_lineage(of(cohort, "P03_pre"), post[:, ::-1], panels=panels, home="b_lymfoid", clone="mark")
    text = str(caught.value)
    assert "did you mean `b_lymphoid`?" in text
    assert "genes differ" in text
    assert "column `mark` is not in obs" in text


def clustered(cohort, column):
    """The cohort as a user declares it: blasts are malignant, switched cells are annotated as monocytes."""
    adatas = {}
    for sample, adata in cohort.adatas.items():
        changed = adata.copy()
        kinds = changed.obs["cell_type"]
        switched = (kinds == "AML / switched myeloid blast").to_numpy()
        named = np.where(kinds == "B-ALL blast", sample[:3], kinds)
        # A correction brings switched cells and normal monocytes together.
        changed.obs[column] = np.where(switched, "CD14 monocyte" if column == "cluster" else "switched", named)
        changed.obs["malignant"] = (kinds == "B-ALL blast").to_numpy()
        changed.obs["cell_type"] = np.where(switched, "CD14 monocyte", kinds)
        adatas[sample] = changed
    return adatas


def test_the_cohort_has_a_row_a_patient_and_finds_switched_cells_in_private_clusters(cohort, pairs, known):
    adatas = clustered(cohort, "cluster_uncorrected")
    sheet = cohort.samples.set_index("sample", drop=False)
    assert "switched" in cluster_patients(adatas, sheet, known).private["P04"]
    result = call_lineages(adatas, cohort.samples, pairs, catalog=known)
    found = result.lineage.set_index("patient")["call"].to_dict()
    assert found == {"P01": "no_switch", "P02": "no_switch", "P03": "no_switch", "P04": "candidate", "P05": "no_switch"}
    # Which samples it is a call of, so that no other comparison of the patient reads it.
    assert result.lineage.set_index("patient").loc["P04", ["pre_sample", "post_sample"]].tolist() == [
        "P04_pre", "P04_relapse",
    ]  # fmt: skip
    assert "clusters private to the patient" in result.lineage.set_index("patient").loc["P04", "reason"]
    check(result.cells, LINEAGE_CELLS)
    after = result.cells[(result.cells["patient"] == "P04") & (result.cells["side"] == "after")]
    assert (after["state"] == "switched").mean() > 0.5
    assert (result.cells.loc[result.cells["patient"] == "P01", "state"] == "home").mean() > 0.8
    unnamed = cohort.samples.assign(target_antigen=None)
    blind = call_lineages(adatas, unnamed, pairs, catalog=known)
    assert blind.lineage.empty
    assert blind.skipped["reason"].str.contains("the tumour's own lineage is unknown").all()


def test_where_a_correction_merged_switched_cells_with_monocytes_nothing_is_said_to_be_no_switch(cohort, pairs, known):
    adatas = clustered(cohort, "cluster")
    result = call_lineages(adatas, cohort.samples, pairs, catalog=known).lineage.set_index("patient")
    assert result.loc["P04", "call"] == "not_assessable"
    assert "clonal link" in result.loc["P04", "reason"]


def test_a_clonal_column_finds_the_switched_cells_wherever_they_lie(cohort, pairs, known):
    adatas = clustered(cohort, "cluster")
    truth = cohort.truth_cells.set_index(["sample", "barcode"])["malignant"]
    for sample, adata in adatas.items():
        adata.obs["clone"] = pd.array(truth.loc[sample].loc[adata.obs_names].to_numpy(), dtype="boolean")
    result = call_lineages(adatas, cohort.samples, pairs, catalog=known, clone="clone").lineage.set_index("patient")
    assert result["call"].to_dict() == {
        "P01": "no_switch", "P02": "no_switch", "P03": "no_switch", "P04": "switch", "P05": "no_switch",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("switched", "known", "marked", "expected"),
    [
        # Most are normal cells, yet those of the clone alone are a quarter of all candidates.
        (300, 300, 120, "switch"),
        # Of nearly all it is unknown whether they are the tumour's.
        (300, 5, 2, "inconclusive"),
        (300, 300, 45, "inconclusive"),
        (300, 300, 5, "no_switch"),
    ],
)
def test_cells_without_the_mark_do_not_hide_those_that_carry_it(switched, known, marked, expected):
    took = np.arange(500) < switched
    shares = lineage_module._Shares(took, took.copy(), {"monocytic": switched / 500}, 0.0, 0)
    limits = lineage_module._fraction(switched, 500, 0.0)[1:]
    call, reason = lineage_module._decide(shares, limits, (known, marked), LineageRules())
    assert call == expected
    assert f"only {marked} of {known} of the cells that did both carry the clone's mark" in reason
