"""One sample's cells of a type come in block by block; the mean and spread of their scores, raw and thinned, go out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from ohmics.score.expression import CHUNK, Expression, FloatArray, Source
from ohmics.score.lists import ResolvedList
from ohmics.score.method import Kernel
from ohmics.score.run import score_lists
from ohmics.score.sums import Means, Scorer, add_values
from ohmics.score.thin import KeyArray, name_keys, share, thin_counts

HALF_SPLITS = 8


@dataclass(frozen=True)
class Group:
    """The observations of one sample and cell type, by position in ``source``, and the lists they are scored on.

    ``totals`` are theirs; ``kernels`` those of the methods that score an observation by itself.
    """

    source: Source
    inside: npt.NDArray[np.intp]
    totals: FloatArray
    lists: list[ResolvedList]
    sample: str
    kind: str
    gene_keys: KeyArray
    kernels: Mapping[str, Kernel]

    def blocks(self) -> Iterator[Expression]:
        """Read the observations in blocks: memory does not grow with their number."""
        for start in range(0, self.inside.size, CHUNK):
            yield self.source.take(self.inside[start : start + CHUNK])

    def thinned(self, block: Expression, target: float, seed: int) -> Expression:
        """Return a block at a lower depth: that at which the whole group's median total is ``target``."""
        cells = name_keys([f"{self.sample}\x1f{name}" for name in block.observations.astype(str)], seed)
        kept = thin_counts(block.matrix, share(self.totals, target), cells, self.gene_keys)
        return block.thinned(kept)


@dataclass
class Tally:
    """Running mean and variance of the scores of lists over observations, and what gives other lists' mean scores.

    Observations are added one after the other, so blocks of any size give the same bytes.
    """

    total: FloatArray
    middle: FloatArray
    squares: FloatArray
    n: int = 0
    means: Means | None = None

    @classmethod
    def of(cls, n_lists: int) -> Tally:
        """Return an empty one."""
        return cls(np.zeros(n_lists), np.zeros(n_lists), np.zeros(n_lists))

    def add(self, scorer: Scorer, lists: Sequence[ResolvedList], *, with_means: bool) -> None:
        """Add a block of observations."""
        values = score_lists(scorer, lists)
        _add_rows(values, self.n, self.total, self.middle, self.squares)
        self.n += len(values)
        if with_means:
            self.means = scorer.add_to(self.means)

    @property
    def mean(self) -> FloatArray:
        """Mean score of each list."""
        return self.total / max(1, self.n)

    @property
    def error(self) -> FloatArray:
        """Standard error of each mean; missing for one observation."""
        if self.n < 2:
            return np.full(len(self.total), np.nan)
        return np.asarray(np.sqrt(self.squares / (self.n - 1)) / np.sqrt(self.n))


@numba.njit(cache=True)
def _add_rows(values: Any, n: int, total: Any, middle: Any, squares: Any) -> None:
    """Add observations one by one (Welford 1962, doi 10.1080/00401706.1962.10490022)."""
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            value = values[i, j]
            total[j] += value
            off = value - middle[j]
            middle[j] += off / (n + i + 1)
            squares[j] += off * (value - middle[j])


@dataclass
class AtDepth:
    """What one pass over a group leaves of one depth: a tally a method of cells, and the sum of the cells."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    counts: FloatArray | None = None


def tally_cells(
    group: Group,
    targets: Sequence[float | None],
    *,
    methods: Sequence[str],
    with_sum: bool,
    with_means: bool,
    seed: int,
) -> dict[float | None, AtDepth]:
    """Score a group's cells in one pass over them.

    Parameters
    ----------
    group
        The cells.
    targets
        Depths: None for raw, else the median total to thin to.
    methods
        Methods of single cells.
    with_sum
        Whether the cells' summed counts are wanted too.
    with_means
        Whether mean scores of random lists will be asked for, at raw depth.
    seed
        Seed of the thinning.
    """
    found = {target: AtDepth({name: Tally.of(len(group.lists)) for name in methods}) for target in targets}
    for block in group.blocks():
        for target, at in found.items():
            part = block if target is None else group.thinned(block, target, seed)
            for name, tally in at.tallies.items():
                tally.add(group.kernels[name](part), group.lists, with_means=with_means and target is None)
            if with_sum:
                at.counts = np.zeros(part.matrix.shape[1]) if at.counts is None else at.counts
                add_values(part.matrix.indices, part.matrix.data, at.counts)
    return found


def as_bulk(group: Group, counts: FloatArray) -> Expression:
    """Return summed counts as one bulk sample."""
    matrix = sp.csr_matrix(counts[None, :])
    return Expression(matrix, pd.Index([group.kind]), group.source.genes, "counts", bulk=True)


def halves(group: Group, summed: Expression, seed: int) -> Expression:
    """Return 8 random halves of a bulk sample's counts, one a row."""
    label = f"{group.sample}\x1f{summed.observations[0]}"
    keys = np.concatenate([name_keys([label], seed, f"half-{number}") for number in range(HALF_SPLITS)])
    # All halves in one call: each is one row, and rows are what threads share.
    copies = sp.vstack([summed.matrix] * HALF_SPLITS, format="csr")
    return replace(
        summed,
        matrix=thin_counts(copies, 0.5, keys, group.gene_keys),
        observations=pd.RangeIndex(HALF_SPLITS),
    )
