"""Residual variances of all genes come in; variances moderated across genes, t, p and intervals go out.

The hierarchical model is Smyth's (2004, doi:10.2202/1544-6115.1027): true variances follow a scaled inverse
chi-square distribution whose two parameters are estimated from the moments of the log variances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import polygamma, psi
from scipy.stats import t as student

from ohmics.stats.linear import Effects

Array = npt.NDArray[np.float64]
_FLOOR = 1e-5
"""Variances below this share of the median are lifted to it, so that a constant gene has a logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What the genes share: ``df`` (infinite when variances differ no more than chance) and ``variance``."""

    df: float
    variance: float

    def squeeze(self, variance: Array, df: float) -> Array:
        """Return variances drawn towards the prior by their share of the degrees of freedom."""
        if not np.isfinite(self.df):
            return np.full(variance.shape, self.variance)
        return np.asarray((df * variance + self.df * self.variance) / (df + self.df), dtype=np.float64)


class AnyPrior(Protocol):
    """A prior of all genes (`Prior`), or one a gene (`ohmics.stats.gene_priors.GenePriors`)."""

    @property
    def df(self) -> float | Array:
        """Prior degrees of freedom."""

    @property
    def variance(self) -> float | Array:
        """Prior variance."""

    def squeeze(self, variance: Array, df: float) -> Array:
        """Return moderated variances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderated:
    """Moderated statistics, one value a gene: estimate, 95 % interval, t, two-sided p, and the prior used.

    Where a smallest change was asked for, t is 0 inside it and counts from it outside.
    """

    coefficient: Array
    low: Array
    high: Array
    t: Array
    p: Array
    df_total: float | Array
    prior: AnyPrior


def fit_prior(variance: Array, df: float) -> Prior:
    """Estimate the prior of the variances from the mean and the variance of their logarithms.

    Parameters
    ----------
    variance
        Residual variances, one a gene.
    df
        Their degrees of freedom.
    """
    if variance.size < 2:
        return Prior(df=0.0, variance=float(variance[0]) if variance.size else 1.0)
    median = float(np.median(variance))
    prior_df, prior_variance = fit_priors(variance[None, :], df, floor=_FLOOR * (median if median > 0 else 1.0))
    return Prior(df=float(prior_df[0]), variance=float(prior_variance[0]))


def fit_priors(variance: Array, df: float, *, floor: float) -> tuple[Array, Array]:
    """Estimate one prior for each row of variances.

    Parameters
    ----------
    variance
        Rows × genes (two genes or more), residual variances.
    df
        Their degrees of freedom.
    floor
        Variances below it are lifted to it, so that a constant gene has a logarithm.

    Returns
    -------
    Prior degrees of freedom and prior variance, one each a row.
    """
    logs = np.maximum(variance, floor)
    pooled = logs.mean(axis=1)
    np.log(logs, out=logs)
    return priors_from_moments(logs.mean(axis=1), logs.var(axis=1, ddof=1), pooled=pooled, df=df)


def priors_from_moments(log_mean: Array, log_variance: Array, *, pooled: Array, df: float) -> tuple[Array, Array]:
    """Return prior degrees of freedom and prior variance from moments of the log variances, one each a row.

    Parameters
    ----------
    log_mean, log_variance
        Mean and variance (over genes) of the logarithms of the residual variances.
    pooled
        Mean of the residual variances: the prior variance where their spread is no more than sampling gives.
    df
        Degrees of freedom of the residual variances.
    """
    mean = log_mean - psi(df / 2) + np.log(df / 2)
    excess = log_variance - polygamma(1, df / 2)
    # Variances that spread no more than sampling explains have one pooled variance.
    spread = excess > 0
    prior_df = np.full(log_mean.shape, np.inf)
    prior_variance = pooled.copy()
    half = trigamma_inverse(excess[spread])
    prior_df[spread] = 2 * half
    prior_variance[spread] = np.exp(mean[spread] + psi(half) - np.log(half))
    return prior_df, prior_variance


def trigamma_inverse(values: Array) -> Array:
    """Return x with trigamma(x) = values (positive), by Newton steps on 1 / trigamma, which is nearly linear."""
    with np.errstate(divide="ignore"):
        start = 0.5 + 1 / values
    x = start
    for _ in range(50 if values.size else 0):
        tri = polygamma(1, x)
        step = tri * (1 - tri / values) / polygamma(2, x)
        x = x + step
        if np.max(-step / x) < 1e-8:
            break
    x = np.where(values > 1e7, 1 / np.sqrt(values), x)
    return np.asarray(np.where(values < 1e-6, 1 / values, x), dtype=np.float64)


def moderate(
    effects: Effects, *, level: float = 0.95, prior: AnyPrior | None = None, min_change: float = 0.0
) -> Moderated:
    """Return moderated t statistics of the effects' coefficient.

    Parameters
    ----------
    effects
        The fit of each gene (`ohmics.stats.linear.fit_effects`).
    level
        Level of the interval.
    prior
        Prior of the variances; None: one for all genes, from `fit_prior`.
    min_change
        p is that of a change no larger than this in either direction (McCarthy and Smyth 2009,
        doi:10.1093/bioinformatics/btp053); 0: that of no change.
    """
    variance, df = effects.variance, effects.df
    chosen: AnyPrior = fit_prior(variance, df) if prior is None else prior
    posterior = chosen.squeeze(variance, df)
    # No statistic can have more degrees of freedom than all genes together.
    together = np.minimum(df + np.asarray(chosen.df), float(df) * variance.size)
    df_total: float | Array = float(together) if together.ndim == 0 else np.asarray(together, dtype=np.float64)
    error = np.sqrt(posterior) * effects.stdev_unscaled
    size = np.abs(effects.coefficient)
    nearer, farther = (size - min_change) / error, (size + min_change) / error
    margin = student.ppf((1 + level) / 2, df_total) * error
    return Moderated(
        coefficient=effects.coefficient,
        low=effects.coefficient - margin,
        high=effects.coefficient + margin,
        t=np.sign(effects.coefficient) * np.maximum(nearer, 0.0),
        p=student.sf(nearer, df_total) + student.sf(farther, df_total),
        df_total=df_total,
        prior=chosen,
    )
