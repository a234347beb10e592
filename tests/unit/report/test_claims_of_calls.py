"""What pages say of calls is no more than the tables hold: lineage, several pairs, open limits, shares not told."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from ohmics import tables
from ohmics.report import patient_beside, patient_summary
from ohmics.report.answers import antigen_answer
from ohmics.report.antigen_methods import antigen_text
from ohmics.report.antigen_panel import antigen_line, antigen_panel, of_role
from ohmics.report.inputs import ReportInputs
from ohmics.report.measures_panel import measures_panel
from ohmics.report.pair_labels import with_labels
from ohmics.report.patient_view import Cohort
from ohmics.report.qc_answers import qc_answers
from ohmics.report.relapse_table import relapse_table

LINEAGES = ("switch", "candidate", "dedifferentiation", "no_switch", "inconclusive", "not_assessable")
CONTRAST = {"variable": "timepoint", "test": "relapse", "reference": "pre", "pair_by": "patient"}


def call(patient: str, what: str, post: str, **more: object) -> dict[str, object]:
    return {
        "patient": patient, "antigen": "CD19", "pre_sample": f"{patient}_pre", "post_sample": f"{patient}_{post}",
        "n_cells_pre": 100, "n_cells_post": 80, "detected_pre": 30, "detected_post": 5, "expected_detected": 20.0,
        "expected_low": 12.0, "expected_high": 30.0, "remaining_fraction": 0.9, "remaining_low": 0.4,
        "remaining_high": 1.6, "call": what, "role": "target",
        "reason": "CD19 is detected in 30 of 100 malignant cells before.", **more,
    }  # fmt: skip


def run(rows: list[dict[str, object]], **more: object) -> ReportInputs:
    names = dict.fromkeys(str(row[side]) for row in rows for side in ("pre_sample", "post_sample"))
    samples = [
        {"sample": name, "patient": name.partition("_")[0], "timepoint": name.partition("_")[2],
         "modality": "single_cell", "path": "x", "target_antigen": "CD19"}
        for name in names
    ]  # fmt: skip
    return ReportInputs(
        config={"contrasts": [CONTRAST]}, samples=tables.SAMPLES.conform(samples), antigen=tables.ANTIGEN.conform(rows),
        **more,
    )  # fmt: skip


def lineage(what: str, reason: str, **more: object) -> pd.DataFrame:
    row = {"patient": "P1", "estimate": 0.0, "low": 0.0, "high": 0.1, "call": what, "evidence": "e", "reason": reason}
    return tables.LINEAGE.conform([row | more])


TWO = [call("P1", "retained", "d28"), call("P1", "lost", "relapse"), call("P2", "lost", "relapse")]


def shown(inputs: ReportInputs) -> tuple[list[str], list[list[str]]]:
    view = relapse_table(inputs, of_role(inputs.antigen, "target"))
    assert view is not None
    return [head.label for head in view.heads], [[cell.text for cell in row] for row in view.rows]


def test_a_dedifferentiated_tumour_is_not_said_to_be_not_called_nor_certain() -> None:
    counts = "Of 80 candidate cells after, 60% left the B lineage (rival lineages taken: none)."
    reason = f"{counts} Dedifferentiation: 60% left their lineage; the wrong cells would look the same."
    inputs = run([call("P1", "lost", "relapse")], lineage=lineage("dedifferentiation", reason))
    assert shown(inputs)[1][0][-1] == "possibly lost, or other cells"
    said = patient_summary.lineage_sentence(Cohort(inputs).view("P1"))
    assert said.startswith("The tumour may have lost its own lineage without taking another, or the cells are others.")
    assert "the wrong cells would look the same" in said


@pytest.mark.parametrize("what", LINEAGES)
def test_every_call_of_a_lineage_has_words(what: str) -> None:
    assert shown(run([call("P1", "lost", "relapse")], lineage=lineage(what, "r")))[1][0][-1] not in ("not called", what)


def test_no_switch_is_no_proof_that_the_lineage_was_kept() -> None:
    inputs = run([call("P1", "lost", "relapse")], lineage=lineage("no_switch", "Of 80 cells. No switch: unmarked."))
    said = patient_summary.lineage_sentence(Cohort(inputs).view("P1"))
    assert said == "No lineage switch was seen. Of 80 cells. No switch: unmarked."


def test_two_pairs_of_a_patient_name_their_samples() -> None:
    inputs = run(TWO)
    line = antigen_line(inputs)
    assert "CD19-negative: P1 at P1_relapse and P2 (2)" in line
    assert "CD19-positive: P1 at P1_d28 (1)" in line
    heads, rows = shown(inputs)
    assert "Relapse" not in heads
    assert heads[:3] == ["Patient", "Later sample", "In the later sample"]
    assert sorted((row[0], row[1], row[2]) for row in rows) == [
        ("P1", "P1_d28", "CD19-positive"), ("P1", "P1_relapse", "CD19-negative"), ("P2", "P2_relapse", "CD19-negative"),
    ]  # fmt: skip
    answer = antigen_answer(inputs)
    assert answer is not None
    assert "still there in 1 (P1 at P1_d28)" in answer.sentences[0]
    cohort = Cohort(inputs)
    badges = [one.badge for one in patient_summary.antigen_answers(cohort, cohort.view("P1"))]
    assert badges == ["CD19-positive (P1_d28)", "CD19-negative (P1_relapse)"]
    panel = antigen_panel(inputs)
    assert panel is not None
    assert len(set(panel.tables[0].anchors)) == 3
    assert panel.title == "Antigen-positive or antigen-negative"


def test_one_relapse_a_patient_stands_under_relapse() -> None:
    inputs = run(TWO[1:])
    assert shown(inputs)[0][:3] == ["Patient", "Relapse", "Target"]
    panel = antigen_panel(inputs)
    assert panel is not None
    assert panel.title.endswith("relapse")
    assert shown(run([call("P1", "lost", "d28")]))[0][1:3] == ["Later sample", "In the later sample"]


def test_pairs_that_share_their_later_sample_are_told_apart() -> None:
    rows = [call("P1", "lost", "relapse"), call("P1", "retained", "relapse", pre_sample="P1_diagnosis")]
    labels = with_labels(tables.ANTIGEN.conform(rows))["label"]
    assert set(labels) == {"P1 at P1_relapse against P1_pre", "P1 at P1_relapse against P1_diagnosis"}
    assert {row[1] for row in shown(run(rows))[1]} == {f"P1_relapse against P1_{when}" for when in ("pre", "diagnosis")}


def test_without_an_upper_limit_the_lower_one_stays() -> None:
    inputs = run([call("P1", "inconclusive", "relapse", remaining_high=None)])
    assert "90 (40 to no limit)" in shown(inputs)[1][0]
    cohort = Cohort(inputs)
    answer = patient_summary.antigen_answers(cohort, cohort.view("P1"))[0]
    assert answer.remains == "90 % remains (95 % interval 40 % to no upper limit)"


def test_rna_that_is_there_is_not_said_to_be_protein() -> None:
    cohort = Cohort(run([call("P1", "retained", "relapse")]))
    answer = patient_summary.antigen_answers(cohort, cohort.view("P1"))[0]
    assert answer.lead == "CD19 RNA is still there; that its protein and epitope are, RNA cannot show."


def test_a_sample_without_a_car_share_is_named_and_never_blank() -> None:
    car = [
        {"sample": "P1_pre", "estimate": 0.4, "low": 0.3, "high": 0.5, "call": "detected", "evidence": "e",
         "reason": "r"},
        {"sample": "P1_relapse", "estimate": None, "low": None, "high": None, "call": "not_detected", "evidence": "e",
         "reason": "r"},
    ]  # fmt: skip
    pairs = [{
        "contrast": "relapse_vs_pre", "subject": "P1", "block": "P1", "test_samples": "P1_relapse",
        "reference_samples": "P1_pre", "complete": True,
    }]  # fmt: skip
    inputs = run([call("P1", "lost", "relapse")], car=tables.CAR.conform(car), pairs=tables.PAIRS.conform(pairs))
    cohort = Cohort(inputs)
    view = patient_beside.shares_table(cohort, cohort.view("P1"), "relapse_vs_pre")
    assert view is not None
    assert [cell.text for cell in view.rows[0]] == ["CAR+ share of T cells", "", "not detected in P1_relapse"]
    assert "in no median" in view.note


def test_a_share_that_could_not_be_told_is_said_in_words() -> None:
    measure = {
        "sample": "P1_pre", "patient": "P1", "timepoint": "pre", "measure": "b_cell", "of": "kept cells", "n_cells": 0,
        "n_of": 0, "fraction": None, "low": None, "high": None, "per_ul": None, "note": None,
    }  # fmt: skip
    panel = measures_panel(replace(run([TWO[2]]), cell_measures=tables.CELL_MEASURES.conform([measure])))
    assert panel is not None
    assert panel.sentences == ("P1, normal B cells among kept cells: pre no share could be told.",)


def test_unread_sex_genes_are_not_said_to_agree() -> None:
    row = {"sample": "P1_pre", "patient": "P1", "cell_type": "T cell", "verdict": "not_assessable", "reason": "r"}
    frame = pd.DataFrame([row | {"n_cells": 3}]).reindex(columns=list(tables.IDENTITY.names))
    told = [text for one in qc_answers(replace(run([TWO[2]]), identity=frame)) for text in one.sentences]
    assert "Sex genes could not be read in any of them." in told


def test_methods_and_intervals_follow_the_thresholds_of_the_run() -> None:
    inputs = run(TWO[2:])
    assert "the one-sided 95 % upper limit is below 0.2 and the one-sided p of loss below 0.05" in antigen_text(inputs)
    stricter = replace(inputs, config={**inputs.config, "antigen": {"alpha": 0.01, "lost_below": 0.1, "n_matched": 50}})
    assert "the one-sided 99 % upper limit is below 0.1 and the one-sided p of loss below 0.01" in antigen_text(
        stricter
    )
    assert "Left of it, % (99 % interval)" in shown(stricter)[0]
    bulk = replace(inputs, config={**inputs.config, "input": {"modality": "bulk"}})
    assert "other genes of its lineage in the same two samples" in antigen_text(bulk)
    assert "malignant cells" not in antigen_text(bulk)


def test_the_lineage_is_that_of_the_pair_it_was_called_in() -> None:
    called = lineage("candidate", "Of 80. Candidate: unlinked.", pre_sample="P1_pre", post_sample="P1_relapse")
    inputs = run(TWO, lineage=called)
    rows = {(row[0], row[1]): row[-1] for row in shown(inputs)[1]}
    assert rows["P1", "P1_relapse"] == "possible switch, no clonal link"
    assert rows["P1", "P1_d28"] == "called in P1_relapse only"
    said = patient_summary.lineage_sentence(Cohort(inputs).view("P1"))
    assert said.startswith("P1_relapse against P1_pre: the tumour may have switched lineage")
