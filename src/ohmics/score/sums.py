"""Per-gene values of each observation and gene lists come in; scores of lists, and their means, go out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ohmics.score.expression import FloatArray, with_values
from ohmics.score.lists import IndexArray


class Means(ABC):
    """Mean scores of lists over observations that were seen block by block."""

    @abstractmethod
    def mean_scores(self, lists: IndexArray) -> FloatArray:
        """Return the mean score over all observations seen, of equally long lists.

        Parameters
        ----------
        lists
            Gene positions, shape (lists, size).
        """


class Scorer(ABC):
    """What a kernel makes of a block of observations: it scores any number of lists."""

    imputes: bool = False
    """Whether absent genes weigh like unexpressed ones and scores below 0 are 0 (pyucell's way)."""

    @abstractmethod
    def scores(self, lists: Sequence[IndexArray], *, absent: Sequence[int] | None = None) -> FloatArray:
        """Return the scores, observations × lists; a list without usable genes is missing.

        ``absent`` counts, per list, genes the data lack that are to weigh like unexpressed ones.
        """

    def add_to(self, before: Means | None) -> Means:
        """Return what gives mean scores over these observations and those of the blocks before.

        A method whose mean score has no formula of its own keeps its blocks; the others keep sums alone.
        """
        return _Blocks([*(before.scorers if isinstance(before, _Blocks) else ()), self])

    def mean_scores(self, lists: IndexArray) -> FloatArray:
        """Return the mean score over all observations of equally long lists."""
        return self.add_to(None).mean_scores(lists)


@dataclass(frozen=True)
class _Blocks(Means):
    scorers: list[Scorer]

    def mean_scores(self, lists: IndexArray) -> FloatArray:
        values = [scorer.scores(list(lists)) for scorer in self.scorers]
        return np.asarray(np.concatenate(values).mean(axis=0), dtype=np.float64)


@dataclass(frozen=True)
class GeneSums(Scorer):
    """A method whose score is ``(sum over the list of (value + constant) + size · base) / divisor(size)``.

    Such a score's mean over cells is the same formula on the genes' mean values: that is what makes a
    hundred random lists cost next to nothing.

    ``matrix`` (observations × genes) holds the values; what is not stored is 0. ``constant`` is per
    gene, ``base`` per observation. Genes outside ``usable`` do not count; their value and constant are 0.
    """

    matrix: sp.csr_matrix
    base: FloatArray
    constant: FloatArray
    usable: npt.NDArray[np.bool_]
    divisor: Callable[[FloatArray], FloatArray]
    imputes: bool = False

    def scores(self, lists: Sequence[IndexArray], *, absent: Sequence[int] | None = None) -> FloatArray:
        """Return the scores, observations × lists; a list without usable genes is missing."""
        kept = [genes[self.usable[genes]] for genes in lists]
        sizes = np.array([len(genes) for genes in kept], dtype=np.float64)
        fixed = np.array([self.constant[genes].sum() for genes in kept], dtype=np.float64)
        sums = list_sums(self.matrix, kept)
        base = sizes[None, :] * self.base[:, None]
        # An unexpressed gene adds nothing to the sum (its value, constant and base cancel), only to the size.
        return self.finish(sums, fixed, base, sizes if absent is None else sizes + np.asarray(absent))

    def add_to(self, before: Means | None) -> GeneMeans:
        """Return what gives mean scores over these observations and those of the blocks before."""
        known = before if isinstance(before, GeneMeans) else GeneMeans(self, np.zeros(self.matrix.shape[1]))
        add_values(self.matrix.indices, self.matrix.data, known.sums)
        base = known.base_sum
        for value in self.base.tolist():  # in the order of the observations: blocks of any size give the same bytes
            base += value
        return replace(known, base_sum=base, n=known.n + len(self.base))

    def finish(self, sums: FloatArray, fixed: FloatArray, base: FloatArray, sizes: FloatArray) -> FloatArray:
        """Return scores from the sums of the lists' values, constants and bases."""
        below = self.divisor(sizes)
        whole = sums + fixed + base
        missing = np.full_like(whole, np.nan)
        return np.divide(whole, below, out=missing, where=np.broadcast_to((sizes > 0) & (below > 0), whole.shape))


@dataclass(frozen=True)
class GeneMeans(Means):
    """Sums of each gene's values over the observations seen: the mean score is the score of their mean."""

    of: GeneSums
    sums: FloatArray
    base_sum: float = 0.0
    n: int = 0

    @property
    def profile(self) -> FloatArray:
        """Mean value of each gene over the observations, shape (genes,)."""
        return self.sums / max(1, self.n)

    def mean_scores(self, lists: IndexArray) -> FloatArray:
        """Return the mean score over all observations of equally long lists, from the genes' mean values."""
        sizes = np.count_nonzero(self.of.usable[lists], axis=1).astype(np.float64)
        sums, fixed = self.profile[lists].sum(axis=1), self.of.constant[lists].sum(axis=1)
        return self.of.finish(sums, fixed, sizes * (self.base_sum / max(1, self.n)), sizes)


@numba.njit(cache=True)
def add_values(indices: Any, values: Any, sums: Any) -> None:
    """Add each value to its gene's sum, in the order of the observations."""
    for k in range(len(values)):
        sums[indices[k]] += values[k]


@numba.njit(parallel=True, cache=True)
def _weighted(indptr: Any, indices: Any, data: Any, weight: Any) -> Any:
    out = np.empty(len(data))
    for i in numba.prange(len(indptr) - 1):
        for k in range(indptr[i], indptr[i + 1]):
            out[k] = data[k] * weight[indices[k]]
    return out


def weighted(matrix: sp.csr_matrix, weight: FloatArray) -> sp.csr_matrix:
    """Return each value times its gene's weight, with the sparsity of ``matrix``."""
    return with_values(matrix, _weighted(matrix.indptr, matrix.indices, matrix.data, weight))


def owners_by_gene(lists: Sequence[IndexArray], n_genes: int) -> tuple[IndexArray, IndexArray]:
    """Return, as starts and members, which lists hold each gene."""
    genes = np.concatenate([*lists, np.zeros(0, dtype=np.int64)])
    owners = np.repeat(np.arange(len(lists)), [len(part) for part in lists])
    order = np.argsort(genes, kind="stable")
    starts = np.searchsorted(genes[order], np.arange(n_genes + 1)).astype(np.int64)
    return starts, owners[order].astype(np.int64)


def list_sums(matrix: sp.csr_matrix, lists: Sequence[IndexArray]) -> FloatArray:
    """Return the sum of each observation's values over each list, observations × lists."""
    starts, owners = owners_by_gene(lists, matrix.shape[1])
    result: FloatArray = _list_sums(matrix.indptr, matrix.indices, matrix.data, starts, owners, len(lists))
    return result


@numba.njit(parallel=True, cache=True)
def _list_sums(indptr: Any, indices: Any, data: Any, starts: Any, owners: Any, n_lists: int) -> Any:
    """Add each value to the lists that hold its gene. An observation is one thread's: order never varies."""
    n = len(indptr) - 1
    out = np.zeros((n, n_lists))
    for i in numba.prange(n):
        for k in range(indptr[i], indptr[i + 1]):
            gene = indices[k]
            for place in range(starts[gene], starts[gene + 1]):
                out[i, owners[place]] += data[k]
    return out


def dense_columns(matrix: sp.csr_matrix, genes: IndexArray) -> FloatArray:
    """Return some genes' values, observations × genes: for the few observations of a cohort of samples."""
    return np.asarray(matrix[:, genes].toarray(), dtype=np.float64)


def varying_columns(matrix: sp.csr_matrix) -> npt.NDArray[np.bool_]:
    """Return which genes differ between observations."""
    low = np.asarray(matrix.min(axis=0).toarray()).ravel()
    high = np.asarray(matrix.max(axis=0).toarray()).ravel()
    return np.asarray(high > low)


def standardised(values: FloatArray) -> FloatArray:
    """Return the genes that vary, each minus its mean and over its sd (n - 1)."""
    kept = values[:, (values.max(axis=0) > values.min(axis=0))] if values.size else values[:, :0]
    if not kept.size:
        return kept
    return np.asarray((kept - kept.mean(axis=0)) / kept.std(axis=0, ddof=1))
