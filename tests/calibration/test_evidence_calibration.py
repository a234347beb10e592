"""What evidence says of cohorts whose truth is known: a seeded share, and the full measurement that stands there."""

import importlib.util
import json
from pathlib import Path

import pytest
from scipy import stats

_SPEC = importlib.util.spec_from_file_location("evidence_full", Path(__file__).with_name("evidence_full.py"))
evidence_full = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(evidence_full)


@pytest.fixture(scope="module")
def written():
    return json.loads(evidence_full.RESULTS.read_text(encoding="utf-8"))


def rates(rows):
    return {(row["measurement"], row["case"]): row["rate"] for row in rows}


def test_the_measured_code_is_the_present_code(written):
    assert written["digest"] == evidence_full.digest(), "run `make calibration`"


def test_the_full_measurement_keeps_what_is_promised(written):
    rows = {(row["case"], row["measurement"]): row for row in written["rows"]}
    whole = "12 patients, 3 mechanisms at 2.5 sd in all"
    assert rows[whole, "planted is supported"]["rate"] >= 0.95
    null = rows["12 patients, nothing planted", "any verdict of mechanisms left alone"]
    assert null["rate"] <= max(0.07, stats.binom.isf(1e-3, null["replicates"], 0.05) / null["replicates"])
    for row in written["rows"]:
        if row["measurement"].startswith("strong though"):
            assert row["rate"] == 0, row
        if row["case"].startswith("5 patients"):
            assert row["measurement"] not in ("planted is supported", "planted is contradicted") or row["rate"] == 0
        if row["bound"] and row["measurement"].endswith("patient by patient"):
            slack = 3.5 * (max(row["low"], 0.05) * 0.95 / row["replicates"]) ** 0.5
            assert row["low"] - slack <= row["rate"] <= row["high"] + slack, row


def test_what_is_planted_in_all_is_supported_and_what_is_not_is_left_alone():
    found = rates(evidence_full.drawn_cohorts(2.5, 12, 6, seed=5))
    case = "12 patients, 3 mechanisms at 2.5 sd in all"
    assert found["planted is supported", case] >= 15 / 18
    assert found["planted is contradicted", case] == 0
    assert found["strong though left alone", case] == 0
    assert found["any verdict of mechanisms left alone", case] <= 3 / 6


def test_five_patients_decide_nothing():
    found = rates(evidence_full.drawn_cohorts(4.0, 5, 3, seed=5))
    assert found["planted is supported", "5 patients, 3 mechanisms at 4 sd in all"] == 0
    assert found["any verdict of mechanisms left alone", "5 patients, 3 mechanisms at 4 sd in all"] == 0


@pytest.mark.slow
def test_losses_in_some_patients_are_found_where_a_call_exists():
    found = rates(evidence_full.called_cohorts(1, seed=5))
    assert found["cd19_loss, patient by patient", "lost"] == 1
    assert found["cd19_loss, patient by patient", "nothing happened"] <= 0.25


@pytest.mark.slow
def test_a_bulk_cohort_from_counts():
    found = rates(evidence_full.bulk_cohorts(1, seed=5, unchanged=False))
    assert found["low_ifng_tcell_inflamed, from counts", "bulk, planted in 9 of 12"] == 1


def test_parts_of_a_task_are_put_together_by_their_number():
    one = {"case": "a", "measurement": "m", "replicates": 10, "rate": 0.2}
    both = evidence_full.merged([[one], [{**one, "replicates": 30, "rate": 0.6}], [{**one, "measurement": "n"}]])
    assert [(row["measurement"], row["replicates"], row["rate"]) for row in both] == [("m", 40, 0.5), ("n", 10, 0.2)]
