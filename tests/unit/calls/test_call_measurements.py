"""What was measured of the calls stands in the repository, was measured on the code that stands there, and holds."""

import importlib
import json
import sys
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from ohmics.provenance import code_digest

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "benchmarks"
SCRIPTS = ROOT / "tests" / "calibration"


def read(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def script(name):
    """Import a calibration script, which finds its neighbours beside it."""
    if str(SCRIPTS) not in sys.path:
        sys.path.append(str(SCRIPTS))
    return importlib.import_module(name)


@pytest.mark.parametrize(
    ("name", "module", "command"),
    [
        ("antigen_grid", "ohmics.calls.antigen", "antigen_grid.py"),
        ("bulk_antigen", "ohmics.calls.bulk_antigen", "bulk_antigen_full.py"),
    ],
)
def test_the_measured_code_is_the_present_code(name, module, command):
    assert read(name)["digest"] == code_digest(module), f"run tests/calibration/{command}"


def test_the_measured_lineage_call_is_the_present_one():
    assert read("lineage")["digest"] == script("lineage_full").digest(), "run tests/calibration/lineage_full.py"


def test_the_docs_show_the_confusion_table_of_lineage_calls():
    page = (ROOT / "docs" / "calls.md").read_text(encoding="utf-8")
    assert script("lineage_full").text(read("lineage")["rows"]) in page, (
        "python tests/calibration/lineage_full.py --tables"
    )


def test_no_cell_of_the_antigen_grid_calls_changes_that_are_none():
    rows = [row for row in read("antigen_grid")["rows"] if row["kind"] == "null" and row["expected"] >= 10]
    assert len(rows) >= 100
    for row in rows:
        assert row["assessable"] >= 1000, row["case"]
        limit = stats.binom.ppf(0.999, row["assessable"], 0.05) / row["assessable"]
        assert row["lost"] + row["reduced"] <= limit, row["case"]
        assert row["gained"] <= limit, row["case"]
        assert row["covers"] >= 0.925, row["case"]
    told = sum(row["assessable"] for row in rows)
    assert sum((row["lost"] + row["reduced"]) * row["assessable"] for row in rows) / told <= 0.055
    assert sum(row["covers"] * row["assessable"] for row in rows) / told >= 0.945


def test_where_few_detections_are_expected_the_antigen_grid_abstains():
    rows = [row for row in read("antigen_grid")["rows"] if row["kind"] == "null" and row["expected"] < 4]
    assert rows
    for row in rows:
        assert row["assessable"] <= 0.01 * row["replicates"] + 3, row["case"]


def test_the_antigen_grid_finds_what_is_lost_and_calls_no_majority_lost():
    rows = [row for row in read("antigen_grid")["rows"] if row["kind"] == "loss"]
    assert len(rows) == 144
    complete = [row for row in rows if row["truth"]["kept"] == 0]
    clear = [
        row for row in complete
        if row["truth"]["n_cells"] >= 200 and row["expected"] >= 80 and max(row["truth"]["ambient"]) <= 0.05
    ]  # fmt: skip
    assert len(clear) >= 4
    assert all(row["lost"] >= 0.95 for row in clear)
    # Below 50 expected detections the oracle misses it too; docs/calls.md shows both.
    most = [
        row
        for row in rows
        if row["truth"]["kept"] == pytest.approx(0.4) and row["expected"] >= 50 and row["null_sd"] <= 0.15
    ]
    assert len(most) >= 10
    assert all(row["lost"] + row["reduced"] >= 0.8 for row in most)
    kept = [row for row in rows if row["truth"]["kept"] >= 0.6 and row["assessable"]]
    assert all(row["lost"] <= 0.01 for row in kept)


def test_recovering_myeloid_cells_are_never_a_switch_and_a_switch_is_never_none():
    rows = {row["scenario"]: row for row in read("lineage")["rows"]}
    assert {"switch", "switch, clonal link", "myeloid recovery"} <= set(rows)
    for name, row in rows.items():
        if not name.startswith("switch"):
            assert "switch" not in row["calls"], name
        else:
            assert "no_switch" not in row["calls"], name
        assert row["errors"] <= 0.1 * row["patients"], name


def test_less_tumour_is_no_loss_in_bulk():
    rows = read("bulk_antigen")["rows"]
    nulls = [row for row in rows if row["setting"]["kept"] == 1.0 and row["assessable"] >= 900]
    assert len(nulls) >= 30
    for row in nulls:
        limit = stats.binom.ppf(0.999, row["assessable"], 0.05) / row["assessable"]
        assert row["lost"] + row["reduced"] <= limit, row["case"]
        assert row["coverage"] >= stats.binom.ppf(0.001, row["assessable"], 0.93) / row["assessable"], row["case"]
    gone = [
        row
        for row in rows
        if row["setting"]["kept"] == 0 and row["setting"]["normal"] == 0 and row["assessable"] >= 300
    ]
    assert len(gone) >= 10
    assert all(row["lost"] + row["reduced"] >= 0.95 for row in gone)


def test_the_fast_patients_are_called_as_by_the_public_function():
    """The grid calls populations directly; its model has the detection it is asked for."""
    from anndata import AnnData

    from ohmics.calls.antigen import call_antigen, call_pair
    from ohmics.calls.rules import AntigenRules

    patients = script("antigen_patients")
    truth = patients.Truth(n_cells=400, depth=0.5, detection=0.3, ambient=(0.1, 0.2))
    pair = patients.simulate(truth, 0, 1).pair
    given = {
        name: AnnData(cells.counts, var=pd.DataFrame(index=cells.genes))
        for name, cells in (("pre", pair.pre), ("post", pair.post), ("background_pre", pair.background_pre),
                            ("background_post", pair.background_post))
    }  # fmt: skip
    direct = call_pair(pair, antigen="CD19", genes=("CD19",), rules=AntigenRules(), seed=5)
    public = call_antigen(
        given["pre"], given["post"], antigen="CD19", background_pre=given["background_pre"],
        background_post=given["background_post"], seed=5,
    )  # fmt: skip
    assert direct["p"] == public["p"]
    assert direct["remaining_high"] == public["remaining_high"]
    found = [patients.simulate(truth, 0, number).pair.pre for number in range(12)]
    share = sum((cells.of(("CD19",)) > 0).mean() for cells in found) / len(found)
    # Ambient RNA takes a tenth of the cell's own counts and gives some of its own.
    assert share == pytest.approx(0.3, abs=0.03)


def test_the_oracle_finds_a_loss_and_none_where_there_is_none():
    patients = script("antigen_patients")
    from ohmics.calls.rules import AntigenRules

    calls = {}
    for kept in (1.0, 0.0):
        truth = patients.Truth(n_cells=300, detection=0.3, kept=kept, batch=0.1)
        calls[kept] = [
            patients.oracle(patients.simulate(truth, 0, number), truth, seed=number, rules=AntigenRules())
            for number in range(12)
        ]
    assert calls[0.0].count("lost") == 12
    assert calls[1.0].count("lost") + calls[1.0].count("reduced") <= 3
