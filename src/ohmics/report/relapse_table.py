"""ANTIGEN, LINEAGE and the tables of identity come in; one row a patient goes out: antigen-positive or -negative."""

from __future__ import annotations

import pandas as pd

from ohmics import tables
from ohmics.report import select, words
from ohmics.report.inputs import ReportInputs
from ohmics.report.tables import Head, TableView, table_view

KINDS = {
    "lost": "{antigen}-negative",
    "reduced": "{antigen}-low",
    "retained": "{antigen}-positive",
    "gained": "{antigen}-positive, with more of it",
    "inconclusive": "open: the data fit both",
    "not_assessable": "cannot be told",
}
"""What a call of the target antigen means for the relapse, in the order a reader expects."""
_LINEAGE = {
    "switch": "switched",
    "candidate": "possible switch, no clonal link",
    "no_switch": "kept",
    "inconclusive": "open",
    "not_assessable": "cannot be told",
}


def relapse_table(inputs: ReportInputs, targets: pd.DataFrame) -> TableView | None:
    """Return one row a patient and target antigen: what kind of relapse, how much antigen is left, and the lineage.

    Parameters
    ----------
    inputs
        Tables of a run.
    targets
        The rows of ANTIGEN whose role is the target, patients in order.
    """
    if targets.empty:
        return None
    lineage = (
        {} if inputs.lineage is None else dict(zip(inputs.lineage["patient"], inputs.lineage["call"], strict=True))
    )
    place = {call: number for number, call in enumerate(KINDS)}
    rows = [
        {
            "patient": row["patient"],
            "antigen": row["antigen"],
            "kind": KINDS.get(str(row["call"]), words.phrase(row["call"])).format(antigen=row["antigen"]),
            "left": _left(row),
            "before": _counted(row, "pre"),
            "after": _counted(row, "post"),
            "expected": row["expected_detected"],
            "lineage": _LINEAGE.get(str(lineage.get(row["patient"], "")), "not called"),
            "place": place.get(str(row["call"]), len(place)),
        }
        for row in select.records(targets)
    ]
    frame = pd.DataFrame(rows).sort_values("place", kind="stable").drop(columns="place")
    heads = [
        Head("patient", inputs.unit.capitalize()),
        Head("kind", "Relapse", meaning="after treatment, by the call of the target antigen on malignant cells"),
        Head("antigen", "Target"),
        Head("left", "Left of it, % (95 % interval)", meaning=tables.ANTIGEN.column("remaining_fraction").meaning),
    ]
    if not inputs.bulk:
        heads += [
            Head("before", "Cells with a count before"),
            Head("after", "and after"),
            Head("expected", "expected had nothing changed", "number"),
            Head("lineage", "Lineage"),
        ]
    return table_view(
        frame,
        id="relapse-kinds",
        caption=f"Antigen-positive or antigen-negative, {inputs.unit} by {inputs.unit}",
        heads=heads,
        source="tables/antigen.tsv and tables/lineage.tsv" if inputs.lineage is not None else "tables/antigen.tsv",
    )


def _left(row: dict[str, object]) -> str:
    if words.is_missing(row["remaining_fraction"]):
        return ""
    text = words.percent(row["remaining_fraction"])
    if words.is_missing(row["remaining_low"]) or words.is_missing(row["remaining_high"]):
        return text
    return f"{text} ({words.percent(row['remaining_low'])} to {words.percent(row['remaining_high'])})"


def _counted(row: dict[str, object], side: str) -> str:
    if words.is_missing(row.get(f"n_cells_{side}")):
        return ""
    return f"{words.whole(row[f'detected_{side}'])} of {words.whole(row[f'n_cells_{side}'])}"
