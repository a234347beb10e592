"""Expression of a cohort comes in; the first singular vector of each list's standardised genes goes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ohmics.score.expression import Expression, FloatArray
from ohmics.score.lists import IndexArray
from ohmics.score.method import Given, Kernel, Method
from ohmics.score.sums import Scorer, dense_columns, standardised

ACROSS = 1e-8
"""Part of the vector along the mean z, a root of a sample, below which only rounding would choose the sign."""


def plage(given: Given) -> Kernel:
    """Prepare plage: standardise genes over the observations given and take the list's first singular vector.

    The vector has length 1 over the observations, so a score depends on all of them. It is oriented to
    correlate positively with the mean of the standardised values (plage itself leaves its sign open); where it
    has no part along that mean its sign cannot be told, and the score is missing.

    Notes
    -----
    Tomfohr et al. 2005, doi 10.1186/1471-2105-6-225.
    """

    def kernel(expression: Expression) -> Scorer:
        return _Activity(expression)

    del given
    return kernel


@dataclass(frozen=True)
class _Activity(Scorer):
    expression: Expression

    def scores(self, lists: Sequence[IndexArray], *, absent: Sequence[int] | None = None) -> FloatArray:
        del absent
        result = np.full((self.expression.matrix.shape[0], len(lists)), np.nan)
        for column, genes in enumerate(lists):
            z = standardised(dense_columns(self.expression.log, genes))
            if z.shape[1] and z.shape[0] > 1:
                first = np.linalg.svd(z, full_matrices=False)[0][:, 0]
                mean = z.mean(axis=1)
                along = float(first @ mean)
                # Two genes that move against each other have a first vector across their mean: no sign is right.
                if abs(along) > ACROSS * np.sqrt(mean.size):
                    result[:, column] = first if along > 0 else -first
        return result


PLAGE = Method(
    name="plage",
    kernel=plage,
    definition="first right singular vector of the list's genes, standardised over the samples given",
    value_range=(-1.0, 1.0),
    signed_range=(-2.0, 2.0),
    unit="PLAGE activity (length 1 over the samples)",
    sign="above 0: above the samples' mean, oriented along the list's mean z; signed lists: up minus down",
    takes="log",
    per_cell=False,
    needs_cohort=True,
    doi="10.1186/1471-2105-6-225",
)
