"""A frame and its schema come in, the cells of an HTML table go out; values are only formatted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ohmics.report import words
from ohmics.tables import Table

CellKind = Literal["text", "number", "whole", "p", "percent", "verdict", "list", "genes", "phrase", "long", "mechanism"]
MOST_ROWS = 2_000
"""A page shows at most this many rows of one table, and says so."""

_WRITE = {
    "number": words.number,
    "whole": words.whole,
    "p": words.p_value,
    "percent": words.percent,
    "phrase": words.phrase,
    "verdict": words.phrase,
}


@dataclass(frozen=True, slots=True)
class Head:
    """One column of an HTML table: the frame's column, its heading, how values are written, and what it means."""

    column: str
    label: str
    kind: CellKind = "text"
    meaning: str = ""

    @property
    def numeric(self) -> bool:
        """Whether values align right and sort as numbers."""
        return self.kind in ("number", "whole", "p", "percent")


@dataclass(frozen=True, slots=True)
class Cell:
    """One value as it is shown: text, its parts when it is a list, and a style class."""

    text: str
    parts: tuple[str, ...] = ()
    style: str = ""
    small: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """An HTML table: rendered by the template ``table``, sorted and filtered by the page's script."""

    id: str
    caption: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    anchors: tuple[str, ...]
    note: str
    empty: str


def table_view(
    frame: pd.DataFrame | None,
    *,
    id: str,
    caption: str,
    heads: Sequence[Head],
    table: Table | None = None,
    source: str = "",
    most: int = MOST_ROWS,
    anchor: Sequence[str] = (),
    names: Mapping[str, str] | None = None,
    empty: str = "",
) -> TableView:
    """Build the view of a table.

    Parameters
    ----------
    frame
        The rows, already in the order shown. None: the run did not make this table.
    id
        Unique on the page; also the name of the CSV file a reader downloads.
    heads
        The columns shown; those the frame lacks are left out.
    table
        Schema whose column meanings become the headings' explanations.
    source
        Where the whole table lies, for the note below it.
    most
        Rows shown; the note says how many there are.
    anchor
        Columns that make up each row's HTML id, after ``id``.
    names
        Mechanism identifier to name, for columns of kind ``mechanism``.
    empty
        What to say when there is no row.
    """
    present = frame if frame is not None else pd.DataFrame()
    shown_heads = tuple(_explained(head, table) for head in heads if head.column in present)
    shown = present.head(most)
    columns = [[_cell(value, head, names or {}) for value in shown[head.column]] for head in shown_heads]
    anchors = _anchors(shown, id, anchor)
    note = f"Shown are the first {len(shown):,} of {len(present):,} rows. " if len(present) > len(shown) else ""
    note += f"Whole table: {source}." if source and frame is not None else ""
    missing = empty or "No row."
    if frame is None:
        missing = empty or "This run did not make this table."
    return TableView(
        id=id,
        caption=caption,
        heads=shown_heads,
        rows=tuple(zip(*columns, strict=True)) if columns else (),
        anchors=anchors,
        note=note,
        empty=missing,
    )


def _anchors(shown: pd.DataFrame, id: str, anchor: Sequence[str]) -> tuple[str, ...]:
    if not anchor or not all(name in shown for name in anchor):
        return ("",) * len(shown)
    return tuple(words.row_id(id, *row) for row in shown[list(anchor)].itertuples(index=False, name=None))


def _explained(head: Head, table: Table | None) -> Head:
    if head.meaning or table is None or head.column not in table.names:
        return head
    column = table.column(head.column)
    meaning = f"{column.meaning} ({column.unit})" if column.unit else column.meaning
    return Head(head.column, head.label, head.kind, meaning)


def _cell(value: object, head: Head, names: Mapping[str, str]) -> Cell:
    if words.is_missing(value):
        return Cell("")
    if head.kind == "list":
        parts = tuple(words.split(value))
        return Cell("; ".join(parts), parts=parts if len(parts) > 1 else ())
    if head.kind == "genes":
        return Cell(", ".join(words.split(value)))
    if head.kind == "mechanism":
        name = names.get(str(value), "")
        return Cell(name or str(value), small=str(value) if name else "")
    if head.kind == "verdict":
        return Cell(words.phrase(value), style=f"badge v-{words.anchor(value)}")
    write = _WRITE.get(head.kind)
    return Cell(write(value) if write else str(value))
