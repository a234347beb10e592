"""The level beside an interval of COMPOSITION is the one that the test of so many units gave it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ohmics.flip_levels import flip_level
from ohmics.report.inputs import ReportInputs
from ohmics.report.interval_levels import cohort_rows
from ohmics.report.select import ContrastView
from ohmics.report.signature_tables import composition_table
from ohmics.report.states_panel import states_panel
from ohmics.stats.paired import Flips, flip_test
from ohmics.tables import COMPOSITION, SAMPLES, STATES

NAME = "post_vs_pre"
VIEW = ContrastView(NAME, "post against pre", "post", "pre", paired=True)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7, 8, 12, 21])
def test_the_level_is_that_of_the_flip_test(n: int) -> None:
    values = np.random.default_rng(0).normal(size=(n, 1))
    assert flip_level(n, n_draws=999) == pytest.approx(float(flip_test(values, Flips(n, n_draws=999)).level[0]))


def test_one_unit_has_no_interval() -> None:
    assert np.isnan(flip_level(1))


def inputs() -> ReportInputs:
    samples = [
        {"sample": f"P{n}_{when}", "patient": f"P{n}", "timepoint": when, "modality": "single_cell", "path": "x"}
        for n in range(3)
        for when in ("pre", "post")
    ]
    row = {"contrast": NAME, "fraction_pre": 0.4, "fraction_post": 0.6, "effect": 0.5, "low": 0.1, "high": 0.9}
    # One patient of the three gave two pairs: units count, not pairs.
    rows = [row | {"subject": NAME, "cell_type": name, "p": 0.25, "q": 0.25, "n_pairs": 4} for name in ("B", "T")]
    rows += [row | {"subject": f"P{n}", "cell_type": "B"} for n in range(3)]
    rows += [row | {"subject": f"P{n}", "cell_type": "T"} for n in range(2)]
    states = [{"sample": "P0_pre", "cell_type": "T cell", "state": "all", "fraction": 1.0}]
    frame = COMPOSITION.conform(rows)
    return ReportInputs(
        config={}, samples=SAMPLES.conform(samples), composition=frame, state_composition=frame,
        states=STATES.conform(states),
    )  # fmt: skip


def test_both_tables_show_the_level_of_the_patients_with_a_change() -> None:
    panel = states_panel(inputs(), VIEW)
    assert panel is not None
    for view in (composition_table(inputs(), VIEW), panel.shares):
        place = [head.column for head in view.heads].index("interval_level")
        assert [row[place].text for row in view.rows] == ["75", "50"]


def test_rows_without_an_interval_have_no_level() -> None:
    bare = inputs()
    assert bare.composition is not None
    frame = bare.composition.assign(low=np.nan, high=np.nan)
    found = cohort_rows(replace(bare, composition=frame), frame, NAME)
    assert found is not None
    assert found["interval_level"].isna().all()
    assert cohort_rows(bare, None, NAME) is None
    assert isinstance(found, pd.DataFrame)
