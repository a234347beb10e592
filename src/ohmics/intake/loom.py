"""A loom file in (HDF5, genes × cells), its counts out; read in blocks of cells, never dense as a whole."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import scipy.sparse as sp

from ohmics.errors import Fault, OhmicsError, listing
from ohmics.genes import GeneTable
from ohmics.intake.hdf5 import open_hdf5
from ohmics.intake.raw import RawCounts, decode, numbers, readable

_FORM = "loom file"
_CELLS = ("CellID", "obs_names", "cell_id", "barcode", "barcodes", "Barcode", "cell_names")
_GENES = (
    "Accession", "gene_ids", "gene_id", "ensembl_id", "EnsemblID", "Gene", "var_names", "gene_name", "gene_names",
    "GeneName", "Symbol", "symbol",
)  # fmt: skip
_NAMES = ("Gene", "gene_name", "gene_names", "GeneName", "Symbol", "symbol", "var_names")
_BLOCK = 2**24
"""Values held dense at once."""


def is_loom(handle: h5py.File) -> bool:
    """Whether an HDF5 file is laid out as loom: a matrix and attributes of its rows and columns."""
    return isinstance(handle.get("matrix"), h5py.Dataset) and "row_attrs" in handle and "col_attrs" in handle


def read_loom(path: Path, table: GeneTable, *, layer: str | None = None, rows: int | None = None) -> RawCounts:
    """Read the main matrix, or a layer.

    Parameters
    ----------
    path
        The file.
    table
        Tells gene ids from other text.
    layer
        Read this layer instead of the main matrix (``X`` names that one).
    rows
        Read the first cells only.

    Raises
    ------
    OhmicsError
        When the file is damaged, or lacks names of cells, of genes, or the layer.
    """
    with readable(path, _FORM), open_hdf5(path) as handle:
        layers = list(handle.get("layers", ()))
        if layer not in (None, "X") and layer not in layers:
            raise OhmicsError(Fault(f"the file has no layer `{layer}`", str(path), listing(["X", *layers])))
        item = handle["matrix"] if layer in (None, "X") else handle[f"layers/{layer}"]
        n_genes, n_cells = (int(size) for size in item.shape)
        cells = _attribute(handle["col_attrs"], _CELLS, n_cells, "cells", path)
        ids, names = _genes(handle["row_attrs"], n_genes, table, path)
        taken = n_cells if rows is None else min(rows, n_cells)
        size = max(1, _BLOCK // max(1, n_genes))
        blocks = [
            sp.csr_matrix(numbers(np.asarray(item[:, start : min(start + size, taken)])).T)
            for start in range(0, taken, size)
        ]
        matrix = sp.csr_matrix(sp.vstack(blocks)) if blocks else sp.csr_matrix((0, n_genes))
    notes = (f"layers that are not read: {listing(layers)}",) if layers and layer is None else ()
    return RawCounts(
        matrix=matrix,
        observations=cells[:taken],
        ids=ids,
        names=names,
        form="loom",
        taken_from="matrix" if layer in (None, "X") else f'layers["{layer}"]',
        truncated=taken < n_cells,
        notes=notes,
    )


def _attribute(group: h5py.Group, names: tuple[str, ...], size: int, what: str, path: Path) -> list[str]:
    for name in names:
        if name in group:
            values = decode(group[name][:])
            if len(values) != size:
                raise ValueError(f"{what} do not fit the matrix")
            return values
    raise OhmicsError(Fault(f"the file names no {what}", str(path), listing(names), f"it holds {listing(group)}"))


def _genes(group: h5py.Group, size: int, table: GeneTable, path: Path) -> tuple[list[str], list[str] | None]:
    held = [
        name for name in _GENES if name in group and isinstance(group[name], h5py.Dataset) and group[name].ndim == 1
    ]
    if not held:
        raise OhmicsError(Fault("the file names no genes", str(path), listing(_GENES), f"it holds {listing(group)}"))
    columns = {name: _attribute(group, (name,), size, "genes", path) for name in held}
    known = {name: table.recognised(values) for name, values in columns.items()}
    most = max(sum(counts.values()) for counts in known.values())
    # An Ensembl id tells genes of one symbol apart, so it goes first when it is there.
    best = next((name for name in held if known[name]["ensembl"] > 0.5 * most), None)
    best = best or max(held, key=lambda name: sum(known[name].values()))
    names = next((columns[name] for name in _NAMES if name in columns and name != best), None)
    return columns[best], names
