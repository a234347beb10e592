"""The counts, contrast and gene lists of one cell type come in; its rows of ENRICHMENT and their shared null go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import gseapy
import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics._set_views import Ranked
from ohmics.de import DeModel, chosen_counts, fit_expression, tested_counts
from ohmics.errors import OhmicsError, did_you_mean
from ohmics.model import Contrast
from ohmics.normalize import Counts, counts_frame, log_cpm, tmm_factors
from ohmics.stats.camera import camera, fry
from ohmics.stats.design import Design, text_of
from ohmics.stats.genesets import (
    GeneList,
    Members,
    flip_scores,
    leading_edge,
    locate,
    parts_of,
    running_sums,
)
from ohmics.stats.multiple import benjamini_hochberg, benjamini_hochberg_by_family, model_q_by_family, step_down_max_t
from ohmics.stats.relabel import Randomisation, label_permutations, paired_differences, sign_flips
from ohmics.tables import ENRICHMENT, skipped

Array = npt.NDArray[np.float64]
METHODS = ("flip", "camera", "fry")
STAGE = "gene_sets"
COLLECTION = "collection "
SMALLEST_PRERANK = 1e-50


class HasGeneLists(Protocol):
    """A catalogue: anything with ``gene_lists`` by key."""

    @property
    def gene_lists(self) -> Mapping[str, GeneList]:
        """Lists by key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How gene sets are tested; the names are those of `test_gene_sets`."""

    method: str = "flip"
    n_draws: int = 10_000
    seed: int = 0
    min_size: int = 5
    max_size: int = 500
    correlation: float | None = None
    prerank: bool = True
    weights: str = "genes"


@dataclass(slots=True, kw_only=True)
class Tested:
    """One cell type's rows of ENRICHMENT (q still empty), the null they share, and what was left out.

    ``calibrated`` is False where p is for reading only: such rows get neither family nor q.
    """

    rows: pd.DataFrame
    left_out: list[dict[str, str]]
    calibrated: bool = True
    null: Array | None = None
    exact: bool = False
    message: str = ""
    ranked: Ranked | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """What is re-labelled: units × genes (changes of pairs, or log2 CPM of unpaired groups) and the groups, if any."""

    values: pd.DataFrame
    test: npt.NDArray[np.bool_] | None
    message: str


def units_of(counts: Counts, samples: pd.DataFrame, contrast: Contrast) -> Units:
    """Return the units of a contrast for re-labelling, or refuse a contrast that has none, in words."""
    _refuse_what_cannot_flip(contrast)
    plain = replace(contrast, covariates=())
    frame, design = chosen_counts(counts, samples, plain)
    kept = tested_counts(frame, design)
    logs = log_cpm(kept, factors=tmm_factors(kept))
    if not contrast.blocks:
        repeated = design.units[design.units.duplicated()]
        if len(repeated):
            raise OhmicsError(
                f"contrast {contrast.label}: {contrast.unit} {repeated.iloc[0]} is in both groups "
                f"({repeated.nunique()} such); use pair_by, or method camera"
            )
        values = logs.set_axis(design.units.to_numpy(), axis=0)
        return Units(values=values, test=design.value.to_numpy() > 0.5, message=design.message)
    note = _covariates_of_pairs(samples, contrast, design)
    values = paired_differences(logs, value=design.value, blocks=design.blocks, units=design.units)
    message = design.message + note
    if design.interaction is None:
        return Units(values=values, test=None, message=message)
    groups = design.interaction.groupby(design.units, sort=False)
    if groups.nunique().max() > 1:
        raise OhmicsError(
            f"contrast {contrast.label}: `{contrast.interact_with}` differs within a {contrast.unit}; use method camera"
        )
    of_unit = groups.first().reindex(values.index)
    return Units(values=values, test=(of_unit == sorted(set(of_unit))[1]).to_numpy(), message=message)


def _refuse_what_cannot_flip(contrast: Contrast) -> None:
    reason = ""
    if contrast.test is None:
        reason = "a continuous variable has no re-labelling here"
    elif contrast.random_by:
        reason = "with a random effect patients have different numbers of samples and no re-labelling is fair"
    elif not contrast.blocks and contrast.covariates:
        reason = "unpaired groups with covariates are not permuted"
    elif not contrast.blocks and contrast.interact_with:
        reason = "an interaction of unpaired groups is not permuted"
    if reason:
        raise OhmicsError(f"contrast {contrast.label}: {reason}; use method camera or fry")


def _covariates_of_pairs(samples: pd.DataFrame, contrast: Contrast, design: Design) -> str:
    """Covariates that are the same on both sides cancel in a pair; others need the linear model."""
    if not contrast.covariates:
        return ""
    sheet = samples.set_index("sample") if "sample" in samples else samples
    chosen = sheet.set_axis(sheet.index.astype(str), axis=0).loc[design.samples]
    for name in contrast.covariates:
        if name in chosen and text_of(chosen[name]).groupby(design.blocks).nunique().max() > 1:
            raise OhmicsError(
                f"contrast {contrast.label}: covariate `{name}` differs within pairs; flips cannot adjust for it, "
                "use method camera or fry"
            )
    return f"; {', '.join(contrast.covariates)} cancel within pairs"


def relabelling(units: Units, settings: Settings, *, shared: Sequence[str] | None = None) -> Randomisation:
    """Return sign flips, or permutations of labels where there are groups."""
    names = [str(name) for name in units.values.index]
    if units.test is None:
        return sign_flips(names, n_draws=settings.n_draws, seed=settings.seed, shared=shared)
    return label_permutations(names, units.test, n_draws=settings.n_draws, seed=settings.seed)


def flip_tests(
    units: Units,
    held: set[str],
    gene_lists: Mapping[str, GeneList],
    settings: Settings,
    where: dict[str, str],
    *,
    shared: Sequence[str] | None = None,
) -> Tested:
    """Test lists by re-labelling units; ``held`` are all genes of the data, ``where`` the contrast and cell type."""
    genes = list(units.values.columns)
    lists, left_out = sized(gene_lists, genes, held, settings, where)
    if not lists:
        return Tested(rows=ENRICHMENT.empty(), left_out=left_out, message=units.message)
    members = locate(lists, genes)
    scores = flip_scores(units.values.to_numpy(), relabelling(units, settings, shared=shared), members)
    rows = _rows(lists, members, held, where, "flip").assign(
        es=scores.es, nes=scores.nes, statistic=scores.statistic, p=scores.p,
        smallest_p=scores.scheme.smallest_p, scheme=scores.scheme.scheme,
        leading_edge=_edges(scores.ranking, members, genes, scores.es),
    )  # fmt: skip
    if settings.prerank:
        plain = {key: parts_of(gene_list)[0] for key, gene_list in lists.items() if not parts_of(gene_list)[1]}
        ranking = pd.Series(scores.ranking, index=units.values.columns)
        rows["p_prerank"] = rows["gene_list"].map(prerank(ranking, plain, seed=settings.seed)["p"]).astype(np.float64)
    return Tested(
        rows=rows, left_out=left_out, null=scores.null, exact=scores.scheme.exact, message=units.message,
        ranked=_ranked(where, "flip", genes, scores.ranking, lists),
    )  # fmt: skip


def model_tests(
    counts: Counts,
    samples: pd.DataFrame,
    contrast: Contrast,
    gene_lists: Mapping[str, GeneList],
    settings: Settings,
    where: dict[str, str],
) -> Tested:
    """Test lists by camera or fry on the voom fit of the contrast."""
    held = set(counts_frame(counts).columns)
    fit = fit_expression(counts, samples, contrast, model=DeModel(weights=settings.weights))
    genes = list(fit.voom.log_cpm.columns)
    lists, left_out = sized(gene_lists, genes, held, settings, where)
    if not lists:
        return Tested(rows=ENRICHMENT.empty(), left_out=left_out, message=fit.design.message)
    members = locate(lists, genes)
    if settings.method == "camera":
        result = camera(fit.effects, members, correlation=settings.correlation)
        how = "estimated" if settings.correlation is None else "fixed"
        scheme = [f"competitive t, {result.df:g} df, correlation {c:.3f} {how}" for c in result.correlation]
    else:
        result = fry(fit.effects, members)
        scheme = [f"self-contained t, {result.df:g} df"] * len(lists)
    if fit.design.random:
        # Genes that move together from sample to sample are less correlated within a patient than the average gene:
        # up to 15 % of null p were below 0.05 for lists of them.
        scheme = [
            f"{text}, one correlation within {contrast.random_by}s for all genes: p too small where genes move together"
            for text in scheme
        ]
    ranking = fit.moderated.t
    sums = running_sums(ranking[None, :], members)
    rows = _rows(lists, members, held, where, settings.method).assign(
        es=np.where(result.t >= 0, sums.rise[0], sums.fall[0]), statistic=result.t, p=result.p, scheme=scheme,
        leading_edge=_edges(ranking, members, genes, result.t),
    )  # fmt: skip
    return Tested(
        rows=rows, left_out=left_out, message=fit.design.message, calibrated=not fit.design.random,
        ranked=_ranked(where, settings.method, genes, ranking, lists),
    )  # fmt: skip


def _ranked(
    where: dict[str, str], method: str, genes: Sequence[str], ranking: Array, lists: Mapping[str, GeneList]
) -> Ranked:
    return Ranked(**where, method=method, genes=tuple(genes), statistic=ranking, lists=lists)


def _rows(
    lists: Mapping[str, GeneList],
    members: Members,
    held: set[str],
    where: dict[str, str],
    method: str,
) -> pd.DataFrame:
    listed = [[gene for part in parts_of(gene_list) for gene in part] for gene_list in lists.values()]
    return pd.DataFrame(
        {
            **where,
            "gene_list": list(lists),
            "method": method,
            "mechanism": [mechanism_of(key) for key in lists],
            "size": members.sizes,
            "coverage": [sum(gene in held for gene in names) / len(names) for names in listed],
        }
    )


def _edges(ranking: Array, members: Members, genes: list[str], direction: Array) -> list[str]:
    edges = leading_edge(ranking, members, direction=direction)
    return ["|".join(genes[i] for i in edge) for edge in edges]


def collection_family(contrast: str, method: str, name: str) -> str:
    """Return the family of one collection of lists (Hallmark, say) that a user gave."""
    return f"{contrast}/{method} {COLLECTION}{name}"


def corrected(tests: Sequence[Tested]) -> pd.DataFrame:
    """Return ENRICHMENT of several cell types with q.

    Step-down max-|T| over shared flips where there are flips; by p where there are none (Holm in the primary family,
    else Benjamini-Hochberg), and Benjamini-Hochberg in the family of a user's collection. Neither family nor q where
    p is not calibrated.
    """
    tests = [test for test in tests if len(test.rows)]
    if not tests:
        return ENRICHMENT.empty()
    frame = pd.concat([test.rows for test in tests], ignore_index=True)
    families = list(frame["family"])
    if all(test.null is not None for test in tests):
        null = np.hstack([test.null for test in tests if test.null is not None])
        exact = all(test.exact for test in tests)
        q = np.full(len(frame), np.nan)
        for family in dict.fromkeys(families):
            mine = np.flatnonzero(frame["family"] == family)
            if COLLECTION in family:
                q[mine] = benjamini_hochberg(frame["p"].to_numpy(np.float64)[mine])
                continue
            drawn = null[:, mine] if exact else null[1:, mine]
            q[mine] = step_down_max_t(null[0, mine], drawn, identity_included=exact)
    else:
        q = model_q_by_family(frame["p"].to_numpy(np.float64), families)
    frame["q"] = q
    if "p_prerank" in frame:
        frame["q_prerank"] = benjamini_hochberg_by_family(frame["p_prerank"].to_numpy(np.float64), families)
    calibrated = np.repeat([test.calibrated for test in tests], [len(test.rows) for test in tests])
    frame.loc[~calibrated, ["q", "family"]] = [np.nan, None]
    return ENRICHMENT.conform(frame)


def check_method(method: str) -> None:
    """Refuse a method that is not one of `METHODS`."""
    if method not in METHODS:
        hint = did_you_mean(method, METHODS)
        raise OhmicsError(
            f"gene sets have no method `{method}`; legal: {', '.join(METHODS)}{f'; {hint}' if hint else ''}"
        )


def _without_ties(ranking: pd.Series) -> pd.Series:
    """Return the ranking with equal values moved up by the smallest step, genes in alphabetical order.

    gseapy would rank them in an order of its own, and print a warning.
    """
    order = np.lexsort((ranking.index.to_numpy(dtype=object).astype(str), ranking.to_numpy()))
    values = ranking.to_numpy()[order]
    for i in np.flatnonzero(np.diff(values) == 0) + 1:
        values[i] = np.nextafter(values[i - 1], np.inf)
    return pd.Series(values, index=ranking.index[order]).iloc[::-1]


def lists_of(gene_lists: Mapping[str, GeneList] | HasGeneLists) -> Mapping[str, GeneList]:
    """Return lists by key, whether given as such or in a catalogue."""
    return gene_lists if isinstance(gene_lists, Mapping) else gene_lists.gene_lists


def mechanism_of(key: str) -> str | None:
    """Return the mechanism of a key mechanism/list, None for a user's list."""
    return key.split("/", 1)[0] if "/" in key else None


def sized(
    gene_lists: Mapping[str, GeneList],
    tested: Sequence[str],
    held: set[str],
    settings: Settings,
    where: dict[str, str],
) -> tuple[dict[str, GeneList], list[dict[str, str]]]:
    """Return the lists whose number of tested genes is in bounds, and SKIPPED rows of the others."""
    among = set(tested)
    kept: dict[str, GeneList] = {}
    left_out: list[dict[str, str]] = []
    for key, gene_list in gene_lists.items():
        genes = [gene for part in parts_of(gene_list) for gene in part]
        size = sum(gene in among for gene in genes)
        if settings.min_size <= size <= settings.max_size:
            kept[key] = gene_list
            continue
        bound = (
            f"at least {settings.min_size} are needed"
            if size < settings.min_size
            else f"at most {settings.max_size} are tested"
        )
        reason = (
            f"{size} of {len(genes)} genes have enough counts to be tested "
            f"({sum(gene in held for gene in genes)} are in the data); {bound}"
        )
        left_out.append(skipped(STAGE, reason, **where, item=key))
    return kept, left_out


def prerank(ranking: pd.Series, lists: Mapping[str, list[str]], *, seed: int) -> pd.DataFrame:
    """Return gseapy's table indexed by list, with column p."""
    if not lists:
        return pd.DataFrame(columns=["ES", "NES", "p", "Lead_genes"])
    result = gseapy.prerank(
        _without_ties(ranking), {key: list(genes) for key, genes in lists.items()}, outdir=None, no_plot=True,
        verbose=False,
        min_size=1, max_size=len(ranking), threads=1, seed=seed, method="multilevel", eps=SMALLEST_PRERANK,
    ).res2d  # fmt: skip
    table = result.set_index("Term").rename(columns={"NOM p-val": "p"})
    table[["ES", "NES", "p"]] = table[["ES", "NES", "p"]].astype(np.float64)
    present = [key for key in lists if key in table.index]
    return pd.DataFrame(table.loc[present])
