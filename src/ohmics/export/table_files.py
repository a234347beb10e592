"""The tables of a run come in; each as TSV and as Parquet goes out, with a list of them and of their columns."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from ohmics.export.run_tables import RunTable
from ohmics.io import write_atomic
from ohmics.schema import Column, Table

INDEX_COLUMNS = ("table", "title", "rows", "key", "tsv", "parquet", "reason")
COLUMN_COLUMNS = ("table", "column", "type", "unit", "meaning", "range", "values", "may_be_empty")
KIND_WORDS = {"str": "text", "int": "whole number", "float": "number", "bool": "True or False"}


def write_table_files(
    made: Iterable[RunTable], folder: str | Path, *, version: str, most_tsv_rows: int = 100_000
) -> list[Path]:
    """Write every table that has rows, ``index.tsv`` of all and ``columns.tsv`` with the meaning of each column.

    Parameters
    ----------
    made
        The tables, see `ohmics.export.run_tables.run_tables`.
    folder
        Where the files go; what an earlier call left of tables that are no longer made is removed.
    version
        Version of ohmics, kept in the Parquet files.
    most_tsv_rows
        A table of cells or genes with more rows is written as Parquet only, and the index says so.

    Returns
    -------
    list of Path
        The files written.
    """
    target = Path(folder)
    written: list[Path] = []
    index: list[dict[str, Any]] = []
    columns: list[dict[str, str]] = []
    for run_table in made:
        name, note = run_table.name, run_table.reason
        files = {"tsv": target / f"{name}.tsv", "parquet": target / f"{name}.parquet"}
        if run_table.reason:
            files = _forget(files, tuple(files))
        elif run_table.long and run_table.rows > most_tsv_rows:
            files = _forget(files, ("tsv",))
            note = f"{run_table.rows:,} rows are more than {most_tsv_rows:,} (export.max_tsv_rows): Parquet only"
        _write_one(run_table, files, version)
        written += files.values()
        names = {kind: path.name for kind, path in files.items()}
        index.append(
            {"table": name, "title": run_table.title, "rows": run_table.rows, "key": "|".join(run_table.table.key)}
            | {"tsv": names.get("tsv", ""), "parquet": names.get("parquet", ""), "reason": note}
        )
        columns += column_rows(run_table)
    for name, rows, order in (("index.tsv", index, INDEX_COLUMNS), ("columns.tsv", columns, COLUMN_COLUMNS)):
        with write_atomic(target / name) as temporary:
            pd.DataFrame(rows, columns=list(order)).to_csv(temporary, sep="\t", index=False, lineterminator="\n")
        written.append(target / name)
    return written


def _forget(files: dict[str, Path], kinds: tuple[str, ...]) -> dict[str, Path]:
    """Remove what an earlier call left under these names, and return the others."""
    for kind in kinds:
        files[kind].unlink(missing_ok=True)
    return {kind: path for kind, path in files.items() if kind not in kinds}


def column_rows(run_table: RunTable) -> list[dict[str, str]]:
    """Return one row a column of a table: type, unit, meaning, range, legal values and whether it may be empty."""
    return [
        {
            "table": run_table.name,
            "column": column.name,
            "type": KIND_WORDS[column.kind],
            "unit": column.unit,
            "meaning": column.meaning,
            "range": range_words(column),
            "values": "|".join(column.values),
            "may_be_empty": "yes" if column.nullable else "no",
        }
        for column in run_table.table.columns
    ]


def range_words(column: Column) -> str:
    """Return the legal range of a column in words, empty when there is none.

    Examples
    --------
    >>> range_words(Column(name="p", kind="float", meaning="", low=0, high=1))
    '0 to 1'
    """
    if column.low is not None and column.high is not None:
        return f"{column.low:g} to {column.high:g}"
    if column.low is not None:
        return f"from {column.low:g}"
    return "" if column.high is None else f"to {column.high:g}"


def _write_one(run_table: RunTable, files: dict[str, Path], version: str) -> None:
    """Write the table part by part, so that a table of cells is never in memory as a whole."""
    if not files:
        return
    if "tsv" in files:
        with write_atomic(files["tsv"]) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
            for number, frame in enumerate(run_table.frames()):
                frame.to_csv(handle, sep="\t", index=False, na_rep="", lineterminator="\n", header=number == 0)
    with write_atomic(files["parquet"]) as temporary:
        _write_parquet(run_table, temporary, version)


def _write_parquet(run_table: RunTable, path: Path, version: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    for frame in run_table.frames():
        data = pa.Table.from_pandas(_typed(frame, run_table.table), preserve_index=False)
        schema = described_schema(data.schema, run_table, version) if writer is None else writer.schema
        if writer is None:
            writer = pq.ParquetWriter(path, schema, compression="zstd")
        writer.write_table(data.select(schema.names).cast(schema))
    if writer is not None:
        writer.close()


def _typed(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Give text columns a text type, also where every value is missing (pyarrow would call those null)."""
    text = [column.name for column in table.columns if column.kind == "str"]
    return frame.astype(dict.fromkeys(text, "string"))


def described_schema(schema: Any, run_table: RunTable, version: str) -> Any:
    """Return a pyarrow schema with the table's title and key, and each column's meaning, unit and range."""
    known = {column.name: column for column in run_table.table.columns}
    fields = []
    for entry in schema:
        column = known.get(entry.name)
        if column is None:
            fields.append(entry)
            continue
        told = {"meaning": column.meaning, "unit": column.unit, "range": range_words(column)}
        told["values"] = "|".join(column.values)
        fields.append(entry.with_metadata({key: text for key, text in told.items() if text}))
    import pyarrow as pa

    about = {
        "ohmics": json.dumps(
            {
                "table": run_table.table.name,
                "title": run_table.title,
                "key": list(run_table.table.key),
                "missing": "empty",
                "version": version,
            },
            sort_keys=True,
        )
    }
    kept = {key: value for key, value in (schema.metadata or {}).items() if key == b"pandas"}
    return pa.schema(fields, metadata={**kept, **about})
