"""A frame and its schema come in, the cells of an HTML table go out; values are only formatted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ohmics.report import words
from ohmics.report.settings_words import settings_of
from ohmics.tables import Table

CellKind = Literal[
    "text", "number", "whole", "p", "percent", "verdict", "list", "genes", "phrase", "long", "mechanism", "gene_list",
    "kind", "pmid", "curve", "list_name", "gene",
]  # fmt: skip
_LONG = 320
"""A text with more characters shows its first sentence and opens on request."""
_GENES_SHOWN = 6
LISTS = "lists"
"""Id of the table of gene lists, whose rows the cells of kind ``gene_list`` link to where the page has it."""
MOST_ROWS = 2_000
"""A page shows at most this many rows of one table, and says so."""

_WRITE = {
    "number": words.number,
    "whole": words.whole,
    "p": words.p_value,
    "percent": words.percent,
    "phrase": words.phrase,
    "kind": words.kind,
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
    lead: str = ""
    target: str = ""
    data: str = ""
    outer: str = ""
    pick: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """An HTML table: rendered by the template ``table``, sorted and filtered by the page's script.

    ``settings`` are the parts of the config that its numbers rest on.
    """

    id: str
    caption: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    anchors: tuple[str, ...]
    note: str
    empty: str
    folded: bool = False
    settings: tuple[str, ...] = ()


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
    fold_from: int | None = None,
    link_to: str = "",
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
    link_to
        Id of the table whose row of the same mechanism a cell of kind ``mechanism`` links to.
    fold_from
        From this number of rows on the table is shown folded, with its caption and number of rows.
    """
    present = frame if frame is not None else pd.DataFrame()
    shown_heads = tuple(_explained(head, table) for head in heads if head.column in present)
    shown = present.head(most)
    columns = [[_cell(value, head, names or {}, link_to) for value in shown[head.column]] for head in shown_heads]
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
        folded=fold_from is not None and len(present) >= fold_from,
        settings=settings_of(table.name) if table is not None else (),
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


def _cell(value: object, head: Head, names: Mapping[str, str], link_to: str) -> Cell:
    if words.is_missing(value):
        return Cell("")
    if head.kind == "list":
        parts = tuple(words.plain(part) for part in words.split(value))
        return Cell("; ".join(parts), parts=parts if len(parts) > 1 else ())
    if head.kind == "genes":
        genes = words.split(value)
        lead = f"{', '.join(genes[:_GENES_SHOWN])} and {len(genes) - _GENES_SHOWN} more"
        return Cell(", ".join(genes), lead=lead if len(genes) > _GENES_SHOWN + 2 else "")
    if head.kind in ("gene_list", "list_name"):
        mechanism, _, own = str(value).partition("/")
        name = names.get(mechanism, "")
        # In the table of lists itself a link would lead to where it stands.
        target = words.row_id(LISTS, value) if head.kind == "gene_list" else ""
        return Cell(name or str(value), small=own if name else "", data=str(value), target=target)
    if head.kind == "pmid":
        text = str(value)
        return Cell(text, outer=f"https://pubmed.ncbi.nlm.nih.gov/{text}/" if text.isdecimal() else "")
    if head.kind == "curve":
        target, _, pick = str(value).partition(" ")
        return Cell("curve", target=target, pick=pick)
    if head.kind == "long":
        text = words.plain(value)
        first, stop, _ = text.partition(". ")
        return Cell(text, lead=f"{first}{stop.strip()} …" if stop and len(text) > _LONG else "")
    if head.kind == "mechanism":
        name = names.get(str(value), "")
        target = words.row_id(link_to, value) if link_to else ""
        return Cell(name or str(value), small=str(value) if name and not link_to else "", target=target)
    if head.kind == "verdict":
        return Cell(words.phrase(value), style=f"badge v-{words.anchor(value)}")
    write = _WRITE.get(head.kind)
    return Cell(write(value) if write else str(value))
