"""Counts with cell types, gene lists, GENE_REFERENCE and TARGETS come in; SCORES at comparable depth go out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from anndata import AnnData

from ohmics.errors import Faults, OhmicsError, did_you_mean
from ohmics.pseudobulk import group_cells
from ohmics.score.cohort import CohortRow, score_cohorts
from ohmics.score.expression import Expression, FloatArray, Source, open_source
from ohmics.score.groups import Found, Group, add_rows, as_bulk, halves, tally_cells
from ohmics.score.lists import ResolvedList, resolve_lists
from ohmics.score.method import Given, Kernel, Method
from ohmics.score.methods import METHODS, get_method
from ohmics.score.null import Bins, NullLists
from ohmics.score.reference_rows import own_reference, reference_rows
from ohmics.score.run import check_max_rank, score_lists
from ohmics.score.targets import BULK, sample_names
from ohmics.score.thin import KeyArray, name_keys
from ohmics.tables import SCORES, skipped

DEPTHS = ("raw", "thinned")


@dataclass
class _Run:
    """What every group of one call shares, and the rows it has gathered."""

    methods: list[Method]
    reference: pd.DataFrame
    descendants: Mapping[str, Iterable[str]]
    depth: tuple[str, ...]
    min_cells: int
    min_coverage: float
    n_null: int
    seed: int
    max_rank: int | None
    rows: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
    coverage: list[dict[str, Any]] = field(default_factory=list)
    last_ranks: list[dict[str, Any]] = field(default_factory=list)
    pooled: dict[str, pd.DataFrame] = field(default_factory=dict)
    cohort_rows: list[CohortRow] = field(default_factory=list)

    def reference_of(self, cell_type: str) -> pd.DataFrame:
        """Return the reference of a type: its own rows, else those of its descendants together."""
        if cell_type not in self.pooled:
            below = set(self.descendants.get(cell_type, ()))
            self.pooled[cell_type] = reference_rows(self.reference, cell_type, below)
        return self.pooled[cell_type]

    @property
    def cohort_methods(self) -> list[Method]:
        """Methods that need all samples together."""
        return [method for method in self.methods if method.needs_cohort]


def score_samples(
    adatas: AnnData | Sequence[AnnData],
    gene_lists: Any,
    *,
    by: str = "cell_type",
    depth: Sequence[str] = DEPTHS,
    targets: pd.DataFrame | None = None,
    reference: pd.DataFrame | None = None,
    methods: Sequence[str] = ("ucell", "mean_z"),
    score_on: Mapping[str, Sequence[str]] | None = None,
    descendants: Mapping[str, Iterable[str]] | None = None,
    min_cells: int = 20,
    min_coverage: float = 0.5,
    n_null: int = 100,
    seed: int = 0,
    max_rank: int | None = None,
    aliases: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Score gene lists per sample and cell type, as the data are and thinned to comparable depth.

    Parameters
    ----------
    adatas
        Raw counts, observations × genes: cells with ``obs["sample"]``, or bulk samples
        (``uns["ohmics"]["modality"] == "bulk"``).
    gene_lists
        As for `score`; the key of a mechanism's list is mechanism/list.
    by
        Column of ``obs`` with the cell type.
    depth
        ``raw``, ``thinned`` or both.
    targets
        TARGETS: each sample's cells of a type are thinned to every depth listed for them. None: to the
        lowest median depth of the type among the samples given, so give all samples at once.
    reference
        GENE_REFERENCE of the cohort. None: made of the observations given.
    methods
        Scoring methods. Those for bulk samples score the sum of a sample's cells of a type; those that
        compare samples with each other (gsva, plage) score all samples of the call together, so one call
        a sample gives them nothing.
    score_on
        List key -> cell types to score it on; ``malignant`` and ``car_positive`` use the columns of
        these names, ``bulk`` bulk samples. None: every list on every type (or bulk sample).
    descendants
        Type -> its descendants, whose cells belong to it too.
    min_cells
        Fewer cells of a type in a sample are not scored.
    min_coverage
        A list with a smaller share of its genes in the data is not scored.
    n_null
        Random lists for ``null_z`` (raw depth only); 0: none.
    seed
        Seed of thinning, half splits and random lists.
    max_rank
        As for `score`: None lets ``ucell`` stop at rank 1,500 in cells and rank all genes of bulk samples.
    aliases
        Other gene name -> approved symbol.

    Returns
    -------
    pandas.DataFrame
        SCORES; ``attrs`` holds rows of SKIPPED (``skipped``) and COVERAGE (``coverage``), and ``max_rank``: the
        rank at which each method that has one stopped, by sample.
        ``technical_sd``: cells: their sd over the root of their number, at that depth; bulk and sums of
        cells: sd over 8 random halves of the counts, which vary as much as sequencing anew would. Methods
        that compare samples have neither ``technical_sd`` nor ``null_z``. ``depth_spearman``: how closely the
        score follows total counts among the cells (at most 2,000 of them).

    Raises
    ------
    OhmicsError
        When the data are no raw counts, a sample is not named, or a name is unknown.
    """
    given = [adatas] if isinstance(adatas, AnnData) else list(adatas)
    parts = _read(given, by, seed)
    _check(parts, depth, methods, targets, score_on, gene_lists, max_rank)
    run = _Run(
        methods=[get_method(name) for name in methods],
        reference=_own_reference(parts) if reference is None else reference,
        descendants=descendants or {},
        depth=tuple(depth),
        min_cells=min_cells,
        min_coverage=min_coverage,
        n_null=n_null,
        seed=seed,
        max_rank=max_rank,
    )
    for part in parts:
        part.resolved = resolve_lists(gene_lists, part.source.genes, aliases=aliases)
        part.groups = _groups(part, score_on, run)
    wanted = _lowest(parts, run) if targets is None else _listed(targets)
    for part in parts:
        _score_part(part, wanted, run)
    more, left_out = score_cohorts(
        run.cohort_rows, gene_lists, methods=run.cohort_methods, aliases=aliases, min_coverage=min_coverage
    )
    run.rows += more
    run.skipped += left_out
    frame = SCORES.conform(run.rows) if run.rows else SCORES.empty()
    frame = frame.sort_values(list(SCORES.key), kind="stable", na_position="first").reset_index(drop=True)
    frame.attrs = {"skipped": run.skipped, "coverage": run.coverage, "max_rank": run.last_ranks}
    return frame


@dataclass
class _Part:
    """One AnnData: its expression, samples, depth and the cells and lists of each type."""

    source: Source
    totals: FloatArray
    obs: pd.DataFrame
    samples: npt.NDArray[Any]
    by: str
    gene_keys: KeyArray
    resolved: dict[str, ResolvedList] = field(default_factory=dict)
    groups: dict[str, tuple[npt.NDArray[np.bool_], list[str]]] = field(default_factory=dict)


def _read(given: list[AnnData], by: str, seed: int) -> list[_Part]:
    faults, parts = Faults(), []
    if not given:
        faults.add("no data are given", where="adatas", legal="at least one AnnData")
    for number, adata in enumerate(given):
        bulk = dict(adata.uns.get("ohmics", {})).get("modality") == BULK
        for name in () if bulk else ("sample", by):
            if name not in adata.obs:
                remedy = 'add it; of bulk samples say uns["ohmics"] = {"modality": "bulk"}'
                faults.add(f"obs has no column `{name}`", where=f"AnnData {number + 1}", remedy=remedy)
        try:
            source = open_source(adata, scale="counts", bulk=bulk)
        except OhmicsError as error:
            faults.extend(error.faults)
            continue
        totals = np.concatenate([block.totals for block in source.chunks()])
        parts.append(_Part(source, totals, adata.obs, sample_names(adata), by, name_keys(source.genes, seed)))
    faults.raise_if_any()
    return parts


def _check(
    parts: list[_Part], depth: Sequence[str], methods: Sequence[str], targets: pd.DataFrame | None,
    score_on: Mapping[str, Sequence[str]] | None, gene_lists: Any, max_rank: int | None,
) -> None:  # fmt: skip
    faults = Faults()
    check_max_rank(max_rank, [METHODS[name] for name in methods if name in METHODS], faults)
    for name in [name for name in depth if name not in DEPTHS]:
        faults.add(f"unknown depth `{name}`", legal=", ".join(DEPTHS), remedy=did_you_mean(name, DEPTHS))
    for name in [name for name in methods if name not in METHODS]:
        faults.add(f"unknown method `{name}`", legal=", ".join(METHODS), remedy=did_you_mean(name, METHODS))
    keys = list(getattr(gene_lists, "gene_lists", gene_lists))
    for key in [key for key in score_on or {} if key not in keys]:
        faults.add(f"score_on names no gene list `{key}`", remedy=did_you_mean(key, keys))
    if targets is not None:
        for name in [name for name in ("sample", "cell_type", "thinned_to") if name not in targets]:
            faults.add(f"targets lack column `{name}`", legal="TARGETS")
    seen: set[str] = set()
    for part in parts:
        own = set(part.samples)
        for name in sorted(seen & own):
            faults.add(f"sample `{name}` is in two of the AnnData", remedy="give each sample once")
        seen |= own
    faults.raise_if_any()


def _groups(
    part: _Part, score_on: Mapping[str, Sequence[str]] | None, run: _Run
) -> dict[str, tuple[npt.NDArray[np.bool_], list[str]]]:
    """Return, per cell type of this modality, which observations belong to it and which lists are scored on it."""
    keys = list(part.resolved)
    if part.source.bulk:
        everyone = np.ones(len(part.samples), dtype=bool)
        chosen = keys if score_on is None else [key for key in keys if BULK in score_on.get(key, ())]
        _wrong_modality(part, [key for key in keys if key not in chosen], "is not scored on bulk samples", run)
        return {BULK: (everyone, chosen)}
    if score_on is None:
        types = sorted({str(kind) for kind in part.obs[part.by].dropna()})
        lists = dict.fromkeys(types, keys)
    else:
        lists = {}
        for key in keys:
            for kind in score_on.get(key, ()):
                if kind != BULK:
                    lists.setdefault(kind, []).append(key)
        placed = {key for some in lists.values() for key in some}
        left = [key for key in keys if key not in placed]
        _wrong_modality(part, left, "is scored on no cell type (on bulk samples only, or on nothing)", run)
    masks = group_cells(part.obs, lists, run.descendants, by=part.by)
    return {kind: (masks[kind], lists[kind]) for kind in lists}


def _wrong_modality(part: _Part, keys: list[str], why: str, run: _Run) -> None:
    for sample in dict.fromkeys(part.samples):
        run.skipped += [skipped("score", f"the list {why}", subject=str(sample), item=key) for key in keys]


def _lowest(parts: list[_Part], run: _Run) -> dict[tuple[str, str], list[float]]:
    """Return the lowest median depth of each type over all samples given, for each of them."""
    middle: dict[tuple[str, str], float] = {}
    for part in parts:
        least = 1 if part.source.bulk else run.min_cells
        for kind, (mask, _) in part.groups.items():
            for sample in dict.fromkeys(part.samples):
                inside = mask & (part.samples == sample)
                if inside.sum() >= least:
                    middle[sample, kind] = float(np.median(part.totals[inside]))
    lowest: dict[str, float] = {}
    for (_, kind), value in middle.items():
        if value > 0:
            lowest[kind] = min(value, lowest.get(kind, value))
    return {key: [lowest[key[1]]] for key, value in middle.items() if value > 0}


def _own_reference(parts: list[_Part]) -> pd.DataFrame:
    return own_reference(block for part in parts for block in part.source.chunks())


def _listed(targets: pd.DataFrame) -> dict[tuple[str, str], list[float]]:
    grouped = targets.groupby([targets["sample"].astype(str), targets["cell_type"].astype(str)])["thinned_to"]
    return {(str(key[0]), str(key[1])): sorted({float(value) for value in values}) for key, values in grouped}


def _score_part(part: _Part, wanted: Mapping[tuple[str, str], list[float]], run: _Run) -> None:
    """Score every sample and type of one AnnData."""
    refused = {key: one.refusal(run.min_coverage) for key, one in part.resolved.items()}
    nulls: dict[str, NullLists] = {}
    kernels: dict[str, dict[str, Kernel]] = {}
    for sample in dict.fromkeys(part.samples):
        own = part.samples == sample
        run.coverage += [one.coverage_row(sample) for one in part.resolved.values()]
        run.last_ranks += _last_ranks(part, str(sample), run)
        run.skipped += [skipped("score", why, subject=sample, item=key) for key, why in refused.items() if why]
        for kind, (mask, keys) in part.groups.items():
            lists = [part.resolved[key] for key in keys if not refused[key]]
            inside = np.flatnonzero(own & mask)
            why = _too_few(part, inside, run)
            if why:
                run.skipped.append(skipped("score", why, cell_type=kind, subject=sample))
            elif lists:
                if kind not in kernels:
                    kernels[kind] = _kernels(part, kind, run)
                given = (lists, sample, kind, part.gene_keys, kernels[kind])
                group = Group(part.source, inside, part.totals[inside], *given)
                targets: list[float | None] = [None] if "raw" in run.depth else []
                targets += wanted.get((sample, kind), ()) if "thinned" in run.depth else ()
                random_lists = _nulls(part, kind, nulls, run) if "raw" in run.depth else None
                _score_group(group, targets, random_lists, run)


def _last_ranks(part: _Part, sample: str, run: _Run) -> list[dict[str, Any]]:
    given = Given(genes=part.source.genes, max_rank=run.max_rank)
    return [
        {"sample": sample, "method": method.name, "max_rank": method.last_rank(given, bulk=part.source.bulk)}
        for method in run.methods
        if method.last_rank is not None
    ]


def _kernels(part: _Part, kind: str, run: _Run) -> dict[str, Kernel]:
    """Return each method's kernel for one type, made once for all samples of the AnnData."""
    return {
        method.name: method.kernel(
            Given(
                genes=part.source.genes,
                reference=run.reference_of(kind) if method.needs_reference else None,
                seed=run.seed,
                max_rank=run.max_rank,
            )
        )
        for method in run.methods
        if not method.needs_cohort
    }


def _too_few(part: _Part, inside: npt.NDArray[np.intp], run: _Run) -> str:
    """Return why these observations are not scored, or an empty string."""
    if not part.source.bulk and inside.size < run.min_cells:
        return f"{inside.size} cells, at least {run.min_cells} are needed"
    if not part.totals[inside].any():
        return "there is not a single count"
    return ""


def _nulls(part: _Part, kind: str, nulls: dict[str, NullLists], run: _Run) -> NullLists | None:
    """Return the random lists of a type, made once for all samples of the AnnData."""
    if run.n_null and kind not in nulls:
        bins = Bins(part.source.genes, run.reference_of(kind))
        nulls[kind] = NullLists(bins, n_null=run.n_null, seed=run.seed)
    return nulls.get(kind)


def _score_group(group: Group, targets: Sequence[float | None], nulls: NullLists | None, run: _Run) -> None:
    """Add the rows of one sample and type, at every depth."""
    if group.source.bulk:
        names = [method.name for method in run.methods if not method.needs_cohort]
        whole = group.source.take(group.inside)
        for target in targets:
            part = whole if target is None else group.thinned(whole, target, run.seed)
            _score_sum(group, target, part, names, nulls, run)
        return
    cells = [method.name for method in run.methods if method.per_cell and not method.needs_cohort]
    sums = [method.name for method in run.methods if method.name not in cells]
    seen = tally_cells(group, targets, methods=cells, with_sum=bool(sums), with_means=nulls is not None, seed=run.seed)
    for target, at in seen.items():
        for name in cells:
            tally = at.tallies[name]
            found = Found(tally.mean, tally.error, tally.means, at.follows_depth(name))
            add_rows(run, group, target, name, found=found, nulls=nulls)
        if at.counts is not None:
            alone = [name for name in sums if not METHODS[name].needs_cohort]
            _score_sum(group, target, as_bulk(group, at.counts), alone, nulls, run)


def _score_sum(
    group: Group, target: float | None, summed: Expression, methods: Sequence[str], nulls: NullLists | None, run: _Run
) -> None:
    """Score a bulk sample, or the sum of a group's cells."""
    if run.cohort_methods:
        keys = tuple(one.key for one in group.lists)
        n_cells = 1 if group.source.bulk else int(group.inside.size)
        run.cohort_rows.append(CohortRow(group.sample, group.kind, target, summed, n_cells, keys))
    parts = halves(group, summed, run.seed) if methods else None
    for name in methods:
        kernel = group.kernels[name]
        scorer = kernel(summed)
        # Half of c counts varies by c / 4 around c / 2: relative to its mean as much as c Poisson counts do.
        spread = score_lists(kernel(parts), group.lists).std(axis=0, ddof=1) if parts is not None else None
        mean = score_lists(scorer, group.lists).mean(axis=0)
        means = scorer.add_to(None) if nulls is not None and target is None else None
        add_rows(run, group, target, name, found=Found(mean, spread, means), nulls=nulls)
