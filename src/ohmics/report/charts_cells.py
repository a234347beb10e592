"""Cells with coordinates come in, a map that tells of the cell pointed at and hides groups on request goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from ohmics.plots.umap import MOST_POINTS, thin
from ohmics.report.charts import ROWS, SWITCHED_OFF, Drawing, packed, specification

if TYPE_CHECKING:
    import altair as alt


def umap_chart(cells: pd.DataFrame, *, colourings: Sequence[tuple[str, str, Mapping[str, str]]], describe: str) -> str:
    """Return the map of cells as a chart with one drawing a colouring.

    Parameters
    ----------
    cells
        One row a cell with ``umap_1``, ``umap_2`` and the columns of the colourings. The same cells are drawn as in
        `ohmics.plots.umap`: above `ohmics.plots.umap.MOST_POINTS` a uniform draw of that many.
    colourings
        Column, its name in words, and level to colour.
    describe
        What is read out in the chart's place.
    """
    placed = cells[cells["umap_1"].notna() & cells["umap_2"].notna()]
    if placed.empty:
        return ""
    shown = thin(placed, most_points=MOST_POINTS)
    frame = shown[["umap_1", "umap_2"]].astype(float).rename(columns={"umap_1": "x", "umap_2": "y"})
    # A pixel is a five-hundredth of the map.
    frame = frame.round(_digits(frame))
    names = {column: label for column, label, _ in colourings}
    for column in names:
        frame[column] = shown[column].astype(object).where(shown[column].notna(), "missing").astype(str)
    if "sample" not in frame:
        frame["sample"] = shown["sample"].astype(str)
    drawings = [
        Drawing(
            f"by {label}",
            specification(_spec(column, levels, names, len(frame)), describe=f"{describe} Coloured by {label}."),
            {name: colour for name, colour in levels.items() if name in set(frame[column])},
        )
        for column, label, levels in colourings
    ]
    return packed(drawings, frame.reset_index(drop=True), widest=980, renderer="canvas")


def _digits(frame: pd.DataFrame) -> int:
    span = float((frame.max() - frame.min()).max())
    return 2 if span > 5 else 3


def _spec(field: str, levels: Mapping[str, str], names: Mapping[str, str], cells: int) -> alt.TopLevelMixin:
    import altair as alt

    bare = alt.Axis(labels=False, ticks=False, grid=False, domain=False, titleAnchor="start")
    tips = [alt.Tooltip("sample:N", title="Sample")]
    tips += [alt.Tooltip(f"{column}:N", title=label.capitalize()) for column, label in names.items()]
    drawn: alt.Chart = (
        alt.Chart(alt.NamedData(ROWS))
        .add_params(alt.param(name=SWITCHED_OFF, value=[]))
        .transform_filter(f"indexof({SWITCHED_OFF}, datum[{field!r}]) < 0")
        .mark_point(filled=True, size=max(4.0, min(40.0, 60_000 / cells)), opacity=0.85, shape="circle")
        .encode(
            x=alt.X("x:Q", title="UMAP 1", axis=bare, scale=alt.Scale(zero=False, nice=False)),
            y=alt.Y("y:Q", title="UMAP 2", axis=bare, scale=alt.Scale(zero=False, nice=False)),
            color=alt.Color(
                f"{field}:N", scale=alt.Scale(domain=list(levels), range=list(levels.values())), legend=None
            ),
            tooltip=tips,
        )
        .properties(width="container", height=520)
    )
    return drawn
