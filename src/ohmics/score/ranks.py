"""Expression comes in; how far each gene's rank stands above that of the unexpressed genes goes out."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from ohmics.score.expression import Expression, FloatArray

_COUNTED = 4096  # counts below it are ranked by counting, without a sort


def rank_gains(expression: Expression, top: float, *, unseen_at_top: bool = False) -> tuple[FloatArray, FloatArray]:
    """Rank genes from the highest down, ties sharing their average rank, and stop ranks at ``top``.

    All genes without counts tie, so only their one rank and the distance of the others to it are kept:
    the matrix stays sparse.

    Parameters
    ----------
    expression
        Counts or log-normalised values: within an observation both rank alike.
    top
        Rank beyond which genes no longer differ.
    unseen_at_top
        Give genes without counts the rank ``top`` instead of their average rank.

    Returns
    -------
    tuple
        Per stored value, the rank of the genes without counts minus its own, at least 0; and per
        observation the rank of the genes without counts.
    """
    matrix = expression.matrix
    gains, zeros = _rank_gains(
        matrix.indptr,
        matrix.data,
        matrix.shape[1],
        float(top),
        int(expression.scale == "counts"),
        int(unseen_at_top),
    )
    return gains, zeros


@numba.njit(parallel=True, cache=True)
def _rank_gains(indptr: Any, data: Any, n_genes: int, top: float, whole: int, unseen_at_top: int) -> Any:
    """Rank each observation on its own: it is one thread's, so nothing depends on their number."""
    n = len(indptr) - 1
    gains = np.zeros(len(data))
    zeros = np.zeros(n)
    for i in numba.prange(n):
        start, stop = indptr[i], indptr[i + 1]
        size = stop - start
        zero = top if unseen_at_top else min(top, size + (n_genes - size + 1) / 2.0)
        zeros[i] = zero
        if size == 0:
            continue
        highest = data[start:stop].max()
        if whole and highest < _COUNTED:
            number = np.zeros(int(highest) + 1, dtype=np.int64)
            for k in range(start, stop):
                number[int(data[k])] += 1
            shared = np.zeros(int(highest) + 1)
            above = 0
            for value in range(int(highest), 0, -1):
                shared[value] = max(0.0, zero - (above + (number[value] + 1) / 2.0))
                above += number[value]
            for k in range(start, stop):
                gains[k] = shared[int(data[k])]
        else:
            order = np.argsort(-data[start:stop], kind="mergesort")
            first = 0
            while first < size:
                last = first
                while last + 1 < size and data[start + order[last + 1]] == data[start + order[first]]:
                    last += 1
                gain = max(0.0, zero - ((first + last) / 2.0 + 1.0))
                for k in range(first, last + 1):
                    gains[start + order[k]] = gain
                first = last + 1
    return gains, zeros
