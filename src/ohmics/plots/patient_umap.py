"""All kept cells and one patient's come in, maps of the patient's cells over the rest go out, a panel a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ohmics.plots import style

_SIDE = 2.15
_GAP = 0.12
_REST = "#DDE1E6"
_PICTURE = 320
_ACROSS = 3
MOST_SAMPLES = 6
"""More samples than this are drawn up to this number, in the order given."""


class CellGround:
    """All cells of a run as one grey picture, made once and laid under every patient's cells.

    Parameters
    ----------
    cells
        ``umap_1`` and ``umap_2`` of all kept cells; those without coordinates are left out.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """

    def __init__(self, cells: pd.DataFrame) -> None:
        style.require(cells, ("umap_1", "umap_2"), "patient_umap")
        points = cells[["umap_1", "umap_2"]].astype(float).dropna().to_numpy()
        self.empty = not len(points)
        if self.empty:
            return
        low, high = points.min(axis=0), points.max(axis=0)
        room = np.maximum(high - low, 1e-9) * 0.03
        self.low, self.high = low - room, high + room
        at = ((points - self.low) / (self.high - self.low) * (_PICTURE - 1)).astype(int)
        filled = np.zeros((_PICTURE, _PICTURE), dtype=bool)
        # A cell is drawn two picture points wide: single ones would hardly be seen.
        for right in (0, 1):
            for up in (0, 1):
                filled[np.minimum(at[:, 1] + up, _PICTURE - 1), np.minimum(at[:, 0] + right, _PICTURE - 1)] = True
        grey = tuple(int(_REST[place : place + 2], 16) for place in (1, 3, 5))
        self.picture = np.full((_PICTURE, _PICTURE, 3), 255, dtype=np.uint8)
        self.picture[filled] = grey


def patient_umap(
    cells: pd.DataFrame,
    ground: CellGround,
    *,
    samples: Sequence[str],
    titles: Mapping[str, str] | None = None,
    colours: Mapping[str, str] | None = None,
    most_points: int = 4_000,
) -> Figure:
    """Draw a patient's cells by cell type over all cells of the run, a panel each sample.

    Parameters
    ----------
    cells
        The patient's rows of CELLS: sample, cell_type, umap_1, umap_2.
    ground
        All cells, in grey.
    samples
        Order of the panels; at most six are drawn.
    titles, colours
        Sample to its heading; cell type to its colour.
    most_points
        Of more cells in a sample, every so-manieth is drawn.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(cells, ("sample", "cell_type", "umap_1", "umap_2"), "patient_umap")
    placed = cells[cells["umap_1"].notna() & cells["umap_2"].notna()]
    if placed.empty or ground.empty:
        return style.blank("No cell has UMAP coordinates.")
    named = placed.assign(cell_type=placed["cell_type"].astype(object).where(placed["cell_type"].notna(), "missing"))
    known = style.colours_for(named["cell_type"], colours)
    shown = list(samples)[:MOST_SAMPLES]
    across = min(len(shown), _ACROSS)
    down = -(-len(shown) // across)
    legend = 0.5 + max(style.text_width(style.clip_label(name, 28)) for name in known)
    width = across * (_SIDE + _GAP) + legend + 0.1
    height = max(down * (_SIDE + 0.3), 0.2 * len(known)) + 0.15
    with style.applied():
        figure = Figure(figsize=(width, height))
        for place, sample in enumerate(shown):
            row, column = divmod(place, across)
            left, bottom = 0.08 + column * (_SIDE + _GAP), height - (row + 1) * (_SIDE + 0.3)
            axes = figure.add_axes((left / width, bottom / height, _SIDE / width, _SIDE / height))
            extent = (float(ground.low[0]), float(ground.high[0]), float(ground.low[1]), float(ground.high[1]))
            axes.imshow(ground.picture, origin="lower", extent=extent, aspect="auto", interpolation="nearest")
            own = named[named["sample"].astype(str) == sample]
            own = own.iloc[:: max(1, -(-len(own) // most_points))]
            shades = [known[str(name)] for name in own["cell_type"]]
            axes.scatter(own["umap_1"], own["umap_2"], s=3.5, c=shades, linewidths=0, alpha=0.9, rasterized=True)
            axes.set_xlim(extent[:2])
            axes.set_ylim(extent[2:])
            axes.set_xticks([])
            axes.set_yticks([])
            for spine in axes.spines.values():
                spine.set_visible(True)
                spine.set_color(style.GRID)
            axes.set_title(style.clip_label((titles or {}).get(sample, sample), 30), fontsize=8.5)
        handles = [
            Line2D([], [], ls="", marker="o", ms=5, color=shade, label=style.clip_label(name, 28))
            for name, shade in known.items()
        ]
        handles.append(Line2D([], [], ls="", marker="o", ms=5, color=_REST, label="cells of all samples"))
        at = (across * (_SIDE + _GAP) + 0.05) / width
        figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(at, 1 - 0.25 / height), borderaxespad=0)
    return figure
