"""The antigen calls of a cohort: planted truth in every patient, families of q, and what is skipped."""

import numpy as np
import pandas as pd
import pytest

from ohmics.calls import AntigenRules, call_antigens
from ohmics.calls.backgrounds import background_types
from ohmics.calls.patients import IFN_GAMMA_GENES, PRESENTATION_GENES
from ohmics.stats.multiple import benjamini_hochberg
from ohmics.tables import ANTIGEN, ANTIGEN_DEPTH, ANTIGEN_PRESENTATION, SKIPPED, check


@pytest.fixture(scope="module")
def calls(cohort, pairs, known):
    return call_antigens(cohort.adatas, cohort.samples, pairs, catalog=known)


def test_targets_are_called_as_planted(calls):
    found = calls.antigen[calls.antigen["antigen"] == "CD19"].set_index("patient")["call"].to_dict()
    assert (found["P01"], found["P02"], found["P03"], found["P04"]) == ("lost", "reduced", "retained", "lost")
    assert found["P05"] in ("retained", "inconclusive")


def test_a_switched_lineage_is_told_from_an_antigen_loss(calls):
    reasons = calls.antigen[calls.antigen["antigen"] == "CD19"].set_index("patient")["reason"]
    assert "the lineage falls as a whole" in reasons["P04"]
    assert "the lineage falls" not in reasons["P01"]


def test_presentation_loss_is_found_where_it_was_planted(calls):
    changed = calls.presentation[calls.presentation["call"].isin(["lost", "reduced"])]
    assert set(changed["patient"]) == {"P05"}
    assert {"HLA-A", "HLA-B", "HLA-C"} <= set(changed["antigen"])
    assert list(calls.presentation["antigen"].iloc[:7]) == list(PRESENTATION_GENES)


def test_tables_conform_and_every_pair_is_called_once(calls, cohort):
    check(calls.antigen, ANTIGEN)
    check(calls.presentation, ANTIGEN_PRESENTATION)
    check(calls.skipped, SKIPPED)
    assert (calls.antigen["antigen"] == "CD19").sum() == 5
    alternatives = calls.antigen[calls.antigen["patient"] == "P01"]["antigen"]
    assert {"CD22", "CD20"} <= set(alternatives)
    told = calls.antigen[calls.antigen["antigen"] == "CD22"]["reason"]
    assert told.str.contains("no recommendation").all()


def test_q_is_benjamini_hochberg_within_each_role(calls):
    both = pd.concat([calls.antigen, calls.presentation], ignore_index=True)
    assert set(both["role"]) == {"target", "alternative", "presentation", "ifn_gamma"}
    assert set(both.loc[both["role"] == "target", "antigen"]) == {"CD19"}
    assert set(both.loc[both["role"] == "ifn_gamma", "antigen"]) == set(IFN_GAMMA_GENES)
    for _, rows in both.groupby("role"):
        np.testing.assert_allclose(rows["q"], benjamini_hochberg(rows["p"].to_numpy()))


def test_the_thresholds_of_the_config_decide_and_stand_in_the_table(cohort, pairs, known):
    one = pairs[(pairs["subject"] == "P02") & (pairs["contrast"] == "one")]
    rules = AntigenRules(lost_below=0.95, min_cells=30)
    row = call_antigens(cohort.adatas, cohort.samples, one, catalog=known, rules=rules, n_matched=150).antigen.iloc[0]
    assert row["call"] == "lost"
    assert {"lost_below=0.95", "min_cells=30", "n_matched=150"} <= set(row["thresholds"].split("|"))


def test_an_unchanged_antigen_lies_in_its_expected_range_and_a_lost_one_below(calls):
    targets = calls.antigen[calls.antigen["role"] == "target"].set_index("patient")
    for patient, row in targets.iterrows():
        assert row["expected_low"] <= row["expected_detected"] <= row["expected_high"] <= row["n_cells_post"]
        inside = row["expected_low"] <= row["detected_post"] <= row["expected_high"]
        assert inside == (row["call"] in ("retained", "inconclusive")), patient


def test_detection_by_depth_adds_up_to_the_call(calls):
    check(calls.depth, ANTIGEN_DEPTH)
    targets = calls.antigen[calls.antigen["role"] == "target"].set_index("patient")
    for (patient, side), rows in calls.depth.groupby(["patient", "side"]):
        name = "pre" if side == "before" else "post"
        assert rows["n_cells"].sum() == targets.loc[patient, f"n_cells_{name}"]
        assert rows["detected"].sum() == targets.loc[patient, f"detected_{name}"]
        assert rows["umi"].is_monotonic_increasing
        if side == "after":
            assert rows["expected"].sum() == pytest.approx(targets.loc[patient, "expected_detected"], rel=1e-6)
            assert rows["expected"].is_monotonic_increasing


def test_what_cannot_be_called_is_skipped_with_the_reason(cohort, pairs, known):
    adatas = dict(cohort.adatas)
    del adatas["P01_pre"]
    blind = adatas["P02_relapse"].copy()
    blind.obs["malignant"] = None
    adatas["P02_relapse"] = blind
    narrow = adatas["P03_pre"]
    adatas["P03_pre"] = narrow[:, narrow.var_names != "CD22"].copy()
    sheet = cohort.samples.copy()
    sheet.loc[sheet["patient"] == "P04", "target_antigen"] = None
    result = call_antigens(adatas, sheet, pairs[pairs["contrast"] == "one"], catalog=known)
    skipped = result.skipped.groupby("subject")["reason"].agg(" ".join)
    assert "no cells of sample P01_pre" in skipped["P01"]
    assert "no cell of P02_relapse is known to be malignant" in skipped["P02"]
    assert "hold no gene CD22" in skipped["P03"]
    assert "names no target antigen" in skipped["P04"]
    assert not set(result.antigen["patient"]) & {"P01", "P02", "P04"}
    assert "P04" in set(result.presentation["patient"])


def test_samples_that_differ_are_called_only_where_none_are_alike(cohort, pairs, known):
    adatas = {name: cohort.adatas[name] for name in ("P03_pre", "P03_relapse")}
    again = adatas["P03_relapse"].copy()
    adatas["P03_again"] = again
    sheet = cohort.samples[cohort.samples["patient"] == "P03"].copy()
    extra = sheet.iloc[[1]].assign(sample="P03_again", chemistry="5'")
    both = pd.concat([sheet, extra], ignore_index=True)
    two = pairs[(pairs["subject"] == "P03") & (pairs["contrast"] == "one")].copy()
    two["test_samples"] = "P03_relapse|P03_again"
    result = call_antigens(adatas, both, two, catalog=known)
    assert set(result.antigen["post_sample"]) == {"P03_relapse"}
    assert result.skipped["reason"].str.contains("differ in chemistry").any()
    two["test_samples"] = "P03_again"
    only = call_antigens(adatas, both, two, catalog=known).antigen.set_index("antigen")
    assert only.loc["CD19", "call"] == "inconclusive"
    assert "chemistries differ" in only.loc["CD19", "reason"]


def test_background_cells_cannot_express_the_antigen(known):
    assert {"T cell", "CD8 T", "NK", "CD14 monocyte"} <= background_types(["CD19"], known)
    assert not background_types(["B2M"], known)
    assert "CD8 T" not in background_types(["CD7"], known)
    assert "CD14 monocyte" not in background_types(["CD33"], known)
    assert "CD8 T" in background_types(["CD33"], known)


def test_several_pairs_of_a_patient_share_one_row_of_skipped() -> None:
    from ohmics.calls.patients import one_row_a_key
    from ohmics.tables import SKIPPED, skipped

    rows = [skipped("antigen", why, subject="p", cell_type="malignant") for why in ("pair one", "pair two", "pair one")]
    frame = SKIPPED.conform(one_row_a_key([*rows, skipped("antigen", "other", subject="q")]))
    assert frame["reason"].tolist() == ["pair one; pair two", "other"]
