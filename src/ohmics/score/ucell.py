"""Expression comes in, UCell's scores go out: how far a list's genes stand above the unexpressed ones in rank."""

from __future__ import annotations

import numpy as np

from ohmics.score.expression import Expression, FloatArray, with_values
from ohmics.score.method import Given, Kernel, Method
from ohmics.score.ranks import rank_gains
from ohmics.score.sums import GeneSums

MAX_RANK = 1500
"""About as many genes as a single cell shows: what stands lower was not seen."""


def last_rank(given: Given, *, bulk: bool) -> int:
    """Return the rank at which genes stop to differ: 1,500 in cells, the number of genes in bulk and sums of cells."""
    n_genes = max(len(given.genes), 1)
    if given.compat:
        return given.max_rank or MAX_RANK
    if given.max_rank is None and bulk:
        return n_genes
    return min(given.max_rank or MAX_RANK, n_genes)


def ucell(given: Given) -> Kernel:
    """Prepare UCell: genes are ranked from the highest down, ties share their average rank, ranks stop at a last one.

    A list of n genes with ranks r scores 1 - (sum r - n (n + 1) / 2) / (n · last - n (n + 1) / 2):
    1 when its genes are the n highest, 0 when none is before the last rank. A list of twice as many genes
    has no score. All genes without counts tie.

    In single cells ranks stop at 1,500. A bulk sample, or a sum of cells, shows nearly all genes, and most of a
    list stand beyond 1,500 there: all genes of the data are ranked, or one gene of a list could decide its score.
    ``max_rank`` sets another last rank; none is above the number of genes.

    With ``compat`` as pyucell does it: 1,500 unless ``max_rank`` is given, genes without counts have the last
    rank, absent genes count as such, and what is below 0 is 0.

    Notes
    -----
    Andreatta and Carmona 2021, doi 10.1016/j.csbj.2021.06.043. UCell's authors advise to raise ``maxRank`` for
    pseudobulk, which is less sparse (carmonalab/UCell, issue 51), and to set it by the number of genes detected.
    """
    n_genes = len(given.genes)

    def kernel(expression: Expression) -> GeneSums:
        top = float(last_rank(given, bulk=expression.bulk))

        def divisor(sizes: FloatArray) -> FloatArray:
            return sizes * top - sizes * (sizes + 1) / 2

        gains, zero = rank_gains(expression, top, unseen_at_top=given.compat)
        return GeneSums(
            matrix=with_values(expression.matrix, gains),
            base=top - zero,
            constant=np.zeros(n_genes),
            usable=np.ones(n_genes, dtype=bool),
            divisor=divisor,
            imputes=given.compat,
        )

    return kernel


UCELL = Method(
    name="ucell",
    kernel=ucell,
    definition="rank sum of the list's genes in the observation, ties averaged, scaled to 0-1; ranks are cut at"
    " 1,500 in single cells, and all genes are ranked in bulk samples and sums of cells",
    value_range=(0.0, 1.0),
    signed_range=(-1.0, 1.0),
    unit="UCell score (0 to 1)",
    sign="higher: the list's genes stand higher in the cell's ranking; signed lists: up minus down, not clipped",
    takes="ranks",
    doi="10.1016/j.csbj.2021.06.043",
    peer="pyucell",
    last_rank=last_rank,
)
