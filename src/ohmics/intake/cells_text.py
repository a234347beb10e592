"""A text table of single cells in (cells × genes, genes × cells or long), its counts out; never dense as a whole."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from ohmics.errors import Fault, OhmicsError, listing
from ohmics.genes import KNOWN_SHARE, GeneTable
from ohmics.intake.files import open_text
from ohmics.intake.long_table import long_layout, read_long
from ohmics.intake.raw import RawCounts, readable, refuse_fields_beyond

_FORM = "table of cells"
_BLOCK = 2**21
"""Fields parsed at once."""
_LOOKED_AT = 400


@dataclass(frozen=True)
class _Layout:
    header: tuple[str, ...]
    delimiter: str
    before: int
    genes_down: bool
    texts: tuple[int, ...]


def read_cells_text(path: Path, table: GeneTable, *, orientation: str = "auto", rows: int | None = None) -> RawCounts:
    """Read a CSV or TSV of cells.

    Parameters
    ----------
    path
        Cells × genes or genes × cells, which is told by where known genes are, or a long table (cell, gene, count).
    table
        Tells gene ids from barcodes.
    orientation
        ``auto``, or ``genes_by_samples`` or ``samples_by_genes``, a cell being a sample.
    rows
        Read the first cells only.

    Raises
    ------
    OhmicsError
        When the file is damaged, holds no known genes, or a field is no number.
    """
    long = long_layout(path, cells=True)
    if long is not None:
        return read_long(path, long, table, rows=rows)
    with readable(path, _FORM):
        layout = _layout(path, table, orientation)
        ids, values, partial = _values(path, layout, rows)
    return _raw(layout, table, ids, values, partial=partial)


def _layout(path: Path, table: GeneTable, orientation: str) -> _Layout:
    with open_text(path) as handle:
        lines = list(islice(handle, _LOOKED_AT))
    before = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if len(lines) < before + 2:
        raise OhmicsError(Fault("the file holds no row of counts", str(path)))
    delimiter = max("\t,;", key=lines[before].count)
    if not lines[before].count(delimiter):
        raise OhmicsError(
            Fault(
                "no single-cell format",
                str(path),
                "10x or CellBender h5, h5ad, loom, a 10x, alevin-fry or Zarr folder, a CSV or TSV of cells",
            )
        )
    rows = list(csv.reader(lines[before:], delimiter=delimiter))
    header, body = [name.strip() for name in rows[0]], [row for row in rows[1:] if row]
    if len(body[0]) == len(header) + 1:  # R's write.table gives the column of row names no heading
        header = ["", *header]
    texts = [n for n in range(1, len(header)) if not any(n < len(row) and _is_number(row[n]) for row in body[:20])]
    across = sum(table.recognised(header[1:]).values()) / max(1, len(header) - 1)
    down = max(
        sum(table.recognised([row[n].strip() for row in body if n < len(row)]).values()) for n in (0, *texts)
    ) / len(body)  # fmt: skip
    if max(across, down) < KNOWN_SHARE:
        table.refuse_other_species(header[1:])
        table.refuse_other_species([row[0] for row in body])
        what = "neither rows nor columns are known human genes"
        seen = f"rows {listing([row[0] for row in body], most=3)}, columns {listing(header[1:], most=3)}"
        raise OhmicsError(Fault(f"{what}: {seen}", str(path), "approved symbols, Ensembl or Entrez ids"))
    found = "genes_by_samples" if down >= across else "samples_by_genes"
    if orientation not in ("auto", found):
        raise OhmicsError(Fault(f"the orientation is set to {orientation}, but genes are {found}", str(path)))
    return _Layout(tuple(header), delimiter, before + 1, down >= across, tuple(texts))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text.strip() in ("", "NA", "NaN", "nan")
    return True


def _values(path: Path, layout: _Layout, rows: int | None) -> tuple[dict[int, list[str]], sp.csr_matrix, bool]:
    """Return the text columns by place, the numbers as rows of the file, and whether some were left unread."""
    width = len(layout.header)
    numeric = [n for n in range(1, width) if n not in layout.texts]
    if not numeric:
        raise OhmicsError(Fault(f"no column of {width} holds numbers", str(path)))
    partial = False
    most = None
    if rows is not None and layout.genes_down:
        partial, numeric = len(numeric) > rows, numeric[:rows]
    elif rows is not None:
        most = rows + 1
    used = [0, *layout.texts, *numeric]
    missing: dict[Any, list[str]] = {n: ["", "NA", "NaN", "nan"] for n in numeric}
    blocks: list[sp.csr_matrix] = []
    texts: dict[int, list[str]] = {n: [] for n in (0, *layout.texts)}
    # Without usecols pandas reads a column more than there are headings, which shows rows that are too long.
    names_of = list(range(width if partial else width + 1))
    with open_text(path) as handle:
        reader = pd.read_csv(
            handle, sep=layout.delimiter, skiprows=layout.before, header=None, names=names_of,
            usecols=sorted(used) if partial else None, index_col=False, dtype=dict.fromkeys(texts, str),
            keep_default_na=False, na_values=missing, low_memory=False, nrows=most,
            chunksize=max(1, _BLOCK // width),
        )  # fmt: skip
        for part in reader:
            if not partial:
                refuse_fields_beyond(part[width], width, path=path, before=layout.before)
            for n, names in texts.items():
                names += part[n].astype(str).str.strip().tolist()
            blocks.append(_numbers(part[numeric], layout, texts[0][-len(part) :], path))
    if not blocks:
        raise OhmicsError(Fault("the file holds no row of counts", str(path)))
    values = sp.csr_matrix(sp.vstack(blocks))
    if rows is not None and not layout.genes_down:
        partial = values.shape[0] > rows
        values, texts = values[:rows], {n: names[:rows] for n, names in texts.items()}
    return texts, values, partial


def _numbers(part: pd.DataFrame, layout: _Layout, names: list[str], path: Path) -> sp.csr_matrix:
    for n in part.columns:
        if part[n].dtype == object:
            wrong = part[n].dropna()
            wrong = wrong[pd.to_numeric(wrong, errors="coerce").isna()]
            at = int(part.index.get_indexer(wrong.index[:1])[0]) if len(wrong) else 0
            given = wrong.iloc[0] if len(wrong) else part[n].iloc[0]
            raise OhmicsError(
                Fault(
                    f"`{given}` in row {names[at]}, column {layout.header[int(n)]} is no number",
                    str(path),
                    "counts in every cell",
                )
            )
    return sp.csr_matrix(part.to_numpy(dtype=np.float64))


def _raw(
    layout: _Layout, table: GeneTable, texts: dict[int, list[str]], values: sp.csr_matrix, *, partial: bool
) -> RawCounts:
    numeric = [n for n in range(1, len(layout.header)) if n not in layout.texts]
    headings = [layout.header[n] for n in numeric]
    left_out = [layout.header[n] for n in layout.texts]
    if not layout.genes_down:
        notes = (f"columns that hold no counts are left out: {listing(left_out)}",) if left_out else ()
        return RawCounts(
            matrix=values, observations=texts[0], ids=headings, form=_FORM, orientation="samples_by_genes",
            truncated=partial, notes=notes,
        )  # fmt: skip
    known = {n: table.recognised(names) for n, names in texts.items()}
    most = max(sum(counts.values()) for counts in known.values())
    best = next((n for n, counts in known.items() if counts["ensembl"] > 0.5 * most), None)
    best = max(known, key=lambda n: sum(known[n].values())) if best is None else best
    names = next((texts[n] for n in texts if n != best and known[n]["symbol"]), None)
    return RawCounts(
        matrix=sp.csr_matrix(values.T), observations=headings[: values.shape[1]], ids=texts[best], names=names,
        form=_FORM, orientation="genes_by_samples", truncated=partial,
    )  # fmt: skip
