"""The calibration that stands in the repository was measured on the code that stands there."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run_full():
    spec = importlib.util.spec_from_file_location("run_full", ROOT / "tests" / "calibration" / "run_full.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_measured_code_is_the_present_code(run_full):
    written = json.loads(run_full.RESULTS.read_text(encoding="utf-8"))
    assert written["digest"] == run_full.digest(), "run `make calibration`"


def test_full_results_hold_their_levels(run_full):
    rows = json.loads(run_full.RESULTS.read_text(encoding="utf-8"))["rows"]
    tested = [row for row in rows if ", raw" not in row["measurement"]]
    assert {row["measurement"] for row in tested} >= {"sign flips", "family of 60 lists, paired", "two groups"}
    for row in tested:
        margin = 3.5 * (max(row["attainable"], 0.001) * 0.95 / row["replicates"]) ** 0.5
        assert row["rate"] <= row["attainable"] + margin, row
        assert not row["exact"] or row["rate"] >= row["attainable"] - margin, row
        assert row["replicates"] >= 2000
        assert row["exact_zeros"] == 0


def test_the_digest_follows_code_and_not_words(run_full, tmp_path, monkeypatch):
    package = tmp_path / "src" / "ohmics"
    for name in run_full.MEASURED:
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text((ROOT / "src" / "ohmics" / name).read_text(encoding="utf-8"), encoding="utf-8")
    before = run_full.digest()
    monkeypatch.setattr(run_full, "ROOT", tmp_path)
    changed = package / "stats" / "paired.py"
    source = changed.read_text(encoding="utf-8")
    changed.write_text("# a comment\n" + source.replace('"""Test each', '"""We test each'), encoding="utf-8")
    assert run_full.digest() == before
    changed.write_text(source.replace("LEVEL = 0.95", "LEVEL = 0.9"), encoding="utf-8")
    assert run_full.digest() != before
