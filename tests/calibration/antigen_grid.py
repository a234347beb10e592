"""Measure the antigen call crosswise over depth, ambient RNA, cells and detection; writes benchmarks/antigen_grid.json.

python tests/calibration/antigen_grid.py [--share 1.0] [--processes 2] [--tables]

Each cell of the grid is written when it is done, and a run that was interrupted goes on where it stopped, as long as
the measured code is the same. ``--tables`` prints what stands there and measures nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from antigen_patients import ANTIGEN, Truth, expected, oracle, people_do, simulate

from ohmics.calls import antigen as measured
from ohmics.calls.negative import Negative
from ohmics.calls.rules import AntigenRules
from ohmics.provenance import code_digest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "antigen_grid.json"
MODULE = "ohmics.calls.antigen"
DEPTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
CELLS = (50, 300, 2000)
DETECTIONS = (0.02, 0.15, 0.6)
AMBIENTS = {"none": (0.0, 0.0), "20 %": (0.2, 0.2), "0 to 20 %, each sample its own": None}
LOST = (0.3, 0.6, 0.9, 1.0)
ASSESSABLE = 1000
"""Assessable replicates of a null cell where 10 detections or more are to be expected."""
MOST = 4000
FEW = 300
"""Replicates of a null cell where fewer are."""
POWER = 200
CLOSE = 200
"""Replicates of a null cell on which the tests in use and the negative fraction are tried as well."""
BATCH = 50
UNTRIED = Negative(reason="not worked out in this replicate")
Row = dict[str, Any]


def nulls() -> dict[str, Truth]:
    """Return the cells of the null grid; the batch factor's sd is drawn from 0 to 0.3 in each replicate."""
    return {
        f"depth {depth:g}, {n} cells, detection {detection:.0%}, ambient {name}": Truth(
            n_cells=n, depth=depth, detection=detection, ambient=ambient, batch=None
        )
        for (name, ambient), n, detection, depth in product(AMBIENTS.items(), CELLS, DETECTIONS, DEPTHS)
    }


def losses() -> dict[str, Truth]:
    """Return the cells of the power grid."""
    return {
        f"{lost:.0%} lost, depth {depth:g}, {n} cells, detection {detection:.0%}, ambient {ambient:.0%}": Truth(
            n_cells=n, depth=depth, detection=detection, ambient=(ambient, ambient), batch=0.1, kept=1.0 - lost
        )
        for ambient, n, detection, depth, lost in product((0.05, 0.2), (50, 200, 1000), (0.05, 0.2, 0.6), (0.25, 1.0),
                                                          LOST)
    }  # fmt: skip


def replicate(truth: Truth, close: int, number: int) -> Row:
    """Call the antigen of one simulated patient; ``close`` replicates are also given to the tests in use."""
    patient = simulate(truth, 0, number)
    rules = AntigenRules()
    looked_at = number < close
    worked_out = measured.negative_fraction
    if not looked_at:
        # The share of negative cells has no part in the call, and costs more than all the rest.
        measured.negative_fraction = lambda *sides, widest: UNTRIED
    try:
        row = measured.call_pair(patient.pair, antigen=ANTIGEN, genes=(ANTIGEN,), rules=rules, seed=number)
    finally:
        measured.negative_fraction = worked_out
    told = row["call"] != "not_assessable"
    found: Row = {"call": row["call"], "expected": row["expected_detected"], "sd": row["null_sd"]}
    found["covers"] = (
        bool(row["remaining_low"] <= truth.kept and not row["remaining_high"] < truth.kept) if told else None
    )
    if told and looked_at and np.isfinite(row["negative_fraction"]):
        found["negative"] = bool(row["negative_low"] <= 1 - truth.kept <= row["negative_high"])
    if looked_at:
        found |= people_do(patient.pair)
    if truth.kept < 1:
        found["oracle"] = oracle(patient, truth, seed=number, rules=rules)
    return found


def measure(truth: Truth, kind: str, share: float, pool: ProcessPoolExecutor | None = None) -> Row:
    """Return shares of calls, coverage and what others say, over replicates of one cell of the grid."""
    close = POWER if kind == "loss" else CLOSE
    one = partial(replicate, truth, max(int(close * share), 5))
    likely = expected(truth)
    least, most, wanted = (FEW, FEW, 0) if likely < 10 else (ASSESSABLE, MOST, int(ASSESSABLE * share))
    if kind == "loss":
        least, most, wanted = POWER, POWER, 0
    least, most = max(int(least * share), 10), max(int(most * share), 10)
    rows: list[Row] = []
    while len(rows) < least or (len(rows) < most and sum(row["call"] != "not_assessable" for row in rows) < wanted):
        numbers = range(len(rows), min(len(rows) + max(BATCH, int(least / 4)), most))
        rows += list(pool.map(one, numbers, chunksize=10)) if pool else [one(number) for number in numbers]
    return {"expected": likely, **summary(pd.DataFrame(rows))}


def summary(frame: pd.DataFrame) -> Row:
    """Return the shares of one cell's replicates; shares of calls are of the assessable ones."""
    told = frame[frame["call"] != "not_assessable"]
    n = max(len(told), 1)
    calls = told["call"].value_counts()
    row: Row = {"replicates": len(frame), "assessable": len(told)}
    row |= {name: int(calls.get(name, 0)) / n for name in ("lost", "reduced", "gained", "retained", "inconclusive")}
    row["covers"] = float(told["covers"].astype(bool).mean()) if len(told) else None
    row["null_sd"] = float(told["sd"].median()) if len(told) else None
    for name in ("negative", "fisher", "wilcoxon", "score_genes"):
        values = frame[name].dropna() if name in frame else pd.Series(dtype=bool)
        row[name] = float(values.astype(bool).mean()) if len(values) else None
        row[f"{name}_n"] = len(values)
    if "oracle" in frame:
        oracles = frame["oracle"].value_counts()
        assessed = max(len(frame) - int(oracles.get("not_assessable", 0)), 1)
        row["oracle_assessable"] = int((frame["oracle"] != "not_assessable").sum())
        row |= {f"oracle_{name}": int(oracles.get(name, 0)) / assessed for name in ("lost", "reduced")}
    return row


def grid() -> Iterator[tuple[str, str, Truth]]:
    """Yield kind, name and truth of every cell."""
    for kind, cells in (("null", nulls()), ("loss", losses())):
        for name, truth in cells.items():
            yield kind, name, truth


def read(path: Path, digest: str) -> list[Row]:
    """Return the rows already measured on the present code."""
    if not path.exists():
        return []
    written = json.loads(path.read_text(encoding="utf-8"))
    return list(written["rows"]) if written["digest"] == digest else []


def write(path: Path, digest: str, rows: list[Row]) -> None:
    """Write the rows in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    lines = ",\n".join(json.dumps(row) for row in rows)
    beside.write_text(
        f'{{"digest": "{digest}", "cells": {len(list(grid()))}, "rows": [\n{lines}\n]}}\n', encoding="utf-8"
    )
    beside.replace(path)


def main(arguments: list[str] | None = None) -> int:
    """Measure what is not measured yet, and write each cell of the grid when it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="share of the replicates, to try the script out")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--most", type=int, default=10_000, help="stop after so many cells of the grid")
    parser.add_argument(
        "--tables", action="store_true", help="print the tables of what is measured, and measure nothing"
    )
    given = parser.parse_args(arguments)
    digest = code_digest(MODULE)
    rows = read(given.out, digest)
    if not given.tables:
        done = {(row["kind"], row["case"]) for row in rows}
        left = [cell for cell in grid() if cell[:2] not in done][: given.most]
        with ProcessPoolExecutor(given.processes) as pool:
            for kind, name, truth in left:
                rows.append(
                    {"kind": kind, "case": name, "truth": asdict(truth), **measure(truth, kind, given.share, pool)}
                )
                write(given.out, digest, rows)
                sys.stdout.write(f"{len(rows):4} {kind} {name}: {rows[-1]['assessable']} of {rows[-1]['replicates']}\n")
                sys.stdout.flush()
    from antigen_tables import text

    sys.stdout.write(text(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
