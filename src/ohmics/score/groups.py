"""One sample's cells of a type come in block by block; the mean and spread of their scores, raw and thinned, go out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numba
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from ohmics.score.expression import CHUNK, Expression, FloatArray, Source
from ohmics.score.follows_depth import rank_correlations
from ohmics.score.lists import ResolvedList
from ohmics.score.method import Kernel
from ohmics.score.null import NullLists
from ohmics.score.run import score_lists
from ohmics.score.sums import Means, Scorer, add_values
from ohmics.score.thin import KeyArray, name_keys, share, thin_counts
from ohmics.tables import skipped

HALF_SPLITS = 8
LOOKED_AT = 2_000
"""Cells of a group, evenly spaced, whose scores are compared with their depth."""


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
    seen: list[FloatArray] = field(default_factory=list)

    @classmethod
    def of(cls, n_lists: int) -> Tally:
        """Return an empty one."""
        return cls(np.zeros(n_lists), np.zeros(n_lists), np.zeros(n_lists))

    def add(
        self, scorer: Scorer, lists: Sequence[ResolvedList], *, with_means: bool, kept: npt.NDArray[np.intp]
    ) -> None:
        """Add a block of observations; the scores of the ``kept`` ones are held, to compare them with depth."""
        values = score_lists(scorer, lists)
        self.seen.append(values[kept])
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
    """What one pass over a group leaves of one depth: a tally a method of cells, and the sum of the cells.

    ``depth`` holds the total counts of the cells whose scores the tallies hold.
    """

    tallies: dict[str, Tally] = field(default_factory=dict)
    counts: FloatArray | None = None
    depth: list[FloatArray] = field(default_factory=list)

    def follows_depth(self, method: str) -> FloatArray:
        """Return each list's Spearman correlation of score and total counts over the cells looked at."""
        return rank_correlations(np.concatenate(self.tallies[method].seen), np.concatenate(self.depth))


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
    chosen = np.unique(np.linspace(0, group.inside.size - 1, LOOKED_AT).astype(np.intp))
    for number, block in enumerate(group.blocks()):
        kept = chosen[(chosen >= number * CHUNK) & (chosen < (number + 1) * CHUNK)] - number * CHUNK
        for target, at in found.items():
            part = block if target is None else group.thinned(block, target, seed)
            at.depth.append(part.totals[kept])
            for name, tally in at.tallies.items():
                scorer = group.kernels[name](part)
                tally.add(scorer, group.lists, with_means=with_means and target is None, kept=kept)
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


@dataclass(frozen=True)
class Found:
    """Mean score, technical sd and correlation with depth of each list, and what gives random lists' scores."""

    mean: FloatArray
    spread: FloatArray | None
    means: Means | None
    follows: FloatArray | None = None


class Rows(Protocol):
    """What gathers rows of SCORES and of SKIPPED."""

    rows: list[dict[str, Any]]
    skipped: list[dict[str, str]]


def add_rows(
    to: Rows, group: Group, target: float | None, method: str, *, found: Found, nulls: NullLists | None
) -> None:
    """Add a row of SCORES for each list of a group by one method, or one of SKIPPED."""
    for column, one in enumerate(group.lists):
        if not np.isfinite(found.mean[column]):
            reason = f"none of the list's genes varies in the cohort's {group.kind} ({method})"
            to.skipped.append(skipped("score", reason, cell_type=group.kind, subject=group.sample, item=one.key))
            continue
        to.rows.append({
            "sample": group.sample, "cell_type": group.kind, "mechanism": one.mechanism, "gene_list": one.key,
            "method": method, "depth": "raw" if target is None else "thinned",
            "thinned_to": target, "score": float(found.mean[column]),
            "null_z": nulls.null_z(one, found.means) if nulls is not None and found.means is not None else None,
            "n_cells": 1 if group.source.bulk else int(group.inside.size), "coverage": one.coverage,
            "technical_sd": float("nan") if found.spread is None else float(found.spread[column]),
            "depth_spearman": float("nan") if found.follows is None else float(found.follows[column]),
        })  # fmt: skip
