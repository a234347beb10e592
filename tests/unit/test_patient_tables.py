"""Tables that set one patient beside the others: hand-made cohorts whose median, range and place are plain to see."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from ohmics.model import Mechanism, PrimaryLine
from ohmics.patient_tables import call_errors, compare_patients
from ohmics.tables import (
    ANTIGEN,
    CALL_ERRORS,
    CAR,
    COMPOSITION,
    EFFECTS,
    LINEAGE,
    PAIRS,
    PATIENT_COMPARISON,
    QC,
    check,
)

NAME = "relapse_vs_pre"


def mechanism(key: str, nature: str = "expression") -> Mechanism:
    """Return a mechanism whose primary line is ``signature`` by ucell."""
    line = PrimaryLine(
        nature=nature,
        gene_list="signature" if nature == "expression" else "",
        method="ucell",
        cell_type="CD8 T",
        direction="up",
    )
    return Mechanism(
        id=key, name=key, claim="", therapies=("car_t",), compartment="t_cell", reviews=(), tier="core",
        measurement=("score",), score_on=("CD8 T",), visible="", not_visible="", observed_at="relapse",
        gene_lists=(), primary_line=line,
    )  # fmt: skip


MECHANISMS = {"exhaustion": mechanism("exhaustion"), "loss": mechanism("loss", "call")}


def change(patient: str, effect: float, **more: object) -> dict[str, object]:
    """Return a patient's row of EFFECTS."""
    return {
        "contrast": NAME, "level": "patient", "subject": patient, "cell_type": "CD8 T", "mechanism": "exhaustion",
        "gene_list": "exhaustion/signature", "method": "ucell", "depth": "thinned", "effect": effect,
        "low": effect - 1, "high": effect + 1, "unit": "ucell score", **more,
    }  # fmt: skip


def pairs(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Return PAIRS: patient, samples before, samples after."""
    return PAIRS.conform(
        [
            {"contrast": NAME, "subject": patient, "block": patient, "reference_samples": before,
             "test_samples": after, "complete": True}
            for patient, before, after in rows
        ]
    )  # fmt: skip


def compared(**given: Any) -> pd.DataFrame:
    """Return the comparison of what is given; every other table is empty."""
    whole: dict[str, Any] = {
        "pairs": pairs(("P1", "P1_pre", "P1_rel")),
        "qc": QC.empty(),
        "effects": EFFECTS.empty(),
        "composition": COMPOSITION.empty(),
        "mechanisms": MECHANISMS,
    }
    return compare_patients(**(whole | given))


def own(frame: pd.DataFrame, patient: str, **where: str) -> pd.Series:
    """Return the only row of a patient."""
    rows = frame[frame["patient"] == patient]
    for name, value in where.items():
        rows = rows[rows[name] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def test_a_change_stands_beside_the_median_the_range_and_its_place() -> None:
    effects = EFFECTS.conform([change("P1", 3.0), change("P2", -1.0), change("P3", 1.0), change("P4", 2.0)])
    found = compared(effects=effects)
    check(found, PATIENT_COMPARISON)
    row = own(found, "P1")
    assert (row["kind"], row["item"], row["side"]) == ("score", "exhaustion/signature", "change")
    assert (row["value"], row["low"], row["high"]) == (3.0, 2.0, 4.0)
    assert (row["median"], row["lowest"], row["highest"]) == (1.5, -1.0, 3.0)
    assert (row["n_patients"], row["n_lower"]) == (4, 3)
    assert own(found, "P2")["n_lower"] == 0


def test_equal_values_have_the_same_place() -> None:
    found = compared(effects=EFFECTS.conform([change("P1", 1.0), change("P2", 1.0), change("P3", 2.0)]))
    assert [own(found, name)["n_lower"] for name in ("P1", "P2", "P3")] == [0, 0, 2]


def test_only_what_verdicts_rest_on_is_compared() -> None:
    rows = [
        change("P1", 1.0),
        change("P1", 9.0, depth="raw"),
        change("P1", 9.0, method="mean_z"),
        change("P1", 9.0, gene_list="exhaustion/another"),
        change("P1", 9.0, gene_list="loss/", mechanism="loss"),
        change(NAME, 9.0, level="cohort"),
        change("P1", 2.0, method="ucell_beyond_content"),
    ]
    found = compared(effects=EFFECTS.conform(rows))
    assert sorted(zip(found["method"], found["value"], strict=True)) == [("ucell", 1.0), ("ucell_beyond_content", 2.0)]


def test_a_missing_value_counts_for_nobody() -> None:
    found = compared(effects=EFFECTS.conform([change("P1", 1.0), change("P2", float("nan"))]))
    assert found["patient"].tolist() == ["P1"]
    assert found["n_patients"].tolist() == [1]


def test_several_samples_of_a_side_count_as_one_patient_by_their_mean() -> None:
    qc = QC.conform(
        [
            {"sample": name, "cells_in": 10, "cells_kept": cells, "median_umi": 1.0, "verdict": "use"}
            for name, cells in (("a", 10), ("b", 30), ("c", 100), ("d", 40))
        ]
    )
    found = compared(qc=qc, pairs=pairs(("P1", "a|b", "c"), ("P2", "d", "")))
    kept = found[(found["item"] == "cells_kept") & (found["side"] == "before")]
    assert sorted(zip(kept["sample"], kept["value"], strict=True)) == [("a", 10.0), ("b", 30.0), ("d", 40.0)]
    # P1 counts with 20, P2 with 40.
    assert set(kept["median"]) == {30.0}
    assert set(kept["lowest"]) == {20.0}
    assert set(kept["n_patients"]) == {2}
    assert own(kept, "P2")["n_lower"] == 1


def test_fractions_are_told_before_and_after_and_changes_relative() -> None:
    rows = [
        {"contrast": NAME, "subject": subject, "cell_type": "NK", "fraction_pre": pre, "fraction_post": 0.5,
         "effect": 1.0, "low": 0.5, "high": 1.5, "n_pairs": 1}
        for subject, pre in (("P1", 0.1), ("P2", 0.3), (NAME, 0.2))
    ]  # fmt: skip
    found = compared(composition=COMPOSITION.conform(rows))
    assert set(found["patient"]) == {"P1", "P2"}
    before = own(found, "P1", side="before")
    assert (before["value"], before["median"], before["unit"]) == (0.1, 0.2, "fraction")
    moved = own(found, "P1", side="change")
    assert (moved["unit"], moved["low"]) == ("centred log ratio", 0.5)


def test_an_antigen_stands_in_the_contrasts_that_compare_its_two_samples() -> None:
    rows = [
        {"patient": "P1", "antigen": "CD19", "pre_sample": "a", "post_sample": post, "remaining_fraction": share,
         "call": "retained", "reason": "x"}
        for post, share in (("b", 0.5), ("c", 0.7))
    ]  # fmt: skip
    found = compared(antigen=ANTIGEN.conform(rows), pairs=pairs(("P1", "a", "b")))
    assert found[["kind", "item", "sample", "value"]].to_numpy().tolist() == [["antigen", "CD19", "b", 0.5]]


def test_lineage_and_car_are_compared_on_their_sides() -> None:
    lineage = LINEAGE.conform([{"patient": "P1", "estimate": 0.8, "low": 0.7, "high": 0.9, "call": "candidate"}])
    car = CAR.conform([{"sample": "P1_rel", "estimate": 0.2, "low": 0.1, "high": 0.3, "call": "detected"}])
    found = compared(lineage=lineage, car=car)
    assert own(found, "P1", kind="lineage")["value"] == 0.8
    assert (own(found, "P1", kind="car")["side"], own(found, "P1", kind="car")["sample"]) == ("after", "P1_rel")


def test_nothing_to_compare_is_an_empty_table() -> None:
    found = compared()
    assert found.empty
    check(found, PATIENT_COMPARISON)


@pytest.fixture
def measured() -> pd.DataFrame:
    columns = ["measured", "setting", "replicates", "kind", "rate", "source"]
    return pd.DataFrame(
        [
            ("antigen called lost or reduced", "deep", 100, "error", 0.02, "antigen.json"),
            ("antigen called lost or reduced", "shallow", 300, "error", 0.06, "antigen.json"),
            ("antigen called lost or reduced", "cohort", 50, "error", 0.5, "bulk_antigen.json"),
            ("antigen called lost or reduced", "half lost", 10, "found", 0.9, "antigen.json"),
            ("antigen called lost or reduced", "not run", 10, "found", None, "antigen.json"),
            ("a score", "any", 10, "error", 1.0, "scores.json"),
        ],
        columns=columns,
    )


def test_error_rates_weigh_settings_by_their_replicates_and_name_the_worst(measured: pd.DataFrame) -> None:
    found = call_errors(measured, modality="single_cell")
    check(found, CALL_ERRORS)
    error = found[found["kind"] == "error"].iloc[0]
    assert len(found) == 2
    assert error["rate"] == pytest.approx(0.05)
    assert (error["lowest"], error["highest"], error["highest_setting"]) == (0.02, 0.06, "shallow")
    assert (error["n_settings"], error["n_replicates"]) == (2, 400)


def test_the_error_rates_of_bulk_are_its_own(measured: pd.DataFrame) -> None:
    found = call_errors(measured, modality="bulk")
    assert found["rate"].tolist() == [0.5]


def test_a_call_without_a_measurement_has_no_row(measured: pd.DataFrame) -> None:
    assert call_errors(measured.tail(1), modality="single_cell").empty
