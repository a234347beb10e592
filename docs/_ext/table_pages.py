"""The schemas of the tables come in; a page with every column, its unit and its meaning goes out."""

from __future__ import annotations

from markdown import code, plain, sentence, table

from ohmics.schema import Column, Table
from ohmics.tables import TABLES

_KINDS = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}


def page() -> str:
    """Return the page of all tables."""
    rows = [[f"[{one.name}](#{anchor(one)})", plain(one.title), one.storage] for one in TABLES.values()]
    return "\n\n".join(
        [
            "# Tables",
            "Every table ohmics writes, from the schemas that also check them (`ohmics verify`). A missing value is an "
            'empty field, never 0 or `NA`. Read the TSV files with `keep_default_na=False, na_values=[""]`.',
            table(["table", "what it holds", "written as"], rows),
            *(_section(one) for one in TABLES.values()),
        ]
    )


def anchor(one: Table) -> str:
    """Return the name that a link to a table's section takes."""
    return f"table-{one.name.lower().replace('_', '-')}"


def _section(one: Table) -> str:
    rows = [[_name(column, one), _kind(column), _legal(column), sentence(column.meaning)] for column in one.columns]
    more = ["Further columns may follow: covariates, metrics, or one column a gene list."] if one.open else []
    return "\n\n".join(
        [
            f"({anchor(one)})=",
            f"## {one.name}",
            f"{sentence(one.title)}. Written as {one.storage.upper()}; one row is named by "
            f"{', '.join(map(code, one.key)) or 'no column'}.",
            table(["column", "type and unit", "legal", "meaning"], rows),
            *more,
        ]
    )


def _name(column: Column, one: Table) -> str:
    return code(column.name) + (" (key)" if column.name in one.key else "")


def _kind(column: Column) -> str:
    return _KINDS[column.kind] + (f", {plain(column.unit)}" if column.unit else "")


def _legal(column: Column) -> str:
    words = [", ".join(map(code, column.values))] if column.values else []
    if column.low is not None and column.high is not None:
        words.append(f"{column.low:g} to {column.high:g}")
    elif column.low is not None:
        words.append(f"{column.low:g} or more")
    elif column.high is not None:
        words.append(f"{column.high:g} or less")
    if not column.required:
        words.append("may be absent")
    elif column.nullable:
        words.append("may be empty")
    return "; ".join(words)
