"""Samples with finished principal-component coordinates come in, a scatter plot with their names goes out."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ohmics.plots import style

_MOST_NAMES = 40


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
        coordinates are left out. Names are written beside the points of up to 40 samples.
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
        figure = Figure(figsize=(6.8, 4.8))
        axes = figure.add_axes((0.1, 0.11, 0.64, 0.8))
        if link:
            for _, group in placed.groupby(link, sort=True, observed=True):
                axes.plot(group["pc1"], group["pc2"], color="#C3C9D1", lw=0.8, zorder=1)
        axes.scatter(
            placed["pc1"],
            placed["pc2"],
            c=[known[name] for name in level],
            s=34,
            edgecolors="white",
            linewidths=0.6,
            zorder=2,
        )
        if len(placed) <= _MOST_NAMES:
            for name, x, y in zip(placed["sample"], placed["pc1"], placed["pc2"], strict=True):
                axes.annotate(
                    style.clip_label(name, 18), (x, y), xytext=(4, 4), textcoords="offset points", fontsize=6.5
                )
        _finish(axes, known, shares, title=title, legend=colour.replace("_", " "))
    return figure


def _finish(
    axes: Axes, known: Mapping[str, str], shares: tuple[float, float] | None, *, title: str, legend: str
) -> None:
    axes.set_xlabel("component 1" + (f" ({100 * shares[0]:.0f} % of the variance)" if shares else ""))
    axes.set_ylabel("component 2" + (f" ({100 * shares[1]:.0f} % of the variance)" if shares else ""))
    axes.margins(0.12)
    axes.set_title(style.clip_label(title, 70))
    handles = [
        Line2D([], [], marker="o", linestyle="", color=shade, label=style.clip_label(name, 22))
        for name, shade in known.items()
    ]
    axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        title=legend,
        alignment="left",
    )
