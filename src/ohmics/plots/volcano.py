"""DE of one contrast, cell type and method comes in; a volcano plot with its strongest genes named goes out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ohmics.plots import point_names, style

COLUMNS = ("gene", "log2_fc", "p", "q")
_MOST_NAMES = 8


def volcano(genes: pd.DataFrame, *, title: str = "Genes", threshold: float = 0.05, min_lfc: float = 0.0) -> Figure:
    """Draw -log10 p over log2 fold change; genes below the threshold of q are coloured by direction and shaped by it.

    Parameters
    ----------
    genes
        DE rows of one contrast, cell type and method: ``gene``, ``log2_fc``, ``p``, ``q``.
    title
        Title of the figure.
    threshold
        A q below it colours a gene.
    min_lfc
        The change that was tested against, marked by dotted lines when above 0.

    Returns
    -------
    Figure
        Genes without p are left out. The eight genes of smallest p in each direction are named when q passes.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(genes, COLUMNS, "volcano")
    rows = genes[genes["p"].notna() & genes["log2_fc"].notna()]
    if rows.empty:
        return style.blank("No gene was tested.")
    with style.applied():
        figure, axes = canvas(title)
        change = rows["log2_fc"].to_numpy(dtype=float)
        height = -np.log10(np.maximum(rows["p"].to_numpy(dtype=float), 1e-300))
        for side in (-min_lfc, min_lfc) if min_lfc > 0 else ():
            axes.axvline(side, color=style.PALE_INK, lw=0.8, ls=":")
        axes.axvline(0, color=style.PALE_INK, lw=0.8)
        bound = float(np.abs(change).max()) * 1.18 or 1.0
        axes.set_xlim(-bound, bound)
        axes.set_ylim(0, float(height.max()) * 1.08 or 1.0)
        axes.set_xlabel("log2 fold change")
        axes.set_ylabel("−log10 p")
        draw_genes(axes, rows, np.column_stack([change, height]), threshold=threshold, lines=((0.0,), ()))
    return figure


def canvas(title: str) -> tuple[Figure, Axes]:
    """Return a figure of genes: a title above, room for the legend below."""
    figure = Figure(figsize=(5.2, 4.4))
    axes = figure.add_axes((0.13, 0.2, 0.84, 0.71))
    style.heading(figure, title)
    return figure, axes


def draw_genes(
    axes: Axes,
    rows: pd.DataFrame,
    points: np.ndarray,
    *,
    threshold: float,
    lines: tuple[Sequence[float], Sequence[float]],
) -> None:
    """Draw one point a gene (rastered: there are thousands), name the strongest, and add a legend.

    The axes must have their limits; ``lines`` are the places of vertical and horizontal lines that no name may cross.
    """
    passes = rows["q"].to_numpy(dtype=float, na_value=np.nan) < threshold
    change = rows["log2_fc"].to_numpy(dtype=float)
    kinds = (
        ("q not below", ~passes, style.FAINT, "o", 6.0),
        ("lower, q below", passes & (change < 0), style.LOWER, "v", 14.0),
        ("higher, q below", passes & (change > 0), style.HIGHER, "^", 14.0),
    )
    for label, chosen, colour, marker, size in kinds:
        text = f"{label} {threshold:g}: {int(chosen.sum()):,}"
        x, y = points[chosen].T
        axes.scatter(x, y, s=size, c=colour, marker=marker, lw=0, alpha=0.75, label=text, rasterized=True)
    named = [*_strongest(rows, passes & (change < 0)), *_strongest(rows, passes & (change > 0))]
    named.sort(key=lambda place: (float(rows["p"].iloc[place]), str(rows["gene"].iloc[place])))
    point_names.write_names(
        axes, points[named], [str(rows["gene"].iloc[place]) for place in named],
        left=[bool(change[place] < 0) for place in named],
        marked=points[passes], others=points[~passes], lines=lines,
    )  # fmt: skip
    figure = axes.get_figure()
    if figure is not None:
        figure.legend(
            loc="lower left", bbox_to_anchor=(0.0, 0.0), fontsize=7, handletextpad=0.0, ncols=3, columnspacing=0.9
        )


def _strongest(rows: pd.DataFrame, chosen: np.ndarray) -> list[int]:
    """Return the places of the genes of smallest p among those chosen."""
    order = np.lexsort((rows["gene"].to_numpy(dtype=str), rows["p"].to_numpy(dtype=float)))
    return [int(place) for place in order if chosen[place]][:_MOST_NAMES]
