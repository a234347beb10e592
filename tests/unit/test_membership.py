"""One function says who takes part in a contrast; pairing, models of genes and comparisons agree with it."""

import pandas as pd
import pytest

from ohmics.differences import contrast_sides
from ohmics.intake.pairing import resolve_pairs
from ohmics.membership import group_flags, matches, membership, text_values, uses_mixed_model
from ohmics.model import Contrast
from ohmics.stats.design import design_matrix, select_samples


@pytest.fixture
def samples():
    rows = [(f"P{i}", t, r, d) for i, (r, d) in enumerate([("CR", 1.0), ("PD", 2.0), ("SD", 3.5), ("NE", None)])
            for t in ("pre", "relapse")]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["patient", "timepoint", "response", "dose"])
    frame.insert(0, "sample", [f"s{k}" for k in range(8)])
    frame.loc[7, "patient"] = None
    return frame


def test_text_is_compared_and_missing_is_no_value():
    values = pd.Series([1.0, 2.5, None, "NA", "", True], dtype=object)
    assert text_values(values).tolist() == ["1", "2.5", "", "NA", "", "True"]
    assert matches(values, "").tolist() == [False] * 6
    assert matches(values, 1).tolist() == [True, *[False] * 5]
    assert matches(values, ["NA", "2.5"]).tolist() == [False, True, False, True, False, False]


def test_who_is_chosen_on_which_side_in_which_block(samples):
    contrast = Contrast(variable="response", test=["PD", "SD"], reference="CR", where={"timepoint": "pre"})
    found = membership(samples, contrast)
    assert found["allowed"].tolist() == [True, False] * 4
    assert found["side"].tolist() == ["reference"] * 2 + ["test"] * 4 + [""] * 2
    assert found.loc[found["chosen"], "block"].tolist() == ["P0", "P1", "P2"]
    paired = membership(samples, Contrast(variable="timepoint", test="relapse", reference="pre",
                                          pair_by=("patient", "dose")))  # fmt: skip
    assert paired["block"].tolist() == ["P0|1", "P0|1", "P1|2", "P1|2", "P2|3.5", "P2|3.5", "", ""]
    assert paired["chosen"].sum() == 6
    assert set(membership(samples, Contrast(variable="dose"))["side"]) == {"value", ""}


@pytest.mark.parametrize(
    "contrast",
    [
        Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient"),
        Contrast(variable="timepoint", test="relapse", reference="pre", random_by="patient"),
        Contrast(variable="response", test="PD|SD", reference="CR", where={"timepoint": ["pre"]}),
        Contrast(variable="dose", where={"timepoint": "relapse"}),
    ],
)
def test_every_consumer_takes_the_same_samples(samples, contrast):
    expected = samples.loc[membership(samples, contrast)["chosen"], "sample"].tolist()
    assert contrast_sides(samples, contrast)["sample"].tolist() == expected
    pairs = resolve_pairs(samples, contrast)
    listed = "|".join(pairs[["test_samples", "reference_samples"]].fillna("").to_numpy().ravel()).split("|")
    assert sorted(filter(None, listed)) == sorted(expected)
    # The models name what lacks a unit, and pairs need a partner.
    known = select_samples(samples, contrast)
    assert set(expected) == set(known.index[text_values(known["patient"]) != ""])
    assert set(design_matrix(samples, contrast).samples) <= set(expected)


def test_a_mixed_model_is_for_random_patients_and_for_patients_on_both_sides(samples):
    def asked(**more):
        contrast = Contrast(**more)
        members = membership(samples, contrast)
        return uses_mixed_model(members[members["chosen"]], contrast)

    time = {"variable": "timepoint", "test": "relapse", "reference": "pre"}
    assert asked(**time)
    assert asked(**time, random_by="patient")
    assert not asked(**time, pair_by="patient")
    assert not asked(variable="response", test="PD", reference="CR")
    assert asked(variable="dose")
    assert not asked(variable="dose", where={"timepoint": "pre"})


def test_groups_are_flagged_by_what_they_do_not_share(samples):
    contrast = Contrast(variable="response", test="PD", reference="CR")
    sides = contrast_sides(samples.assign(tissue="BM", chemistry=["v2"] * 2 + ["v3"] * 6), contrast)
    assert group_flags(sides, contrast) == {
        "chemistry": "chemistry cannot be told from the comparison (PD: 2 v3, against CR: 2 v2)"
    }
    assert group_flags(sides.assign(chemistry=None), contrast) == {}
    assert group_flags(sides, Contrast(variable="dose")) == {}


def test_a_column_may_hold_the_text_with_a_bar_itself(samples):
    frame = samples.assign(response=["CR|PR"] * 2 + ["PD"] * 6)
    contrast = Contrast(variable="response", test="PD", reference="CR|PR")
    assert (membership(frame, contrast)["side"] == "reference").sum() == 2
