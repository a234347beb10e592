"""COMPOSITION comes in, its rows over the cohort with the level of their intervals go out: few patients give a low one.

COMPOSITION has no column for the level. It follows from how many units have the type, which are its rows.
"""

from __future__ import annotations

import pandas as pd

from ohmics.flip_levels import flip_level
from ohmics.report.inputs import ReportInputs
from ohmics.report.tables import Head

_DRAWS = 10_000


def level_head(unit: str) -> Head:
    """Return the column that shows the level, to stand beside the limits."""
    meaning = (
        f"confidence level of the interval: flips of few {unit}s reach no higher one, so the same width says less; it "
        f"follows from how many {unit}s have a change"
    )
    return Head("interval_level", "Level of the interval, %", "percent", meaning)


def cohort_rows(inputs: ReportInputs, frame: pd.DataFrame | None, contrast: str) -> pd.DataFrame | None:
    """Return a contrast's rows over the cohort, smallest p first, with ``interval_level`` of ``low`` and ``high``.

    Parameters
    ----------
    inputs
        Tables of a run; its configuration says how many flips were drawn.
    frame
        COMPOSITION; None where the run did not make it.
    contrast
        Name of the contrast.
    """
    if frame is None:
        return None
    rows = frame[frame["contrast"] == contrast]
    units = rows[rows["subject"] != contrast].groupby("cell_type", observed=True)["subject"].nunique()
    whole = rows[rows["subject"] == contrast].sort_values(["p", "cell_type"], kind="stable")
    wanted = (inputs.config.get("compare") or {}).get("n_draws")
    draws = _DRAWS if wanted is None else int(wanted)
    levels = [
        flip_level(int(units.get(name, 0)), n_draws=draws) if given else float("nan")
        for name, given in zip(whole["cell_type"], whole["low"].notna(), strict=True)
    ]
    return whole.assign(interval_level=pd.Series(levels, index=whole.index, dtype=float))
