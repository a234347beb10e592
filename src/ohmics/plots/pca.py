"""Samples with finished principal-component coordinates come in, a scatter plot with their names goes out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ohmics.plots import point_names, style

_MOST_NAMES = 40
_NAMES_OF_MANY = 8


def pca(
    coordinates: pd.DataFrame,
    *,
    colour: str,
    link: str | None = None,
    colours: Mapping[str, str] | None = None,
    shares: tuple[float, float] | None = None,
    title: str = "Samples, first two principal components",
) -> Figure:
    """Draw samples at ``pc1`` and ``pc2``; the coordinates are computed elsewhere.

    Parameters
    ----------
    coordinates
        One row a sample: ``sample``, ``pc1``, ``pc2`` and the column ``colour``. Rows without
        coordinates are left out. Names are written beside the points of up to 40 samples; of more, beside the eight
        that lie farthest out.
    link
        A column (usually ``patient``): samples that share its value are joined by a thin line.
    shares
        Share of the variance of the two components, 0 to 1, for the axis labels.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(coordinates, ("sample", "pc1", "pc2", colour, *([link] if link else [])), "pca")
    placed = coordinates[coordinates["pc1"].notna() & coordinates["pc2"].notna()]
    if placed.empty:
        return style.blank("No sample has principal-component coordinates.")
    level = placed[colour].astype(object).where(placed[colour].notna(), "missing").astype(str)
    known = style.colours_for(level, colours)
    with style.applied():
        figure, axes = _canvas(known, title, colour.replace("_", " "))
        if link:
            for _, group in placed.groupby(link, sort=True, observed=True):
                axes.plot(group["pc1"], group["pc2"], color="#C3C9D1", lw=0.8, zorder=1)
        points = placed[["pc1", "pc2"]].to_numpy(dtype=float)
        for name, shade in known.items():
            own = points[(level == name).to_numpy()]
            axes.scatter(
                own[:, 0], own[:, 1], c=shade, marker=_marks(known)[name], s=34, edgecolors="white", linewidths=0.6,
                zorder=2,
            )  # fmt: skip
        axes.set_xlabel("component 1" + (f" ({100 * shares[0]:.0f} % of the variance)" if shares else ""))
        axes.set_ylabel("component 2" + (f" ({100 * shares[1]:.0f} % of the variance)" if shares else ""))
        axes.margins(0.12)
        _write_names(axes, placed["sample"].astype(str).tolist(), points)
    return figure


def _marks(known: Mapping[str, str]) -> dict[str, str]:
    return {name: style.MARKERS[place % len(style.MARKERS)] for place, name in enumerate(known)}


def _canvas(known: Mapping[str, str], title: str, legend: str) -> tuple[Figure, Axes]:
    columns = -(-len(known) // 20)
    entries = {name: style.clip_label(name, 22) for name in known}
    beside = columns * (0.45 + max(style.text_width(text) for text in entries.values()))
    width, height = 0.7 + 4.5 + 0.2 + max(beside, 1.3), 4.8
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0.7 / width, 0.11, 4.5 / width, 0.8))
    style.heading(figure, title)
    marks = _marks(known)
    handles = [
        Line2D([], [], marker=marks[name], linestyle="", color=shade, label=entries[name])
        for name, shade in known.items()
    ]
    axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        ncols=columns,
        title=style.clip_label(legend, 22),
        alignment="left",
    )
    return figure, axes


def _write_names(axes: Axes, names: list[str], points: np.ndarray) -> None:
    far = np.lexsort((names, -np.hypot(points[:, 0], points[:, 1])))
    shown = far[: _MOST_NAMES if len(names) <= _MOST_NAMES else _NAMES_OF_MANY]
    point_names.write_names(
        axes, points[shown], [names[place] for place in shown], left=[False] * len(shown), marked=points,
        others=points[:0], most=24,
    )  # fmt: skip
