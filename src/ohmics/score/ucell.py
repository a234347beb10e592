"""Expression comes in, UCell's scores go out: how far a list's genes stand above the unexpressed ones in rank."""

from __future__ import annotations

import numpy as np

from ohmics.score.expression import Expression, FloatArray, with_values
from ohmics.score.method import Given, Kernel, Method
from ohmics.score.ranks import rank_gains
from ohmics.score.sums import GeneSums

MAX_RANK = 1500


def ucell(given: Given) -> Kernel:
    """Prepare UCell: genes are ranked from the highest down, ties share their average rank, ranks stop at 1,500.

    A list of n genes with ranks r scores 1 - (sum r - n (n + 1) / 2) / (n · max_rank - n (n + 1) / 2):
    1 when its genes are the n highest, 0 when none is among the first ``max_rank``. A list of twice
    ``max_rank`` genes or more has no score. All genes without counts tie. When the data hold fewer
    genes than ``max_rank``, ranks stop at their number.

    With ``compat`` as pyucell does it: genes without counts have rank ``max_rank``, absent genes count
    as such, and what is below 0 is 0.

    Notes
    -----
    Andreatta and Carmona 2021, doi 10.1016/j.csbj.2021.06.043.
    """
    n_genes = len(given.genes)
    top = float(MAX_RANK if given.compat else min(MAX_RANK, max(n_genes, 1)))

    def divisor(sizes: FloatArray) -> FloatArray:
        return sizes * top - sizes * (sizes + 1) / 2

    def kernel(expression: Expression) -> GeneSums:
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
    definition="rank sum of the list's genes in the observation, ties averaged, ranks cut at 1,500, scaled to 0-1",
    value_range=(0.0, 1.0),
    signed_range=(-1.0, 1.0),
    unit="UCell score (0 to 1)",
    sign="higher: the list's genes stand higher in the cell's ranking; signed lists: up minus down, not clipped",
    takes="ranks",
    doi="10.1016/j.csbj.2021.06.043",
    peer="pyucell",
)
