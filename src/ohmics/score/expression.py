"""AnnData or a DataFrame comes in, one checked CSR matrix observations × genes of known scale goes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from ohmics.errors import Faults, OhmicsError, listing

FloatArray = npt.NDArray[np.float64]
Data: TypeAlias = AnnData | pd.DataFrame
Input = Literal["auto", "counts", "log"]

CELL_SIZE = 1e4
BULK_SIZE = 1e6
CHUNK = 8192
"""Observations that a kernel sees at once: memory beyond the matrix does not grow with cells."""


@dataclass(frozen=True)
class Expression:
    """Values of genes in observations; transgenes are left out.

    ``matrix`` is CSR, observations × genes, float64, without stored zeros. ``scale`` is ``counts`` or
    ``log``. ``bulk`` chooses what `log` means: log1p of counts per 10,000, or log2 (CPM + 1).
    """

    matrix: sp.csr_matrix
    observations: pd.Index
    genes: pd.Index
    scale: Literal["counts", "log"]
    bulk: bool = False

    @cached_property
    def totals(self) -> FloatArray:
        """Sum of each observation, shape (observations,)."""
        return np.asarray(self.matrix.sum(axis=1), dtype=np.float64).ravel()

    @cached_property
    def log(self) -> sp.csr_matrix:
        """Log-normalised values with the sparsity of ``matrix``; log input is returned as it is."""
        if self.scale == "log":
            return self.matrix
        size = BULK_SIZE if self.bulk else CELL_SIZE
        factors = np.divide(size, self.totals, out=np.zeros_like(self.totals), where=self.totals > 0)
        values = np.log1p(self.matrix.data * np.repeat(factors, np.diff(self.matrix.indptr)))
        if self.bulk:
            values /= np.log(2.0)
        return with_values(self.matrix, values)

    def rows(self, chosen: npt.NDArray[Any] | slice) -> Expression:
        """Return some of the observations."""
        return Expression(self.matrix[chosen], self.observations[chosen], self.genes, self.scale, self.bulk)

    def chunks(self, size: int = CHUNK) -> Iterator[Expression]:
        """Yield the observations in blocks, in order."""
        for start in range(0, max(1, self.matrix.shape[0]), size):
            yield self.rows(slice(start, start + size))

    def thinned(self, matrix: sp.csr_matrix) -> Expression:
        """Return the same observations and genes with other counts."""
        return Expression(matrix, self.observations, self.genes, self.scale, self.bulk)


def with_values(matrix: sp.csr_matrix, values: FloatArray) -> sp.csr_matrix:
    """Return a CSR matrix of the same shape and sparsity with other values."""
    return sp.csr_matrix((values, matrix.indices, matrix.indptr), shape=matrix.shape)


def read_expression(
    data: Data, *, layer: str | None = None, scale: Input = "auto", bulk: bool | None = None
) -> Expression:
    """Check the data and return them as `Expression`.

    Parameters
    ----------
    data
        AnnData or DataFrame, observations × genes.
    layer
        Layer of AnnData to read instead of ``X``.
    scale
        ``counts``, ``log``, or ``auto``: whole numbers are counts, other non-negative values are taken
        as log-normalised.
    bulk
        Whether observations are bulk samples; by default what ``uns["ohmics"]["modality"]`` says.

    Raises
    ------
    OhmicsError
        On negative, missing or infinite values, repeated names, an unknown layer, or fractions given
        as counts.
    """
    values, genes, observations = _parts(data, layer)
    matrix = sp.csr_matrix(values, dtype=np.float64)
    matrix.sum_duplicates()
    if (matrix.data == 0).any():
        matrix = matrix.copy()
        matrix.eliminate_zeros()
    faults = Faults()
    if genes.has_duplicates:
        faults.add(
            f"genes are named twice: {listing(genes[genes.duplicated()].unique())}",
            where="genes",
            remedy="sum or drop the repeated ones",
        )
    if not np.isfinite(matrix.data).all():
        faults.add(f"{int((~np.isfinite(matrix.data)).sum())} values are missing or infinite", where="data")
    elif (matrix.data < 0).any():
        faults.add(
            f"{int((matrix.data < 0).sum())} values are negative",
            where="data",
            legal="raw counts, or log-normalised values that were not scaled",
        )
    whole = bool(np.all(matrix.data == np.floor(matrix.data)))
    if scale == "counts" and not whole:
        faults.add("counts hold fractions", where="data", remedy='use input="log" for log-normalised values')
    if scale not in ("auto", "counts", "log"):
        faults.add(f"`{scale}` is no input", where="input", legal="auto, counts, log")
    faults.raise_if_any()
    if bulk is None:
        bulk = isinstance(data, AnnData) and dict(data.uns.get("ohmics", {})).get("modality") == "bulk"
    kind: Literal["counts", "log"] = "counts" if scale == "counts" or (scale == "auto" and whole) else "log"
    return Expression(matrix, observations, genes, kind, bulk)


def _parts(data: Data, layer: str | None) -> tuple[Any, pd.Index, pd.Index]:
    """Return values, gene names and observation names, without transgenes."""
    if isinstance(data, pd.DataFrame):
        if layer is not None:
            raise OhmicsError("layer: a DataFrame has no layers; give AnnData, or no layer")
        kinds = data.dtypes.map(pd.api.types.is_numeric_dtype)
        if not bool(kinds.all()):
            raise OhmicsError(f"columns are not numbers: {listing(data.columns[~kinds.to_numpy(dtype=bool)])}")
        return data.to_numpy(dtype=np.float64), pd.Index(data.columns.astype(str)), data.index
    if not isinstance(data, AnnData):
        raise OhmicsError(f"data are {type(data).__name__}; legal: AnnData or DataFrame, observations × genes")
    if layer is not None and layer not in data.layers:
        raise OhmicsError(f"layer `{layer}` is not in the data; legal: {listing(data.layers) or 'none'}")
    values = data.X if layer is None else data.layers[layer]
    if values is None:
        raise OhmicsError("X is empty; name the layer that holds the counts")
    if not isinstance(values, np.ndarray) and not sp.issparse(values):
        values = values[:]  # a backed matrix
    genes = pd.Index(data.var_names.astype(str))
    if "feature_type" in data.var:
        keep = (data.var["feature_type"].astype(str) != "transgene").to_numpy()
        if not keep.all():
            values, genes = values[:, np.flatnonzero(keep)], genes[keep]
    return values, genes, data.obs_names
