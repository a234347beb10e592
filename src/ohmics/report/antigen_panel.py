"""Calls of antigens, presentation, lineage, CAR and junctions come in, their panel on the signatures page goes out."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ohmics import tables
from ohmics.plots import style
from ohmics.plots.antigens import MOST_PANELS, antigen_by_depth, antigen_detection, lineage_plane
from ohmics.report import select, words
from ohmics.report.figures import FigureView, png_view, svg_view
from ohmics.report.inputs import ReportInputs
from ohmics.report.pair_labels import with_labels
from ohmics.report.relapse_table import all_relapses, relapse_table
from ohmics.report.tables import Head, TableView, table_view

WHAT = (
    "A count of zero is no loss: most B cells show no CD19 transcript although they carry the protein. A call sets the "
    "counts after against those to be expected had nothing changed, given depth, ambient RNA and how far genes of like "
    "expression moved in the same cells. It says not assessable where the data cannot tell."
)
WHAT_BULK = (
    "A bulk sample mixes cells, so that an antigen falls with the tumour's share too. A call sets it against the other "
    "genes of its lineage, which fall with that share alone."
)
_GROUPS = (
    ("lost", "{antigen}-negative: {who}"),
    ("reduced", "{antigen} reduced: {who}"),
    ("retained", "{antigen}-positive: {who}"),
    ("gained", "{antigen}-positive, with more of it: {who}"),
    ("inconclusive", "{antigen} open: {who}"),
    ("not_assessable", "{antigen} not assessable: {who}"),
)
_CALL_ORDER = {name: place for place, (name, _) in enumerate(_GROUPS)}


@dataclass(frozen=True, slots=True)
class AntigenPanel:
    """What the calls say: heading, one line for the first screen, what they are, figures, tables in the order shown."""

    title: str
    line: str
    what: str
    kinds: TableView | None
    figures: tuple[FigureView, ...]
    tables: tuple[TableView, ...]


def antigen_panel(inputs: ReportInputs) -> AntigenPanel | None:
    """Return the panel; None when the run made no call and the sheet names no target antigen to call."""
    frames = (inputs.antigen, inputs.presentation, inputs.lineage, inputs.car, inputs.junctions)
    made = [frame for frame in frames if frame is not None]
    if not made or (all(frame.empty for frame in made) and not _declared(inputs)):
        return None
    targets = of_role(inputs.antigen, "target")
    return AntigenPanel(
        title=_title(inputs, targets),
        line=antigen_line(inputs),
        what="" if inputs.antigen is None else WHAT_BULK if inputs.bulk else WHAT,
        kinds=relapse_table(inputs, targets),
        figures=tuple(figure for figure in (_detection(inputs, targets), _depth(inputs), _plane(inputs)) if figure),
        tables=tuple(view for view in _tables(inputs, targets) if view is not None),
    )


def _title(inputs: ReportInputs, targets: pd.DataFrame) -> str:
    if targets.empty:
        return "Antigens, lineage and CAR"
    return f"Antigen-positive or antigen-negative{' relapse' if all_relapses(inputs, targets) else ''}"


def _declared(inputs: ReportInputs) -> bool:
    return select.any_given(inputs.samples, "target_antigen")


def of_role(frame: pd.DataFrame | None, role: str) -> pd.DataFrame:
    """Return the rows of one role, patients in the order a reader expects, labelled by pair where there are several."""
    if frame is None or frame.empty:
        return pd.DataFrame(columns=[*tables.ANTIGEN.names, "label", "several"])
    frame = with_labels(frame)
    rows = frame[frame["role"] == role] if "role" in frame else frame
    place = {name: number for number, name in enumerate(style.in_order(rows["patient"].astype(str)))}
    return rows.assign(_place=rows["patient"].astype(str).map(place)).sort_values("_place", kind="stable").drop(
        columns="_place"
    )  # fmt: skip


def antigen_line(inputs: ReportInputs) -> str:
    """Return in whom the antigen is lost or still there after treatment, and who may have switched lineage."""
    targets = of_role(inputs.antigen, "target")
    parts = []
    for antigen, rows in targets.groupby("antigen", sort=False):
        for call, text in _GROUPS:
            who = list(dict.fromkeys(rows.loc[rows["call"] == call, "label"]))
            if who:
                parts.append(text.format(antigen=antigen, who=f"{words.series(who, most=12)} ({len(who)})"))
    said = [f"Target antigen after treatment: {'; '.join(parts)}."] if parts else []
    if inputs.lineage is not None and len(inputs.lineage):
        for call, text in (("switch", "Lineage switch"), ("candidate", "Possible lineage switch, no clonal link")):
            who = style.in_order(inputs.lineage.loc[inputs.lineage["call"] == call, "patient"].astype(str))
            said += [f"{text}: {words.series(who, most=12)}."] if who else []
    return " ".join(said)


def _detection(inputs: ReportInputs, targets: pd.DataFrame) -> FigureView | None:
    if targets.empty or inputs.bulk:
        return None
    # The row's name says which of several pairs it is.
    figure = antigen_detection(
        targets.head(60).assign(patient=targets["label"].head(60)),
        unit=inputs.unit,
        title="Target antigen in malignant cells",
    )
    counted = targets["call"].value_counts()
    told = words.series(f"{words.phrase(name)} in {counted[name]}" for name in _CALL_ORDER if name in counted.index)
    return svg_view(
        figure,
        id="fig-antigen-detection",
        caption=(
            f"Share of malignant cells with a count before and after, one row a {inputs.unit} and antigen. Grey: the "
            "95 % range to be expected after had nothing changed, given depth, ambient RNA and the spread of genes of "
            "like expression. A point left of the grey is a fall beyond it; a shallow sample alone moves the grey too."
        ),
        alt=f"Detection of the target antigen before and after: {told}.",
    )


def _depth(inputs: ReportInputs) -> FigureView | None:
    if inputs.antigen_depth is None or inputs.antigen_depth.empty:
        return None
    rows = _ordered(inputs.antigen_depth)
    figure = antigen_by_depth(rows, title="Detection of the target antigen by depth")
    number = rows.groupby(["patient", "antigen"]).ngroups
    shown = min(number, MOST_PANELS)
    return svg_view(
        figure,
        id="fig-antigen-depth",
        caption=(
            "Cells in fourths by depth: deeper cells show the antigen more often. Dashed: what was to be expected "
            "after at the cells' own depth, had nothing changed." + _left_out(number)
        ),
        alt=f"Detection against depth, before and after, for {words.count(shown, 'panel')}.",
    )


def _plane(inputs: ReportInputs) -> FigureView | None:
    if inputs.lineage_cells is None or inputs.lineage_cells.empty:
        return None
    rows = _ordered(inputs.lineage_cells)
    figure = lineage_plane(rows)
    return png_view(
        figure,
        id="fig-lineage",
        caption=(
            "Each point is a candidate tumour cell (at most 400 a side): counts of its own lineage's genes and of the "
            "rival lineage that is highest, over what the cells before lead to expect at its depth. A tumour that "
            "switches moves left and up; one that dedifferentiates moves left. Normal cells that recover look the same "
            "as a switch: only a clonal link tells them apart." + _left_out(rows["patient"].nunique())
        ),
        alt=_plane_words(inputs),
    )


def _plane_words(inputs: ReportInputs) -> str:
    if inputs.lineage is None or inputs.lineage.empty:
        return "Lineage of candidate tumour cells."
    counted = inputs.lineage["call"].value_counts(sort=False)
    told = words.series(f"{words.phrase(name)} in {number}" for name, number in counted.items())
    return f"Lineage of candidate tumour cells before and after: {told}."


def _left_out(number: int) -> str:
    return f" Shown are the first {MOST_PANELS} of {number}." if number > MOST_PANELS else ""


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    place = {name: number for number, name in enumerate(style.in_order(frame["patient"].astype(str)))}
    keyed = frame.assign(_place=frame["patient"].astype(str).map(place))
    return keyed.sort_values("_place", kind="stable").drop(columns="_place")


def _tables(inputs: ReportInputs, targets: pd.DataFrame) -> list[TableView | None]:
    found: list[TableView | None] = []
    if inputs.antigen is not None:
        if len(targets) or _declared(inputs):
            caption = "Target antigens: before, expected, after, and why"
            found.append(_calls(inputs, targets, "antigen-targets", caption, tables.ANTIGEN, "antigen", fold=1))
        rows = of_role(inputs.antigen, "alternative")
        caption = "Alternative targets: research information, no recommendation"
        if len(rows):
            found.append(_calls(inputs, rows, "antigen-alternatives", caption, tables.ANTIGEN, "antigen", fold=6))
    if inputs.presentation is not None and len(inputs.presentation):
        parts = [of_role(inputs.presentation, role) for role in ("presentation", "ifn_gamma")]
        rows = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
        caption = "Antigen presentation and response to IFN-gamma in malignant cells"
        of = tables.ANTIGEN_PRESENTATION
        found.append(_calls(inputs, rows, "antigen-presentation", caption, of, "antigen_presentation", fold=10))
    found += [_lineage(inputs), _car(inputs), _junctions(inputs)]
    return found


def _calls(
    inputs: ReportInputs, rows: pd.DataFrame, id: str, caption: str, table: tables.Table, name: str, fold: int = 40
) -> TableView:
    if inputs.bulk:
        seen: list[Head] = []
    else:
        seen = [
            Head("n_cells_pre", "Cells before", "whole"),
            Head("detected_pre", "with it", "whole"),
            Head("n_cells_post", "Cells after", "whole"),
            Head("detected_post", "with it", "whole"),
            Head("expected_detected", "expected", "number"),
        ]
    return table_view(
        rows,
        id=id,
        caption=caption,
        heads=[
            Head("patient", inputs.unit.capitalize()),
            *([Head("post_sample", "Later sample")] if len(rows) and rows["several"].any() else []),
            Head("antigen", "Antigen"),
            Head("call", "Call", "phrase"),
            *seen,
            Head("remaining_fraction", "Remains", "number"),
            Head("remaining_low", "low", "number"),
            Head("remaining_high", "high", "number"),
            Head("p", "p (loss)", "p"),
            Head("q", "q", "p"),
            *([] if inputs.bulk else [Head("negative_fraction", "Negative cells, %", "percent")]),
            Head("reason", "Why", "long"),
        ],
        table=table,
        source=f"tables/{name}.tsv",
        anchor=("label", "antigen"),
        fold_from=fold,
        empty="no pair of samples could be called; see what was not tested.",
    )


def _lineage(inputs: ReportInputs) -> TableView | None:
    if inputs.lineage is None or (inputs.lineage.empty and not _declared(inputs)):
        return None
    return table_view(
        _ordered(inputs.lineage) if len(inputs.lineage) else inputs.lineage,
        id="lineage-calls",
        caption="Lineage of the tumour",
        heads=[
            Head("patient", inputs.unit.capitalize()),
            Head("call", "Call", "phrase"),
            Head("estimate", "Switched, %", "percent"),
            Head("low", "low", "percent"),
            Head("high", "high", "percent"),
            Head("evidence", "Rests on", "long"),
            Head("reason", "Why", "long"),
        ],
        table=tables.LINEAGE,
        source="tables/lineage.tsv",
        fold_from=1,
        empty="no pair of samples could be called; see what was not tested.",
    )


def _car(inputs: ReportInputs) -> TableView | None:
    if inputs.car is None or inputs.car.empty:
        return None
    return table_view(
        inputs.car,
        id="car-calls",
        caption="CAR+ T cells",
        heads=[
            Head("sample", "Sample"),
            Head("call", "Call", "phrase"),
            Head("estimate", "CAR+ of T cells, %", "percent"),
            Head("low", "low", "percent"),
            Head("high", "high", "percent"),
            Head("evidence", "Rests on", "long"),
            Head("reason", "Why", "long"),
        ],
        table=tables.CAR,
        source="tables/car.tsv",
        fold_from=8,
    )


def _junctions(inputs: ReportInputs) -> TableView | None:
    if inputs.junctions is None:
        return None
    return table_view(
        inputs.junctions,
        id="junction-calls",
        caption="Exon skipping from junction reads",
        heads=[
            Head("sample", "Sample"),
            Head("event", "Exon"),
            Head("call", "Call", "phrase"),
            Head("psi", "With the exon, %", "percent"),
            Head("psi_low", "low", "percent"),
            Head("psi_high", "high", "percent"),
            Head("reason", "Why", "long"),
        ],
        table=tables.JUNCTIONS,
        source="tables/junctions.tsv",
        fold_from=25,
    )
