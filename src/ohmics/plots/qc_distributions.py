"""Quality metrics of every cell come in, one strip a sample with the cells before and after filters goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ohmics.plots import style


@dataclass(frozen=True, slots=True)
class _Metric:
    column: str
    label: str
    logarithmic: bool
    median: str


_METRICS = (
    _Metric("n_umi", "UMI a cell", True, "median_umi"),
    _Metric("n_genes", "genes a cell", True, "median_genes"),
    _Metric("pct_mito", "mitochondrial UMI, %", False, "pct_mito"),
)
_BINS = 48
_MOST_SHAPES = 60
# Percentages above this share one last bin: dead cells would squeeze the living into a corner.
_MITO_TOP = 50.0


def qc_distributions(
    cell_qc: pd.DataFrame,
    *,
    qc: pd.DataFrame | None = None,
    samples: Sequence[str] | None = None,
    colours: Mapping[str, str] | None = None,
    thresholds: Mapping[str, float] | None = None,
    title: str = "Quality of cells before and after filters",
) -> Figure:
    """Draw UMI, genes and mitochondrial share per sample, all cells in grey and kept cells in colour.

    Each strip counts cells in equal bins, scaled to its own tallest bin; nothing is smoothed.

    Parameters
    ----------
    cell_qc
        CELL_QC: one row a cell before filters.
    qc
        QC: its medians of kept cells are marked.
    samples
        Order of the samples; natural order when not given.
    colours
        Sample to colour.
    thresholds
        ``n_umi``, ``n_genes`` or ``pct_mito`` to a fixed threshold, drawn as a dashed line.
    title
        Heading.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(cell_qc, ("sample", "kept", *[metric.column for metric in _METRICS]), "qc_distributions")
    order = list(samples) if samples is not None else style.in_order(cell_qc["sample"].unique())
    if not order or cell_qc.empty:
        return style.blank("No cell was counted.")
    medians = qc.set_index("sample") if qc is not None else None
    with style.applied():
        height = 1.6 + (0.36 if len(order) <= 40 else 0.22) * len(order)
        left = min(0.25 + max(style.text_width(style.clip_label(name, 24)) for name in order), 2.4)
        width = left + 7.55
        figure = Figure(figsize=(width, height))
        each = (7.4 - 0.6) / len(_METRICS)
        groups = {str(name): cells for name, cells in cell_qc.groupby("sample", observed=True, sort=False)}
        for place, metric in enumerate(_METRICS):
            axes = figure.add_axes(
                ((left + place * (each + 0.26)) / width, 0.62 / height, each / width, (height - 1.3) / height)
            )
            middles = (
                None if medians is None else {str(k): float(v) for k, v in medians[metric.median].dropna().items()}
            )
            _strips(axes, groups, order, metric, middles, colours or {})
            if thresholds and metric.column in thresholds:
                axes.axvline(
                    _scaled(np.array([thresholds[metric.column]]), metric)[0], color=style.INK, lw=0.9, ls=(0, (4, 2))
                )
            if place:
                axes.set_yticklabels([])
        style.heading(figure, title)
        _legend(figure, left, thresholds=bool(thresholds), medians=medians is not None)
    return figure


def _legend(figure: Figure, left: float, *, thresholds: bool, medians: bool) -> None:
    handles: list[Patch | Line2D] = [
        Patch(facecolor="#DDE1E6", edgecolor="#9AA3AE", linewidth=0.6, label="all cells"),
        Patch(facecolor=style.OKABE_ITO[0], label="kept cells (coloured)"),
    ]
    if medians:
        handles.append(Line2D([], [], color=style.INK, lw=1.6, label="median of kept cells"))
    if thresholds:
        handles.append(Line2D([], [], color=style.INK, lw=0.9, ls=(0, (4, 2)), label="fixed threshold"))
    width, height = (float(side) for side in figure.get_size_inches())
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(left / width, 1 - 0.27 / height), ncols=4, columnspacing=1.4
    )


def _scaled(values: np.ndarray, metric: _Metric) -> np.ndarray:
    plain = np.asarray(values, dtype=float)
    scaled = np.log10(np.maximum(plain, 1.0)) if metric.logarithmic else np.minimum(plain, _MITO_TOP)
    return np.asarray(scaled, dtype=float)


def _strips(
    axes: Axes,
    groups: Mapping[str, pd.DataFrame],
    order: Sequence[str],
    metric: _Metric,
    medians: Mapping[str, float] | None,
    colours: Mapping[str, str],
) -> None:
    scaled = {
        name: _scaled(cells[metric.column].to_numpy(dtype=float, na_value=np.nan), metric)
        for name, cells in groups.items()
    }
    top = max((float(np.nanmax(v)) for v in scaled.values() if len(v) and np.isfinite(v).any()), default=1.0)
    edges = np.linspace(0.0, max(top, 1e-9), _BINS + 1)
    if metric.logarithmic:
        bottom = min((float(np.nanmin(v)) for v in scaled.values() if len(v) and np.isfinite(v).any()), default=0.0)
        edges = np.linspace(bottom, max(top, bottom + 0.1), _BINS + 1)
    # As shapes, the strips of many samples would weigh more than a megabyte.
    many = len(order) > _MOST_SHAPES
    for row, name in enumerate(order):
        base = len(order) - 1 - row
        axes.axhline(base, color=style.GRID, lw=0.8, zorder=0)
        if name not in groups:
            axes.text(
                edges[0], base + 0.32, "  no cell was counted", fontsize=7, color=style.PALE_INK, va="center",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5}, zorder=3,
            )  # fmt: skip
            continue
        kept = groups[name]["kept"].fillna(False).to_numpy(dtype=bool)
        everyone = np.histogram(scaled[name][np.isfinite(scaled[name])], edges)[0]
        after = np.histogram(scaled[name][kept & np.isfinite(scaled[name])], edges)[0]
        tallest = max(int(everyone.max()), 1)
        shade = colours.get(name, style.OKABE_ITO[0])
        axes.stairs(
            base + 0.86 * everyone / tallest,
            edges,
            baseline=base,
            fill=True,
            facecolor="#DDE1E6",
            edgecolor="#9AA3AE",
            lw=0.6,
            rasterized=many,
        )
        axes.stairs(
            base + 0.86 * after / tallest, edges, baseline=base, fill=True, facecolor=shade, alpha=0.9, rasterized=many
        )
        marked = np.nan if medians is None else float(medians.get(name, np.nan))
        if np.isfinite(marked):
            middle = _scaled(np.array([marked]), metric)[0]
            axes.plot([middle, middle], [base, base + 0.86], color=style.INK, lw=1.6, solid_capstyle="butt")
    _finish(axes, order, metric, edges)


def _finish(axes: Axes, order: Sequence[str], metric: _Metric, edges: np.ndarray) -> None:
    axes.set_ylim(-0.1, len(order) + 0.05)
    axes.set_yticks([len(order) - 1 - row + 0.3 for row in range(len(order))])
    axes.set_yticklabels([style.clip_label(name, 24) for name in order])
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel(metric.label)
    axes.spines["left"].set_visible(False)
    if metric.logarithmic:
        powers = [
            p
            for p in (1, 3, 10, 30, 100, 300, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6)
            if edges[0] <= np.log10(p) <= edges[-1]
        ]
        if len(powers) > 5:
            powers = powers[::2]
        axes.set_xticks([float(np.log10(p)) for p in powers])
        axes.set_xticklabels([f"{p:,.0f}" for p in powers])
    elif edges[-1] >= _MITO_TOP:
        axes.set_xticks([0, 10, 20, 30, 40, 50])
        axes.set_xticklabels(["0", "10", "20", "30", "40", "50+"])
