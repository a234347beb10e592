"""The weighted neighbour graph of very many cells comes in; a cluster of each cell goes out.

What ``scanpy.tl.leiden(flavor="igraph")`` computes, but every edge is given once and as arrays: scanpy hands igraph
both directions as Python objects, which at a million cells take more memory than all else.
"""

from __future__ import annotations

import random

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


def leiden(graph: sp.csr_matrix, *, resolution: float, seed: int, n_iterations: int = 2) -> NDArray[np.int64]:
    """Return the cluster of each cell by Leiden's algorithm (Traag 2019, doi:10.1038/s41598-019-41695-z).

    Parameters
    ----------
    graph
        Cells × cells, symmetric, positive weights.
    resolution
        Of the modularity that is optimised.
    seed
        Seed of the order in which cells are visited.
    n_iterations
        Passes of the algorithm.

    Returns
    -------
    Integers from 0, in no particular order.
    """
    # Imported here: igraph is an extra, and whoever calls has looked whether it is there.
    import igraph

    upper = sp.triu(graph, k=1, format="coo")
    edges = np.column_stack((upper.row, upper.col)).astype(np.int64)
    weights = upper.data.astype(np.float64)
    del upper
    network = igraph.Graph(n=graph.shape[0], edges=edges, directed=False)
    del edges
    igraph.set_random_number_generator(random.Random(seed))
    try:
        parts = network.community_leiden(
            objective_function="modularity", weights=weights, resolution=resolution, n_iterations=n_iterations
        )
    finally:
        igraph.set_random_number_generator(random)
    return np.asarray(parts.membership, dtype=np.int64)
