"""Antigen calls, detection by depth and lineage positions of cells come in; figures, patient by patient, go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ohmics.plots import style

BEFORE, AFTER = style.BEFORE, style.AFTER
STATE_COLOURS: Mapping[str, str] = {
    "home": style.PATIENTS[2],
    "left": style.PATIENTS[1],
    "took": style.PATIENTS[6],
    "switched": style.PATIENTS[7],
}
STATE_MARKS: Mapping[str, str] = {"home": "o", "left": "<", "took": "^", "switched": "D"}
STATE_WORDS: Mapping[str, str] = {
    "home": "in the lineage",
    "left": "left it",
    "took": "took another as well",
    "switched": "left it and took another",
}
_ROW = 0.3
_HEADING = "call, fraction remaining (95 %)"
_ACROSS = 4
_CELLS_SHOWN = 400
MOST_PANELS = 24
"""More patients than this are drawn up to this number, in the order given."""


def antigen_detection(calls: pd.DataFrame, *, unit: str = "patient", title: str = "Target antigen") -> Figure:
    """Draw each patient's detection before and after, with the range expected after had nothing changed.

    Parameters
    ----------
    calls
        Rows of ANTIGEN in the order shown: patient, antigen, n_cells_pre, n_cells_post, detected_pre, detected_post,
        expected_detected, expected_low, expected_high, remaining_fraction, remaining_low, remaining_high, call.
    unit
        What the independent units are called.
    title
        Heading.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    needed = (
        "patient", "antigen", "n_cells_pre", "n_cells_post", "detected_pre", "detected_post", "expected_detected",
        "expected_low", "expected_high", "remaining_fraction", "remaining_low", "remaining_high", "call",
    )  # fmt: skip
    style.require(calls, needed, "antigen_detection")
    if calls.empty:
        return style.blank(f"No {unit} has a call of a target antigen.")
    rows = calls.reset_index(drop=True)
    names = [
        style.clip_label(f"{patient}, {antigen}", 34) for patient, antigen in rows[["patient", "antigen"]].to_numpy()
    ]
    left = 0.3 + max(style.text_width(name) for name in names)
    said = [_said(row) for _, row in rows.iterrows()]
    right = 0.4 + max(style.text_width(text) for text in (*said, _HEADING))
    width, height = left + 3.6 + right, 1.55 + _ROW * len(rows)
    with style.applied():
        figure = Figure(figsize=(width, height))
        axes = figure.add_axes((left / width, 0.95 / height, 3.6 / width, _ROW * len(rows) / height))
        for place, row in rows.iterrows():
            _detection_row(axes, int(str(place)), row, said[int(str(place))])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_yticks(range(len(rows)), names)
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel("share of malignant cells with a count")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.text(1.06, 1.0 + 0.05 / (_ROW * len(rows)), _HEADING, fontsize=8,
                  transform=axes.transAxes, color=style.PALE_INK, va="bottom")  # fmt: skip
        style.heading(figure, title)
        handles = [
            Line2D([], [], marker="o", ls="", color=BEFORE, markerfacecolor="white", label="before"),
            Line2D([], [], marker="o", ls="", color=AFTER, label="after"),
            Patch(facecolor="#D5D9DE", label="expected after, had nothing changed"),
        ]
        figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 0.0), ncols=3, columnspacing=1.0)
    return figure


def _said(row: pd.Series) -> str:
    """Return the call with the fraction that remains."""
    numbers = _interval(row)
    return f"{str(row['call']).replace('_', ' ')}{', ' if numbers else ''}{numbers}"


def _detection_row(axes: Axes, place: int, row: pd.Series, said: str) -> None:
    before, after = (_share(row, f"detected_{side}", f"n_cells_{side}") for side in ("pre", "post"))
    low, high = (_share(row, name, "n_cells_post") for name in ("expected_low", "expected_high"))
    expected = _share(row, "expected_detected", "n_cells_post")
    if np.isfinite(low) and np.isfinite(high):
        axes.barh(place, high - low, left=low, height=0.56, color="#D5D9DE", linewidth=0, zorder=1)
        axes.plot([expected, expected], [place - 0.28, place + 0.28], color=style.PALE_INK, lw=1.2, zorder=2)
    axes.plot(before, place, marker="o", color=BEFORE, markerfacecolor="white", markersize=6, zorder=3)
    axes.plot(after, place, marker="o", color=AFTER, markersize=6, zorder=4)
    axes.text(1.06, place, said, fontsize=8, va="center", transform=axes.get_yaxis_transform(),
              color=style.CALL_COLOURS.get(str(row["call"]), style.INK))  # fmt: skip


def _share(row: pd.Series, count: str, of: str) -> float:
    values = [pd.to_numeric(row[name], errors="coerce") for name in (count, of)]
    if any(pd.isna(value) for value in values) or float(values[1]) <= 0:
        return float("nan")
    return float(values[0]) / float(values[1])


def _interval(row: pd.Series) -> str:
    if pd.isna(row["remaining_fraction"]):
        return ""
    high = "no limit" if pd.isna(row["remaining_high"]) else f"{row['remaining_high']:.2g}"
    return f"{row['remaining_fraction']:.2g} ({row['remaining_low']:.2g} to {high})"


def antigen_by_depth(depth: pd.DataFrame, *, title: str = "Detection by depth") -> Figure:
    """Draw detection against depth, a panel each patient and antigen: a shallow sample shows fewer with nothing lost.

    Parameters
    ----------
    depth
        ANTIGEN_DEPTH: patient, antigen, side, umi, n_cells, detected, expected.
    title
        Heading.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(depth, ("patient", "antigen", "side", "umi", "n_cells", "detected", "expected"), "antigen_by_depth")
    if depth.empty:
        return style.blank("No target antigen was called.")
    groups = [(key, own) for key, own in depth.groupby(["patient", "antigen"], sort=False)][:MOST_PANELS]
    with style.applied():
        figure, panels = _grid(len(groups), title)
        for axes, ((patient, antigen), own) in zip(panels, groups, strict=True):
            for side, colour in (("before", BEFORE), ("after", AFTER)):
                mine = own[own["side"] == side].sort_values("umi")
                share = mine["detected"].astype(float) / mine["n_cells"].astype(float)
                face = "white" if side == "before" else colour
                axes.plot(
                    mine["umi"].astype(float), share, marker="o", ms=4, lw=1.2, color=colour, markerfacecolor=face
                )
                wanted = mine["expected"].astype(float) / mine["n_cells"].astype(float)
                if side == "after" and wanted.notna().any():
                    axes.plot(mine["umi"].astype(float), wanted, ls="--", lw=1.2, color=style.PALE_INK)
            axes.set_xscale("log")
            axes.set_ylim(-0.03, 1.03)
            _few_ticks(axes, own["umi"].astype(float))
            axes.set_title(style.clip_label(f"{patient}, {antigen}", 24), fontsize=8.5)
            axes.grid(axis="y")
        _outer(figure, panels, "UMI a cell, median of a fourth of the cells", "share with a count")
        handles = [
            Line2D([], [], marker="o", color=BEFORE, markerfacecolor="white", label="before"),
            Line2D([], [], marker="o", color=AFTER, label="after"),
            Line2D([], [], ls="--", color=style.PALE_INK, label="expected after, had nothing changed"),
        ]
        figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 0.0), ncols=3, columnspacing=1.0)
    return figure


def lineage_plane(cells: pd.DataFrame, *, title: str = "Lineage of candidate tumour cells") -> Figure:
    """Draw candidate tumour cells between their own lineage and the rival one, a panel each patient.

    Parameters
    ----------
    cells
        LINEAGE_CELLS: patient, side, home, away, state; the first 400 cells of a side are drawn.
    title
        Heading.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(cells, ("patient", "side", "home", "away", "state"), "lineage_plane")
    if cells.empty:
        return style.blank("No candidate tumour cell could be placed.")
    groups = [(str(patient), own) for patient, own in cells.groupby("patient", sort=False)][:MOST_PANELS]
    with style.applied():
        # The legend of one or two panels has a row more.
        below = 0.0 if len(groups) > 2 else 0.2
        figure, panels = _grid(len(groups), title, below=below)
        for axes, (patient, own) in zip(panels, groups, strict=True):
            before = own[own["side"] == "before"].head(_CELLS_SHOWN)
            axes.plot(before["home"], before["away"], ls="", marker=".", ms=3, color=style.FAINT, rasterized=True)
            after = own[own["side"] == "after"].head(_CELLS_SHOWN)
            for state, colour in STATE_COLOURS.items():
                mine = after[after["state"] == state]
                mark, size = STATE_MARKS[state], 1.8 if state == "home" else 2.6
                axes.plot(
                    mine["home"], mine["away"], ls="", marker=mark, ms=size, mew=0, color=colour, alpha=0.85,
                    rasterized=True,
                )  # fmt: skip
            axes.axhline(0, color=style.GRID, lw=0.8, zorder=0)
            axes.axvline(0, color=style.GRID, lw=0.8, zorder=0)
            axes.set_title(style.clip_label(patient, 24), fontsize=8.5)
        _same_limits(panels)
        _outer(figure, panels, "own lineage, log2 of counts over expected", "rival lineage, log2", below=below)
        handles = [Line2D([], [], ls="", marker=".", ms=8, color=style.FAINT, label="before")]
        handles += [
            Line2D([], [], ls="", marker=STATE_MARKS[state], ms=5, color=colour, label=f"after: {STATE_WORDS[state]}")
            for state, colour in STATE_COLOURS.items()
        ]
        columns = 3 if len(groups) > 2 else 2
        figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 0.0), ncols=columns, columnspacing=1.0)
    return figure


def _grid(number: int, title: str, *, below: float = 0.0) -> tuple[Figure, list[Axes]]:
    across = min(max(number, 2), _ACROSS)
    down = -(-number // across)
    width, height = 0.75 + 1.75 * across, 1.2 + 1.75 * down + below
    figure = Figure(figsize=(width, height))
    panels = []
    for place in range(number):
        row, column = divmod(place, across)
        left = 0.65 + 1.75 * column
        bottom = height - 0.55 - 1.75 * (row + 1) + 0.35
        panels.append(figure.add_axes((left / width, bottom / height, 1.4 / width, 1.2 / height)))
    style.heading(figure, title)
    return figure, panels


def _outer(figure: Figure, panels: Sequence[Axes], across: str, up: str, *, below: float = 0.0) -> None:
    width, height = figure.get_size_inches()
    figure.text(0.65 / width, (0.5 + below) / height, across, fontsize=8.5, va="center")
    figure.text(0.13 / width, 0.5, up, fontsize=8.5, rotation=90, va="center", ha="center")
    for axes in panels:
        axes.tick_params(labelsize=7)


def _few_ticks(axes: Axes, values: pd.Series) -> None:
    low, high = float(values.min()), float(values.max())
    steps = [base * 10**power for power in range(1, 7) for base in (1, 2, 5)]
    inside = [step for step in steps if low * 0.9 <= step <= high * 1.1]
    shown = [inside[0], inside[-1]] if len(inside) > 1 else inside or [round(low)]
    axes.set_xticks(shown, [f"{step:,}" for step in shown])
    axes.minorticks_off()


def _same_limits(panels: Sequence[Axes]) -> None:
    ends = [(*axes.get_xlim(), *axes.get_ylim()) for axes in panels]
    low, high, bottom, top = (
        pick(values) for pick, values in zip((min, max, min, max), zip(*ends, strict=True), strict=True)
    )
    for axes in panels:
        axes.set_xlim(low, high)
        axes.set_ylim(bottom, top)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
