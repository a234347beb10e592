"""A seeded share of the depth measurements, and the ones in full that stand in the repository."""

import importlib.util
import json
from pathlib import Path

import pytest
from scipy import stats

_SPEC = importlib.util.spec_from_file_location("depth_full", Path(__file__).with_name("depth_full.py"))
depth_full = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(depth_full)


@pytest.fixture(scope="module")
def written():
    return json.loads(depth_full.RESULTS.read_text(encoding="utf-8"))


def test_the_measured_code_is_the_present_code(written):
    assert written["digest"] == depth_full.digest(), "run tests/calibration/depth_full.py"


def test_thinned_scores_keep_their_level_and_raw_ones_show_why(written):
    null = [row for row in written["rows"] if not row["planted"]]
    assert {row["kind"] for row in null} == set(depth_full.KINDS)
    assert {row["pairs"] for row in null} == {10, 40}
    for row in null:
        if row["depth"] == "thinned":
            margin = 3 * (0.05 * 0.95 / row["tests"]) ** 0.5  # lists of a cohort are not independent
            assert row["rate"] <= 0.05 + margin, row
        if row["depth"] == "thinned" and row["method"] in depth_full.DEFAULT:
            assert row["tests"] >= 600
            assert row["rate"] <= depth_full.BOUND, row
    raw = {(row["method"], row["kind"], row["pairs"]): row["rate"] for row in null if row["depth"] == "raw"}
    assert raw["ucell", "at the reference", 40] > 0.9


def test_a_two_fold_list_is_found_by_every_thinned_score(written):
    found = {(row["method"], row["kind"]): row["rate"] for row in written["rows"]
             if row["planted"] and row["depth"] == "thinned"}  # fmt: skip
    for method in depth_full.METHODS:
        assert found[method, "2-fold"] > 0.9, method
        assert found[method, "1.5-fold"] >= found[method, "1.2-fold"] - 0.1, method


def test_a_small_run_keeps_the_level():
    rows, follow = depth_full.measure(2, 8, 5, planted=False, cells=60)
    assert {row["method"] for row in rows} == set(depth_full.METHODS)
    for row in rows:
        if row["depth"] == "thinned":
            assert round(row["rate"] * row["tests"]) <= stats.binom.isf(1e-4, row["tests"], 0.05) + 2, row
    assert 0 <= min(one["spearman"] for one in follow) <= max(one["spearman"] for one in follow) <= 1
