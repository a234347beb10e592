"""STATES and what was tested of them come in, the panel of T-cell states on the signatures page goes out."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ohmics import tables
from ohmics.plots import composition, style
from ohmics.plots.states import states as draw_states
from ohmics.report import select, words
from ohmics.report.figures import FigureView, svg_view
from ohmics.report.inputs import ReportInputs
from ohmics.report.interval_levels import cohort_rows, level_head
from ohmics.report.tables import Head, TableView, table_view

_T_CELL = "T cell"
BEYOND = "_beyond_covariates"
_UNNAMED = "none stands out"
_STATE_WORDS = {"none": _UNNAMED, "treg": "Treg", "nk_like_dysfunction": "NK-like dysfunction"}
WHAT = (
    "Recently stimulated T cells switch on many of the genes that exhausted ones keep on, and deeper sequenced cells "
    "score higher. The raw score of terminal exhaustion mixes these. What is left of it beyond activation, "
    "proliferation and depth is the better answer to whether the cells became exhausted; where only the raw score "
    "changes, activation, proliferation or depth may be why."
)


@dataclass(frozen=True, slots=True)
class StatesPanel:
    """T-cell states of one contrast: sentences, two figures and three tables."""

    sentence: str
    cautions: tuple[str, ...]
    change: FigureView | None
    fractions: FigureView | None
    scores: TableView
    shares: TableView
    patients: TableView


def states_panel(inputs: ReportInputs, view: select.ContrastView) -> StatesPanel | None:
    """Return the panel of a contrast; None when the run has no T-cell states."""
    if inputs.states is None or inputs.states.empty:
        return None
    effects = _of(inputs.state_effects, view.name)
    cohort = effects[effects["level"] == "cohort"]
    shares = _of(inputs.state_composition, view.name)
    return StatesPanel(
        sentence=_sentence(inputs, view, cohort),
        cautions=_cautions(inputs.states),
        change=_change(inputs, view, effects[effects["cell_type"] == _T_CELL]),
        fractions=_fractions(view, shares[shares["subject"] != view.name]),
        scores=_score_table(cohort, view),
        shares=_share_table(inputs, view),
        patients=_patient_table(inputs, view, effects[(effects["level"] == "patient")]),
    )


def _of(frame: pd.DataFrame | None, contrast: str) -> pd.DataFrame:
    if frame is None:
        return pd.DataFrame(columns=["contrast", "level", "subject", "cell_type", "method", "p", "q", "effect"])
    return frame[frame["contrast"] == contrast]


def _series(method: object) -> str:
    return "beyond" if str(method).endswith(BEYOND) else "raw"


def state_name(name: object) -> str:
    """Return a T-cell state as a reader names it."""
    return _STATE_WORDS.get(str(name), words.phrase(name))


def _sentence(inputs: ReportInputs, view: select.ContrastView, cohort: pd.DataFrame) -> str:
    rows = cohort[cohort["cell_type"] == _T_CELL]
    told = {_series(row["method"]): row for _, row in rows.iterrows()}
    if "beyond" not in told:
        why = "no change of it was tested here"
        return f"Beyond activation, proliferation and depth terminal exhaustion was not compared: {why}."
    parts = []
    for name, lead in (("raw", "raw"), ("beyond", "beyond activation, proliferation and depth")):
        row = told.get(name)
        if row is not None:
            parts.append(f"{lead} {words.signed(row['effect'])} (q {words.p_value(row['q'])})")
    n = words.count(int(told["beyond"]["n_units"]), inputs.unit)
    return (
        f"Over {n} the mean change of the terminal exhaustion score of T cells from {view.reference} to {view.test} is "
        f"{' and '.join(parts)}; one unit is the sd of a gene over the cohort's T cells."
    )


def _cautions(states: pd.DataFrame) -> tuple[str, ...]:
    notes = dict.fromkeys(part for text in states["note"].dropna() for part in words.split(text, ";"))
    collinear = dict.fromkeys(f"covariates: {text}" for text in states["collinearity"].dropna())
    return tuple(words.sentence(text.replace("_", " ").replace("`", "")) for text in (*notes, *collinear))


def _change(inputs: ReportInputs, view: select.ContrastView, effects: pd.DataFrame) -> FigureView | None:
    if effects.empty:
        return None
    frame = effects.assign(series=[_series(method) for method in effects["method"]])
    figure = draw_states(
        frame[["subject", "series", "effect", "low", "high"]].astype(dict.fromkeys(("effect", "low", "high"), float)),
        cohort=view.name,
        title=f"Terminal exhaustion of T cells, {view.test} minus {view.reference}",
    )
    return svg_view(
        figure,
        id=words.anchor("fig-exhaustion", view.name),
        caption=(
            f"Change of the terminal exhaustion score within each {inputs.unit}, both sides thinned to one depth. "
            f"Lines: for one {inputs.unit} what measuring the same cells again would give, for all together the "
            "interval of the test. Where the raw score changes and the one beyond does not, activation, proliferation "
            "or depth may be why."
        ),
        alt=_alt(frame, view.name, inputs.unit),
    )


def _alt(frame: pd.DataFrame, cohort: str, unit: str) -> str:
    own = frame[frame["subject"] != cohort]
    parts = [
        f"{name}: higher in {int((own.loc[own['series'] == name, 'effect'] > 0).sum())} of "
        f"{words.count(int((own['series'] == name).sum()), unit)}"
        for name in ("raw", "beyond")
        if (own["series"] == name).any()
    ]
    return f"Change of terminal exhaustion per {unit}; {'; '.join(parts)}."


def _fractions(view: select.ContrastView, rows: pd.DataFrame) -> FigureView | None:
    if rows.empty:
        return None
    bars: list[str] = []
    groups, parts = {}, []
    for subject in style.in_order(rows["subject"]):
        mine = rows[rows["subject"] == subject]
        for side, column in ((view.reference, "fraction_pre"), (view.test, "fraction_post")):
            bar = f"{subject} {side}"
            bars.append(bar)
            groups[bar] = subject
            named = mine["cell_type"].map(state_name)
            parts.append(pd.DataFrame({"bar": bar, "cell_type": named, "fraction": mine[column].astype(float)}))
    frame = pd.concat(parts, ignore_index=True)
    levels = [name for name in dict.fromkeys(frame["cell_type"]) if name != _UNNAMED]
    first = [name for name in levels if name.startswith("terminal")]
    colours = style.assign([*first, *[name for name in levels if name not in first]]) | {_UNNAMED: style.GREY}
    figure = composition(frame, bars=bars, groups=groups, colours=colours, title="T-cell states, share of T cells")
    return svg_view(
        figure,
        id=words.anchor("fig-states", view.name),
        caption=(
            "Share of T cells in each state: the axis on which a cell stands highest above the T cells before, at "
            "least one sd. What one state gains others lose: read changes in the table, which is relative to the "
            "other states."
        ),
        alt=f"Stacked bars of {words.count(len(levels), 'T-cell state')} for {words.count(len(bars), 'bar')}.",
    )


def _score_table(cohort: pd.DataFrame, view: select.ContrastView) -> TableView:
    rows = cohort.assign(series=[_series(method) for method in cohort["method"]]) if len(cohort) else cohort
    return table_view(
        rows,
        id=f"states-score-{view.name}",
        caption=f"Terminal exhaustion over the cohort, {view.name}",
        heads=[
            Head("cell_type", "Cells"),
            Head("series", "Score", meaning="raw, or beyond activation, proliferation and depth"),
            Head("effect", "Change", "number"),
            Head("low", "Low", "number"),
            Head("high", "High", "number"),
            Head("interval_level", "Level of the interval, %", "percent"),
            Head("p", "p", "p"),
            Head("q", "q", "p"),
            Head("n_units", "n", "whole"),
            Head("n_positive", "Higher in", "whole"),
        ],
        table=tables.EFFECTS,
        source="tables/state_effects.tsv",
        empty="it was not compared; see what was not tested.",
    )


def _share_table(inputs: ReportInputs, view: select.ContrastView) -> TableView:
    found = cohort_rows(inputs, inputs.state_composition, view.name)
    rows = pd.DataFrame() if found is None else found
    return table_view(
        rows.assign(state=rows["cell_type"].map(state_name)) if len(rows) else rows,
        id=f"states-share-{view.name}",
        caption=f"T-cell states, each relative to the other states, {view.name}",
        heads=[
            Head("state", "State"),
            Head("fraction_pre", f"{view.reference}, %", "percent"),
            Head("fraction_post", f"{view.test}, %", "percent"),
            Head("effect", "Change (CLR)", "number", "change of the centred log ratio, relative to the other states"),
            Head("low", "Low", "number"),
            Head("high", "High", "number"),
            level_head(inputs.unit),
            Head("p", "p", "p"),
            Head("q", "q", "p", "corrected over the states"),
            Head("n_pairs", "Pairs", "whole"),
        ],
        table=tables.COMPOSITION,
        source="tables/state_composition.tsv",
        empty="fractions were not compared; see what was not tested.",
    )


def _patient_table(inputs: ReportInputs, view: select.ContrastView, rows: pd.DataFrame) -> TableView:
    own = rows[rows["cell_type"] == _T_CELL]
    own = own.assign(series=[_series(method) for method in own["method"]]) if len(own) else own
    return table_view(
        own,
        id=f"states-patients-{view.name}",
        caption=f"Terminal exhaustion of each {inputs.unit}, {view.name} (no test)",
        heads=[
            Head("subject", inputs.unit.capitalize()),
            Head("series", "Score", meaning="raw, or beyond activation, proliferation and depth"),
            Head("effect", "Change", "number"),
            Head("low", "Technical range, low", "number"),
            Head("high", "Technical range, high", "number"),
            Head("n_cells", "T cells", "whole"),
        ],
        table=tables.EFFECTS,
        source="tables/state_effects.tsv",
        fold_from=12,
        empty=f"no change of a single {inputs.unit} was computed.",
    )
