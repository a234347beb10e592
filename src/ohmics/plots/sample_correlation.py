"""Correlations of bulk samples come in, a map of how alike they are goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ohmics.plots import style

_MOST_LABELS = 70
"""With more samples than this their names would be too small to read, and are left out."""


def sample_correlation(
    correlations: pd.DataFrame,
    *,
    samples: Sequence[str],
    groups: Mapping[str, str] | None = None,
    title: str = "Correlation between samples",
) -> Figure:
    """Draw samples × samples, darker where two samples are more alike.

    Parameters
    ----------
    correlations
        SAMPLE_CORRELATION: ``sample``, ``other``, ``correlation``, both orders of each pair.
    samples
        Order of rows and columns; those without a correlation are left out.
    groups
        Sample to its group (usually the patient); a thin line parts groups that lie beside each other.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(correlations, ("sample", "other", "correlation"), "sample_correlation")
    known = set(correlations["sample"].astype(str))
    order = [name for name in samples if name in known]
    if len(order) < 2:
        return style.blank("Fewer than two samples were compared.")
    table = correlations.pivot_table(index="sample", columns="other", values="correlation", aggfunc="first")
    values = table.reindex(index=order, columns=order).to_numpy(dtype=float)
    with style.applied():
        named = len(order) <= _MOST_LABELS
        room = 0.2 + (max(style.text_width(style.clip_label(name, 24)) for name in order) if named else 0.0)
        side = float(np.clip(0.16 * len(order), 2.6, 7.0))
        width, height = room + side + 1.2, room + side + 0.5
        figure = Figure(figsize=(width, height))
        axes = figure.add_axes((room / width, room / height, side / width, side / height))
        shown = axes.imshow(np.ma.masked_invalid(values), cmap="cividis", interpolation="nearest", aspect="equal")
        places = range(len(order)) if named else []
        axes.set_xticks(list(places), [style.clip_label(name, 24) for name in order] if named else [], rotation=90)
        axes.set_yticks(list(places), [style.clip_label(name, 24) for name in order] if named else [])
        axes.tick_params(length=0, labelsize=min(8.0, 62.0 * side / len(order)))
        _part(figure, order, groups or {})
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_title(style.clip_label(title, 60))
        bar = figure.add_axes(((room + side + 0.2) / width, room / height, 0.14 / width, min(side, 2.0) / height))
        figure.colorbar(shown, cax=bar, label="Spearman correlation")
    return figure


def _part(figure: Figure, order: Sequence[str], groups: Mapping[str, str]) -> None:
    axes = figure.axes[0]
    for place in range(1, len(order)):
        if groups.get(order[place]) != groups.get(order[place - 1]):
            axes.axhline(place - 0.5, color="white", linewidth=0.6)
            axes.axvline(place - 0.5, color="white", linewidth=0.6)
