"""Residual variances of all genes come in; a prior for each gene goes out: along expression, and robust to outliers.

The trend is a natural cubic spline of the log variance over mean expression (Law 2014,
doi:10.1186/gb-2014-15-2-r29). The robust prior estimates its parameters from winsorized log variances, and gives a
gene whose variance is an outlier fewer prior degrees of freedom, so that it is not drawn towards the others
(Phipson 2016, doi:10.1214/16-AOAS920).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats
from scipy.special import polygamma, psi
from statsmodels.nonparametric.smoothers_lowess import lowess

from ohmics.errors import OhmicsError
from ohmics.stats.ebayes import trigamma_inverse

Array = npt.NDArray[np.float64]
WINSORIZED = (0.05, 0.10)
"""Shares of the smallest and of the largest log variances that are drawn in."""
_FLOOR = 1e-5
_ROBUST_FLOOR = 1e-12
_NODES = 128
_SPAN = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class GenePriors:
    """Prior degrees of freedom and prior variance, one each a gene."""

    df: Array
    variance: Array

    def squeeze(self, variance: Array, df: float) -> Array:
        """Return variances drawn towards each gene's prior by its share of the degrees of freedom."""
        share = np.where(np.isfinite(self.df), df / (df + np.where(np.isfinite(self.df), self.df, 0.0)), 0.0)
        return np.asarray(share * variance + (1 - share) * self.variance, dtype=np.float64)


def gene_priors(variance: Array, df: float, *, expression: Array | None = None, robust: bool = False) -> GenePriors:
    """Estimate a prior of the residual variance for each gene.

    Parameters
    ----------
    variance
        Residual variances, one a gene.
    df
        Their degrees of freedom.
    expression
        Mean log2 CPM of each gene: the prior variance then follows it. None: one prior variance.
    robust
        Whether outlying variances get fewer prior degrees of freedom.

    Raises
    ------
    OhmicsError
        When more than half of the variances are 0: then there is nothing to estimate a prior from.
    """
    middle = float(np.median(variance))
    if not middle > 0:
        raise OhmicsError("more than half of the residual variances are 0, so no prior variance can be estimated")
    plain = _moments(np.maximum(variance, _FLOOR * middle), df, expression)
    if not robust or variance.size < 3 or max(WINSORIZED) < 1 / variance.size:
        return plain
    return _robust(np.maximum(variance, _ROBUST_FLOOR * middle), df, expression, plain)


def _moments(variance: Array, df: float, expression: Array | None) -> GenePriors:
    """Match the mean (along expression) and the spread of the log variances."""
    centred = np.log(variance) - psi(df / 2) + np.log(df / 2)
    basis = np.ones((variance.size, 1)) if expression is None else natural_spline(expression)
    coefficients, _, rank, _ = np.linalg.lstsq(basis, centred, rcond=None)
    mean = basis @ coefficients
    spread = float(np.sum((centred - mean) ** 2) / max(variance.size - rank, 1)) - float(polygamma(1, df / 2))
    if spread <= 0:
        pooled = np.full(variance.size, variance.mean()) if basis.shape[1] == 1 else np.exp(mean)
        return GenePriors(df=np.full(variance.size, np.inf), variance=pooled)
    half = float(trigamma_inverse(np.array([spread]))[0])
    return GenePriors(df=np.full(variance.size, 2 * half), variance=np.exp(mean + psi(half) - np.log(half)))


def natural_spline(x: Array) -> Array:
    """Return a basis (values × up to 4) of natural cubic splines with knots at the quantiles of ``x``."""
    width = 1 + int(x.size >= 3) + int(x.size >= 6) + int(x.size >= 30)
    width = min(width, np.unique(x).size)
    if width < 2:
        return np.ones((x.size, 1))
    span = float(x.max() - x.min())
    scaled = (x - x.min()) / span
    knots = np.quantile(scaled, np.linspace(0, 1, width))

    def beyond(knot: float) -> Array:
        return np.asarray(np.maximum(scaled - knot, 0.0) ** 3, dtype=np.float64)

    def bent(knot: float) -> Array:
        return np.asarray((beyond(knot) - beyond(knots[-1])) / (knots[-1] - knot), dtype=np.float64)

    inner = [k for k in knots[1:-1] if knots[0] < k < knots[-1]]
    last = inner[-1] if inner else knots[0]
    columns = [np.ones(x.size), scaled]
    columns += [bent(k) - bent(last) for k in [knots[0], *inner[:-1]] if inner]
    return np.column_stack(columns)


def _robust(variance: Array, df: float, expression: Array | None, plain: GenePriors) -> GenePriors:
    """Match moments of winsorized log variances, then take prior degrees of freedom from outliers."""
    logs = np.log(variance)
    n = variance.size
    if expression is None:
        trend = np.full(n, float(stats.trim_mean(logs, WINSORIZED[1])))
    else:
        reach = 0.01 * float(expression.max() - expression.min())
        trend = lowess(logs, expression, frac=_SPAN, it=3, delta=reach, return_sorted=False, missing="none")
    rest = logs - trend
    low, high = np.quantile(rest, [WINSORIZED[0], 1 - WINSORIZED[1]])
    drawn = np.clip(rest, low, high)
    spread = float(drawn.var(ddof=1))

    def excess(share: float) -> float:
        return float(np.log(spread / _winsorized_moments(df, _unshared(share))[1]))

    at_infinity = excess(1.0)
    if at_infinity <= 0:
        prior_df = np.inf
    elif not np.isfinite(plain.df[0]):
        return plain
    else:
        start = plain.df[0] / (1 + plain.df[0])
        at_start = excess(start)
        # Outliers make the plain moments see too few prior degrees of freedom, never too many.
        prior_df = plain.df[0] if at_start >= 0 else _unshared(optimize.brentq(excess, start, 1.0, xtol=1e-12))
    level = trend + float(drawn.mean()) - _winsorized_moments(df, prior_df)[0]
    shrunk = _outliers(np.exp(logs - level), df, prior_df)
    return GenePriors(df=shrunk, variance=np.exp(level))


def _unshared(share: float) -> float:
    return float(share / (1 - share)) if share < 1 else np.inf


def _quantiles(p: Array, df: float, prior_df: float) -> Array:
    """Return quantiles of variance over prior variance: F, or chi-square where the prior is certain."""
    if not np.isfinite(prior_df):
        return np.asarray(stats.chi2.ppf(p, df) / df, dtype=np.float64)
    return np.asarray(stats.f.ppf(p, df, prior_df), dtype=np.float64)


def _winsorized_moments(df: float, prior_df: float) -> tuple[float, float]:
    """Return mean and variance of the winsorized log ratio of variance and prior variance."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    lower, upper = WINSORIZED[0], 1 - WINSORIZED[1]
    width = upper - lower
    z = np.log(_quantiles(np.append(lower + width * (nodes + 1) / 2, [lower, upper]), df, prior_df))
    shares = np.append(width * weights / 2, WINSORIZED)
    mean = float(shares @ z)
    return mean, float(shares @ (z - mean) ** 2)


def _outliers(ratio: Array, df: float, prior_df: float) -> Array:
    """Return prior degrees of freedom a gene: fewer where the variance is larger than so many genes would give."""
    n = ratio.size
    certain = not np.isfinite(prior_df)
    log_tail = stats.chi2.logsf(ratio * df, df) if certain else stats.f.logsf(ratio, df, prior_df)
    log_expected = np.log(n - stats.rankdata(ratio) + 0.5) - np.log(n)
    inlier = np.exp(np.minimum(log_tail - log_expected, 0.0))
    if not (inlier < 1).any():
        return np.full(n, prior_df)
    order = np.argsort(log_tail, kind="stable")
    if certain:
        shrunk = np.where(inlier < 1, inlier * n * df, np.inf)
        shrunk[order] = np.maximum.accumulate(shrunk[order])
        return np.asarray(shrunk, dtype=np.float64)
    shrunk = inlier * prior_df + (1 - inlier) * _df_of_outlier(ratio, df, prior_df, float(log_tail.min()))
    # A more extreme variance never has more prior degrees of freedom than a less extreme one.
    ordered = shrunk[order]
    running = np.cumsum(ordered) / np.arange(1, n + 1)
    least = int(np.argmin(running))
    ordered[: least + 1] = running[least]
    shrunk[order] = np.maximum.accumulate(ordered)
    return np.asarray(shrunk, dtype=np.float64)


def _df_of_outlier(ratio: Array, df: float, prior_df: float, least_log_tail: float) -> float:
    """Return the prior degrees of freedom under which the largest ratio would be the median of its tail."""
    if not np.isfinite(least_log_tail):
        return 0.0
    half = np.log(0.5)
    found = half / least_log_tail * prior_df
    return float(half / stats.f.logsf(ratio.max(), df, found) * found)
