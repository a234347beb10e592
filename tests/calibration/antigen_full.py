"""Measure error rates and power of the antigen call; writes benchmarks/antigen.json.

One patient is simulated per replicate: malignant cells and T cells before and after, genes with log-normal levels,
negative-binomial counts, cells of unequal depth, ambient RNA from the whole sample in every droplet, and between the
samples a change of depth and a batch effect on every gene. What is planted in the antigen is known.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse, stats

from ohmics.calls.antigen import call_antigen
from ohmics.provenance import code_digest
from ohmics.seeds import generator

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "antigen.json"
MODULE = "ohmics.calls.antigen"
N_GENES = 300
ANTIGEN = "CD19"
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One patient's truth.

    ``depth`` is UMI after over before, ``detection`` the share of cells with a count before, ``ambient`` the share of
    RNA that is ambient (before, after), ``batch`` the log sd by which every gene moves between the samples, ``kept``
    the share of cells that keep the antigen and ``dimmed`` the factor on their level. ``background`` is the number
    of T cells, 0 for none given. ``normal`` is what normal B cells, which no one gives, add to the antigen in the
    soup of both samples, relative to a malignant cell's level before.
    """

    n_pre: int = 300
    n_post: int = 300
    depth: float = 1.0
    detection: float = 0.18
    ambient: tuple[float, float] = (0.05, 0.05)
    batch: float = 0.1
    kept: float = 1.0
    dimmed: float = 1.0
    dispersion: float = 0.3
    background: int = 200
    normal: float = 0.0


def simulate(setting: Setting, seed: int, *names: object) -> dict[str, AnnData]:
    """Return malignant and background cells before and after."""
    random = generator(seed, "antigen", *asdict(setting).values(), *names)
    genes = [ANTIGEN, *(f"G{number}" for number in range(N_GENES - 1))]
    # A mean with the wanted detection: 1 - E[(1 + φ·m·depth)^(-1/φ)].
    mean = _mean_for(setting.detection, setting.dispersion)
    levels = np.append(mean, mean * np.exp(random.normal(0.0, 1.1, N_GENES - 1)))
    t_cell = levels * np.exp(random.normal(0.0, 1.0, N_GENES))
    t_cell[0] = 0.0
    batch = np.exp(random.normal(0.0, setting.batch, N_GENES))
    found = {}
    for name, n, depth, share, moved in (
        ("pre", setting.n_pre, 1.0, setting.ambient[0], np.ones(N_GENES)),
        ("post", setting.n_post, setting.depth, setting.ambient[1], batch),
    ):
        after = name == "post"
        keeps = random.random(n) < setting.kept if after else np.ones(n, dtype=bool)
        tumour = np.tile(levels * moved, (n, 1))
        if after:
            tumour[:, 0] *= keeps * setting.dimmed
        others = np.tile(t_cell * moved, (max(setting.background, 100), 1))
        soup = np.concatenate([tumour, others]).mean(axis=0)
        soup[0] += setting.normal * levels[0]
        for cells, profile in ((name, tumour), (f"background_{name}", others)):
            size = depth * np.exp(random.normal(-0.08, 0.4, (len(profile), 1)))
            shape = 1.0 / setting.dispersion
            own = profile * size * (1 - share) / shape * random.standard_gamma(shape, profile.shape, dtype=np.float32)
            counts = random.poisson(own + share * depth * soup)
            found[cells] = _adata(counts, genes)
    if setting.background == 0:
        found = {name: cells for name, cells in found.items() if not name.startswith("background")}
    return found


def _mean_for(detection: float, dispersion: float) -> float:
    sizes = np.exp(stats.norm.ppf((np.arange(200) + 0.5) / 200) * 0.4 - 0.08)
    low, high = 1e-4, 100.0
    for _ in range(60):
        mean = (low * high) ** 0.5
        share = np.mean(1 - (1 + dispersion * mean * sizes) ** (-1 / dispersion))
        low, high = (mean, high) if share < detection else (low, mean)
    return high


def _adata(counts: np.ndarray, genes: list[str]) -> AnnData:
    obs = pd.DataFrame(index=pd.Index([f"c{number}" for number in range(len(counts))], dtype=object))
    return AnnData(sparse.csr_matrix(counts.astype(np.float32)), obs=obs,
                   var=pd.DataFrame(index=pd.Index(genes, dtype=object)))  # fmt: skip


def people_do(found: dict[str, AnnData]) -> dict[str, bool]:
    """Say whether tests in use call a loss (one-sided 0.05): Fisher on non-zero cells, Wilcoxon on log values."""
    detected, values = [], []
    for name in ("pre", "post"):
        counts = found[name].X.toarray()
        detected.append((int((counts[:, 0] > 0).sum()), len(counts)))
        values.append(np.log1p(1e4 * counts[:, 0] / np.maximum(counts.sum(axis=1), 1)))
    table = [[detected[0][0], detected[0][1] - detected[0][0]], [detected[1][0], detected[1][1] - detected[1][0]]]
    fisher = stats.fisher_exact(table, alternative="greater").pvalue
    wilcoxon = stats.mannwhitneyu(values[0], values[1], alternative="greater").pvalue
    return {"fisher": bool(fisher < 0.05), "wilcoxon": bool(wilcoxon < 0.05)}


def replicate(setting: Setting, seed: int, number: int) -> Row:
    """Call the antigen of one simulated patient."""
    found = simulate(setting, seed, number)
    row = call_antigen(
        found["pre"], found["post"], antigen=ANTIGEN, background_pre=found.get("background_pre"),
        background_post=found.get("background_post"), seed=number,
    )  # fmt: skip
    truth = setting.kept * setting.dimmed
    covers = None
    if row["call"] != "not_assessable":
        covers = bool(row["remaining_low"] <= truth and not row["remaining_high"] < truth)
    share = row["negative_fraction"]
    negative = None if np.isnan(share) else bool(row["negative_low"] <= 1 - setting.kept <= row["negative_high"])
    return {"call": row["call"], "covers": covers, "p": row["p"], "negative": negative,
            "sd": row["null_sd"], "expected": row["expected_detected"],
            "remaining": row["remaining_fraction"], **people_do(found)}  # fmt: skip


def measure(name: str, setting: Setting, replicates: int, seed: int, pool: ProcessPoolExecutor | None = None) -> Row:
    """Return the shares of calls, coverage and what the tests in use say, over replicates of one setting."""
    one = partial(replicate, setting, seed)
    rows = list(pool.map(one, range(replicates), chunksize=20) if pool else map(one, range(replicates)))
    frame = pd.DataFrame(rows)
    told = frame[frame["call"] != "not_assessable"]
    n = max(len(told), 1)
    calls = told["call"].value_counts()
    given = told["negative"].dropna().astype(bool)
    return {
        "case": name,
        "setting": asdict(setting),
        "replicates": len(frame),
        "assessable": len(told),
        "expected_detected": float(frame["expected"].mean()),
        "null_sd": float(told["sd"].median()) if len(told) else None,
        "remaining": float(told["remaining"].median()) if len(told) else None,
        "lost": float(calls.get("lost", 0) / n),
        "changed": float((calls.get("lost", 0) + calls.get("reduced", 0)) / n),
        "gained": float(calls.get("gained", 0) / n),
        "retained": float(calls.get("retained", 0) / n),
        "inconclusive": float(calls.get("inconclusive", 0) / n),
        "coverage": float(told["covers"].astype(bool).mean()) if len(told) else None,
        "negative_given": float(len(given) / n),
        "negative_coverage": float(given.mean()) if len(given) else None,
        "fisher": float(frame["fisher"].mean()),
        "wilcoxon": float(frame["wilcoxon"].mean()),
    }


BASE = Setting()
NULLS: dict[str, Setting] = {
    "a quarter of the depth": replace(BASE, depth=0.25),
    "half the depth": replace(BASE, depth=0.5),
    "equal depth": BASE,
    "twice the depth": replace(BASE, depth=2.0),
    "four times the depth": replace(BASE, depth=4.0),
    "no batch effect": replace(BASE, batch=0.0),
    "batch sd 0.3": replace(BASE, batch=0.3),
    "batch sd 0.3, a quarter of the depth": replace(BASE, batch=0.3, depth=0.25),
    "no ambient RNA": replace(BASE, ambient=(0.0, 0.0)),
    "ambient 20 %": replace(BASE, ambient=(0.2, 0.2)),
    "ambient 0 then 20 %": replace(BASE, ambient=(0.0, 0.2)),
    "ambient 20 then 0 %": replace(BASE, ambient=(0.2, 0.0)),
    "ambient 5 then 20 %, a quarter of the depth": replace(BASE, ambient=(0.05, 0.2), depth=0.25),
    "ambient unknown, 20 then 0 %": replace(BASE, ambient=(0.2, 0.0), background=0),
    "ambient unknown, 5 %": replace(BASE, background=0),
    "detection 2 %, 1,000 cells": replace(BASE, detection=0.02, n_pre=1000, n_post=1000),
    "detection 5 %": replace(BASE, detection=0.05),
    "detection 60 %": replace(BASE, detection=0.6),
    "detection 60 %, a quarter of the depth": replace(BASE, detection=0.6, depth=0.25),
    "50 cells, detection 60 %": replace(BASE, n_pre=50, n_post=50, detection=0.6),
    "20 cells after, detection 60 %": replace(BASE, n_post=20, detection=0.6),
    "20 cells, detection 90 %": replace(BASE, n_pre=20, n_post=20, detection=0.9),
    "2,000 then 50 cells": replace(BASE, n_pre=1000, n_post=50, detection=0.4),
    "50 then 1,000 cells": replace(BASE, n_pre=50, n_post=1000, detection=0.4),
    "20 background cells": replace(BASE, background=20),
    "normal B cells in the soup, ambient 20 then 5 %": replace(BASE, ambient=(0.2, 0.05), normal=0.3),
    "overdispersed counts": replace(BASE, dispersion=1.5),
}
UNASSESSABLE: dict[str, Setting] = {
    "detection 2 %, 300 cells, a quarter of the depth": replace(BASE, detection=0.02, depth=0.25),
    "15 cells after": replace(BASE, n_post=15, detection=0.6),
    "20 cells, detection 18 %": replace(BASE, n_pre=20, n_post=20),
}
LOSSES: dict[str, Setting] = {
    f"{share} lost, {cells} cells, detection {detection:.0%}": replace(
        BASE, kept=kept, detection=detection, n_pre=cells, n_post=cells
    )
    for share, kept in (("30 %", 0.7), ("40 %", 0.6), ("60 %", 0.4), ("80 %", 0.2), ("90 %", 0.1), ("all", 0.0))
    for cells, detection in ((100, 0.18), (300, 0.18), (300, 0.6), (1000, 0.18))
}
LOSSES |= {
    "all lost, a quarter of the depth": replace(BASE, kept=0.0, depth=0.25),
    "all lost, ambient unknown": replace(BASE, kept=0.0, background=0),
    "all lost, ambient 20 %": replace(BASE, kept=0.0, ambient=(0.2, 0.2), detection=0.4),
    "all lost, ambient 20 % with normal B cells": replace(
        BASE, kept=0.0, ambient=(0.2, 0.2), detection=0.4, normal=0.3
    ),
    "all lost, 200 cells, detection 40 %": replace(BASE, kept=0.0, n_pre=200, n_post=200, detection=0.42),
    "60 % lost, a quarter of the depth": replace(BASE, kept=0.4, depth=0.25),
    "60 % lost, ambient unknown": replace(BASE, kept=0.4, background=0),
    "60 % lost, ambient 20 %": replace(BASE, kept=0.4, ambient=(0.2, 0.2)),
    "60 % lost, batch sd 0.3": replace(BASE, kept=0.4, batch=0.3, detection=0.4),
    "dimmed to 40 %": replace(BASE, dimmed=0.4, detection=0.4),
}
KINDS = {"null": (NULLS, 1000), "unassessable": (UNASSESSABLE, 300), "loss": (LOSSES, 300)}


def main(arguments: list[str] | None = None) -> int:
    """Measure everything in full, or a share of the replicates, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="share of the replicates, to try the script out")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args(arguments)
    digest = code_digest(MODULE)
    rows = []
    with ProcessPoolExecutor(given.processes) as pool:
        for kind, (settings, replicates) in KINDS.items():
            for name, setting in settings.items():
                row = {"kind": kind, **measure(name, setting, max(20, int(replicates * given.share)), 0, pool)}
                rows.append(row)
                coverage = "" if row["coverage"] is None else f"{row['coverage']:.3f}"
                sys.stdout.write(
                    f"{kind:12} {name:44} told {row['assessable']:4} of {row['replicates']:4}  lost {row['lost']:.3f}  "
                    f"lost or reduced {row['changed']:.3f}  gained {row['gained']:.3f}  covers {coverage:5}  "
                    f"Fisher {row['fisher']:.2f}  Wilcoxon {row['wilcoxon']:.2f}\n"
                )
                sys.stdout.flush()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps({"digest": digest, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
