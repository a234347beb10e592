"""RUNNING_SUMS of some lists of one ranking come in; their curves, one panel a list, go out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ohmics.plots import style

COLUMNS = ("gene_list", "part", "rank", "before", "after", "n_tested")
_COLUMNS_OF_PANELS = 3
_WIDTH, _HEIGHT = 2.9, 2.1


def running_sum(points: pd.DataFrame, *, notes: Mapping[str, str] | None = None, title: str = "Running sums") -> Figure:
    """Draw each list's running sum over the ranking, with a tick for each of its genes.

    Parameters
    ----------
    points
        RUNNING_SUMS rows of one contrast, cell type and method.
    notes
        Gene list to a short text under its name, its p and q for example.
    title
        Title of the figure.

    Returns
    -------
    Figure
        Panels in the order of the frame. Genes that should fall (``part`` down) are dashed.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(points, COLUMNS, "running_sum")
    names = list(dict.fromkeys(points["gene_list"].astype(str)))
    if not names:
        return style.blank("No gene list was tested.")
    wide = min(_COLUMNS_OF_PANELS, len(names))
    high = -(-len(names) // wide)
    with style.applied():
        total = _HEIGHT * high + 0.42
        figure = Figure(figsize=(_WIDTH * wide + 0.5, total))
        for place, name in enumerate(names):
            row, column = divmod(place, wide)
            left = (0.55 + column * _WIDTH) / (_WIDTH * wide + 0.5)
            bottom = (0.45 + (high - 1 - row) * _HEIGHT) / total
            axes = figure.add_axes((left, bottom, (_WIDTH - 0.55) / (_WIDTH * wide + 0.5), (_HEIGHT - 1.0) / total))
            _panel(axes, points[points["gene_list"] == name], name, (notes or {}).get(name, ""))
        style.heading(figure, title)
        figure.text(
            0.5, 0.06 / total, "rank of the gene, highest in the test samples first", ha="center", fontsize=8,
            color=style.PALE_INK,
        )  # fmt: skip
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, name: str, note: str) -> None:
    last = int(rows["n_tested"].iloc[0])
    axes.axhline(0, color=style.PALE_INK, lw=0.8)
    for part, colour, line in (("up", style.HIGHER, "-"), ("down", style.LOWER, "--")):
        mine = rows[rows["part"] == part].sort_values("rank", kind="stable")
        if mine.empty:
            continue
        rank = mine["rank"].to_numpy(dtype=float)
        x = np.concatenate([[0.0], np.repeat(rank, 2), [float(last)]])
        y = np.concatenate([[0.0], mine[["before", "after"]].to_numpy(dtype=float).ravel(), [0.0]])
        axes.plot(x, y, color=colour, lw=1.4, ls=line)
        ticks = axes.get_xaxis_transform()
        axes.vlines(rank, 0.0, 0.06, colors=colour, lw=0.6, alpha=0.7, transform=ticks)
    axes.set_xlim(0, last)
    axes.set_ylim(*_limits(rows))
    axes.set_xticks([1, last], ["1", f"{last:,}"])
    lead, _, own = name.rpartition("/")
    lines = [style.clip_label(text, 40) for text in (lead, own or name, note) if text]
    axes.set_title("\n".join(lines), fontsize=7.5, fontweight="normal", linespacing=1.25)


def _limits(rows: pd.DataFrame) -> tuple[float, float]:
    values = rows[["before", "after"]].to_numpy(dtype=float)
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    room = 0.12 * max(high - low, 0.1)
    return low - room, high + room
