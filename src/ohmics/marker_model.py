"""Counts of marker genes in one sample come in; each cell's evidence for each set of markers goes out.

Every marker is either on or off in a cell. On, its counts follow a negative binomial whose mean is a rate
times the cell's depth. Off, they are ambient RNA, and a droplet holds the same amount of soup whatever the
cell in it: the mean is the same for every cell of the sample, so a shallow cell is not mistaken for what
floats around it. A cell type says of each of its markers that it is probably on (positive) or off (negative);
of any other gene it says nothing, so that gene is on as often as it is among other types. Rates, soup and
that share are fitted by EM within the sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

Array = NDArray[np.float64]

P_ON_POSITIVE = 0.8
"""Probability that a positive marker is on in a cell of the type."""
P_ON_NEGATIVE = 0.03
"""Probability that a negative marker is on in a cell of the type."""
PRIOR_ON_ELSEWHERE, PRIOR_ON_CELLS = 0.05, 20.0
"""Prior share of cells of other types in which a marker is on, and its weight in cells."""
PRIOR_SOUP_SHARE = 0.05
"""Prior soup of a gene in a droplet, as a share of the sample's mean count of that gene."""
PRIOR_ON_RATE = 2e-4
"""Prior rate of a marker that is on: 2 counts per 10,000, or twice the sample's mean where that is more."""
PRIOR_CELLS = 20.0
"""Weight of the priors on rates, in cells of median depth."""
SIZE_ON, SIZE_OFF = 1.5, 4.0
"""Sizes of the two negative binomials: cells of a type vary more than the soup does."""
LEAST_RATE = 2e-6
LEAST_RATIO = 3.0
MOST_ON_ELSEWHERE = 0.8
ITERATIONS = 25
FIT_CELLS = 20_000
"""The model is fitted on at most this many cells, evenly spaced, and then read off for all."""
CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Rates:
    """The fitted model: per gene the on rate, the soup per droplet, and the share of other cells where it is on."""

    on: Array
    soup: Array
    elsewhere: Array
    shares: Array
    """Share of each set of markers among the cells, the last one none of them."""


def _constant(counts: Array) -> Array:
    """Return the part of the log ratio of the two negative binomials that does not depend on their means."""
    return np.asarray(
        gammaln(counts + SIZE_ON) - gammaln(SIZE_ON) - gammaln(counts + SIZE_OFF) + gammaln(SIZE_OFF), dtype=float
    )


def _likelihoods(counts: Array, depth: Array, rates: Rates, constant: Array) -> tuple[Array, Array]:
    """Return each count's likelihoods with its gene on and off, scaled so that the larger of the two is 1."""
    mean = depth[:, None] * rates.on
    on = counts * np.log(mean / (mean + SIZE_ON)) + SIZE_ON * np.log(SIZE_ON / (mean + SIZE_ON))
    off = counts * np.log(rates.soup / (rates.soup + SIZE_OFF)) + SIZE_OFF * np.log(SIZE_OFF / (rates.soup + SIZE_OFF))
    ratio = np.clip(on - off + constant, -500, 500)
    return np.exp(np.minimum(ratio, 0)), np.exp(np.minimum(-ratio, 0))


def _evidence(on: Array, off: Array, elsewhere: Array, signs: NDArray[np.int8]) -> Array:
    base = np.log(elsewhere * on + (1 - elsewhere) * off)
    positive = np.log(P_ON_POSITIVE * on + (1 - P_ON_POSITIVE) * off) - base
    negative = np.log(P_ON_NEGATIVE * on + (1 - P_ON_NEGATIVE) * off) - base
    return np.asarray(positive @ (signs == 1).T.astype(float) + negative @ (signs == -1).T.astype(float))


def responsibilities(evidence: Array, shares: Array) -> Array:
    """Return each cell's posterior over the columns of ``evidence`` and, last, none of them (evidence 0)."""
    joint = np.column_stack([evidence, np.zeros(len(evidence))]) + np.log(np.maximum(shares, 1e-300))
    return np.asarray(np.exp(joint - logsumexp(joint, axis=1, keepdims=True)))


@dataclass(frozen=True, slots=True)
class _Sample:
    """What one fit looks at: counts (cells × genes), depth, weights, and the priors of rates and soup."""

    counts: Array
    depth: Array
    constant: Array
    weight: Array
    median: float
    prior_on: Array
    prior_soup: Array


def _sample(counts: Array, depth: Array, weights: Array | None) -> _Sample:
    rows = np.arange(len(counts))
    if len(counts) > FIT_CELLS:
        rows = np.linspace(0, len(counts) - 1, FIT_CELLS).astype(int)
    counts, depth = counts[rows], depth[rows]
    weight = np.ones(len(rows)) if weights is None else np.maximum(weights[rows], 1e-12)
    median = float(np.median(depth))
    mean_rate = (weight[:, None] * counts).sum(axis=0) / (weight * depth).sum()
    return _Sample(
        counts=counts,
        depth=depth,
        constant=_constant(counts),
        weight=weight,
        median=median,
        prior_on=np.maximum(PRIOR_ON_RATE, 2 * mean_rate),
        prior_soup=np.maximum(PRIOR_SOUP_SHARE * mean_rate, LEAST_RATE) * median,
    )


def fit(counts: Array, depth: Array, signs: NDArray[np.int8], *, weights: Array | None = None) -> Rates:
    """Fit the model to one sample.

    Parameters
    ----------
    counts
        Cells × marker genes.
    depth
        UMI of each cell, transgenes excluded.
    signs
        Sets of markers × genes: 1 positive, -1 negative, 0 not said.
    weights
        Weight of each cell (the probability that it belongs to the parent type); 1 when not given.
    """
    sample = _sample(counts, depth, weights)
    rates = Rates(
        on=1.5 * sample.prior_on,
        soup=sample.prior_soup,
        elsewhere=np.full(counts.shape[1], 2 * PRIOR_ON_ELSEWHERE),
        shares=np.full(len(signs) + 1, 1 / (len(signs) + 1)),
    )
    for _ in range(ITERATIONS):
        rates = _update(rates, sample, signs)
    return rates


def _on_given(chance: Array | float, on: Array, off: Array) -> Array:
    return np.asarray(chance * on / (chance * on + (1 - chance) * off))


def _update(rates: Rates, sample: _Sample, signs: NDArray[np.int8]) -> Rates:
    on, off = _likelihoods(sample.counts, sample.depth, rates, sample.constant)
    posterior = responsibilities(_evidence(on, off, rates.elsewhere, signs), rates.shares) * sample.weight[:, None]
    named = posterior[:, :-1]
    positive = named @ (signs == 1).astype(float)
    negative = named @ (signs == -1).astype(float)
    # Soup and promiscuity of a gene are learned only where another named type explains the cell: cells that
    # nothing explains may be poor cells of this very type, and would raise its background to its own level.
    others = np.maximum(named.sum(axis=1, keepdims=True) - positive - negative, 0)
    silent = np.maximum(sample.weight[:, None] - positive - negative, 0)
    on_elsewhere = _on_given(rates.elsewhere, on, off)
    is_on = positive * _on_given(P_ON_POSITIVE, on, off) + silent * on_elsewhere
    is_on += negative * _on_given(P_ON_NEGATIVE, on, off)
    is_off = (others + negative) * (1 - on_elsewhere)
    prior_depth = PRIOR_CELLS * sample.median
    rate = ((is_on * sample.counts).sum(axis=0) + prior_depth * sample.prior_on) / (
        (is_on * sample.depth[:, None]).sum(axis=0) + prior_depth
    )
    soup = ((is_off * sample.counts).sum(axis=0) + PRIOR_CELLS * sample.prior_soup) / (is_off.sum(axis=0) + PRIOR_CELLS)
    elsewhere = ((others * on_elsewhere).sum(axis=0) + PRIOR_ON_ELSEWHERE * PRIOR_ON_CELLS) / (
        others.sum(axis=0) + PRIOR_ON_CELLS
    )
    return Rates(
        on=np.maximum(rate, LEAST_RATIO * soup / sample.median),
        soup=soup,
        elsewhere=np.minimum(elsewhere, MOST_ON_ELSEWHERE),
        shares=(posterior.sum(axis=0) + 1) / (sample.weight.sum() + posterior.shape[1]),
    )


def evidence(counts: Array, depth: Array, signs: NDArray[np.int8], rates: Rates) -> Array:
    """Return cells × sets of markers: the log likelihood ratio (nats) of the set against saying nothing."""
    parts = []
    for start in range(0, len(counts), CHUNK):
        rows = slice(start, start + CHUNK)
        on, off = _likelihoods(counts[rows], depth[rows], rates, _constant(counts[rows]))
        parts.append(_evidence(on, off, rates.elsewhere, signs))
    return np.concatenate(parts) if parts else np.zeros((0, len(signs)))


def pool(columns: Array, groups: Sequence[int], n_groups: int) -> Array:
    """Average likelihoods (not their logs) of the columns of each group: a type and its variants become one."""
    belongs = np.asarray(groups)
    pooled = [
        logsumexp(columns[:, belongs == group], axis=1) - np.log(max(int((belongs == group).sum()), 1))
        for group in range(n_groups)
    ]
    return np.column_stack(pooled) if pooled else np.zeros((len(columns), 0))
