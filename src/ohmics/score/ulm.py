"""Expression comes in; t values of a univariate linear model of expression on list membership go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from ohmics.score.expression import Expression, FloatArray, with_values
from ohmics.score.lists import IndexArray
from ohmics.score.method import Given, Kernel, Method
from ohmics.score.sums import GeneSums, Means, Scorer


def ulm(given: Given) -> Kernel:
    """Prepare ulm: within an observation, regress its genes' values on whether they are in the list.

    The score is the slope's t value, r · sqrt((N - 2) / (1 - r²)) with r the correlation of values and
    membership over all N genes of the data. An observation whose genes do not vary scores 0. Mean scores
    of many observations (`Means`) are the t value of their mean r, which is linear in the values.

    Notes
    -----
    Badia-i-Mompel et al. 2022, doi 10.1093/bioadv/vbac016; its package drops genes without a count in
    the observations given, here N is the same in every sample.
    """
    n_genes = len(given.genes)

    def divisor(sizes: FloatArray) -> FloatArray:
        return np.asarray(np.sqrt(np.maximum(sizes * (1 - sizes / n_genes), 0.0)))

    def kernel(expression: Expression) -> Ulm:
        logged = expression.log
        sums, squares = _sums_and_squares(logged.indptr, logged.data)
        spread = np.sqrt(np.maximum(squares - sums**2 / n_genes, 0.0))
        factor = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-12)
        correlation = GeneSums(
            matrix=with_values(logged, _scaled_rows(logged.indptr, logged.data, factor)),
            base=-sums * factor / n_genes,
            constant=np.zeros(n_genes),
            usable=np.ones(n_genes, dtype=bool),
            divisor=divisor,
        )
        return Ulm(correlation, n_genes)

    return kernel


@numba.njit(parallel=True, cache=True)
def _sums_and_squares(indptr: Any, data: Any) -> Any:
    n = len(indptr) - 1
    sums, squares = np.zeros(n), np.zeros(n)
    for i in numba.prange(n):
        for k in range(indptr[i], indptr[i + 1]):
            value = np.float64(data[k])
            sums[i] += value
            squares[i] += value * value
    return sums, squares


@numba.njit(parallel=True, cache=True)
def _scaled_rows(indptr: Any, data: Any, factor: Any) -> Any:
    out = np.empty(len(data))
    for i in numba.prange(len(indptr) - 1):
        for k in range(indptr[i], indptr[i + 1]):
            out[k] = data[k] * factor[i]
    return out


@dataclass(frozen=True)
class Ulm(Scorer):
    """Correlations of values and membership, given as t values."""

    correlation: GeneSums
    n_genes: int

    def scores(self, lists: Sequence[IndexArray], *, absent: Sequence[int] | None = None) -> FloatArray:
        """Return the t values, observations × lists."""
        return _t_value(self.correlation.scores(lists, absent=absent), self.n_genes)

    def add_to(self, before: Means | None) -> Means:
        """Return what gives the t value of the mean correlation, over these observations and those before."""
        known = before.correlation if isinstance(before, _UlmMeans) else None
        return _UlmMeans(self.correlation.add_to(known), self.n_genes)


@dataclass(frozen=True)
class _UlmMeans(Means):
    correlation: Means
    n_genes: int

    def mean_scores(self, lists: IndexArray) -> FloatArray:
        return _t_value(self.correlation.mean_scores(lists), self.n_genes)


def _t_value(r: FloatArray, n_genes: int) -> FloatArray:
    # The peer's guard: a perfect correlation has a large t, not an infinite one.
    tiny = 2.2e-16
    return np.asarray(r * np.sqrt((n_genes - 2) / ((1 - r + tiny) * (1 + r + tiny))))


ULM = Method(
    name="ulm",
    kernel=ulm,
    definition="t value of the slope of log-normalised values on list membership, over all genes of the observation",
    value_range=(float("-inf"), float("inf")),
    signed_range=(float("-inf"), float("inf")),
    unit="t value",
    sign="above 0: the list's genes stand above the observation's other genes; signed lists: up minus down",
    takes="log",
    doi="10.1093/bioadv/vbac016",
)
