"""The antigen call's error rates that stand in the repository were measured on the code that stands there, and hold."""

import json
from pathlib import Path

import pytest
from scipy import stats

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


def of_real(kind="rows"):
    return json.loads((FOLDER / "antigen_real.json").read_text(encoding="utf-8"))[kind]


def limit(splits):
    """99.9 % limit of a binomial share of 5 %: 8.2 % at 500."""
    return stats.binom.isf(1e-3, splits, 0.05) / splits


def test_random_halves_are_called_changed_no_more_often_than_stated():
    nulls = [row for row in of_real() if row["planted"].startswith("none") or " lost in 0%" in row["planted"]]
    assert {row["antigen"] for row in nulls} >= {"CD19", "MS4A1", "CD22", "CD79B", "CD3E", "CD8A", "IL7R"}
    assert len(nulls) == 8 + 9
    for row in nulls:
        assert row["splits"] >= 500, row
        assert row["lost"] + row["reduced"] <= limit(row["splits"]), row
        assert row["gained"] <= limit(row["splits"]), row
        assert row["coverage"] >= 0.925, row


def test_losses_planted_into_real_cells_are_found_as_often_as_stated():
    planted = {row["planted"]: row for row in of_real()}
    assert planted["CD19 in all cells"]["lost"] >= 0.95
    assert planted["CD19 in 60 % of cells"]["reduced"] + planted["CD19 in 60 % of cells"]["lost"] >= 0.8
    for gene, least in {"CD3E": 0.98, "CD8A": 0.9, "IL7R": 0.6}.items():
        for depth in ("1", "0.5", "0.25"):
            whole = planted[f"T cells, {gene} lost in 100%, depth {depth}"]
            part = planted[f"T cells, {gene} lost in 60%, depth {depth}"]
            assert whole["lost"] >= 0.98, whole
            assert part["lost"] + part["reduced"] >= least, part
            assert part["lost"] <= 0.05, part
            assert min(whole["coverage"], part["coverage"]) >= 0.925, part


def test_the_share_of_positive_cells_is_that_of_the_surface_protein():
    rows = {(row["antigen"], row["protein_positive"]): row for row in of_real("protein")}
    assert len(rows) == 12
    for (gene, share), row in rows.items():
        assert row["splits"] >= 100, row
        assert row["remaining_covers"] >= 0.9, row
        if share == 0.25:
            assert row["lost_or_reduced"] >= 0.6, row
        if gene == "MS4A1":
            # CD20 is the only one of the three that most B cells show; the share stands beside the protein's of CD19.
            assert abs(row["positive"] - share) <= 0.05, row
        if gene == "CD19":
            assert row["told"] <= 0.1, row
