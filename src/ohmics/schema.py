"""What a table is: columns with type, unit, range and meaning, a key; and `check`, which names a frame's faults."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from ohmics.errors import Faults, did_you_mean, listing

Kind = Literal["str", "int", "float", "bool"]
_DTYPES: dict[str, str] = {"str": "object", "int": "Int64", "float": "float64", "bool": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: type, meaning, unit, legal range or values, and whether it may be empty."""

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    required: bool = True
    nullable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table's schema. ``open`` tables may carry further columns (covariates, metrics, one column a list)."""

    name: str
    title: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    storage: Literal["tsv", "parquet"] = "tsv"
    open: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in the order they are written."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)

    def empty(self) -> pd.DataFrame:
        """Return a frame of this table with no rows."""
        return pd.DataFrame({c.name: pd.Series(dtype=_DTYPES[c.kind]) for c in self.columns})

    def conform(self, rows: pd.DataFrame | Iterable[dict[str, Any]]) -> pd.DataFrame:
        """Return the rows with this table's columns, order and types; absent columns become empty.

        Raises
        ------
        OhmicsError
            When a value does not fit its column (see `check`).
        """
        frame = rows.copy() if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
        if frame.empty and not len(frame.columns):
            return self.empty()
        for column in self.columns:
            if column.name not in frame:
                frame[column.name] = pd.Series([None] * len(frame), index=frame.index, dtype=object)
            frame[column.name] = _cast(frame[column.name], column)
        extra = [name for name in frame.columns if name not in self.names]
        frame = frame[[*self.names, *extra]].reset_index(drop=True)
        check(frame, self)
        return frame


def _cast(values: pd.Series, column: Column) -> pd.Series:
    if column.kind == "str":
        text = values.astype(object)
        empty = text.isna() | (text.astype(str) == "")
        return text.where(empty, text.astype(str)).where(~empty, None).astype(object)
    if column.kind == "bool":
        named: dict[str, bool] = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
        told = [None if pd.isna(v) or v == "" else named.get(str(v).lower(), v) for v in values.tolist()]
        try:
            return pd.Series(told, index=values.index, dtype="boolean")
        except (TypeError, ValueError):
            # Something that is neither true nor false: `check` names it.
            return pd.Series(told, index=values.index, dtype=object)
    numbers = pd.to_numeric(values.replace("", None) if values.dtype == object else values)
    return numbers.astype("float64") if column.kind == "float" else numbers.astype("Int64")


def check(frame: pd.DataFrame, table: Table) -> None:
    """Raise one `OhmicsError` that names every fault of ``frame`` as a ``table``.

    Checked are: missing and unknown columns, empty values where none may be, types, ranges, closed
    vocabularies, and that the key names each row once.
    """
    faults = Faults()
    where = f"table {table.name}"
    for column in table.columns:
        if column.name not in frame:
            if column.required:
                faults.add(f"column `{column.name}` is missing", where=where, remedy=column.meaning)
            continue
        _check_column(frame[column.name], column, where, faults)
    if not table.open:
        for name in frame.columns:
            if name not in table.names:
                faults.add(
                    f"unknown column `{name}`",
                    where=where,
                    legal=", ".join(table.names),
                    remedy=did_you_mean(name, table.names),
                )
    present = [name for name in table.key if name in frame]
    if present and len(present) == len(table.key) and len(frame):
        repeated = frame.duplicated(present, keep=False).to_numpy()
        if repeated.any():
            first = [" / ".join(map(str, row)) for row in frame.loc[repeated, present].drop_duplicates().to_numpy()]
            faults.add(
                f"{int(repeated.sum())} rows share a key ({', '.join(table.key)}): {listing(first, most=3)}",
                where=where,
                legal="one row a key",
            )
    faults.raise_if_any()


def _check_column(values: pd.Series, column: Column, where: str, faults: Faults) -> None:
    place = f"{where}, column `{column.name}`"
    empty = values.isna() | (values.astype(object) == "") if values.dtype == object else values.isna()
    if not column.nullable and bool(empty.any()):
        faults.add(f"{int(empty.sum())} rows are empty", where=place, legal="a value in every row")
    given = values[~empty]
    if given.empty:
        return
    if column.kind in ("int", "float"):
        numbers = pd.to_numeric(given, errors="coerce")
        wrong = given[numbers.isna().to_numpy()]
        if len(wrong):
            faults.add(f"`{wrong.iloc[0]}` is no number ({len(wrong)} rows)", where=place)
            return
        plain = numbers.astype("float64").to_numpy()
        if column.kind == "int" and not np.all(plain == np.round(plain)):
            faults.add("values are not whole numbers", where=place)
        for beyond, sign, bound in (
            (column.low is not None and plain < column.low - 1e-9, "<", column.low),
            (column.high is not None and plain > column.high + 1e-9, ">", column.high),
        ):
            if np.any(beyond):
                faults.add(f"{int(np.sum(beyond))} values are {sign} {bound}", where=place)
    elif column.kind == "bool":
        if not set(map(str, given.unique())) <= {"True", "False"}:
            faults.add(f"`{given.iloc[0]}` is neither true nor false", where=place)
    elif column.values:
        for value in sorted({str(v) for v in given} - set(column.values)):
            faults.add(
                f"`{value}` is not a value of this column",
                where=place,
                legal=", ".join(column.values),
                remedy=did_you_mean(value, column.values),
            )
