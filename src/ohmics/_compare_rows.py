"""Tested differences come in; rows of EFFECTS with their families go out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics.differences import TEST_KEY, Differences, pair_flags
from ohmics.membership import group_flags
from ohmics.model import Contrast
from ohmics.stats.multiple import FloatArray, method_family, primary_family
from ohmics.stats.paired import EffectTest
from ohmics.tables import skipped

STAGE = "compare"
TECHNICAL = "technical range of the patient's own samples (1.96 sd of measurement); no test"
Adjust = Callable[[npt.NDArray[np.bool_]], FloatArray]
"""Takes a mask of tests (one family) and returns their adjusted p."""
Rows = list[dict[str, Any]]


@dataclass
class Task:
    """One contrast at one depth, and the rows gathered so far."""

    contrast: Contrast
    sides: pd.DataFrame
    scores: pd.DataFrame
    depth: str
    primary: set[tuple[str, str, str]]
    n_draws: int
    seed: int
    effects: Rows
    skipped: dict[tuple[str, str, str], dict[str, str]]
    flags: dict[str, dict[str, str]] = field(init=False)
    cautions: list[str] = field(init=False)

    def __post_init__(self) -> None:
        paired = bool(self.contrast.blocks) and self.contrast.test is not None
        self.flags = pair_flags(self.sides) if paired else {}
        self.cautions = [] if paired else list(group_flags(self.sides, self.contrast).values())

    def skip(self, reason: str, key: Any = None) -> None:
        """Add one row of SKIPPED a cell type and list: what holds for one method and depth is said once."""
        where = ("", "") if key is None else (str(key["cell_type"]), str(key["gene_list"]))
        row = skipped(STAGE, reason, contrast=self.contrast.label, cell_type=where[0], item=where[1])
        self.skipped.setdefault((self.contrast.label, *where), row)


def records(found: Differences) -> Rows:
    """Return the tests as dicts of their key."""
    return [dict(zip(TEST_KEY, row, strict=True)) for row in found.tests[TEST_KEY].itertuples(index=False, name=None)]


def cohort_rows(task: Task, found: Differences, test: EffectTest, *, paired: bool, label: str = "") -> Rows:
    """Return one row a test, without q; ``paired`` when ``found`` holds differences, whose signs can be counted."""
    rows: Rows = []
    for j, key in enumerate(records(found)):
        given = ~np.isnan(found.pairs[:, j])
        cautions = _pair_cautions([found.blocks[i] for i in np.flatnonzero(given)], task.flags)
        rows.append({
            **key, "contrast": task.contrast.label, "level": "cohort", "subject": task.contrast.label,
            "depth": task.depth, "effect": test.effect[j], "low": test.low[j], "high": test.high[j],
            "interval_level": test.level[j], "unit": unit_of(task, key), "p": test.p[j],
            "smallest_p": test.smallest_p[j], "n_pairs": int(given.sum()), "n_units": int(test.n_units[j]),
            "n_positive_pairs": int((found.pairs[:, j] > 0).sum()) if paired else None,
            "n_positive": int((found.units[:, j] > 0).sum()) if paired else None,
            "n_cells": int(np.nansum(found.cells[:, j])), "scheme": test.scheme[j],
            "min_detectable": test.min_detectable[j], "sd_change": test.sd[j],
            "hodges_lehmann": test.hodges_lehmann[j], "hl_low": test.hl_low[j], "hl_high": test.hl_high[j],
            "hl_level": test.hl_level[j],
            "flags": ";".join([label] * bool(label) + cautions + task.cautions),
        })  # fmt: skip
    return rows


def unit_of(task: Task, key: dict[str, Any]) -> str:
    """Return the unit of an effect; a continuous one is a slope."""
    slope = f" per unit of {task.contrast.variable}" if task.contrast.test is None else ""
    return f"{key['method']} score{slope}"


def family_of(task: Task, row: dict[str, Any]) -> str:
    """Return the family of a row: that of all primary lines of the contrast, or of all further lines of its method."""
    name = task.contrast.label
    key = (row["gene_list"], row["method"], row["cell_type"])
    return primary_family(name) if key in task.primary else method_family(name, row["method"])


def add_families(task: Task, rows: Rows, adjust: Adjust) -> None:
    """Give each row its family and q and keep it; raw rows are in no family."""
    if task.depth != "raw":
        families = [family_of(task, row) for row in rows]
        p = np.array([row["p"] for row in rows], dtype=np.float64)
        for family in dict.fromkeys(families):
            part = np.array([one == family for one in families])
            # A test's own p may be exact where the family's is drawn: q is never below it.
            for j, q in zip(np.flatnonzero(part), np.maximum(adjust(part), p[part]), strict=True):
                rows[j] |= {"q": q, "family": family}
    task.effects.extend(rows)


def patient_rows(task: Task, found: Differences) -> None:
    """Keep one row a unit and test: its own difference with its technical range."""
    owner = np.array(found.block_units, dtype=object)
    keys = records(found)
    for i, unit in enumerate(found.unit_names):
        own = np.flatnonzero(owner == unit)
        for j in np.flatnonzero(~np.isnan(found.units[i])):
            effect, margin = found.units[i, j], 1.96 * np.sqrt(found.technical[i, j])
            given = own[~np.isnan(found.pairs[own, j])]
            told = [f"{name}: {text}" for b in given for name, text in task.flags.get(found.blocks[b], {}).items()]
            task.effects.append({
                **keys[j], "contrast": task.contrast.label, "level": "patient", "subject": unit,
                "depth": task.depth, "effect": effect, "low": effect - margin, "high": effect + margin,
                "interval_level": None if np.isnan(margin) else 0.95, "unit": unit_of(task, keys[j]),
                "n_pairs": len(given), "n_units": 1,
                "n_positive_pairs": int((found.pairs[given, j] > 0).sum()), "n_positive": int(effect > 0),
                "n_cells": int(found.cells[i, j]), "scheme": TECHNICAL, "flags": ";".join(dict.fromkeys(told)),
            })  # fmt: skip


def _pair_cautions(blocks: list[str], flags: dict[str, dict[str, str]]) -> list[str]:
    counts: dict[str, int] = {}
    for block in blocks:
        for name in flags.get(block, {}):
            counts[name] = counts.get(name, 0) + 1
    return [f"{name} differs in {count} of {len(blocks)} pairs" for name, count in counts.items()]


def unmatched(task: Task, found: Differences) -> None:
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
