"""SCORES, samples and contrasts come in; EFFECTS per cohort and patient go out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics.differences import (
    TEST_KEY,
    Differences,
    as_text,
    contrast_sides,
    group_values,
    pair_flags,
    paired_differences,
    spanning_blocks,
)
from ohmics.errors import listing
from ohmics.fractions import compare_composition
from ohmics.model import Contrast
from ohmics.stats import groups
from ohmics.stats.multiple import FloatArray, method_family, primary_family
from ohmics.stats.paired import EffectTest, Flips, flip_test, step_down
from ohmics.tables import EFFECTS, SCORES, check, skipped

__all__ = ["compare", "compare_composition"]

STAGE = "compare"
DEPTHS = ("thinned", "raw")
LEAST_UNITS = 2
FEW_LEVELS = 5  # a covariate of numbers with more values than this is a quantity, with fewer it names strata
TECHNICAL = "technical range of the patient's own samples (1.96 sd of measurement); no test"
_Adjust = Callable[[npt.NDArray[np.bool_]], FloatArray]


@dataclass
class _Task:
    """One contrast at one depth, and the rows gathered so far."""

    contrast: Contrast
    sides: pd.DataFrame
    scores: pd.DataFrame
    depth: str
    primary: set[tuple[str, str, str]]
    flags: dict[str, dict[str, str]]
    n_draws: int
    seed: int
    effects: list[dict[str, Any]]
    skipped: dict[tuple[str, str, str], dict[str, str]] = field(default_factory=dict)

    def skip(self, reason: str, key: Any = None) -> None:
        """Add one row of SKIPPED a cell type and list: what holds for one method and depth is said once."""
        where = ("", "") if key is None else (str(key["cell_type"]), str(key["gene_list"]))
        row = skipped(STAGE, reason, contrast=self.contrast.label, cell_type=where[0], item=where[1])
        self.skipped.setdefault((self.contrast.label, *where), row)


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

    Paired contrasts flip the signs of units' differences; groups permute units within strata (covariates
    that are no numbers or have at most 5 values) beyond the other covariates (Freedman-Lane);
    ``interact_with`` permutes groups over units' differences. Only thinned rows join a family: all primary
    lines of a contrast in one, all further lines of one method in another; q is step-down max-|T| over
    randomisations shared by the family. Raw rows stand beside them with p and an empty q.

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
        EFFECTS: ``level`` cohort with a test, and for paired contrasts ``level`` patient: the unit's own
        difference, whose interval is a technical range and which has no p. ``attrs["skipped"]`` holds
        rows of SKIPPED: whatever was scored but not tested.

    Raises
    ------
    OhmicsError
        When ``scores`` is no SCORES table (a missing score among them), or a column of a contrast is not in the
        samples sheet.
    """
    check(scores, SCORES)
    effects: list[dict[str, Any]] = []
    skips: dict[tuple[str, str, str], dict[str, str]] = {}
    lines: set[tuple[str, str, str]] = set()
    if primary is not None and len(primary):
        lines = set(primary[["gene_list", "method", "cell_type"]].astype(str).itertuples(index=False, name=None))
    for contrast in [contrasts] if isinstance(contrasts, Contrast) else contrasts:
        sides = contrast_sides(samples, contrast)
        flags = pair_flags(sides) if contrast.blocks else {}
        reason = _unsupported(contrast, sides)
        for depth in DEPTHS:
            task = _Task(contrast, sides, scores, depth, lines, flags, n_draws, seed, effects, skips)
            if reason:
                task.skip(reason)
            elif contrast.blocks:
                _compare_paired(task)
            else:
                _compare_groups(task)
    frame = EFFECTS.conform(effects) if effects else EFFECTS.empty()
    frame = frame.sort_values(list(EFFECTS.key), kind="stable", na_position="first").reset_index(drop=True)
    frame.attrs = {"skipped": list(skips.values())}
    return frame


def _unsupported(contrast: Contrast, sides: pd.DataFrame) -> str:
    """Return why a contrast has no randomisation test, or an empty string."""
    if contrast.test is None:
        return f"`{contrast.variable}` is continuous, which no randomisation of scores tests; the models of genes do"
    if contrast.random_by:
        return f"`{contrast.random_by}` is a random effect, which no randomisation respects; the models of genes do"
    if contrast.interact_with and not contrast.blocks:
        return "interact_with needs pair_by: the groups are compared on the units' differences"
    if contrast.blocks and contrast.covariates:
        names = listing(contrast.covariates)
        return f"covariates ({names}) of a paired contrast: flips cannot adjust for them; the models of genes do"
    if contrast.blocks:
        spanning = spanning_blocks(sides)
        why = f"so no {contrast.unit} has a difference of its own"
        return f"blocks {listing(spanning)} hold samples of more than one {contrast.unit}, {why}" if spanning else ""
    values = sides.groupby("unit")["side"].nunique()
    both = listing(values.index[values > 1])
    return f"{both}: samples on both sides, so the groups are not independent; pair them with pair_by" if both else ""


def _compare_paired(task: _Task) -> None:
    found = paired_differences(task.scores, task.sides, task.depth)
    _unmatched(task, found)
    _patient_rows(task, found)
    if task.contrast.interact_with:
        _compare_interaction(task, found)
        return
    n = np.count_nonzero(~np.isnan(found.units), axis=0)
    for j in np.flatnonzero(n < LEAST_UNITS):
        have = f"{n[j]} of {len(found.unit_names)} ({task.contrast.unit}) have both sides"
        task.skip(f"{have}; at least {LEAST_UNITS} are needed", found.tests.iloc[j])
    kept = found.of_tests(n >= LEAST_UNITS)
    if len(kept.tests):
        flips = Flips(len(kept.unit_names), task.n_draws, task.seed, task.contrast.label)
        _cohort_rows(task, kept, flip_test(kept.units, flips), lambda part: step_down(kept.units[:, part], flips))


def _compare_interaction(task: _Task, found: Differences) -> None:
    """Compare the units' differences between the two groups of ``interact_with``."""
    column = str(task.contrast.interact_with)
    values = as_text(task.sides[column]).groupby(task.sides["unit"])
    of_unit = values.agg(lambda own: "|".join(sorted(set(own) - {""}))).reindex(found.unit_names).fillna("")
    names = sorted({name for name in of_unit if name and "|" not in name})
    if len(names) != 2:
        task.skip(f"interact_with `{column}` has {len(names)} values ({listing(names) or 'none'}); two are needed")
        return
    inside = of_unit.isin(names).to_numpy(dtype=bool)
    plan = groups.Groups(
        test=(of_unit[inside] == names[1]).to_numpy(dtype=bool),
        strata=np.zeros(int(inside.sum()), dtype=np.int64),
        n_draws=task.n_draws,
        seed=task.seed,
        name=task.contrast.label,
    )
    _two_groups(task, found.of_units(inside), plan, f"change in {names[1]} minus change in {names[0]}")


def _compare_groups(task: _Task) -> None:
    found = group_values(task.scores, task.sides, task.depth)
    _unmatched(task, found)
    covariates = list(task.contrast.covariates)
    of_unit = task.sides.drop_duplicates("unit").set_index("unit").reindex(found.unit_names)
    known = of_unit[covariates].notna().all(axis=1).to_numpy(dtype=bool)
    of_unit = of_unit[known]
    numeric, strata = _covariates(of_unit, covariates)
    plan = groups.Groups(
        test=(of_unit["side"] == "test").to_numpy(dtype=bool),
        strata=strata,
        covariates=numeric,
        n_draws=task.n_draws,
        seed=task.seed,
        name=task.contrast.label,
    )
    left_out = int((~known).sum())
    label = f"{left_out} without {listing(covariates)} left out" if left_out else ""
    _two_groups(task, found.of_units(known), plan, label)


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


def _two_groups(task: _Task, found: Differences, plan: groups.Groups, label: str) -> None:
    if not len(found.tests):
        return
    test = groups.permutation_test(found.units, plan)
    given = ~np.isnan(found.units)
    # One unit is no group: its place among many others has a p, but speaks of that unit alone.
    least = np.minimum(*(np.count_nonzero(given[plan.test == side], axis=0) for side in (True, False)))
    tested = ~np.isnan(test.p) & (least >= LEAST_UNITS)
    for j in np.flatnonzero(~tested):
        sizes = [int(np.count_nonzero(given[plan.test == side, j])) for side in (True, False)]
        task.skip(f"{sizes[0]} against {sizes[1]} units: too few to compare groups", found.tests.iloc[j])
    if tested.any():
        # The plan's rows are the units, so none may go with its tests.
        shown = found.of_tests(tested, all_units=True)
        _cohort_rows(task, shown, test.subset(tested), lambda part: groups.step_down(shown.units[:, part], plan), label)


def _families(task: _Task, tests: pd.DataFrame, p: FloatArray, adjust: _Adjust) -> tuple[FloatArray, list[str]]:
    """Return q and the family of each test; raw tests are in none."""
    q = np.full(len(tests), np.nan)
    if task.depth == "raw":
        return q, [""] * len(tests)
    name = task.contrast.label
    keys = list(tests[["gene_list", "method", "cell_type"]].astype(str).itertuples(index=False, name=None))
    families = [primary_family(name) if key in task.primary else method_family(name, key[1]) for key in keys]
    for family in dict.fromkeys(families):
        part = np.array([one == family for one in families])
        # A test's own p may be exact where the family's is drawn: q is never below it.
        q[part] = np.maximum(adjust(part), p[part])
    return q, families


def _cohort_rows(task: _Task, found: Differences, test: EffectTest, adjust: _Adjust, label: str = "") -> None:
    q, families = _families(task, found.tests, test.p, adjust)
    paired = bool(task.contrast.blocks)
    for j, key in enumerate(_records(found)):
        given = ~np.isnan(found.pairs[:, j])
        cautions = _cohort_flags([found.blocks[i] for i in np.flatnonzero(given)], task.flags)
        task.effects.append({
            **key, "contrast": task.contrast.label, "level": "cohort", "subject": task.contrast.label,
            "depth": task.depth, "effect": test.effect[j], "low": test.low[j], "high": test.high[j],
            "interval_level": test.level[j], "unit": f"{key['method']} score", "p": test.p[j], "q": q[j],
            "smallest_p": test.smallest_p[j], "n_pairs": int(given.sum()), "n_units": int(test.n_units[j]),
            "n_positive_pairs": int((found.pairs[:, j] > 0).sum()) if paired else None,
            "n_positive": int((found.units[:, j] > 0).sum()) if paired else None,
            "n_cells": int(np.nansum(found.cells[:, j])), "scheme": test.scheme[j], "family": families[j],
            "min_detectable": test.min_detectable[j], "sd_change": test.sd[j],
            "hodges_lehmann": test.hodges_lehmann[j], "flags": ";".join([label] * bool(label) + cautions),
        })  # fmt: skip


def _patient_rows(task: _Task, found: Differences) -> None:
    owner = np.array(found.block_units, dtype=object)
    keys = _records(found)
    for i, unit in enumerate(found.unit_names):
        own = np.flatnonzero(owner == unit)
        for j in np.flatnonzero(~np.isnan(found.units[i])):
            effect, margin = found.units[i, j], 1.96 * np.sqrt(found.technical[i, j])
            given = own[~np.isnan(found.pairs[own, j])]
            told = [f"{name}: {text}" for b in given for name, text in task.flags[found.blocks[b]].items()]
            task.effects.append({
                **keys[j], "contrast": task.contrast.label, "level": "patient", "subject": unit,
                "depth": task.depth, "effect": effect, "low": effect - margin, "high": effect + margin,
                "interval_level": None if np.isnan(margin) else 0.95, "unit": f"{keys[j]['method']} score",
                "n_pairs": len(given), "n_units": 1,
                "n_positive_pairs": int((found.pairs[given, j] > 0).sum()), "n_positive": int(effect > 0),
                "n_cells": int(found.cells[i, j]), "scheme": TECHNICAL, "flags": ";".join(dict.fromkeys(told)),
            })  # fmt: skip


def _records(found: Differences) -> list[dict[str, Any]]:
    return [dict(zip(TEST_KEY, row, strict=True)) for row in found.tests[TEST_KEY].itertuples(index=False, name=None)]


def _cohort_flags(blocks: list[str], flags: dict[str, dict[str, str]]) -> list[str]:
    counts: dict[str, int] = {}
    for block in blocks:
        for name in flags.get(block, {}):
            counts[name] = counts.get(name, 0) + 1
    return [f"{name} differs in {count} of {len(blocks)} pairs" for name, count in counts.items()]


def _unmatched(task: _Task, found: Differences) -> None:
    """Say which tests have scores in this contrast but no depth in common."""
    given = task.scores[(task.scores["depth"] == task.depth) & task.scores["sample"].isin(task.sides["sample"])]
    if given.empty:
        task.skip(f"no {task.depth} score of any of the contrast's {len(task.sides)} samples")
        return
    keys = given[TEST_KEY].astype(object).fillna("").drop_duplicates()
    known = set(found.tests[TEST_KEY].itertuples(index=False, name=None))
    for key in keys.to_dict("records"):
        if tuple(key[name] for name in TEST_KEY) not in known:
            task.skip("the samples that are compared share no thinned depth", key)
