"""The false findings on Riaz's exchanged pairs in the repository were counted on the code that stands there."""

import importlib.util
import json
from pathlib import Path

import pytest
from scipy import stats

_PATH = Path(__file__).resolve().parents[1] / "calibration" / "riaz_full.py"
_SPEC = importlib.util.spec_from_file_location("riaz_full", _PATH)
riaz_full = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(riaz_full)


@pytest.fixture(scope="module")
def written():
    return json.loads(riaz_full.RESULTS.read_text(encoding="utf-8"))


def test_the_measured_code_is_the_present_code(written):
    assert written["digest"] == riaz_full.digest(), "run tests/calibration/riaz_full.py"


def test_at_most_8_percent_of_runs_hold_a_false_mechanism(written):
    rows = {row["test"]: row for row in written["rows"]}
    assert rows["ENRICHMENT, flip"]["runs"] == rows["EFFECTS, flip"]["runs"] >= 400
    for name in ("ENRICHMENT, flip", "EFFECTS, flip"):
        assert rows[name]["false_primary"] <= 0.08, name
    # Camera was measured in fewer runs: within binomial limits of the level.
    camera = rows["ENRICHMENT, camera"]
    assert camera["false_primary"] * camera["runs"] <= stats.binom.isf(0.01, camera["runs"], 0.08)


def test_prerank_is_far_off_on_the_same_residuals(written):
    rows = {row["test"]: row for row in written["rows"]}
    assert rows["gseapy prerank"]["p_below"] > 0.2
    assert rows["gseapy prerank"]["false_further"] > 0.9


def test_the_table_names_every_test(written):
    text = riaz_full.table_of(written["rows"])
    assert all(row["test"] in text for row in written["rows"])


def test_exchanging_labels_turns_the_change_of_those_patients_only():
    frame = riaz_full.pd.DataFrame({"patient": ["a", "a", "b", "b"], "timepoint": ["Pre", "On"] * 2})
    turned = riaz_full.exchanged(frame, {"a": -1.0, "b": 1.0})
    assert turned["timepoint"].tolist() == ["On", "Pre", "Pre", "On"]
