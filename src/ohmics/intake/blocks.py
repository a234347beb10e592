"""An h5ad file or Zarr store in; blocks of its counts under approved symbols, and what was understood of it, out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import anndata as ad
import numpy as np
import scipy.sparse as sp

from ohmics.errors import Fault, OhmicsError, listing
from ohmics.genes import Resolution
from ohmics.intake.h5ad import columns_of, gene_ids_of, index_of, matrices_of
from ohmics.intake.matrices import dense_rows, shape_of, stored_by_columns
from ohmics.intake.raw import RawCounts, csr, readable, refuse_repeated, whole_numbers
from ohmics.intake.reading import assemble, unfiltered_note
from ohmics.intake.resources import gene_table
from ohmics.intake.scale import LARGEST, Scale, examine_blocks, scale_faults
from ohmics.intake.store import is_zarr, opened

BLOCK = 2_048
"""Cells held at once."""


@dataclass(frozen=True)
class CountBlocks:
    """A matrix of cells on disk that is read block by block; every pass opens the file anew.

    ``intake`` says what `ohmics.intake.read` says in ``uns["ohmics"]["intake"]``.
    """

    path: Path
    address: str
    size: int
    observations: list[str]
    raw: RawCounts
    scale: Scale
    resolution: Resolution
    is_log: bool
    fractions: Literal["keep", "round"] = "keep"

    def __iter__(self) -> Iterator[ad.AnnData]:
        """Yield the cells in order, each block as `ohmics.intake.read` would give it."""
        with readable(self.path, "h5ad file or Zarr store"), opened(self.path) as handle:
            item = handle[self.address]
            for start in range(0, len(self.observations), self.size):
                names = self.observations[start : start + self.size]
                part = replace(self.raw, matrix=_rows(item, start, start + len(names)), observations=names)
                yield assemble(part, self.resolution, self.scale, is_log=self.is_log, fractions=self.fractions)

    @property
    def intake(self) -> dict[str, Any]:
        """What was understood of the whole matrix."""
        told: dict[str, Any] = dict(next(iter(self)).uns["ohmics"]["intake"])
        return told | {"notes": [*told["notes"], *unfiltered_note(len(self.observations))]}

    def whole(self) -> ad.AnnData:
        """Return all cells in memory, for what cannot be done block by block."""
        parts = list(self)
        matrix = sp.csr_matrix(sp.vstack([part.X for part in parts]))
        both = ad.AnnData(matrix, obs=parts[0].obs.reindex(self.observations), var=parts[0].var)
        both.uns = dict(parts[0].uns)
        return both


def open_blocks(
    path: Path,
    *,
    gene_ids: str = "auto",
    layer: str | None = None,
    size: int = BLOCK,
    fractions: Literal["keep", "round"] = "keep",
) -> CountBlocks | None:
    """Look at a matrix of single cells block by block; nothing of it stays in memory.

    Which matrix is read, what its values are and how genes are named is decided as by `ohmics.intake.read` with
    ``log_allowed``.

    Parameters
    ----------
    path
        An h5ad file or Zarr store as anndata writes them.
    gene_ids, layer, fractions
        As for `ohmics.intake.read`.
    size
        Cells read at once; no number depends on it.

    Returns
    -------
    CountBlocks or None
        None when the matrix is stored by columns, so that rows cannot be read apart.

    Raises
    ------
    OhmicsError
        As `ohmics.intake.read`.
    """
    table = gene_table()
    with readable(path, "h5ad file or Zarr store"), opened(path) as handle:
        absent = [name for name in ("obs", "var") if name not in handle]
        if absent:
            raise OhmicsError(Fault("neither a 10x nor an h5ad file", str(path), remedy=f"it holds {listing(handle)}"))
        observations = index_of(handle["obs"])
        refuse_repeated(observations, what="cell names", where=str(path))
        chosen = _choose(handle, path, layer, observations, size)
        if chosen is None:
            return None
        name, address, scale, is_log = chosen
        var = handle["raw/var"] if name == "raw" else handle["var"]
        index, columns = index_of(var), columns_of(var)
        width = shape_of(handle[address])[1]
        if any(len(values) != width for values in (index, *columns.values())):
            raise ValueError("the matrix does not fit var")
        ids, names, column = gene_ids_of(index, columns, table)
    form = "zarr" if is_zarr(path) else "h5ad"
    raw = RawCounts(
        matrix=sp.csr_matrix((0, len(ids))),
        observations=[],
        ids=ids,
        names=names,
        form=form,
        taken_from=name,
        notes=(f"gene ids are taken from {column}",),
    )
    try:
        resolution = table.resolve(ids, gene_ids, names=names)
    except OhmicsError as error:
        raise OhmicsError([replace(fault, where=str(path)) for fault in error.faults]) from error
    return CountBlocks(path, address, size, observations, raw, scale, resolution, is_log, fractions)


def _choose(
    handle: Any, path: Path, layer: str | None, cells: list[str], size: int
) -> tuple[str, str, Scale, bool] | None:
    """Return the name, address, scale of the matrix to read and whether it is log-normalised; None when by columns."""
    sources = list(matrices_of(handle, path, layer))
    reasons: list[str] = []
    logged: tuple[str, str, Scale, bool] | None = None
    faults: list[Fault] = []
    for name, address in sources:
        item = handle[address]
        if shape_of(item)[0] != len(cells):
            raise ValueError("the matrix does not fit obs")
        if not _by_rows(item):
            return None
        scale = examine_blocks(_blocks(item, len(cells), size))
        features = index_of(handle["raw/var"] if name == "raw" else handle["var"])
        faults = _faults(item, scale, cells, features, path, size)
        if not faults:
            return name, address, scale, False
        reasons.append(f"in {name} {faults[0].what}")
        if logged is None and scale.may_be_log:
            logged = name, address, scale, True
    if logged is not None:
        return logged
    if not reasons:
        raise KeyError("`X`")
    if layer is not None:
        raise OhmicsError(faults)
    raise OhmicsError(Fault("; ".join(reasons), str(path), remedy='give raw counts in X, layers["counts"] or raw'))


def _faults(item: Any, scale: Scale, cells: list[str], features: list[str], path: Path, size: int) -> list[Fault]:
    """Return why the values are no counts; what is broken is looked for in the block that holds it."""
    first, part = 0, sp.csr_matrix((0, len(features)))
    if scale.n_nan + scale.n_infinite + scale.n_negative or scale.maximum > LARGEST:
        for number, block in enumerate(_blocks(item, len(cells), size)):
            own = examine_blocks([block])
            if own.n_nan + own.n_infinite + own.n_negative or own.maximum > LARGEST:
                first, part = number * size, block
                # What is shown is the first place, so only what this block holds can be shown.
                scale = replace(scale, n_nan=own.n_nan, n_infinite=own.n_infinite, n_negative=own.n_negative)
                scale = replace(scale, maximum=own.maximum)
                break
    named = cells[first : first + part.shape[0]]
    return scale_faults(scale, part, observations=named, features=features, modality="single_cell", where=str(path))


def _blocks(item: Any, n: int, size: int) -> Iterator[sp.csr_matrix]:
    for start in range(0, n, size):
        yield _rows(item, start, min(start + size, n))


def _by_rows(item: Any) -> bool:
    return hasattr(item, "dtype") or not stored_by_columns(item)


def _rows(item: Any, start: int, stop: int) -> sp.csr_matrix:
    """Read rows of a dense or CSR matrix."""
    if hasattr(item, "dtype"):
        return dense_rows(item, start, stop)
    pointers = whole_numbers(item["indptr"][start : stop + 1])
    if len(pointers) != stop - start + 1:
        raise ValueError("counts are missing at the end")
    low, high = int(pointers[0]), int(pointers[-1])
    data, indices = np.asarray(item["data"][low:high]), np.asarray(item["indices"][low:high])
    if len(data) != high - low or len(indices) != high - low:
        raise ValueError("counts are missing at the end")
    return csr(data, indices, pointers - low, (stop - start, shape_of(item)[1]))
