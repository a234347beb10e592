"""ANTIGEN, LINEAGE and the sheet come in; one row a pair of samples goes out: antigen-positive or -negative."""

from __future__ import annotations

import pandas as pd

from ohmics import tables
from ohmics.report import select, words
from ohmics.report.antigen_methods import interval_words
from ohmics.report.inputs import ReportInputs
from ohmics.report.pair_labels import is_relapse
from ohmics.report.tables import Head, TableView, table_view

KINDS = {
    "lost": "{antigen}-negative",
    "reduced": "{antigen}-low",
    "retained": "{antigen}-positive",
    "gained": "{antigen}-positive, with more of it",
    "inconclusive": "open: the data fit both",
    "not_assessable": "cannot be told",
}
"""What a call of the target antigen means for the later sample, in the order a reader expects."""
_LINEAGE = {
    "switch": "switched",
    "candidate": "possible switch, no clonal link",
    "dedifferentiation": "possibly lost, or other cells",
    "no_switch": "no switch seen",
    "inconclusive": "open",
    "not_assessable": "cannot be told",
}


def all_relapses(inputs: ReportInputs, targets: pd.DataFrame) -> bool:
    """Return whether every later sample was taken at relapse, as the sheet's own timepoints say."""
    times = _times(inputs)
    return all(is_relapse(times.get(str(name), "")) for name in targets["post_sample"])


def relapse_table(inputs: ReportInputs, targets: pd.DataFrame) -> TableView | None:
    """Return one row a pair and target antigen: negative or positive after, how much is left, and the lineage.

    Parameters
    ----------
    inputs
        Tables of a run.
    targets
        The rows of ANTIGEN whose role is the target, patients in order, with the columns of
        `ohmics.report.pair_labels.with_labels`.
    """
    if targets.empty:
        return None
    lineage = {} if inputs.lineage is None else {str(row["patient"]): row for row in select.records(inputs.lineage)}
    place = {call: number for number, call in enumerate(KINDS)}
    times, relapses = _times(inputs), all_relapses(inputs, targets)
    rows = [
        {
            "patient": row["patient"],
            "sample": _sample(row, times),
            "antigen": row["antigen"],
            "kind": KINDS.get(str(row["call"]), words.phrase(row["call"])).format(antigen=row["antigen"]),
            "left": _left(row),
            "before": _counted(row, "pre"),
            "after": _counted(row, "post"),
            "expected": row["expected_detected"],
            "lineage": _lineage(row, lineage.get(str(row["patient"]))),
            "place": place.get(str(row["call"]), len(place)),
        }
        for row in select.records(targets)
    ]
    frame = pd.DataFrame(rows).sort_values("place", kind="stable").drop(columns="place")
    if relapses and not targets["several"].any():
        # Each patient has one later sample, and all are relapses: the heading says it.
        frame = frame.drop(columns="sample")
    read = "malignant cells" if not inputs.bulk else "the bulk sample"
    heads = [
        Head("patient", inputs.unit.capitalize()),
        Head("sample", "Later sample"),
        Head(
            "kind",
            "Relapse" if relapses else "In the later sample",
            meaning=f"by the call of the target antigen's RNA in {read}; protein was not measured",
        ),
        Head("antigen", "Target"),
        Head(
            "left",
            f"Left of it, % ({interval_words(inputs)})",
            meaning=tables.ANTIGEN.column("remaining_fraction").meaning,
        ),
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


def _times(inputs: ReportInputs) -> dict[str, str]:
    return dict(zip(inputs.samples["sample"].astype(str), inputs.samples["timepoint"].astype(str), strict=True))


def _sample(row: dict[str, object], times: dict[str, str]) -> str:
    """Return the later sample with its timepoint, and the earlier one where only that tells two pairs apart."""
    name = str(row["post_sample"])
    time = times.get(name, "")
    text = f"{name} ({time})" if time and time not in name else name
    return f"{text} against {row['pre_sample']}" if " against " in str(row["label"]) else text


def _lineage(row: dict[str, object], called: dict[str, object] | None) -> str:
    """Return the call of the lineage, where it was made of this pair; each patient has one."""
    if called is None:
        return "not called"
    post = called.get("post_sample")
    if not words.is_missing(post) and str(post) != str(row["post_sample"]):
        return f"called in {post} only"
    return _LINEAGE.get(str(called["call"]), words.phrase(called["call"]))


def _left(row: dict[str, object]) -> str:
    if words.is_missing(row["remaining_fraction"]):
        return ""
    text = words.percent(row["remaining_fraction"])
    if words.is_missing(row["remaining_low"]):
        return text
    return f"{text} ({words.percent(row['remaining_low'])} to {words.percent(row['remaining_high']) or 'no limit'})"


def _counted(row: dict[str, object], side: str) -> str:
    if words.is_missing(row.get(f"n_cells_{side}")):
        return ""
    return f"{words.whole(row[f'detected_{side}'])} of {words.whole(row[f'n_cells_{side}'])}"
