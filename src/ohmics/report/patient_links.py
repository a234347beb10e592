"""A table of the cohort's pages comes in, the same table with its patients linked to their pages goes out."""

from __future__ import annotations

from dataclasses import replace

from ohmics.report.inputs import ReportInputs
from ohmics.report.patient_names import page_links
from ohmics.report.tables import Cell, TableView

_COLUMNS = ("patient", "subject")


def linked(inputs: ReportInputs, view: TableView) -> TableView:
    """Return the table with a link in each cell that names a patient of the run.

    The links lead to the folder ``patients`` beside the page, where `ohmics.report.patient_page.patient_pages` goes.
    """
    places = {place for place, head in enumerate(view.heads) if head.column in _COLUMNS}
    if not places:
        return view
    links = page_links(inputs.samples["patient"].astype(str))

    def cell(place: int, value: Cell) -> Cell:
        if place not in places or value.text not in links:
            return value
        return replace(value, outer=links[value.text])

    rows = tuple(tuple(cell(place, value) for place, value in enumerate(row)) for row in view.rows)
    return replace(view, rows=rows)
