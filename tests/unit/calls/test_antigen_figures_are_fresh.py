"""The antigen call's error rates that stand in the repository were measured on the code that stands there, and hold."""

import json
from pathlib import Path

import pytest

from ohmics.provenance import code_digest

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks"


@pytest.fixture(scope="module")
def written():
    return json.loads((FOLDER / "antigen.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["antigen", "antigen_real"])
def test_the_measured_code_is_the_present_code(name):
    found = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    script = {"antigen": "antigen_full.py", "antigen_real": "antigen_real.py (OHMICS_DATA)"}[name]
    assert found["digest"] == code_digest("ohmics.calls.antigen"), f"run tests/calibration/{script}"


def test_unchanged_patients_are_called_changed_no_more_often_than_stated(written):
    rows = [row for row in written["rows"] if row["kind"] == "null"]
    assert len(rows) >= 20
    for row in rows:
        # 99.9 % limits of a binomial share.
        margin = 3.1 * (0.05 * 0.95 / max(row["assessable"], 1)) ** 0.5
        assert row["changed"] <= 0.05 + margin, row
        assert row["gained"] <= 0.05 + margin, row
        assert row["coverage"] >= 0.925, row
    told = sum(row["assessable"] for row in rows)
    assert sum(row["changed"] * row["assessable"] for row in rows) / told <= 0.055
    assert sum(row["coverage"] * row["assessable"] for row in rows) / told >= 0.945


def test_losses_are_found_as_often_as_stated(written):
    rows = {row["case"]: row for row in written["rows"] if row["kind"] == "loss"}
    for name, row in rows.items():
        kept = row["setting"]["kept"] * row["setting"]["dimmed"]
        if kept >= 0.6:
            assert row["lost"] <= 0.01, row
        if (
            kept == 0
            and min(row["setting"]["n_pre"], row["setting"]["n_post"]) >= 200
            and row["expected_detected"] > 80
        ):
            assert row["lost"] >= 0.9, name
        if kept == 0.4 and row["null_sd"] <= 0.15 and row["expected_detected"] >= 40:
            assert row["changed"] >= 0.8, name


def test_what_cannot_be_assessed_is_not(written):
    rows = [row for row in written["rows"] if row["kind"] == "unassessable"]
    assert rows
    for row in rows:
        assert row["assessable"] <= 0.01 * row["replicates"], row


def test_the_halves_of_one_tumour_are_called_changed_no_more_often_than_stated():
    rows = json.loads((FOLDER / "antigen_real.json").read_text(encoding="utf-8"))["rows"]
    nulls = [row for row in rows if row["planted"].startswith("none")]
    assert {row["antigen"] for row in nulls} >= {"CD19", "MS4A1", "CD22", "CD79B"}
    for row in nulls:
        margin = 3.1 * (0.05 * 0.95 / row["splits"]) ** 0.5
        assert row["lost"] + row["reduced"] <= 0.05 + margin, row
        assert row["gained"] <= 0.05 + margin, row
    planted = {row["planted"]: row for row in rows}
    assert planted["CD19 in all cells"]["lost"] >= 0.95
    assert planted["CD19 in 60 % of cells"]["reduced"] + planted["CD19 in 60 % of cells"]["lost"] >= 0.8
