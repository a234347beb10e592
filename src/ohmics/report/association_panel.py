"""ASSOCIATION and SURVIVAL_CURVES come in, what the signatures page shows of each outcome goes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ohmics import tables
from ohmics.plots.association import association as draw_association
from ohmics.plots.survival import survival as draw_survival
from ohmics.report import select, words
from ohmics.report.figures import FigureView, svg_view
from ohmics.report.inputs import ReportInputs
from ohmics.report.tables import Head, TableView, table_view

WHAT = (
    "One model a mechanism: a response by Firth's logistic regression, survival by Cox's. Ratios are for one sd of the "
    "score between patients, so that mechanisms can be compared; above 1 means more of the outcome where the score is "
    "higher. q is corrected over all mechanisms held against the same outcome. An association is no cause, and with so "
    "few events the intervals say more than the estimates."
)
_MODELS = {"logistic_firth": "Firth's logistic regression", "cox": "Cox's proportional hazards"}
_SKIP_STAGE = "association"


@dataclass(frozen=True, slots=True)
class OutcomePanel:
    """One outcome: what it is, what was found, the forest plot, the curves and the table."""

    id: str
    title: str
    read: str
    sentence: str
    forest: FigureView | None
    curves: tuple[FigureView, ...]
    table: TableView


def association_panels(inputs: ReportInputs) -> list[OutcomePanel]:
    """Return one panel an outcome of the config; none when the run names no outcome."""
    if inputs.association is None:
        return []
    return [_panel(inputs, outcome) for outcome in inputs.config.get("outcomes") or []]


def _panel(inputs: ReportInputs, outcome: Mapping[str, Any]) -> OutcomePanel:
    name = str(outcome["name"])
    frame = inputs.association
    rows = pd.DataFrame() if frame is None else frame[frame["outcome"] == name]
    if len(rows):
        rows = rows.sort_values(["q", "p", "mechanism"], kind="stable")
    return OutcomePanel(
        id=words.anchor("outcome", name),
        title=name,
        read=_read(outcome),
        sentence=_sentence(inputs, name, rows),
        forest=_forest(inputs, name, rows),
        curves=tuple(_curves(inputs, name)),
        table=_table(inputs, name, rows),
    )


def _read(outcome: Mapping[str, Any]) -> str:
    """Return which score is held against which outcome, in words."""
    if outcome.get("column"):
        held = f"{outcome['column']} {' or '.join(map(str, outcome.get('positive') or []))}"
        against = f" against {' or '.join(map(str, outcome['negative']))}" if outcome.get("negative") else ""
        what = f"Response: {held}{against}."
    else:
        what = f"Survival: {outcome.get('time')} until {outcome.get('event')}, in {outcome.get('unit', 'days')}."
    if outcome.get("score") == "change":
        text = f"{what} Held against it is the change of contrast {outcome.get('contrast')}"
        landmark = outcome.get("landmark")
        return f"{text}; time counts from the landmark ({landmark})." if landmark is not None else f"{text}."
    return f"{what} Held against it is the score before, of the baseline samples."


def _sentence(inputs: ReportInputs, name: str, rows: pd.DataFrame) -> str:
    if rows.empty:
        return _why_none(inputs, name)
    names = select.names(inputs)
    first = rows.iloc[0]
    left = f" Left out: {str(first['left_out']).replace(';', ', ')}." if isinstance(first["left_out"], str) else ""
    passed = [names.get(str(m), str(m)) for m in rows.loc[rows["q"] < 0.05, "mechanism"]]
    found = f"q is below 0.05 for {words.series(passed, most=8)}." if passed else "No q is below 0.05."
    return (
        f"{words.count(len(rows), 'mechanism')} by {_MODELS.get(str(first['model']), str(first['model']))}, up to "
        f"{words.count(int(rows['n'].max()), inputs.unit)} with {words.count(int(rows['n_events'].max()), 'event')}."
        f"{left} {found}"
    )


def _why_none(inputs: ReportInputs, name: str) -> str:
    """Return the reason why nothing was held against an outcome, as SKIPPED has it."""
    if inputs.skipped is not None:
        own = inputs.skipped[(inputs.skipped["stage"] == _SKIP_STAGE) & (inputs.skipped["subject"] == name)]
        for place in (own["item"].isna(), own["item"].notna()):
            if place.any():
                return words.sentence(str(own.loc[place, "reason"].iloc[0]))
    return "No mechanism was held against this outcome."


def _forest(inputs: ReportInputs, name: str, rows: pd.DataFrame) -> FigureView | None:
    if rows.empty:
        return None
    shown = rows.assign(mechanism=rows["mechanism"].where(rows["mechanism"].notna(), rows["gene_list"]))
    figure = draw_association(
        shown, labels=select.names(inputs), title=f"Association with {name}, one model a mechanism", unit=inputs.unit
    )
    return svg_view(
        figure,
        id=words.anchor("fig-association", name),
        caption=(
            "Odds or hazard ratio of each mechanism's primary line with its 95 % interval. Filled: q below 0.05. AUC: "
            "chance that a responder scores higher than another; 0.5 is chance."
        ),
        alt=f"Forest plot of {words.count(len(rows), 'mechanism')}; numbers stand in the table below.",
    )


def _curves(inputs: ReportInputs, name: str) -> list[FigureView]:
    frame = inputs.survival_curves
    if frame is None:
        return []
    names = select.names(inputs)
    views = []
    for mechanism, rows in frame[frame["outcome"] == name].groupby("mechanism", sort=True):
        label = names.get(str(mechanism), str(mechanism))
        cut = f"{rows['declared'].iloc[0]} ({words.number(rows['cut'].iloc[0])})"
        views.append(
            svg_view(
                draw_survival(rows, title=f"{label}, {name}"),
                id=words.anchor("fig-survival", name, mechanism),
                caption=(
                    f"{label}: Kaplan-Meier curves above and below the cut the config declares, {cut}. Bars mark where "
                    "follow-up ends. The test is the model's, of the score itself; the curves have none."
                ),
                alt=f"Two Kaplan-Meier curves of {label}; their points stand in tables/survival_curves.tsv.",
            )
        )
    return views


def _table(inputs: ReportInputs, name: str, rows: pd.DataFrame) -> TableView:
    heads = [
        Head("mechanism", "Mechanism", "mechanism"),
        Head("cell_type", "Measured in"),
        Head("model", "Model", "phrase"),
        Head("effect", "Log odds or hazard", "number"),
        Head("low", "Low", "number"),
        Head("high", "High", "number"),
        Head("p", "p", "p"),
        Head("q", "q", "p"),
        Head("n", "Patients", "whole"),
        Head("n_events", "Events", "whole"),
        Head("auc", "AUC", "number"),
        Head("auc_low", "AUC low", "number"),
        Head("auc_high", "AUC high", "number"),
        Head("auc_p", "AUC p", "p"),
        Head("left_out", "Left out", "long"),
    ]
    heads = [head for head in heads if not head.column.startswith("auc") or rows.get("auc", pd.Series()).notna().any()]
    return table_view(
        rows,
        id=words.anchor("association", name),
        caption=f"Association with {name}",
        heads=heads,
        table=tables.ASSOCIATION,
        source="tables/association.tsv",
        names=select.names(inputs),
        fold_from=30,
        empty="No mechanism was held against this outcome.",
    )
