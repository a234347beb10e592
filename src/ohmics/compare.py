"""SCORES, samples and contrasts come in; EFFECTS per cohort and patient go out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics._compare_mixed import mixed_rows
from ohmics._compare_rows import Rows, Task, add_families, cohort_rows, family_of, patient_rows, unmatched
from ohmics.differences import (
    TEST_KEY,
    Differences,
    as_text,
    contrast_sides,
    covariate_differences,
    group_values,
    paired_differences,
    spanning_blocks,
    unit_slopes,
)
from ohmics.errors import listing
from ohmics.fractions import compare_composition
from ohmics.membership import uses_mixed_model
from ohmics.model import Contrast
from ohmics.stats import groups
from ohmics.stats.multiple import FloatArray, model_q_by_family
from ohmics.stats.paired import Flips, flip_test, step_down
from ohmics.tables import EFFECTS, SCORES, check

__all__ = ["compare", "compare_composition"]

DEPTHS = ("thinned", "raw")
LEAST_UNITS = 2
LEAST_FOR_A_SLOPE = 4
FEW_LEVELS = 5  # a covariate of numbers with more values than this is a quantity, with fewer it names strata


def compare(
    scores: pd.DataFrame,
    samples: pd.DataFrame,
    contrasts: Contrast | Sequence[Contrast],
    *,
    primary: pd.DataFrame | None = None,
    n_draws: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Test how scores change between the sides of each contrast; the patient is the unit.

    Paired contrasts flip the signs of units' differences (beyond covariates that differ within pairs: of their
    residuals, Freedman-Lane); groups, and units along a continuous variable, are permuted within strata (covariates
    that are no numbers or have at most 5 values) beyond the other covariates (Freedman-Lane); ``interact_with``
    permutes groups over units' differences. ``random_by``, and unpaired contrasts some of whose units stand on both
    sides, fit a mixed model with Kenward and Roger's degrees of freedom that uses units on one side too; where its
    fit is singular the pairs alone are tested, and the row says so.

    Only thinned rows join a family: all primary lines of a contrast in one, all further lines of one method in
    another; q is step-down max-|T| over randomisations shared by the family (mixed models: Holm in the primary
    family, Benjamini-Hochberg in the others). Raw rows stand beside them with p and an empty q.

    Parameters
    ----------
    scores
        SCORES.
    samples
        SAMPLES.
    contrasts
        One or more contrasts.
    primary
        The catalogue's primary lines (``gene_list``, ``method``, ``cell_type``); None: there is no
        primary family.
    n_draws, seed
        Randomisations when they are too many to enumerate.

    Returns
    -------
    pandas.DataFrame
        EFFECTS: ``level`` cohort with a test, and, where units have both sides, ``level`` patient: the unit's own
        difference, whose interval is a technical range and which has no p. ``attrs["skipped"]`` holds
        rows of SKIPPED: whatever was scored but not tested.

    Raises
    ------
    OhmicsError
        When ``scores`` is no SCORES table (a missing score among them), or a column of a contrast is not in the
        samples sheet.
    """
    check(scores, SCORES)
    effects: Rows = []
    skips: dict[tuple[str, str, str], dict[str, str]] = {}
    lines: set[tuple[str, str, str]] = set()
    if primary is not None and len(primary):
        lines = set(primary[["gene_list", "method", "cell_type"]].astype(str).itertuples(index=False, name=None))
    for contrast in [contrasts] if isinstance(contrasts, Contrast) else contrasts:
        sides = contrast_sides(samples, contrast)
        reason = _unsupported(contrast, sides)
        for depth in DEPTHS:
            task = Task(contrast, sides, scores, depth, lines, n_draws, seed, effects, skips)
            if reason:
                task.skip(reason)
            elif contrast.blocks:
                _compare_paired(task)
            elif _random(contrast, sides):
                _compare_mixed(task)
            else:
                _compare_groups(task)
    frame = EFFECTS.conform(effects) if effects else EFFECTS.empty()
    frame = frame.sort_values(list(EFFECTS.key), kind="stable", na_position="first").reset_index(drop=True)
    frame.attrs = {"skipped": list(skips.values())}
    return frame


def _unsupported(contrast: Contrast, sides: pd.DataFrame) -> str:
    """Return why a contrast has no test, or an empty string."""
    if contrast.test is None:
        numbers = pd.to_numeric(sides[contrast.variable], errors="coerce")
        if numbers.isna().any():
            wrong = sides.loc[numbers.isna(), contrast.variable].iloc[0]
            return f"`{wrong}` in `{contrast.variable}` is no number; give test and reference to compare groups"
        if contrast.interact_with:
            return "slopes of two groups are not compared here; the models of genes do"
        if contrast.blocks and contrast.covariates:
            return f"covariates ({listing(contrast.covariates)}) of slopes within patients: use random_by"
    if contrast.interact_with and not contrast.blocks and not _random(contrast, sides):
        return "interact_with needs units with both sides (pair_by, or random_by): their differences are compared"
    if contrast.blocks:
        spanning = spanning_blocks(sides)
        why = f"so no {contrast.unit} has a difference of its own"
        return f"blocks {listing(spanning)} hold samples of more than one {contrast.unit}, {why}" if spanning else ""
    return ""


def _random(contrast: Contrast, sides: pd.DataFrame) -> bool:
    """Say whether a mixed model is fitted: patients are random, and some of them vary in what is compared.

    Where none does the patients' means hold all there is to know, and permuting them is exact.
    """
    if not uses_mixed_model(sides, contrast):
        return False
    name = "side" if contrast.test is not None else contrast.variable
    varying = sides.assign(value=sides[name]).drop_duplicates(["unit", "value"])
    return bool(varying["unit"].duplicated().any())


def _compare_paired(task: Task) -> None:
    found = _differences(task)
    unmatched(task, found)
    patient_rows(task, found)
    done = _paired_tests(task, found)
    if done is not None:
        add_families(task, *done)


def _differences(task: Task) -> Differences:
    if task.contrast.test is None:
        return unit_slopes(task.scores, task.sides, task.depth, task.contrast.variable)
    return paired_differences(task.scores, task.sides, task.depth)


def _paired_tests(task: Task, found: Differences, label: str = "") -> tuple[Rows, Any] | None:
    """Test units' differences: their mean by flips, or between the two groups of ``interact_with``."""
    if task.contrast.interact_with:
        return _compare_interaction(task, found, label)
    notes = [label] if label else []
    covariates = list(task.contrast.covariates)
    gaps = covariate_differences(task.sides, covariates) if covariates else pd.DataFrame()
    if covariates and not len(gaps.columns):
        notes.append(f"{listing(covariates)}: the same on both sides, so pairs adjust for it already")
    n = np.count_nonzero(~np.isnan(found.units), axis=0)
    least = LEAST_UNITS + len(gaps.columns) + bool(len(gaps.columns))
    for j in np.flatnonzero(n < least):
        have = f"{n[j]} of {len(found.unit_names)} ({task.contrast.unit}) have both sides"
        task.skip(f"{have}; at least {least} are needed", found.tests.iloc[j])
    kept = found.of_tests(n >= least)
    if not len(kept.tests):
        return None
    if len(gaps.columns):
        return _beyond_covariates(task, kept, gaps, notes)
    flips = Flips(len(kept.unit_names), task.n_draws, task.seed, task.contrast.label)
    rows = cohort_rows(task, kept, flip_test(kept.units, flips), paired=True, label="; ".join(notes))
    return rows, lambda part: step_down(kept.units[:, part], flips)


def _beyond_covariates(task: Task, found: Differences, gaps: pd.DataFrame, notes: list[str]) -> tuple[Rows, Any] | None:
    gaps = gaps.reindex(found.unit_names)
    given = ~np.isnan(found.units).all(axis=1)
    known = gaps.notna().all(axis=1).to_numpy(dtype=bool) & given
    if (given & ~known).any():
        notes.append(f"{int((given & ~known).sum())} without {listing(task.contrast.covariates)} left out")
    part = found.of_units(known)
    plan = groups.Groups(
        test=np.ones(int(known.sum()), dtype=bool), strata=np.zeros(int(known.sum()), dtype=np.int64),
        covariates=gaps[known].to_numpy(dtype=np.float64), signs=True, n_draws=task.n_draws, seed=task.seed,
        name=task.contrast.label,
    )  # fmt: skip
    notes.append(f"beyond differences in {listing(gaps.columns)}")
    return _relabelled(task, part, plan, "; ".join(notes), paired=True)


def _compare_interaction(task: Task, found: Differences, label: str) -> tuple[Rows, Any] | None:
    """Compare the units' differences between the two groups of ``interact_with``."""
    column = str(task.contrast.interact_with)
    values = as_text(task.sides[column]).groupby(task.sides["unit"])
    of_unit = values.agg(lambda own: "|".join(sorted(set(own) - {""}))).reindex(found.unit_names).fillna("")
    names = sorted({name for name in of_unit if name and "|" not in name})
    if len(names) != 2:
        task.skip(f"interact_with `{column}` has {len(names)} values ({listing(names) or 'none'}); two are needed")
        return None
    # A unit without a difference of its own would keep the labellings from being enumerated.
    inside = of_unit.isin(names).to_numpy(dtype=bool) & ~np.isnan(found.units).all(axis=1)
    covariates = list(task.contrast.covariates)
    sheet = task.sides.drop_duplicates("unit").set_index("unit").reindex(found.unit_names)
    inside &= sheet[covariates].notna().all(axis=1).to_numpy(dtype=bool)
    numeric, strata = _covariates(sheet[inside], covariates)
    plan = groups.Groups(
        test=(of_unit[inside] == names[1]).to_numpy(dtype=bool), strata=strata, covariates=numeric,
        n_draws=task.n_draws, seed=task.seed, name=task.contrast.label,
    )  # fmt: skip
    what = f"change in {names[1]} minus change in {names[0]}"
    return _relabelled(task, found.of_units(inside), plan, "; ".join(filter(None, [what, label])), paired=True)


def _compare_groups(task: Task) -> None:
    found = group_values(task.scores, task.sides, task.depth)
    unmatched(task, found)
    unit = task.contrast.unit
    repeated = f"no {unit} has both sides: {unit}s' means are compared" if task.contrast.random_by else ""
    done = _group_tests(task, found, repeated)
    if done is not None:
        add_families(task, *done)


def _group_tests(task: Task, found: Differences, label: str) -> tuple[Rows, Any] | None:
    """Permute units between two groups, or along a continuous variable."""
    covariates = list(task.contrast.covariates)
    of_unit = task.sides.drop_duplicates("unit").set_index("unit").reindex(found.unit_names)
    given = ~np.isnan(found.units).all(axis=1)
    known = of_unit[covariates].notna().all(axis=1).to_numpy(dtype=bool) & given
    of_unit = of_unit[known]
    numeric, strata = _covariates(of_unit, covariates)
    quantity = None
    if task.contrast.test is None:
        quantity = pd.to_numeric(of_unit[task.contrast.variable]).to_numpy(dtype=np.float64)
    plan = groups.Groups(
        test=(of_unit["side"] == "test").to_numpy(dtype=bool), strata=strata, covariates=numeric,
        quantity=quantity, n_draws=task.n_draws, seed=task.seed, name=task.contrast.label,
    )  # fmt: skip
    left_out = int((given & ~known).sum())
    notes = [label, f"{left_out} without {listing(covariates)} left out" if left_out else ""]
    return _relabelled(task, found.of_units(known), plan, "; ".join(filter(None, notes)), paired=False)


def _covariates(of_unit: pd.DataFrame, names: list[str]) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Return numeric covariates, units × covariates, and the stratum of each unit from all others."""
    columns = []
    strata = np.zeros(len(of_unit), dtype=np.int64)
    for name in names:
        numbers = pd.to_numeric(of_unit[name], errors="coerce")
        if numbers.notna().all() and numbers.nunique() > FEW_LEVELS:
            columns.append(numbers.to_numpy(dtype=np.float64))
            continue
        label = np.unique(as_text(of_unit[name]).to_numpy(dtype=str), return_inverse=True)[1]
        strata = np.unique(strata * (label.max(initial=0) + 1) + label, return_inverse=True)[1].astype(np.int64)
    return np.column_stack(columns) if columns else np.zeros((0, 0)), strata


def _relabelled(
    task: Task, found: Differences, plan: groups.Groups, label: str, *, paired: bool
) -> tuple[Rows, Any] | None:
    """Test by re-labelling units; too few of them, and what cannot be told from the covariates, is skipped."""
    if not len(found.tests):
        return None
    test = groups.permutation_test(found.units, plan)
    given = ~np.isnan(found.units)
    if plan.signs or plan.quantity is not None:
        least, wanted, what = given.sum(axis=0), LEAST_FOR_A_SLOPE, "units: too few for a slope or a covariate"
    else:
        # One unit is no group: its place among many others has a p, but speaks of that unit alone.
        least = np.minimum(*(np.count_nonzero(given[plan.test == side], axis=0) for side in (True, False)))
        wanted, what = LEAST_UNITS, "units: too few to compare groups"
    tested = ~np.isnan(test.p) & (least >= wanted)
    for j in np.flatnonzero(~tested):
        sizes = [int(np.count_nonzero(given[plan.test == side, j])) for side in (True, False)]
        whole = f"{sum(sizes)}" if plan.signs or plan.quantity is not None else f"{sizes[0]} against {sizes[1]}"
        told = what if least[j] < wanted else "units: the covariates leave nothing to compare"
        task.skip(f"{whole} {told}", found.tests.iloc[j])
    if not tested.any():
        return None
    # The plan's rows are the units, so none may go with its tests.
    shown = found.of_tests(tested, all_units=True)
    part = test.subset(tested)
    if plan.quantity is not None:
        part.sd[:] = np.nan  # of residuals: no change whose spread could set a margin
    rows = cohort_rows(task, shown, part, paired=paired, label=label)
    return rows, lambda mask: groups.step_down(shown.units[:, mask], plan)


def _compare_mixed(task: Task) -> None:
    """Fit the mixed model; where it is singular test the pairs alone, in the same families."""
    whole = group_values(task.scores, task.sides.assign(unit=task.sides["sample"]), task.depth)
    unmatched(task, whole)
    task.sides = task.sides.assign(block=task.sides["unit"])
    pairs = _differences(task)
    patient_rows(task, pairs)
    rows, singular = mixed_rows(task, whole)
    if len(singular):
        mine = pairs.tests.merge(singular.assign(_singular=True), how="left")["_singular"].notna().to_numpy()
        note = "singular fit (patients differ no more than their samples): the pairs alone are tested"
        done = _paired_tests(task, pairs.of_tests(mine), note) if mine.any() else None
        rows += done[0] if done is not None else []
    p = np.array([row["p"] for row in rows], dtype=np.float64)
    q = model_q_by_family(p, [family_of(task, row) for row in rows])
    add_families(task, rows, lambda part: q[part])
    _say_lost(task, singular, rows)


def _say_lost(task: Task, singular: pd.DataFrame, rows: Rows) -> None:
    held = {tuple(row[name] for name in TEST_KEY) for row in rows}
    for key in singular.to_dict("records"):
        if tuple(key[name] for name in TEST_KEY) not in held:
            task.skip("singular fit, and too few patients with both sides for the paired test", key)
