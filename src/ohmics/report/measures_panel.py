"""CELL_MEASURES come in, what the signatures page says of CAR+ expansion and B-cell aplasia goes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ohmics import tables
from ohmics.report import words
from ohmics.report.inputs import ReportInputs
from ohmics.report.tables import Head, TableView, table_view

WHAT = (
    "How many CAR+ cells there are bears on whether the product expanded and stayed; missing normal B cells (B-cell "
    "aplasia) fit a CAR against a B-cell antigen that still works, and other causes too. A share of the cells of a "
    "sample is no number: it rises when other cells fall, and in a sorted sample it is that of the gate. Numbers a "
    "microlitre stand where the sheet gives counts. No threshold is applied and no call is made."
)
_NAMES = {"car_positive": "CAR+ cells", "b_cell": "normal B cells"}


@dataclass(frozen=True, slots=True)
class MeasuresPanel:
    """A sentence a patient, and the table."""

    sentences: tuple[str, ...]
    table: TableView


def measures_panel(inputs: ReportInputs) -> MeasuresPanel | None:
    """Return the panel; None when no sample was measured."""
    frame = inputs.cell_measures
    if frame is None or frame.empty:
        return None
    shown = frame[frame["of"] == "kept cells"]
    order = {str(sample): place for place, sample in enumerate(inputs.samples["sample"])}
    return MeasuresPanel(
        sentences=tuple(
            _sentence(str(patient), str(measure), rows, order)
            for (patient, measure), rows in shown.groupby(["patient", "measure"], sort=True)
        ),
        table=table_view(
            frame,
            id="cell-measures",
            caption="CAR+ cells and normal B cells",
            heads=[
                Head("patient", "Patient"),
                Head("sample", "Sample"),
                Head("timepoint", "Timepoint"),
                Head("measure", "Cells", "phrase"),
                Head("of", "Among"),
                Head("n_cells", "Counted", "whole"),
                Head("n_of", "Of", "whole"),
                Head("fraction", "%", "percent"),
                Head("low", "Low, %", "percent"),
                Head("high", "High, %", "percent"),
                Head("per_ul", "Cells/µl", "number"),
                Head("note", "Note", "long"),
            ],
            table=tables.CELL_MEASURES,
            source="tables/cell_measures.tsv",
            fold_from=20,
        ),
    )


def _sentence(patient: str, measure: str, rows: pd.DataFrame, order: dict[str, int]) -> str:
    """Return one patient's samples in the order of the sheet."""
    parts = []
    for row in sorted(rows.to_dict("records"), key=lambda one: order.get(str(one["sample"]), 0)):
        text = _share(row)
        if not words.is_missing(row["per_ul"]):
            text += f", {words.number(row['per_ul'])} a µl"
        parts.append(f"{row['timepoint']} {text}")
    return f"{patient}, {_NAMES.get(measure, measure)} among kept cells: {'; '.join(parts)}."


def _share(row: Mapping[Any, Any]) -> str:
    """Return a share with its interval; in words where none could be told."""
    if words.is_missing(row["fraction"]):
        return "no share could be told"
    text = f"{words.percent(row['fraction'])} %"
    if words.is_missing(row["low"]) or words.is_missing(row["high"]):
        return text
    return f"{text} ({words.percent(row['low'])} to {words.percent(row['high'])})"
