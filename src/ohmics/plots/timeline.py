"""Samples with patient, timepoint and verdict come in, a grid of which patient has which sample goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ohmics.plots import style

_MARKERS = {"use": "o", "use_with_care": "^", "excluded": "X"}
_WORDS = {"use": "usable", "use_with_care": "use with care", "excluded": "excluded"}


def timeline(
    samples: pd.DataFrame,
    *,
    timepoints: Sequence[str] | None = None,
    patients: Sequence[str] | None = None,
    colours: Mapping[str, str] | None = None,
    title: str = "Samples per patient",
) -> Figure:
    """Draw patients × timepoints with one mark a sample, its shape by verdict.

    Parameters
    ----------
    samples
        ``sample``, ``patient``, ``timepoint``, ``verdict`` (use, use_with_care, excluded, or missing).
    timepoints, patients
        Orders; natural order when not given.
    colours
        Timepoint to colour.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(samples, ("sample", "patient", "timepoint", "verdict"), "timeline")
    if samples.empty:
        return style.blank("There is no sample.")
    across = list(timepoints) if timepoints is not None else style.in_order(samples["timepoint"].unique())
    down = list(patients) if patients is not None else style.in_order(samples["patient"].unique())
    known = style.colours_for(samples["timepoint"], colours or style.assign(across))
    groups = dict(list(samples.groupby(["patient", "timepoint"], sort=True, observed=True)))
    with style.applied():
        left = 0.3 + max(style.text_width(style.clip_label(name, 20)) for name in down)
        step = max(1.0, 0.15 + max(style.text_width(style.clip_label(name, 16)) for name in across))
        width = max(left + step * len(across) + 0.2, 4.6)
        height = 1.15 + 0.25 * len(down)
        figure = Figure(figsize=(width, height))
        axes = figure.add_axes((left / width, 0.35 / height, step * len(across) / width, 0.25 * len(down) / height))
        for row, patient in enumerate(down):
            axes.axhline(row, color=style.GRID, lw=0.8, zorder=0)
            for column, timepoint in enumerate(across):
                own = groups.get((patient, timepoint))
                if own is None:
                    continue
                gap = min(0.16, 0.7 / len(own))
                for number, verdict in enumerate(own["verdict"]):
                    x = column + gap * (number - (len(own) - 1) / 2)
                    axes.plot(
                        x,
                        row,
                        marker=_MARKERS.get(verdict, "o"),
                        markersize=7,
                        color=known[timepoint],
                        linestyle="",
                        markerfacecolor=known[timepoint] if verdict in _MARKERS else "white",
                    )
        _finish(figure, down, across, title)
    return figure


def _finish(figure: Figure, down: Sequence[str], across: Sequence[str], title: str) -> None:
    axes = figure.axes[0]
    axes.set_xlim(-0.5, len(across) - 0.5)
    axes.set_ylim(len(down) - 0.5, -0.5)
    axes.set_xticks(range(len(across)))
    axes.set_xticklabels([style.clip_label(name, 16) for name in across])
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(down)))
    axes.set_yticklabels([style.clip_label(name, 20) for name in down])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    figure.text(
        0.02,
        1 - 0.1 / figure.get_size_inches()[1],
        style.clip_label(title, 60),
        fontsize=10,
        fontweight="bold",
        va="top",
    )
    handles = [
        Line2D([], [], marker=marker, linestyle="", color=style.PALE_INK, markersize=6, label=_WORDS[verdict])
        for verdict, marker in _MARKERS.items()
    ]
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.0, 0.0), ncols=3, handletextpad=0.2, columnspacing=1.0
    )
