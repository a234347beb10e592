"""Counts with fractions, gene lists and GENE_REFERENCE come in; unthinned SCORES go out, which alone they allow.

What needs counts drawn again is left empty: scores thinned to one depth, and of sums the spread of random halves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from ohmics.cli._fractions import WHY
from ohmics.pseudobulk import group_cells
from ohmics.score.cohort import CohortRow, score_cohorts
from ohmics.score.expression import Expression, Source, open_source
from ohmics.score.groups import Found, Group, add_rows, as_bulk, tally_cells
from ohmics.score.lists import ResolvedList, resolve_lists
from ohmics.score.method import Given, Kernel, Method
from ohmics.score.methods import get_method
from ohmics.score.null import Bins, NullLists
from ohmics.score.reference_rows import reference_rows
from ohmics.score.run import score_lists
from ohmics.score.targets import BULK, sample_names
from ohmics.score.thin import name_keys
from ohmics.tables import SCORES, skipped


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is scored, and how; as the parameters of `ohmics.score.samples.score_samples`."""

    reference: pd.DataFrame
    methods: Sequence[str]
    score_on: Mapping[str, Sequence[str]]
    descendants: Mapping[str, Iterable[str]]
    aliases: Mapping[str, str]
    min_cells: int
    min_coverage: float
    n_null: int
    max_rank: int | None
    seed: int


@dataclass
class _Rows:
    rows: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
    cohort: list[CohortRow] = field(default_factory=list)


def counts_source(adata: AnnData, *, bulk: bool | None = None) -> Source:
    """Return checked counts that may hold fractions, which are then no logarithms."""
    return replace(open_source(adata, scale="auto", bulk=bulk), scale="counts")


def log_normalised(adata: AnnData, *, bulk: bool | None = None) -> AnnData:
    """Return log-normalised values of counts that may hold fractions, transgenes left out, with ``obs``."""
    whole = counts_source(adata, bulk=bulk).whole()
    return AnnData(X=whole.log, obs=adata.obs.copy(), var=pd.DataFrame(index=whole.genes))


def score_estimated(adata: AnnData, gene_lists: Any, wish: Wish) -> pd.DataFrame:
    """Score samples whose counts hold fractions, as they are.

    Parameters
    ----------
    adata
        Observations × genes: cells with ``sample``, ``cell_type`` and the flags of CELLS in ``obs``, or bulk samples.
    gene_lists
        As for `ohmics.score.samples.score_samples`.
    wish
        Reference, methods and thresholds.

    Returns
    -------
    DataFrame
        SCORES with raw rows only; ``attrs`` as of `ohmics.score.samples.score_samples`. ``skipped`` says of each
        sample and cell type why nothing is thinned.
    """
    source = counts_source(adata)
    totals = np.concatenate([block.totals for block in source.chunks()])
    samples = sample_names(adata)
    resolved = resolve_lists(gene_lists, source.genes, aliases=wish.aliases)
    refused = {key: why for key, one in resolved.items() if (why := one.refusal(wish.min_coverage))}
    methods = [get_method(name) for name in wish.methods]
    keys = name_keys(source.genes, wish.seed)
    to, coverage = _Rows(), []
    groups = _groups(adata, source, list(resolved), wish)
    tools = {kind: _tools(source, kind, methods, wish) for kind in groups}
    for sample in dict.fromkeys(str(name) for name in samples):
        coverage += [one.coverage_row(sample) for one in resolved.values()]
        to.skipped += [skipped("score", why, subject=sample, item=key) for key, why in refused.items()]
        for kind, (mask, wanted) in groups.items():
            inside = np.flatnonzero((samples == sample) & mask)
            lists = [resolved[key] for key in wanted if key not in refused]
            if not source.bulk and inside.size < wish.min_cells:
                why = f"{inside.size} cells, at least {wish.min_cells} are needed"
                to.skipped.append(skipped("score", why, cell_type=kind, subject=sample))
            elif lists and totals[inside].any():
                kernels, nulls = tools[kind]
                group = Group(source, inside, totals[inside], lists, sample, kind, keys, kernels)
                _score_group(group, methods, nulls, wish.seed, to)
                to.skipped.append(_not_thinned(kind, "" if source.bulk else sample))
    # Bulk samples lie in one matrix, so that what holds for it is said once.
    to.skipped = list({tuple(row.items()): row for row in to.skipped}.values())
    more, left_out = score_cohorts(
        to.cohort, gene_lists, methods=[method for method in methods if method.needs_cohort], aliases=wish.aliases,
        min_coverage=wish.min_coverage,
    )  # fmt: skip
    rows = to.rows + more
    frame = SCORES.conform(rows) if rows else SCORES.empty()
    frame = frame.sort_values(list(SCORES.key), kind="stable", na_position="first").reset_index(drop=True)
    frame.attrs = {"skipped": to.skipped + left_out, "coverage": coverage}
    return frame


def _not_thinned(kind: str, sample: str) -> dict[str, str]:
    why = f"no score thinned to one depth: {WHY}; input.fractions: round would make whole counts of them"
    return skipped("score", why, cell_type=kind, subject=sample)


def _groups(adata: AnnData, source: Source, keys: list[str], wish: Wish) -> dict[str, tuple[Any, list[str]]]:
    """Return the observations and lists of each cell type."""
    if source.bulk:
        chosen = [key for key in keys if BULK in wish.score_on.get(key, ())]
        return {BULK: (np.ones(adata.n_obs, dtype=bool), chosen)}
    lists: dict[str, list[str]] = {}
    for key in keys:
        for kind in wish.score_on.get(key, ()):
            if kind != BULK:
                lists.setdefault(kind, []).append(key)
    masks = group_cells(adata.obs, lists, wish.descendants)
    return {kind: (masks[kind], lists[kind]) for kind in lists}


def _tools(
    source: Source, kind: str, methods: Sequence[Method], wish: Wish
) -> tuple[dict[str, Kernel], NullLists | None]:
    """Return what scores one cell type: each method's kernel, and random lists."""
    reference = reference_rows(wish.reference, kind, set(wish.descendants.get(kind, ())))
    kernels = {
        method.name: method.kernel(
            Given(
                genes=source.genes,
                reference=reference if method.needs_reference else None,
                seed=wish.seed,
                max_rank=wish.max_rank,
            )
        )
        for method in methods
        if not method.needs_cohort
    }
    nulls = NullLists(Bins(source.genes, reference), n_null=wish.n_null, seed=wish.seed) if wish.n_null else None
    return kernels, nulls


def _score_group(group: Group, methods: Sequence[Method], nulls: NullLists | None, seed: int, to: _Rows) -> None:
    """Add the rows of one sample and cell type."""
    if group.source.bulk:
        _score_sum(group, group.source.take(group.inside), methods, nulls, to)
        return
    cells = [method.name for method in methods if method.per_cell and not method.needs_cohort]
    sums = [method for method in methods if method.name not in cells]
    seen = tally_cells(group, [None], methods=cells, with_sum=bool(sums), with_means=nulls is not None, seed=seed)[None]
    for name in cells:
        tally = seen.tallies[name]
        found = Found(tally.mean, tally.error, tally.means, seen.follows_depth(name))
        add_rows(to, group, None, name, found=found, nulls=nulls)
    if seen.counts is not None:
        _score_sum(group, as_bulk(group, seen.counts), sums, nulls, to)


def _score_sum(group: Group, summed: Expression, methods: Sequence[Method], nulls: NullLists | None, to: _Rows) -> None:
    """Score a bulk sample, or the sum of a group's cells."""
    n_cells = 1 if group.source.bulk else int(group.inside.size)
    if any(method.needs_cohort for method in methods):
        keys = tuple(_keys(group.lists))
        to.cohort.append(CohortRow(group.sample, group.kind, None, summed, n_cells, keys))
    for method in methods:
        if not method.needs_cohort:
            scorer = group.kernels[method.name](summed)
            mean = score_lists(scorer, group.lists).mean(axis=0)
            means = scorer.add_to(None) if nulls is not None else None
            add_rows(to, group, None, method.name, found=Found(mean, None, means), nulls=nulls)


def _keys(lists: Sequence[ResolvedList]) -> list[str]:
    return [one.key for one in lists]
