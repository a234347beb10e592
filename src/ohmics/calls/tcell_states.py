"""T cells of all samples, axes and GENE_REFERENCE come in; states, exhaustion beyond covariates and tests go out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from ohmics.calls.exhaustion import MIN_CELLS, AxisLists, Exhaustion, axis_lists, decompose_exhaustion
from ohmics.compare import compare, compare_composition
from ohmics.differences import contrast_sides
from ohmics.errors import OhmicsError
from ohmics.model import Contrast
from ohmics.score.reference_rows import reference_rows
from ohmics.score.run import score
from ohmics.score.thin import thin
from ohmics.tables import COMPOSITION, EFFECTS, SCORES, STATES, skipped

STAGE = "states"
METHOD = "mean_z"
BEYOND = f"{METHOD}_beyond_covariates"
"""Method of EFFECTS rows whose score is that beyond activation, proliferation and depth."""
T_CELL = "T cell"
MIN_COVERAGE = 0.5


@dataclass(frozen=True, kw_only=True)
class StateCalls:
    """STATES, EFFECTS of the terminal score (raw and beyond), COMPOSITION of the states, and rows of SKIPPED.

    In ``composition`` the column ``cell_type`` holds the state: each is tested relative to the other states of the
    sample's T cells. ``found`` is what `decompose_exhaustion` gave, None when it was not run.
    """

    states: pd.DataFrame
    effects: pd.DataFrame
    composition: pd.DataFrame
    skipped: list[dict[str, str]] = field(default_factory=list)
    found: Exhaustion | None = None


def call_states(
    cells: Mapping[str, AnnData],
    samples: pd.DataFrame,
    contrasts: Sequence[Contrast],
    *,
    axes: pd.DataFrame,
    gene_lists: Mapping[str, Any],
    types: Mapping[str, Collection[str]],
    reference: pd.DataFrame,
    aliases: Mapping[str, str] | None = None,
    min_cells: int = MIN_CELLS,
    n_draws: int = 10_000,
    seed: int = 0,
) -> StateCalls:
    """Return the states of T cells, and how they and terminal exhaustion change in paired contrasts.

    Every T cell is scored on the axes with mean_z against ``reference``, after the T cells of each patient's samples
    were thinned to the lowest median depth among them: a depth difference between a patient's samples would otherwise
    be read as a change. Before treatment means the reference side of the first contrast that has two sides; slopes,
    zero and unit come from there alone.

    Parameters
    ----------
    cells
        Sample -> its kept cells, raw counts, cells × genes, with ``obs["cell_type"]``; read one sample at a time.
    samples
        SAMPLES of the usable samples.
    contrasts
        Contrasts of the run.
    axes
        Columns axis, role and gene_list, as in ``resources/tcell_axes.tsv``.
    gene_lists
        List key -> genes.
    types
        Type of the tables -> cell types that belong to it; ``T cell`` holds all of them.
    reference
        GENE_REFERENCE of the cohort; the rows of T cells are used.
    aliases
        Other gene name -> approved symbol.
    min_cells
        Samples with fewer cells of a type have no row, and take no part in the tests.
    n_draws, seed
        Sign flips when they are too many to enumerate; ``seed`` also thins.

    Returns
    -------
    StateCalls
        Tables are empty, with the reason in ``skipped``, when there is no contrast with two sides, no T cell, or none
        before treatment.

    Raises
    ------
    OhmicsError
        When axes and lists do not fit (see `axis_lists`).
    """
    lists = axis_lists(axes, gene_lists)
    first = next((one for one in contrasts if one.test is not None), None)
    if first is None:
        return _nothing("no contrast has two sides, so nothing says which T cells are those before treatment")
    sides = contrast_sides(samples, first)
    rows: list[dict[str, str]] = []
    scorer = _Scorer(lists, reference_rows(reference, T_CELL, types[T_CELL]), aliases, min_cells, seed)
    measured = scorer.score_all(cells, samples, first.unit, types[T_CELL], rows)
    if measured.empty:
        return _nothing(f"no usable sample holds {min_cells} T cells", rows)
    before = set(sides.loc[sides["side"] == "reference", "sample"]) & set(measured["sample"])
    if not before:
        reason = f"no sample with {first.variable} {first.reference} holds {min_cells} T cells, so states have no zero"
        return _nothing(reason, rows)
    sheet = samples.assign(_before=np.where(samples["sample"].isin(before), "yes", "no"))
    found = decompose_exhaustion(
        measured.drop(columns=["cell_type", "n_umi", "thinned_to"]),
        measured[["sample", "barcode", "cell_type", "n_umi"]],
        sheet.assign(patient=sheet[first.unit].astype(str)),
        axes=axes,
        types=types,
        pre="yes",
        variable="_before",
        min_cells=min_cells,
    )
    depth = measured.groupby("sample")["thinned_to"].first()
    states = found.states.assign(thinned_to=found.states["sample"].map(depth), note=_note(found, lists))
    rows += found.skipped
    tests = _Tests(found, measured, samples, [one for one in contrasts if one.blocks], types, min_cells, rows)
    return StateCalls(
        states=STATES.conform(states) if len(states) else STATES.empty(),
        effects=tests.effects(_terminal_list(axes), depth, n_draws, seed),
        composition=tests.composition(n_draws, seed),
        skipped=rows,
        found=found,
    )


def _nothing(reason: str, rows: Sequence[dict[str, str]] = ()) -> StateCalls:
    return StateCalls(
        states=STATES.empty(),
        effects=EFFECTS.empty(),
        composition=COMPOSITION.empty(),
        skipped=[*rows, skipped(STAGE, reason)],
    )


def _terminal_list(axes: pd.DataFrame) -> str:
    return str(axes.loc[axes["role"] == "terminal", "gene_list"].iloc[0])


def _note(found: Exhaustion, lists: AxisLists) -> str:
    shared = [
        f"{axis}: {len(genes)} genes shared with the terminal list are left out"
        for axis, genes in lists.removed.items()
        if genes
    ]
    return ";".join([*shared, *found.notes])


@dataclass(frozen=True)
class _Scorer:
    """Scores the T cells of one sample after the other."""

    lists: AxisLists
    reference: pd.DataFrame
    aliases: Mapping[str, str] | None
    min_cells: int
    seed: int

    def score_all(
        self,
        cells: Mapping[str, AnnData],
        samples: pd.DataFrame,
        unit: str,
        members: Collection[str],
        rows: list[dict[str, str]],
    ) -> pd.DataFrame:
        """Return sample, barcode, cell_type, n_umi, thinned_to and one column a list; a row a T cell."""
        parts = []
        for _, group in samples.groupby(samples[unit].astype(str), sort=True):
            own = {name: self._t_cells(cells[name], members) for name in group["sample"] if name in cells}
            for name in [name for name, adata in own.items() if adata.n_obs < self.min_cells]:
                reason = f"{own.pop(name).n_obs} T cells, at least {self.min_cells} are needed"
                rows.append(skipped(STAGE, reason, cell_type=T_CELL, subject=str(name)))
            if own:
                target = min(_median_depth(adata) for adata in own.values())
                parts += [self._score(str(name), adata, target, rows) for name, adata in own.items()]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    @staticmethod
    def _t_cells(adata: AnnData, members: Collection[str]) -> AnnData:
        inside = adata.obs["cell_type"].isin(list(members)).to_numpy()
        genes = np.ones(adata.n_vars, dtype=bool)
        if "feature_type" in adata.var:
            genes = (adata.var["feature_type"].astype(str) != "transgene").to_numpy()
        return adata[inside][:, genes].copy()

    def _score(self, sample: str, adata: AnnData, target: float, rows: list[dict[str, str]]) -> pd.DataFrame:
        adata.obs["sample"] = sample
        thinner = thin(adata, target, seed=self.seed)
        found = score(thinner, self.lists.lists, method=METHOD, reference=self.reference, aliases=self.aliases)
        for one in found.attrs["coverage"]:
            if one["coverage"] < MIN_COVERAGE:
                found[one["gene_list"]] = np.nan
                reason = f"{one['n_present']} of {one['n_genes']} genes of the axis are in the data"
                rows.append(skipped(STAGE, reason, subject=sample, item=str(one["gene_list"])))
        told = pd.DataFrame({
            "sample": sample, "barcode": thinner.obs_names.astype(str),
            "cell_type": thinner.obs["cell_type"].astype(str).to_numpy(),
            "n_umi": np.asarray(thinner.X.sum(axis=1), dtype=np.float64).ravel(), "thinned_to": target,
        })  # fmt: skip
        return pd.concat([told, found.reset_index(drop=True)], axis=1)


def _median_depth(adata: AnnData) -> float:
    return max(1.0, float(np.median(np.asarray(adata.X.sum(axis=1)).ravel())))


@dataclass(frozen=True)
class _Tests:
    """The paired tests of one decomposition."""

    found: Exhaustion
    measured: pd.DataFrame
    samples: pd.DataFrame
    contrasts: list[Contrast]
    types: Mapping[str, Collection[str]]
    min_cells: int
    rows: list[dict[str, str]]

    def effects(self, gene_list: str, depth: pd.Series, n_draws: int, seed: int) -> pd.DataFrame:
        """Return EFFECTS of the terminal score, raw and beyond, per type of cells."""
        scores = self._scores(gene_list, depth)
        if scores.empty or not self._paired():
            return EFFECTS.empty()
        effects = compare(scores, self.samples, self.contrasts, n_draws=n_draws, seed=seed)
        # There is one depth here, so that the other one is missing is no finding.
        told = [row for row in effects.attrs["skipped"] if not row["reason"].startswith("no raw score")]
        self.rows.extend(row | {"stage": STAGE} for row in told)
        effects.attrs = {}
        return effects

    def _scores(self, gene_list: str, depth: pd.Series) -> pd.DataFrame:
        records = []
        kinds = self.measured["cell_type"]
        for kind, members in self.types.items():
            inside = self.found.cells[kinds.isin(list(members)).to_numpy()]
            for sample, group in inside.groupby("sample", sort=True):
                for method, column in ((METHOD, "raw"), (BEYOND, "beyond")):
                    values = group[column].dropna()
                    if len(values) < self.min_cells:
                        continue
                    records.append({
                        "sample": sample, "cell_type": kind, "mechanism": gene_list.partition("/")[0],
                        "gene_list": gene_list, "method": method, "depth": "thinned", "thinned_to": depth[sample],
                        "score": float(values.mean()), "n_cells": len(values),
                        "technical_sd": float(values.std(ddof=1) / np.sqrt(len(values))),
                    })  # fmt: skip
        return SCORES.conform(records) if records else SCORES.empty()

    def composition(self, n_draws: int, seed: int) -> pd.DataFrame:
        """Return COMPOSITION of the states of all T cells."""
        if not self._paired():
            reason = "no contrast is paired, and fractions are compared within pairs only"
            self.rows.append(skipped(STAGE, reason))
            return COMPOSITION.empty()
        cells = self.found.cells.rename(columns={"state": "cell_type"})
        found = compare_composition(cells, self.samples, self.contrasts, exclude=(), n_draws=n_draws, seed=seed)
        self.rows.extend(row | {"stage": STAGE} for row in found.attrs["skipped"])
        found.attrs = {}
        return found

    def _paired(self) -> bool:
        return bool(self.contrasts)


def tcell_types(descendants: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """Return the types whose states are given: all T cells, CD8 and CD4 T cells, each with its subtypes.

    Raises
    ------
    OhmicsError
        When a type is not among ``descendants``.
    """
    wanted = (T_CELL, "CD8 T", "CD4 T")
    absent = [name for name in wanted if name not in descendants]
    if absent:
        raise OhmicsError(f"cell_markers.tsv lacks {', '.join(absent)}")
    return {name: {name, *descendants[name]} for name in wanted}
