"""The measured error rates of the second view of composition are those of the present code, and hold."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def full():
    spec = importlib.util.spec_from_file_location("composition_full", ROOT / "tests/calibration/composition_full.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def written(full):
    return json.loads(full.RESULTS.read_text(encoding="utf-8"))


def test_the_measured_code_is_the_present_code(full, written):
    assert written["digest"] == full.digest(), "run tests/calibration/composition_full.py"


def test_p_keeps_its_level_and_intervals_hold_no_change(written):
    assert len(written["rows"]) == 12
    for row in written["rows"]:
        assert row["replicates"] >= 2000
        assert row["rate"] <= 0.07, row
        # The sandwich's interval is a little short with six to eight pairs.
        assert row["coverage"] >= 0.89, row
