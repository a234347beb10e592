"""Clusters of a graph of which each edge is given once."""

import numpy as np
import scipy.sparse as sp
from sklearn.metrics import adjusted_rand_score

from ohmics.fuzzy_graph import fuzzy_graph
from ohmics.leiden import leiden

KIND = np.repeat(np.arange(4), 60)


def graph(seed: int = 0) -> sp.csr_matrix:
    rng = np.random.default_rng(seed)
    return fuzzy_graph(rng.normal(size=(len(KIND), 5)) + 9 * np.eye(5)[KIND], n_neighbors=10)


def test_planted_kinds_are_found() -> None:
    assert adjusted_rand_score(leiden(graph(), resolution=0.3, seed=0), KIND) == 1.0


def test_the_same_seed_gives_the_same_clusters() -> None:
    first, second = (leiden(graph(), resolution=2.0, seed=5) for _ in range(2))
    assert np.array_equal(first, second)


def test_a_cell_without_neighbours_stands_alone() -> None:
    alone = sp.block_diag([graph(), sp.csr_matrix((1, 1))], format="csr")
    found = leiden(sp.csr_matrix(alone), resolution=0.3, seed=0)
    assert len(found) == len(KIND) + 1
    assert (found == found[-1]).sum() == 1


def test_finer_resolution_gives_more_clusters() -> None:
    few, many = (len(set(leiden(graph(), resolution=resolution, seed=0))) for resolution in (0.05, 5.0))
    assert few < many
