"""Expression and GENE_REFERENCE come in; a list's mean beyond control genes of like expression goes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics.score.expression import CELL_SIZE, Expression, FloatArray, with_values
from ohmics.score.lists import IndexArray
from ohmics.score.method import Given, Kernel, Method
from ohmics.score.null import N_BINS, Bins
from ohmics.score.reference_rows import columns_for
from ohmics.score.sums import GeneMeans, GeneSums, Means, Scorer, weighted
from ohmics.seeds import generator

N_CONTROLS = 50
Draw = Callable[[IndexArray], IndexArray]


def score_genes(given: Given) -> Kernel:
    """Prepare score_genes: the mean over a list's genes minus the mean over control genes.

    x is log1p of counts per 10,000 (bulk: log2 (CPM + 1)). Genes are put into 25 bins by their mean in
    the reference, sorted by mean and then by name; each bin that holds a gene of the list gives 50 control
    genes outside the list, drawn by the seed. The reference is the cohort's, the same for every sample:
    bins of one sample's own means cancel a part of the change looked for. Genes that the reference lacks
    do not count.

    With ``compat`` as scanpy does it: bins by rank of the means of the observations given, its draw by
    the genes' order, and a list's genes taken out after the draw.

    Notes
    -----
    Tirosh et al. 2016, doi 10.1126/science.aad0501.
    """
    n_genes = len(given.genes)
    mean, _ = columns_for(given.reference, given.genes)
    if given.compat:
        draw, bins = _scanpy_draw(mean, given.seed), None
        usable = np.ones(n_genes, dtype=bool)
    else:
        bins = _control_bins(Bins(given.genes, pd.DataFrame({"mean": mean}, index=given.genes)), given.seed)
        draw = bins.controls
        usable = np.isfinite(mean)

    def kernel(expression: Expression) -> ScoreGenes:
        logged = expression.log
        means = GeneSums(
            matrix=logged if usable.all() else weighted(logged, usable.astype(np.float64)),
            base=np.zeros(logged.shape[0]),
            constant=np.zeros(n_genes),
            usable=usable,
            divisor=lambda sizes: sizes,
        )
        return ScoreGenes(means, draw, bins)

    return kernel


@dataclass(frozen=True)
class ControlBins:
    """Each bin's genes in a drawn order: the first 50 outside a list are its controls."""

    bin_of: IndexArray
    starts: IndexArray
    members: IndexArray

    def controls(self, genes: IndexArray) -> IndexArray:
        """Return the controls of one list, sorted."""
        found: IndexArray = _controls(genes, self.bin_of, self.starts, self.members, N_CONTROLS)
        return found

    def mean_over_controls(self, lists: IndexArray, profile: FloatArray) -> FloatArray:
        """Return the mean of the profile over the controls of each of many lists."""
        result: FloatArray = _control_means(lists, self.bin_of, self.starts, self.members, N_CONTROLS, profile)
        return result


@dataclass(frozen=True)
class ScoreGenes(Scorer):
    """Means of lists minus means of their controls."""

    means: GeneSums
    draw: Draw
    bins: ControlBins | None

    def scores(self, lists: Sequence[IndexArray], *, absent: Sequence[int] | None = None) -> FloatArray:
        """Return the scores, observations × lists; a list without genes or without controls is missing."""
        del absent
        kept = [genes[self.means.usable[genes]] for genes in lists]
        both = self.means.scores([*kept, *(self.draw(genes) for genes in kept)])
        return both[:, : len(kept)] - both[:, len(kept) :]

    def add_to(self, before: Means | None) -> Means:
        """Return what gives mean scores over these observations and those of the blocks before."""
        if self.bins is None:
            return Scorer.add_to(self, before)
        return _ControlledMeans(
            self.means.add_to(before.means if isinstance(before, _ControlledMeans) else None), self.bins
        )


@dataclass(frozen=True)
class _ControlledMeans(Means):
    means: GeneMeans
    bins: ControlBins

    def mean_scores(self, lists: IndexArray) -> FloatArray:
        below = self.bins.mean_over_controls(lists.astype(np.int64), self.means.profile)
        return self.means.mean_scores(lists) - below


def _control_bins(bins: Bins, seed: int) -> ControlBins:
    """Draw an order of each bin's genes by the seed and the bin alone: no list's name or order enters."""
    drawn = [generator(seed, "controls", number).permutation(part) for number, part in enumerate(bins.members)]
    starts = np.cumsum([0, *(len(part) for part in drawn)]).astype(np.int64)
    return ControlBins(bins.bin_of, starts, np.concatenate([np.zeros(0, dtype=np.int64), *drawn]))


def _scanpy_draw(mean: FloatArray, seed: int) -> Draw:
    """Return scanpy 1.11's draw of control genes from the means of the observations given."""
    known = np.flatnonzero(np.isfinite(mean))
    per_bin = int(np.round(len(known) / (N_BINS - 1)))
    order = np.sort(mean[known])
    # Rank of the lowest of tied genes, from 1, floor-divided by the genes a bin.
    rank = np.searchsorted(order, mean[known], side="left") + 1
    cut = np.full(len(mean), -1, dtype=np.int64)
    cut[known] = rank // max(per_bin, 1)

    def draw(genes: IndexArray) -> IndexArray:
        # The peer draws with numpy's legacy generator, seeded anew for each list.
        random = np.random.RandomState(seed)
        chosen: list[npt.NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
        for number in np.unique(cut[genes]):
            members = np.flatnonzero(cut == number)
            if len(members) > N_CONTROLS:
                members = members[random.choice(len(members), size=N_CONTROLS, replace=False)]
            chosen.append(np.setdiff1d(members, genes))
        return np.unique(np.concatenate(chosen))

    return draw


def _scanpy_view(expression: Expression) -> Expression:
    """Return log-normalised values rounded as scanpy rounds them: float32 at every step."""
    if expression.scale == "log":
        return expression
    matrix = expression.matrix
    totals = expression.totals.astype(np.float32)
    totals += totals == 0
    factors = np.repeat(totals / np.float32(CELL_SIZE), np.diff(matrix.indptr))
    values = np.log1p(matrix.data.astype(np.float32) / factors)
    return replace(expression, matrix=with_values(matrix, values), scale="log")


@numba.njit(cache=True)
def _pick(genes: Any, bin_of: Any, starts: Any, members: Any, most: int, inside: Any, out: Any) -> int:
    """Write the controls of one list to ``out`` and return their number; ``inside`` is scratch, all false."""
    for gene in genes:
        inside[gene] = True
    number = 0
    done = np.zeros(len(starts), dtype=np.bool_)
    for gene in genes:
        own = bin_of[gene]
        if own < 0 or done[own]:
            continue
        done[own] = True
        taken = 0
        for place in range(starts[own], starts[own + 1]):
            if taken == most:
                break
            if not inside[members[place]]:
                out[number] = members[place]
                number += 1
                taken += 1
    for gene in genes:
        inside[gene] = False
    return number


@numba.njit(cache=True)
def _controls(genes: Any, bin_of: Any, starts: Any, members: Any, most: int) -> Any:
    out = np.empty(len(members), dtype=np.int64)
    inside = np.zeros(len(bin_of), dtype=np.bool_)
    return np.sort(out[: _pick(genes, bin_of, starts, members, most, inside, out)])


@numba.njit(cache=True)
def _control_means(lists: Any, bin_of: Any, starts: Any, members: Any, most: int, profile: Any) -> Any:
    means = np.full(len(lists), np.nan)
    out = np.empty(len(members), dtype=np.int64)
    inside = np.zeros(len(bin_of), dtype=np.bool_)
    for row in range(len(lists)):
        number = _pick(lists[row], bin_of, starts, members, most, inside, out)
        if number > 0:
            total = 0.0
            for k in range(number):
                total += profile[out[k]]
            means[row] = total / number
    return means


SCORE_GENES = Method(
    name="score_genes",
    kernel=score_genes,
    definition="mean over the list's genes minus the mean over control genes of like expression in the cohort",
    value_range=(float("-inf"), float("inf")),
    signed_range=(float("-inf"), float("inf")),
    unit="log-normalised expression beyond controls",
    sign="above 0: the list's genes stand above genes of like expression; signed lists: up minus down",
    takes="log",
    needs_reference=True,
    doi="10.1126/science.aad0501",
    peer="scanpy",
    peer_reads_data=True,
    peer_view=_scanpy_view,
)
