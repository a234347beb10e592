"""Rankings of all genes, observed and randomised, and gene lists come in; enrichment scores and p values go out.

The score is GSEA's running sum with weight 1 (Subramanian 2005, doi:10.1073/pnas.0506580102). Its null here
moves patients, not genes: the whole ranking is computed again for every flip of patients' signs (or
permutation of their groups), so genes that move together stay together in the null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from ohmics.errors import OhmicsError
from ohmics.stats.ebayes import priors_from_moments
from ohmics.stats.multiple import TIE
from ohmics.stats.relabel import Randomisation

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
GeneList = Sequence[str] | Mapping[str, Sequence[str]]
_BLOCK = 1 << 22
"""Numbers in one block of randomised rankings (32 MiB)."""
_FLOOR = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """Gene lists as positions in a ranking; each list has an up part, a down part, or both.

    Parameters
    ----------
    names
        Keys of the lists.
    up, down
        Positions of the genes of each part, ascending.
    """

    names: tuple[str, ...]
    up: tuple[Indices, ...]
    down: tuple[Indices, ...]

    @property
    def sizes(self) -> Indices:
        """Genes of each list in the ranking."""
        return np.array([len(u) + len(d) for u, d in zip(self.up, self.down, strict=True)], dtype=np.int64)


def parts_of(gene_list: GeneList) -> tuple[list[str], list[str]]:
    """Return the up and down genes of a list, each gene once; a plain list is all up."""
    if isinstance(gene_list, Mapping):
        unknown = sorted(set(gene_list) - {"up", "down"})
        if unknown:
            raise OhmicsError(f"a signed list has the parts up and down, not `{unknown[0]}`")
        up, down = (list(dict.fromkeys(map(str, gene_list.get(part, ())))) for part in ("up", "down"))
        both = sorted(set(up) & set(down))
        if both:
            raise OhmicsError(f"`{both[0]}` is both up and down in one list ({len(both)} such genes)")
        return up, down
    return list(dict.fromkeys(map(str, gene_list))), []


def locate(gene_lists: Mapping[str, GeneList], genes: Sequence[str]) -> Members:
    """Return the positions of every list's genes; genes that the ranking lacks are left out."""
    place = {gene: i for i, gene in enumerate(genes)}
    ups, downs = [], []
    for gene_list in gene_lists.values():
        up, down = (np.array(sorted(place[g] for g in part if g in place), np.int64) for part in parts_of(gene_list))
        ups.append(up)
        downs.append(down)
    return Members(names=tuple(gene_lists), up=tuple(ups), down=tuple(downs))


def rankings(values: Array, scheme: Randomisation) -> Iterator[Array]:
    """Yield moderated t of every gene under every re-labelling, in blocks of rows × genes.

    The prior of the variances is estimated anew under each re-labelling, as it was for the observed one.

    Parameters
    ----------
    values
        Units × genes: differences (`ohmics.stats.relabel.sign_flips`), or values (`label_permutations`).
    scheme
        The re-labellings.
    """
    centred = values - values.mean(axis=0) if scheme.df == len(values) - 2 else values
    total = np.einsum("ij,ij->j", centred, centred)
    # No re-labelling moves the total, so a floor made from it is the same in all of them.
    floor = max(_FLOOR * float(np.median(total)) / len(values), 1e-12)
    height = max(1, _BLOCK // max(1, values.shape[1]))
    for start in range(0, len(scheme.rows), height):
        effect = scheme.rows[start : start + height] @ centred
        log_mean, log_variance, pooled = _log_moments(effect, total, scheme.scale, float(scheme.df), floor)
        prior_df, prior_variance = priors_from_moments(log_mean, log_variance, pooled=pooled, df=scheme.df)
        share = scheme.df / (scheme.df + prior_df)
        _moderate(effect, total, scheme.scale, float(scheme.df), share, (1 - share) * prior_variance)
        yield effect


@numba.njit(cache=True, parallel=True)
def _log_moments(effect: Array, total: Array, scale: float, df: float, floor: float) -> tuple[Array, Array, Array]:
    """Return, a row, mean and variance of the logarithms of the genes' residual variances, and their mean."""
    n_rows, n_genes = effect.shape
    log_mean, log_variance, pooled = np.empty(n_rows), np.empty(n_rows), np.empty(n_rows)
    for row in numba.prange(n_rows):
        logs = np.empty(n_genes)
        plain = 0.0
        summed = 0.0
        for gene in range(n_genes):
            variance = max((total[gene] - scale * effect[row, gene] ** 2) / df, floor)
            plain += variance
            logs[gene] = np.log(variance)
            summed += logs[gene]
        mean = summed / n_genes
        squares = 0.0
        for gene in range(n_genes):
            squares += (logs[gene] - mean) ** 2
        log_mean[row] = mean
        log_variance[row] = squares / (n_genes - 1)
        pooled[row] = plain / n_genes
    return log_mean, log_variance, pooled


@numba.njit(cache=True, parallel=True)
def _moderate(effect: Array, total: Array, scale: float, df: float, share: Array, prior: Array) -> None:
    """Turn effects (rows × genes) into moderated t, in place."""
    for row in numba.prange(effect.shape[0]):
        for gene in range(effect.shape[1]):
            value = effect[row, gene]
            variance = max(total[gene] - scale * value**2, 0.0) / df
            effect[row, gene] = value * np.sqrt(scale / (share[row] * variance + prior[row]))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSums:
    """Extremes of the running sums, rankings × lists.

    ``rise`` (0 to 1) and ``fall`` (-1 to 0) are the enrichment score's two sides. ``weighted_rise`` and
    ``weighted_fall`` are the same times the part's mean |t| over that of all genes.
    """

    rise: Array
    fall: Array
    weighted_rise: Array
    weighted_fall: Array

    @property
    def es(self) -> Array:
        """The enrichment score: rise or fall, on the side of `statistic`."""
        return np.where(self.weighted_rise >= -self.weighted_fall, self.rise, self.fall)

    @property
    def statistic(self) -> Array:
        """What is tested: the larger of the two weighted sides.

        The score of few genes is near 1 as soon as they all are ahead, whether by little or by far, so alone it
        hardly tells the observed labels from those with one patient turned. How far ahead they are, against all
        genes of the same ranking, does; and a change of every gene does not raise it.
        """
        return np.where(self.weighted_rise >= -self.weighted_fall, self.weighted_rise, self.weighted_fall)


def running_sums(statistics: Array, members: Members) -> RunningSums:
    """Walk every ranking from its highest gene down and return the extremes of each list's running sum.

    Parameters
    ----------
    statistics
        Rankings × genes, for example moderated t; genes are ranked from high to low.
    members
        The lists. A down part counts the other way round, and a list with both parts is the mean of the two.
    """
    n_lists = len(members.names)
    parts = [*members.up, *members.down]
    sizes = np.array([len(part) for part in parts], dtype=np.int64)
    flat = np.concatenate([*parts, np.empty(0, np.int64)]).astype(np.int64)
    # Which parts hold a gene: walking a ranking once then serves all lists. Only genes of some list are walked;
    # of the others no more is needed than how many stand above, which sorted values tell.
    by_gene = np.argsort(flat, kind="stable")
    listed = np.unique(flat)
    starts = np.searchsorted(flat[by_gene], np.append(listed, statistics.shape[1])).astype(np.int64)
    holders = np.repeat(np.arange(len(parts)), sizes)[by_gene].astype(np.int64)
    high, low, weight = _all_walks(
        np.ascontiguousarray(statistics[:, listed]), np.sort(statistics, axis=1), starts, holders, sizes
    )
    everywhere = np.abs(statistics).mean(axis=1, keepdims=True)
    ahead = weight / np.maximum(sizes, 1) / np.where(everywhere > 0, everywhere, 1.0)
    n_parts = np.maximum((sizes[:n_lists] > 0).astype(np.int64) + (sizes[n_lists:] > 0), 1)

    def both(up: Array, down: Array) -> Array:
        return np.asarray((up[:, :n_lists] - down[:, n_lists:]) / n_parts, dtype=np.float64)

    return RunningSums(
        rise=both(high, low),
        fall=both(low, high),
        weighted_rise=both(high * ahead, low * ahead),
        weighted_fall=both(low * ahead, high * ahead),
    )


@numba.njit(cache=True, parallel=True)
def _all_walks(
    statistics: Array, ordered: Array, starts: Indices, holders: Indices, sizes: Indices
) -> tuple[Array, Array, Array]:
    high = np.zeros((statistics.shape[0], sizes.size))
    low = np.zeros((statistics.shape[0], sizes.size))
    weight = np.zeros((statistics.shape[0], sizes.size))
    for row in numba.prange(statistics.shape[0]):
        _walk(statistics[row], ordered[row], starts, holders, sizes, high[row], low[row], weight[row])
    return high, low, weight


@numba.njit(cache=True)
def _walk(
    values: Array,
    ordered: Array,
    starts: Indices,
    holders: Indices,
    sizes: Indices,
    high: Array,
    low: Array,
    weight: Array,
) -> None:
    """Walk one ranking from the top and fill in each part's extremes (``high``, ``low``) and sum of |t| (``weight``).

    ``values`` are those of the genes of any part, ``ordered`` those of all genes, ascending. Genes of equal value are
    one step, and share the middle of their places: turning the ranking around then turns every score around exactly.
    """
    n_genes = ordered.size
    for gene in range(values.size):
        for k in range(starts[gene], starts[gene + 1]):
            weight[holders[k]] += abs(values[gene])
    seen = np.zeros(sizes.size, np.int64)
    here = np.zeros(sizes.size, np.int64)
    reached = np.zeros(sizes.size)
    order = np.argsort(-values)
    first = 0
    start = 0
    while first < values.size:
        value = values[order[first]]
        last = first + 1
        while last < values.size and values[order[last]] == value:
            last += 1
        # Genes from start to stop, counted from the top, have this value.
        while ordered[n_genes - 1 - start] > value:
            start += 1
        stop = start
        while stop < n_genes and ordered[n_genes - 1 - stop] == value:
            stop += 1
        for place in range(first, last):
            for k in range(starts[order[place]], starts[order[place] + 1]):
                here[holders[k]] += 1
        for place in range(first, last):
            for k in range(starts[order[place]], starts[order[place] + 1]):
                part = holders[k]
                hits = here[part]
                if hits == 0:
                    continue
                here[part] = 0
                misses = max(n_genes - sizes[part], 1)
                passed = ((start - seen[part]) + (stop - start - hits) / 2) / misses
                low[part] = min(low[part], reached[part] - passed)
                seen[part] += hits
                reached[part] += hits * abs(value) / weight[part] if weight[part] > 0 else hits / sizes[part]
                high[part] = max(high[part], reached[part] - passed)
        start = stop
        first = last


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipScores:
    """Scores of every list in every re-labelling of one cell type.

    ``ranking`` is the observed moderated t of every gene; ``es``, ``nes`` (es over the mean |es| of the
    re-labellings), ``statistic`` and ``p`` are one value a list; ``null`` is re-labellings × lists of positive
    statistics on one scale (the observed one first; `balanced`).
    """

    ranking: Array
    es: Array
    nes: Array
    statistic: Array
    p: Array
    null: Array
    scheme: Randomisation


def flip_scores(values: Array, scheme: Randomisation, members: Members) -> FlipScores:
    """Return enrichment scores, two-sided p and the null of every list.

    p is the share of re-labellings with at least the observed |statistic| (`RunningSums.statistic`). Sign flips
    come in mirror images with opposite scores, so this equals the share beyond it among those of its own sign.
    Draws add one to both counts (Phipson and Smyth 2010, doi:10.2202/1544-6115.1585): p is never 0.

    Parameters
    ----------
    values
        Units × genes, as in `rankings`.
    scheme
        The re-labellings.
    members
        The lists.
    """
    ranking: Array | None = None
    scores: list[Array] = []
    statistics: list[Array] = []
    for block in rankings(values, scheme):
        if ranking is None:
            ranking = block[0].copy()
        sums = running_sums(block, members)
        scores.append(sums.es)
        statistics.append(sums.statistic)
    if ranking is None:
        raise OhmicsError("there is no re-labelling to compute")
    es, statistic = np.vstack(scores), np.vstack(statistics)
    size = np.abs(es if scheme.exact else es[1:]).mean(axis=0)
    beyond = (np.abs(statistic) >= np.abs(statistic[0]) * (1 - TIE)).sum(axis=0)
    return FlipScores(
        ranking=ranking,
        es=es[0],
        nes=np.divide(es[0], size, out=np.zeros_like(size), where=size > 0),
        statistic=statistic[0],
        p=beyond / len(statistic),
        null=balanced(statistic),
        scheme=scheme,
    )


def balanced(statistics: Array) -> Array:
    """Put the |statistic| of all lists on one positive scale, so that no list rules the maximum over them.

    Genes that move together give wider nulls than unrelated ones. Each list is centred and scaled over all
    re-labellings (the observed one among them, so that none is special) and put through exp, which keeps the
    order: hence q is never below p.

    Parameters
    ----------
    statistics
        Re-labellings × lists.
    """
    size = np.abs(statistics)
    spread = size.std(axis=0)
    centred = size - size.mean(axis=0)
    scaled = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    return np.asarray(np.exp(scaled), dtype=np.float64)


def leading_edge(statistic: Array, members: Members, *, direction: Array) -> list[list[int]]:
    """Return the positions of each list's leading-edge genes: those up to the peak of the running sum.

    Parameters
    ----------
    statistic
        One ranking, a value a gene.
    members
        The lists.
    direction
        One value a list; positive: the rise counts, else the fall.
    """
    edges = []
    for up, down, sign in zip(members.up, members.down, direction, strict=True):
        towards = 1.0 if sign >= 0 else -1.0
        edges.append([*_edge(statistic * towards, up), *_edge(-statistic * towards, down)])
    return edges


def _edge(statistic: Array, part: Indices) -> list[int]:
    if not part.size:
        return []
    order = part[np.argsort(-statistic[part], kind="stable")]
    weights = np.abs(statistic[order])
    reached = np.cumsum(weights) / weights.sum() if weights.sum() > 0 else np.arange(1, order.size + 1) / order.size
    above = np.array([np.count_nonzero(statistic > value) for value in statistic[order]])
    passed = (above - np.arange(order.size)) / max(statistic.size - order.size, 1)
    return [int(i) for i in order[: int(np.argmax(reached - passed)) + 1]]
