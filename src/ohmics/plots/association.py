"""Associations with one outcome, one a mechanism, come in; a forest plot with intervals and numbers goes out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ohmics.plots import style

_FARTHEST = np.log(32.0)
_TICKS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16, 32)
_RATIOS = {"logistic_firth": "odds ratio", "cox": "hazard ratio"}


def association(
    rows: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    title: str = "Association with outcome",
    unit: str = "patient",
    threshold: float = 0.05,
) -> Figure:
    """Draw each mechanism's odds or hazard ratio with its interval on a logarithmic scale, in the frame's order.

    Parameters
    ----------
    rows
        ASSOCIATION rows of one outcome: ``mechanism``, ``model``, ``effect``, ``low``, ``high``, ``q``, ``n``,
        ``n_events``, ``auc`` and its interval, ``cell_type``.
    labels
        Mechanism to the name shown.
    title
        Above the figure.
    unit
        What the independent units are called.
    threshold
        A q below it fills the marker.

    Returns
    -------
    Figure
        Ratios beyond 32 are drawn at the edge, as an arrow.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    needed = ("mechanism", "model", "effect", "low", "high", "q", "n", "n_events", "auc", "cell_type")
    style.require(rows, (*needed, "auc_low", "auc_high"), "association")
    if rows.empty:
        return style.blank("No mechanism was held against this outcome.")
    frame = rows.reset_index(drop=True)
    values = frame[["effect", "low", "high"]].to_numpy(dtype=float, na_value=np.nan)
    bound = float(np.clip(np.nanmax(np.abs(values)), np.log(2.0), _FARTHEST)) * 1.06
    q = frame["q"].to_numpy(dtype=float, na_value=np.nan)
    names = [style.clip_label((labels or {}).get(str(name), str(name)), 64) for name in frame["mechanism"]]
    with style.applied():
        figure, axes = _canvas(names, title)
        axes.axvline(0, color=style.PALE_INK, lw=0.9)
        for place, (effect, low, high) in enumerate(values):
            _row(axes, place, (effect, low, high), bound, passes=bool(q[place] < threshold))
        axes.set_xlim(-bound, bound)
        ticks = [tick for tick in _TICKS if abs(np.log(tick)) <= bound]
        axes.set_xticks(np.log(ticks))
        axes.set_xticklabels([f"1/{1 / tick:.0f}" if tick < 1 else f"{tick:.0f}" for tick in ticks])
        ratio = _RATIOS.get(str(frame["model"].iloc[0]), "ratio")
        axes.set_xlabel(f"{ratio}, per sd of the score between {unit}s")
        _numbers(axes, frame)
        _legend(figure, threshold)
    return figure


def _canvas(names: list[str], title: str) -> tuple[Figure, Axes]:
    left = 0.3 + max(style.text_width(name) for name in names)
    width, height = left + 3.4 + 3.7, 1.32 + 0.23 * len(names)
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((left / width, 0.78 / height, 3.4 / width, 0.23 * len(names) / height))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)))
    axes.set_yticklabels(names)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    figure.text(0.12 / width, 1 - 0.1 / height, style.clip_label(title, 110), fontsize=10, fontweight="bold", va="top")
    return figure, axes


def _row(axes: Axes, place: int, values: tuple[float, float, float], bound: float, *, passes: bool) -> None:
    effect, low, high = values
    if not np.isfinite(effect):
        axes.text(0, place, "not estimable", ha="center", va="center", fontsize=7, color=style.PALE_INK)
        return
    colour = style.HIGHER if effect > 0 else style.LOWER
    axes.plot((max(low, -bound), min(high, bound)), [place, place], color=colour, lw=1.5, solid_capstyle="butt")
    for edge, beyond, marker in ((-bound, low < -bound, "<"), (bound, high > bound, ">")):
        if beyond:
            axes.plot(edge, place, marker=marker, color=colour, markersize=5, clip_on=False)
    axes.plot(
        float(np.clip(effect, -bound, bound)),
        place,
        marker="o",
        markersize=6,
        markerfacecolor=colour if passes else "white",
        markeredgecolor=colour,
        markeredgewidth=1.4,
    )


def _numbers(axes: Axes, frame: pd.DataFrame) -> None:
    """Write patients, events, q, the area under the curve and the cell type beside each row."""
    transform = axes.get_yaxis_transform()
    areas = bool(frame["auc"].notna().any())
    columns = [(1.10, "n", "right"), (1.27, "events", "right"), (1.42, "q", "right")]
    columns += [(1.75, "AUC (95 %)", "right")] if areas else []
    columns += [(1.80 if areas else 1.47, "measured in", "left")]
    for x, heading, align in columns:
        axes.text(x, -0.85, heading, transform=transform, fontsize=7.5, color=style.PALE_INK, ha=align, va="center")
    plain = frame[["n", "n_events", "q", "auc", "auc_low", "auc_high"]].to_numpy(dtype=float, na_value=np.nan)
    for place, (n, events, q, auc, low, high) in enumerate(plain):
        texts = [f"{n:.0f}", f"{events:.0f}", f"{q:.2g}" if np.isfinite(q) else "–"]
        texts += [f"{auc:.2f} ({low:.2f}–{high:.2f})"] if areas else []
        texts += [style.clip_label(frame["cell_type"].iloc[place], 18)]
        for (x, _, align), text in zip(columns, texts, strict=True):
            axes.text(x, place, text, transform=transform, fontsize=7.5, ha=align, va="center")


def _legend(figure: Figure, threshold: float) -> None:
    ink = style.PALE_INK
    handles = [
        Line2D([], [], marker="o", linestyle="", color=ink, markersize=6, label=f"q < {threshold:g}"),
        Line2D(
            [], [], marker="o", linestyle="", color=ink, markersize=6, markerfacecolor="white",
            label=f"q ≥ {threshold:g}",
        ),
    ]  # fmt: skip
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.01, 0.0), ncols=2, columnspacing=1.2, handletextpad=0.3
    )
