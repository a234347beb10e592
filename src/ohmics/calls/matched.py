"""Two populations and an antigen come in; how genes of like expression changed between them, the null, goes out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ohmics.calls.ambient import Ambient
from ohmics.calls.populations import Floats, Population

MAX_FOLD = 30.0
"""Genes further than this from the antigen's level are not of like expression; only near the very top of a cell's
genes, where B2M stands, are the nearest 200 that far."""
MOST_AMBIENT = 0.5
"""Genes of which more than this share may be ambient say nothing of the cells."""
NORMAL_MAD = 0.6744897501960817
NORMAL_TAIL = 1.6448536269514722


@dataclass(frozen=True, slots=True)
class Null:
    """How genes of like expression changed.

    Parameters
    ----------
    n
        Number of genes.
    median, sd
        Median log ratio, post over pre, and its robust sd beyond counting noise.
    error
        Standard error of the median.
    dispersion
        Negative-binomial dispersion of the genes' counts between cells.
    """

    n: int
    median: float
    sd: float
    error: float
    dispersion: float


def match(
    pre: Population,
    post: Population,
    ambients: tuple[Ambient, Ambient],
    *,
    level: float,
    genes: tuple[str, ...],
    n_matched: int,
) -> Null:
    """Return the change of the genes whose rate before is nearest to ``level``.

    Genes are matched on the sample before alone: matched on both, an antigen that is lost would be set against
    genes that fell. `Population.comparable` says which genes are left out.

    Parameters
    ----------
    pre, post
        The malignant cells; the same genes in the same order.
    ambients
        Ambient RNA before and after; each gene's share of it is taken off.
    level
        Ambient-corrected counts of the antigen per UMI before.
    genes
        Genes never matched: the antigen's own.
    n_matched
        Number of genes.
    """
    rates = [_own(cells, amb) for cells, amb in zip((pre, post), ambients, strict=True)]
    usable = pre.comparable & ~pre.named(genes) & (rates[0][0] > 0) & (rates[0][1] < MOST_AMBIENT)
    usable &= np.abs(np.log(np.where(rates[0][0] > 0, rates[0][0], 1.0) / level)) <= np.log(MAX_FOLD)
    found = np.flatnonzero(usable)
    distance = np.abs(np.log(rates[0][0][found] / level))
    chosen = found[np.argsort(distance, kind="stable")[:n_matched]]
    if not chosen.size:
        return Null(0, 0.0, 0.0, 0.0, 0.0)
    beyond, square = (
        np.sum([part[chosen] for part in parts], axis=0)
        for parts in zip(pre.overdispersion, post.overdispersion, strict=True)
    )
    dispersion = _pooled(beyond, square)
    logs = [_log_rate(cells, amb, chosen, dispersion) for cells, amb in zip((pre, post), ambients, strict=True)]
    change, variance = logs[1][0] - logs[0][0], logs[1][1] + logs[0][1]
    median, sd = spread(change, variance)
    typical = float(np.median(np.sqrt(variance + sd**2)))
    return Null(len(chosen), median, sd, 1.2533 * typical / len(chosen) ** 0.5, dispersion)


def _own(cells: Population, amb: Ambient) -> tuple[Floats, Floats]:
    """Return each gene's counts of the cells' own, per UMI of their own, and its ambient share."""
    soup = amb.share * cells.total * amb.soup
    share = np.divide(soup, cells.sums, out=np.ones_like(soup), where=cells.sums > 0)
    return (cells.sums - soup) / ((1 - amb.share) * cells.total), share


def _log_rate(
    cells: Population, amb: Ambient, chosen: npt.NDArray[np.int64], dispersion: float
) -> tuple[Floats, Floats]:
    """Return the log of genes' own rates and the variance that counting gives it."""
    sums = cells.sums[chosen]
    soup = amb.share * cells.total * amb.soup[chosen]
    # Half a count keeps the logarithm finite and all but unbiased down to a few counts.
    own = np.maximum(sums - soup, 0.0) + 0.5
    variance = (sums + 0.5) / own**2 + dispersion * cells.crowding
    return np.log(own / ((1 - amb.share) * cells.total)), variance


def _pooled(beyond: Floats, square: Floats) -> float:
    """Return the genes' common dispersion; the tenth with the most extreme estimates is left out."""
    if beyond.size == 0 or float(square.sum()) <= 0:
        return 0.0
    each = np.divide(beyond, square, out=np.zeros_like(beyond), where=square > 0)
    kept = (each >= np.quantile(each, 0.05)) & (each <= np.quantile(each, 0.95))
    return float(np.clip(beyond[kept].sum() / max(square[kept].sum(), 1e-300), 0.0, 20.0))


def spread(change: Floats, variance: Floats) -> tuple[float, float]:
    """Return median and robust sd of genes' log ratios, beyond the variance that counting gives each.

    The sd is the one that makes the standardised ratios as wide as a standard normal: by their median absolute
    deviation, or by their 5 % and 95 % quantiles, whichever asks for more. The second sees the tails, where
    false calls come from, and which the first was made not to see.

    Parameters
    ----------
    change, variance
        Log ratio of each gene and its counting variance, length genes.
    """
    median = float(np.median(change))
    away = change - median

    def too_wide(sd: float) -> bool:
        z = away / np.sqrt(variance + sd**2)
        middle = float(np.median(np.abs(z))) / NORMAL_MAD
        low, high = np.quantile(z, (0.05, 0.95))
        return max(middle, float(high - low) / (2 * NORMAL_TAIL)) > 1.0

    if not too_wide(0.0):
        return median, 0.0
    low, high = 0.0, float(np.max(np.abs(away))) + 1.0
    for _ in range(40):
        sd = 0.5 * (low + high)
        low, high = (sd, high) if too_wide(sd) else (low, sd)
    return median, high
