"""Fractions of cell types per bar come in, stacked bars go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ohmics.plots import style

_MOST_AT_EASE = 90
"""More bars than this are thinner."""
_HATCHES = ("", "////", "....", "xxxx")


def composition(
    fractions: pd.DataFrame,
    *,
    bars: Sequence[str] | None = None,
    groups: Mapping[str, str] | None = None,
    colours: Mapping[str, str] | None = None,
    title: str = "Cell types, share of each sample's cells",
) -> Figure:
    """Draw one horizontal stacked bar a sample (or patient and timepoint).

    Parameters
    ----------
    fractions
        One row a bar and cell type: ``bar``, ``cell_type``, ``fraction`` (0 to 1). What a bar lacks
        to 1 stays white: nothing is rescaled.
    bars
        Order from top to bottom; natural order when not given.
    groups
        Bar to its group (usually the patient): bars of different groups stand apart.
    colours
        Cell type to colour.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(fractions, ("bar", "cell_type", "fraction"), "composition")
    if fractions.empty:
        return style.blank("No fraction was computed.")
    order = list(bars) if bars is not None else style.in_order(fractions["bar"].unique())
    known = style.colours_for(fractions["cell_type"], colours)
    table = fractions.pivot_table(index="bar", columns="cell_type", values="fraction", aggfunc="first", observed=True)
    table = table.reindex(index=order, columns=list(known)).fillna(0.0)
    places = _places(order, groups)
    # Where colours come again, a hatch tells the second of a kind from the first.
    hatches = {name: _HATCHES[place // len(style.LEVELS) % len(_HATCHES)] for place, name in enumerate(known)}
    with style.applied():
        left = 0.3 + max(style.text_width(style.clip_label(name, 28)) for name in order)
        legend = 0.5 + max(style.text_width(style.clip_label(name, 26)) for name in known)
        rows = places[-1] + 1
        step, size = (0.24, 8.0) if rows <= _MOST_AT_EASE else (0.13, 6.0)
        width = left + 4.2 + legend
        height = 1.0 + max(step * rows, 0.2 * len(known))
        figure = Figure(figsize=(width, height))
        body = step * rows
        axes = figure.add_axes((left / width, 1 - (0.45 + body) / height, 4.0 / width, body / height))
        start = np.zeros(len(order))
        for name, colour in known.items():
            values = table[name].to_numpy(dtype=float)
            axes.barh(
                places, values, left=start, height=0.8, color=colour, edgecolor="white", linewidth=0.5,
                hatch=hatches[name],
            )  # fmt: skip
            start += values
        axes.set_xlim(0, max(1.0, float(start.max())))
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
        axes.set_xticklabels(["0", "25", "50", "75", "100"])
        axes.set_xlabel("cells, %")
        axes.set_ylim(rows - 0.5, -0.5)
        axes.set_yticks(places)
        axes.set_yticklabels([style.clip_label(name, 28) for name in order])
        axes.tick_params(axis="y", length=0, labelsize=size)
        axes.spines["left"].set_visible(False)
        style.heading(figure, title)
        handles = [
            Patch(facecolor=shade, hatch=hatches[name], edgecolor="white", linewidth=0.5,
                  label=style.clip_label(name, 26))
            for name, shade in known.items()
        ]  # fmt: skip
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0)
    return figure


def _places(order: Sequence[str], groups: Mapping[str, str] | None) -> list[float]:
    places: list[float] = []
    for number, name in enumerate(order):
        apart = bool(groups) and number > 0 and (groups or {}).get(name) != (groups or {}).get(order[number - 1])
        places.append((places[-1] + (1.45 if apart else 1.0)) if places else 0.0)
    return places
