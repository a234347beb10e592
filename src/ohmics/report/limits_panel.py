"""The catalogue and EVIDENCE come in; what expression shows and cannot show of each mechanism goes out."""

from __future__ import annotations

import pandas as pd

from ohmics.report import select, words
from ohmics.report.inputs import ReportInputs
from ohmics.report.tables import Head, TableView, table_view

WHAT = (
    "Not assessable is not the same as absent. What a gene count cannot show stays unseen however many samples there "
    "are: protein on the surface, its epitope, splice forms in 3-prime data, DNA, chromatin, and where cells lie. The "
    "table says so for every mechanism, also for those with a verdict."
)


def blind_table(inputs: ReportInputs) -> TableView | None:
    """Return every mechanism with what expression shows of it and what it cannot; None without a catalogue."""
    known = select.mechanisms(inputs)
    if not known:
        return None
    views = select.contrasts(inputs)
    verdicts = {view.name: _verdicts(inputs, view) for view in views}
    used = {name for found in verdicts.values() for name in found}
    rows = [
        {
            "mechanism": name,
            "compartment": words.COMPARTMENTS.get(mechanism.compartment, mechanism.compartment),
            "visible": mechanism.visible,
            "not_visible": mechanism.not_visible,
            **{f"in:{view.name}": verdicts[view.name].get(name, "") for view in views},
        }
        for name, mechanism in known.items()
        if name in used or not used
    ]
    frame = pd.DataFrame(rows)
    return table_view(
        frame,
        id="cannot-table",
        caption="What expression shows of each mechanism, and what it cannot show",
        heads=[
            Head("mechanism", "Mechanism", "mechanism"),
            Head("not_visible", "Cannot show", "long"),
            Head("visible", "Shows", "long"),
            *[
                Head(f"in:{view.name}", "In this run" if len(views) == 1 else view.name, "verdict")
                for view in views
                if verdicts[view.name]
            ],
            Head("compartment", "Compartment"),
        ],
        source="the catalogue of mechanisms (`ohmics catalog`) and tables/evidence.tsv",
        names=select.names(inputs),
    )


def _verdicts(inputs: ReportInputs, view: select.ContrastView) -> dict[str, str]:
    rows = select.cohort_evidence(inputs, view.name)
    if rows is None or rows.empty:
        return {}
    return {str(name): str(verdict) for name, verdict in zip(rows["mechanism"], rows["verdict"], strict=True)}
