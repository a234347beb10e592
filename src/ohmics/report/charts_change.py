"""Effects and verdicts of a contrast come in, a heat map and a forest plot that answer to the pointer go out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.colors import to_hex

from ohmics.plots import style
from ohmics.plots.heat import BEYOND, CALLED
from ohmics.report import select, words
from ohmics.report.charts import ROWS, Drawing, packed, specification

if TYPE_CHECKING:
    import altair as alt

LIMIT_SD = 3.0
"""Colours of the heat map end here, as in the figure it stands for."""
_STOPS = 9
_MOST_VECTOR_CELLS = 1_500
_MOST_TOLD = 6
_LETTER = 7.0
"""Pixels that a letter of an axis takes at most, as a rule."""
_NOT_ASSESSED = ("╱", "#EDEFF2", style.PALE_INK)
_HEADING = "§"
"""Stands before a compartment's name among the rows of the heat map."""


def heat_chart(
    effects: pd.DataFrame,
    *,
    mechanisms: Sequence[str],
    patients: Sequence[str],
    labels: Mapping[str, str],
    groups: Mapping[str, str],
    scale: Mapping[str, float] | None,
    verdicts: Mapping[tuple[str, str], str],
    targets: Mapping[tuple[str, str], str],
    unit: str,
    describe: str,
) -> str:
    """Return the heat map mechanisms × patients as a chart; each cell says verdict, numbers and cells when pointed at.

    Parameters
    ----------
    effects, mechanisms, patients, labels, groups, scale, verdicts, unit
        As `ohmics.plots.heat` takes them.
    targets
        (mechanism, patient) to the HTML id of the table row that a click leads to.
    describe
        What is read out in the chart's place.
    """
    rows = _heat_rows(effects, mechanisms, patients, labels, groups, scale, verdicts, targets)
    known = rows["value"].dropna().abs()
    top = LIMIT_SD if scale is not None else float(known.max() if len(known) else 1.0) or 1.0
    chart = _heat_spec(rows, top, scaled=scale is not None, unit=unit)
    drawing = Drawing("", specification(chart, describe=describe))
    return packed([drawing], rows, widest=0, renderer="svg" if len(rows) <= _MOST_VECTOR_CELLS else "canvas")


def heat_finding(
    verdicts: Mapping[tuple[str, str], str], *, labels: Mapping[str, str], patients: int, unit: str
) -> str:
    """Return in words which mechanisms moved beyond the technical range, or were called, in most patients."""
    beyond = Counter(mechanism for (mechanism, _), verdict in verdicts.items() if verdict in BEYOND)
    if not verdicts:
        return ""
    if not beyond:
        return f"No change of a single {unit} is beyond the technical range."
    named = [f"{labels.get(name, name)} in {often}" for name, often in beyond.most_common(_MOST_TOLD)]
    more = f"; further {len(beyond) - len(named)} mechanisms in no more" if len(beyond) > len(named) else ""
    return f"Beyond the technical range or called, of {words.count(patients, unit)}: {'; '.join(named)}{more}."


def _heat_rows(
    effects: pd.DataFrame,
    mechanisms: Sequence[str],
    patients: Sequence[str],
    labels: Mapping[str, str],
    groups: Mapping[str, str],
    scale: Mapping[str, float] | None,
    verdicts: Mapping[tuple[str, str], str],
    targets: Mapping[tuple[str, str], str],
) -> pd.DataFrame:
    names = _distinct({name: labels.get(name, name) for name in mechanisms})
    found = {(str(row["mechanism"]), str(row["subject"])): row for row in select.records(effects)}
    made: list[dict[str, Any]] = []
    for mechanism in mechanisms:
        for patient in patients:
            key = (mechanism, patient)
            row = found.get(key, {})
            verdict = verdicts.get(key, "")
            value = _in_sd(row.get("effect"), None if scale is None else scale.get(mechanism))
            sign, fill, ink = _sign(verdict, value, row.get("effect"))
            target = targets.get(key, "")
            made.append(
                {
                    "group": groups.get(mechanism, ""),
                    "mechanism": names[mechanism],
                    "patient": patient,
                    "value": value,
                    "sign": sign,
                    "fill": fill,
                    "ink": ink,
                    "verdict": words.phrase(verdict) if verdict else "not assessed",
                    "change": _change(row),
                    "cells": words.whole(row.get("n_cells")) or "–",
                    "read_in": str(row.get("cell_type") or "–"),
                    "link": f"#{target}" if target else None,
                }
            )
    # A number stays a number, missing or not: as text its last digits would differ before and after saving.
    return pd.DataFrame(made).astype({"value": float}) if made else pd.DataFrame({"value": pd.Series(dtype=float)})


def _in_sd(effect: object, sd: float | None) -> float | None:
    """Return the effect in the unit its colour is in; None where it has none."""
    if effect is None or words.is_missing(effect):
        return None
    if sd is None:
        return float(str(effect))
    return float(str(effect)) / sd if sd > 0 and math.isfinite(sd) else None


def _distinct(labels: Mapping[str, str]) -> dict[str, str]:
    """Return labels of which no two are the same: rows of one name would lie upon each other."""
    often = {text for text in labels.values() if list(labels.values()).count(text) > 1}
    return {name: f"{text} ({name})" if text in often else text for name, text in labels.items()}


def _sign(verdict: str, value: float | None, effect: object) -> tuple[str, str, str]:
    """Return sign, fill and ink of a cell: a dot on its colour, the sign of a call, or a stroke for not assessed."""
    if value is not None:
        return ("•" if verdict in BEYOND else ""), "", ""
    if verdict in CALLED:
        return CALLED[verdict]
    return _NOT_ASSESSED if effect is None or words.is_missing(effect) else ("", "#FFFFFF", style.INK)


def _change(row: Mapping[str, Any]) -> str:
    if not row or words.is_missing(row.get("effect")):
        return "–"
    text = f"{words.signed(row['effect'])} {words.plain(row.get('unit'))}".strip()
    if words.is_missing(row.get("low")) or words.is_missing(row.get("high")):
        return text
    return f"{text} (technical range {words.signed(row['low'])} to {words.signed(row['high'])})"


def _step(patients: int) -> int:
    """Return the width of a column: narrower for many, so that 60 patients fit a screen."""
    return next((step for most, step in ((16, 34), (30, 24), (60, 15), (150, 9)) if patients <= most), 4)


def _fit(patients: Sequence[str], step: int) -> bool:
    """Return whether the patients' names stand side by side above their columns without touching."""
    return max(map(len, patients), default=0) * _LETTER <= step


def _heat_spec(rows: pd.DataFrame, top: float, *, scaled: bool, unit: str) -> alt.TopLevelMixin:
    import altair as alt

    patients = list(dict.fromkeys(rows["patient"]))
    step = _step(len(patients))
    x = alt.X(
        "patient:N",
        sort=patients,
        title=None,
        axis=alt.Axis(labelAngle=0 if _fit(patients, step) else -90, labels=step >= 9, ticks=False, domain=False,
                      labelLimit=140, orient="top"),
    )  # fmt: skip
    y = alt.Y(
        "mechanism:N",
        title=None,
        scale=alt.Scale(domain=_domain(rows)),
        axis=alt.Axis(
            ticks=False, domain=False,
            labelExpr=f"substring(datum.label, 0, 1) == '{_HEADING}' ? substring(datum.label, 1) : datum.label",
            labelFontWeight=alt.condition(f"substring(datum.label, 0, 1) == '{_HEADING}'", alt.value("bold"),
                                          alt.value("normal")),
        ),
    )  # fmt: skip
    shades = style.diverging()
    stops = [-top + 2 * top * place / (_STOPS - 1) for place in range(_STOPS)]
    colour = alt.Fill(
        "value:Q",
        scale=alt.Scale(domain=stops, range=[to_hex(shades(place / (_STOPS - 1))) for place in range(_STOPS)],
                        clamp=True),
        legend=alt.Legend(
            title=f"Change, sd between {unit}s" if scaled else "Change, units of the score",
            orient="bottom", direction="horizontal", gradientLength=220, titleLimit=320,
            values=[-top, 0, top],
        ),
    )  # fmt: skip
    base = alt.Chart(alt.NamedData(ROWS)).encode(x=x, y=y, tooltip=_tips(unit), href="link:N")
    line = 1 if step > 8 else 0
    scored = base.transform_filter("isValid(datum.value)")
    called = base.transform_filter("!isValid(datum.value)")
    dark = f"abs(datum.value) > {0.6 * top:.6g}"
    layers = [
        scored.mark_rect(stroke="#FFFFFF", strokeWidth=line).encode(fill=colour),
        called.mark_rect(stroke="#FFFFFF", strokeWidth=line).encode(color=alt.Color("fill:N", scale=None)),
        scored.mark_text(fontSize=min(15, step)).encode(
            text="sign:N", color=alt.condition(dark, alt.value("#FFFFFF"), alt.value(style.INK))
        ),
        called.mark_text(fontSize=min(11, step)).encode(text="sign:N", color=alt.Color("ink:N", scale=None)),
    ]
    return alt.layer(*layers).properties(width=alt.Step(step), height=alt.Step(19))


def _domain(rows: pd.DataFrame) -> list[str]:
    """Return the rows of the heat map from top to bottom: each compartment's name, then its mechanisms."""
    found: list[str] = []
    for group in dict.fromkeys(rows["group"].astype(str)):
        part = rows[rows["group"] == group]
        found += [f"{_HEADING}{group}"] if group else []
        found += list(dict.fromkeys(part["mechanism"]))
    return found


def _tips(unit: str) -> list[alt.Tooltip]:
    import altair as alt

    return [
        alt.Tooltip("mechanism:N", title="Mechanism"),
        alt.Tooltip("patient:N", title=unit.capitalize()),
        alt.Tooltip("verdict:N", title="Verdict"),
        alt.Tooltip("change:N", title="Change"),
        alt.Tooltip("read_in:N", title="Read in"),
        alt.Tooltip("cells:N", title="Cells or samples"),
    ]


def forest_chart(
    effects: pd.DataFrame,
    *,
    labels: Mapping[str, str],
    directions: Mapping[str, str],
    margins: Mapping[str, float],
    groups: Mapping[str, str],
    targets: Mapping[str, str],
    unit: str,
    describe: str,
) -> str:
    """Return the forest plot of the primary lines as a chart; each row says its numbers when pointed at.

    Parameters
    ----------
    effects, labels, directions, margins, unit
        As `ohmics.plots.forest` takes them.
    groups
        Mechanism to its compartment, for the text shown.
    targets
        Mechanism to the HTML id of the table row that a click leads to.
    describe
        What is read out in the chart's place.
    """
    rows = _forest_rows(effects, labels, directions, margins, groups, targets)
    in_sd = bool(effects["sd_change"].fillna(0.0).gt(0).any())
    return packed(
        [Drawing("", specification(_forest_spec(rows, in_sd=in_sd, unit=unit), describe=describe))], rows, widest=980
    )


def _forest_rows(
    effects: pd.DataFrame,
    labels: Mapping[str, str],
    directions: Mapping[str, str],
    margins: Mapping[str, float],
    groups: Mapping[str, str],
    targets: Mapping[str, str],
) -> pd.DataFrame:
    in_sd = bool(effects["sd_change"].fillna(0.0).gt(0).any())
    made = []
    for row in select.records(effects):
        name = str(row["mechanism"])
        sd = None if not in_sd else (0.0 if words.is_missing(row["sd_change"]) else float(row["sd_change"]))
        arrow = {"up": " ↑", "down": " ↓"}.get(directions.get(name, ""), "")
        made.append(
            {
                "mechanism": f"{labels.get(name, name)}{arrow}",
                "group": groups.get(name, ""),
                "value": _in_sd(row["effect"], sd),
                "low": _in_sd(row["low"], sd),
                "high": _in_sd(row["high"], sd),
                "margin_low": -margins[name] if in_sd and name in margins else None,
                "margin_high": margins[name] if in_sd and name in margins else None,
                "passes": "q below 0.05" if not words.is_missing(row["q"]) and float(row["q"]) < 0.05 else "other",
                "change": _with_interval(row),
                "q": words.p_value(row["q"]) or "–",
                "n": f"{words.whole(row['n_positive']) or '–'} of {words.whole(row['n_units']) or '–'}",
                "read_in": str(row["cell_type"]),
                "link": f"#{targets[name]}" if name in targets else None,
            }
        )
    positions = ("value", "low", "high", "margin_low", "margin_high")
    frame = pd.DataFrame(made)
    return frame.astype(dict.fromkeys(positions, float)) if made else frame


def _with_interval(row: Mapping[str, Any]) -> str:
    text = f"{words.signed(row['effect'])} {words.plain(row.get('unit'))}".strip()
    if words.is_missing(row["low"]) or words.is_missing(row["high"]):
        return text
    level = f"{100 * float(row['interval_level']):.3g} % " if not words.is_missing(row["interval_level"]) else ""
    return f"{text} ({level}{words.signed(row['low'])} to {words.signed(row['high'])})"


def _forest_spec(rows: pd.DataFrame, *, in_sd: bool, unit: str) -> alt.TopLevelMixin:
    import altair as alt

    # Two short lines: one long one would leave the drawing on a phone.
    title = ["change, in sd of the", f"change between {unit}s"] if in_sd else ["change, in units", "of the score"]
    tips = [
        alt.Tooltip("mechanism:N", title="Mechanism"),
        alt.Tooltip("group:N", title="Compartment"),
        alt.Tooltip("change:N", title="Change"),
        alt.Tooltip("q:N", title="q"),
        alt.Tooltip("n:N", title=f"{unit.capitalize()}s that rose"),
        alt.Tooltip("read_in:N", title="Read in"),
    ]
    axis = alt.Axis(ticks=False, domain=False)
    y = alt.Y("mechanism:N", sort=list(rows["mechanism"]), title=None, axis=axis)
    x = alt.X("value:Q", title=title, scale=alt.Scale(nice=False, padding=12))
    base = alt.Chart(alt.NamedData(ROWS)).encode(y=y, tooltip=tips, href="link:N")
    band = base.mark_bar(color="#E8EBEF", size=15).encode(x="margin_low:Q", x2="margin_high:Q")
    zero = alt.Chart(alt.InlineData([{}])).mark_rule(color=style.PALE_INK).encode(x=alt.datum(0))
    lines = base.mark_rule(color=style.INK, strokeWidth=1.6).encode(x=alt.X("low:Q", title=title), x2="high:Q")
    points = base.mark_point(filled=True, size=75, stroke=style.INK, strokeWidth=1.2, opacity=1).encode(
        x=x,
        fill=alt.Fill("passes:N", scale=alt.Scale(domain=["q below 0.05", "other"], range=[style.INK, "#FFFFFF"]),
                      legend=None),
    )  # fmt: skip
    # The height holds the axis and its title too.
    return alt.layer(band, zero, lines, points).properties(width="container", height=21 * len(rows) + 64)
