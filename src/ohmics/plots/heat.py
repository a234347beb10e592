"""One effect per mechanism and patient comes in, a heat map of change goes out; what was not assessed is hatched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from ohmics.plots import style

BEYOND = frozenset({"consistent", "opposite", "supported", "contradicted"})
"""Verdicts on one patient that say: more than the technical range."""
CALLED = {
    "supported": ("+", "#DDEFE3", "#005A32"),
    "contradicted": ("−", "#FBE9DF", "#9A3412"),
    "open": ("~", "#F1F3F5", "#55606E"),
    "consistent": ("(+)", "#F3FAF5", "#2F6B48"),
    "opposite": ("(−)", "#FDF5F0", "#8A4A22"),
}
"""Verdicts that come from a call instead of a score: sign, fill and ink of their cells."""
_UNSCALED = "#FFFFFF"
_MOST_LABEL = 76
_KEY_WIDTH = 8.2


def heat(
    effects: pd.DataFrame,
    *,
    mechanisms: Sequence[str],
    patients: Sequence[str],
    labels: Mapping[str, str] | None = None,
    groups: Mapping[str, str] | None = None,
    scale: Mapping[str, float] | None = None,
    verdicts: Mapping[tuple[str, str], str] | None = None,
    limit: float = 3.0,
    unit: str = "patient",
    title: str = "Change per mechanism and patient",
) -> Figure:
    """Draw change, mechanisms × patients, red for higher and blue for lower on the test side.

    Parameters
    ----------
    effects
        EFFECTS rows of level ``patient``, at most one a mechanism and subject: ``mechanism``,
        ``subject``, ``effect``. A pair that is missing, or an empty effect, is hatched.
    mechanisms, patients
        Rows and columns, in the order drawn; those without any effect are drawn hatched too.
    labels
        Mechanism to the name shown.
    groups
        Mechanism to the heading it stands under; rows of a group must follow each other.
    scale
        Mechanism to the between-patient sd of the change (EFFECTS.sd_change): effects are shown in
        that unit. Effects stay in units of the score when not given.
    verdicts
        (mechanism, patient) to the patient's verdict: a dot marks more than the technical range; a patient
        without a score but with a call gets a sign instead of hatching.
    limit
        Colours end here, in sd; without ``scale`` they end at the largest effect.
    unit
        What the columns are called.

    Raises
    ------
    OhmicsError
        When a column is missing.
    """
    style.require(effects, ("mechanism", "subject", "effect"), "heat")
    if not len(mechanisms) or not len(patients):
        return style.blank("No mechanism has a change of a single patient.")
    values = _matrix(effects, mechanisms, patients)
    unscaled = np.zeros(values.shape, dtype=bool)
    if scale is not None:
        sds = np.array([[scale.get(name, np.nan)] for name in mechanisms], dtype=float)
        unscaled = np.isfinite(values) & ~(np.isfinite(sds) & (sds > 0))
        values = np.divide(values, sds, out=np.full(values.shape, np.nan), where=np.isfinite(sds) & (sds > 0))
    top = limit if scale is not None else float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    rows = _rows(mechanisms, groups)
    title = style.clip_label(title, 110)
    with style.applied():
        figure, axes, key = _canvas(rows, patients, mechanisms, labels, title)
        colours = ScalarMappable(Normalize(-top, top), style.diverging())
        for place, kind, name in rows:
            if kind == "group":
                _group(axes, place, name, first=place == 0)
                continue
            row = mechanisms.index(name)
            for column, patient in enumerate(patients):
                verdict = (verdicts or {}).get((name, patient))
                if verdict in CALLED and not np.isfinite(values[row, column]) and not unscaled[row, column]:
                    _called(axes, column, place, verdict)
                    continue
                _cell(axes, column, place, values[row, column], colours, unscaled=bool(unscaled[row, column]))
                if verdict in BEYOND and np.isfinite(values[row, column]):
                    dark = abs(values[row, column]) > 0.6 * top
                    axes.plot(column, place, marker="o", markersize=3.2, color="white" if dark else style.INK)
        _key(
            figure,
            key,
            colours,
            unit=f"sd of the\nchange between {unit}s" if scale is not None else "units of the score",
            beyond=bool(verdicts),
            called=_any_call(values, mechanisms, patients, verdicts),
            unscaled=bool(unscaled.any()),
        )
    return figure


def _group(axes: Axes, place: int, name: str, *, first: bool) -> None:
    """Write a group's name over its rows, with a line that sets it apart from the group above."""
    axes.text(-0.5, place + 0.22, name, fontsize=8, fontweight="bold", color=style.PALE_INK, va="center")
    if not first:
        axes.axhline(place - 0.42, color=style.GRID, lw=1.0, zorder=0)


def _matrix(effects: pd.DataFrame, mechanisms: Sequence[str], patients: Sequence[str]) -> np.ndarray:
    known = effects.drop_duplicates(["mechanism", "subject"]).set_index(["mechanism", "subject"])["effect"]
    cells = pd.MultiIndex.from_product([list(mechanisms), list(patients)])
    values: np.ndarray = known.astype(float).reindex(cells).to_numpy(dtype=float)
    return values.reshape(len(mechanisms), len(patients))


def _rows(mechanisms: Sequence[str], groups: Mapping[str, str] | None) -> list[tuple[int, str, str]]:
    """Return (line, "group" or "row", text) from the top of the figure downwards."""
    rows: list[tuple[int, str, str]] = []
    last = None
    for name in mechanisms:
        heading = (groups or {}).get(name, "")
        if heading and heading != last:
            rows.append((len(rows), "group", heading))
            last = heading
        rows.append((len(rows), "row", name))
    return rows


def _canvas(
    rows: Sequence[tuple[int, str, str]],
    patients: Sequence[str],
    mechanisms: Sequence[str],
    labels: Mapping[str, str] | None,
    title: str,
) -> tuple[Figure, Axes, tuple[float, float]]:
    names = {name: style.clip_label((labels or {}).get(name, name), _MOST_LABEL) for name in mechanisms}
    left = 0.3 + max(style.text_width(name) for name in names.values())
    step = 0.5 if len(patients) <= 12 else 0.3 if len(patients) <= 30 else 0.22
    # The legend and the title need room even where there are only one or two patients.
    width = max(left + step * len(patients) + 0.2, _KEY_WIDTH, style.text_width(title, 10) * 1.12 + 0.3)
    below = 0.3 + max(style.text_width(style.clip_label(p, 16)) for p in patients)
    height = 0.38 + 0.215 * len(rows) + below + 0.95
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes(
        (left / width, (below + 0.95) / height, step * len(patients) / width, 0.215 * len(rows) / height)
    )
    axes.set_xlim(-0.5, len(patients) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(range(len(patients)))
    axes.set_xticklabels([style.clip_label(p, 16) for p in patients], rotation=90)
    shown = [(place, name) for place, kind, name in rows if kind == "row"]
    axes.set_yticks([place for place, _ in shown])
    axes.set_yticklabels([names[name] for _, name in shown])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    style.heading(figure, title)
    return figure, axes, (width, height)


def _any_call(
    values: np.ndarray,
    mechanisms: Sequence[str],
    patients: Sequence[str],
    verdicts: Mapping[tuple[str, str], str] | None,
) -> bool:
    places = ((row, column) for row in range(len(mechanisms)) for column in range(len(patients)))
    return any(
        (verdicts or {}).get((mechanisms[row], patients[column])) in CALLED and not np.isfinite(values[row, column])
        for row, column in places
    )


def _called(axes: Axes, column: int, place: int, verdict: str) -> None:
    sign, fill, ink = CALLED[verdict]
    axes.add_patch(Rectangle((column - 0.47, place - 0.46), 0.94, 0.92, facecolor=fill, edgecolor=ink, linewidth=0.7))
    axes.text(column, place, sign, ha="center", va="center_baseline", fontsize=9, fontweight="bold", color=ink)


def _cell(axes: Axes, column: int, place: int, value: float, colours: ScalarMappable, *, unscaled: bool) -> None:
    box: dict[str, Any] = {"xy": (column - 0.47, place - 0.46), "width": 0.94, "height": 0.92}
    if unscaled:
        axes.add_patch(Rectangle(**box, facecolor=_UNSCALED, edgecolor=style.PALE_INK, linewidth=0.6))
        axes.text(column, place, "?", ha="center", va="center", fontsize=7)
    elif np.isfinite(value):
        axes.add_patch(
            Rectangle(**box, facecolor=tuple(colours.to_rgba(np.array([value]))[0]), edgecolor="#C9CED6", linewidth=0.4)
        )
    else:
        axes.add_patch(Rectangle(**box, **style.NOT_ASSESSED, linewidth=0.4))


def _key(
    figure: Figure,
    place: tuple[float, float],
    colours: ScalarMappable,
    *,
    unit: str,
    beyond: bool,
    called: bool,
    unscaled: bool,
) -> None:
    width, height = place
    start = 0.2 / width
    bar = figure.add_axes((start, 0.5 / height, 1.7 / width, 0.12 / height))
    figure.colorbar(colours, cax=bar, orientation="horizontal", extend="both")
    bar.set_title(f"change, {unit}", fontsize=8, fontweight="normal", loc="left")
    bar.tick_params(labelsize=7)
    handles: list[Patch | Line2D] = [Patch(**style.NOT_ASSESSED, label="not assessable")]
    handles.append(Patch(facecolor=style.MIDDLE, edgecolor="#C9CED6", label="no change"))
    if beyond:
        handles.append(
            Line2D([], [], marker="o", linestyle="", markersize=3.2, color=style.INK, label="beyond technical range")
        )
    if called:
        for verdict, (sign, fill, ink) in CALLED.items():
            handles.append(
                Patch(
                    facecolor=fill,
                    edgecolor=ink,
                    label=f"{sign}  called: {'inconclusive' if verdict == 'open' else verdict}",
                )
            )
    if unscaled:
        handles.append(Patch(facecolor=_UNSCALED, edgecolor=style.PALE_INK, label="? no sd to scale it by"))
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(2.35 / width, 0.9 / height),
        ncols=3 if called else 2,
        borderaxespad=0,
        labelspacing=0.35,
        columnspacing=1.2,
    )
