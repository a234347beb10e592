"""Kept cells with coordinates and one column come in, a map of the cells coloured by that column goes out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ohmics.plots import style
from ohmics.seeds import generator

_PLACES_TRIED = 60
MOST_POINTS = 30_000
"""Above this many cells the map shows this many, drawn uniformly without replacement with seed 0."""
_MOST_NAMED = 24
_AROUND = np.array([[x, y] for x, y in np.ndindex(7, 7)], dtype=float) - 3.0
_AROUND = _AROUND[np.argsort((_AROUND**2).sum(axis=1), kind="stable")]


def umap(
    cells: pd.DataFrame,
    *,
    colour: str,
    colours: Mapping[str, str] | None = None,
    title: str | None = None,
    label_on_map: bool = False,
    most_points: int = MOST_POINTS,
) -> Figure:
    """Draw cells at their UMAP coordinates; the points are one raster image in every format.

    Parameters
    ----------
    cells
        CELLS: one row a cell with ``umap_1``, ``umap_2`` and the column ``colour`` (a category).
    colour
        The column that decides the colour; a missing value is grey and called missing.
    colours
        Level to colour; levels not named get further colours.
    title
        Title; ``Cells by {colour}`` when not given.
    label_on_map
        Write a number (or the level itself, when short) at the middle of each level's points, repeated
        in the legend, so that the map can be read without telling colours apart. Maps of 9 to 24 levels always have
        them; of more, which are seldom apart on a map, only when asked for.
    most_points
        Above this number a uniform draw without replacement of that many cells is shown.

    Returns
    -------
    Figure
        Cells without coordinates are left out. A figure that says so when no cell has coordinates.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(cells, ("umap_1", "umap_2", colour), "umap")
    placed = cells.loc[cells["umap_1"].notna() & cells["umap_2"].notna(), ["umap_1", "umap_2", colour]]
    if placed.empty:
        return style.blank("No cell has UMAP coordinates.")
    named = placed.assign(level=placed[colour].astype(object).where(placed[colour].notna(), "missing").astype(str))
    known = style.colours_for(named["level"], colours)
    # Beyond one palette colours come again: such a map needs names. Those of very many levels would cover the cells.
    many = len(style.PATIENTS) < len(known) <= _MOST_NAMED
    numbers = _numbers(known) if label_on_map or many else {}
    with style.applied():
        figure, axes = _canvas(known, numbers)
        shown = thin(named, most_points=most_points)
        points = shown[["umap_1", "umap_2"]].to_numpy(dtype=float)
        size = float(np.clip(30_000 / len(shown), 1.0, 14.0))
        shades = [known[name] for name in shown["level"]]
        axes.scatter(points[:, 0], points[:, 1], s=size, c=shades, linewidths=0, alpha=0.85, rasterized=True)
        _write_numbers(axes, points, shown["level"], numbers)
        style.heading(figure, title or f"Cells by {colour.replace('_', ' ')}")
    return figure


def _canvas(known: Mapping[str, str], numbers: Mapping[str, str]) -> tuple[Figure, Axes]:
    """Return a figure whose axes have one size whatever its legend needs."""
    entries = {name: _entry(name, numbers) for name in known}
    columns = -(-len(known) // 18)
    legend = max(1.6, 0.1 + columns * (0.42 + max(style.text_width(text) for text in entries.values())))
    figure = Figure(figsize=(4.9 + legend, 4.7))
    axes = figure.add_axes((0.03, 0.06, 4.5 / (4.9 + legend), 0.85))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel("UMAP 1", loc="left", color=style.PALE_INK)
    axes.set_ylabel("UMAP 2", loc="bottom", color=style.PALE_INK)
    handles = [
        Line2D([], [], marker="o", linestyle="", markersize=5.5, color=shade, label=entries[name])
        for name, shade in known.items()
    ]
    axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        ncols=columns,
        borderaxespad=0,
        handletextpad=0.3,
        labelspacing=0.45,
        columnspacing=1.0,
    )
    return figure, axes


def _numbers(known: Mapping[str, str]) -> dict[str, str]:
    """Return what stands on the map for each level: its own name when all are short, else a number."""
    if all(len(name) <= 3 for name in known):
        return {name: style.clip_label(name) for name in known}
    return {name: str(place) for place, name in enumerate(known, start=1)}


def _entry(name: str, numbers: Mapping[str, str]) -> str:
    text = style.clip_label(name, 26)
    return text if numbers.get(name, text) == text else f"{numbers[name]}  {text}"


def thin(cells: pd.DataFrame, *, most_points: int = MOST_POINTS) -> pd.DataFrame:
    """Return the cells a map shows, in a shuffled order so that no level hides another.

    The draw depends on the number of cells only, so maps of the same cells show the same points.
    """
    order = generator(0, "umap", len(cells)).permutation(len(cells))[:most_points]
    return cells.iloc[order]


def _write_numbers(axes: Axes, points: np.ndarray, level: pd.Series, numbers: Mapping[str, str]) -> None:
    """Write each level's number on one of its points near their middle, large levels first, none over another."""
    names = level.to_numpy()
    span = np.maximum(np.ptp(points, axis=0), 1e-9)
    room = np.array([0.2, 0.17]) / np.array([4.5, 4.0]) * span
    owns = {name: points[names == name] for name in numbers}
    taken: list[np.ndarray] = []
    for name in sorted(owns, key=lambda one: -len(owns[one])):
        own = owns[name]
        if not len(own):
            continue
        # Points nearest to the middle first: a middle alone may lie in empty space between two islands.
        order = np.argsort((((own - np.median(own, axis=0)) / span) ** 2).sum(axis=1), kind="stable")
        tried = own[order[:: max(1, len(order) // _PLACES_TRIED)]]
        wide = room * np.array([0.6 + 0.4 * len(numbers[name]), 1.0])
        # A level inside another one's points stands beside it.
        tried = np.vstack([tried, tried[0] + _AROUND * wide])
        free = [at for at in tried if not any((np.abs(at - one) < 0.99 * wide).all() for one in taken)]
        middle = free[0] if free else tried[0]
        taken.append(middle)
        axes.text(
            middle[0],
            middle[1],
            numbers[name],
            ha="center",
            va="center",
            fontsize=8,
            fontweight="bold",
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
        )
