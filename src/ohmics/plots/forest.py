"""Cohort effects, one a mechanism, come in; a forest plot with intervals, margins and numbers goes out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from ohmics.plots import interval_rows, style

_MARGIN = "#E8EBEF"
_COLUMNS = (
    (1.10, "n", "right"), (1.26, "higher in", "right"), (1.41, "q", "right"), (1.56, "level", "right"),
    (1.60, "measured in", "left"),
)  # fmt: skip
_ARROWS = {"up": "↑", "down": "↓"}
# With few units an sd can be tiny by chance: one such row would squeeze all others into a line.
_FARTHEST_SD = 6.0
_FARTHEST_OF_MANY = 40.0
_FEW_BEYOND = 0.15


def forest(
    effects: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    directions: Mapping[str, str] | None = None,
    margins: Mapping[str, float] | None = None,
    title: str = "Change over the cohort",
    unit: str = "patient",
    threshold: float = 0.05,
) -> Figure:
    """Draw each mechanism's effect over the cohort with its interval, from top to bottom in the frame's order.

    Effects are shown in between-patient sd of the change (effect over EFFECTS.sd_change), the unit
    of the margins; where no row has an sd they stay in units of the score.

    Parameters
    ----------
    effects
        EFFECTS rows of level ``cohort`` of one contrast, one a mechanism: ``mechanism``, ``effect``,
        ``low``, ``high``, ``sd_change``, ``q``, ``n_pairs``, ``n_units``, ``n_positive``, ``interval_level``,
        ``cell_type``.
    labels
        Mechanism to the name shown.
    directions
        Mechanism to the direction predicted under resistance, ``up`` or ``down``.
    margins
        Mechanism to the margin within which a change does not matter, in sd; drawn as a band.
    unit
        What the independent units are called.
    threshold
        A q below it fills the marker.

    Returns
    -------
    Figure
        A row whose effect is empty, or which cannot be put in sd, is named with ``not estimable``.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    needed = (
        "mechanism", "cell_type", "effect", "low", "high", "interval_level", "sd_change", "q", "n_pairs", "n_units",
        "n_positive",
    )  # fmt: skip
    style.require(effects, needed, "forest")
    if effects.empty:
        return style.blank("No mechanism has an effect over the cohort.")
    rows = effects.reset_index(drop=True)
    sds = rows["sd_change"].to_numpy(dtype=float, na_value=np.nan)
    in_sd = bool(np.any(np.isfinite(sds) & (sds > 0)))
    divisor = np.where(np.isfinite(sds) & (sds > 0), sds, np.nan) if in_sd else np.ones(len(rows))
    middle, low, high = (
        rows[name].to_numpy(dtype=float, na_value=np.nan) / divisor for name in ("effect", "low", "high")
    )
    # A missing q is below nothing.
    q = rows["q"].to_numpy(dtype=float, na_value=np.nan)
    bound = _bound(middle, low, high, in_sd=in_sd)
    with style.applied():
        figure, axes = interval_rows.canvas(_labels(rows, labels or {}, directions or {}), title, right=3.6)
        for place, name in enumerate(rows["mechanism"]):
            if in_sd and margins and name in margins:
                axes.add_patch(
                    Rectangle((-margins[name], place - 0.42), 2 * margins[name], 0.84, facecolor=_MARGIN, linewidth=0)
                )
            values = (float(middle[place]), float(low[place]), float(high[place]))
            passes = bool(q[place] < threshold)
            interval_rows.row(axes, place, values, bound=bound, passes=passes, said=_signed)
        axes.set_xlim(-bound, bound)
        axes.set_xlabel(f"change, sd of the change between {unit}s" if in_sd else "change, units of the score")
        interval_rows.numbers(axes, _COLUMNS, _texts(rows))
        more = [Patch(facecolor=_MARGIN, label="margin: a change inside does not matter")] if in_sd and margins else []
        arrow = Line2D([], [], linestyle="", marker="$↑$", color=style.INK, markersize=6, label="direction predicted")
        interval_rows.legend(figure, threshold, otherwise=" or none", more=[*more, arrow])
    return figure


def _bound(middle: np.ndarray, low: np.ndarray, high: np.ndarray, *, in_sd: bool) -> float:
    """Return where the axis ends: at 6 sd, unless more than a few rows lie beyond; those are drawn at the edge."""
    ends = np.abs(np.concatenate([middle, low, high]))
    ends = ends[np.isfinite(ends)]
    farthest = float(ends.max()) if len(ends) else 1.0
    if not in_sd:
        return farthest * 1.06 or 1.0
    beyond = np.nanmean(np.abs(middle) > _FARTHEST_SD) if np.isfinite(middle).any() else 0.0
    return min(farthest, _FARTHEST_SD if beyond <= _FEW_BEYOND else _FARTHEST_OF_MANY) * 1.06 or 1.0


def _signed(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _labels(rows: pd.DataFrame, labels: Mapping[str, str], directions: Mapping[str, str]) -> list[str]:
    names = [str(name) for name in rows["mechanism"]]
    shown = [style.clip_label(labels.get(name, name), interval_rows.MOST_LABEL) for name in names]
    arrows = [_ARROWS.get(directions.get(name, ""), " ") for name in names]
    return [f"{label}  {arrow}" for label, arrow in zip(shown, arrows, strict=True)]


def _texts(rows: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return n, how many rose, q, the interval's level and the cell type of each row."""
    plain = rows[["n_pairs", "q", "interval_level", "n_units", "n_positive"]].to_numpy(dtype=float, na_value=np.nan)
    return [
        (
            f"{pairs:.0f}" if np.isfinite(pairs) else "–",
            f"{higher:.0f} of {units:.0f}" if np.isfinite(higher) and np.isfinite(units) else "–",
            f"{q:.2g}" if np.isfinite(q) else "–",
            f"{100 * level:.3g} %" if np.isfinite(level) else "–",
            style.clip_label(cell_type, 20),
        )
        for (pairs, q, level, units, higher), cell_type in zip(plain, rows["cell_type"], strict=True)
    ]
