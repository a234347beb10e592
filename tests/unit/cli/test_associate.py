"""`ohmics associate`, `ohmics targets` and `ohmics measures` on tables in a folder."""

import json
from pathlib import Path

import numpy as np
import pytest

from ohmics.cli import main
from ohmics.io import read_table, write_table
from ohmics.tables import (
    ASSOCIATION,
    CELL_MEASURES,
    CELLS,
    QC,
    SAMPLES,
    SCORES,
    SKIPPED,
    SURVIVAL_CURVES,
    TARGETS,
)

CONTRAST = {"variable": "timepoint", "test": "relapse", "reference": "pre", "pair_by": ["patient"]}
OUTCOMES = [
    {"name": "response", "column": "response", "positive": ["CR"], "score": "baseline", "contrast": "relapse_vs_pre"},
    {
        "name": "os", "time": "days", "event": "died", "score": "change", "contrast": "relapse_vs_pre", "landmark": 5,
        "kaplan_meier": {"m0": "median"},
    },
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(2)
    samples, scores = [], []
    for number in range(24):
        person = {"response": "CR" if number < 12 else "PD", "days": 10 + number * 7 % 24, "died": int(number % 4 > 0)}
        for timepoint in ("pre", "relapse"):
            name = f"P{number}_{timepoint}"
            samples.append({
                "sample": name, "patient": f"P{number}", "timepoint": timepoint, "modality": "bulk", "path": "x",
                "therapy": "ici", **person,
            })  # fmt: skip
            scores.append({
                "sample": name, "cell_type": "bulk", "mechanism": "m0", "gene_list": "m0/up", "method": "ucell",
                "depth": "thinned", "thinned_to": 500.0, "score": random.normal(), "n_cells": 1, "coverage": 1.0,
            })  # fmt: skip
    sheet = SAMPLES.conform(samples)
    write_table(sheet, SAMPLES, tmp_path / "samples.tsv")
    quality = {"cells_in": 1, "cells_kept": 1, "verdict": "use"}
    qc = [{"sample": name, "median_umi": 500 + i, **quality} for i, name in enumerate(sheet["sample"])]
    write_table(QC.conform(qc), QC, tmp_path / "qc.tsv")
    write_table(SCORES.conform(scores), SCORES, tmp_path / "scores.tsv")
    primary = [{"mechanism": "m0", "gene_list": "m0/up", "method": "ucell", "cell_type": "bulk"}]
    (tmp_path / "lists.json").write_text(json.dumps({"primary": primary, "score_on": {}, "descendants": {}}))
    return tmp_path


def test_associations_curves_and_what_was_skipped_are_written(folder: Path) -> None:
    settings = {"seed": 1, "contrasts": [CONTRAST], "outcomes": OUTCOMES, "compare": {"n_draws": 200}}
    words = ["associate", "--settings", json.dumps(settings)]
    for name in ("samples.tsv", "qc.tsv", "scores.tsv", "lists.json"):
        words += [f"--{name.split('.')[0]}", str(folder / name)]
    for name in ("association", "curves", "skipped"):
        words += [f"--out-{name}", str(folder / f"{name}.tsv")]
    assert main(words) == 0
    found = read_table(folder / "association.tsv", ASSOCIATION).set_index("outcome")
    assert found.loc["response", "model"] == "logistic_firth"
    assert found.loc["os", "model"] == "cox"
    assert found.loc["os", "score"] == "change"
    assert set(read_table(folder / "curves.tsv", SURVIVAL_CURVES)["group"]) == {"above", "below"}
    assert read_table(folder / "skipped.tsv", SKIPPED).empty


def test_baseline_samples_are_thinned_to_one_depth(folder: Path) -> None:
    settings = {"contrasts": [CONTRAST], "outcomes": OUTCOMES, "score_min_cells": 20}
    words = ["targets", "--settings", json.dumps(settings), "--out", str(folder / "targets.tsv")]
    for name in ("samples.tsv", "qc.tsv", "lists.json"):
        words += [f"--{name.split('.')[0]}", str(folder / name)]
    assert main(words) == 0
    targets = read_table(folder / "targets.tsv", TARGETS)
    own = targets[targets["contrast"] == "outcome.response"]
    assert len(own) == 24
    assert own["sample"].str.endswith("_pre").all()
    assert set(own["thinned_to"]) == {500.0}
    assert "outcome.os" not in set(targets["contrast"])


def test_measures_are_written(folder: Path) -> None:
    sheet = read_table(folder / "samples.tsv", SAMPLES).assign(therapy="car_t")
    write_table(sheet, SAMPLES, folder / "samples.tsv")
    kinds = ["CD8 T", "B cell", "NK", "macrophage"]
    rows = [
        {"sample": "P0_pre", "barcode": f"c{i}", "cell_type": kinds[i % 4], "car_positive": i % 8 == 0}
        for i in range(40)
    ]
    write_table(CELLS.conform(rows), CELLS, folder / "cells.parquet")
    words = ["measures", "--settings", json.dumps({"catalog_paths": []}), "--out", str(folder / "measures.tsv")]
    for name in ("samples.tsv", "qc.tsv", "cells.parquet"):
        words += [f"--{name.split('.')[0]}", str(folder / name)]
    assert main(words) == 0
    found = read_table(folder / "measures.tsv", CELL_MEASURES).set_index(["measure", "of"])
    assert found.loc[("car_positive", "T cells"), "fraction"] == 0.5
    assert found.loc[("b_cell", "lymphocytes"), "n_of"] == 30
