"""Scores of T cells on several axes come in; terminal exhaustion raw and beyond its covariates, and states, go out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics.calls.covariates import LOWEST_RELIABILITY, Fit, fit_covariates
from ohmics.errors import Faults, OhmicsError, did_you_mean, listing
from ohmics.tables import STATES, skipped

FloatArray = npt.NDArray[np.float64]

ROLES = ("terminal", "covariate", "state")
DEPTH = "log10_depth"
ALL = "all"
NO_STATE = "none"
STATE_Z = 1.0
"""A cell is in a state when its highest axis stands at least this many sd above the T cells before treatment."""
MIN_CELLS = 20
MIN_FIT_CELLS = 50


@dataclass(frozen=True, slots=True)
class AxisLists:
    """Gene lists to score, by axis; of the covariates what the terminal list shares is removed.

    ``lists`` also holds the two halves of each covariate (``activation.1``, ``activation.2``), which tell how much of
    a covariate's variance is noise. ``removed`` is axis -> genes taken out.
    """

    lists: dict[str, list[str]]
    removed: dict[str, list[str]]


@dataclass(frozen=True, kw_only=True)
class Exhaustion:
    """What `decompose_exhaustion` finds.

    ``cells``: sample, barcode, raw, beyond, state. ``states``: STATES. ``coefficients``: one row a covariate (term,
    coefficient, vif, reliability). ``condition_number`` of the covariates; missing when nothing was fitted.
    ``n_cells``, ``n_patients``: what the coefficients rest on. ``skipped``: rows of SKIPPED.
    """

    cells: pd.DataFrame
    states: pd.DataFrame
    coefficients: pd.DataFrame
    condition_number: float
    n_cells: int
    n_patients: int
    notes: list[str] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)


def axis_lists(axes: pd.DataFrame, gene_lists: Mapping[str, Any]) -> AxisLists:
    """Return the list to score for each axis.

    Parameters
    ----------
    axes
        Columns axis, role (one terminal; covariates; states) and gene_list, as in ``resources/tcell_axes.tsv``.
    gene_lists
        List key -> genes; the catalogue's ``gene_lists``.

    Raises
    ------
    OhmicsError
        When a list or role is unknown, there is not one terminal axis, or a covariate keeps fewer than 4 genes.
    """
    faults = Faults()
    for row in axes.to_dict("records"):
        if row["gene_list"] not in gene_lists or not isinstance(gene_lists[row["gene_list"]], list):
            hint = did_you_mean(str(row["gene_list"]), gene_lists)
            faults.add(f"no unsigned list `{row['gene_list']}`", where=f"axis `{row['axis']}`", remedy=hint)
        if row["role"] not in ROLES:
            faults.add(f"`{row['role']}` is no role", where=f"axis `{row['axis']}`", legal=", ".join(ROLES))
    if (axes["role"] == "terminal").sum() != 1:
        faults.add("there is not exactly one terminal axis", where="axes")
    faults.raise_if_any()
    terminal = set(gene_lists[axes.loc[axes["role"] == "terminal", "gene_list"].iloc[0]])
    lists: dict[str, list[str]] = {}
    removed: dict[str, list[str]] = {}
    for axis, role, key in zip(axes["axis"], axes["role"], axes["gene_list"], strict=True):
        genes = list(gene_lists[key])
        if role == "covariate":
            removed[axis] = sorted(terminal.intersection(genes))
            genes = [gene for gene in genes if gene not in terminal]
            if len(genes) < 4:
                what = f"{len(genes)} genes are left when those of the terminal list are removed"
                faults.add(what, where=f"axis `{axis}`", legal="at least 4", remedy="choose another list")
            ordered = sorted(genes)
            lists |= {f"{axis}.1": ordered[0::2], f"{axis}.2": ordered[1::2]}
        lists[axis] = genes
    faults.raise_if_any()
    return AxisLists(lists, removed)


def decompose_exhaustion(
    scores: pd.DataFrame,
    cells: pd.DataFrame,
    samples: pd.DataFrame,
    *,
    axes: pd.DataFrame,
    types: Mapping[str, Collection[str]],
    pre: str | Collection[str],
    variable: str = "timepoint",
    depth: str = "n_umi",
    min_cells: int = MIN_CELLS,
) -> Exhaustion:
    """Return terminal exhaustion raw and beyond activation, proliferation and depth, and the states of T cells.

    Activation and exhaustion share genes and go together, so a raw terminal score cannot tell recently stimulated
    cells from exhausted ones. The slopes of the terminal score on the covariates are fitted once, on T cells before
    treatment, with an intercept a patient (patients weigh the same), and applied to every cell:
    ``beyond = raw - sum of slope × (covariate - its mean before treatment)``. A covariate scored from few genes is
    noisy, which would make its slope too flat and leave activation in ``beyond``; its error-free variance is taken as
    the covariance of its two halves (see Fuller 1987, doi 10.1002/9780470316665). The slope of depth is straight: where
    samples differ several-fold in depth, score cells thinned to one depth.

    Parameters
    ----------
    scores
        sample, barcode and one column an axis, scored from `axis_lists` (halves of the covariates where available).
    cells
        CELLS: sample, barcode, cell_type and ``depth``.
    samples
        SAMPLES: sample, patient and ``variable``.
    axes
        axis and role, as for `axis_lists`.
    types
        Type of the table -> cell types that belong to it, for example ``{"T cell": catalog.descendants("T cell")}``.
        The fit uses the cells of all of them.
    pre
        Values of ``variable`` that mean before treatment.
    depth
        Column of ``cells`` with the total counts of a cell.
    min_cells
        Fewer cells of a type in a sample have no row.

    Returns
    -------
    Exhaustion
        Units of ``raw`` and ``beyond`` are those of the score; higher is more exhausted. ``beyond`` is missing, with
        the reason, when fewer than 50 T cells before treatment can be fitted. A cell's state is the axis that stands
        highest in sd above the T cells before treatment, ``none`` below 1 sd; fractions of a sample add up to 1. An
        axis that some sample was not scored on is no state of any sample: its share would be 0 there, unmeasured.

    Raises
    ------
    OhmicsError
        When a column is missing, no cell is a T cell, or ``pre`` names no sample.
    """
    _check(scores, cells, samples, axes, variable, depth, pre)
    table = _table(scores, cells, samples, types, variable, depth)
    terminal = str(axes.loc[axes["role"] == "terminal", "axis"].iloc[0])
    covariates = [*axes.loc[axes["role"] == "covariate", "axis"], DEPTH]
    before = table["_when"].isin([pre] if isinstance(pre, str) else list(pre)).to_numpy()
    fit, notes, rows = _fit(table, before, terminal, covariates)
    raw = table[terminal].to_numpy(dtype=np.float64)
    beyond = np.full(len(table), np.nan)
    if fit is not None:
        notes += _beyond_the_fit(table, before, covariates)
        beyond = raw - (table[covariates].to_numpy(dtype=np.float64) - fit.means) @ fit.coefficients
    measured = _measured(table, list(axes["axis"]), notes, rows)
    state = _states(table, measured, before, notes)
    found = table[["sample", "barcode"]].assign(raw=raw, beyond=beyond, state=state)
    states = _summary(found, table["cell_type"], types, fit, [*measured, NO_STATE], min_cells, rows)
    return Exhaustion(
        cells=found,
        states=states,
        coefficients=_coefficients(fit, covariates),
        condition_number=float("nan") if fit is None else fit.condition_number,
        n_cells=0 if fit is None else fit.n,
        n_patients=0 if fit is None else fit.n_groups,
        notes=notes,
        skipped=rows,
    )


def _check(
    scores: pd.DataFrame,
    cells: pd.DataFrame,
    samples: pd.DataFrame,
    axes: pd.DataFrame,
    variable: str,
    depth: str,
    pre: str | Collection[str],
) -> None:
    faults = Faults()
    needed = (
        ("scores", scores, ("sample", "barcode", *axes["axis"])),
        ("cells", cells, ("sample", "barcode", "cell_type", depth)),
        ("samples", samples, ("sample", "patient", variable)),
    )
    for name, frame, columns in needed:
        for column in columns:
            if column not in frame:
                faults.add(f"column `{column}` is missing", where=name, remedy=did_you_mean(column, frame.columns))
    faults.raise_if_any()
    cell = ["sample", "barcode"]
    for name, frame, key in (("scores", scores, cell), ("cells", cells, cell), ("samples", samples, ["sample"])):
        if frame.duplicated(key).any():
            first = frame.loc[frame.duplicated(key), key].iloc[0].tolist()
            faults.add(
                f"{' / '.join(map(str, first))} stands twice", where=name, legal=f"one row a {' and '.join(key)}"
            )
    unknown = sorted(set(cells["sample"]) - set(samples["sample"]))
    if unknown:
        faults.add(f"{len(unknown)} samples of the cells are absent: {listing(unknown)}", where="samples")
    faults.raise_if_any()
    wanted = {pre} if isinstance(pre, str) else set(pre)
    held = set(samples[variable].dropna())
    if not wanted & held:
        raise OhmicsError(f"pre: no sample has {variable} {listing(sorted(wanted))}; legal: {listing(sorted(held))}")


def _table(
    scores: pd.DataFrame,
    cells: pd.DataFrame,
    samples: pd.DataFrame,
    types: Mapping[str, Collection[str]],
    variable: str,
    depth: str,
) -> pd.DataFrame:
    """Return the T cells with their scores, depth, patient and time."""
    wanted = {name for members in types.values() for name in members}
    chosen = cells.loc[cells["cell_type"].isin(wanted), ["sample", "barcode", "cell_type", depth]]
    measured = [name for name in scores.columns if name not in chosen or name in ("sample", "barcode")]
    table = chosen.merge(scores[measured], on=["sample", "barcode"], how="inner", validate="one_to_one")
    if table.empty:
        raise OhmicsError(f"no scored cell is of type {listing(sorted(wanted))}")
    table = table.merge(samples[["sample", "patient", variable]], on="sample", how="left", validate="many_to_one")
    totals = table[depth].to_numpy(dtype=np.float64)
    table[DEPTH] = np.log10(np.maximum(totals, 1.0))
    return table.rename(columns={variable: "_when"})


def _fit(
    table: pd.DataFrame, before: npt.NDArray[np.bool_], terminal: str, covariates: list[str]
) -> tuple[Fit | None, list[str], list[dict[str, str]]]:
    notes: list[str] = []
    complete = table[[terminal, *covariates]].notna().all(axis=1).to_numpy()
    usable = before & complete
    patients = table["patient"].astype(str).to_numpy()
    counts = pd.Series(patients[usable]).value_counts()
    enough = set(counts[counts >= MIN_CELLS].index)
    rows = usable & np.isin(patients, list(enough))
    if rows.sum() < MIN_FIT_CELLS:
        reason = (
            f"{int(rows.sum())} T cells before treatment in patients with at least {MIN_CELLS} of them; "
            f"{MIN_FIT_CELLS} are needed to fit what activation, proliferation and depth explain"
        )
        return None, notes, [skipped("states", reason, item=terminal)]
    chosen = table[rows]
    halves = {
        position: (chosen[f"{axis}.1"].to_numpy(dtype=np.float64), chosen[f"{axis}.2"].to_numpy(dtype=np.float64))
        for position, axis in enumerate(covariates)
        if f"{axis}.1" in table and f"{axis}.2" in table and chosen[[f"{axis}.1", f"{axis}.2"]].notna().all(axis=None)
    }
    fit = fit_covariates(
        chosen[terminal].to_numpy(dtype=np.float64),
        chosen[covariates].to_numpy(dtype=np.float64),
        groups=patients[rows],
        halves=halves,
        names=covariates,
    )
    for position, axis in enumerate(covariates):
        if axis != DEPTH and position not in halves:
            notes.append(f"{axis}: its halves are not scored, so its slope is too flat by its noise")
        if fit.reliability[position] <= LOWEST_RELIABILITY:
            notes.append(f"{axis}: hardly varies beyond noise before treatment; its slope is uncertain")
        if fit.vif[position] > 5:
            notes.append(f"{axis}: variance inflation {fit.vif[position]:.1f}; its slope is uncertain")
    return fit, [*notes, *fit.notes], []


def _beyond_the_fit(table: pd.DataFrame, before: npt.NDArray[np.bool_], covariates: list[str]) -> list[str]:
    """Name samples whose covariates lie outside those the slopes were fitted on: there `beyond` extrapolates."""
    notes: list[str] = []
    for axis in covariates:
        low, high = table.loc[before, axis].quantile([0.025, 0.975])
        middle = table.groupby("sample", sort=True)[axis].median()
        outside = middle[(middle < low) | (middle > high)]
        if len(outside):
            where = listing(outside.index, most=3)
            notes.append(f"{axis} of {where} lies outside that of the fitted cells: `beyond` extrapolates there")
    return notes


def _measured(table: pd.DataFrame, axes: list[str], notes: list[str], rows: list[dict[str, str]]) -> list[str]:
    """Return the axes that every sample was scored on; the others are told, since nothing there is not measured."""
    kept = []
    for axis in axes:
        given = pd.Series(np.isfinite(table[axis].to_numpy(dtype=np.float64)))
        scored = given.groupby(table["sample"].to_numpy(), sort=True).any()
        lacking = list(scored.index[~scored])
        if not lacking:
            kept.append(axis)
            continue
        reason = (
            f"not scored in {len(lacking)} of {len(scored)} samples ({listing(lacking)}), so it is no state of any "
            "sample: its share would be 0 there without having been measured"
        )
        rows.append(skipped("states", reason, item=f"state {axis}"))
        notes.append(f"{axis}: {reason}")
    return kept


def _states(table: pd.DataFrame, axes: list[str], before: npt.NDArray[np.bool_], notes: list[str]) -> npt.NDArray[Any]:
    """Return each cell's state: the highest axis in sd of the T cells before treatment, patients weighing the same.

    A cell that lacks a score on one of the axes has no state: it might have been that one's.
    """
    if not axes:
        return np.full(len(table), None, dtype=object)
    inside = before
    if before.sum() < MIN_FIT_CELLS:
        inside = np.ones(len(table), dtype=bool)
        notes.append("states: too few T cells before treatment, so all T cells given set the zero and the unit")
    patients = table["patient"].astype(str).to_numpy()[inside]
    sizes = pd.Series(patients).map(pd.Series(patients).value_counts()).to_numpy(dtype=np.float64)
    weights = 1.0 / sizes
    values = table[axes].to_numpy(dtype=np.float64)
    known = np.where(np.isfinite(values[inside]), values[inside], 0.0)
    given = np.isfinite(values[inside]) * weights[:, None]
    total = np.maximum(given.sum(axis=0), 1e-12)
    mean = (given * known).sum(axis=0) / total
    sd = np.sqrt((given * (known - mean) ** 2).sum(axis=0) / total)
    height = np.divide(values - mean, sd, out=np.full_like(values, -np.inf), where=(sd > 0) & np.isfinite(values))
    best = height.argmax(axis=1)
    state = np.where(height.max(axis=1) >= STATE_Z, np.array(axes, dtype=object)[best], NO_STATE).astype(object)
    state[~np.isfinite(values).all(axis=1)] = None
    return state


def _summary(
    found: pd.DataFrame,
    cell_type: pd.Series,
    types: Mapping[str, Collection[str]],
    fit: Fit | None,
    names: list[str],
    min_cells: int,
    rows: list[dict[str, str]],
) -> pd.DataFrame:
    """Return STATES: a row for all cells of each sample and type, and one a state."""
    text = "" if fit is None else _text(fit)
    records: list[dict[str, Any]] = []
    for kind, members in types.items():
        inside = found[cell_type.isin(list(members)).to_numpy()]
        for sample, group in inside.groupby("sample", sort=True):
            if len(group) < min_cells:
                reason = f"{len(group)} cells, at least {min_cells} are needed"
                rows.append(skipped("states", reason, cell_type=kind, subject=str(sample)))
                continue
            known = group[group["state"].notna()]
            for state in (ALL, *(names if len(known) >= min_cells else ())):
                part = group if state == ALL else known[known["state"] == state]
                empty = part.empty
                whole = group if state == ALL else known
                records.append({
                    "sample": sample, "cell_type": kind, "state": state, "fraction": len(part) / len(whole),
                    "n_cells": len(part), "raw": None if empty else float(part["raw"].mean()),
                    "beyond": None if empty else float(part["beyond"].mean()), "coefficients": text,
                    "collinearity": "" if fit is None else _collinearity(fit),
                })  # fmt: skip
    return STATES.conform(records) if records else STATES.empty()


def _text(fit: Fit) -> str:
    return "|".join(f"{name}={value:.6g}" for name, value in zip(fit.names, fit.coefficients, strict=True))


def _collinearity(fit: Fit) -> str:
    worst = int(np.argmax(fit.vif))
    return (
        f"condition number {fit.condition_number:.2g}; highest variance inflation {fit.vif[worst]:.2g} "
        f"({fit.names[worst]})"
    )


def _coefficients(fit: Fit | None, covariates: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame({"term": covariates})
    for column in ("coefficients", "vif", "reliability"):
        frame[column] = np.nan if fit is None else getattr(fit, column)
    return frame.rename(columns={"coefficients": "coefficient"})
