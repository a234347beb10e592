"""A long table of counts in (one row a sample or cell and gene), observations × genes out."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp

from ohmics.errors import Fault, OhmicsError, listing
from ohmics.genes import GeneTable
from ohmics.intake.files import open_text
from ohmics.intake.raw import RawCounts, readable, refuse_fields_beyond

_FORM = "long table of counts"
_SAMPLE = ("sample", "sample_id", "sampleid", "sample_name", "library", "run")
_CELL = ("cell", "barcode", "cell_id", "cellid", "cell_barcode", "cell_name")
_GENE = (
    "gene", "gene_id", "geneid", "ensembl_gene_id", "ensembl_id", "ensembl", "feature_id", "feature", "gene_name",
    "gene_symbol", "symbol",
)  # fmt: skip
_COUNT = (
    "count",
    "counts",
    "raw_count",
    "raw_counts",
    "umi",
    "umis",
    "umi_count",
    "reads",
    "n",
    "value",
    "expected_count",
)
_PROBED = 500
"""Rows a cell that are read when only the first cells are looked at."""


@dataclass(frozen=True)
class Layout:
    """Where a long table holds what: positions of its columns, the delimiter, and the rows before the values."""

    observation: int
    genes: tuple[int, ...]
    count: int
    sample: int | None
    header: tuple[str, ...]
    delimiter: str
    before: int


def long_layout(path: Path, *, cells: bool) -> Layout | None:
    """Return how a file is laid out when it is a long table by its headings, else None.

    Parameters
    ----------
    path
        CSV or TSV, gzipped or not.
    cells
        Whether a column of cells is looked for, else one of samples.
    """
    with readable(path, _FORM), open_text(path) as handle:
        before, line = 0, handle.readline()
        while line.startswith("#"):
            before, line = before + 1, handle.readline()
        delimiter = max("\t,;", key=line.count)
        header = tuple(cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), []))
    lowered = [name.lower() for name in header]

    def first(names: Sequence[str]) -> int | None:
        return next((lowered.index(name) for name in names if name in lowered), None)

    observation, count = first(_CELL if cells else _SAMPLE), first(_COUNT)
    genes = tuple(lowered.index(name) for name in _GENE if name in lowered)
    if observation is None or count is None or not genes:
        return None
    sample = first(_SAMPLE) if cells else None
    return Layout(observation, genes, count, sample, header, delimiter, before + 1)


def read_long(path: Path, layout: Layout, table: GeneTable, *, rows: int | None = None) -> RawCounts:
    """Read the table; a sample or cell without a row of a gene counts 0 there.

    Parameters
    ----------
    path, layout
        The file, and what `long_layout` said of it.
    table
        Tells gene ids from names: where a file has both, Ensembl ids are taken.
    rows
        Cells: read about so many, from the beginning of the file.

    Raises
    ------
    OhmicsError
        When a count is no number, a gene of an observation stands twice, or cells are of several samples.
    """
    most = None if rows is None else rows * _PROBED
    used = sorted(
        {layout.observation, layout.count, *layout.genes, *([layout.sample] if layout.sample is not None else [])}
    )
    beyond = len(layout.header)
    with readable(path, _FORM), open_text(path) as handle:
        frame = pd.read_csv(
            handle, sep=layout.delimiter, skiprows=layout.before, header=None, names=list(range(beyond + 1)),
            dtype=str, keep_default_na=False, index_col=False, nrows=None if most is None else most + 1,
        )  # fmt: skip
    refuse_fields_beyond(frame[beyond], beyond, path=path, before=layout.before)
    partial = most is not None and len(frame) > most
    frame = frame[used].iloc[:most]
    if frame.empty:
        raise OhmicsError(Fault("the file holds no row of counts", str(path)))
    _one_sample(frame, layout, path)
    values = pd.to_numeric(frame[layout.count], errors="coerce").to_numpy(dtype=np.float64)
    if np.isnan(values).any():
        at = int(np.flatnonzero(np.isnan(values))[0])
        what = f"`{frame[layout.count].iloc[at]}` in row {at + layout.before + 1}, column {layout.header[layout.count]}"
        raise OhmicsError(Fault(f"{what} is no number", str(path), "counts from 0 upwards"))
    known = {place: sum(table.recognised(frame[place].unique()).values()) for place in layout.genes}
    ensembl = [
        place
        for place in layout.genes
        if table.recognised(frame[place].unique())["ensembl"] > 0.5 * max(known.values())
    ]
    gene = ensembl[0] if ensembl else max(known, key=lambda place: known[place])
    observation_code, observations = pd.factorize(frame[layout.observation].str.strip())
    gene_code, ids = pd.factorize(frame[gene].str.strip())
    _once(observation_code, gene_code, list(observations), list(ids), path)
    other = next((place for place in layout.genes if place != gene), None)
    names = None
    if other is not None:
        names = [str(name) for name in frame[other].to_numpy()[np.unique(gene_code, return_index=True)[1]]]
    matrix = sp.csr_matrix((values, (observation_code, gene_code)), shape=(len(observations), len(ids)))
    return RawCounts(
        matrix=matrix,
        observations=[str(name) for name in observations],
        ids=[str(name) for name in ids],
        names=names,
        form=_FORM,
        orientation="",
        truncated=partial,
    )


def _one_sample(frame: pd.DataFrame, layout: Layout, path: Path) -> None:
    if layout.sample is None:
        return
    held = frame[layout.sample].unique()
    if len(held) > 1:
        raise OhmicsError(
            Fault(
                f"the cells are of {len(held)} samples: {listing(held)}",
                str(path),
                "one sample a file",
                "split the table",
            )
        )


def _once(cells: np.ndarray, genes: np.ndarray, observations: list[str], ids: list[str], path: Path) -> None:
    """Refuse two rows of one gene in one observation: which of them counts is not known."""
    key = cells.astype(np.int64) * len(ids) + genes
    order = np.sort(key)
    twice = order[1:][order[1:] == order[:-1]]
    if len(twice):
        cell, gene = divmod(int(twice[0]), len(ids))
        what = f"{len(twice):,} rows repeat a gene, the first {ids[gene]} of {observations[cell]}"
        raise OhmicsError(
            Fault(what, str(path), "one row a gene and sample (or cell)", "sum them, or give Ensembl ids")
        )
