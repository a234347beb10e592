"""Raw counts (samples × genes) and a design come in; log2 CPM with a precision weight for each value go out.

voom (Law 2014, doi:10.1186/gb-2014-15-2-r29) reads the trend of the square root of the residual standard
deviation over the mean log count, and weights each value by what the trend says at its fitted count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from statsmodels.nonparametric.smoothers_lowess import lowess

from ohmics.errors import OhmicsError
from ohmics.normalize import MILLION, effective_sizes, log_cpm
from ohmics.stats.dupcor import consensus_correlation
from ohmics.stats.linear import block_correlation, fitted_values
from ohmics.stats.sample_weights import sample_weights

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.object_]
SPAN = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Voom:
    """log2 CPM and weights, both samples × genes; ``correlation`` of the residuals, None when independent.

    ``quality`` is the weight of each sample that is part of ``weights``, None when all count the same.
    """

    log_cpm: pd.DataFrame
    weights: Array
    correlation: Array | None = None
    consensus: float | None = None
    quality: Array | None = None


def voom(
    counts: pd.DataFrame,
    design: Array,
    *,
    factors: pd.Series,
    correlation: Array | None = None,
    quality: Array | None = None,
) -> Voom:
    """Return log2 CPM and precision weights.

    Parameters
    ----------
    counts
        Samples × genes, raw counts, after `ohmics.normalize.filter_by_expr`.
    design
        Samples × coefficients of full column rank.
    factors
        TMM factors by sample.
    correlation
        Samples × samples correlation of residuals, for samples of one block.
    quality
        One weight a sample (`ohmics.stats.sample_weights.sample_weights`) for the fit that the trend is read from;
        the weights returned are the trend's alone.

    Raises
    ------
    OhmicsError
        When fewer than two genes are left, or the design leaves no residual degree of freedom.
    """
    if counts.shape[1] < 2:
        raise OhmicsError(
            f"{counts.shape[1]} genes are left after filtering by expression; a mean-variance trend needs at least 2"
        )
    if design.shape[0] <= design.shape[1]:
        raise OhmicsError(
            f"{design.shape[0]} samples and {design.shape[1]} coefficients leave no residual degree of freedom; "
            "more pairs or fewer covariates are needed"
        )
    library = effective_sizes(counts, factors)
    logs = log_cpm(counts, factors=factors, prior_count=None)
    values = logs.to_numpy()
    fitted, sigma = fitted_values(values, design, correlation=correlation, sample_weights=quality)
    size = values.mean(axis=0) + np.mean(np.log2(library + 1)) - np.log2(MILLION)
    seen = counts.to_numpy().sum(axis=0) > 0
    x, y = _trend(size[seen], np.sqrt(sigma[seen]))
    log_count = fitted + np.log2(library + 1)[:, None] - np.log2(MILLION)
    weights = np.interp(log_count, x, y) ** -4
    return Voom(log_cpm=logs, weights=weights, correlation=correlation)


def voom_with_quality(counts: pd.DataFrame, design: Array, *, factors: pd.Series) -> Voom:
    """Return voom's weights times a quality weight a sample, each estimated twice (Liu 2015, doi:10.1093/nar/gkv412).

    Parameters as in `voom`.
    """
    first = voom(counts, design, factors=factors)
    second = voom(counts, design, factors=factors, quality=_quality(first, design))
    final = _quality(second, design)
    return Voom(log_cpm=second.log_cpm, weights=_times(second, final), quality=final)


def voom_with_block(
    counts: pd.DataFrame, design: Array, *, factors: pd.Series, blocks: Labels, quality: bool = False
) -> Voom:
    """Return voom's weights with one correlation between samples of a block.

    The correlation and the weights need each other: voom, correlation, voom with it, correlation again
    (Smyth 2005, doi:10.1093/bioinformatics/bti270). Parameters as in `voom`; ``blocks`` is one label a sample.
    With ``quality`` each voom is followed by weights of the samples, which all that comes after reads.
    """
    first = voom(counts, design, factors=factors)
    worth = _quality(first, design) if quality else None
    start = consensus_correlation(first.log_cpm.to_numpy(), design, weights=_times(first, worth), blocks=blocks)
    between = block_correlation(blocks, start)
    second = voom(counts, design, factors=factors, correlation=between, quality=worth)
    worth = _quality(second, design) if quality else None
    weights = _times(second, worth)
    final = consensus_correlation(second.log_cpm.to_numpy(), design, weights=weights, blocks=blocks)
    return Voom(
        log_cpm=second.log_cpm,
        weights=weights,
        correlation=block_correlation(blocks, final),
        consensus=final,
        quality=worth,
    )


def _quality(found: Voom, design: Array) -> Array:
    return sample_weights(found.log_cpm.to_numpy(), design, weights=found.weights)


def _times(found: Voom, quality: Array | None) -> Array:
    return found.weights if quality is None else found.weights * quality[:, None]


def _trend(size: Array, root_sd: Array) -> tuple[Array, Array]:
    """Return the lowess trend at its distinct, rising abscissae."""
    order = np.argsort(size, kind="stable")
    x, y = size[order], root_sd[order]
    smooth = lowess(
        y, x, frac=SPAN, it=3, delta=0.01 * float(x[-1] - x[0]), is_sorted=True, return_sorted=False, missing="none"
    )
    distinct, place, times = np.unique(x, return_inverse=True, return_counts=True)
    return distinct, np.bincount(place, weights=smooth) / times
