"""Points of two Kaplan-Meier curves come in, stepped curves with their intervals and numbers at risk go out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ohmics.plots import style

_COLOURS = {"above": style.ACCENT, "below": style.SECOND}
_LINES = {"above": "-", "below": (0, (5, 1.5))}
_WORDS = {"above": "above the cut", "below": "at or below the cut"}


def survival(curves: pd.DataFrame, *, title: str = "Survival") -> Figure:
    """Draw survival of the patients above and below a declared cut.

    Parameters
    ----------
    curves
        SURVIVAL_CURVES rows of one mechanism and outcome.
    title
        Above the figure.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(curves, ("group", "time", "at_risk", "censored", "survival", "low", "high", "unit"), "survival")
    if curves.empty:
        return style.blank("No curve was computed.")
    groups = [name for name in _COLOURS if (curves["group"] == name).any()]
    with style.applied():
        figure = Figure(figsize=(5.6, 4.1))
        axes = figure.add_axes((0.13, 0.39, 0.84, 0.51))
        for name in groups:
            _curve(axes, curves[curves["group"] == name], name)
        last = float(curves["time"].max())
        axes.set_xlim(0, last * 1.03)
        axes.set_ylim(0, 1.03)
        axes.set_ylabel("share without the event")
        axes.set_xlabel(f"time, {style.clip_label(curves['unit'].iloc[0], 20)}")
        figure.legend(loc="lower right", bbox_to_anchor=(1.0, 0.0), ncols=2, handlelength=2.6)
        style.heading(figure, title)
        _at_risk(axes, curves, groups)
    return figure


def _curve(axes: Axes, rows: pd.DataFrame, name: str) -> None:
    plain = rows.sort_values("time")[["time", "survival", "low", "high", "censored"]]
    time, share, low, high, censored = plain.to_numpy(dtype=float, na_value=np.nan).T
    axes.step(time, share, where="post", color=_COLOURS[name], ls=_LINES[name], lw=1.6, label=_WORDS[name])
    known = np.isfinite(low) & np.isfinite(high)
    if known.any():
        axes.fill_between(
            time, low, high, where=known.tolist(), step="post", color=_COLOURS[name], alpha=0.14, linewidth=0
        )
    axes.plot(time[censored > 0], share[censored > 0], linestyle="", marker="|", color=_COLOURS[name], markersize=6)


def _at_risk(axes: Axes, curves: pd.DataFrame, groups: list[str]) -> None:
    """Write the patients still at risk under the ticks."""
    ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= axes.get_xlim()[1]]
    transform = axes.get_xaxis_transform()
    axes.text(0, -0.36, "at risk", transform=transform, fontsize=7.5, color=style.PALE_INK, ha="center")
    for line, name in enumerate(groups):
        rows = curves[curves["group"] == name].sort_values("time")
        times, risk = rows["time"].to_numpy(dtype=float), rows["at_risk"].to_numpy(dtype=float)
        for tick in ticks:
            later = np.flatnonzero(times >= tick)
            left = risk[later[0]] if later.size else 0
            axes.text(
                tick,
                -0.47 - 0.11 * line,
                f"{left:.0f}",
                transform=transform,
                fontsize=7.5,
                color=_COLOURS[name],
                ha="center",
            )
