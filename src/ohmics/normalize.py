"""Raw counts (samples × genes) come in; the genes worth testing, library factors and log2 CPM go out.

The rules are edgeR's, so that the same genes are tested and the same factors used as in R:
filterByExpr (Chen, Lun and Smyth 2016, doi:10.12688/f1000research.8987.2), TMM (Robinson and Oshlack
2010, doi:10.1186/gb-2010-11-3-r25) and voom's log CPM (Law 2014, doi:10.1186/gb-2014-15-2-r29).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeAlias

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from scipy.stats import rankdata

from ohmics.errors import Faults, OhmicsError, listing

Array = npt.NDArray[np.float64]
Counts: TypeAlias = ad.AnnData | pd.DataFrame

MILLION = 1e6
_TRIM_RATIO = 0.3
_TRIM_SUM = 0.05
_TOLERANCE = 1e-14
LOG_MAXIMUM = 30.0
NON_INTEGER_SHARE = 0.01
"""What is not 0 and no whole number, in counts: more, all of them small, is what logs look like."""


def counts_frame(counts: Counts) -> pd.DataFrame:
    """Return raw counts as a dense frame samples × genes, and refuse what cannot be raw counts.

    Parameters
    ----------
    counts
        AnnData (raw counts in ``X``) or DataFrame, samples × genes, raw counts.

    Returns
    -------
    DataFrame samples × genes, float64.

    Raises
    ------
    OhmicsError
        When names repeat, or values are missing, infinite, negative or log-transformed (more than 1 % of what is
        not 0 are fractions, and none reaches 30; `ohmics.read` refuses the same).
    """
    if isinstance(counts, ad.AnnData):
        matrix = counts.X.toarray() if sp.issparse(counts.X) else np.asarray(counts.X)
        frame = pd.DataFrame(matrix, index=counts.obs_names.astype(str), columns=counts.var_names.astype(str))
    else:
        frame = counts
    faults = Faults()
    for axis, labels in (("sample", frame.index), ("gene", frame.columns)):
        repeated = labels[labels.duplicated()].unique()
        if len(repeated):
            faults.add(f"{len(repeated)} {axis} names occur twice: {listing(repeated)}", where="counts")
    values = frame.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        faults.add("values are missing or infinite", where="counts", legal="raw counts, 0 or more")
    elif values.size and values.min() < 0:
        faults.add("values are negative", where="counts", legal="raw counts, 0 or more")
    elif _looks_logged(values):
        what = f"values look log-transformed: fractions with a maximum of {values.max():.3g}"
        faults.add(what, where="counts", legal="raw counts, 0 or more", remedy="give the raw counts")
    faults.raise_if_any()
    return pd.DataFrame(values, index=frame.index.astype(str), columns=frame.columns.astype(str))


def _looks_logged(values: npt.NDArray[np.float64]) -> bool:
    if not values.size or values.max() >= LOG_MAXIMUM:
        return False
    given = values[values != 0]
    return bool(given.size) and float(np.mean(given != np.round(given))) > NON_INTEGER_SHARE


def filter_by_expr(
    counts: Counts,
    groups: Sequence[Hashable] | pd.Series,
    *,
    min_count: float = 10,
    min_total_count: float = 15,
    large_n: int = 10,
    min_prop: float = 0.7,
) -> pd.Series:
    """Say which genes have enough counts to be tested (edgeR's filterByExpr).

    A gene stays when at least as many samples as the smallest group holds (beyond ``large_n`` only
    ``min_prop`` of the excess) reach the CPM that ``min_count`` counts mean in a library of median
    size, and when it has ``min_total_count`` counts in all samples together.

    Parameters
    ----------
    counts
        Samples × genes, raw counts.
    groups
        One label a sample: the groups of the contrast variable, not of the full design.
    min_count, min_total_count, large_n, min_prop
        edgeR's settings and its defaults.

    Returns
    -------
    Boolean Series, one value a gene, in the order of the genes.
    """
    frame = counts_frame(counts)
    labels = np.asarray(groups, dtype=object).astype(str)
    if len(labels) != len(frame):
        raise OhmicsError(f"{len(labels)} groups were given for {len(frame)} samples")
    values = frame.to_numpy()
    library = _library_sizes(frame)
    smallest = float(np.unique(labels, return_counts=True)[1].min())
    if smallest > large_n:
        smallest = large_n + (smallest - large_n) * min_prop
    cutoff = min_count / np.median(library) * MILLION
    reaching = (values / library[:, None] * MILLION >= cutoff).sum(axis=0)
    kept = (reaching >= smallest - _TOLERANCE) & (values.sum(axis=0) >= min_total_count - _TOLERANCE)
    return pd.Series(kept, index=frame.columns, name="kept")


def tmm_factors(counts: Counts) -> pd.Series:
    """Return the TMM factor of each sample; a library's effective size is its sum times its factor.

    The reference is the sample whose upper quartile is nearest to the mean upper quartile; log ratios
    are trimmed by 30 % and mean abundances by 5 % on both ends; factors multiply to one.

    Parameters
    ----------
    counts
        Samples × genes, raw counts, after `filter_by_expr`.

    Returns
    -------
    Series of positive factors, one a sample.
    """
    frame = counts_frame(counts)
    values = frame.to_numpy()
    library = _library_sizes(frame)
    values = values[:, values.sum(axis=0) > 0]
    if values.shape[1] <= 1 or len(frame) == 1:
        return pd.Series(1.0, index=frame.index, name="factor")
    quartile = np.quantile(values, 0.75, axis=1) / library
    if np.median(quartile) < 1e-20:
        reference = int(np.argmax(np.sqrt(values).sum(axis=1)))
    else:
        reference = int(np.argmin(np.abs(quartile - quartile.mean())))
    logs = np.array([_log_factor(row, values[reference], size, library[reference])
                     for row, size in zip(values, library, strict=True)])  # fmt: skip
    return pd.Series(np.exp2(logs - logs.mean()), index=frame.index, name="factor")


def _log_factor(sample: Array, reference: Array, size: float, reference_size: float) -> float:
    both = (sample > 0) & (reference > 0)
    share, other = sample[both] / size, reference[both] / reference_size
    if not share.size:
        return 0.0
    ratio = np.log2(share / other)
    if np.abs(ratio).max() < 1e-6:
        return 0.0
    abundance = (np.log2(share) + np.log2(other)) / 2
    variance = (size - sample[both]) / size / sample[both]
    variance += (reference_size - reference[both]) / reference_size / reference[both]
    inside = _untrimmed(ratio, _TRIM_RATIO) & _untrimmed(abundance, _TRIM_SUM)
    if not inside.any():
        return 0.0
    return float(np.sum(ratio[inside] / variance[inside]) / np.sum(1 / variance[inside]))


def _untrimmed(values: Array, trim: float) -> npt.NDArray[np.bool_]:
    lowest = np.floor(values.size * trim) + 1
    rank = rankdata(values)
    return np.asarray((rank >= lowest) & (rank <= values.size + 1 - lowest), dtype=np.bool_)


def log_cpm(counts: Counts, *, factors: pd.Series | None = None, prior_count: float | None = 2.0) -> pd.DataFrame:
    """Return log2 counts per million.

    Parameters
    ----------
    counts
        Samples × genes, raw counts.
    factors
        TMM factors by sample; None means library sums as they are.
    prior_count
        edgeR's moderated log CPM: this many counts, scaled to each library, are added before the
        logarithm. None gives voom's ``log2((count + 0.5) / (library + 1) * 1e6)``.

    Returns
    -------
    DataFrame samples × genes, log2 counts per million.
    """
    frame = counts_frame(counts)
    library = effective_sizes(frame, factors)
    values = frame.to_numpy()
    if prior_count is None:
        logs = np.log2((values + 0.5) / (library[:, None] + 1) * MILLION)
    else:
        prior = prior_count * library / library.mean()
        logs = np.log2((values + prior[:, None]) / (library + 2 * prior)[:, None] * MILLION)
    return pd.DataFrame(logs, index=frame.index, columns=frame.columns)


def effective_sizes(counts: pd.DataFrame, factors: pd.Series | None = None) -> Array:
    """Return library sums (samples × genes in), times the TMM factors where given."""
    library = _library_sizes(counts)
    if factors is None:
        return library
    absent = counts.index.difference(factors.index)
    if len(absent):
        raise OhmicsError(f"no TMM factor for {listing(absent)}")
    return np.asarray(library * factors.reindex(counts.index).to_numpy(dtype=np.float64), dtype=np.float64)


def _library_sizes(frame: pd.DataFrame) -> Array:
    library = np.asarray(frame.to_numpy().sum(axis=1), dtype=np.float64)
    empty = frame.index[library <= 0]
    if len(empty):
        raise OhmicsError(f"{len(empty)} samples have no counts at all: {listing(empty)}; leave them out")
    return library
