"""One bulk count matrix (CSV or TSV, gzipped or not, either orientation) in, samples × genes out."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp

from ohmics.errors import Fault, Faults, OhmicsError, listing
from ohmics.genes import KNOWN_SHARE, GeneTable
from ohmics.intake.raw import RawCounts, open_text, readable

Orientation = Literal["genes_by_samples", "samples_by_genes"]
_FORM = "table of counts"
_MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")
# What featureCounts and others put between the gene id and the samples.
_GENE_FACTS = frozenset(
    {"chr", "chrom", "chromosome", "start", "end", "strand", "length", "effective_length", "gene_length"}
)


@dataclass(frozen=True)
class _Sheet:
    """A parsed table: candidate id columns (text), and numeric columns under their headings."""

    ids: dict[str, list[str]]
    headings: list[str]
    values: np.ndarray
    left_out: list[str]


def read_matrix(path: Path, table: GeneTable, *, orientation: str = "auto") -> RawCounts:
    """Read a matrix of raw counts; which axis holds the genes is told by which looks more like gene ids.

    Text columns (``gene_name``, ``Chr``) are left out and named in the notes. Ensembl ids are taken
    for mapping where a file has both ids and symbols.

    Parameters
    ----------
    path
        Comma, tab or semicolon between fields; a heading row; ids in the first column.
    table
        Tells gene ids from sample names.
    orientation
        ``auto``, ``genes_by_samples`` or ``samples_by_genes``.

    Raises
    ------
    OhmicsError
        When the file is damaged, a cell is no number, neither axis holds known genes, the orientation is
        not what was said, or a sample stands twice.
    """
    with readable(path, _FORM):
        sheet = _parse(path)
    across = sum(table.recognised(sheet.headings).values())
    known = {name: table.recognised(ids) for name, ids in sheet.ids.items()}
    best = _best_ids(known)
    down = sum(known[best].values())
    found: Orientation = "genes_by_samples" if down >= across else "samples_by_genes"
    _check_orientation(path, table, sheet, best, down=down, across=across, found=found, asked=orientation)
    notes = [f"columns that hold no counts are left out: {listing(sheet.left_out)}"] if sheet.left_out else []
    names: list[str] | None = None
    if found == "genes_by_samples":
        samples, ids, values = sheet.headings, sheet.ids[best], sheet.values.T
        names = next((sheet.ids[name] for name in sheet.ids if name != best and known[name]["symbol"]), None)
    else:
        samples, ids, values = next(iter(sheet.ids.values())), sheet.headings, sheet.values
    repeated = [name for name, count in Counter(samples).items() if count > 1]
    if repeated:
        raise OhmicsError(Fault(f"samples stand twice: {listing(repeated)}", str(path), "one column (or row) a sample"))
    return RawCounts(
        matrix=sp.csr_matrix(np.ascontiguousarray(values)),
        observations=samples,
        ids=ids,
        names=names,
        form="bulk matrix",
        orientation=found,
        notes=tuple(notes),
    )


def _best_ids(known: dict[str, dict]) -> str:
    most = max(sum(counts.values()) for counts in known.values())
    for name, counts in known.items():
        if counts["ensembl"] > 0.5 * most:
            return name
    return max(known, key=lambda name: sum(known[name].values()))


def _check_orientation(
    path: Path,
    table: GeneTable,
    sheet: _Sheet,
    best: str,
    *,
    down: int,
    across: int,
    found: Orientation,
    asked: str,
) -> None:
    rows = f"{down:,} of {len(sheet.ids[best]):,} rows ({listing(sheet.ids[best], most=3)})"
    columns = f"{across:,} of {len(sheet.headings):,} columns ({listing(sheet.headings, most=3)})"
    share = max(down / max(1, len(sheet.ids[best])), across / max(1, len(sheet.headings)))
    if share < KNOWN_SHARE:
        for names in (sheet.ids[best], sheet.headings):
            table.refuse_other_species(names)
        raise OhmicsError(
            Fault(
                f"neither rows nor columns are known human genes: {rows} and {columns}",
                str(path),
                "approved symbols, Ensembl or Entrez ids in the first column or row",
            )
        )
    if asked not in ("auto", found):
        raise OhmicsError(
            Fault(
                f"the orientation is set to {asked}, but known genes are {rows} and {columns}",
                str(path),
                remedy=f"set orientation to {found} or auto",
            )
        )


def _parse(path: Path) -> _Sheet:
    with open_text(path) as handle:
        lines = list(islice(handle, 50))
    comments = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if len(lines) < comments + 2:
        raise OhmicsError(Fault("the file holds no row of counts", str(path)))
    header_line, first_line = lines[comments], lines[comments + 1]
    delimiter = max("\t,;", key=header_line.count)
    if not header_line.count(delimiter):
        raise OhmicsError(Fault("the heading row has no tab, comma or semicolon", str(path), "a TSV or CSV file"))
    header, first = (next(csv.reader([line], delimiter=delimiter)) for line in (header_line, first_line))
    header = [name.strip() for name in header]
    if len(first) == len(header) + 1:  # R's write.table gives the column of row names no heading
        header = ["", *header]
    if len(first) > len(header) and any(first[len(header) :]):
        raise OhmicsError(_too_long(len(first), len(header), path, f"row {comments + 2}"))
    # One column more than headings shows the rows that are too long, which pandas would cut in silence.
    missing: dict[Any, list[str]] = {number: list(_MISSING) for number in range(1, len(header) + 1)}
    try:
        with open_text(path) as handle:
            frame = pd.read_csv(
                handle,
                sep=delimiter,
                skiprows=comments + 1,
                header=None,
                names=list(range(len(header) + 1)),
                index_col=False,
                dtype={0: str},
                keep_default_na=False,
                na_values=missing,
                low_memory=False,
            )
    except pd.errors.ParserError as error:
        raise OhmicsError(_unparsed(str(error), len(header), path)) from error
    except OverflowError as error:
        told = Fault("a value is too large to be a count", str(path), "counts up to 2^53", "give the raw counts")
        raise OhmicsError(told) from error
    longer = frame[frame[len(header)].notna()]
    if len(longer):
        raise OhmicsError(_too_long(len(header) + 1, len(header), path, f"row {longer[0].astype(str).iloc[0]}"))
    return _split(frame.drop(columns=len(header)), header, path)


def _too_long(fields: int, headings: int, path: Path, row: str) -> Fault:
    return Fault(f"{fields:,} fields under {headings:,} headings", f"{path}, {row}", "a count under each heading")


def _unparsed(told: str, headings: int, path: Path) -> Fault:
    """Return what is wrong with a table in which pandas found no rows."""
    damaged = f"the file is truncated or damaged, or is no {_FORM}"
    fields = re.search(r"saw (\d+)", told)
    if fields:
        return _too_long(int(fields[1]), headings, path, "one of its rows")
    if "EOF inside string" in told:
        return Fault(f"{damaged}: a quote is opened and never closed", str(path))
    return Fault(damaged, str(path), remedy="is it text?")


def _split(frame: pd.DataFrame, header: list[str], path: Path) -> _Sheet:
    ids = {header[0]: frame[0].astype(str).str.strip().tolist()}
    left_out: list[str] = []
    numeric: list[int] = []
    faults = Faults()
    # Columns are looked at one by one only where they hold text: there may be 60,000 of them.
    kinds = [kind.kind for kind in frame.dtypes]
    for number in range(1, len(header)):
        if header[number].lower() in _GENE_FACTS:
            left_out.append(header[number])
        elif kinds[number] in "iuf":
            numeric.append(number)
        else:
            values = frame[number]
            given = values.dropna().astype(str)
            wrong = given[pd.to_numeric(given, errors="coerce").isna()]
            if not len(wrong):  # whole numbers of so many digits that pandas left them as text
                frame[number] = pd.to_numeric(values, errors="coerce").astype(np.float64)
                numeric.append(number)
            elif len(wrong) == len(given):
                ids[header[number]] = values.fillna("").astype(str).str.strip().tolist()
                left_out.append(header[number])
            else:
                row = ids[header[0]][int(wrong.index[0])]
                faults.add(
                    f"`{wrong.iloc[0]}` in row {row}, column {header[number]} is no number",
                    where=str(path),
                    legal="counts in every cell",
                )
    faults.raise_if_any()
    if not numeric:
        raise OhmicsError(
            Fault(f"no column of {len(header)} holds numbers", str(path), "one column (or row) of counts a sample")
        )
    if len(ids) > 1 and _is_row_number(ids[header[0]]):
        del ids[header[0]]
    counts = frame[numeric].to_numpy(dtype=np.float64)
    return _Sheet(ids, [header[number] for number in numeric], counts, left_out)


def _is_row_number(ids: list[str]) -> bool:
    return ids in ([str(n) for n in range(len(ids))], [str(n) for n in range(1, len(ids) + 1)])
