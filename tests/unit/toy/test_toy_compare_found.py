from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ohmics import toy
from ohmics.errors import OhmicsError
from ohmics.tables import EFFECTS, EVIDENCE
from ohmics.toy import Cohort
from ohmics.toy.cohort import FOLD, truth_frame
from ohmics.toy.compare_found import RESULTS

COHORT = {"level": "cohort", "subject": toy.CONTRAST}


def truth(*, mechanism: str = "tcell_exhaustion_terminal", value: float = 1.8, **where: str) -> pd.DataFrame:
    row = {**COHORT, "mechanism": mechanism, "planted": "x", "value": value, "unit": FOLD, "expected": "y", **where}
    return truth_frame([{**row, "change": value != 1.0}])


def evidence(verdict: str, **where: str) -> pd.DataFrame:
    row = {"contrast": toy.CONTRAST, **COHORT, "mechanism": "tcell_exhaustion_terminal", "verdict": verdict, **where}
    return EVIDENCE.conform([row])


def effects(effect: float, q: float | None) -> pd.DataFrame:
    row = {
        "contrast": toy.CONTRAST,
        **COHORT,
        "cell_type": "CD8 T",
        "mechanism": "tcell_exhaustion_terminal",
        "gene_list": "tcell_exhaustion_terminal/tex_consensus_2of3",
        "method": "ucell",
        "depth": "thinned",
        "effect": effect,
        "q": q,
    }
    return EFFECTS.conform([row])


@pytest.mark.parametrize(
    ("value", "verdict", "result"),
    [
        (1.8, "supported", "found"),
        (1.8, "open", "not found"),
        (1.8, "contradicted", "not found"),
        (1.8, "not_assessable", "not called"),
        (1.0, "supported", "not found"),
        (1.0, "open", "found"),
    ],
)
def test_a_cohort_verdict_is_set_beside_the_truth(value: float, verdict: str, result: str) -> None:
    table = toy.planted_and_found(truth(value=value), evidence(verdict))
    assert table["result"].item() == result
    assert verdict in table["says"].item()


@pytest.mark.parametrize(
    ("value", "verdict", "result"),
    [(1.8, "consistent", "found"), (1.8, "opposite", "not found"), (1.0, "within_technical_range", "found")],
)
def test_a_patient_verdict_is_set_beside_the_truth(value: float, verdict: str, result: str) -> None:
    planted = truth(value=value, level="patient", subject="P01")
    table = toy.planted_and_found(planted, evidence(verdict, level="patient", subject="P01"))
    assert table["result"].item() == result


def test_verdicts_of_other_subjects_do_not_count() -> None:
    planted = truth(level="patient", subject="P02")
    table = toy.planted_and_found(planted, evidence("supported", level="patient", subject="P01"))
    assert table["result"].item() == "not called"


@pytest.mark.parametrize(
    ("value", "effect", "q", "result"),
    [
        (1.8, 0.1, 0.01, "found"),
        (1.8, -0.1, 0.01, "not found"),
        (0.5, -0.1, 0.01, "found"),
        (1.8, 0.1, 0.4, "not found"),
        (1.0, 0.1, 0.01, "not found"),
        (1.8, 0.1, None, "not called"),
    ],
)
def test_effects_speak_where_evidence_is_silent(value: float, effect: float, q: float | None, result: str) -> None:
    table = toy.planted_and_found(truth(value=value), EVIDENCE.empty(), effects(effect, q))
    assert table["result"].item() == result


def test_evidence_goes_before_effects() -> None:
    assert toy.planted_and_found(truth(), evidence("open"), effects(0.1, 0.01))["result"].item() == "not found"


def test_empty_tables_call_nothing(five: Cohort) -> None:
    for tables in ((), (EVIDENCE.empty(), EFFECTS.empty()), (pd.DataFrame(), pd.DataFrame())):
        table = toy.planted_and_found(five.truth, *tables)
        assert len(table) == len(five.truth)
        assert set(table["result"]) == {"not called"} <= set(RESULTS)


def test_truth_read_from_its_file_gives_the_same(tiny: Cohort, tiny_folder: Path) -> None:
    read = pd.read_csv(tiny_folder / "truth.tsv", sep="\t", dtype=str, keep_default_na=False)
    wanted = toy.planted_and_found(tiny.truth, evidence("supported"), effects(0.1, 0.01))
    pd.testing.assert_frame_equal(
        toy.planted_and_found(read, evidence("supported"), effects(0.1, 0.01)), wanted, check_dtype=False
    )


def test_a_truth_table_without_its_columns_is_refused() -> None:
    with pytest.raises(OhmicsError, match="column `change` is missing"):
        toy.planted_and_found(truth().drop(columns="change"))
