"""Expression comes in, singscore's centred mean ranks go out."""

from __future__ import annotations

import numpy as np

from ohmics.score.expression import Expression, with_values
from ohmics.score.method import Given, Kernel, Method
from ohmics.score.ranks import rank_gains
from ohmics.score.sums import GeneSums


def singscore(given: Given) -> Kernel:
    """Prepare singscore: the mean rank of a list's genes between the least and the most it can be, minus 0.5.

    Genes are ranked from the lowest up, ties share their average rank. Of N genes, the mean rank of n lies
    between (n + 1) / 2 and (2 N - n + 1) / 2. Down sides are ranked in reverse, which turns the centred
    score's sign: the total of a signed list is up minus down.

    Notes
    -----
    Foroutan et al. 2018, doi 10.1186/s12859-018-2435-4; its package gives ties their lowest rank, with
    which unexpressed genes can fall below the least possible mean rank.
    """
    n_genes = len(given.genes)

    def kernel(expression: Expression) -> GeneSums:
        gains, zero = rank_gains(expression, n_genes + 1.0)
        return GeneSums(
            matrix=with_values(expression.matrix, gains),
            base=n_genes + 1 - zero,
            # mean rank - (n + 1) / 2 over N - n, minus 0.5, is linear in the ranks with this constant.
            constant=np.full(n_genes, -(n_genes + 1) / 2.0),
            usable=np.ones(n_genes, dtype=bool),
            divisor=lambda sizes: sizes * (n_genes - sizes),
        )

    return kernel


SINGSCORE = Method(
    name="singscore",
    kernel=singscore,
    definition="mean rank of the list's genes, scaled between the least and the most it can be, minus 0.5",
    value_range=(-0.5, 0.5),
    signed_range=(-1.0, 1.0),
    unit="singscore (-0.5 to 0.5)",
    sign="above 0: the list's genes stand in the upper half of the ranking; signed lists: up minus down",
    takes="ranks",
    per_cell=False,
    doi="10.1186/s12859-018-2435-4",
)
