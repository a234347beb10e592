"""CAR+ cells and normal B cells: shares always, numbers a microlitre only where the sheet gives counts."""

import pandas as pd
import pytest

from ohmics.measures import cell_measures
from ohmics.tables import CELL_MEASURES, check

TYPES = {"t_cells": ["T cell", "CD8 T"], "b_cells": ["B cell"], "lymphocytes": ["T cell", "CD8 T", "B cell", "NK"]}


def made(**more: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    kinds = ["CD8 T"] * 30 + ["T cell"] * 10 + ["B cell"] * 20 + ["CD14 monocyte"] * 40
    cells = pd.DataFrame({"sample": "s1", "cell_type": kinds})
    cells["car_positive"] = pd.array([True] * 12 + [False] * 88, dtype="boolean")
    cells["malignant"] = pd.array([False] * 40 + [True] * 15 + [False] * 45, dtype="boolean")
    samples = pd.DataFrame([{"sample": "s1", "patient": "p1", "timepoint": "early", "therapy": "car_t", **more}])
    return cells, samples


def rows(cells: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    found = cell_measures(cells, samples, **TYPES)
    check(found, CELL_MEASURES)
    return found.set_index(["measure", "of"])


def test_shares_are_those_of_the_cells_and_malignant_b_cells_are_no_normal_ones() -> None:
    found = rows(*made())
    assert found.loc[("car_positive", "kept cells"), "fraction"] == 0.12
    assert found.loc[("car_positive", "T cells"), "fraction"] == 0.3
    assert found.loc[("b_cell", "kept cells"), "fraction"] == 0.05
    assert found.loc[("b_cell", "lymphocytes"), "fraction"] == 5 / 45
    assert found["per_ul"].isna().all()
    assert found["note"].str.contains("gives no cells_per_ul or alc_per_ul").all()
    # Wilson's interval of 12 in 100.
    assert found.loc[("car_positive", "kept cells"), ["low", "high"]].tolist() == pytest.approx(
        [0.0700, 0.1981], abs=1e-4
    )


def test_numbers_a_microlitre_follow_from_the_sheets_counts() -> None:
    found = rows(*made(cells_per_ul=5000))
    assert found.loc[("car_positive", "kept cells"), "per_ul"] == pytest.approx(600)
    assert found.loc[("b_cell", "kept cells"), "per_ul"] == pytest.approx(250)
    # Of 60 lymphocytes 12 are CAR+.
    assert rows(*made(alc_per_ul=1200)).loc[("car_positive", "T cells"), "per_ul"] == pytest.approx(240)


def test_a_sorted_sample_has_no_number_a_microlitre() -> None:
    found = rows(*made(cells_per_ul=5000, enrichment="CD3+CAR+"))
    assert found["per_ul"].isna().all()
    assert found["note"].str.contains("sorted sample").all()


def test_what_is_not_called_is_said_or_has_no_row() -> None:
    cells, samples = made()
    cells["car_positive"] = pd.array([None] * 100, dtype="boolean")
    cells["malignant"] = pd.array([None] * 100, dtype="boolean")
    found = rows(cells, samples)
    assert set(found.index.get_level_values("measure")) == {"b_cell"}
    assert found["note"].str.contains("counted together").all()
    assert cell_measures(cells, samples.assign(therapy="ici"), **TYPES).empty
    none = cell_measures(*made(), **{**TYPES, "b_cells": ["no such type"]}).set_index(["measure", "of"])
    assert none.loc[("b_cell", "kept cells"), ["fraction", "low"]].tolist() == [0, 0]
