"""Changes of a terminal exhaustion score, raw and beyond other states, come in; one row a patient goes out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ohmics.plots import style

_SERIES = (("raw", "raw", style.PALE_INK, "o", "white"), ("beyond", "beyond", style.ACCENT, "D", ""))
_BEYOND_WORDS = "beyond activation, proliferation and depth"


def states(
    changes: pd.DataFrame,
    *,
    cohort: str,
    subjects: Sequence[str] | None = None,
    title: str = "Terminal exhaustion of T cells",
) -> Figure:
    """Draw the change of the terminal score, raw and beyond, one row a patient and a last one for the cohort.

    Parameters
    ----------
    changes
        ``subject``, ``series`` (raw or beyond), ``effect``, ``low``, ``high``; the row whose subject is ``cohort``
        is drawn last and apart. Missing ends draw no line.
    cohort
        Subject of the cohort's rows.
    subjects
        Order from top to bottom; natural order when not given.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(changes, ("subject", "series", "effect", "low", "high"), "states")
    if changes.empty:
        return style.blank("No change of the terminal score was computed.")
    people = [name for name in dict.fromkeys(changes["subject"].astype(str)) if name != cohort]
    order = list(subjects) if subjects is not None else style.in_order(people)
    shown = [*order, *([cohort] if (changes["subject"] == cohort).any() else [])]
    labels = [style.clip_label("all together" if name == cohort else name, 28) for name in shown]
    places = np.arange(len(shown)) + np.array([0.5 if name == cohort else 0.0 for name in shown])
    with style.applied():
        left = 0.35 + max(style.text_width(label) for label in labels)
        width, height = left + 4.2, 1.45 + 0.34 * (places[-1] + 1)
        figure = Figure(figsize=(width, height))
        body = 0.34 * (places[-1] + 1)
        axes = figure.add_axes((left / width, 0.95 / height, 4.0 / width, body / height))
        axes.axvline(0, color=style.PALE_INK, lw=0.9)
        by_key = {(str(row.subject), str(row.series)): row for row in changes.itertuples()}
        for place, name in zip(places, shown, strict=True):
            _row(axes, place, [by_key.get((name, series)) for series, *_ in _SERIES], last=name == cohort)
        axes.set_ylim(places[-1] + 0.6, -0.6)
        axes.set_yticks(places, labels)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("change of the mean score (mean z of the list's genes)")
        style.heading(figure, title)
        handles = [
            Line2D([], [], marker=mark, linestyle="", color=colour, markerfacecolor=face or colour, label=label)
            for label, (_, _, colour, mark, face) in zip(("raw", _BEYOND_WORDS), _SERIES, strict=True)
        ]
        figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 0.0), ncols=2, columnspacing=1.2)
    return figure


def _row(axes: Axes, place: float, rows: Sequence[object], *, last: bool) -> None:
    """Draw the two marks of one subject, the raw one above."""
    for row, shift, (_, _, colour, mark, face) in zip(rows, (-0.14, 0.14), _SERIES, strict=True):
        if row is None:
            continue
        low, high, effect = (float(getattr(row, name)) for name in ("low", "high", "effect"))
        if np.isfinite(low) and np.isfinite(high):
            axes.plot([low, high], [place + shift] * 2, color=colour, lw=2.2 if last else 1.2)
        axes.plot(
            effect,
            place + shift,
            marker=mark,
            color=colour,
            markerfacecolor=face or colour,
            markersize=7 if last else 5,
        )
