"""The sheets of a workbook come in; its first sheet goes out, which says what each of them and each column is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ohmics.export.table_files import column_rows

if TYPE_CHECKING:
    from ohmics.export.workbook import Sheet

README = "readme"
HOW_TO_READ = (
    "Start with sheet evidence: one row a mechanism for the cohort (level cohort), then one a patient and mechanism.",
    "supported: the mechanism's one primary line, declared before any data were seen, changed in the predicted "
    "direction with q below 0.05 among all primary lines of the contrast.",
    "contradicted: the same, in the opposite direction.",
    "open: neither. Sub-reason no_relevant_change: the interval lies inside the margin that would matter; "
    "inconclusive: it is wider, and column would_change says what could settle it.",
    "not_assessable: these data cannot speak of the mechanism; column reasons says why. It never means no change.",
    "Of one patient, supported and contradicted come only from a call with an error rate of its own (antigen, "
    "presentation, lineage); consistent, opposite and within_technical_range describe a score and are no test.",
    "grade counts lines of evidence of different nature: weak one, moderate two, strong three or more. "
    "Lines against and conflicts weigh as much as lines for: read both columns.",
)
MISSING = (
    "An empty cell is a missing value: it could not be measured or does not apply. It is never 0, and 0 is never "
    "missing. Infinite numbers are written as Inf and -Inf. A table without rows has no sheet; it is named below."
)
_HEADINGS = ("table", "column", "type", "unit", "meaning", "range", "values", "may be empty")


class _Lines:
    """Writes a sheet from top to bottom, as a workbook of constant memory needs it."""

    def __init__(self, book: Any, page: Any) -> None:
        self.page = page
        self.row = 0
        self.bold = book.add_format({"bold": True, "bottom": 1, "bg_color": "#E8EEF4"})
        self.section = book.add_format({"bold": True, "font_size": 13})
        self.title = book.add_format({"bold": True, "font_size": 16})
        self.link = book.add_format({"font_color": "#0B5394", "underline": 1})

    def add(self, *cells: object, shown: Any = None) -> None:
        for place, value in enumerate(cells):
            if isinstance(value, int):
                self.page.write_number(self.row, place, value, shown)
            elif str(value):
                self.page.write_string(self.row, place, str(value), shown)
        self.row += 1

    def gap(self, title: str) -> None:
        self.row += 1
        self.add(title, shown=self.section)


def write_readme(book: Any, sheets: Sequence[Sheet], *, project: str, version: str) -> None:
    """Write the first sheet of a workbook."""
    page = book.add_worksheet(README)
    for place, width in enumerate((26, 26, 14, 12, 70, 12, 30, 14)):
        page.set_column(place, place, width)
    lines = _Lines(book, page)
    lines.add(project, shown=lines.title)
    lines.add(f"Written by ohmics {version}. Research use only, never a diagnosis.")
    lines.gap("How to read a verdict")
    for sentence in HOW_TO_READ:
        lines.add(sentence)
    lines.gap("Missing values")
    lines.add(MISSING)
    lines.gap("Sheets")
    lines.add("sheet", "rows", "key", "", "what it is", shown=lines.bold)
    for sheet in sheets:
        if sheet.rows:
            _sheet_line(lines, sheet)
    absent = [sheet for sheet in sheets if not sheet.rows]
    if absent:
        lines.gap("Not in this workbook, and why")
        lines.add("table", "", "", "", "reason", shown=lines.bold)
        for sheet in absent:
            lines.add(sheet.table.name, "", "", "", f"{sheet.table.title}: {sheet.note}")
    lines.gap("Columns")
    lines.add(*_HEADINGS, shown=lines.bold)
    for sheet in sheets:
        if sheet.rows:
            for row in column_rows(sheet.table):
                lines.add(*row.values())


def _sheet_line(lines: _Lines, sheet: Sheet) -> None:
    # Names of sheets are ours, never a user's: a link between sheets is safe.
    name = sheet.table.name
    lines.page.write_url(lines.row, 0, f"internal:'{name}'!A1", lines.link, name)
    lines.page.write_number(lines.row, 1, sheet.rows)
    lines.page.write_string(lines.row, 2, ", ".join(sheet.table.table.key))
    lines.page.write_string(lines.row, 4, f"{sheet.table.title}{'; ' if sheet.note else ''}{sheet.note}")
    lines.row += 1
