"""AnnData or a DataFrame comes in, checked CSR blocks of observations × genes of known scale go out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numba
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from ohmics.errors import Faults, OhmicsError, listing

FloatArray = npt.NDArray[np.float64]
Data: TypeAlias = AnnData | pd.DataFrame
Input = Literal["auto", "counts", "log"]
Scale = Literal["counts", "log"]

CELL_SIZE = 1e4
BULK_SIZE = 1e6
CHUNK = 1024
"""Observations that a kernel sees at once: memory beyond the matrix does not grow with cells, and a block's values
stay in the processor's cache between the passes over it."""
_TABLE = 64


@dataclass(frozen=True)
class Expression:
    """Values of genes in observations; transgenes are left out.

    ``matrix`` is CSR, observations × genes, float32 or float64, without stored zeros. ``scale`` is
    ``counts`` or ``log``. ``bulk`` chooses what `log` means: log1p of counts per 10,000, or
    log2 (CPM + 1).
    """

    matrix: sp.csr_matrix
    observations: pd.Index
    genes: pd.Index
    scale: Scale
    bulk: bool = False

    @cached_property
    def totals(self) -> FloatArray:
        """Sum of each observation, shape (observations,)."""
        return np.asarray(self.matrix.sum(axis=1, dtype=np.float64)).ravel()

    @cached_property
    def log(self) -> sp.csr_matrix:
        """Log-normalised values with the sparsity of ``matrix``; log input is returned as it is."""
        if self.scale == "log":
            return self.matrix
        size = BULK_SIZE if self.bulk else CELL_SIZE
        factors = np.divide(size, self.totals, out=np.zeros_like(self.totals), where=self.totals > 0)
        base = np.log(2.0) if self.bulk else 1.0
        return with_values(self.matrix, _log_values(self.matrix.indptr, self.matrix.data, factors, base))

    def rows(self, chosen: npt.NDArray[Any] | slice) -> Expression:
        """Return some of the observations."""
        return Expression(self.matrix[chosen], self.observations[chosen], self.genes, self.scale, self.bulk)

    def thinned(self, matrix: sp.csr_matrix) -> Expression:
        """Return the same observations and genes with other counts."""
        return Expression(matrix, self.observations, self.genes, self.scale, self.bulk)

    def summed(self, name: str) -> Expression:
        """Return the sum of all observations as one bulk sample."""
        total = sp.csr_matrix(self.matrix.sum(axis=0, dtype=np.float64))
        return replace(self, matrix=total, observations=pd.Index([name]), bulk=True)


@numba.njit(parallel=True, cache=True)
def _log_values(indptr: Any, data: Any, factors: Any, base: float) -> Any:
    """Return log1p(count · factor) / base; a small count of an observation is computed once."""
    out = np.zeros(len(data))
    for i in numba.prange(len(indptr) - 1):
        known = np.full(_TABLE, -1.0)
        for k in range(indptr[i], indptr[i + 1]):
            count = np.float64(data[k])
            place = int(count) if count < _TABLE else 0
            if place == count and place > 0:
                if known[place] < 0:
                    known[place] = np.log1p(count * factors[i]) / base
                out[k] = known[place]
            else:
                out[k] = np.log1p(count * factors[i]) / base
    return out


def with_values(matrix: sp.csr_matrix, values: npt.NDArray[Any]) -> sp.csr_matrix:
    """Return a CSR matrix of the same shape and sparsity with other values."""
    return _csr(values, matrix.indices, matrix.indptr, matrix.shape)


def _csr(data: Any, indices: Any, indptr: Any, shape: tuple[int, int]) -> sp.csr_matrix:
    """Return a CSR matrix of these very arrays; scipy's constructor would copy parts of larger ones."""
    matrix = sp.csr_matrix(shape, dtype=data.dtype)
    matrix.data, matrix.indices, matrix.indptr = data, indices, indptr
    matrix.has_canonical_format = True
    return matrix


@dataclass(frozen=True)
class Source:
    """Checked data that are read block by block, from memory or from a backed file.

    ``values`` is anything whose rows can be sliced; ``kept`` are the columns that are no transgenes. ``plain``
    values are CSR in memory that kernels can read as they are: their blocks are views.
    """

    values: Any
    kept: npt.NDArray[np.int64] | None
    observations: pd.Index
    genes: pd.Index
    scale: Scale = "log"
    bulk: bool = False
    plain: bool = False

    def chunks(self, size: int = CHUNK) -> Iterator[Expression]:
        """Yield the observations in blocks, in order."""
        for start in range(0, max(1, len(self.observations)), max(1, size)):
            yield self.rows(start, start + max(1, size))

    def rows(self, start: int, stop: int) -> Expression:
        """Read one block."""
        if self.plain:
            part = _view(self.values, start, min(stop, len(self.observations)))
            return Expression(part, self.observations[start:stop], self.genes, self.scale, self.bulk)
        block = self.values if start == 0 and stop >= len(self.observations) else self.values[start:stop]
        if not isinstance(block, np.ndarray) and not sp.issparse(block):
            block = block[start:stop]  # the whole of a backed matrix
        if self.kept is not None:
            block = block[:, self.kept]
        return Expression(_tidy(block), self.observations[start:stop], self.genes, self.scale, self.bulk)

    def take(self, chosen: npt.NDArray[np.intp]) -> Expression:
        """Read some observations, given in rising order."""
        if chosen.size and chosen[-1] - chosen[0] + 1 == chosen.size:
            return self.rows(int(chosen[0]), int(chosen[-1]) + 1)
        block = self.values[chosen]
        if self.kept is not None:
            block = block[:, self.kept]
        return Expression(_tidy(block), self.observations[chosen], self.genes, self.scale, self.bulk)

    def whole(self) -> Expression:
        """Read all observations at once."""
        return self.rows(0, len(self.observations))


def _tidy(block: Any) -> sp.csr_matrix:
    """Return CSR of float32 or float64 without repeated or stored zero entries; nothing is copied in vain."""
    kind = np.float32 if block.dtype == np.float32 else np.float64
    matrix = sp.csr_matrix(block, dtype=kind)
    shared = matrix is block or (sp.issparse(block) and np.shares_memory(matrix.data, block.data))
    if not matrix.has_canonical_format:
        matrix = matrix.copy() if shared else matrix
        matrix.sum_duplicates()
        shared = False
    if (matrix.data == 0).any():
        matrix = matrix.copy() if shared else matrix
        matrix.eliminate_zeros()
    return matrix


def _view(matrix: sp.csr_matrix, start: int, stop: int) -> sp.csr_matrix:
    """Return rows of a CSR matrix without copying their values."""
    low, high = int(matrix.indptr[start]), int(matrix.indptr[stop])
    pointers = (matrix.indptr[start : stop + 1] - low).astype(matrix.indices.dtype, copy=False)
    return _csr(matrix.data[low:high], matrix.indices[low:high], pointers, (stop - start, matrix.shape[1]))


def _is_plain(values: Any, kept: npt.NDArray[np.int64] | None) -> bool:
    """Whether kernels can read the values as they are, once no zero is found among them."""
    csr = kept is None and sp.issparse(values) and values.format == "csr"
    return bool(csr and values.dtype in (np.float32, np.float64) and values.has_canonical_format)


def open_source(
    data: Data, *, layer: str | None = None, scale: Input = "auto", bulk: bool | None = None, chunk: int = CHUNK
) -> Source:
    """Check the data, block by block, and return them as `Source`.

    Parameters
    ----------
    data
        AnnData (in memory, or backed by h5ad or Zarr) or DataFrame, observations × genes.
    layer
        Layer of AnnData to read instead of ``X``.
    scale
        ``counts``, ``log``, or ``auto``: whole numbers are counts, other non-negative values are taken
        as log-normalised.
    bulk
        Whether observations are bulk samples or sums of cells; by default what ``uns["ohmics"]["modality"]`` says,
        and sums are known by the column ``n_cells`` that `ohmics.pseudobulk` writes into ``obs``.
    chunk
        Observations read at once.

    Raises
    ------
    OhmicsError
        On negative, missing or infinite values, repeated names, an unknown layer, or fractions given
        as counts.
    """
    values, kept, genes, observations = _parts(data, layer)
    faults = Faults()
    if genes.has_duplicates:
        faults.add(
            f"genes are named twice: {listing(genes[genes.duplicated()].unique())}",
            where="genes",
            remedy="sum or drop the repeated ones",
        )
    source = Source(values, kept, observations, genes, bulk=_is_bulk(data) if bulk is None else bulk)
    found = _Values()
    if _is_plain(values, kept):
        found.see(values.data)
        source = replace(source, plain=not found.zeros)
    if not source.plain:
        found = _Values()
        for part in source.chunks(chunk):
            found.see(part.matrix.data)
    if found.missing:
        faults.add(f"{found.missing} values are missing or infinite", where="data")
    elif found.negative:
        faults.add(
            f"{found.negative} values are negative",
            where="data",
            legal="raw counts, or log-normalised values that were not scaled",
        )
    if scale == "counts" and not found.whole:
        faults.add("counts hold fractions", where="data", remedy='use input="log" for log-normalised values')
    if scale not in ("auto", "counts", "log"):
        faults.add(f"`{scale}` is no input", where="input", legal="auto, counts, log")
    faults.raise_if_any()
    return replace(source, scale="counts" if scale == "counts" or (scale == "auto" and found.whole) else "log")


def read_expression(
    data: Data, *, layer: str | None = None, scale: Input = "auto", bulk: bool | None = None
) -> Expression:
    """Check the data and return all of them as `Expression`; parameters and errors as in `open_source`."""
    return open_source(data, layer=layer, scale=scale, bulk=bulk).whole()


@dataclass
class _Values:
    """What is wrong with the values seen so far."""

    missing: int = 0
    negative: int = 0
    zeros: int = 0
    whole: bool = True

    def see(self, values: npt.NDArray[Any]) -> None:
        missing, negative, zeros, fractions = _look(values)
        self.missing += missing
        self.negative += negative
        self.zeros += zeros
        self.whole = self.whole and not fractions


@numba.njit(parallel=True, cache=True)
def _look(values: Any) -> Any:
    """Count missing or infinite values, negative ones, zeros and fractions in one pass."""
    missing, negative, zeros, fractions = 0, 0, 0, 0
    for k in numba.prange(len(values)):
        value = values[k]
        if not np.isfinite(value):
            missing += 1
        elif value != np.floor(value):
            fractions += 1
        if value < 0:
            negative += 1
        elif value == 0:
            zeros += 1
    return missing, negative, zeros, fractions


def _is_bulk(data: Data) -> bool:
    if not isinstance(data, AnnData):
        return False
    return dict(data.uns.get("ohmics", {})).get("modality") == "bulk" or "n_cells" in data.obs


def _parts(data: Data, layer: str | None) -> tuple[Any, npt.NDArray[np.int64] | None, pd.Index, pd.Index]:
    """Return values, columns to keep (None: all), gene names and observation names, without transgenes."""
    if isinstance(data, pd.DataFrame):
        if layer is not None:
            raise OhmicsError("layer: a DataFrame has no layers; give AnnData, or no layer")
        kinds = data.dtypes.map(pd.api.types.is_numeric_dtype)
        if not bool(kinds.all()):
            raise OhmicsError(f"columns are not numbers: {listing(data.columns[~kinds.to_numpy(dtype=bool)])}")
        return data.to_numpy(dtype=np.float64), None, pd.Index(data.columns.astype(str)), data.index
    if not isinstance(data, AnnData):
        raise OhmicsError(f"data are {type(data).__name__}; legal: AnnData or DataFrame, observations × genes")
    if layer is not None and layer not in data.layers:
        raise OhmicsError(f"layer `{layer}` is not in the data; legal: {listing(data.layers) or 'none'}")
    values = data.X if layer is None else data.layers[layer]
    if values is None:
        raise OhmicsError("X is empty; name the layer that holds the counts")
    if sp.issparse(values) and values.format != "csr":
        values = sp.csr_matrix(values)  # blocks are rows
    genes = pd.Index(data.var_names.astype(str))
    if "feature_type" in data.var:
        keep = (data.var["feature_type"].astype(str) != "transgene").to_numpy()
        if not keep.all():
            return values, np.flatnonzero(keep), genes[keep], data.obs_names
    return values, None, genes, data.obs_names
