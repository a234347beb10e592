"""The antigen call: planted truth, its order of calls, and what it refuses."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse, stats

from ohmics.calls import AntigenRules, call_antigen
from ohmics.calls.antigen import COLUMNS
from ohmics.errors import OhmicsError
from ohmics.tables import ANTIGEN

_SPEC = importlib.util.spec_from_file_location(
    "antigen_full", Path(__file__).resolve().parents[2] / "calibration" / "antigen_full.py"
)
antigen_full = importlib.util.module_from_spec(_SPEC)
# Dataclasses look their module up by name.
sys.modules[_SPEC.name] = antigen_full
_SPEC.loader.exec_module(antigen_full)
BASE = antigen_full.BASE


def called(setting, number=0, **more):
    found = antigen_full.simulate(setting, 5, number)
    return call_antigen(
        found["pre"],
        found["post"],
        antigen="CD19",
        background_pre=found.get("background_pre"),
        background_post=found.get("background_post"),
        **more,
    )


def test_the_columns_are_those_of_antigen_and_rows_conform():
    # Further columns are the cohort's: role, expected range, thresholds.
    assert tuple(column.name for column in ANTIGEN.columns if column.required) == COLUMNS
    row = called(BASE)
    frame = ANTIGEN.conform([row.to_dict()])
    assert list(frame.columns) == list(ANTIGEN.names)
    assert np.isnan(frame.loc[0, "q"])


@pytest.mark.parametrize("name", ["a quarter of the depth", "batch sd 0.3", "ambient 20 then 0 %"])
def test_unchanged_patients_are_rarely_called_changed(name):
    row = antigen_full.measure(name, antigen_full.NULLS[name], 40, 7)
    assert row["assessable"] >= 38
    limit = stats.binom.isf(1e-3, 40, 0.05) / 40
    assert row["changed"] <= limit
    assert row["gained"] <= limit
    assert row["lost"] == 0
    assert row["coverage"] >= 0.875


def test_the_tests_in_use_call_a_loss_where_only_depth_fell():
    row = antigen_full.measure("depth", antigen_full.NULLS["a quarter of the depth"], 20, 7)
    assert row["fisher"] >= 0.9
    assert row["wilcoxon"] >= 0.9


def test_planted_losses_are_found():
    gone = antigen_full.measure("all", replace(BASE, kept=0.0, detection=0.42, n_pre=200, n_post=200), 20, 3)
    assert gone["lost"] >= 0.9
    partly = antigen_full.measure("60 %", replace(BASE, kept=0.4, detection=0.4), 20, 3)
    assert partly["changed"] >= 0.8
    assert partly["lost"] <= 0.05


def test_no_count_after_has_a_finite_upper_limit_that_falls_with_what_was_expected():
    few, many = (called(replace(BASE, kept=0.0, ambient=(0.0, 0.0), n_post=n)) for n in (150, 600))
    assert few["detected_post"] == many["detected_post"] == 0
    assert few["remaining_fraction"] == many["remaining_fraction"] == 0
    assert 0 < many["remaining_high"] < few["remaining_high"] < 0.5
    assert few["remaining_low"] == 0


def test_upper_limit_of_no_count_is_that_of_a_poisson_zero():
    # Very many counts before, no spread but the least: the limit is -log(2.5 %, halved for the mid-p) / expected.
    setting = replace(BASE, n_pre=2000, n_post=300, batch=0.0, ambient=(0.0, 0.0), dispersion=0.05, kept=0.0)
    row = called(setting, rules=AntigenRules(min_null_sd=0.0))
    expected = row["expected_detected"]
    # Detections are a little fewer than counts.
    counts = -300 * np.log1p(-expected / 300)
    assert row["remaining_high"] == pytest.approx(-np.log(0.05) / counts, rel=0.12)


def test_without_background_ambient_is_unknown_and_not_none():
    setting = replace(BASE, kept=0.3, detection=0.3)
    known, unknown = called(setting), called(replace(setting, background=0))
    assert "ambient" in unknown["reason"]
    assert "up to 20 % of its counts" in unknown["reason"]
    width = [np.log(row["remaining_high"]) - np.log(max(row["remaining_low"], 1e-3)) for row in (known, unknown)]
    assert width[1] > width[0]
    assert unknown["p"] > 0
    strict = called(replace(setting, background=0), rules=AntigenRules(unknown_ambient=0.0))
    assert strict["p"] < unknown["p"]


def test_few_background_cells_count_as_none():
    found = antigen_full.simulate(BASE, 1)
    few = {name: found[f"background_{name}"][:10] for name in ("pre", "post")}
    row = call_antigen(
        found["pre"], found["post"], antigen="CD19", background_pre=few["pre"], background_post=few["post"]
    )
    assert "fewer than 20 cells that cannot express it were given" in row["reason"]


def test_ambient_counts_do_not_hide_a_loss():
    row = called(replace(BASE, kept=0.0, ambient=(0.2, 0.2), detection=0.5, normal=0.3))
    assert row["detected_post"] >= 1
    assert row["call"] == "lost", row["reason"]


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        (replace(BASE, n_post=15, detection=0.6), "fewer than 20 malignant cells"),
        (replace(BASE, depth=0.1, detection=0.05), "fewer than 10"),
        (replace(BASE, detection=0.001, ambient=(0.0, 0.0)), "not detected before"),
    ],
)
def test_what_cannot_be_told_is_not_assessable(setting, why):
    row = called(setting)
    assert row["call"] == "not_assessable"
    assert why in row["reason"]
    assert np.isnan(row["p"])
    assert row["detected_pre"] >= 0


def test_an_antigen_that_is_all_ambient_was_absent_before():
    found = antigen_full.simulate(replace(BASE, detection=0.4), 1)
    row = call_antigen(
        found["background_pre"],
        found["background_post"],
        antigen="CD19",
        background_pre=found["background_pre"],
        background_post=found["background_post"],
    )
    assert row["call"] == "not_assessable"
    assert "not above ambient RNA before" in row["reason"]


def test_a_pair_of_two_chemistries_is_inconclusive_whatever_the_p():
    row = called(replace(BASE, kept=0.0), chemistry_pre="3' v2", chemistry_post="5'")
    assert row["call"] == "inconclusive"
    assert row["p"] < 0.05
    assert "chemistries differ (3' v2 before, 5' after)" in row["reason"]


def test_chemistry_sample_and_patient_are_read_from_obs():
    found = antigen_full.simulate(replace(BASE, kept=0.0), 2)
    for name in ("pre", "post"):
        found[name].obs["chemistry"] = {"pre": "3' v2", "post": "5'"}[name]
        found[name].obs["sample"] = f"P1_{name}"
        found[name].obs["patient"] = "P1"
    row = call_antigen(found["pre"], found["post"], antigen="CD19")
    assert (row["patient"], row["pre_sample"], row["post_sample"]) == ("P1", "P1_pre", "P1_post")
    assert row["call"] == "inconclusive"


def test_thresholds_are_arguments_and_stand_in_the_reason():
    setting = replace(BASE, kept=0.3, detection=0.5)
    assert called(setting)["call"] == "reduced"
    lax = called(setting, rules=AntigenRules(lost_below=0.6))
    assert lax["call"] == "lost"
    assert "below 0.6" in lax["reason"]
    with pytest.raises(OhmicsError, match="lost_below is 2"):
        AntigenRules(lost_below=2)


def test_gain_is_called():
    found = antigen_full.simulate(replace(BASE, kept=0.3, detection=0.4), 3)
    row = call_antigen(
        found["post"],
        found["pre"],
        antigen="CD19",
        background_pre=found["background_post"],
        background_post=found["background_pre"],
    )
    assert row["call"] == "gained", row["reason"]


def test_negative_fraction_only_where_counts_tell_fewer_from_dimmer():
    strong = replace(BASE, detection=0.95, kept=0.4, n_pre=400, n_post=400)
    row = called(strong)
    assert row["negative_low"] <= 0.6 <= row["negative_high"]
    assert row["negative_high"] - row["negative_low"] < 0.4
    dim = called(replace(strong, kept=1.0, dimmed=0.4))
    assert dim["negative_high"] < 0.2, "dimmer cells are no negative ones"
    weak = called(replace(BASE, kept=0.4))
    assert np.isnan(weak["negative_fraction"])
    assert "dimmer ones" in weak["reason"]


def test_a_lineage_that_falls_as_a_whole_is_said():
    setting = replace(BASE, kept=0.0, detection=0.5)
    found = antigen_full.simulate(setting, 4)
    genes = [f"G{number}" for number in range(12)]
    post = found["post"].X.tolil()
    post[:, 1:13] = 0
    fallen = AnnData(post.tocsr(), obs=found["post"].obs, var=found["post"].var)
    row = call_antigen(found["pre"], fallen, antigen="CD19", lineage=genes)
    assert "the lineage falls as a whole" in row["reason"]
    kept = call_antigen(found["pre"], found["post"], antigen="CD19", lineage=genes)
    assert "the lineage falls" not in kept["reason"]


def test_genes_of_an_antigen_and_faults_are_all_said():
    found = antigen_full.simulate(BASE, 6)
    renamed = call_antigen(found["pre"], found["post"], antigen="the target", genes=["CD19"])
    plain = call_antigen(found["pre"], found["post"], antigen="CD19")
    assert renamed["antigen"] == "the target"
    assert renamed["p"] == plain["p"]
    with pytest.raises(OhmicsError) as caught:
        call_antigen(found["pre"], found["post"][:, ::-1], antigen="CD91", n_matched=0)
    text = str(caught.value)
    assert len(caught.value.faults) == 3
    assert "genes differ" in text
    assert "no gene CD91" in text
    halves = AnnData(found["pre"].X * 0.5, obs=found["pre"].obs, var=found["pre"].var)
    with pytest.raises(OhmicsError, match="no raw counts"):
        call_antigen(halves, found["post"], antigen="CD19")


def test_inputs_stay_as_they_are_and_repeats_agree():
    found = antigen_full.simulate(BASE, 8)
    before = found["pre"].X.copy()
    one, two = (call_antigen(found["pre"], found["post"], antigen="CD19") for _ in range(2))
    pd.testing.assert_series_equal(one, two)
    assert (before != found["pre"].X).nnz == 0


def test_a_transgene_does_not_count_towards_depth():
    found = antigen_full.simulate(BASE, 9)
    plain = call_antigen(found["pre"], found["post"], antigen="CD19")

    def with_vector(adata, level):
        counts = sparse.hstack([adata.X, sparse.csr_matrix(np.full((adata.n_obs, 1), level))]).tocsr()
        var = pd.DataFrame({"feature_type": ["gene"] * adata.n_vars + ["transgene"]}, index=[*adata.var_names, "CAR"])
        return AnnData(counts, obs=adata.obs, var=var)

    row = call_antigen(with_vector(found["pre"], 1.0), with_vector(found["post"], 90.0), antigen="CD19")
    assert row["remaining_fraction"] == pytest.approx(plain["remaining_fraction"])


def test_no_cells_at_all_are_not_assessable():
    found = antigen_full.simulate(BASE, 10)
    for pre, post in ((found["pre"][:0], found["post"]), (found["pre"], found["post"][:0])):
        row = call_antigen(pre, post, antigen="CD19", background_pre=found["background_pre"])
        assert row["call"] == "not_assessable"
        assert "fewer than 20 malignant cells" in row["reason"]
