"""The QC table comes in, library size and genes detected of every sample go out, one mark each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from ohmics.plots import style

_WORDS = {"use": "use", "use_with_care": "use with care", "excluded": "excluded"}


def library_sizes(
    qc: pd.DataFrame,
    *,
    samples: Sequence[str] | None = None,
    thresholds: Mapping[str, float] | None = None,
    size_label: str = "library size, reads",
    title: str = "Depth and genes of every sample",
) -> Figure:
    """Draw library size (log scale) and genes detected, one mark a sample, coloured and shaped by verdict.

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
    title
        Heading.

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
        width, height = left + 6.6, 1.25 + step * len(order)
        figure = Figure(figsize=(width, height))
        for place, (column, label) in enumerate((("median_umi", size_label), ("median_genes", "genes detected"))):
            axes = figure.add_axes(
                ((left + 3.3 * place) / width, 0.55 / height, 3.1 / width, step * len(order) / height)
            )
            _marks(axes, rows, column, logarithmic=place == 0, least=(thresholds or {}).get(column))
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
        style.heading(figure, title)
        _legend(figure, rows, left / width, least=bool(thresholds))
    return figure


def _marks(axes: Axes, rows: pd.DataFrame, column: str, *, logarithmic: bool, least: float | None) -> None:
    """Draw one mark a sample: a bar on a logarithmic axis would begin nowhere."""
    values = rows[column].to_numpy(dtype=float, na_value=np.nan)
    drawn = np.isfinite(values) & (values > 0 if logarithmic else values >= 0)
    ends = [*values[drawn], *([least] if least is not None and least > 0 else [])]
    if logarithmic and ends:
        axes.set_xscale("log")
        axes.set_xlim(min(ends) / 1.5, max(ends) * 1.5)
        _log_ticks(axes)
    elif ends:
        axes.set_xlim(0, max(ends) * 1.08 or 1.0)
    verdicts = rows["verdict"].astype(object).where(rows["verdict"].notna(), "").astype(str).to_numpy()
    for verdict in dict.fromkeys(verdicts[drawn]):
        chosen = np.flatnonzero(drawn & (verdicts == verdict))
        axes.plot(
            values[chosen], chosen, ls="", marker=style.VERDICT_MARKERS.get(verdict, "o"), ms=5,
            color=style.VERDICT_COLOURS.get(verdict, style.GREY), clip_on=False,
        )  # fmt: skip
    for place in range(len(rows)):
        axes.axhline(place, color=style.GRID, lw=0.7, zorder=0)
    axes.grid(axis="x")


def _log_ticks(axes: Axes) -> None:
    """Label few round numbers: powers of ten alone would leave narrow ranges without any."""
    low, high = axes.get_xlim()
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        inside = [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]
        if len(inside) >= 3:
            break
    shown = inside[:: -(-len(inside) // 5)] if inside else []
    axes.set_xticks(shown, [f"{value / 1e6:g} M" if value >= 1e6 else f"{value:,.0f}" for value in shown])
    axes.minorticks_off()


def _legend(figure: Figure, rows: pd.DataFrame, left: float, *, least: bool) -> None:
    present = [verdict for verdict in _WORDS if (rows["verdict"] == verdict).any()]
    handles = [
        Line2D([], [], ls="", marker=style.VERDICT_MARKERS[verdict], color=style.VERDICT_COLOURS[verdict],
               label=_WORDS[verdict])
        for verdict in present
    ]  # fmt: skip
    if least:
        handles.append(Line2D([], [], color=style.INK, lw=0.9, ls=(0, (4, 2)), label="least accepted"))
    height = float(figure.get_size_inches()[1])
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(left, 1 - 0.27 / height), ncols=4)
