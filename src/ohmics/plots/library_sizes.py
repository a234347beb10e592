"""The QC table comes in, bars of library size and genes detected per sample go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from ohmics.plots import style

_WORDS = {"use": "use", "use_with_care": "use with care", "excluded": "excluded"}
_FILLS = {"use": style.OKABE_ITO[0], "use_with_care": style.OKABE_ITO[4], "excluded": style.OKABE_ITO[1]}
_HATCHES = {"use": "", "use_with_care": "///", "excluded": "xxx"}


def library_sizes(
    qc: pd.DataFrame,
    *,
    samples: Sequence[str] | None = None,
    thresholds: Mapping[str, float] | None = None,
    size_label: str = "library size, reads",
) -> Figure:
    """Draw library size (log scale) and genes detected, one bar a sample, coloured and hatched by verdict.

    Parameters
    ----------
    qc
        QC: ``sample``, ``median_umi`` (bulk: library size), ``median_genes``, ``verdict``.
    samples
        Order of the samples; natural order when not given.
    thresholds
        ``median_umi`` or ``median_genes`` to the lowest value accepted, drawn as a dashed line.
    size_label
        Label of the first axis.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(qc, ("sample", "median_umi", "median_genes", "verdict"), "library_sizes")
    if qc.empty:
        return style.blank("There is no sample.")
    order = list(samples) if samples is not None else style.in_order(qc["sample"])
    rows = qc.set_index("sample").reindex(order)
    step = 0.2 if len(order) <= 60 else 0.14
    with style.applied():
        left = 0.3 + max(style.text_width(style.clip_label(name, 24), 8 if step == 0.2 else 6.5) for name in order)
        width, height = left + 6.6, 1.0 + step * len(order)
        figure = Figure(figsize=(width, height))
        for place, (column, label) in enumerate((("median_umi", size_label), ("median_genes", "genes detected"))):
            axes = figure.add_axes(
                ((left + 3.3 * place) / width, 0.55 / height, 3.1 / width, step * len(order) / height)
            )
            _bars(axes, rows, column, logarithmic=place == 0, least=(thresholds or {}).get(column))
            if place == 1:
                axes.xaxis.set_major_locator(MaxNLocator(5))
                axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            if thresholds and column in thresholds:
                axes.axvline(thresholds[column], color=style.INK, lw=0.9, ls=(0, (4, 2)))
            axes.set_xlabel(label)
            axes.set_ylim(len(order) - 0.4, -0.6)
            axes.set_yticks(range(len(order)))
            axes.set_yticklabels([style.clip_label(name, 24) for name in order] if place == 0 else [])
            axes.tick_params(axis="y", length=0, labelsize=8 if step == 0.2 else 6.5)
        _legend(figure, rows, left / width)
    return figure


def _bars(axes: Axes, rows: pd.DataFrame, column: str, *, logarithmic: bool, least: float | None) -> None:
    values = rows[column].to_numpy(dtype=float, na_value=np.nan)
    present = values[np.isfinite(values) & (values > 0)]
    if logarithmic and len(present):
        axes.set_xscale("log")
        axes.set_xlim(10 ** np.floor(np.log10(min(present.min(), least or np.inf) / 1.5)), 1.25 * present.max())
    for place, (value, verdict) in enumerate(zip(values, rows["verdict"], strict=True)):
        if not np.isfinite(value):
            continue
        axes.barh(
            place,
            value,
            height=0.72,
            color=_FILLS.get(verdict, style.GREY),
            hatch=_HATCHES.get(verdict, ""),
            edgecolor="white",
            linewidth=0.3,
        )
    axes.grid(axis="x")


def _legend(figure: Figure, rows: pd.DataFrame, left: float) -> None:
    present = [verdict for verdict in _WORDS if (rows["verdict"] == verdict).any()]
    handles = [
        Patch(
            facecolor=_FILLS[verdict], hatch=_HATCHES[verdict], edgecolor="white", linewidth=0.3, label=_WORDS[verdict]
        )
        for verdict in present
    ]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(left, 1.0), ncols=3)
