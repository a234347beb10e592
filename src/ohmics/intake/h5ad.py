"""An h5ad file or Zarr store in; the one of its matrices that holds raw counts, and its gene ids, out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.sparse as sp

from ohmics.errors import Fault, OhmicsError, did_you_mean, listing
from ohmics.genes import GeneTable
from ohmics.intake.matrices import by_columns, dense_rows, shape_of, stored_by_columns
from ohmics.intake.pooled import IntArray, cells_of, rows_at
from ohmics.intake.raw import RawCounts, csr, decode, readable, refuse_repeated, whole_numbers
from ohmics.intake.scale import examine, scale_faults
from ohmics.intake.store import is_zarr, opened

_FORM = "h5ad file"
ID_COLUMNS = ("gene_ids", "gene_id", "ensembl_id", "ensembl", "feature_id")
NAME_COLUMNS = ("feature_name", "gene_symbols", "gene_symbol", "gene_name", "gene_names", "symbol")
COUNT_LAYERS = ("counts", "raw_counts", "count", "umi")


def read_h5ad_counts(
    path: Path,
    table: GeneTable,
    *,
    layer: str | None = None,
    rows: int | None = None,
    log_allowed: bool = False,
    of_sample: tuple[str, str] | None = None,
) -> RawCounts:
    """Read raw counts from ``layers["counts"]``, X or raw, the first of them that holds counts.

    Gene ids come from a column such as ``gene_ids``, else from the index or a column such as
    ``feature_name``, whichever holds more known genes.

    Parameters
    ----------
    path
        The file, of any anndata version that marks its matrices; or a Zarr store of the same layout.
    table
        Tells gene ids from other text.
    layer
        Take this layer (``X`` and ``raw`` name those) and look at no other.
    rows
        Read the first cells only.
    log_allowed
        When no matrix holds counts, take the first that may be log-normalised.
    of_sample
        Column of ``obs`` and sample: only the cells of that sample are read, from a file of many.

    Raises
    ------
    OhmicsError
        When the file is damaged, no matrix holds counts, or cells share a name.
    """
    form = "zarr" if is_zarr(path) else "h5ad"
    with readable(path, "Zarr store" if form == "zarr" else _FORM), opened(path) as handle:
        observations = index_of(handle["obs"])
        chosen: IntArray | None = None
        if of_sample is not None:
            column, sample = of_sample
            chosen = cells_of(_obs_values(handle["obs"], column, path), sample, column=column, path=path)
            observations = [observations[number] for number in chosen]
        refuse_repeated(observations, what="cell names", where=str(path))
        taken = len(observations) if rows is None else min(rows, len(observations))
        chosen = None if chosen is None else chosen[:taken]
        name, matrix = _choose(handle, path, layer, observations[:taken], log_allowed=log_allowed, chosen=chosen)
        var = handle["raw/var"] if name == "raw" else handle["var"]
        index, columns = index_of(var), columns_of(var)
        if any(len(values) != matrix.shape[1] for values in (index, *columns.values())):
            raise ValueError("the matrix does not fit var")
        ids, names, column = gene_ids_of(index, columns, table)
    return RawCounts(
        matrix=matrix,
        observations=observations[:taken],
        ids=ids,
        names=names,
        form=form,
        taken_from=name,
        truncated=taken < len(observations),
        notes=(f"gene ids are taken from {column}",),
    )


def index_of(group: Any) -> list[str]:
    """Return the names of observations or features of a group of h5ad or Zarr."""
    if isinstance(group, h5py.Dataset):  # anndata before 0.7 kept obs as one compound array
        return decode(group["index" if "index" in (group.dtype.names or ()) else "_index"])
    return decode(group[str(group.attrs["_index"])][:])


def columns_of(group: Any) -> dict[str, list[str]]:
    """Return the text columns that may hold ids or names of genes."""
    held = (group.dtype.names or ()) if isinstance(group, h5py.Dataset) else group
    return {name: _column(group, name) for name in (*ID_COLUMNS, *NAME_COLUMNS) if name in held}


def _column(group: Any, name: str) -> list[str]:
    item = group[name]
    if not hasattr(item, "dtype"):
        if "categories" in item:
            return _categorical(item["codes"][:], decode(item["categories"][:]))
        return decode(item["values"][:])
    if isinstance(group, h5py.Group) and name in group.get("__categories", {}):  # anndata 0.7
        return _categorical(item[:], decode(group["__categories"][name][:]))
    return decode(item[:] if isinstance(item, h5py.Dataset) else item)


def _obs_values(group: Any, column: str, path: Path) -> list[str]:
    held = (group.dtype.names or ()) if isinstance(group, h5py.Dataset) else list(group)
    if column not in held:
        columns = [name for name in held if not str(name).startswith("_")]
        raise OhmicsError(
            Fault(f"obs has no column `{column}`", str(path), listing(columns), did_you_mean(column, map(str, columns)))
        )
    return _column(group, column)


def _categorical(codes: np.ndarray, categories: list[str]) -> list[str]:
    if codes.dtype.kind not in "iu" or codes.ndim != 1:
        raise ValueError("codes are whole numbers")
    return [categories[code] if code >= 0 else "" for code in codes]


def matrices_of(handle: Any, path: Path, layer: str | None) -> Iterator[tuple[str, str]]:
    """Yield the name and address of each matrix that may hold counts, or of the layer asked for."""
    if layer is not None:
        address = {"X": "X", "raw": "raw/X"}.get(layer, f"layers/{layer}")
        if address not in handle:
            held = ", ".join(["X", *(handle.get("layers", ()))])
            raise OhmicsError(Fault(f"the file has no layer `{layer}`", str(path), held))
        yield ("raw" if layer == "raw" else layer if layer == "X" else f'layers["{layer}"]'), address
        return
    for name in COUNT_LAYERS:
        if f"layers/{name}" in handle:
            yield f'layers["{name}"]', f"layers/{name}"
    if "X" in handle:
        yield "X", "X"
    if "raw/X" in handle:
        yield "raw", "raw/X"


def _choose(
    handle: Any,
    path: Path,
    layer: str | None,
    cells: list[str],
    *,
    log_allowed: bool,
    chosen: IntArray | None = None,
) -> tuple[str, sp.csr_matrix]:
    rows = len(cells)
    sources = list(matrices_of(handle, path, layer))
    if layer is not None:
        name, address = sources[0]
        return name, _matrix(handle[address], rows, _n_cells(handle), chosen)
    reasons: list[str] = []
    logged: tuple[str, sp.csr_matrix] | None = None
    for name, address in sources:
        matrix = _matrix(handle[address], rows, _n_cells(handle), chosen)
        features = index_of(handle["raw/var"] if name == "raw" else handle["var"])
        if len(features) != matrix.shape[1]:
            raise ValueError("the matrix does not fit var")
        scale = examine(matrix)
        faults = scale_faults(
            scale, matrix, observations=cells, features=features, modality="single_cell", where=str(path)
        )
        if not faults:
            return name, matrix
        reasons.append(f"in {name} {faults[0].what}")
        if logged is None and scale.may_be_log:
            logged = name, matrix
    if not reasons:
        raise KeyError("`X`")
    if log_allowed and logged is not None:
        return logged
    raise OhmicsError(Fault("; ".join(reasons), str(path), remedy='give raw counts in X, layers["counts"] or raw'))


def _n_cells(handle: Any) -> int:
    return len(index_of(handle["obs"]))


def _matrix(item: Any, rows: int, total: int, chosen: IntArray | None = None) -> sp.csr_matrix:
    """Read the first rows, or the chosen ones, of a matrix that must have so many in total."""
    if shape_of(item)[0] != total:
        raise ValueError("the matrix does not fit obs")
    if chosen is not None:
        return rows_at(item, chosen)
    if hasattr(item, "dtype"):
        return dense_rows(item, 0, rows)
    shape = shape_of(item)
    if stored_by_columns(item):
        return by_columns(item, shape)[:rows]
    indptr = whole_numbers(item["indptr"][: rows + 1])
    stop = int(indptr[-1])
    data, indices = item["data"][:stop], item["indices"][:stop]
    if len(data) != stop or len(indices) != stop or len(indptr) != rows + 1:
        raise ValueError("counts are missing at the end")
    return csr(data, indices, indptr, (rows, shape[1]))


def gene_ids_of(
    index: list[str], columns: dict[str, list[str]], table: GeneTable
) -> tuple[list[str], list[str] | None, str]:
    """Return the best id of each gene, its name where there are both, and the column that ids come from."""
    named = next((columns[name] for name in NAME_COLUMNS if name in columns), None)
    candidates = [(f"column `{name}`", columns[name]) for name in ID_COLUMNS if name in columns]
    candidates.append(("the index", index))
    candidates += [(f"column `{name}`", columns[name]) for name in NAME_COLUMNS if name in columns]
    known = [table.recognised(ids) for _, ids in candidates]
    # An Ensembl id tells genes of one symbol apart, so it goes first when it is there.
    ensembl = [i for i, counts in enumerate(known) if counts["ensembl"] > 0.5 * max(sum(k.values()) for k in known)]
    best = ensembl[0] if ensembl else int(np.argmax([sum(counts.values()) for counts in known]))
    column, ids = candidates[best]
    if column == "the index":
        return ids, named, column
    return ids, named if named is not None and named != ids else index, column
