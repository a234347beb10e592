"""Measure the bulk antigen call: no loss, less tumour, planted loss; writes benchmarks/bulk_antigen.json.

A sample is a mixture: tumour genes (the antigen and its lineage panel) scale with the tumour's share, and each gene
moves by itself between the samples, some further than a normal distribution has them.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ohmics.calls.bulk_antigen import call_bulk_antigen
from ohmics.provenance import code_digest
from ohmics.seeds import generator

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "bulk_antigen.json"
MODULE = "ohmics.calls.bulk_antigen"
PANEL = tuple(f"B{number}" for number in range(12))
GENES = ("CD19", *PANEL, *(f"G{number}" for number in range(300)))
Row = dict[str, Any]


def one(
    random: np.random.Generator, *, reads: float, spread: float, tails: str, purity: tuple[float, float], kept: float,
    normal: float,
) -> pd.Series:  # fmt: skip
    """Call the antigen of one patient; ``normal`` is the share of the antigen's and panel's RNA from normal B cells."""
    level = np.concatenate([[reads], reads * np.exp(random.normal(0.5, 1.0, 12)), np.exp(random.normal(5.5, 1.5, 300))])
    noise = random.standard_t(4, len(level)) / np.sqrt(2) if tails == "heavy" else random.normal(size=len(level))
    samples = []
    for share, keeps, moved, depth in ((purity[0], 1.0, 0.0, 1.0), (purity[1], kept, spread, random.uniform(0.4, 2.0))):
        mean = level * np.exp(moved * noise) * depth
        mean[:13] *= (1 - normal) * share / purity[0] + normal
        # Normal B cells keep what the tumour lost.
        mean[0] *= (keeps * (1 - normal) * share / purity[0] + normal) / ((1 - normal) * share / purity[0] + normal)
        samples.append(pd.Series(random.poisson(mean).astype(float), index=list(GENES)))
    return call_bulk_antigen(samples[0], samples[1], antigen="CD19", panel=PANEL)


def measure(name: str, replicates: int, **setting: Any) -> Row:
    """Return the shares of calls over replicates."""
    rows = pd.DataFrame([one(generator(0, "bulk antigen", name, number), **setting) for number in range(replicates)])
    told = rows[rows["call"] != "not_assessable"]
    n = max(len(told), 1)
    # What remains of the sample's antigen: normal B cells, whose share is the same in both samples, keep theirs.
    truth = setting["kept"] * (1 - setting["normal"]) + setting["normal"]
    covered = (told["remaining_low"] <= truth) & (truth <= told["remaining_high"])
    return {
        "case": name,
        "setting": {key: list(value) if isinstance(value, tuple) else value for key, value in setting.items()},
        "replicates": len(rows),
        "assessable": len(told),
        **{call: int((told["call"] == call).sum()) / n for call in
           ("lost", "reduced", "gained", "retained", "inconclusive")},
        "coverage": float(covered.mean()) if len(told) else None,
    }  # fmt: skip


def settings() -> dict[str, dict[str, Any]]:
    """Return every case."""
    found = {}
    for kept, spread, purity, reads, tails in product(
        (1.0, 0.4, 0.1, 0.0), (0.15, 0.3, 0.5), ((0.5, 0.5), (0.6, 0.1), (0.1, 0.6)), (50.0, 500.0), ("normal", "heavy")
    ):
        if kept < 1 and (tails == "heavy" or spread == 0.15):
            continue
        tumour = f"tumour {purity[0]:.0%} to {purity[1]:.0%}"
        name = f"keeps {kept:.0%}, gene sd {spread:g} ({tails}), {tumour}, {reads:g} reads"
        found[name] = {"kept": kept, "spread": spread, "purity": purity, "reads": reads, "tails": tails, "normal": 0.0}
    for normal in (0.2, 0.5):
        name = f"keeps 0%, {normal:.0%} of the RNA of normal B cells"
        found[name] = {
            "kept": 0.0,
            "spread": 0.3,
            "purity": (0.5, 0.5),
            "reads": 500.0,
            "tails": "normal",
            "normal": normal,
        }
    return found


def text(rows: list[Row]) -> str:
    """Return the table as Markdown."""
    lines = [
        "| case | assessable | lost | lost or reduced | gained | retained | covers |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        covers = "" if row["coverage"] is None else f"{row['coverage']:.1%}"
        lines.append(
            f"| {row['case']} | {row['assessable'] / row['replicates']:.0%} | {row['lost']:.1%} | "
            f"{row['lost'] + row['reduced']:.1%} | {row['gained']:.1%} | {row['retained']:.1%} | {covers} |"
        )
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Measure everything and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="share of the replicates, to try the script out")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    rows = []
    for name, setting in settings().items():
        replicates = 1000 if setting["kept"] == 1 else 400
        rows.append(measure(name, max(int(replicates * given.share), 20), **setting))
    written = {"digest": code_digest(MODULE), "share": given.share, "rows": rows}
    given.out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(text(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
