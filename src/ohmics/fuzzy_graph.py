"""Components of cells come in, the weighted graph of their nearest neighbours goes out.

The weights are UMAP's (McInnes 2018, arXiv:1802.03426): umap-learn computes the same, but compiles itself for
many seconds in every process that asks for them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Array = NDArray[np.float64]

BISECTIONS = 64
TOLERANCE = 1e-5
LEAST_SCALE = 1e-3
"""A cell's bandwidth is never below this share of its mean distance to its neighbours."""


def fuzzy_graph(components: NDArray[Any], *, n_neighbors: int) -> sp.csr_matrix:
    """Return cells × cells, symmetric, weights from 0 to 1.

    Parameters
    ----------
    components
        Cells × components.
    n_neighbors
        Neighbours of a cell, itself included; exact, Euclidean.
    """
    # Imported here: a process that only reads this module's constants starts faster.
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(components)
    distances, indices = search.kneighbors(components)
    distances = distances.astype(np.float64)
    rows = np.arange(len(indices))
    itself = indices == rows[:, None]
    nearest, width = _bandwidths(distances, n_neighbors)
    reach = distances - nearest[:, None]
    weights = np.where(reach <= 0, 1.0, np.exp(-np.maximum(reach, 0) / width[:, None]))
    weights[itself] = 0.0
    directed = sp.csr_matrix(
        (weights.ravel(), (np.repeat(rows, indices.shape[1]), indices.ravel())), shape=(len(rows), len(rows))
    )
    directed.eliminate_zeros()
    transposed = directed.T.tocsr()
    product = directed.multiply(transposed)
    graph = sp.csr_matrix(directed + transposed - product, dtype=np.float32)
    graph.sort_indices()
    return graph


def _bandwidths(distances: Array, n_neighbors: int) -> tuple[Array, Array]:
    """Return each cell's distance to its nearest neighbour, and the width at which its weights sum to log2(k)."""
    target = np.log2(n_neighbors)
    positive = np.where(distances > 0, distances, np.inf)
    nearest = positive.min(axis=1)
    nearest[~np.isfinite(nearest)] = 0.0
    reach = distances[:, 1:] - nearest[:, None]
    low, high, width = np.zeros(len(distances)), np.full(len(distances), np.inf), np.ones(len(distances))
    active = np.ones(len(distances), dtype=bool)
    for _ in range(BISECTIONS):
        total = np.where(reach > 0, np.exp(-np.maximum(reach, 0) / width[:, None]), 1.0).sum(axis=1)
        active &= np.abs(total - target) >= TOLERANCE
        if not active.any():
            break
        wide = active & (total > target)
        narrow = active & (total <= target)
        high[wide] = width[wide]
        low[narrow] = width[narrow]
        middle = np.where(np.isinf(high), 2 * width, (low + high) / 2)
        width[active] = middle[active]
    own = distances.mean(axis=1)
    floor = LEAST_SCALE * np.where(nearest > 0, own, own.mean())
    return nearest, np.maximum(width, np.maximum(floor, np.finfo(float).tiny))
