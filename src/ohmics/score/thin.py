"""Counts and a depth come in, binomially thinned counts go out: the same data as if sequenced less."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from ohmics.errors import OhmicsError
from ohmics.score.expression import Expression, FloatArray

KeyArray = npt.NDArray[np.uint64]


def thin(adata: AnnData, target: float, *, seed: int) -> AnnData:
    """Return a copy whose counts are thinned so that the median total of its observations is ``target``.

    Every count of every cell is kept with the same probability, min(1, target / median total), so
    differences of depth between cells stay. ``target`` is thus the median UMI after thinning; data
    that are shallower already are returned as they are.

    The random numbers of a count come from the seed and the names of sample, cell and gene alone. The
    result is therefore the same whatever the order of cells and genes, the chunk or the threads.

    Parameters
    ----------
    adata
        Raw counts in ``X``, observations × genes; one group of cells that is thinned together.
        ``obs["sample"]``, when given, keeps equal barcodes of two samples apart. Transgenes are thinned
        alike but do not count towards the total.
    target
        Median total after thinning (UMI a cell; bulk: library size), above 0.
    seed
        Seed of the random numbers.

    Raises
    ------
    OhmicsError
        When X holds fractions or negative values, or ``target`` is not above 0.
    """
    matrix = sp.csr_matrix(adata.X, copy=True)
    inside = np.ones(adata.n_vars, dtype=bool)
    if "feature_type" in adata.var:
        inside = (adata.var["feature_type"].astype(str) != "transgene").to_numpy()
    totals = np.asarray(matrix[:, np.flatnonzero(inside)].sum(axis=1), dtype=np.float64).ravel()
    samples = adata.obs["sample"].astype(str).tolist() if "sample" in adata.obs else [""] * adata.n_obs
    cells = name_keys([f"{sample}\x1f{name}" for sample, name in zip(samples, adata.obs_names, strict=True)], seed)
    thinned = thin_counts(matrix, share(totals, target), cells, name_keys(adata.var_names, seed))
    result = adata.copy()
    result.X = thinned.astype(matrix.dtype)
    return result


def thin_expression(
    expression: Expression, target: float, *, seed: int, sample: str, genes: KeyArray | None = None
) -> Expression:
    """Return the expression of one group of cells of one sample thinned to a median total of ``target``.

    ``genes`` saves making the genes' keys anew for each group (see `name_keys`).
    """
    names = expression.observations.astype(str)
    cells = name_keys([f"{sample}\x1f{name}" for name in names], seed)
    keys = name_keys(expression.genes, seed) if genes is None else genes
    return expression.thinned(thin_counts(expression.matrix, share(expression.totals, target), cells, keys))


def share(totals: FloatArray, target: float) -> float:
    """Return the probability with which a count is kept so that the median total becomes ``target``."""
    if not target > 0:
        raise OhmicsError(f"target depth is {target:g}; legal: above 0")
    middle = float(np.median(totals)) if totals.size else 0.0
    return min(1.0, target / middle) if middle > 0 else 1.0


def name_keys(names: Sequence[str] | pd.Index, seed: int, purpose: str = "thin") -> KeyArray:
    """Return a 64-bit key for each name, from the seed and the name alone."""
    lead = f"{int(seed)}\x1f{purpose}\x1f"
    digests = b"".join(hashlib.blake2b((lead + str(name)).encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def thin_counts(matrix: sp.csr_matrix, probability: float, cells: KeyArray, genes: KeyArray) -> sp.csr_matrix:
    """Keep every single count with the given probability.

    Parameters
    ----------
    matrix
        Raw counts, CSR, observations × genes.
    probability
        Share of counts to keep; at 1 the matrix is returned as it is.
    cells, genes
        Keys of the observations and genes (see `name_keys`).

    Returns
    -------
    scipy.sparse.csr_matrix
        Whole numbers, same shape, without stored zeros.
    """
    if matrix.data.size and ((matrix.data < 0).any() or (matrix.data != np.floor(matrix.data)).any()):
        raise OhmicsError("values are no raw counts, so they cannot be thinned; legal: whole numbers from 0 on")
    if probability >= 1:
        return matrix
    limit = np.uint64(int(probability * 2.0**64))
    kept = _thin(matrix.indptr, matrix.indices, matrix.data, cells, genes, limit)
    result = sp.csr_matrix((kept, matrix.indices.copy(), matrix.indptr.copy()), shape=matrix.shape)
    result.eliminate_zeros()
    return result


@numba.njit(inline="always")
def _mix(value: Any) -> Any:
    """Scramble 64 bits (the output function of splitmix64: Steele et al. 2014, doi 10.1145/2660193.2660195)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@numba.njit(inline="always")
def _ones(value: Any) -> Any:
    """Return the number of set bits of 64."""
    value = value - ((value >> np.uint64(1)) & np.uint64(0x5555555555555555))
    value = (value & np.uint64(0x3333333333333333)) + ((value >> np.uint64(2)) & np.uint64(0x3333333333333333))
    value = (value + (value >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((value * np.uint64(0x0101010101010101)) >> np.uint64(56))


@numba.njit(parallel=True, cache=True)
def _thin(indptr: Any, indices: Any, data: Any, cells: Any, genes: Any, limit: Any) -> Any:
    """Count, per stored value, the counts whose 64-bit random number is below the limit."""
    step = np.uint64(0x9E3779B97F4A7C15)  # a stream of splitmix64 a cell and gene: its state steps by the golden ratio
    kept = np.zeros(len(data))
    for i in numba.prange(len(indptr) - 1):
        for k in range(indptr[i], indptr[i + 1]):
            state = _mix(_mix(cells[i]) ^ genes[indices[k]])
            open_counts, below = np.int64(data[k]), np.int64(0)
            if open_counts < 16:
                for _ in range(open_counts):
                    state += step
                    if _mix(state) < limit:
                        below += 1
                kept[k] = below
                continue
            # Many counts: compare all random numbers with the limit bit by bit, from the highest bit. One
            # word gives the next bit of 64 counts, and about half of the counts are decided at each bit.
            digits = limit
            while open_counts > 0 and digits != np.uint64(0):
                ones = np.int64(0)
                for _ in range(open_counts // 64):
                    state += step
                    ones += _ones(_mix(state))
                rest = open_counts % 64
                if rest > 0:
                    state += step
                    ones += _ones(_mix(state) >> np.uint64(64 - rest))
                if digits >> np.uint64(63) == np.uint64(1):
                    below += open_counts - ones
                    open_counts = ones
                else:
                    open_counts -= ones
                digits = digits << np.uint64(1)
            kept[k] = below
    return kept
