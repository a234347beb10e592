"""One ranking and one list come in; the points of the running sum and the chance of an overlap go out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import hypergeom

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


def running_sum_points(statistic: Array, part: Indices) -> tuple[Indices, Indices, Array, Array]:
    """Return the running sum where it turns: at each gene of the list, from the highest statistic down.

    Between two genes of the list the sum falls in a straight line, so these points are the whole curve; its
    largest and smallest are the two sides of the enrichment score (`ohmics.stats.genesets.running_sums`).

    Parameters
    ----------
    statistic
        One value a gene, for example moderated t.
    part
        Positions of the list's genes.

    Returns
    -------
    Positions of the genes, their ranks (1 the highest), and the sum just before and at each of them.
    """
    order = np.argsort(-statistic, kind="stable")
    rank = np.empty(statistic.size, dtype=np.int64)
    rank[order] = np.arange(1, statistic.size + 1)
    genes = part[np.argsort(rank[part], kind="stable")]
    weights = np.abs(statistic[genes])
    total = weights.sum()
    steps = weights / total if total > 0 else np.full(genes.size, 1 / max(genes.size, 1))
    reached = np.cumsum(steps)
    passed = (rank[genes] - 1 - np.arange(genes.size)) / max(statistic.size - genes.size, 1)
    return genes, rank[genes], reached - steps - passed, reached - passed


def overlap_p(overlap: Indices, *, listed: Indices, changed: Indices, tested: Indices) -> Array:
    """Return the chance of at least this overlap when as many genes as changed are drawn from the tested ones.

    Parameters
    ----------
    overlap, listed, changed, tested
        Genes of the list that changed, genes of the list, changed genes, all tested genes; one number a test.
    """
    return np.asarray(hypergeom.sf(overlap - 1, tested, listed, changed), dtype=np.float64)
