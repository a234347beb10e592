"""A user's table of cells or of junction reads comes in; checked frames, with every fault and its row, go out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from ohmics.errors import Fault, Faults, OhmicsError, did_you_mean, listing
from ohmics.intake.files import read_rows

JUNCTION_COLUMNS = ("sample", "event", "upstream", "downstream", "skipping")
"""Sample; event such as `CD19 exon 2`; reads over the junction into the exon, out of it, and past it."""
_TRUE = ("true", "yes", "1", "t", "y")
_FALSE = ("false", "no", "0", "f", "n")
_EMPTY = ("", "na", "nan", "none", "null")
_MOST_FAULTS = 20
_MOST_READS = 2**53


def read_cell_table(path: str | Path) -> pd.DataFrame:
    """Read a table of cells: a row a cell, with what the user knows of it.

    Parameters
    ----------
    path
        TSV or CSV, UTF-8, with the columns sample and barcode and any others.

    Returns
    -------
    DataFrame
        Text columns; empty cells are None.

    Raises
    ------
    OhmicsError
        When a column is missing, a row has no sample or barcode, or a cell stands twice.
    """
    source = Path(path)
    frame = _parse(source, ("sample", "barcode"))
    faults = Faults()
    bare = frame.index[frame["sample"].isna() | frame["barcode"].isna()]
    for row in bare[:_MOST_FAULTS]:
        faults.add("the row names no sample or no barcode", where=f"{source.name}, row {row + 2}")
    twice = frame[frame.duplicated(["sample", "barcode"]) & ~frame.index.isin(bare)]
    for row, (sample, barcode) in zip(
        twice.index[:_MOST_FAULTS], twice[["sample", "barcode"]].to_numpy(), strict=False
    ):
        faults.add(f"cell {barcode} of sample {sample} stands twice", where=f"{source.name}, row {row + 2}")
    faults.raise_if_any()
    return frame


def cell_flags(frame: pd.DataFrame, column: str, *, where: str) -> pd.Series:
    """Return a column of a table of cells as true, false or empty.

    Parameters
    ----------
    frame
        As `read_cell_table` returns it.
    column
        Its column; true, yes and 1 are true, false, no and 0 are false.
    where
        The table's name, for messages.

    Raises
    ------
    OhmicsError
        When the column is missing or holds other text.
    """
    if column not in frame:
        others = [name for name in frame.columns if name not in ("sample", "barcode")]
        raise OhmicsError(
            Fault(f"no column `{column}`", where=where, legal=listing(others), remedy=did_you_mean(column, others))
        )
    return flags_of(frame[column], column, where=where)


def flags_of(values: pd.Series, column: str, *, where: str) -> pd.Series:
    """Return values as true, false or empty; true, yes and 1 are true, false, no and 0 are false.

    Raises
    ------
    OhmicsError
        When they hold other text.
    """
    text = values.astype(object).where(values.notna(), "").astype(str).str.strip().str.lower()
    text = text.str.removesuffix(".0")
    wrong = np.flatnonzero(~text.isin([*_TRUE, *_FALSE, *_EMPTY]))
    if len(wrong):
        raise OhmicsError(
            Fault(
                f"column `{column}` holds `{values.iloc[wrong[0]]}`",
                where=f"{where}, row {wrong[0] + 2}",
                legal="true, false, yes, no, 1, 0 or empty",
            )
        )
    return text.isin(_TRUE).astype("boolean").mask(text.isin(_EMPTY))


def read_junctions(path: str | Path, *, samples: Iterable[str] | None = None) -> pd.DataFrame:
    """Read a table of junction reads: a row a sample and event, as an aligner that knows splice junctions counts them.

    Parameters
    ----------
    path
        TSV or CSV, UTF-8, with the columns of `JUNCTION_COLUMNS`; for CD19 exon 2 the reads over the junctions of
        exons 1 and 2, of exons 2 and 3, and of exons 1 and 3.
    samples
        Samples of the sheet; others are faults.

    Returns
    -------
    DataFrame
        sample, event, and the three counts as whole numbers.

    Raises
    ------
    OhmicsError
        With every fault: missing columns, rows without a sample or event, counts that are no whole numbers from 0 on,
        samples that the sheet lacks, an event of a sample that stands twice.
    """
    source = Path(path)
    frame = _parse(source, JUNCTION_COLUMNS)
    faults = Faults()
    known = None if samples is None else list(samples)
    counts = {name: pd.to_numeric(frame[name], errors="coerce") for name in JUNCTION_COLUMNS[2:]}
    for row in frame.index:
        if len(faults) > _MOST_FAULTS:
            faults.add("more rows are wrong; these are the first", where=source.name)
            break
        where = f"{source.name}, row {row + 2}"
        sample, event = frame.loc[row, "sample"], frame.loc[row, "event"]
        if sample is None or event is None:
            faults.add("the row names no sample or no event", where=where)
        elif known is not None and sample not in known:
            faults.add(f"the sheet has no sample `{sample}`", where=where, remedy=did_you_mean(sample, known))
        for name, values in counts.items():
            value = values[row]
            if pd.isna(value) or not 0 <= value <= _MOST_READS or value != int(value):
                shown = "" if frame.loc[row, name] is None else frame.loc[row, name]
                faults.add(f"column `{name}` holds `{shown}`", where=where, legal="whole numbers from 0 on")
    for row in frame.index[frame.duplicated(["sample", "event"])][:_MOST_FAULTS]:
        faults.add("this event of this sample stands twice", where=f"{source.name}, row {row + 2}")
    faults.raise_if_any()
    return frame[["sample", "event"]].assign(**{name: values.astype("int64") for name, values in counts.items()})


class _Paths(Protocol):
    """The part of a config that names these tables."""

    @property
    def cells(self) -> str | None: ...

    @property
    def junctions(self) -> str | None: ...


def extra_faults(given: _Paths, clonal_column: str | None, samples: list[str]) -> list[Fault]:
    """Return every fault of the tables that a config names, before anything runs.

    Parameters
    ----------
    given
        ``cells`` and ``junctions``: paths, or None.
    clonal_column
        Column of the table of cells that holds the clone's mark.
    samples
        Samples of the sheet.
    """
    found: list[Fault] = []
    try:
        if given.junctions is not None:
            read_junctions(given.junctions, samples=samples)
    except OhmicsError as error:
        found += error.faults
    try:
        if given.cells is not None:
            cells = read_cell_table(given.cells)
            name = Path(given.cells).name
            if not set(cells["sample"]) & set(samples):
                found.append(Fault("the table of cells holds no sample of the sheet", where=name))
            if clonal_column is not None:
                cell_flags(cells, clonal_column, where=name)
    except OhmicsError as error:
        found += error.faults
    return found


def _parse(source: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    rows = read_rows(source, what="table", missing="file")
    if len(rows) < 2:
        raise OhmicsError(Fault("the table holds no row", source.name, remedy="its first row holds the headings"))
    header = rows[0]
    faults = Faults()
    for name in needed:
        if name not in header:
            remedy = did_you_mean(name, header)
            faults.add(
                f"column `{name}` is missing", where=f"{source.name}, row 1", legal=listing(header), remedy=remedy
            )
    if len(set(header)) < len(header):
        faults.add("columns stand twice", where=f"{source.name}, row 1")
    for number, row in enumerate(rows[1:], start=2):
        if len(faults) > _MOST_FAULTS:
            faults.add("more rows are wrong; these are the first", where=source.name)
            break
        if any(row) and len(row) != len(header):
            faults.add(f"{len(row)} cells under {len(header)} headings", where=f"{source.name}, row {number}")
    faults.raise_if_any()
    body = [row for row in rows[1:] if any(row)]
    frame = pd.DataFrame(body, columns=header, dtype=object)
    return frame.mask(frame == "", None)
