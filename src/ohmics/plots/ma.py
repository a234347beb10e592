"""DE of one contrast, cell type and method comes in; fold change over mean expression (an MA plot) goes out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ohmics.plots import style
from ohmics.plots.volcano import canvas, draw_genes

COLUMNS = ("gene", "log2_fc", "p", "q", "mean_log_cpm")


def ma(genes: pd.DataFrame, *, title: str = "Genes", threshold: float = 0.05, min_lfc: float = 0.0) -> Figure:
    """Draw log2 fold change over mean log2 CPM.

    A cloud that leaves the zero line over a whole range of expression says that libraries were scaled badly, or that
    most genes change.

    Parameters
    ----------
    genes
        DE rows of one contrast, cell type and method: ``gene``, ``log2_fc``, ``p``, ``q``, ``mean_log_cpm``.
    title, threshold, min_lfc
        As in `ohmics.plots.volcano.volcano`.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(genes, COLUMNS, "ma")
    rows = genes[genes["p"].notna() & genes["log2_fc"].notna() & genes["mean_log_cpm"].notna()]
    if rows.empty:
        return style.blank("No gene was tested.")
    with style.applied():
        figure, axes = canvas(title)
        change = rows["log2_fc"].to_numpy(dtype=float)
        mean = rows["mean_log_cpm"].to_numpy(dtype=float)
        axes.axhline(0, color=style.PALE_INK, lw=0.8)
        for side in (-min_lfc, min_lfc) if min_lfc > 0 else ():
            axes.axhline(side, color=style.PALE_INK, lw=0.8, ls=":")
        bound = float(np.abs(change).max()) * 1.12 or 1.0
        axes.set_ylim(-bound, bound)
        room = 0.08 * (float(np.ptp(mean)) or 1.0)
        axes.set_xlim(float(mean.min()) - room, float(mean.max()) + room)
        axes.set_xlabel("mean expression, log2 counts per million")
        axes.set_ylabel("log2 fold change")
        draw_genes(axes, rows, np.column_stack([mean, change]), threshold=threshold, lines=((), (0.0,)))
    return figure
