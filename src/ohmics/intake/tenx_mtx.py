"""A 10x Genomics matrix folder (matrix.mtx, barcodes, genes or features; gzipped or not) in, its gene counts out."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp

from ohmics.errors import Fault, OhmicsError, listing
from ohmics.intake.raw import RawCounts, open_text, readable
from ohmics.intake.tenx_h5 import GENE

_FORM = "10x matrix folder"
_KINDS = ("integer", "real", "unsigned-integer", "double")
_MATRIX, _BARCODES, _FEATURES = ("matrix.mtx",), ("barcodes.tsv",), ("features.tsv", "genes.tsv")


def is_tenx_folder(path: Path) -> bool:
    """Whether a folder holds a Matrix Market file under the name 10x uses."""
    return path.is_dir() and bool(_candidates(path, _MATRIX))


def read_tenx_mtx(path: Path, *, rows: int | None = None) -> RawCounts:
    """Read the folder; antibody and other features are left out and counted in the notes.

    Names may carry a prefix, as GEO adds. ``rows`` keeps the first barcodes only.

    Raises
    ------
    OhmicsError
        When a file is absent or damaged, or the three files do not fit each other.
    """
    matrix_file, barcode_file, feature_file = (_only(path, names) for names in (_MATRIX, _BARCODES, _FEATURES))
    with readable(barcode_file, _FORM):
        barcodes = [row[0] for row in _rows(barcode_file)]
    with readable(feature_file, _FORM):
        features = list(_rows(feature_file))
    taken = len(barcodes) if rows is None else min(rows, len(barcodes))
    with readable(matrix_file, _FORM):
        shape, entries = _entries(matrix_file)
    if shape != (len(features), len(barcodes)):
        raise OhmicsError(
            Fault(
                f"{matrix_file.name} is {shape[0]:,} × {shape[1]:,} but there are {len(features):,} features "
                f"and {len(barcodes):,} barcodes",
                str(path),
                remedy="the three files do not belong together",
            )
        )
    gene, cell, value = entries
    kept = cell < taken
    matrix = sp.csr_matrix((value[kept], (cell[kept], gene[kept])), shape=(taken, len(features)))
    return _genes_only(matrix, barcodes[:taken], features, path, truncated=taken < len(barcodes))


def _candidates(folder: Path, names: tuple[str, ...]) -> list[Path]:
    endings = tuple(ending for name in names for ending in (name, f"{name}.gz"))
    return sorted(item for item in folder.iterdir() if item.name.endswith(endings) and item.is_file())


def _only(folder: Path, names: tuple[str, ...]) -> Path:
    found = _candidates(folder, names)
    if len(found) != 1:
        what = f"holds {len(found)} files named" if found else "lacks"
        raise OhmicsError(
            Fault(f"the folder {what} {' or '.join(names)} (gzipped or not)", str(folder), "one sample a folder")
        )
    return found[0]


def _rows(path: Path) -> Iterator[list[str]]:
    with open_text(path) as handle:
        for row in csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row:
                yield row


def _entries(path: Path) -> tuple[tuple[int, int], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    with open_text(path) as handle:
        first = handle.readline()
        if not first.startswith("%%MatrixMarket"):
            raise ValueError("no Matrix Market header")
        kinds = first.lower().split()
        if len(kinds) != 5 or kinds[2] != "coordinate" or kinds[3] not in _KINDS or kinds[4] != "general":
            shown = " ".join(kinds[1:6])[:80]
            legal = "matrix coordinate integer general"
            raise OhmicsError(Fault(f"the matrix is of the kind `{shown}`", str(path), legal))
        line = first
        while line.startswith("%"):
            line = handle.readline()
        n_genes, n_cells, n_entries = (int(number) for number in line.split())
        if min(n_genes, n_cells, n_entries) < 0:
            raise ValueError("sizes are counted from 0")
        kind = np.float64 if kinds[3] != "integer" else np.int64
        # Without names a line of four is seen; no entry at all is no table.
        table = (
            pd.read_csv(handle, sep=r"\s+", header=None, dtype={0: np.int64, 1: np.int64, 2: kind})
            if n_entries
            else pd.DataFrame({0: np.zeros(0, int), 1: np.zeros(0, int), 2: np.zeros(0, kind)})
        )
    if table.shape[1] != 3:
        raise ValueError("a line is a gene, a cell and a count")
    table.columns = pd.Index(["gene", "cell", "value"])
    if len(table) != n_entries:
        raise ValueError(f"{len(table)} entries of {n_entries}")
    gene, cell = table["gene"].to_numpy() - 1, table["cell"].to_numpy() - 1
    if len(table) and (min(gene.min(), cell.min()) < 0 or gene.max() >= n_genes or cell.max() >= n_cells):
        raise ValueError("entry beyond the matrix")
    return (n_genes, n_cells), (gene, cell, table["value"].to_numpy())


def _genes_only(
    matrix: sp.csr_matrix, barcodes: list[str], features: list[list[str]], path: Path, *, truncated: bool
) -> RawCounts:
    types = np.array([row[2] if len(row) > 2 else GENE for row in features])
    genes = np.flatnonzero(types == GENE)
    if not len(genes):
        raise OhmicsError(
            Fault(f"no feature is of type {GENE}", str(path), remedy=f"it holds {listing(sorted(set(types)))}")
        )
    notes: tuple[str, ...] = ()
    if len(genes) < len(types):
        others = ", ".join(f"{np.sum(types == kind):,} {kind}" for kind in sorted(set(types) - {GENE}))
        notes = (f"features that are no genes are left out: {others}",)
    chosen = [features[i] for i in genes]
    return RawCounts(
        matrix=matrix if len(genes) == len(types) else matrix[:, genes],
        observations=barcodes,
        ids=[row[0] for row in chosen],
        names=[row[1] if len(row) > 1 else row[0] for row in chosen],
        form=f"{_FORM} (v{3 if len(features[0]) > 2 else 2})",
        truncated=truncated,
        notes=notes,
    )
