"""Samples with patient, timepoint and verdict come in, a grid of which patient has which sample goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ohmics.plots import style

_MARKERS = style.VERDICT_MARKERS
_WORDS = {"use": "usable", "use_with_care": "use with care", "excluded": "excluded"}
MOST_DOWN = 16
"""More patients than this stand side by side instead of below each other."""


def timeline(
    samples: pd.DataFrame,
    *,
    timepoints: Sequence[str] | None = None,
    patients: Sequence[str] | None = None,
    colours: Mapping[str, str] | None = None,
    title: str = "Samples per patient",
) -> Figure:
    """Draw patients × timepoints with one mark a sample, its shape by verdict; many patients stand side by side.

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
    times = list(timepoints) if timepoints is not None else style.in_order(samples["timepoint"].unique())
    people = list(patients) if patients is not None else style.in_order(samples["patient"].unique())
    known = style.colours_for(samples["timepoint"], colours or style.assign(times, palette=style.TIMEPOINTS))
    wide = len(people) > MOST_DOWN
    with style.applied():
        figure, axes = _wide(people, times) if wide else _tall(people, times)
        for (patient, timepoint), own in samples.groupby(["patient", "timepoint"], sort=True, observed=True):
            if patient not in people or timepoint not in times:
                continue
            gap = min(0.16, 0.7 / len(own))
            for number, verdict in enumerate(own["verdict"]):
                shift = gap * (number - (len(own) - 1) / 2)
                person, time = people.index(patient), times.index(timepoint)
                x, y = (person, time + shift) if wide else (time + shift, person)
                fill = known[timepoint] if verdict in _MARKERS else "white"
                marker = _MARKERS.get(verdict, "o")
                axes.plot(x, y, marker=marker, markersize=7, color=known[timepoint], ls="", markerfacecolor=fill)
        _finish(figure, title)
    return figure


def _tall(people: Sequence[str], times: Sequence[str]) -> tuple[Figure, Axes]:
    left = 0.3 + max(style.text_width(style.clip_label(name, 20)) for name in people)
    step = max(1.0, 0.15 + max(style.text_width(style.clip_label(name, 16)) for name in times))
    width, height = max(left + step * len(times) + 0.2, 4.6), 1.15 + 0.25 * len(people)
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((left / width, 0.35 / height, step * len(times) / width, 0.25 * len(people) / height))
    _frame(axes, across=times, down=people)
    axes.xaxis.tick_top()
    return figure, axes


def _wide(people: Sequence[str], times: Sequence[str]) -> tuple[Figure, Axes]:
    left = 0.3 + max(style.text_width(style.clip_label(name, 16)) for name in times)
    below = 0.45 + max(style.text_width(style.clip_label(name, 20), 7) for name in people)
    step = 0.17
    width, height = max(left + step * len(people) + 0.2, 4.6), 0.5 + below + 0.28 * len(times)
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((left / width, below / height, step * len(people) / width, 0.28 * len(times) / height))
    _frame(axes, across=people, down=times)
    axes.tick_params(axis="x", labelrotation=90, labelsize=7)
    return figure, axes


def _frame(axes: Axes, *, across: Sequence[str], down: Sequence[str]) -> None:
    axes.set_xlim(-0.5, len(across) - 0.5)
    axes.set_ylim(len(down) - 0.5, -0.5)
    axes.set_xticks(range(len(across)), [style.clip_label(name, 20) for name in across])
    axes.set_yticks(range(len(down)), [style.clip_label(name, 20) for name in down])
    axes.tick_params(length=0)
    for row in range(len(down)):
        axes.axhline(row, color=style.GRID, lw=0.8, zorder=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _finish(figure: Figure, title: str) -> None:
    style.heading(figure, title)
    handles = [
        Line2D([], [], marker=marker, linestyle="", color=style.PALE_INK, markersize=6, label=_WORDS[verdict])
        for verdict, marker in _MARKERS.items()
    ]
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.0, 0.0), ncols=3, handletextpad=0.2, columnspacing=1.0
    )
