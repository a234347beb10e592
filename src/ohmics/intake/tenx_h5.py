"""A 10x Genomics HDF5 file (Cell Ranger 2 or later) in, its gene counts out."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from ohmics.errors import Fault, OhmicsError, listing
from ohmics.intake.hdf5 import open_hdf5
from ohmics.intake.raw import RawCounts, csr, decode, readable, whole_numbers

GENE = "Gene Expression"
_HUMAN = ("grch", "hg19", "hg38")


def is_tenx_h5(path: Path) -> bool:
    """Whether an HDF5 file is laid out as 10x writes it."""
    with open_hdf5(path) as handle:
        return "matrix" in handle or bool(_genomes(handle))


def read_tenx_h5(path: Path, *, rows: int | None = None) -> RawCounts:
    """Read counts, barcodes and genes; antibody and other features are left out and counted in the notes.

    Parameters
    ----------
    path
        Cell Ranger 3 and later hold one group ``matrix``; Cell Ranger 2 one group a genome.
    rows
        Read the first barcodes only.

    Raises
    ------
    OhmicsError
        When the file is damaged, holds no gene or several genomes.
    """
    with readable(path, "10x HDF5 file"), open_hdf5(path) as handle:
        if "matrix" in handle:
            return _read(handle["matrix"], path, version=3, rows=rows)
        genomes = _genomes(handle)
        if len(genomes) > 1:
            human = [name for name in genomes if name.lower().startswith(_HUMAN)]
            if len(human) != 1:
                raise OhmicsError(
                    Fault(f"the file holds {len(genomes)} genomes: {listing(genomes)}", str(path), "one human genome")
                )
            genomes = human
        if not genomes:
            raise KeyError("`matrix`")
        return _read(handle[genomes[0]], path, version=2, rows=rows)


def _genomes(handle: h5py.File) -> list[str]:
    return [
        name for name, item in handle.items() if isinstance(item, h5py.Group) and "barcodes" in item and "genes" in item
    ]


def _read(group: h5py.Group, path: Path, *, version: int, rows: int | None) -> RawCounts:
    if not isinstance(group, h5py.Group):
        raise ValueError("no group of counts")
    sizes = np.asarray(group["shape"][:])
    if sizes.dtype.kind not in "iu" or sizes.shape != (2,):
        raise ValueError("the shape is two whole numbers")
    n_features, n_cells = (int(size) for size in sizes)
    taken = n_cells if rows is None else min(rows, n_cells)
    indptr = whole_numbers(group["indptr"][: taken + 1])
    stop = int(indptr[-1])
    data, indices = group["data"][:stop], group["indices"][:stop]
    if len(data) != stop or len(indices) != stop or len(indptr) != taken + 1:
        raise ValueError("counts are missing at the end")
    matrix = csr(data, indices, indptr, (taken, n_features))
    features = group["features"] if version == 3 else group
    ids = decode(features["id" if version == 3 else "genes"][:])
    names = decode(features["name" if version == 3 else "gene_names"][:])
    if len(ids) != n_features or len(names) != n_features:
        raise ValueError("the matrix does not fit its features")
    notes: list[str] = []
    if version == 3 and "feature_type" in features:
        types = np.array(decode(features["feature_type"][:]))
        if len(types) != n_features:
            raise ValueError("the types do not fit the features")
        genes = np.flatnonzero(types == GENE)
        if not len(genes):
            raise OhmicsError(
                Fault(f"no feature is of type {GENE}", str(path), remedy=f"it holds {listing(set(types))}")
            )
        if len(genes) < len(types):
            others = ", ".join(f"{np.sum(types == kind):,} {kind}" for kind in sorted(set(types) - {GENE}))
            notes.append(f"features that are no genes are left out: {others}")
            matrix = matrix[:, genes]
            ids, names = [ids[i] for i in genes], [names[i] for i in genes]
    return RawCounts(
        matrix=matrix,
        observations=decode(group["barcodes"][:taken]),
        ids=ids,
        names=names,
        form=f"10x h5 (v{version})",
        truncated=taken < n_cells,
        notes=tuple(notes),
    )
