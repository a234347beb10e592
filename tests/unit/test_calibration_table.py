"""docs/calibration.tsv is what benchmarks/*.json say, and its bounds can fail."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table():
    return load("calibration_table")


@pytest.fixture(scope="module")
def runner():
    return load("calibration")


def test_the_table_is_what_the_files_say(table):
    assert table.TABLE.read_text(encoding="utf-8") == table.gather(), "run `make calibration-table`"


def test_the_page_on_verdicts_holds_the_measured_table(table):
    page = table.PAGE.read_text(encoding="utf-8")
    assert page == table.verdicts_page(page), "run `make calibration-table`"


def test_every_bound_holds(table):
    rows = [dict(zip(table.COLUMNS, line.split("\t"), strict=True)) for line in table.gather().splitlines()[1:]]
    assert {row["source"] for row in rows} >= {"calibration.json", "antigen.json", "evidence.json"}
    outside = [row for row in rows if row["within"] == "no"]
    assert not outside


def of(table, folder, name, rows):
    (folder / f"{name}.json").write_text(json.dumps({"digest": "d" * 64, "rows": rows}), encoding="utf-8")
    lines = table.gather(folder).splitlines()[1:]
    return [dict(zip(table.COLUMNS, line.split("\t"), strict=True)) for line in lines]


def test_rates_beyond_their_bound_are_said(table, tmp_path):
    row = {"measurement": "sign flips", "case": "8 patients, normal", "replicates": 4000, "attainable": 0.046875,
           "exact": True, "ks_p": 0.5, "exact_zeros": 0}  # fmt: skip
    found = of(table, tmp_path, "calibration", [{**row, "rate": rate} for rate in (0.047, 0.02, 0.08)])
    assert [one["within"] for one in found] == ["yes", "no", "no"]
    assert found[0]["code"] == "d" * 12
    found = of(table, tmp_path, "calibration", [{**row, "rate": 0.047, "exact_zeros": 2}])
    assert [one["within"] for one in found] == ["yes", "no"]


def test_few_replicates_widen_the_bounds_and_comparisons_have_none(table, tmp_path):
    row = {"measurement": "camera", "case": "12 patients", "attainable": 0.05, "rate": 0.09}
    found = of(table, tmp_path, "expression", [
        {**row, "replicates": 100, "bound": True}, {**row, "replicates": 2000, "bound": True},
        {**row, "replicates": 2000, "bound": False},
    ])  # fmt: skip
    assert [one["within"] for one in found] == ["yes", "no", ""]


def test_a_file_of_an_unknown_kind_is_shown_without_a_bound(table, tmp_path):
    found = of(table, tmp_path, "other", [{"measurement": "new test", "case": "a", "replicates": 10, "rate": 0.5}])
    assert (found[0]["measured"], found[0]["setting"], found[0]["within"]) == ("new test", "a", "")


def test_unfinished_results_are_left_out(table, tmp_path):
    (tmp_path / "mixed.part.json").write_text(json.dumps({"digest": "x", "rows": [{"rate": 1}]}), encoding="utf-8")
    assert table.gather(tmp_path).splitlines()[1:] == []


def test_what_measures_is_found_and_what_is_stale_is_told(runner, tmp_path):
    names = [path.stem for path in runner.scripts()]
    assert names[0] == "run_full"
    assert {"antigen_full", "depth_full", "evidence_full"} <= set(names)

    class Script:
        RESULTS = tmp_path / "x.json"

        @staticmethod
        def digest():
            return "now"

    assert not runner.is_fresh(Script)
    Script.RESULTS.write_text(json.dumps({"digest": "then", "rows": []}), encoding="utf-8")
    assert not runner.is_fresh(Script)
    Script.RESULTS.write_text(json.dumps({"digest": "now", "rows": []}), encoding="utf-8")
    assert runner.is_fresh(Script)
    Script.RESULTS.write_text(json.dumps({"digest": "now", "share": 0.1, "rows": []}), encoding="utf-8")
    assert not runner.is_fresh(Script)
    Script.RESULTS.write_text(json.dumps({"digest": "now", "rows": []}), encoding="utf-8")
    (tmp_path / "x.part.json").write_text("{}", encoding="utf-8")
    assert not runner.is_fresh(Script)


def test_every_script_says_which_code_it_measures(runner):
    before = set(sys.modules)
    try:
        for path in runner.scripts():
            module = runner.load(path)
            assert len(runner.present_digest(module)) >= 12, path.stem
            assert module.RESULTS.parent.name == "benchmarks"
    finally:
        for name in set(sys.modules) - before:
            if name.endswith(("_full", "_grid", "_real")):
                del sys.modules[name]
