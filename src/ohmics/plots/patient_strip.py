"""Changes of every patient come in, one patient's against the cohort's go out: a strip a mechanism, and one a share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ohmics.plots import style

_ROW = 0.2
_BODY = 3.1
_FARTHEST = 6.0
_OTHERS = "#C3C8CF"
_RANGE = "#DFE3E8"
_LANED = 0.36
_LANES: Mapping[str, float] = {"before": -0.19, "after": 0.19}
_ROUND = (0.01, 0.02, 0.04, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
VERDICT_COLOURS: Mapping[str, str] = {
    "consistent": style.OKABE_ITO[0],
    "opposite": style.OKABE_ITO[1],
    "within_technical_range": style.PALE_INK,
}
_VERDICT_WORDS: Mapping[str, str] = {
    "consistent": "this {unit}, as predicted",
    "opposite": "this {unit}, the other way",
    "within_technical_range": "this {unit}, within the technical range",
}


def patient_strip(
    changes: pd.DataFrame,
    *,
    patient: str,
    mechanisms: Sequence[str],
    labels: Mapping[str, str] | None = None,
    groups: Mapping[str, str] | None = None,
    scale: Mapping[str, float] | None = None,
    verdicts: Mapping[str, str] | None = None,
    unit: str = "patient",
    title: str = "Changes against the cohort",
) -> Figure:
    """Draw one patient's change of each mechanism among those of all patients.

    Parameters
    ----------
    changes
        ``mechanism``, ``subject``, ``effect``, ``low``, ``high``: one row a mechanism and patient.
    patient
        The subject marked; the others are grey.
    mechanisms
        Order from top to bottom; mechanisms of one group stand together under its name.
    labels, groups
        Mechanism to its name, and to its compartment.
    scale
        Mechanism to the between-patient sd of its change: the axis is in these. Without it, in units of the score.
    verdicts
        Mechanism to this patient's verdict, which decides the colour.
    unit
        What the independent units are called.
    title
        Heading.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(changes, ("mechanism", "subject", "effect", "low", "high"), "patient_strip")
    if changes.empty or not mechanisms:
        return style.blank(f"No change of this {unit} was computed.")
    rows = _rows(mechanisms, groups)
    names = {name: style.clip_label((labels or {}).get(name, name), 46) for name in mechanisms}
    left = 0.3 + max(style.text_width(name) for name in [*names.values(), *(groups or {}).values()])
    body = _ROW * (len(rows) + 0.6)
    width, height = left + _BODY + 0.3, 1.4 + body
    with style.applied():
        figure = Figure(figsize=(width, height))
        axes = figure.add_axes((left / width, 0.95 / height, _BODY / width, body / height))
        axes.axvline(0, color=style.PALE_INK, lw=0.8, zorder=1)
        values = _scaled(changes, scale)
        bound = _bound(values, patient)
        for place, (name, heading) in enumerate(rows):
            if heading:
                axes.axhline(place, color=style.GRID, lw=0.8, zorder=0)
                continue
            _strip(axes, place, values[values["mechanism"] == name], patient, bound, (verdicts or {}).get(name, ""))
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(-bound, bound)
        axes.set_yticks(range(len(rows)), [name if heading else names[name] for name, heading in rows])
        for label, (_, heading) in zip(axes.get_yticklabels(), rows, strict=True):
            if heading:
                label.set_fontweight("bold")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"change, in sd between {unit}s" if scale else "change of the score")
        figure.text(0.02, 1 - 0.1 / height, style.clip_label(title, 76), fontsize=10, fontweight="bold", va="top")
        shown = [name for name in VERDICT_COLOURS if name in set((verdicts or {}).values())]
        handles = [Line2D([], [], ls="", marker="o", ms=4, color=_OTHERS, label=f"other {unit}s")]
        handles += [
            Line2D([], [], marker="D", ms=5, lw=1.4, color=VERDICT_COLOURS[name],
                   label=_VERDICT_WORDS[name].format(unit=unit))
            for name in shown
        ]  # fmt: skip
        figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 0.0), ncols=2, columnspacing=1.2)
    return figure


def _rows(mechanisms: Sequence[str], groups: Mapping[str, str] | None) -> list[tuple[str, bool]]:
    rows: list[tuple[str, bool]] = []
    last = ""
    for name in mechanisms:
        group = (groups or {}).get(name, "")
        if group and group != last:
            rows.append((group, True))
            last = group
        rows.append((name, False))
    return rows


def _scaled(changes: pd.DataFrame, scale: Mapping[str, float] | None) -> pd.DataFrame:
    numbers = changes.astype(dict.fromkeys(("effect", "low", "high"), float))
    if scale is None:
        return numbers
    sd = numbers["mechanism"].map(lambda name: float(scale.get(str(name), np.nan) or np.nan))
    return numbers.assign(**{name: numbers[name] / sd for name in ("effect", "low", "high")})


def _bound(values: pd.DataFrame, patient: str) -> float:
    """Return where the axis ends: 6 sd, less where nothing lies as far out; points beyond stand at the edge."""
    own = values[values["subject"].astype(str) == patient]
    ends = np.abs(np.concatenate([values["effect"].to_numpy(), own["low"].to_numpy(), own["high"].to_numpy()]))
    ends = ends[np.isfinite(ends)]
    return min(float(ends.max()), _FARTHEST) * 1.06 if len(ends) and ends.max() > 0 else 1.0


def _strip(axes: Axes, place: int, rows: pd.DataFrame, patient: str, bound: float, verdict: str) -> None:
    mine = rows["subject"].astype(str) == patient
    others = rows.loc[~mine, "effect"].dropna().clip(-bound, bound)
    axes.plot(others, np.full(len(others), place), ls="", marker="o", ms=3.6, color=_OTHERS, alpha=0.75, zorder=2)
    own = rows[mine & rows["effect"].notna()]
    if own.empty:
        axes.text(0.0, place, "not assessable", fontsize=7, color=style.PALE_INK, ha="center", va="center", zorder=3)
        return
    middle, low, high = (float(own[name].iloc[0]) for name in ("effect", "low", "high"))
    colour = VERDICT_COLOURS.get(verdict, style.INK)
    if np.isfinite(low) and np.isfinite(high):
        axes.plot(np.clip([low, high], -bound, bound), [place, place], color=colour, lw=1.4, zorder=3)
    marker = "D" if abs(middle) <= bound else ">" if middle > 0 else "<"
    if abs(middle) > bound:
        side = "right" if middle > 0 else "left"
        axes.text(0.96 * bound * np.sign(middle), place, f"{middle:+.2g}", fontsize=7, color=colour, ha=side,
                  va="center", zorder=5, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6})  # fmt: skip
    axes.plot(float(np.clip(middle, -bound, bound)), place, marker=marker, ms=5, color=colour, zorder=4, clip_on=False)


def patient_shares(
    shares: pd.DataFrame,
    *,
    sides: tuple[str, str] = ("before", "after"),
    unit: str = "patient",
    alone: bool = False,
    title: str = "Shares against the cohort",
) -> Figure:
    """Draw shares of one patient before and after, each over the range of the cohort: two lanes an item.

    Parameters
    ----------
    shares
        One row a share and side: ``item``, ``side`` (before or after), ``value``, ``low``, ``high``, ``median``,
        ``lowest``, ``highest``; all between 0 and 1. Several samples of a side share its lane.
    sides
        What the two sides are called.
    unit
        What the independent units are called.
    alone
        Whether there is no other one, so that no range is drawn.
    title
        Heading.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(shares, ("item", "side", "value", "low", "high", "median", "lowest", "highest"), "patient_shares")
    rows = shares[shares["side"].isin(_LANES)]
    if rows.empty:
        return style.blank(f"No share of this {unit} was computed.")
    items = list(dict.fromkeys(rows["item"].astype(str)))
    labels = [style.clip_label(item, 40) for item in items]
    left = 0.3 + max(style.text_width(label) for label in labels)
    body = _LANED * len(items)
    width, height = max(left + _BODY + 0.3, 5.2), 1.5 + body
    with style.applied():
        figure = Figure(figsize=(width, height))
        axes = figure.add_axes((left / width, 1.05 / height, _BODY / width, body / height))
        for _, row in rows.iterrows():
            lane = items.index(str(row["item"])) + _LANES[str(row["side"])]
            if not alone:
                _range(axes, lane, row)
            _share(axes, lane, row)
        for place in range(1, len(items)):
            axes.axhline(place - 0.5, color=style.GRID, lw=0.6, zorder=0)
        axes.set_ylim(len(items) - 0.5, -0.5)
        most = _ceiling(rows)
        axes.set_xlim(-0.02 * most, 1.02 * most)
        ticks = [most * part / 4 for part in range(5)]
        axes.set_xticks(ticks, [f"{100 * tick:g}" for tick in ticks])
        axes.set_yticks(range(len(items)), labels)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.set_xlabel("share, %")
        figure.text(0.02, 1 - 0.1 / height, style.clip_label(title, 70), fontsize=10, fontweight="bold", va="top")
        names = [style.clip_label(side, 24) for side in sides]
        handles: list[Artist] = [
            Line2D([], [], marker="o", lw=1.4, color=style.OKABE_ITO[0], markerfacecolor="white", label=names[0]),
            Line2D([], [], marker="o", lw=1.4, color=style.OKABE_ITO[1], label=names[1]),
        ]
        if not alone:
            handles.append(Patch(facecolor=_RANGE, label=f"all {unit}s, lowest to highest; tick: median"))
        figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 0.0), ncols=2, columnspacing=1.0)
    return figure


def _ceiling(rows: pd.DataFrame) -> float:
    """Return where the axis ends: the smallest round share at or above every one drawn."""
    ends = rows[["value", "high", "highest"]].astype(float).to_numpy()
    ends = ends[np.isfinite(ends)]
    return next((step for step in _ROUND if len(ends) and ends.max() <= step), 1.0)


def _range(axes: Axes, lane: float, row: pd.Series) -> None:
    median, lowest, highest = (float(pd.to_numeric(row[name])) for name in ("median", "lowest", "highest"))
    axes.barh(lane, highest - lowest, left=lowest, height=0.34, color=_RANGE, linewidth=0, zorder=1)
    axes.plot([median, median], [lane - 0.17, lane + 0.17], color=style.PALE_INK, lw=1.2, zorder=2)


def _share(axes: Axes, lane: float, row: pd.Series) -> None:
    value, low, high = (float(pd.to_numeric(row[name])) for name in ("value", "low", "high"))
    before = row["side"] == "before"
    colour = style.OKABE_ITO[0 if before else 1]
    if np.isfinite(low) and np.isfinite(high):
        axes.plot([low, high], [lane, lane], color=colour, lw=1.4, zorder=3)
    face = "white" if before else colour
    axes.plot(value, lane, marker="o", ms=5, color=colour, markerfacecolor=face, zorder=4, clip_on=False)
