"""SCORES of bulk samples, CONTENT and contrasts come in; scores and EFFECTS beyond content go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ohmics.calls.content import SHEET
from ohmics.calls.content_changes import Beyond, beyond_groups, beyond_paired
from ohmics.compare import compare
from ohmics.differences import TEST_KEY, common_depth, contrast_sides, spanning_blocks
from ohmics.model import BEYOND_CONTENT, BEYOND_ESTIMATED, Contrast
from ohmics.tables import EFFECTS, SCORES, skipped

STAGE = "content"
MIN_GENES = 2
WORDS = {"t_cell": "T-cell content", "purity": "purity"}
BEYOND = (BEYOND_CONTENT, BEYOND_ESTIMATED)
NO_VERDICT = (
    "purity is estimated from expression, which takes out only part of its change: scores beyond it are shown, and no "
    "verdict rests on them; a column `purity` in the sheet would let one"
)


@dataclass(frozen=True, kw_only=True)
class Content:
    """What is needed to read lists beyond content.

    ``table`` is CONTENT. ``kinds``: list key -> ``t_cell`` or ``purity``, of the lists that are read so. ``lists``:
    list key -> genes, whose own genes tell no content.
    """

    table: pd.DataFrame
    kinds: Mapping[str, str]
    lists: Mapping[str, Any]

    def genes(self, gene_list: str) -> pd.DataFrame:
        """Return the content of a list, samples × genes, without the list's own genes."""
        rows = self.table[self.table["content"] == self.kinds[gene_list]]
        given = self.lists.get(gene_list, [])
        own = {gene for side in given.values() for gene in side} if isinstance(given, Mapping) else set(given)
        return rows[~rows["gene"].isin(own)].pivot_table(index="sample", columns="gene", values="value", sort=True)

    def variance(self, gene_list: str, genes: pd.Index) -> pd.Series:
        """Return, per sample, the variance of the content that counting reads alone gives it."""
        rows = self.table[(self.table["content"] == self.kinds[gene_list]) & self.table["gene"].isin(genes)]
        return (rows["technical_sd"] ** 2).groupby(rows["sample"]).sum(min_count=1) / len(genes) ** 2


def content_of(lists: Mapping[str, Any], table: pd.DataFrame) -> Content:
    """Return the content of a run from its gene lists (``content`` and ``lists`` of the file of lists) and CONTENT."""
    return Content(table=table, kinds=lists.get("content", {}), lists=lists["lists"])


@dataclass
class BeyondScores:
    """Scores of one contrast beyond content.

    ``rows``: SCORES, method with the suffix ``_beyond_content``. ``shifts``: per row what is added to the score for the
    test, so that re-labelling units sees the uncertainty of the slope too; ``units`` their units. ``fits``:
    CONTENT_FITS.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    shifts: list[float] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    fits: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)


def beyond_scores(scores: pd.DataFrame, samples: pd.DataFrame, contrast: Contrast, *, content: Content) -> BeyondScores:
    """Return the scores of one contrast's samples beyond content (see `content_changes` for how).

    Parameters
    ----------
    scores
        SCORES of bulk samples.
    samples
        SAMPLES of the usable samples.
    contrast
        A contrast within pairs or of two groups of patients; others are skipped with the reason.
    content
        Content of the samples, and which list is read beyond which.
    """
    found = BeyondScores()
    own = scores[scores["gene_list"].isin(list(content.kinds)) & (scores["cell_type"] == "bulk")]
    sides = contrast_sides(samples, contrast)
    reason = _unsupported(contrast, sides)
    if reason or own.empty:
        if reason:
            found.skipped.append(skipped(STAGE, f"no score beyond content: {reason}", contrast=contrast.label))
        return found
    for depth in ("raw", "thinned"):
        rows = own[own["depth"] == depth]
        within = ["block"] if contrast.blocks else []
        rows = rows.merge(sides[["sample", "block", "unit", "side"]], on="sample") if depth == "raw" else common_depth(
            rows, sides, within
        )  # fmt: skip
        for key, part in rows.groupby(TEST_KEY, sort=True, dropna=False):
            _one_test(part, dict(zip(TEST_KEY, key, strict=True)), depth, contrast, content, found)
    return found


def compare_beyond(
    scores: pd.DataFrame,
    samples: pd.DataFrame,
    contrasts: Sequence[Contrast],
    *,
    content: Content,
    **options: Any,
) -> pd.DataFrame:
    """Return EFFECTS of all scores, and of those read beyond content.

    Parameters
    ----------
    scores, samples, contrasts
        As for `compare`; rows of ``scores`` that are beyond content already are made anew for each contrast.
    content
        Content of the samples, and which list is read beyond which.
    options
        Handed to `compare`.

    Returns
    -------
    pandas.DataFrame
        EFFECTS. Rows beyond content have the method ``{method}_beyond_content``; the families hold them beside the
        others. ``attrs["skipped"]``: rows of SKIPPED.
    """
    measured = scores[~scores["method"].str.endswith(BEYOND)]
    parts, told = [], []
    for contrast in contrasts:
        found = beyond_scores(measured, samples, contrast, content=content)
        told += found.skipped
        given = measured
        if found.rows:
            shifted = [row | {"score": row["score"] + by} for row, by in zip(found.rows, found.shifts, strict=True)]
            given = pd.concat([measured, SCORES.conform(shifted)], ignore_index=True)
        effects = compare(given, samples, contrast, **options)
        told += effects.attrs["skipped"]
        effects.attrs = {}
        parts.append(_as_told(effects, found, contrast))
    kept = [part for part in parts if len(part)]
    frame = EFFECTS.conform(pd.concat(kept, ignore_index=True)) if kept else EFFECTS.empty()
    frame = frame.sort_values(list(EFFECTS.key), kind="stable", na_position="first").reset_index(drop=True)
    frame.attrs = {"skipped": told}
    return frame


def _unsupported(contrast: Contrast, sides: pd.DataFrame) -> str:
    if contrast.test is None:
        return f"`{contrast.variable}` is continuous"
    if contrast.covariates or contrast.interact_with:
        return "the contrast adjusts for further columns or compares changes of two groups"
    if contrast.blocks:
        return "blocks hold samples of more than one unit" if spanning_blocks(sides) else ""
    if contrast.random_by or bool(sides.drop_duplicates(["unit", "side"])["unit"].duplicated().any()):
        return "some units stand on both sides and are not paired"
    return ""


def _one_test(
    rows: pd.DataFrame, key: dict[str, Any], depth: str, contrast: Contrast, content: Content, found: BeyondScores
) -> None:
    """Fit one list, method and depth, and add its rows."""
    gene_list = str(key["gene_list"])
    genes = content.genes(gene_list)
    genes = genes[genes.index.isin(rows["sample"])].dropna(axis=1)
    kind = content.kinds[gene_list]
    exact = kind == "purity" and list(genes.columns) == [SHEET]
    if len(genes.columns) < MIN_GENES and not exact:
        _skip(found, contrast, gene_list, f"{len(genes.columns)} genes tell the {WORDS[kind]} without the list's own")
        return
    score = rows.drop_duplicates("sample").set_index("sample")["score"]
    of = rows.drop_duplicates("sample").set_index("sample")[["unit", "block", "side"]]
    known = score.index.intersection(genes.index)
    table = genes.loc[known].assign(_score=score[known])
    sizes = of.loc[known]
    fit = _paired(table, sizes) if contrast.blocks else _groups(table, sizes)
    if fit.result.why:
        _skip(found, contrast, gene_list, f"confounded by {WORDS[kind]}: {fit.result.why}")
        return
    result = fit.result
    ending = BEYOND_ESTIMATED if kind == "purity" and not exact else BEYOND_CONTENT
    if ending == BEYOND_ESTIMATED:
        _skip(found, contrast, gene_list, NO_VERDICT)
    found.fits.append({
        "contrast": contrast.label, "gene_list": gene_list, "method": key["method"], "depth": depth, "content": kind,
        "n_genes": len(genes.columns), "slope": result.slope, "r_squared": result.r_squared,
        "reliability": result.reliability, "content_change": result.mean_change, "content_sd": result.sd_change,
        "n_units": result.n,
    })  # fmt: skip
    level = genes.mean(axis=1)
    centre = float(level[sizes.index[sizes["side"] == "reference"]].mean())
    noise = content.variance(gene_list, genes.columns)
    shift = dict(zip(fit.units, result.contributions - result.own, strict=True))
    for row in rows.drop_duplicates("sample").to_dict("records"):
        sample = row["sample"]
        beyond = row["score"] - result.slope * (level[sample] - centre)
        technical = row["technical_sd"] ** 2 + (0.0 if exact else result.slope**2 * noise.get(sample, np.nan))
        moved = shift.get(row["unit"], np.nan) if row["side"] == "test" or not contrast.blocks else 0.0
        found.rows.append({
            **{name: row[name] for name in ("sample", *TEST_KEY, "depth", "thinned_to", "n_cells", "coverage")},
            "method": f"{row['method']}{ending}", "score": beyond, "technical_sd": float(np.sqrt(technical)),
        })  # fmt: skip
        found.shifts.append(0.0 if np.isnan(moved) else float(moved))
        found.units.append(str(row["unit"]))


def _skip(found: BeyondScores, contrast: Contrast, gene_list: str, reason: str) -> None:
    row = skipped(STAGE, reason, contrast=contrast.label, cell_type="bulk", item=gene_list)
    if row not in found.skipped:
        found.skipped.append(row)


@dataclass(frozen=True)
class _Fit:
    units: list[str]
    result: Beyond


def _paired(table: pd.DataFrame, of: pd.DataFrame) -> _Fit:
    means = table.groupby([of["block"], of["side"]]).mean()
    sides = {side: means.xs(side, level="side") for side in ("test", "reference") if side in of["side"].to_numpy()}
    if len(sides) < 2:
        nothing = np.zeros(0)
        return _Fit([], beyond_paired(nothing, nothing[:, None]))
    change = (sides["test"] - sides["reference"]).dropna()
    unit = of.drop_duplicates("block").set_index("block")["unit"].reindex(change.index)
    units = pd.DataFrame(change).groupby(unit).mean()
    values = units.to_numpy(dtype=np.float64)
    result = beyond_paired(values[:, -1], values[:, :-1])
    return _Fit([str(name) for name in units.index], result)


def _groups(table: pd.DataFrame, of: pd.DataFrame) -> _Fit:
    units = table.groupby(of["unit"]).mean()
    test = (of.drop_duplicates("unit").set_index("unit")["side"].reindex(units.index) == "test").to_numpy(dtype=bool)
    values = units.to_numpy(dtype=np.float64)
    result = beyond_groups(values[:, -1], values[:, :-1], test)
    return _Fit([str(name) for name in units.index], result)


def _as_told(effects: pd.DataFrame, found: BeyondScores, contrast: Contrast) -> pd.DataFrame:
    """Return EFFECTS in which a unit's own change is what is said of it, and units are words."""
    if not found.rows or effects.empty:
        return effects
    kinds = {(fit["gene_list"], fit["method"], fit["depth"]): WORDS[fit["content"]] for fit in found.fits}
    shift = _unit_shifts(found, contrast)
    rows: list[dict[str, Any]] = [
        {str(name): value for name, value in row.items()} for row in effects.to_dict("records")
    ]
    own: dict[tuple[str, ...], list[float]] = {}
    beyond = [row for row in rows if str(row["method"]).endswith(BEYOND)]
    for row in beyond:
        name = str(row["method"]).removesuffix(BEYOND_CONTENT).removesuffix(BEYOND_ESTIMATED)
        estimated = "estimated " if str(row["method"]).endswith(BEYOND_ESTIMATED) else ""
        row["unit"] = f"{name} score beyond {estimated}{kinds[row['gene_list'], name, row['depth']]}"
        if row["level"] == "patient":
            by = shift.get((str(row["subject"]), row["gene_list"], row["method"], row["depth"]), 0.0)
            row |= {name: float(row[name]) - by for name in ("effect", "low", "high")}
            row |= {"n_positive": int(row["effect"] > 0), "n_positive_pairs": None}
            own.setdefault(_test_of(row), []).append(row["effect"])
    for row in beyond:
        changes = own.get(_test_of(row), [])
        if row["level"] == "cohort" and len(changes) > 1:
            # The test's contributions spread more than the units' own changes, by what the slope is uncertain.
            row |= {"sd_change": float(np.std(changes, ddof=1)), "n_positive": int(np.sum(np.array(changes) > 0))}
            row["n_positive_pairs"] = None
    return EFFECTS.conform(rows)


def _test_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in (*TEST_KEY, "depth"))


def _unit_shifts(found: BeyondScores, contrast: Contrast) -> dict[tuple[str, str, str, str], float]:
    """Return what was added to each unit's change: the shift of its samples on the test side."""
    if not contrast.blocks:
        return {}
    return {
        (unit, row["gene_list"], row["method"], row["depth"]): by
        for row, by, unit in zip(found.rows, found.shifts, found.units, strict=True)
        if by
    }
