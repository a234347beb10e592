"""Gene lists and GENE_REFERENCE come in, random lists of the same size and expression go out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ohmics.score.lists import IndexArray, ResolvedList
from ohmics.score.sums import Means
from ohmics.seeds import generator

N_BINS = 25
"""Bins of genes of like mean, as many as Tirosh et al. 2016 use (doi 10.1126/science.aad0501)."""


class Bins:
    """Genes of the data in bins of equal size by their mean in the reference."""

    def __init__(self, genes: pd.Index, reference: pd.DataFrame) -> None:
        """Sort the genes into bins.

        Genes are ordered by mean and then by name, so the order of the data does not matter. Genes the
        reference lacks are in no bin; those it never saw share one.

        Parameters
        ----------
        genes
            Names of the data's genes.
        reference
            ``mean``, indexed by gene.
        """
        mean = reference["mean"].reindex(genes).to_numpy(dtype=np.float64)
        known = np.flatnonzero(np.isfinite(mean))
        names = genes.to_numpy(dtype=str)
        known = known[np.lexsort((names[known], mean[known]))]
        seen = known[mean[known] > 0]
        parts = [known[mean[known] <= 0], *np.array_split(seen, min(N_BINS, max(1, len(seen))))]
        self._members = [part for part in parts if len(part)]
        self._bin = np.full(len(genes), -1, dtype=np.int64)
        self._place = np.zeros(len(genes), dtype=np.int64)
        for number, part in enumerate(self._members):
            self._bin[part] = number
            self._place[part] = np.arange(len(part))

    @property
    def bin_of(self) -> IndexArray:
        """Number of each gene's bin, -1 for none; shape (genes,)."""
        return self._bin

    @property
    def members(self) -> list[IndexArray]:
        """Genes of each bin, sorted by mean and then by name."""
        return self._members

    def draw(self, genes: IndexArray, n_null: int, random: np.random.Generator) -> IndexArray:
        """Return random lists matched to ``genes``, shape (n_null, size); the list's own genes are not drawn.

        A list whose bin is too small for it, or one of whose genes is in no bin, gets lists of the
        genes that can be matched; without any the result has no column.
        """
        columns = [np.zeros((n_null, 0), dtype=np.int64)]
        for number in np.unique(self._bin[genes]):
            if number < 0:
                continue
            own = np.sort(self._place[genes[self._bin[genes] == number]])
            others = np.delete(self._members[number], own)
            if len(others) >= len(own):
                columns.append(others[_subsets(len(others), len(own), n_null, random)])
        return np.concatenate(columns, axis=1)


def _subsets(number: int, size: int, rows: int, random: np.random.Generator) -> IndexArray:
    """Return random subsets without repetition, shape (rows, size), by Floyd's algorithm on all rows at once."""
    chosen = np.full((rows, size), -1, dtype=np.int64)
    for column, last in enumerate(range(number - size, number)):
        pick = random.integers(0, last + 1, size=rows)
        taken = (chosen[:, :column] == pick[:, None]).any(axis=1)
        chosen[:, column] = np.where(taken, last, pick)
    return chosen


class NullLists:
    """The random lists of every gene list, drawn once for a data set and used by every method."""

    def __init__(self, bins: Bins, *, n_null: int, seed: int) -> None:
        """Draw ``n_null`` lists a gene list from these bins; nothing is drawn before it is needed."""
        self._bins = bins
        self._n_null = n_null
        self._seed = seed
        self._drawn: dict[str, list[IndexArray]] = {}

    def null_z(self, one: ResolvedList, means: Means) -> float:
        """Return the score's distance from the mean of its random lists, in their sd; missing when that is 0.

        The list and its random lists are put through the same mean over observations.
        """
        null, score = np.zeros(self._n_null), 0.0
        for sign, own, side in zip((1, -1), (one.up, one.down), self._lists(one), strict=True):
            if side.shape[1]:
                null += sign * means.mean_scores(side)
            if own.size:
                score += sign * float(means.mean_scores(own[None, :])[0])
        spread = float(np.std(null, ddof=1)) if self._n_null > 1 else 0.0
        return (score - float(np.mean(null))) / spread if spread > 1e-12 else float("nan")

    def _lists(self, one: ResolvedList) -> list[IndexArray]:
        if one.key not in self._drawn:
            self._drawn[one.key] = [
                self._bins.draw(genes, self._n_null, generator(self._seed, "null", one.key, side))
                for side, genes in (("up", one.up), ("down", one.down))
            ]
        return self._drawn[one.key]
