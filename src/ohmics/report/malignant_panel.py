"""MALIGNANT comes in, the panel of malignant cells on the QC page goes out: each cluster's evidence in words."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ohmics import tables
from ohmics.report import words
from ohmics.report.inputs import ReportInputs
from ohmics.report.tables import Head, TableView, table_view

WHAT = (
    "Which cells are the tumour is told cluster by cluster, from clusters made before samples were brought together. "
    "Lines of evidence are log-odds with limits that add up: positive speaks for a tumour. The probability is that of "
    "the cluster; a cell of a type that is no tumour of the disease stays normal in a malignant cluster, and what the "
    "lines cannot decide stays open. Everything on malignant cells in these reports rests on this table."
)
_ORDER = {"undetermined": 0, "malignant": 1, "normal": 2}


@dataclass(frozen=True, slots=True)
class MalignantPanel:
    """Sentence and table of the calls of malignant cells."""

    what: str
    sentence: str
    table: TableView


def malignant_panel(inputs: ReportInputs) -> MalignantPanel | None:
    """Return the panel; None when the run called no malignant cells."""
    frame = inputs.malignant
    if frame is None or frame.empty:
        return None
    counts = frame["call"].value_counts()
    told = [f"{int(counts[call])} {call}" for call in ("malignant", "normal", "undetermined") if call in counts]
    of = words.count(len(frame), "cluster of a sample", "clusters of samples")
    sentence = f"Of {of} {words.series(told)}."
    declared = frame["evidence"].fillna("").str.startswith("declared by")
    if declared.all():
        sentence += " The calls are declared in the configuration; the evidence stands beside them."
    order = frame.assign(order=frame["call"].map(_ORDER), at=range(len(frame))).sort_values(["order", "at"])
    return MalignantPanel(what=WHAT, sentence=sentence, table=_table(order.drop(columns=["order", "at"])))


def _table(frame: pd.DataFrame) -> TableView:
    return table_view(
        frame,
        id="malignant-table",
        caption="Malignant cells: what speaks for and against, cluster by cluster; undetermined ones first",
        heads=[
            Head("sample", "Sample"),
            Head("cluster", "Cluster"),
            Head("call", "Call", "phrase"),
            Head("estimate", "Probability", "number"),
            Head("low", "Low", "number"),
            Head("high", "High", "number"),
            Head("reason", "Why", "long"),
        ],
        table=tables.MALIGNANT,
        source="tables/malignant.tsv",
        fold_from=20,
        most=400,
    )
