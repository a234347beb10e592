"""Expression comes in, AUCell's scores go out: the area under the recovery curve of a list's genes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from ohmics.score.expression import Expression, FloatArray, with_values
from ohmics.score.lists import IndexArray
from ohmics.score.method import Given, Kernel, Method
from ohmics.score.ranks import rank_gains
from ohmics.score.reference_rows import columns_for
from ohmics.score.sums import GeneSums, Scorer, owners_by_gene

SHARE = 0.05
_COUNTED = 4096  # counts below it are ordered by counting, without a sort
_PEER_SEED = 0  # decoupler's own, whatever the user's


def aucell(given: Given) -> Kernel:
    """Prepare AUCell on the first 5 % of ranks.

    Genes are ranked from the highest down, ties share their average rank (all genes without counts tie).
    With n_up = ceil(0.05 · genes), the area of a list's recovery curve up to n_up is the sum over its
    genes of n_up - rank where that is above 0; it is divided by the area that a list of its size reaches
    at most. The number of genes is that of the data, the same in every sample, and the share is the same in
    cells and bulk, where AUCell asks which genes are among the very highest. ``max_rank`` replaces n_up.

    With ``compat`` as decoupler does it: genes without a count in the observations given are dropped,
    the others shuffled (its seed), and ties ranked in the resulting order; observations without counts
    have no score.

    Notes
    -----
    Aibar et al. 2017, doi 10.1038/nmeth.4463.
    """
    if given.compat:
        return _as_decoupler(given)
    n_genes = len(given.genes)
    n_up = last_rank(given, bulk=False)

    def kernel(expression: Expression) -> GeneSums:
        gains, zero = rank_gains(expression, n_up)
        return GeneSums(
            matrix=with_values(expression.matrix, gains),
            base=n_up - zero,
            constant=np.zeros(n_genes),
            usable=np.ones(n_genes, dtype=bool),
            divisor=lambda sizes: _largest_area(sizes, n_up),
        )

    return kernel


def last_rank(given: Given, *, bulk: bool) -> int:
    """Return n_up, the rank up to which the area counts, in bulk as in cells."""
    del bulk
    n_genes = _peers_genes(given).size if given.compat else len(given.genes)
    wanted = np.ceil(SHARE * n_genes) if given.max_rank is None else given.max_rank
    return int(min(max(wanted, 2), max(n_genes, 2)))


def _peers_genes(given: Given) -> IndexArray:
    mean, _ = columns_for(given.reference, given.genes)
    return np.flatnonzero(np.nan_to_num(mean) > 0)


def _largest_area(sizes: FloatArray, n_up: int) -> FloatArray:
    """Return the sum of n_up - rank over the ranks 1 to size, those below n_up."""
    ranks = np.minimum(sizes, n_up - 1)
    return np.asarray(ranks * n_up - ranks * (ranks + 1) / 2, dtype=np.float64)


def _as_decoupler(given: Given) -> Kernel:
    kept = _peers_genes(given)
    random = np.random.default_rng(_PEER_SEED)
    shuffled = random.choice(np.arange(kept.size), kept.size, replace=False) if kept.size else kept
    place = np.full(len(given.genes), -1, dtype=np.int64)
    place[kept[shuffled]] = np.arange(kept.size)

    def kernel(expression: Expression) -> Scorer:
        return _PeerArea(expression, place, last_rank(given, bulk=False))

    return kernel


@dataclass(frozen=True)
class _PeerArea(Scorer):
    """Areas with every tie broken by the genes' place in one order."""

    expression: Expression
    place: IndexArray
    n_up: int

    def scores(self, lists: Sequence[IndexArray], *, absent: Sequence[int] | None = None) -> FloatArray:
        del absent  # the peer drops absent genes
        kept = [genes[self.place[genes] >= 0] for genes in lists]
        sizes = np.array([len(genes) for genes in kept], dtype=np.float64)
        starts, owners = owners_by_gene(kept, len(self.place))
        n_places = int(self.place.max(initial=-1)) + 1
        at = np.full(n_places, -1, dtype=np.int64)
        at[self.place[self.place >= 0]] = np.flatnonzero(self.place >= 0)
        matrix = self.expression.matrix
        whole = int(self.expression.scale == "counts")
        area = _ordinal_area(
            matrix.indptr, matrix.indices, matrix.data, whole, self.place, at, self.n_up, starts, owners, len(kept)
        )
        below = _largest_area(sizes, self.n_up)
        seen = (np.diff(matrix.indptr) > 0)[:, None]
        missing = np.full_like(area, np.nan)
        return np.asarray(np.divide(area, below, out=missing, where=seen & (below > 0)[None, :]))


@numba.njit(cache=True)
def _order_of(values: Any, whole: int) -> Any:
    """Return the places with a value, the highest value first and ties by place; whole numbers are counted."""
    highest = values.max() if len(values) else 0.0
    if not whole or highest >= _COUNTED:
        seen = np.flatnonzero(values)
        return seen[np.argsort(-values[seen], kind="mergesort")]
    start = np.zeros(int(highest) + 2, dtype=np.int64)
    for value in values:
        start[int(value)] += 1
    start[0], above = 0, 0
    for value in range(int(highest), 0, -1):
        number = start[value]
        start[value] = above
        above += number
    order = np.empty(above, dtype=np.int64)
    for place in range(len(values)):
        value = int(values[place])
        if value > 0:
            order[start[value]] = place
            start[value] += 1
    return order


@numba.njit(parallel=True, cache=True)
def _ordinal_area(
    indptr: Any, indices: Any, data: Any, whole: int, place: Any, at: Any, n_up: int, starts: Any, owners: Any,
    n_lists: int,
) -> Any:  # fmt: skip
    """Sum n_up - rank over each list: first the genes with counts, highest first, then the others by place."""
    n = len(indptr) - 1
    out = np.zeros((n, n_lists))
    for i in numba.prange(n):
        values = np.zeros(len(at))
        for k in range(indptr[i], indptr[i + 1]):
            if place[indices[k]] >= 0:
                values[place[indices[k]]] = data[k]
        order = _order_of(values, whole)
        for rank in range(1, min(n_up, len(order) + 1)):
            gene = at[order[rank - 1]]
            for where in range(starts[gene], starts[gene + 1]):
                out[i, owners[where]] += n_up - rank
        rank = len(order) + 1
        for other in range(len(at)):
            if rank >= n_up:
                break
            if values[other] > 0:
                continue
            gene = at[other]
            for where in range(starts[gene], starts[gene + 1]):
                out[i, owners[where]] += n_up - rank
            rank += 1
    return out


AUCELL = Method(
    name="aucell",
    kernel=aucell,
    definition="area under the recovery curve of the list's genes over the first 5 % of ranks, ties averaged,"
    " as a share of the largest area",
    value_range=(0.0, 1.0),
    signed_range=(-1.0, 1.0),
    unit="AUCell score (0 to 1)",
    sign="higher: more of the list's genes are among the highest 5 %; signed lists: up minus down",
    takes="ranks",
    doi="10.1038/nmeth.4463",
    peer="decoupler",
    last_rank=last_rank,
    peer_reads_data=True,
)
