"""An axis that some sample was not scored on is no state of any sample: a share of 0 there would be unmeasured."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ohmics.calls.exhaustion import Exhaustion, decompose_exhaustion
from ohmics.fractions import compare_composition
from ohmics.model import Contrast

AXES = pd.DataFrame({
    "axis": ["terminal", "activation", "treg"], "role": ["terminal", "covariate", "state"], "gene_list": ["a", "b", "c"]
})  # fmt: skip
CELLS = 60


def scored() -> tuple[pd.DataFrame, pd.DataFrame]:
    random = np.random.default_rng(0)
    parts = []
    for patient in range(6):
        for when in ("pre", "post"):
            part = pd.DataFrame(random.normal(size=(CELLS, 3)), columns=AXES["axis"])
            parts.append(part.assign(sample=f"P{patient}_{when}", barcode=[f"c{n}" for n in range(CELLS)]))
    scores = pd.concat(parts, ignore_index=True)
    names = scores["sample"].drop_duplicates().to_numpy()
    sheet = pd.DataFrame({"sample": names, "patient": [n[:2] for n in names], "timepoint": [n[3:] for n in names]})
    return scores, sheet


def found(scores: pd.DataFrame, sheet: pd.DataFrame) -> Exhaustion:
    cells = scores[["sample", "barcode"]].assign(cell_type="CD8 T", n_umi=2000)
    return decompose_exhaustion(scores, cells, sheet, axes=AXES, types={"T cell": ["CD8 T"]}, pre="pre")


def test_an_axis_that_one_sample_lacks_is_left_out_of_all_and_told() -> None:
    scores, sheet = scored()
    assert "treg" in set(found(scores, sheet).states["state"])
    scores.loc[scores["sample"] == "P0_post", "treg"] = np.nan
    without = found(scores, sheet)
    assert set(without.states["state"]) == {"all", "terminal", "activation", "none"}
    parts = without.states[without.states["state"] != "all"]
    assert parts.groupby("sample")["fraction"].sum().to_numpy() == pytest.approx(1.0)
    told = next(row for row in without.skipped if row["item"] == "state treg")
    assert told["reason"].startswith("not scored in 1 of 12 samples (P0_post), so it is no state of any sample")
    assert any(note.startswith("treg: not scored in 1 of 12 samples") for note in without.notes)
    cells = without.cells.rename(columns={"state": "cell_type"})
    paired = Contrast(variable="timepoint", test="post", reference="pre", pair_by="patient")
    assert "treg" not in set(compare_composition(cells, sheet, paired, exclude=())["cell_type"])


def test_a_cell_without_one_of_the_scores_has_no_state() -> None:
    scores, sheet = scored()
    scores.loc[:9, "treg"] = np.nan
    some = found(scores, sheet)
    assert some.cells["state"].isna().sum() == 10
    rows = some.states[some.states["sample"] == "P0_pre"].set_index("state")
    assert rows.loc["all", "n_cells"] == CELLS
    assert rows.drop(index="all")["n_cells"].sum() == CELLS - 10
    assert rows.drop(index="all")["fraction"].sum() == pytest.approx(1.0)


def test_without_any_axis_there_are_no_states_but_the_score_stays() -> None:
    scores, sheet = scored()
    for place, axis in enumerate(AXES["axis"]):
        scores.loc[scores["sample"] == f"P{place}_post", axis] = np.nan
    none = found(scores, sheet)
    assert set(none.states["state"]) == {"all"}
    assert none.cells["state"].isna().all()
    assert none.states["raw"].notna().any()
