"""Scores of single samples come in; rows of EFFECTS from the mixed model, and the tests it cannot do, go out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ohmics._compare_rows import Rows, Task, records, unit_of
from ohmics.differences import TEST_KEY, Differences
from ohmics.errors import OhmicsError
from ohmics.stats.design import Design, design_matrix
from ohmics.stats.mixed import MixedFit, fit_random_intercept

LEAST_DF = 1.0


def mixed_rows(task: Task, values: Differences) -> tuple[Rows, pd.DataFrame]:
    """Return cohort rows of the tests the mixed model can do, without q, and the keys of those whose fit is singular.

    Parameters
    ----------
    task
        The contrast at one depth; what cannot be fitted at all is skipped with the reason.
    values
        Scores, one row a sample (`ohmics.differences.group_values` with samples as units).
    """
    nothing: tuple[Rows, pd.DataFrame] = [], pd.DataFrame(columns=TEST_KEY)
    if not len(values.tests):
        return nothing
    try:
        design = design_matrix(task.sides.drop(columns=["unit", "block", "side"]), task.contrast)
    except OhmicsError as error:
        task.skip(str(error))
        return nothing
    place = pd.Index(values.unit_names).get_indexer(pd.Index(design.samples))
    inside = place >= 0
    y = np.full((len(place), len(values.tests)), np.nan)
    cells = np.zeros(y.shape)
    y[inside], cells[inside] = values.units[place[inside]], values.cells[place[inside]]
    fit = fit_random_intercept(
        y, design.matrix.to_numpy(dtype=np.float64), design.blocks.to_numpy(dtype=object),
        side=design.value.to_numpy(dtype=np.float64), df="kenward_roger",
    )  # fmt: skip
    done = ~np.isnan(fit.p) & ~fit.singular & (fit.df >= LEAST_DF) & (fit.n_varying > 0)
    singular = ~done & fit.singular
    for j in np.flatnonzero(~done & ~singular):
        reason = f"{fit.n_samples[j]} samples of {fit.n_blocks[j]} {task.contrast.unit}s cannot be fitted"
        if np.nanmax(y[:, j]) - np.nanmin(y[:, j]) <= 0:
            reason = f"the score is the same in all {fit.n_samples[j]} samples"
        elif fit.n_blocks[j] and not fit.n_varying[j]:
            reason = f"no {task.contrast.unit} has this cell type on both sides; leave random_by out to compare groups"
        task.skip(reason, values.tests.iloc[j])
    rows = _rows(task, values, design, fit, np.flatnonzero(done), np.where(np.isnan(y), 0.0, cells))
    return rows, values.tests.loc[singular, TEST_KEY].reset_index(drop=True)


def _rows(task: Task, values: Differences, design: Design, fit: MixedFit, tests: np.ndarray, cells: np.ndarray) -> Rows:
    who = task.contrast.random_by or task.contrast.unit
    keys = records(values)
    rows: Rows = []
    for j in tests:
        alone = int(fit.n_blocks[j] - fit.n_varying[j])
        rows.append({
            **keys[j], "contrast": task.contrast.label, "level": "cohort", "subject": task.contrast.label,
            "depth": task.depth, "effect": fit.effect[j], "low": fit.low[j], "high": fit.high[j],
            "interval_level": 0.95, "unit": unit_of(task, keys[j]), "p": fit.p[j],
            "n_pairs": int(fit.n_varying[j]), "n_units": int(fit.n_blocks[j]), "n_unpaired": alone,
            "n_cells": int(cells[:, j].sum()), "df": fit.df[j], "gain": fit.gain[j],
            "scheme": f"mixed model, random {who}, Kenward-Roger df",
            "min_detectable": fit.min_detectable[j],
            # One sample a side: what a patient's difference varies by.
            "sd_change": np.nan if task.contrast.test is None else np.sqrt(2.0) * fit.sd_within[j],
            "flags": ";".join([*_told(task, design, fit, j, alone), *task.cautions]),
        })  # fmt: skip
    return rows


def _told(task: Task, design: Design, fit: MixedFit, j: int, alone: int) -> list[str]:
    """Say what was compared and how much units on one side add."""
    told = []
    if design.interaction is not None:
        low, high = sorted(set(design.interaction))
        told.append(f"change in {high} minus change in {low}")
    unit = task.contrast.unit
    if alone and np.isfinite(fit.gain[j]):
        saved = 100 * (1 - 1 / fit.gain[j])
        told.append(
            f"{alone} {unit}s on one side only are used beside {fit.n_varying[j]} pairs: the standard error is "
            f"{saved:.0f} % smaller than that of the pairs alone"
        )
    return told
