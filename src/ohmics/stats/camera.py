"""The effects of every gene's fit and gene lists come in; rotation-free gene-set tests (camera, fry) go out.

camera asks whether a list's genes change more than the others (Wu and Smyth 2012, doi:10.1093/nar/gks461); its
variance is inflated by the correlation between the list's genes, estimated from the residual effects.
fry asks whether the list's mean effect is beyond what residual effects give (Wu 2010,
doi:10.1093/bioinformatics/btq401, in the limit of infinitely many rotations).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr
from scipy.stats import chi2

from ohmics.errors import OhmicsError
from ohmics.stats.ebayes import fit_prior
from ohmics.stats.genesets import Members
from ohmics.stats.linear import Effects

Array = npt.NDArray[np.float64]
_LEAST_VARIANCE = 1e-8
_NODES = 128
_TRIMMED_SHARE = 0.92
"""Degrees of freedom that a variance keeps without its largest effect, as a share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTest:
    """One value a list: t (positive: up), two-sided p, degrees of freedom; camera's correlation between genes."""

    t: Array
    p: Array
    df: float
    correlation: Array


def camera(effects: Effects, members: Members, *, correlation: float | None = None) -> SetTest:
    """Test each list's genes against all other genes.

    Parameters
    ----------
    effects
        The fit of each gene (`ohmics.stats.linear.fit_effects`).
    members
        The lists. Statistics and residuals of down genes change sign first.
    correlation
        Correlation between the genes of a list; None estimates it from the residuals of each list
        (negative estimates count as 0).

    Raises
    ------
    OhmicsError
        When there are fewer than three genes in all.
    """
    n_genes = effects.signal.size
    if n_genes < 3:
        raise OhmicsError(f"{n_genes} genes are left; camera compares a list with other genes and needs at least 3")
    variance = effects.variance
    prior = fit_prior(variance, effects.df)
    posterior = prior.squeeze(variance, effects.df)
    df_total = min(effects.df + prior.df, float(effects.df) * n_genes)
    z = normal_score(effects.signal / np.sqrt(posterior), df_total)
    unit_residual = effects.residual / np.sqrt(np.maximum(variance, _LEAST_VARIANCE))[:, None]
    t, between = np.full(len(members.names), np.nan), np.full(len(members.names), np.nan)
    for i in range(len(members.names)):
        inside, sign = _signed(members, i)
        size = inside.size
        if not 0 < size < n_genes:
            continue
        between[i] = _correlation(unit_residual[inside] * sign[:, None]) if correlation is None else correlation
        inflation = 1 + (size - 1) * between[i]
        if correlation is None:
            inflation = max(1.0, inflation)
        turned = z.copy()
        turned[inside] *= sign
        outside = n_genes - size
        mean = turned[inside].mean()
        delta = mean - (turned.sum() - mean * size) / outside
        spread = (n_genes - 1) * turned.var(ddof=1) - delta**2 * size * outside / n_genes
        t[i] = delta / np.sqrt(spread / (n_genes - 2) * (inflation / size + 1 / outside))
    df = n_genes - 2 if correlation is not None else min(effects.df, n_genes - 2)
    return SetTest(t=t, p=2 * stdtr(df, -np.abs(t)), df=float(df), correlation=between)


def fry(effects: Effects, members: Members) -> SetTest:
    """Test whether each list's mean effect is 0 (self-contained, directional).

    Parameters
    ----------
    effects
        The fit of each gene.
    members
        The lists. Effects of down genes change sign first.
    """
    every = np.column_stack([effects.signal, effects.residual])
    scaled = every / np.sqrt(_trimmed_variance(every, effects))[:, None]
    t = np.full(len(members.names), np.nan)
    for i in range(len(members.names)):
        inside, sign = _signed(members, i)
        if inside.size:
            mean = (scaled[inside] * sign[:, None]).mean(axis=0)
            t[i] = mean[0] / np.sqrt(np.mean(mean[1:] ** 2))
    return SetTest(t=t, p=2 * stdtr(effects.df, -np.abs(t)), df=float(effects.df), correlation=np.full(t.shape, np.nan))


def _trimmed_variance(every: Array, effects: Effects) -> Array:
    """Return moderated variances of all effects but each gene's largest.

    The signal is among the effects, so that rotations are exchangeable; leaving out the largest keeps a true
    change from inflating its own gene's variance. The prior is that of the residual variances.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    nodes, weights = (nodes + 1) / 2, weights / 2
    # Expected largest of df + 1 squared standard normal deviates.
    largest = float(np.sum(weights * (effects.df + 1) * nodes**effects.df * chi2.ppf(nodes, 1)))
    squared = every**2
    trimmed = (squared.sum(axis=1) - squared.max(axis=1)) / (effects.df + 1 - largest)
    return fit_prior(effects.variance, effects.df).squeeze(trimmed, _TRIMMED_SHARE * effects.df)


def _signed(members: Members, i: int) -> tuple[npt.NDArray[np.int64], Array]:
    up, down = members.up[i], members.down[i]
    return np.concatenate([up, down]), np.concatenate([np.ones(up.size), -np.ones(down.size)])


def _correlation(residual: Array) -> float:
    """Return the mean correlation between rows of unit variance, from the variance of their mean."""
    size = len(residual)
    if size == 1:
        return 0.0
    inflation = size * float(np.mean(residual.mean(axis=0) ** 2))
    return (inflation - 1) / (size - 1)


def normal_score(t: Array, df: float) -> Array:
    """Return the standard normal deviates of t statistics (Hill 1970, algorithm 395, doi:10.1145/355598.355600)."""
    if not np.isfinite(df):
        return t
    a = df - 0.5
    b = 48 * a * a
    squared = a * np.log1p(t / df * t)
    head = (((-0.4 * squared - 3.3) * squared - 24) * squared - 85.5) / (0.8 * squared * squared + 100 + b)
    return np.asarray(((head + squared + 3) / b + 1) * np.sqrt(squared) * np.sign(t), dtype=np.float64)
