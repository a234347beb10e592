"""Labels and values with intervals come in, the rows that forest plots are made of go out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ohmics.plots import style

_STEP = 0.23
_BODY = 3.6
_ABOVE, _BELOW = 0.54, 0.78
MOST_LABEL = 76
"""Longer names of rows end in an ellipsis."""


def canvas(labels: Sequence[str], title: str, *, right: float) -> tuple[Figure, Axes]:
    """Return a figure with one row a label, and room of ``right`` inches for the numbers beside them."""
    left = 0.3 + max(style.text_width(label) for label in labels)
    body = _STEP * len(labels)
    width, height = left + _BODY + right, _ABOVE + body + _BELOW
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((left / width, _BELOW / height, _BODY / width, body / height))
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=style.PALE_INK, lw=0.9)
    style.heading(figure, title)
    return figure, axes


def row(
    axes: Axes,
    place: int,
    values: tuple[float, float, float],
    *,
    bound: float,
    passes: bool,
    said: Callable[[float], str],
) -> None:
    """Draw one estimate with its interval; what lies beyond the axis is an arrow at its end, with the number."""
    middle, low, high = values
    if not np.isfinite(middle):
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
        axes.text(0, place, "not estimable", ha="center", va="center", fontsize=7, color=style.PALE_INK, bbox=box)
        return
    colour = style.HIGHER if middle > 0 else style.LOWER
    if abs(middle) > bound:
        edge = float(np.sign(middle)) * bound * 0.985
        side = "right" if edge > 0 else "left"
        axes.text(edge * 0.93, place, said(middle), fontsize=7, color=colour, ha=side, va="center")
        axes.plot(edge, place, marker=">" if edge > 0 else "<", markersize=6, color=colour, clip_on=False)
        return
    if np.isfinite(low) or np.isfinite(high):
        ends = (max(low, -bound) if np.isfinite(low) else -bound, min(high, bound) if np.isfinite(high) else bound)
        axes.plot(ends, [place, place], color=colour, lw=1.5, solid_capstyle="butt")
        # An end that is missing lies beyond every axis.
        for end, beyond, marker in ((-bound, not low >= -bound, "<"), (bound, not high <= bound, ">")):
            if beyond:
                axes.plot(end, place, marker=marker, color=colour, markersize=5, clip_on=False)
    face = colour if passes else "white"
    axes.plot(
        middle, place, marker="o", markersize=6, markerfacecolor=face, markeredgecolor=colour, markeredgewidth=1.4
    )


def numbers(axes: Axes, columns: Sequence[tuple[float, str, str]], texts: Sequence[Sequence[str]]) -> None:
    """Write a table beside the rows: columns of (place in widths of the axes, heading, side), then one text a cell."""
    transform = axes.get_yaxis_transform()
    for x, heading, align in columns:
        axes.text(x, -0.85, heading, transform=transform, fontsize=7.5, color=style.PALE_INK, ha=align, va="center")
    for place, line in enumerate(texts):
        for (x, _, align), text in zip(columns, line, strict=True):
            axes.text(x, place, text, transform=transform, fontsize=7.5, ha=align, va="center")


def legend(figure: Figure, threshold: float, *, otherwise: str, more: Sequence[Line2D | Patch] = ()) -> None:
    """Say what a filled and an open mark mean, and whatever else a figure needs."""
    ink = style.PALE_INK
    handles: list[Line2D | Patch] = [
        Line2D([], [], marker="o", linestyle="", color=ink, markersize=6, label=f"q < {threshold:g}"),
        Line2D([], [], marker="o", linestyle="", color=ink, markersize=6, markerfacecolor="white",
               label=f"q ≥ {threshold:g}{otherwise}"),
        *more,
    ]  # fmt: skip
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.01, 0.0), ncols=4, columnspacing=1.2, handletextpad=0.3
    )
