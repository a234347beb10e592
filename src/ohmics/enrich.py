"""Raw counts, a contrast and gene lists come in; the ENRICHMENT table goes out, patients being the unit.

`test_gene_sets` is what a verdict may rest on. `enrich` is gseapy's prerank of one ranking: it permutes genes,
so its p is far too small when a list's genes move together; it stands beside for comparison with the literature.
"""

# ruff: noqa: PT028  # test_gene_sets is a public name, not a test
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import anndata as ad
import numpy as np
import pandas as pd

from ohmics._gene_sets import (
    SMALLEST_PRERANK,
    STAGE,
    HasGeneLists,
    Settings,
    Tested,
    Units,
    check_method,
    collection_family,
    corrected,
    flip_tests,
    lists_of,
    mechanism_of,
    model_tests,
    prerank,
    sized,
    units_of,
)
from ohmics._set_views import running_sums_of, with_groups
from ohmics.de import CellTypeCounts, cell_type_counts
from ohmics.errors import OhmicsError, listing
from ohmics.model import Contrast
from ohmics.normalize import Counts, counts_frame
from ohmics.stats.genesets import GeneList, parts_of
from ohmics.stats.multiple import benjamini_hochberg_by_family, method_family, primary_family
from ohmics.tables import ENRICHMENT, SKIPPED, skipped

__all__ = ["GeneSetTables", "Settings", "enrich", "run", "run_methods", "test_gene_sets"]


def test_gene_sets(
    counts: Counts,
    samples: pd.DataFrame,
    *,
    contrast: Contrast,
    gene_lists: Mapping[str, GeneList] | HasGeneLists,
    family: str,
    method: Literal["flip", "camera", "fry"] = "flip",
    n_draws: int = 10_000,
    seed: int = 0,
    min_size: int = 5,
    max_size: int = 500,
    correlation: float | None = None,
    prerank: bool = True,
    cell_type: str = "bulk",
) -> pd.DataFrame:
    """Test gene lists in one contrast with the patient as the unit.

    Parameters
    ----------
    counts
        Samples × genes, raw counts.
    samples
        SAMPLES, or a frame indexed by sample.
    contrast
        ``flip`` needs ``pair_by`` (patients' signs are flipped), two unpaired groups (their labels are
        permuted), or ``pair_by`` with ``interact_with`` (labels are permuted over patients' changes).
        ``camera`` and ``fry`` take every contrast that `ohmics.de.differential_expression` takes.
    gene_lists
        Key to genes, key to {"up": genes, "down": genes}, or a Catalog. A signed list is scored as the mean of
        the up score and the reversed down score (flip), or with the statistics of down genes turned (camera, fry).
    family
        Name of the family that q is corrected in: step-down max-|T| over the shared flips for ``flip``
        (`ohmics.stats.genesets.balanced`),
        for ``camera`` and ``fry`` Holm in a contrast's primary family, else Benjamini-Hochberg. With a random effect
        their p is too small for genes that move together (`docs/calibration.tsv`): family and q are then empty.
    method
        ``flip``: enrichment score of the moderated t of patients' changes, times the list's mean |t| over that of
        all genes; null by re-labelling patients.
        ``camera``: list against other genes, variance inflated by the list's own correlation.
        ``fry``: list by itself.
    n_draws, seed
        All re-labellings are computed while they are no more than ``n_draws``; else seeded draws.
    min_size, max_size
        Genes of a list among the tested genes; lists outside have a row in ``.attrs["skipped"]``.
    correlation
        camera only: a fixed correlation between genes instead of the estimated one.
    prerank
        flip only: put gseapy's p and q of the same ranking beside (empty for signed lists, which it cannot take).
    cell_type
        What the column of that name says.

    Returns
    -------
    ENRICHMENT, one row a list. ``es`` is positive when the list's genes are higher in the test samples; for camera
    and fry it is the score on the side of their t. ``smallest_p`` is empty where no finite set of p values exists.
    ``coverage`` counts genes that the data hold, ``size`` those with enough counts to be tested.
    ``.attrs["skipped"]`` holds rows of SKIPPED, ``.attrs["design"]`` says who took part.

    Raises
    ------
    OhmicsError
        When the contrast cannot be tested that way; the message says what can be done instead.
    """
    settings = Settings(
        method=method, n_draws=n_draws, seed=seed, min_size=min_size, max_size=max_size,
        correlation=correlation, prerank=prerank,
    )  # fmt: skip
    check_method(method)
    where = {"contrast": contrast.label, "cell_type": cell_type}
    lists = lists_of(gene_lists)
    if method == "flip":
        raw = counts_frame(counts)
        tested = flip_tests(units_of(raw, samples, contrast), set(raw.columns), lists, settings, where)
    else:
        tested = model_tests(counts, samples, contrast, lists, settings, where)
    tested.rows["family"] = family
    frame = corrected([tested])
    frame.attrs["skipped"] = tested.left_out
    frame.attrs["design"] = tested.message
    return frame


test_gene_sets.__test__ = False  # type: ignore[attr-defined]  # a name that pytest would take for a test


def run(
    pseudobulk: ad.AnnData,
    samples: pd.DataFrame,
    contrasts: Sequence[Contrast],
    *,
    gene_lists: Mapping[str, Mapping[str, GeneList]],
    primary: pd.DataFrame | None = None,
    settings: Settings | None = None,
    min_cells: int = 10,
    min_pairs: int = 3,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test gene lists in every cell type and contrast; families span the cell types of a contrast.

    Parameters
    ----------
    pseudobulk, samples, contrasts, min_cells, min_pairs
        As in `ohmics.de.run`.
    gene_lists
        Cell type to the lists tested on it (key to genes, plain or signed).
    primary
        Frame with gene_list and cell_type of the primary lines: their tests form the contrast's primary family,
        all others its family of this method. In bulk samples the list alone decides.
    settings
        Method, draws, seed and sizes.

    Returns
    -------
    ENRICHMENT and SKIPPED; a cell type or list that could not be tested has its row in SKIPPED.
    """
    chosen = settings or Settings()
    table, left_out, _ = _run(
        pseudobulk, samples, contrasts,
        gene_lists=gene_lists, primary=primary, collections={}, settings=chosen, min_cells=min_cells,
        min_pairs=min_pairs,
    )  # fmt: skip
    return table, SKIPPED.conform(left_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneSetTables:
    """ENRICHMENT, SET_OVERLAP, RUNNING_SUMS and SKIPPED of a run."""

    enrichment: pd.DataFrame
    overlap: pd.DataFrame
    running_sums: pd.DataFrame
    skipped: pd.DataFrame


def run_methods(
    pseudobulk: ad.AnnData,
    samples: pd.DataFrame,
    contrasts: Sequence[Contrast],
    *,
    gene_lists: Mapping[str, Mapping[str, GeneList]],
    methods: Sequence[str] = ("flip", "camera"),
    primary: pd.DataFrame | None = None,
    collections: Mapping[str, Mapping[str, GeneList]] | None = None,
    settings: Settings | None = None,
    min_cells: int = 10,
    min_pairs: int = 3,
) -> GeneSetTables:
    """Test gene lists by several methods, with what lists share and how their running sums go.

    Parameters
    ----------
    pseudobulk, samples, contrasts, gene_lists, primary, min_cells, min_pairs
        As in `run`.
    methods
        Of ``flip``, ``camera`` and ``fry``; running sums are those of the first that could test a cell type.
    collections
        Name to further lists, tested in every cell type; each collection is a family by itself
        (Benjamini-Hochberg). A list whose name is among ``gene_lists`` already is tested there only.
    settings
        Draws, seed and sizes; its method is not read.
    """
    chosen = settings or Settings()
    everywhere = sorted(set(pseudobulk.obs["cell_type"].astype(str)))
    own = {key for lists in gene_lists.values() for key in lists}
    member = {key: name for name, lists in (collections or {}).items() for key in lists if key not in own}
    further = {key: lists[key] for lists in (collections or {}).values() for key in lists if key not in own}
    every = {cell_type: {**gene_lists.get(cell_type, {}), **further} for cell_type in everywhere}
    found = [
        _run(
            pseudobulk, samples, contrasts,
            gene_lists=every, primary=primary, collections=member, settings=replace(chosen, method=method),
            min_cells=min_cells, min_pairs=min_pairs,
        )
        for method in methods
    ]  # fmt: skip
    filled = [table for table, _, _ in found if len(table)]
    whole = ENRICHMENT.conform(pd.concat(filled, ignore_index=True)) if filled else ENRICHMENT.empty()
    ranked = [test.ranked for _, _, tests in found for test in tests if test.ranked is not None]
    whole, overlap = with_groups(whole, ranked)
    left_out = pd.DataFrame([row for _, rows, _ in found for row in rows], columns=list(SKIPPED.names))
    return GeneSetTables(
        enrichment=ENRICHMENT.conform(whole),
        overlap=overlap,
        running_sums=running_sums_of(whole, ranked),
        skipped=SKIPPED.conform(left_out.drop_duplicates(list(SKIPPED.key))),
    )


def _run(
    pseudobulk: ad.AnnData,
    samples: pd.DataFrame,
    contrasts: Sequence[Contrast],
    *,
    gene_lists: Mapping[str, Mapping[str, GeneList]],
    primary: pd.DataFrame | None,
    collections: Mapping[str, str],
    settings: Settings,
    min_cells: int,
    min_pairs: int,
) -> tuple[pd.DataFrame, list[dict[str, str]], list[Tested]]:
    """Test by one method; ``collections`` is list -> name of the collection it came with."""
    chosen = settings
    check_method(chosen.method)
    left_out: list[dict[str, str]] = []
    parts: dict[str, list[CellTypeCounts]] = {}
    for part in cell_type_counts(pseudobulk, samples, contrasts, min_cells=min_cells, min_pairs=min_pairs, stage=STAGE):
        if isinstance(part, dict):
            left_out.append(part)
        elif gene_lists.get(part.cell_type):
            parts.setdefault(part.contrast.label, []).append(part)
    frames, everything = [], []
    for label, mine in parts.items():
        tests = list(_contrast_tests(mine, gene_lists, chosen, left_out))
        for test in tests:
            left_out += test.left_out
            families = _families(test.rows, primary, label, chosen.method)
            test.rows["family"] = [
                collection_family(label, chosen.method, collections[key]) if key in collections else family
                for key, family in zip(test.rows["gene_list"], families, strict=True)
            ]
        frames.append(corrected(tests))
        everything += tests
    frames = [frame for frame in frames if len(frame)]
    table = ENRICHMENT.conform(pd.concat(frames, ignore_index=True)) if frames else ENRICHMENT.empty()
    return table, left_out, everything


def _contrast_tests(
    parts: Sequence[CellTypeCounts],
    gene_lists: Mapping[str, Mapping[str, GeneList]],
    settings: Settings,
    left_out: list[dict[str, str]],
) -> Iterator[Tested]:
    """Yield the tests of one contrast; a patient has the same sign in every cell type of a draw."""
    units: dict[str, Units] = {}
    for part in parts:
        where = {"contrast": part.contrast.label, "cell_type": part.cell_type}
        try:
            if settings.method == "flip":
                units[part.cell_type] = units_of(part.counts, part.samples, part.contrast)
            else:
                yield model_tests(part.counts, part.samples, part.contrast, gene_lists[part.cell_type], settings, where)
        except OhmicsError as error:
            left_out.append(skipped(STAGE, str(error), **where))
    shared = sorted({str(name) for unit in units.values() for name in unit.values.index})
    for part in parts:
        if part.cell_type not in units:
            continue
        where = {"contrast": part.contrast.label, "cell_type": part.cell_type}
        try:
            yield flip_tests(
                units[part.cell_type], set(part.counts.columns), gene_lists[part.cell_type], settings, where,
                shared=shared,
            )  # fmt: skip
        except OhmicsError as error:
            left_out.append(skipped(STAGE, str(error), **where))


def _families(rows: pd.DataFrame, primary: pd.DataFrame | None, contrast: str, method: str) -> list[str]:
    lines = set() if primary is None else set(zip(primary["gene_list"], primary["cell_type"], strict=True))
    lists = {gene_list for gene_list, _ in lines}
    return [
        primary_family(contrast)
        if (key, cell_type) in lines or (cell_type == "bulk" and key in lists)
        else method_family(contrast, method)
        for key, cell_type in zip(rows["gene_list"], rows["cell_type"], strict=True)
    ]


def enrich(
    ranking: pd.Series,
    gene_lists: Mapping[str, GeneList] | HasGeneLists,
    *,
    family: str,
    min_size: int = 5,
    max_size: int = 500,
    seed: int = 0,
    contrast: str = "ranking",
    cell_type: str = "bulk",
) -> pd.DataFrame:
    """Return gseapy's multilevel prerank of one ranking.

    Parameters
    ----------
    ranking
        Statistic by gene, for example moderated t; genes once each, no missing values.
    gene_lists
        Key to genes. Signed lists cannot be pre-ranked and are listed in ``.attrs["skipped"]``.
    family
        Name of the family of q (Benjamini-Hochberg).
    min_size, max_size
        Genes of a list in the ranking.
    seed
        Seed of the multilevel sampling.
    contrast, cell_type
        What the columns of these names say.

    Returns
    -------
    ENRICHMENT with method ``prerank``. The p values permute genes: not calibrated when genes correlate.

    References
    ----------
    Fang 2023, doi:10.1093/bioinformatics/btac757; Korotkevich 2021, doi:10.1101/060012.
    """
    values = _checked_ranking(ranking)
    where = {"contrast": contrast, "cell_type": cell_type}
    held = set(values.index)
    bounds = Settings(min_size=min_size, max_size=max_size)
    lists, left_out = sized(lists_of(gene_lists), list(values.index), held, bounds, where)
    plain: dict[str, list[str]] = {}
    for key, gene_list in lists.items():
        up, down = parts_of(gene_list)
        if down:
            reason = "prerank takes no signed list; its up and down parts can be given by themselves"
            left_out.append(skipped(STAGE, reason, **where, item=key))
        else:
            plain[key] = up
    result = prerank(values, plain, seed=seed)
    rows = [
        {
            **where, "gene_list": key, "method": "prerank",
            "mechanism": mechanism_of(key), "es": row["ES"], "nes": row["NES"], "statistic": row["NES"], "p": row["p"],
            "smallest_p": SMALLEST_PRERANK, "scheme": "gseapy multilevel, genes permuted",
            "p_prerank": row["p"], "size": sum(gene in held for gene in plain[key]),
            "coverage": sum(gene in held for gene in plain[key]) / len(plain[key]),
            "leading_edge": str(row["Lead_genes"]).replace(";", "|"), "family": family,
        }
        for key, row in zip(map(str, result.index), result.to_dict("records"), strict=True)
    ]  # fmt: skip
    frame = ENRICHMENT.conform(rows) if rows else ENRICHMENT.empty()
    frame["q"] = benjamini_hochberg_by_family(frame["p"].to_numpy(np.float64), list(frame["family"]))
    frame["q_prerank"] = frame["q"]
    frame.attrs["skipped"] = left_out
    return frame


def _checked_ranking(ranking: pd.Series) -> pd.Series:
    if not isinstance(ranking, pd.Series) or not pd.api.types.is_numeric_dtype(ranking):
        raise OhmicsError(
            "the ranking is no column of numbers; legal: one statistic by gene, for example "
            'the table of genes as `de.set_index("gene")["t"]`'
        )
    repeated = ranking.index[ranking.index.duplicated()]
    if len(repeated):
        raise OhmicsError(f"the ranking holds {len(repeated)} genes twice: {listing(repeated)}")
    if not np.isfinite(ranking.to_numpy(np.float64)).all():
        raise OhmicsError("the ranking holds missing or infinite values; rank the tested genes only")
    return ranking.astype(np.float64)
