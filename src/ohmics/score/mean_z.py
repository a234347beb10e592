"""Expression and the cohort's GENE_REFERENCE come in, standardised values per gene go out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ohmics.score.expression import Expression, FloatArray, with_values
from ohmics.score.sums import GeneSums


def mean_z(expression: Expression, reference: pd.DataFrame) -> GeneSums:
    """Prepare mean_z: the mean over a list's genes of (x - reference mean) / reference sd.

    x is log1p of counts per 10,000 (bulk: log2 (CPM + 1)). Genes that the reference lacks, or that do
    not vary in it, do not count. The zeros of the matrix stay unstored: what they contribute is a
    constant per gene.

    Parameters
    ----------
    expression
        Counts or log-normalised values.
    reference
        ``mean`` and ``sd``, indexed by gene: one and the same for all samples of a cohort.

    Notes
    -----
    Lee et al. 2008, doi 10.1371/journal.pcbi.1000217, with the reference taken from the cohort.
    """
    aligned = reference.reindex(expression.genes)
    sd = aligned["sd"].to_numpy(dtype=np.float64)
    mean = aligned["mean"].to_numpy(dtype=np.float64)
    usable = np.isfinite(mean) & (np.nan_to_num(sd) > 0)
    weight = np.divide(1.0, sd, out=np.zeros_like(sd), where=usable)
    logged = expression.log

    def divisor(sizes: FloatArray) -> FloatArray:
        return sizes

    return GeneSums(
        matrix=with_values(logged, logged.data * weight[logged.indices]),
        base=np.zeros(logged.shape[0]),
        constant=np.where(usable, -np.nan_to_num(mean) * weight, 0.0),
        usable=usable,
        divisor=divisor,
    )
