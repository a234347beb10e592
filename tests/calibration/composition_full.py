"""Measure the second view of composition without any change: writes benchmarks/composition.json.

Samples wander around their patient (Dirichlet) and hold a different number of cells on each side. Rows hold how often
the model's p was at most 0.05 and how often its 95 % interval held 0.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from ohmics.seeds import generator
from ohmics.stats.overdispersed import binomial_change

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "composition.json"
MEASURED = ("stats/overdispersed.py", "stats/paired.py")
CASES = tuple(
    (pairs, totals, rare, wander)
    for pairs, totals in ((6, (300, 300)), (8, (400, 100)), (12, (400, 100)), (20, (400, 100)))
    for rare, wander in ((0.25, 20.0), (0.03, 20.0), (0.03, 100.0))
)
Row = dict[str, Any]
_SPEC = importlib.util.spec_from_file_location("run_full", Path(__file__).with_name("run_full.py"))
run_full = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(run_full)


def digest() -> str:
    """Return the digest of the measured code."""
    return run_full.digest(MEASURED)


def measure(case: tuple[int, tuple[int, int], float, float], replicates: int, seed: int = 0) -> Row:
    """Return error rate and coverage of one case: pairs, cells a side, share of the type, concentration of samples."""
    pairs, totals, share, wander = case
    random = generator(seed, "second view", pairs, *totals, share, wander)
    n = np.tile(np.array(totals, dtype=float), (pairs, 1))
    hits, held, given = 0, 0, 0
    for number in range(replicates):
        own = np.clip(random.beta(60 * share, 60 * (1 - share), size=(pairs, 1)), 1e-3, 1 - 1e-3)
        level = random.beta(np.repeat(own * wander, 2, axis=1), np.repeat((1 - own) * wander, 2, axis=1))
        found = binomial_change(
            random.binomial(n.astype(int), level).astype(float), n, n_draws=999, name=f"{seed}/{number}"
        )
        if np.isfinite(found.p):
            given += 1
            hits += found.p <= 0.05
            held += found.low <= 0 <= found.high
    return {
        "case": f"{pairs} pairs, {totals[0]} and {totals[1]} cells, share {share:g}, concentration {wander:g}",
        "replicates": replicates, "given": given, "rate": hits / given, "coverage": held / given,
        # The largest level up to 5 % that flips of so many pairs can attain.
        "attainable": float(np.floor(0.05 * 2 ** (pairs - 1)) / 2 ** (pairs - 1)),
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Measure everything in full, or a share of the replicates, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="share of the replicates, to try the script out")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args(arguments)
    measured = digest()
    rows = []
    with ProcessPoolExecutor(given.processes) as pool:
        for one in pool.map(measure, CASES, [max(20, int(2000 * given.share))] * len(CASES)):
            rows.append(one)
            sys.stdout.write(f"{one['case']:60} p <= 0.05 {one['rate']:.4f}  covers {one['coverage']:.4f}\n")
            sys.stdout.flush()
    if digest() != measured:
        sys.stderr.write("the measured code was edited meanwhile; nothing is written, measure again\n")
        return 1
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps({"digest": measured, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
