"""The tables of a run come in, one Excel workbook goes out: a readme first, then a sheet a table, all text as text."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ohmics.export import FIXED_DATE
from ohmics.export.run_tables import RunTable
from ohmics.export.workbook_readme import write_readme
from ohmics.io import write_atomic
from ohmics.schema import Column

EXCEL_ROWS = 1_048_576
"""Rows of an Excel sheet, its header among them."""
EXCEL_TEXT = 32_767
"""Characters of an Excel cell."""
_CUT = " [cut: Excel's cells end here]"
_FORBIDDEN = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SMALL = "[=0]0;[<0.001]0.0E+00;0.000"
_PLAIN = "[>=1000]#,##0;[<=-1000]-#,##0;0.0###"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What became of one table: its rows in the workbook, and what a reader must know of it (empty: nothing)."""

    table: RunTable
    rows: int
    note: str = ""


def write_workbook(
    made: Iterable[RunTable], path: str | Path, *, project: str, version: str, most_rows: int = EXCEL_ROWS - 1
) -> None:
    """Write ``results.xlsx``: the same tables give the same bytes.

    User text is always a text cell: what begins with ``=``, ``+``, ``-`` or ``@`` is never a formula, and an address
    is never a link. Characters that XML forbids become U+FFFD, a text beyond 32,767 characters is cut and says so.

    Parameters
    ----------
    made
        The tables, see `ohmics.export.run_tables.run_tables`. Tables of cells or genes get no sheet.
    path
        The file to write; replaced as a whole.
    project
        Title of the run.
    version
        Version of ohmics.
    most_rows
        Rows of a sheet without its header. A longer table is cut: the rows with the smallest p stay, in the table's
        order; of a table without p the first rows. The readme says so.
    """
    import xlsxwriter

    sheets = [planned(run_table, most_rows) for run_table in made]
    # The library leaves its parts where it put them when it is stopped half-way: a folder of ours goes with them.
    with write_atomic(path) as temporary, tempfile.TemporaryDirectory(prefix="ohmics-") as parts, _system_errors():
        options = {
            "constant_memory": True,
            "tmpdir": parts,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        with xlsxwriter.Workbook(str(temporary), options) as book:
            book.set_properties(
                {
                    "title": clean(project)[:255],
                    "comments": f"ohmics {version}; research use only, never a diagnosis",
                    "created": FIXED_DATE.replace(tzinfo=None),
                }
            )
            write_readme(book, sheets, project=clean(project), version=version)
            for sheet in sheets:
                if sheet.rows:
                    _write_sheet(book, sheet)


@contextmanager
def _system_errors() -> Iterator[None]:
    """Raise what the system said where the library says only that it could not make the file."""
    from xlsxwriter.exceptions import FileCreateError

    try:
        yield
    except FileCreateError as error:
        if error.args and isinstance(error.args[0], OSError):
            raise error.args[0] from error
        raise


def planned(run_table: RunTable, wanted: int) -> Sheet:
    """Return what becomes of a table in a workbook of at most so many rows a sheet, and never more than Excel's."""
    most_rows = min(wanted, EXCEL_ROWS - 1)
    if run_table.reason:
        return Sheet(table=run_table, rows=0, note=run_table.reason)
    if run_table.long:
        note = f"{run_table.rows:,} rows are no sheet to read: see export/tables/{run_table.name}.parquet"
        return Sheet(table=run_table, rows=0, note=note)
    if run_table.rows > most_rows:
        rule = "those with the smallest p, in the table's order" if "p" in run_table.table.names else "the first ones"
        note = (
            f"cut: {most_rows:,} of {run_table.rows:,} rows ({rule}); all of them in "
            f"export/tables/{run_table.name}.parquet"
        )
        return Sheet(table=run_table, rows=most_rows, note=note)
    return Sheet(table=run_table, rows=run_table.rows)


def shortened(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return at most that many rows: those with the smallest p in the frame's order, without p the first."""
    if len(frame) <= most:
        return frame
    if "p" not in frame:
        return frame.iloc[:most]
    chosen = frame["p"].astype("float64").sort_values(kind="stable", na_position="last").index[:most]
    return frame.loc[chosen.sort_values()]


def clean(text: object) -> str:
    """Return text that an XML file can hold: forbidden characters become U+FFFD, lines end in a line feed.

    Examples
    --------
    >>> clean("a\\x01b")
    'a\ufffdb'
    """
    return _FORBIDDEN.sub("\ufffd", str(text).replace("\r\n", "\n").replace("\r", "\n"))


def cell_text(text: object) -> str:
    """Return text that fits an Excel cell; what is cut says so."""
    plain = clean(text)
    # Excel counts UTF-16 units: a character beyond the basic plane is two.
    if len(plain.encode("utf-16-le")) // 2 <= EXCEL_TEXT:
        return plain
    kept = plain.encode("utf-16-le")[: 2 * (EXCEL_TEXT - len(_CUT))].decode("utf-16-le", errors="ignore")
    return kept + _CUT


def _write_sheet(book: Any, sheet: Sheet) -> None:
    frame = shortened(sheet.table.frame(), sheet.rows)
    known = {column.name: column for column in sheet.table.table.columns}
    page = book.add_worksheet(sheet.table.name)
    page.freeze_panes(1, 1)
    page.autofilter(0, 0, len(frame), len(frame.columns) - 1)
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top", "bg_color": "#E8EEF4"})
    formats: dict[str, Any] = {}
    writers: list[Callable[[int, int, Any], object]] = []
    for place, name in enumerate(frame.columns):
        pattern = number_format(known.get(str(name)), frame[name])
        if pattern and pattern not in formats:
            formats[pattern] = book.add_format({"num_format": pattern})
        page.set_column(place, place, _width(str(name), frame[name]))
        writers.append(_writer(page, frame[name], formats.get(pattern)))
    for place, name in enumerate(frame.columns):
        page.write_string(0, place, cell_text(name), head)
    for number, row in enumerate(_rows(frame), start=1):
        for place, value in enumerate(row):
            if value is not None:
                writers[place](number, place, value)


def _rows(frame: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Yield the rows as plain Python values, missing as None."""
    columns = [
        [None if missing else value for value, missing in zip(frame[name].tolist(), frame[name].isna(), strict=True)]
        for name in frame.columns
    ]
    return zip(*columns, strict=True)


def _writer(page: Any, values: pd.Series, shown: Any) -> Callable[[int, int, Any], object]:
    if pd.api.types.is_bool_dtype(values.dtype):
        return lambda row, column, value: page.write_boolean(row, column, bool(value))
    if pd.api.types.is_numeric_dtype(values.dtype):
        return lambda row, column, value: _write_number(page, row, column, value, shown)
    return lambda row, column, value: page.write_string(row, column, cell_text(value))


def _write_number(page: Any, row: int, column: int, value: Any, shown: Any) -> None:
    plain = float(value)
    if math.isfinite(plain):
        page.write_number(row, column, plain, shown)
    else:
        # Excel has no infinity.
        page.write_string(row, column, "Inf" if plain > 0 else "-Inf")


def number_format(column: Column | None, values: pd.Series) -> str:
    """Return Excel's number format for a column; empty for text and truth values."""
    if pd.api.types.is_bool_dtype(values.dtype) or not pd.api.types.is_numeric_dtype(values.dtype):
        return ""
    if pd.api.types.is_integer_dtype(values.dtype):
        return "#,##0"
    if column is not None and column.low == 0 and column.high == 1 and not column.unit:
        return _SMALL
    return "0.0" if column is not None and column.unit == "percent" else _PLAIN


def _width(name: str, values: pd.Series) -> float:
    """Return a width in characters that shows the heading and most values of the first rows."""
    if pd.api.types.is_numeric_dtype(values.dtype):
        return float(min(max(len(name) + 3, 10), 24))
    longest = max((len(str(value)) for value in values.head(200).dropna()), default=0)
    return float(min(max(len(name) + 3, longest + 1, 8), 60))
