"""Malignant cells on small toy cohorts, with and without a tumour, declared and by evidence."""

import dataclasses
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ohmics as om
from ohmics.calls.copy_number import copy_number_signal
from ohmics.calls.malignant import disease_panel
from ohmics.calls.malignant_rules import MalignantRules
from ohmics.errors import OhmicsError
from ohmics.tables import MALIGNANT, check

PATH = Path(__file__).parents[2] / "calibration" / "malignant_full.py"


@pytest.fixture(scope="module")
def full():
    spec = importlib.util.spec_from_file_location("malignant_full", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["malignant_full"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def catalog():
    return om.catalog()


@pytest.fixture(scope="module")
def lymphoma(full, catalog):
    cohort = om.toy.disease("lymphoma", n_patients=3, n_cells=350, n_genes=6000, seed=1)
    return cohort, full.prepared(cohort, catalog)[0]


@pytest.fixture(scope="module")
def leukaemia(full, catalog):
    options = {"tumour": "half", "recovering": "half", "n_cells": 300, "n_genes": 6000}
    cohort = om.toy.disease("b_all", n_patients=4, seed=2, **options)
    return cohort, full.prepared(cohort, catalog)[0]


def told(calls, cohort):
    both = calls.cells.merge(cohort.truth_cells, on=["sample", "barcode"], suffixes=("", "_true"))
    return both[~both["doublet"]]


def test_a_clone_is_found_by_its_light_chain_and_cells_of_the_other_chain_are_normal(lymphoma, catalog):
    cohort, adatas = lymphoma
    before = adatas["L01"].obs.copy()
    calls = om.call_malignant(adatas, cohort.samples, catalog=catalog)
    check(calls.malignant, MALIGNANT)
    pd.testing.assert_frame_equal(before, adatas["L01"].obs)
    assert set(calls.malignant["call"]) == {"malignant", "normal"} | (set(calls.malignant["call"]) & {"undetermined"})
    cells = told(calls, cohort)
    tumour = cells[cells["malignant_true"]]
    assert (tumour["malignant"] == True).mean() > 0.8  # noqa: E712  # a nullable column
    assert (cells.loc[~cells["malignant_true"], "malignant"] == True).mean() < 0.15  # noqa: E712  # nullable too
    other = cells[(cells["sample"] == "L01") & (cells["light_chain"] == "lambda")]
    assert len(other) > 5
    assert not (other["malignant"] == True).any()  # noqa: E712  # a nullable column
    assert not (cells.loc[cells["true_type"].isin(["CD4 T", "NK"]), "malignant"] == True).any()  # noqa: E712


def test_recovering_precursors_are_not_called_malignant_and_maturation_is_argued(leukaemia, catalog):
    cohort, adatas = leukaemia
    calls = om.call_malignant(adatas, cohort.samples, catalog=catalog)
    cells = told(calls, cohort)
    precursors = cells[cells["true_type"] == "pro/pre-B (hematogone)"]
    assert len(precursors) > 50
    assert (precursors["malignant"] == True).mean() < 0.02  # noqa: E712  # a nullable column
    assert (cells.loc[cells["malignant_true"], "malignant"] == True).mean() > 0.6  # noqa: E712
    reasons = " ".join(calls.malignant["reason"])
    assert "recovering precursors (pro/pre-B (hematogone)) mature" in reasons
    assert "light chain" not in reasons


def test_a_probability_comes_with_its_range_and_few_cells_stay_open(leukaemia, catalog):
    cohort, adatas = leukaemia
    rules = MalignantRules(min_cells=25)
    table = om.call_malignant(adatas, cohort.samples, catalog=catalog, rules=rules).malignant
    known = table.dropna(subset="estimate")
    assert ((known["low"] <= known["estimate"] + 1e-9) & (known["estimate"] <= known["high"] + 1e-9)).all()
    assert (known.loc[known["call"] == "malignant", "estimate"] >= 0.9).all()
    assert (known.loc[known["call"] == "normal", "estimate"] <= 0.1 + 1e-9).all()
    few = table[table["estimate"].isna()]
    assert len(few)
    assert set(few["call"]) == {"undetermined"}
    assert few["reason"].str.contains("fewer than 25").all()


def test_one_sample_alone_says_that_privacy_cannot_be_shown(leukaemia, catalog):
    _, adatas = leukaemia
    calls = om.call_malignant(adatas["L01"], catalog=catalog, disease="b_all")
    weighed = calls.malignant.dropna(subset="estimate")
    assert weighed["reason"].str.contains("one patient cannot show what is private to a patient").all()
    assert weighed["evidence"].str.contains(r"privacy \+0\.0").all()


def test_a_declaration_decides_and_the_evidence_stands_beside_it(leukaemia, catalog):
    cohort, adatas = leukaemia
    calls = om.call_malignant(adatas, cohort.samples, catalog=catalog, cell_types=["CD4 T"])
    assert len(calls.skipped) == 0
    types = pd.concat([adata.obs["cell_type"] for adata in adatas.values()]).to_numpy()
    declared = np.isin(types, ["CD4 T"])
    assert (calls.cells["malignant"].fillna(False).to_numpy() == declared).all()
    assert calls.cells.loc[types == "unassigned", "malignant"].isna().all()
    assert calls.malignant["evidence"].str.startswith("declared by annotated types (CD4 T)").all()
    assert calls.malignant["reason"].str.contains("would say otherwise").any()


def test_a_column_of_the_user_decides_first(leukaemia, catalog):
    _, adatas = leukaemia
    adata = adatas["L01"].copy()
    adata.obs["said"] = np.where(np.arange(adata.n_obs) % 2 == 0, "Malignant", "normal")
    adata.obs.loc[adata.obs_names[:3], "said"] = None
    calls = om.call_malignant(adata, catalog=catalog, column="said", cell_types=["B cell"])
    assert calls.cells["malignant"].isna().sum() == 3
    assert calls.cells["malignant"].iloc[3:].fillna(False).mean() == pytest.approx(0.5, abs=0.01)
    assert (calls.malignant["evidence"] == "declared by column said").all()
    adata.obs["said"] = "perhaps"
    with pytest.raises(OhmicsError, match="column `said` holds perhaps"):
        om.call_malignant(adata, catalog=catalog, column="said")
    with pytest.raises(OhmicsError, match="no column `unsaid`"):
        om.call_malignant(adata, catalog=catalog, column="unsaid")


def test_without_a_disease_nothing_is_called_and_that_is_said(leukaemia, catalog):
    cohort, adatas = leukaemia
    calls = om.call_malignant(adatas, cohort.samples.assign(disease="sarcoma"), catalog=catalog)
    assert calls.malignant.empty
    assert calls.cells["malignant"].isna().all()
    assert len(calls.cells) == sum(adata.n_obs for adata in adatas.values())
    assert calls.skipped["reason"].str.startswith("no panel fits the disease `sarcoma`").all()


def test_faults_come_together(leukaemia, catalog):
    _, adatas = leukaemia
    with pytest.raises(OhmicsError) as caught:
        om.call_malignant(adatas, catalog=catalog, disease="b_al", cell_types=["blasts"])
    assert [fault.what for fault in caught.value.faults] == ["no disease `b_al`", "unknown cell type `blasts`"]
    bare = adatas["L01"].copy()
    bare.obs = bare.obs[["sample"]]
    with pytest.raises(OhmicsError) as caught:
        om.call_malignant(bare, catalog=catalog, disease="b_all")
    assert len(caught.value.faults) == 2


@pytest.mark.parametrize(
    ("text", "disease"),
    [
        ("B-ALL", "b_all"), ("relapsed B-ALL, KMT2A", "b_all"), ("Multiple myeloma", "myeloma"), ("MALT", "lymphoma"),
        ("diffuse large B-cell lymphoma", "lymphoma"), ("AML", "aml"), ("uveal melanoma", "melanoma"),
        ("MM", "myeloma"), ("ammonia", None), ("small", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_a_sheet_may_name_a_disease_in_its_own_words(text, disease, catalog):
    found = disease_panel(text, catalog)
    assert (found.disease if found else None) == disease


def test_copy_number_needs_its_package_and_positions(leukaemia, monkeypatch):
    _, adatas = leukaemia
    adata = adatas["L01"]
    everyone, clusters = np.ones(adata.n_obs, dtype=bool), adata.obs["cluster_uncorrected"]
    nothing = pd.DataFrame({"chromosome": [], "start": [], "end": []})
    with pytest.raises(OhmicsError, match="0 genes have a position"):
        copy_number_signal(adata, nothing, reference=everyone, cluster=clusters)
    monkeypatch.setattr("ohmics.calls.copy_number.find_spec", lambda _: None)
    with pytest.raises(OhmicsError, match=r'pip install "ohmics\[cnv\]"'):
        copy_number_signal(adata, nothing, reference=everyone, cluster=clusters)


def test_thresholds_are_arguments(lymphoma, catalog):
    cohort, adatas = lymphoma
    strict = dataclasses.replace(MalignantRules(), certain=0.9999)
    calls = om.call_malignant(adatas, cohort.samples, catalog=catalog, rules=strict).malignant
    assert "malignant" not in set(calls["call"])
