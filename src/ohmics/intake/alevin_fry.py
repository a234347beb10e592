"""A folder of alevin-fry (or salmon alevin with --dumpMtx) in, its counts of genes in cells out."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp

from ohmics.errors import Fault, OhmicsError
from ohmics.intake.files import open_text
from ohmics.intake.raw import RawCounts, readable

_FORM = "alevin-fry folder"
_MATRIX = ("quants_mat.mtx", "quants_mat.mtx.gz")
_ROWS = ("quants_mat_rows.txt", "quants_mat_rows.txt.gz")
_COLS = ("quants_mat_cols.txt", "quants_mat_cols.txt.gz")
_NAMES = ("gene_id_to_name.tsv", "geneid_to_name.txt")


def alevin_folder(path: Path) -> Path | None:
    """Return the folder with ``quants_mat.mtx``: this one, ``alevin`` or ``af_quant/alevin`` in it; else None."""
    for folder in (
        path,
        path / "alevin",
        path / "af_quant" / "alevin",
        path / "simpleaf_quant" / "af_quant" / "alevin",
    ):
        if any((folder / name).is_file() for name in _MATRIX):
            return folder
    return None


def read_alevin(folder: Path, *, rows: int | None = None) -> RawCounts:
    """Read cells × genes; of a USA-mode matrix spliced and ambiguous counts are summed and unspliced left out.

    Parameters
    ----------
    folder
        The folder that holds ``quants_mat.mtx``, ``quants_mat_rows.txt`` (cells) and ``quants_mat_cols.txt`` (genes).
    rows
        Read the first cells only.

    Raises
    ------
    OhmicsError
        When a file is absent or damaged, or they do not fit each other.
    """
    matrix_file, row_file, column_file = (_one(folder, names) for names in (_MATRIX, _ROWS, _COLS))
    with readable(row_file, _FORM):
        cells = _first_fields(row_file)
    with readable(column_file, _FORM):
        genes = _first_fields(column_file)
    with readable(matrix_file, _FORM):
        counts, total = _cells_by_genes(matrix_file, rows)
    if total != (len(cells), len(genes)):
        found = f"{len(cells):,} cells and {len(genes):,} genes"
        what = f"{matrix_file.name} is {total[0]:,} × {total[1]:,} but there are {found}"
        raise OhmicsError(Fault(what, str(folder), remedy="the three files do not belong together"))
    notes: tuple[str, ...] = ()
    form = _FORM
    if _is_usa(folder, genes):
        third = len(genes) // 3
        left = float(counts[:, third : 2 * third].sum())
        share = left / max(1.0, float(counts.sum()))
        counts = sp.csr_matrix(counts[:, :third] + counts[:, 2 * third :])
        genes, form = genes[:third], f"{_FORM} (USA mode)"
        notes = (f"spliced and ambiguous counts are summed; unspliced ones are left out ({share:.0%} of all)",)
    return RawCounts(
        matrix=counts,
        observations=cells[: counts.shape[0]],
        ids=genes,
        names=_names(folder, genes),
        form=form,
        truncated=counts.shape[0] < total[0],
        notes=notes,
        counted=True,
    )


def _one(folder: Path, names: tuple[str, ...]) -> Path:
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is None:
        raise OhmicsError(Fault(f"the folder lacks {names[0]}", str(folder), f"the three files of {_FORM}"))
    return found


def _first_fields(path: Path) -> list[str]:
    with open_text(path) as handle:
        return [line.split("\t", 1)[0].strip() for line in handle if line.strip()]


def _is_usa(folder: Path, genes: list[str]) -> bool:
    """Whether columns are spliced, unspliced and ambiguous counts of the same genes, one third each."""
    if not genes or len(genes) % 3:
        return False
    third = len(genes) // 3
    marked = all(
        genes[start * third : (start + 1) * third] == [f"{name}{mark}" for name in genes[:third]]
        for start, mark in ((1, "-U"), (2, "-A"))
    )
    return marked or (_says_usa(folder) and len(set(genes[:third])) == third)


def _says_usa(folder: Path) -> bool:
    for name in ("quant.json", "meta_info.json"):
        file = folder.parent / name
        if file.is_file():
            with readable(file, "JSON file"):
                told = json.loads(file.read_text(encoding="utf-8"))
            return isinstance(told, dict) and told.get("usa_mode") is True
    return False


def _names(folder: Path, genes: list[str]) -> list[str] | None:
    """Return the genes' names, where the table that simpleaf leaves beside the counts knows them."""
    for place in (folder, folder.parent, folder.parent.parent):
        for name in _NAMES:
            if (place / name).is_file():
                with readable(place / name, "table of gene names"), open_text(place / name) as handle:
                    known = {row[0]: row[1] for row in csv.reader(handle, delimiter="\t") if len(row) > 1}
                return [known.get(gene, gene) for gene in genes]
    return None


def _cells_by_genes(path: Path, rows: int | None) -> tuple[sp.csr_matrix, tuple[int, int]]:
    """Return the first cells and the shape of all."""
    with open_text(path) as handle:
        first = handle.readline()
        if not first.startswith("%%MatrixMarket matrix coordinate"):
            raise ValueError("no Matrix Market header")
        line = first
        while line.startswith("%"):
            line = handle.readline()
        n_cells, n_genes, n_entries = (int(number) for number in line.split())
        table = pd.read_csv(
            handle, sep=r"\s+", header=None, names=["cell", "gene", "value"],
            dtype={"cell": np.int64, "gene": np.int64, "value": np.float64},
        )  # fmt: skip
    if len(table) != n_entries:
        raise ValueError(f"{len(table)} entries of {n_entries}")
    cell, gene = table["cell"].to_numpy() - 1, table["gene"].to_numpy() - 1
    if len(table) and (min(cell.min(), gene.min()) < 0 or cell.max() >= n_cells or gene.max() >= n_genes):
        raise ValueError("entry beyond the matrix")
    taken = n_cells if rows is None else min(rows, n_cells)
    kept = cell < taken
    values = table["value"].to_numpy()
    return sp.csr_matrix((values[kept], (cell[kept], gene[kept])), shape=(taken, n_genes)), (n_cells, n_genes)
