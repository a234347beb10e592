"""Associations with one outcome, one a mechanism, come in; a forest plot with intervals and numbers goes out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ohmics.plots import interval_rows, style

_FARTHEST = np.log(32.0)
_TICKS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16, 32)
_RATIOS = {"logistic_firth": "odds ratio", "cox": "hazard ratio"}


def association(
    rows: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    title: str = "Association with outcome",
    unit: str = "patient",
    threshold: float = 0.05,
) -> Figure:
    """Draw each mechanism's odds or hazard ratio with its interval on a logarithmic scale, in the frame's order.

    Parameters
    ----------
    rows
        ASSOCIATION rows of one outcome: ``mechanism``, ``model``, ``effect``, ``low``, ``high``, ``q``, ``n``,
        ``n_events``, ``auc`` and its interval, ``cell_type``.
    labels
        Mechanism to the name shown.
    title
        Above the figure.
    unit
        What the independent units are called.
    threshold
        A q below it fills the marker.

    Returns
    -------
    Figure
        Ratios beyond 32 are drawn at the edge, as an arrow.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    needed = ("mechanism", "model", "effect", "low", "high", "q", "n", "n_events", "auc", "cell_type")
    style.require(rows, (*needed, "auc_low", "auc_high"), "association")
    if rows.empty:
        return style.blank("No mechanism was held against this outcome.")
    frame = rows.reset_index(drop=True)
    values = frame[["effect", "low", "high"]].to_numpy(dtype=float, na_value=np.nan)
    bound = float(np.clip(np.nanmax(np.abs(values), initial=0.0), np.log(2.0), _FARTHEST)) * 1.06
    q = frame["q"].to_numpy(dtype=float, na_value=np.nan)
    shown = [(labels or {}).get(str(name), str(name)) for name in frame["mechanism"]]
    with style.applied():
        names = [style.clip_label(name, interval_rows.MOST_LABEL) for name in shown]
        figure, axes = interval_rows.canvas(names, title, right=3.7)
        for place, (effect, low, high) in enumerate(values):
            passes = bool(q[place] < threshold)
            interval_rows.row(axes, place, (effect, low, high), bound=bound, passes=passes, said=_ratio)
        axes.set_xlim(-bound, bound)
        ticks = [tick for tick in _TICKS if abs(np.log(tick)) <= bound]
        axes.set_xticks(np.log(ticks))
        axes.set_xticklabels([f"1/{1 / tick:.0f}" if tick < 1 else f"{tick:.0f}" for tick in ticks])
        ratio = _RATIOS.get(str(frame["model"].iloc[0]), "ratio")
        axes.set_xlabel(f"{ratio}, per sd of the score between {unit}s")
        areas = bool(frame["auc"].notna().any())
        interval_rows.numbers(axes, _columns(areas=areas), _texts(frame, areas=areas))
        interval_rows.legend(figure, threshold, otherwise="")
    return figure


def _ratio(log: float) -> str:
    ratio = float(np.exp(log))
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"


def _columns(*, areas: bool) -> list[tuple[float, str, str]]:
    columns = [(1.10, "n", "right"), (1.27, "events", "right"), (1.42, "q", "right")]
    columns += [(1.75, "AUC (95 %)", "right")] if areas else []
    return [*columns, (1.80 if areas else 1.47, "measured in", "left")]


def _texts(frame: pd.DataFrame, *, areas: bool) -> list[list[str]]:
    """Return patients, events, q, the area under the curve and the cell type of each row."""
    plain = frame[["n", "n_events", "q", "auc", "auc_low", "auc_high"]].to_numpy(dtype=float, na_value=np.nan)
    lines = []
    for (n, events, q, auc, low, high), cell_type in zip(plain, frame["cell_type"], strict=True):
        line = [f"{n:.0f}", f"{events:.0f}", f"{q:.2g}" if np.isfinite(q) else "–"]
        line += [f"{auc:.2f} ({low:.2f}–{high:.2f})" if np.isfinite(auc) else "–"] if areas else []
        lines.append([*line, style.clip_label(cell_type, 18)])
    return lines
