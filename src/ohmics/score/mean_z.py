"""Expression and the cohort's GENE_REFERENCE come in, mean standardised values of lists go out."""

from __future__ import annotations

import numpy as np

from ohmics.score.expression import Expression, FloatArray
from ohmics.score.method import Given, Kernel, Method
from ohmics.score.reference_rows import columns_for
from ohmics.score.sums import GeneSums, weighted


def mean_z(given: Given) -> Kernel:
    """Prepare mean_z: the mean over a list's genes of (x - reference mean) / reference sd.

    x is log1p of counts per 10,000 (bulk: log2 (CPM + 1)). Genes that the reference lacks, or that do
    not vary in it, do not count. The zeros of the matrix stay unstored: what they contribute is a
    constant per gene. The reference is one and the same for all samples of a cohort.

    Notes
    -----
    Lee et al. 2008, doi 10.1371/journal.pcbi.1000217, with the reference taken from the cohort.
    """
    mean, sd = columns_for(given.reference, given.genes)
    usable = np.isfinite(mean) & (np.nan_to_num(sd) > 0)
    weight = np.divide(1.0, sd, out=np.zeros_like(sd), where=usable)
    constant = np.where(usable, -np.nan_to_num(mean) * weight, 0.0)

    def divisor(sizes: FloatArray) -> FloatArray:
        return sizes

    def kernel(expression: Expression) -> GeneSums:
        logged = expression.log
        return GeneSums(
            matrix=weighted(logged, weight),
            base=np.zeros(logged.shape[0]),
            constant=constant,
            usable=usable,
            divisor=divisor,
        )

    return kernel


MEAN_Z = Method(
    name="mean_z",
    kernel=mean_z,
    definition="mean over the list's genes of (log-normalised value - cohort mean) / cohort sd",
    value_range=(float("-inf"), float("inf")),
    signed_range=(float("-inf"), float("inf")),
    unit="mean z (cohort sd)",
    sign="above 0: the list's genes stand above their cohort mean; signed lists: up minus down",
    takes="log",
    needs_reference=True,
    doi="10.1371/journal.pcbi.1000217",
)
