"""Expression comes in, UCell's rank gains per gene go out: how far a gene stands above the unexpressed ones."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from ohmics.score.expression import Expression, FloatArray, with_values
from ohmics.score.sums import GeneSums

MAX_RANK = 1500
_COUNTED = 4096  # counts below it are ranked by counting, without a sort


def ucell(expression: Expression, *, max_rank: int = MAX_RANK, compat: bool = False) -> GeneSums:
    """Prepare UCell: genes are ranked from the highest down, ties share their average rank, ranks stop at ``max_rank``.

    A list of n genes with ranks r scores 1 - (sum r - n (n + 1) / 2) / (n · max_rank - n (n + 1) / 2):
    1 when its genes are the n highest, 0 when none is among the first ``max_rank``. A list of twice
    ``max_rank`` genes or more has no score. All genes without counts tie. When the data hold fewer
    genes than ``max_rank``, ranks stop at their number.

    Parameters
    ----------
    expression
        Counts or log-normalised values: within an observation both rank alike.
    max_rank
        Rank beyond which genes no longer differ.
    compat
        Rank as pyucell does: average ranks are truncated, genes without counts get ``max_rank``, and of
        more than ``max_rank`` ranked genes the first in the data's order are kept.

    Notes
    -----
    Andreatta and Carmona 2021, doi 10.1016/j.csbj.2021.06.043.
    """
    matrix = expression.matrix
    n_genes = matrix.shape[1]
    top = float(max_rank if compat else min(max_rank, max(n_genes, 1)))
    gains, zero = _rank_gains(
        matrix.indptr.astype(np.int64), matrix.data, n_genes, top, int(expression.scale == "counts"), int(compat)
    )

    def divisor(sizes: FloatArray) -> FloatArray:
        return sizes * top - sizes * (sizes + 1) / 2

    return GeneSums(
        matrix=with_values(matrix, gains),
        base=-zero,
        constant=np.full(n_genes, top),
        usable=np.ones(n_genes, dtype=bool),
        divisor=divisor,
    )


@numba.njit(parallel=True, cache=True)
def _rank_gains(indptr: Any, data: Any, n_genes: int, top: float, whole: int, compat: int) -> Any:
    """Return, per stored value, its distance to the rank of the unexpressed genes, and that rank per observation."""
    n = len(indptr) - 1
    gains = np.zeros(len(data))
    zeros = np.zeros(n)
    for i in numba.prange(n):
        start, stop = indptr[i], indptr[i + 1]
        size = stop - start
        zero = top if compat else min(top, size + (n_genes - size + 1) / 2.0)
        zeros[i] = zero
        if size == 0:
            continue
        highest = data[start:stop].max()
        ranks = np.empty(size)
        if whole and highest < _COUNTED:
            number = np.zeros(int(highest) + 1, dtype=np.int64)
            for k in range(start, stop):
                number[int(data[k])] += 1
            shared = np.zeros(int(highest) + 1)
            above = 0
            for value in range(int(highest), 0, -1):
                shared[value] = above + (number[value] + 1) / 2.0
                above += number[value]
            for k in range(size):
                ranks[k] = shared[int(data[start + k])]
        else:
            order = np.argsort(-data[start:stop], kind="mergesort")
            first = 0
            while first < size:
                last = first
                while last + 1 < size and data[start + order[last + 1]] == data[start + order[first]]:
                    last += 1
                for k in range(first, last + 1):
                    ranks[order[k]] = (first + last) / 2.0 + 1.0
                first = last + 1
        kept = 0
        for k in range(size):
            rank = np.floor(ranks[k]) if compat else ranks[k]
            if rank < zero and (not compat or kept < top):
                gains[start + k] = zero - rank
            if rank <= top:
                kept += 1
    return gains, zeros
