"""Expression comes in, single-sample enrichment scores go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ohmics.score.expression import Expression, FloatArray, with_values
from ohmics.score.lists import IndexArray
from ohmics.score.method import Given, Kernel, Method
from ohmics.score.ranks import rank_gains
from ohmics.score.sums import Scorer, list_sums

WEIGHT = 0.25


def ssgsea(given: Given) -> Kernel:
    """Prepare ssgsea: the mean difference of two running shares down an observation's ranking.

    Genes are ranked from the lowest up (r = 1 to N), ties share their average rank. Summed over all
    positions, the share of the list's weight r^0.25 met so far is sum r^1.25 / sum r^0.25 over the list, and
    that of the other genes is their mean rank; the score is the difference over N. It is not divided by
    its range over the samples given, which would tie each sample's score to the others'.

    Notes
    -----
    Barbie et al. 2009, doi 10.1038/nature08460. gseapy's ES and GSVA's unnormalised score are N times
    this one where nothing ties; with ties theirs depend on the order of genes.
    """
    n_genes = len(given.genes)

    def kernel(expression: Expression) -> Scorer:
        gains, zero = rank_gains(expression, n_genes + 1.0)
        return _Enrichment(with_values(expression.matrix, gains), n_genes + 1 - zero)

    return kernel


@dataclass(frozen=True)
class _Enrichment(Scorer):
    """Ascending ranks: ``lowest`` of the genes without counts, and what is added to it for the others."""

    gains: sp.csr_matrix
    lowest: FloatArray

    def scores(self, lists: Sequence[IndexArray], *, absent: Sequence[int] | None = None) -> FloatArray:
        del absent
        n_genes = self.gains.shape[1]
        sizes = np.array([len(genes) for genes in lists], dtype=np.float64)
        plain = self._power_sums(lists, 1.0, sizes)
        weight = self._power_sums(lists, WEIGHT, sizes)
        weighted = self._power_sums(lists, 1.0 + WEIGHT, sizes)
        others = np.broadcast_to(n_genes - sizes, plain.shape)
        usable = (others > 0) & (sizes > 0)
        inside = np.divide(weighted, weight, out=np.full_like(plain, np.nan), where=usable)
        rest = n_genes * (n_genes + 1) / 2 - plain
        outside = np.divide(rest, others, out=np.full_like(plain, np.nan), where=usable)
        return np.asarray((inside - outside) / n_genes)

    def _power_sums(self, lists: Sequence[IndexArray], power: float, sizes: FloatArray) -> FloatArray:
        """Return the sum of rank^power over each list, observations × lists."""
        low = np.repeat(self.lowest, np.diff(self.gains.indptr))
        above = (low + self.gains.data) ** power - low**power
        return list_sums(with_values(self.gains, above), lists) + (self.lowest**power)[:, None] * sizes[None, :]


SSGSEA = Method(
    name="ssgsea",
    kernel=ssgsea,
    definition="mean over all positions of the ranking of the list's weighted share met minus the other genes' share",
    value_range=(-1.0, 1.0),
    signed_range=(-2.0, 2.0),
    unit="ssGSEA score (-1 to 1)",
    sign="above 0: the list's genes stand higher in the ranking than the others; signed lists: up minus down",
    takes="ranks",
    per_cell=False,
    doi="10.1038/nature08460",
)
