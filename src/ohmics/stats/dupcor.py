"""Expression (samples × genes) with samples in blocks comes in; one correlation within blocks goes out.

Each gene's correlation is its restricted maximum likelihood estimate in a model with one random effect; the
consensus is the trimmed mean on Fisher's scale (Smyth, Michaud and Scott 2005, doi:10.1093/bioinformatics/bti270).
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt
from scipy.stats import trim_mean

from ohmics.errors import OhmicsError

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
TRIM = 0.15
_HIGHEST = 0.99
_GRID = 40
_STEPS = 40


def consensus_correlation(response: Array, design: Array, *, weights: Array, blocks: npt.NDArray[np.object_]) -> float:
    """Return the correlation between samples of one block that all genes share.

    Parameters
    ----------
    response
        Samples × genes, log2 CPM.
    design
        Samples × coefficients, without the blocks.
    weights
        Samples × genes, voom's precisions.
    blocks
        One label a sample.

    Raises
    ------
    OhmicsError
        When no block holds two samples: then there is nothing to estimate a correlation from.
    """
    names, place = np.unique(blocks.astype(str), return_inverse=True)
    size = np.bincount(place)
    if size.max() < 2:
        raise OhmicsError("no block of the random effect holds two samples, so no correlation can be estimated")
    if len(names) >= len(blocks) - 1 or len(blocks) <= design.shape[1] + 2:
        raise OhmicsError(
            f"{len(blocks)} samples in {len(names)} blocks are too few to estimate a correlation within blocks"
        )
    sizes = np.unique(size)
    lowest = 1 / (1 - size.max()) + 0.01
    grid = np.tanh(np.linspace(np.arctanh(lowest), np.arctanh(_HIGHEST), _GRID))
    estimates = _reml_correlations(
        np.ascontiguousarray(response.T), np.ascontiguousarray(weights.T), np.ascontiguousarray(design),
        place.astype(np.int64), np.searchsorted(sizes, size).astype(np.int64), sizes.astype(np.float64), grid,
    )  # fmt: skip
    return float(np.tanh(trim_mean(np.arctanh(estimates), TRIM)))


@numba.njit(cache=True, nogil=True)
def _deviance(rho: float, total: Array, by_size: Array, sizes: Array, blocks_of: Array, n_samples: int) -> float:
    """Return minus twice the restricted log likelihood at correlation ``rho``, up to a constant.

    The inverse of a block's correlation matrix needs only the sum over the block, so cross products
    (``total``) and sums of outer products of block sums (``by_size``) are all that is read of a gene.
    """
    width = total.shape[0]
    root = np.empty((width, width))
    value = 0.0
    shrink = np.empty(sizes.size)
    for s in range(sizes.size):
        shrink[s] = rho / (1 + (sizes[s] - 1) * rho)
        value += blocks_of[s] * ((sizes[s] - 1) * np.log(1 - rho) + np.log(1 + (sizes[s] - 1) * rho))
    for i in range(width):
        for j in range(i + 1):
            entry = total[i, j]
            for s in range(sizes.size):
                entry -= shrink[s] * by_size[s, i, j]
            entry /= 1 - rho
            for k in range(j):
                entry -= root[i, k] * root[j, k]
            if i == j:
                root[i, i] = np.sqrt(max(entry, 1e-300))
            else:
                root[i, j] = entry / root[j, j]
    for i in range(width - 1):
        value += 2 * np.log(root[i, i])
    return float(value + (n_samples - width + 1) * 2 * np.log(root[width - 1, width - 1]))


@numba.njit(cache=True, nogil=True)
def _cross_products(
    gene: Array, weight: Array, design: Array, place: Indices, size_of: Indices, n_sizes: int
) -> tuple[Array, Array]:
    """Return cross products of the weighted design and response, and of their block sums by block size."""
    width = design.shape[1] + 1
    total = np.zeros((width, width))
    sums = np.zeros((size_of.size, width))
    row = np.empty(width)
    for i in range(gene.size):
        precision = np.sqrt(weight[i])
        for j in range(width - 1):
            row[j] = design[i, j] * precision
        row[width - 1] = gene[i] * precision
        for j in range(width):
            sums[place[i], j] += row[j]
            for k in range(width):
                total[j, k] += row[j] * row[k]
    by_size = np.zeros((n_sizes, width, width))
    for b in range(size_of.size):
        for j in range(width):
            for k in range(width):
                by_size[size_of[b], j, k] += sums[b, j] * sums[b, k]
    return total, by_size


@numba.njit(cache=True, nogil=True)
def _lowest_point(total: Array, by_size: Array, sizes: Array, blocks_of: Array, n_samples: int, grid: Array) -> float:
    """Return the correlation of the least deviance: the best point of a grid, then golden sections around it."""
    best = 0
    least = np.inf
    for g in range(grid.size):
        value = _deviance(grid[g], total, by_size, sizes, blocks_of, n_samples)
        if value < least:
            least = value
            best = g
    left = grid[max(best - 1, 0)]
    right = grid[min(best + 1, grid.size - 1)]
    golden = (np.sqrt(5.0) - 1) / 2
    for _ in range(_STEPS):
        inner = right - golden * (right - left)
        outer = left + golden * (right - left)
        at_inner = _deviance(inner, total, by_size, sizes, blocks_of, n_samples)
        if at_inner < _deviance(outer, total, by_size, sizes, blocks_of, n_samples):
            right = outer
        else:
            left = inner
    return float((left + right) / 2)


@numba.njit(cache=True, nogil=True)
def _reml_correlations(
    genes: Array, weights: Array, design: Array, place: Indices, size_of: Indices, sizes: Array, grid: Array
) -> Array:
    blocks_of = np.zeros(sizes.size)
    for b in range(size_of.size):
        blocks_of[size_of[b]] += 1
    estimates = np.empty(genes.shape[0])
    for gene in range(genes.shape[0]):
        total, by_size = _cross_products(genes[gene], weights[gene], design, place, size_of, sizes.size)
        estimates[gene] = _lowest_point(total, by_size, sizes, blocks_of, genes.shape[1], grid)
    return estimates
