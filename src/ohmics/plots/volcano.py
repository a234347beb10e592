"""DE of one contrast, cell type and method comes in; a volcano plot with its strongest genes named goes out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ohmics.plots import style

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
        figure = Figure(figsize=(5.2, 4.2))
        axes = figure.add_axes((0.13, 0.14, 0.84, 0.74))
        height = -np.log10(np.maximum(rows["p"].to_numpy(dtype=float), 1e-300))
        draw_genes(axes, rows, rows["log2_fc"].to_numpy(dtype=float), height, threshold=threshold)
        for side in (-min_lfc, min_lfc) if min_lfc > 0 else ():
            axes.axvline(side, color=style.PALE_INK, lw=0.8, ls=":")
        axes.axvline(0, color=style.PALE_INK, lw=0.8)
        bound = float(np.abs(rows["log2_fc"]).max()) * 1.18 or 1.0
        axes.set_xlim(-bound, bound)
        axes.set_ylim(0, float(height.max()) * 1.16 or 1.0)
        axes.set_xlabel("log2 fold change")
        axes.set_ylabel("−log10 p")
        axes.set_title(style.clip_label(title, 60))
    return figure


def draw_genes(axes: Axes, rows: pd.DataFrame, x: np.ndarray, y: np.ndarray, *, threshold: float) -> None:
    """Draw one point a gene (rastered: there are thousands), name the strongest, and add a legend."""
    passes = rows["q"].to_numpy(dtype=float, na_value=np.nan) < threshold
    change = rows["log2_fc"].to_numpy(dtype=float)
    kinds = (
        ("q not below", ~passes, style.GREY, "o", 6.0),
        ("lower, q below", passes & (change < 0), style.LOWER, "v", 14.0),
        ("higher, q below", passes & (change > 0), style.HIGHER, "^", 14.0),
    )
    for label, chosen, colour, marker, size in kinds:
        text = f"{label} {threshold:g}: {int(chosen.sum()):,}"
        axes.scatter(
            x[chosen], y[chosen], s=size, c=colour, marker=marker, lw=0, alpha=0.75, label=text, rasterized=True
        )
    _name(axes, rows, x, y, passes & (change < 0), left=True)
    _name(axes, rows, x, y, passes & (change > 0), left=False)
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, 1.0), fontsize=7, handletextpad=0.1, ncols=3, columnspacing=0.8
    )


def _name(axes: Axes, rows: pd.DataFrame, x: np.ndarray, y: np.ndarray, chosen: np.ndarray, *, left: bool) -> None:
    """Name the genes of smallest p where their names do not cover each other."""
    order = np.lexsort((rows["gene"].to_numpy(dtype=str), rows["p"].to_numpy(dtype=float)))
    places = [i for i in order if chosen[i]][:_MOST_NAMES]
    span_x, span_y = float(np.ptp(x)) or 1.0, float(np.ptp(y)) or 1.0
    taken: list[tuple[float, float]] = []
    for i in places:
        spot = (float(x[i]) / span_x, float(y[i]) / span_y)
        if any(abs(spot[0] - a) < 0.16 and abs(spot[1] - b) < 0.045 for a, b in taken):
            continue
        taken.append(spot)
        axes.annotate(
            style.clip_label(rows["gene"].iloc[i], 14), (x[i], y[i]), xytext=(-4 if left else 4, 1),
            textcoords="offset points", fontsize=7, ha="right" if left else "left", va="bottom", color=style.INK,
        )  # fmt: skip
