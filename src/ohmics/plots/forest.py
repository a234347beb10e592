"""Cohort effects, one a mechanism, come in; a forest plot with intervals, margins and numbers goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from ohmics.plots import style

_ARROWS = {"up": "↑", "down": "↓"}
# With few units an sd can be tiny by chance: one such row would squeeze all others into a line.
_FARTHEST_SD = 6.0
_FARTHEST_OF_MANY = 40.0
_FEW_BEYOND = 0.15


def forest(
    effects: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    directions: Mapping[str, str] | None = None,
    margins: Mapping[str, float] | None = None,
    title: str = "Change over the cohort",
    unit: str = "patient",
    threshold: float = 0.05,
) -> Figure:
    """Draw each mechanism's effect over the cohort with its interval, from top to bottom in the frame's order.

    Effects are shown in between-patient sd of the change (effect over EFFECTS.sd_change), the unit
    of the margins; where no row has an sd they stay in units of the score.

    Parameters
    ----------
    effects
        EFFECTS rows of level ``cohort`` of one contrast, one a mechanism: ``mechanism``, ``effect``,
        ``low``, ``high``, ``sd_change``, ``q``, ``n_pairs``, ``n_units``, ``n_positive``, ``interval_level``,
        ``cell_type``.
    labels
        Mechanism to the name shown.
    directions
        Mechanism to the direction predicted under resistance, ``up`` or ``down``.
    margins
        Mechanism to the margin within which a change does not matter, in sd; drawn as a band.
    unit
        What the independent units are called.
    threshold
        A q below it fills the marker.

    Returns
    -------
    Figure
        A row whose effect is empty, or which cannot be put in sd, is named with ``not estimable``.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    needed = (
        "mechanism", "cell_type", "effect", "low", "high", "interval_level", "sd_change", "q", "n_pairs", "n_units",
        "n_positive",
    )  # fmt: skip
    style.require(effects, needed, "forest")
    if effects.empty:
        return style.blank("No mechanism has an effect over the cohort.")
    rows = effects.reset_index(drop=True)
    sds = rows["sd_change"].to_numpy(dtype=float, na_value=np.nan)
    in_sd = bool(np.any(np.isfinite(sds) & (sds > 0)))
    divisor = np.where(np.isfinite(sds) & (sds > 0), sds, np.nan) if in_sd else np.ones(len(rows))
    middle, low, high = (
        rows[name].to_numpy(dtype=float, na_value=np.nan) / divisor for name in ("effect", "low", "high")
    )
    # A missing q is below nothing.
    q = rows["q"].to_numpy(dtype=float, na_value=np.nan)
    bound = _bound(middle, low, high, in_sd=in_sd)
    names = [style.clip_label((labels or {}).get(name, name), 64) for name in rows["mechanism"]]
    with style.applied():
        figure, axes = _canvas(rows, names, directions, title)
        axes.axvline(0, color=style.PALE_INK, lw=0.9)
        for place, name in enumerate(rows["mechanism"]):
            if in_sd and margins and name in margins:
                axes.add_patch(
                    Rectangle((-margins[name], place - 0.42), 2 * margins[name], 0.84, facecolor="#E8EBEF", linewidth=0)
                )
            _row(axes, place, (middle[place], low[place], high[place]), bound, passes=bool(q[place] < threshold))
        axes.set_xlim(-bound, bound)
        axes.set_xlabel(f"change, sd of the change between {unit}s" if in_sd else "change, units of the score")
        _numbers(axes, rows)
        _legend(figure, threshold, margins=in_sd and bool(margins))
    return figure


def _bound(middle: np.ndarray, low: np.ndarray, high: np.ndarray, *, in_sd: bool) -> float:
    """Return where the axis ends: at 6 sd, unless more than a few rows lie beyond; those are drawn at the edge."""
    ends = np.abs(np.concatenate([middle, low, high]))
    ends = ends[np.isfinite(ends)]
    farthest = float(ends.max()) if len(ends) else 1.0
    if not in_sd:
        return farthest * 1.06 or 1.0
    beyond = np.nanmean(np.abs(middle) > _FARTHEST_SD) if np.isfinite(middle).any() else 0.0
    return min(farthest, _FARTHEST_SD if beyond <= _FEW_BEYOND else _FARTHEST_OF_MANY) * 1.06 or 1.0


def _canvas(
    rows: pd.DataFrame, names: Sequence[str], directions: Mapping[str, str] | None, title: str
) -> tuple[Figure, Axes]:
    labels = [
        f"{name}  {_ARROWS.get((directions or {}).get(mechanism, ''), ' ')}"
        for name, mechanism in zip(names, rows["mechanism"], strict=True)
    ]
    left = 0.3 + max(style.text_width(label) for label in labels)
    right = 3.6
    width = left + 3.6 + right
    height = 1.32 + 0.23 * len(rows)
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((left / width, 0.78 / height, 3.6 / width, 0.23 * len(rows) / height))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)))
    axes.set_yticklabels(labels)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    figure.text(0.12 / width, 1 - 0.1 / height, style.clip_label(title, 110), fontsize=10, fontweight="bold", va="top")
    return figure, axes


def _row(axes: Axes, place: int, values: tuple[float, float, float], bound: float, *, passes: bool) -> None:
    middle, low, high = values
    if not np.isfinite(middle):
        axes.text(
            0,
            place,
            "not estimable",
            ha="center",
            va="center",
            fontsize=7,
            color=style.PALE_INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )
        return
    colour = style.HIGHER if middle > 0 else style.LOWER
    if abs(middle) <= bound and (np.isfinite(low) or np.isfinite(high)):
        ends = (max(low, -bound) if np.isfinite(low) else -bound, min(high, bound) if np.isfinite(high) else bound)
        axes.plot(ends, [place, place], color=colour, lw=1.5, solid_capstyle="butt")
        for end, beyond, marker in ((-bound, not low >= -bound, "<"), (bound, not high <= bound, ">")):
            if beyond:
                axes.plot(end, place, marker=marker, color=colour, markersize=5, clip_on=False)
    if abs(middle) > bound:
        edge = float(np.sign(middle)) * bound * 0.985
        axes.text(
            edge * 0.93,
            place,
            f"{middle:.3g}",
            fontsize=7,
            color=colour,
            ha="right" if edge > 0 else "left",
            va="center",
        )
        axes.plot(edge, place, marker=">" if edge > 0 else "<", markersize=6, color=colour, clip_on=False)
        return
    axes.plot(
        middle,
        place,
        marker="o",
        markersize=6,
        markerfacecolor=colour if passes else "white",
        markeredgecolor=colour,
        markeredgewidth=1.4,
    )


def _numbers(axes: Axes, rows: pd.DataFrame) -> None:
    """Write n, how many rose, q, the interval's level and the cell type beside each row."""
    transform = axes.get_yaxis_transform()
    columns = (
        (1.10, "n", "right"), (1.26, "higher in", "right"), (1.41, "q", "right"), (1.56, "level", "right"),
        (1.60, "measured in", "left"),
    )  # fmt: skip
    for x, heading, align in columns:
        axes.text(x, -0.85, heading, transform=transform, fontsize=7.5, color=style.PALE_INK, ha=align, va="center")
    plain = rows[["n_pairs", "q", "interval_level", "n_units", "n_positive"]].to_numpy(dtype=float, na_value=np.nan)
    for place, (pairs, q, level, units, higher) in enumerate(plain):
        texts = (
            f"{pairs:.0f}" if np.isfinite(pairs) else "–",
            f"{higher:.0f} of {units:.0f}" if np.isfinite(higher) and np.isfinite(units) else "–",
            f"{q:.2g}" if np.isfinite(q) else "–",
            f"{100 * level:.3g} %" if np.isfinite(level) else "–",
            style.clip_label(rows["cell_type"].iloc[place], 20),
        )
        for (x, _, align), text in zip(columns, texts, strict=True):
            axes.text(x, place, text, transform=transform, fontsize=7.5, ha=align, va="center")


def _legend(figure: Figure, threshold: float, *, margins: bool) -> None:
    handles: list[Line2D | Patch] = [
        Line2D([], [], marker="o", linestyle="", color=style.PALE_INK, markersize=6, label=f"q < {threshold:g}"),
        Line2D(
            [],
            [],
            marker="o",
            linestyle="",
            color=style.PALE_INK,
            markerfacecolor="white",
            markersize=6,
            label=f"q ≥ {threshold:g} or none",
        ),
    ]
    if margins:
        handles.append(Patch(facecolor="#E8EBEF", label="margin: a change inside does not matter"))
    handles.append(
        Line2D([], [], linestyle="", marker="$↑$", color=style.INK, markersize=6, label="direction predicted")
    )
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.01, 0.0), ncols=4, columnspacing=1.2, handletextpad=0.3
    )
