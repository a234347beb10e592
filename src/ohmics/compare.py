"""SCORES, samples and contrasts come in; EFFECTS per cohort and patient go out (composition: COMPOSITION)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ohmics.differences import (
    TEST_KEY,
    Differences,
    contrast_sides,
    group_values,
    pair_flags,
    paired_differences,
    spanning_blocks,
)
from ohmics.errors import listing
from ohmics.model import Contrast
from ohmics.stats import composition, groups
from ohmics.stats.multiple import FloatArray, method_family, primary_family
from ohmics.stats.paired import EffectTest, Flips, flip_test, step_down
from ohmics.tables import COMPOSITION, EFFECTS, skipped

STAGE = "compare"
DEPTHS = ("thinned", "raw")
TECHNICAL = "technical range of the patient's own samples (1.96 sd of measurement), not a test"


@dataclass
class _Rows:
    effects: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)


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

    Paired contrasts flip the signs of units' differences, groups permute units within strata
    (non-numeric covariates) beyond numeric covariates (Freedman-Lane), ``interact_with`` permutes groups
    over units' differences. Only thinned rows join a family: all primary lines of a contrast in one,
    all further lines of one method in another; q is step-down max-|T| over randomisations shared by the
    family. Raw rows stand beside them with p and an empty q.

    Parameters
    ----------
    scores
        SCORES.
    samples
        SAMPLES.
    contrasts
        One or more contrasts.
    primary
        The catalogue's primary lines (``mechanism``, ``gene_list``, ``method``, ``cell_type``); None:
        there is no primary family.
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
        When a column of a contrast is not in the samples sheet.
    """
    rows = _Rows()
    for contrast in [contrasts] if isinstance(contrasts, Contrast) else contrasts:
        sides = contrast_sides(samples, contrast)
        reason = _unsupported(contrast, sides)
        if reason:
            rows.skipped.append(skipped(STAGE, reason, contrast=contrast.label))
            continue
        for depth in DEPTHS:
            if contrast.blocks:
                _compare_paired(scores, sides, contrast, depth, primary, n_draws, seed, rows)
            else:
                _compare_groups(scores, sides, contrast, depth, primary, n_draws, seed, rows)
    frame = EFFECTS.conform(rows.effects) if rows.effects else EFFECTS.empty()
    frame = frame.sort_values(list(EFFECTS.key), kind="stable", na_position="first").reset_index(drop=True)
    frame.attrs = {"skipped": rows.skipped}
    return frame


def _unsupported(contrast: Contrast, sides: pd.DataFrame) -> str:
    """Return why a contrast has no randomisation test here, or an empty string."""
    if contrast.test is None:
        return f"`{contrast.variable}` is continuous: scores have no randomisation test for it, the linear model of genes has"
    if contrast.random_by:
        return f"`{contrast.random_by}` is a random effect: no randomisation respects it, the linear models of genes do"
    if contrast.interact_with and not contrast.blocks:
        return "interact_with needs pair_by: the groups are compared on units' differences"
    if contrast.blocks and contrast.covariates:
        return f"covariates ({listing(contrast.covariates)}) of a paired contrast: flips cannot adjust for them, the linear models of genes do"
    spanning = spanning_blocks(sides) if contrast.blocks else []
    if spanning:
        return f"blocks {listing(spanning)} hold samples of more than one {contrast.unit}, so no {contrast.unit} has a difference of its own"
    if not contrast.blocks:
        both = sides.groupby("unit")["side"].nunique()
        mixed = listing(both.index[both > 1])
        if mixed:
            return f"{mixed} have samples on both sides; pair them with pair_by"
    return ""


def _compare_paired(
    scores: pd.DataFrame, sides: pd.DataFrame, contrast: Contrast, depth: str, primary: pd.DataFrame | None,
    n_draws: int, seed: int, rows: _Rows,
) -> None:  # fmt: skip
    found = paired_differences(scores, sides, depth)
    _unmatched(scores, sides, found, contrast, depth, rows)
    if not len(found.tests):
        return
    flags = pair_flags(sides)
    _patient_rows(found, flags, contrast, depth, rows)
    if contrast.interact_with:
        _interaction(found, sides, flags, contrast, depth, primary, n_draws, seed, rows)
        return
    enough = _enough(found, contrast, depth, rows, least=2)
    if not enough.any():
        return
    kept = _subset(found, enough)
    flips = Flips(len(kept.unit_names), n_draws, seed, contrast.label)
    test = flip_test(kept.units, flips)
    q, families = _families(kept.tests, contrast, depth, primary, test.p, lambda part: step_down(kept.units[:, part], flips))
    _cohort_rows(kept, test, q, families, flags, contrast, depth, rows)


def _interaction(
    found: Differences, sides: pd.DataFrame, flags: dict[str, dict[str, str]], contrast: Contrast, depth: str,
    primary: pd.DataFrame | None, n_draws: int, seed: int, rows: _Rows,
) -> None:  # fmt: skip
    """Compare the units' differences between the two groups of ``interact_with``."""
    column = str(contrast.interact_with)
    values = sides.groupby("unit")[column].agg(lambda v: "|".join(sorted(set(v.dropna().astype(str)))))
    of_unit = values.reindex(found.unit_names)
    names = sorted({str(value) for value in of_unit if value and "|" not in str(value)})
    if len(names) != 2:
        reason = f"interact_with `{column}` has {len(names)} values ({listing(names) or 'none'}); two are needed"
        if depth == DEPTHS[0]:
            rows.skipped.append(skipped(STAGE, reason, contrast=contrast.label))
        return
    inside = of_unit.isin(names).to_numpy()
    part = _rows_of(found, inside)
    plan = groups.Groups(
        test=(of_unit[inside] == names[1]).to_numpy(dtype=bool), strata=np.zeros(int(inside.sum()), dtype=np.int64),
        n_draws=n_draws, seed=seed, name=contrast.label,
    )  # fmt: skip
    _two_groups(part, plan, flags, contrast, depth, primary, rows, label=f"change in {names[1]} minus change in {names[0]}")


def _compare_groups(
    scores: pd.DataFrame, sides: pd.DataFrame, contrast: Contrast, depth: str, primary: pd.DataFrame | None,
    n_draws: int, seed: int, rows: _Rows,
) -> None:  # fmt: skip
    found = group_values(scores, sides, depth)
    _unmatched(scores, sides, found, contrast, depth, rows)
    if not len(found.tests):
        return
    of_unit = sides.drop_duplicates("unit").set_index("unit").reindex(found.unit_names)
    whole = of_unit[list(contrast.covariates)].notna().all(axis=1).to_numpy(dtype=bool)
    of_unit, part = of_unit[whole], _rows_of(found, whole)
    numeric = [name for name in contrast.covariates if pd.api.types.is_numeric_dtype(of_unit[name])]
    strata = of_unit[[name for name in contrast.covariates if name not in numeric]].astype(str).agg("|".join, axis=1)
    plan = groups.Groups(
        test=(of_unit["side"] == "test").to_numpy(dtype=bool),
        strata=np.unique(strata.to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64)
        if len(numeric) < len(contrast.covariates)
        else np.zeros(len(of_unit), dtype=np.int64),
        covariates=of_unit[numeric].to_numpy(dtype=np.float64) if numeric else np.zeros((0, 0)),
        n_draws=n_draws, seed=seed, name=contrast.label,
    )  # fmt: skip
    _two_groups(part, plan, {}, contrast, depth, primary, rows, label="")


def _two_groups(
    found: Differences, plan: groups.Groups, flags: dict[str, dict[str, str]], contrast: Contrast, depth: str,
    primary: pd.DataFrame | None, rows: _Rows, *, label: str,
) -> None:  # fmt: skip
    test = groups.permutation_test(found.units, plan)
    tested = ~np.isnan(test.p)
    given = ~np.isnan(found.units)
    sizes = [np.count_nonzero(given[plan.test == side], axis=0) for side in (True, False)]
    for j in np.flatnonzero(~tested):
        reason = f"{sizes[0][j]} units against {sizes[1][j]}: too few to compare groups"
        _skip_test(found.tests.iloc[j], reason, contrast, depth, rows)
    if not tested.any():
        return
    kept = _subset(found, tested)
    test = _take(test, tested)
    q, families = _families(
        kept.tests, contrast, depth, primary, test.p, lambda part: groups.step_down(kept.units[:, part], plan)
    )
    _cohort_rows(kept, test, q, families, flags, contrast, depth, rows, label=label)


def _families(
    tests: pd.DataFrame, contrast: Contrast, depth: str, primary: pd.DataFrame | None, p: FloatArray,
    adjust: Callable[[Any], FloatArray],
) -> tuple[FloatArray, list[str]]:  # fmt: skip
    """Return q and the family of each test; raw tests are in none."""
    q = np.full(len(tests), np.nan)
    if depth == "raw":
        return q, [""] * len(tests)
    keys = set()
    if primary is not None and len(primary):
        keys = set(primary[["gene_list", "method", "cell_type"]].astype(str).itertuples(index=False, name=None))
    own = list(tests[["gene_list", "method", "cell_type"]].astype(str).itertuples(index=False, name=None))
    families = [
        primary_family(contrast.label) if key in keys else method_family(contrast.label, key[1]) for key in own
    ]
    for name in dict.fromkeys(families):
        part = np.array([family == name for family in families])
        # A test's own p may be exact where the family's is drawn: q is never below it.
        q[part] = np.maximum(adjust(part), p[part])
    return q, families


def _cohort_rows(
    found: Differences, test: EffectTest, q: FloatArray, families: list[str], flags: dict[str, dict[str, str]],
    contrast: Contrast, depth: str, rows: _Rows, label: str = "",
) -> None:  # fmt: skip
    paired = bool(contrast.blocks)
    for j, key in enumerate(found.tests.to_dict("records")):
        pairs = found.pairs[:, j]
        given = ~np.isnan(pairs)
        cautions = _cohort_flags([found.blocks[i] for i in np.flatnonzero(given)], flags)
        rows.effects.append({
            **key, "contrast": contrast.label, "level": "cohort", "subject": contrast.label, "depth": depth,
            "effect": test.effect[j], "low": test.low[j], "high": test.high[j], "interval_level": test.level[j],
            "unit": f"{key['method']} score", "p": test.p[j], "q": q[j], "smallest_p": test.smallest_p[j],
            "n_pairs": int(given.sum()), "n_units": int(test.n_units[j]),
            "n_positive_pairs": int((pairs > 0).sum()) if paired else None,
            "n_positive": int((found.units[:, j] > 0).sum()) if paired else None,
            "n_cells": int(np.nansum(found.cells[:, j])), "scheme": test.scheme[j], "family": families[j],
            "min_detectable": test.min_detectable[j], "sd_change": test.sd[j],
            "hodges_lehmann": test.hodges_lehmann[j], "flags": ";".join([label] * bool(label) + cautions),
        })  # fmt: skip


def _patient_rows(
    found: Differences, flags: dict[str, dict[str, str]], contrast: Contrast, depth: str, rows: _Rows
) -> None:
    owner = np.array(found.block_units)
    for i, unit in enumerate(found.unit_names):
        own = np.flatnonzero(owner == unit)
        for j, key in enumerate(found.tests.to_dict("records")):
            effect = found.units[i, j]
            if np.isnan(effect):
                continue
            given = own[~np.isnan(found.pairs[own, j])]
            margin = 1.96 * np.sqrt(found.technical[i, j])
            told = [f"{name}: {text}" for b in given for name, text in flags.get(found.blocks[b], {}).items()]
            rows.effects.append({
                **key, "contrast": contrast.label, "level": "patient", "subject": unit, "depth": depth,
                "effect": effect, "low": effect - margin, "high": effect + margin,
                "interval_level": None if np.isnan(margin) else 0.95, "unit": f"{key['method']} score",
                "n_pairs": len(given), "n_units": 1,
                "n_positive_pairs": int((found.pairs[given, j] > 0).sum()), "n_positive": int(effect > 0),
                "n_cells": int(found.cells[i, j]), "scheme": TECHNICAL, "flags": ";".join(dict.fromkeys(told)),
            })  # fmt: skip


def _cohort_flags(blocks: list[str], flags: dict[str, dict[str, str]]) -> list[str]:
    counts: dict[str, int] = {}
    for block in blocks:
        for name in flags.get(block, {}):
            counts[name] = counts.get(name, 0) + 1
    return [f"{name} differs in {count} of {len(blocks)} pairs" for name, count in counts.items()]


def _enough(found: Differences, contrast: Contrast, depth: str, rows: _Rows, *, least: int) -> Any:
    n = np.count_nonzero(~np.isnan(found.units), axis=0)
    for j in np.flatnonzero(n < least):
        reason = f"{n[j]} {contrast.unit}{'' if n[j] == 1 else 's'} with both sides; at least {least} are needed for a test"
        _skip_test(found.tests.iloc[j], reason, contrast, depth, rows)
    return n >= least


def _unmatched(
    scores: pd.DataFrame, sides: pd.DataFrame, found: Differences, contrast: Contrast, depth: str, rows: _Rows
) -> None:
    """Say which tests have scores in this contrast but no depth in common."""
    given = scores[(scores["depth"] == depth) & scores["sample"].isin(sides["sample"])]
    if given.empty:
        rows.skipped.append(skipped(STAGE, f"no {depth} score of a sample of this contrast", contrast=contrast.label))
        return
    keys = given[TEST_KEY].drop_duplicates()
    keys["mechanism"] = keys["mechanism"].astype(object).where(keys["mechanism"].notna(), "")
    known = set(found.tests[TEST_KEY].itertuples(index=False, name=None))
    for _, key in keys.iterrows():
        if tuple(key[TEST_KEY]) not in known:
            _skip_test(key, "the samples that are compared share no thinned depth", contrast, depth, rows)


def _skip_test(key: pd.Series, reason: str, contrast: Contrast, depth: str, rows: _Rows) -> None:
    """Add one row of SKIPPED a cell type and list: what holds for one method and depth is said once."""
    row = skipped(STAGE, reason, contrast=contrast.label, cell_type=key["cell_type"], item=key["gene_list"])
    keys = ("contrast", "cell_type", "item")
    if not any(all(old[name] == row[name] for name in keys) for old in rows.skipped):
        rows.skipped.append(row)


def _subset(found: Differences, tests: Any) -> Differences:
    """Return some of the tests, and only the units and pairs that have one of them."""
    units = ~np.isnan(found.units[:, tests]).all(axis=1)
    names = [name for name, kept in zip(found.unit_names, units, strict=True) if kept]
    blocks = np.array([unit in set(names) for unit in found.block_units])
    return Differences(
        tests=found.tests[tests].reset_index(drop=True), pairs=found.pairs[np.ix_(blocks, tests)],
        blocks=[b for b, kept in zip(found.blocks, blocks, strict=True) if kept],
        block_units=[u for u, kept in zip(found.block_units, blocks, strict=True) if kept],
        units=found.units[np.ix_(units, tests)], unit_names=names,
        technical=found.technical[np.ix_(units, tests)], cells=found.cells[np.ix_(units, tests)],
    )  # fmt: skip
