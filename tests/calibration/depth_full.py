"""Measure what a depth difference does to paired tests of scores; writes benchmarks/depth.json.

python tests/calibration/depth_full.py [--share 1.0] [--out benchmarks/depth.json]

Pairs of samples of 300 cells, the second a quarter as deep. Genes have gamma-distributed levels in the cohort, 30
programmes move genes together within a cell, and every sample has noise of its own on genes and on programmes. Lists
of 25 genes stand at, 2-fold above or 2-fold below the cohort's reference in these cells, before and after alike;
planted ones are induced 1.2, 1.5 or 2-fold in the second sample. The test is `compare`'s sign-flip test. Replicates
beyond those of every method score with the default methods alone, whose rate is held to a bound.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from ohmics.reference import combine, gene_stats
from ohmics.score import score_samples
from ohmics.score.depth import depth_correlations
from ohmics.score.methods import METHODS
from ohmics.seeds import generator
from ohmics.stats.paired import Flips, flip_test

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "depth.json"
MEASURED = (
    "stats/paired.py",
    *(f"score/{name}.py" for name in (
        "aucell", "cohort", "depth", "expression", "groups", "gsva", "mean_z", "plage", "ranks", "reference_rows",
        "run", "samples", "score_genes", "singscore", "ssgsea", "sums", "thin", "ucell", "ulm",
    )),
)  # fmt: skip
N_GENES, N_PROGRAMMES, LIST_SIZE, LISTS_A_KIND = 1200, 30, 25, 8
GENES = [f"G{g:04d}" for g in range(N_GENES)]
KINDS = {"at the reference": 1.0, "2-fold above": 2.0, "2-fold below": 0.5}
FOLDS = (1.2, 1.5, 2.0)
DEEP, SHALLOW = 3000, 750
DEFAULT = ("ucell", "mean_z")
BOUND = 0.07
"""Share of lists the default methods may call changed where nothing but depth differs."""
RUNS = (
    {"pairs": 10, "of_all": 100, "of_default": 60, "planted": False},
    {"pairs": 40, "of_all": 12, "of_default": 68, "planted": False},
    {"pairs": 10, "of_all": 20, "of_default": 0, "planted": True},
)
Row = dict[str, Any]


def plan(
    random: np.random.Generator, *, planted: bool
) -> tuple[np.ndarray, dict[str, list[str]], dict[str, np.ndarray]]:
    """Return the cohort's gene levels, lists by name, and factors on genes: ``both`` samples, ``second`` only."""
    levels = random.gamma(0.5, 1, size=N_GENES)
    order = random.permutation(np.flatnonzero(levels > np.quantile(levels, 0.3)))
    lists, factors = {}, {"both": np.ones(N_GENES), "second": np.ones(N_GENES)}
    wanted = [(f"{fold:g}-fold", fold) for fold in FOLDS] if planted else list(KINDS.items())
    copies = 1 if planted else LISTS_A_KIND
    for number in range(copies):
        for name, factor in wanted:
            place = len(lists) * LIST_SIZE
            genes = order[place : place + LIST_SIZE]
            factors["second" if planted else "both"][genes] = factor
            lists[f"{name}/{number}"] = [GENES[g] for g in genes]
    return levels, lists, factors


def sample(random: np.random.Generator, levels: np.ndarray, depth: float, name: str, cells: int = 300) -> AnnData:
    """Return one sample of cells around its own levels, with programmes that move genes together."""
    own = levels * random.lognormal(0, 0.15, size=N_GENES)
    own = own * random.lognormal(0, 0.1, size=N_PROGRAMMES)[np.arange(N_GENES) % N_PROGRAMMES]
    programme = random.lognormal(0, 0.4, size=(cells, N_PROGRAMMES))[:, np.arange(N_GENES) % N_PROGRAMMES]
    share = own * programme
    share *= depth * random.lognormal(0, 0.3, size=(cells, 1)) / share.sum(axis=1, keepdims=True)
    counts = sparse.csr_matrix(random.poisson(share).astype(np.float32))
    obs = pd.DataFrame({"sample": name, "cell_type": "T cell"}, index=[f"c{i}" for i in range(cells)])
    return AnnData(counts, obs=obs, var=pd.DataFrame(index=GENES))


def replicate(
    pairs: int, seed: int, number: int, *, planted: bool, cells: int = 300, methods: Sequence[str] = tuple(METHODS)
) -> tuple[list[Row], list[Row]]:
    """Return one cohort's p values by method, depth and list; and correlations with depth within one sample."""
    random = generator(seed, "depth", pairs, planted, number)
    levels, lists, factors = plan(random, planted=planted)
    # The cohort's reference is made of other cells too: of these at the reference, half deep, half shallow.
    others = [sample(random, levels, depth, f"r{i}", cells) for i, depth in enumerate((DEEP, SHALLOW) * 2)]
    reference = combine(gene_stats(one, one.obs["cell_type"]) for one in others)
    adatas, targets = [], []
    for patient in range(pairs):
        own = levels * random.lognormal(0, 0.3, size=N_GENES) * factors["both"]
        pair = [
            sample(random, own * (factors["second"] if after else 1.0), depth, f"p{patient}_{after}", cells)
            for after, depth in enumerate((DEEP, SHALLOW))
        ]
        lowest = min(float(np.median(np.asarray(one.X.sum(axis=1)))) for one in pair)
        targets += [{"sample": f"p{patient}_{after}", "cell_type": "T cell", "thinned_to": lowest} for after in (0, 1)]
        adatas += pair
    scores = score_samples(
        adatas, lists, targets=pd.DataFrame(targets), reference=reference, methods=methods, n_null=0, seed=number
    )
    wide = scores.pivot_table(index=["method", "depth", "gene_list"], columns="sample", values="score")
    before, after = ([f"p{patient}_{side}" for patient in range(pairs)] for side in (0, 1))
    change = wide[after].to_numpy() - wide[before].to_numpy()
    p = flip_test(change.T, Flips(pairs, n_draws=999, seed=number)).p
    rows = [
        {"method": method, "depth": depth, "kind": str(gene_list).split("/")[0], "p": float(one), "up": bool(up > 0)}
        for (method, depth, gene_list), one, up in zip(wide.index, p, change.mean(axis=1), strict=True)
    ]
    follow = (
        []
        if planted or len(methods) < len(METHODS)
        else depth_correlations(adatas[0], lists, reference=reference).to_dict("records")
    )
    return rows, follow


def measure(
    replicates: int, pairs: int, seed: int, *, planted: bool, cells: int = 300, of_default: int = 0
) -> tuple[list[Row], list[Row]]:
    """Return the share of p at most 0.05 by method, depth and kind of list, and the median correlations."""
    found: list[Row] = []
    follow: list[Row] = []
    for number in range(replicates + of_default):
        methods = tuple(METHODS) if number < replicates else DEFAULT
        rows, correlations = replicate(pairs, seed, number, planted=planted, cells=cells, methods=methods)
        found, follow = found + rows, follow + correlations
    frame = pd.DataFrame(found)
    frame["called"] = (frame["p"] <= 0.05) & (frame["up"] if planted else True)
    table = frame.groupby(["method", "depth", "kind"])["called"].agg(["mean", "size"]).reset_index()
    measured = [
        {"pairs": pairs, "planted": planted, "method": row.method, "depth": row.depth, "kind": row.kind,
         "rate": float(row.mean_), "tests": int(row.size_)}
        for row in table.rename(columns={"mean": "mean_", "size": "size_"}).itertuples()
    ]  # fmt: skip
    if not follow:
        return measured, []
    medians = pd.DataFrame(follow).groupby("method")["spearman"].median()
    return measured, [{"method": str(name), "spearman": float(value)} for name, value in medians.items()]


def digest() -> str:
    """Return a digest of the code that was measured."""
    spec = importlib.util.spec_from_file_location("run_full", Path(__file__).with_name("run_full.py"))
    run_full = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(run_full)
    return run_full.digest(MEASURED)


def main(arguments: list[str] | None = None) -> int:
    """Measure everything in full, or a share of the replicates, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="share of the replicates, to try the script out")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    measured = digest()
    # What an interrupted measurement of this code had finished is not measured again.
    part = given.out.with_suffix(".part.json")
    kept = json.loads(part.read_text(encoding="utf-8")) if part.is_file() else {}
    done = kept.get("runs", []) if (kept.get("digest"), kept.get("share")) == (measured, given.share) else []
    for run in RUNS[len(done) :]:
        of_all, of_default = max(1, round(run["of_all"] * given.share)), round(run["of_default"] * given.share)
        done.append(measure(of_all, run["pairs"], 0, planted=run["planted"], of_default=of_default))
        sys.stdout.write(pd.DataFrame(done[-1][0]).to_string() + "\n")
        sys.stdout.flush()
        if digest() != measured:
            sys.stderr.write("the measured code was edited meanwhile; nothing is written, measure again\n")
            return 1
        part.write_text(json.dumps({"digest": measured, "share": given.share, "runs": done}), encoding="utf-8")
    rows = [row for one, _ in done for row in one]
    correlations = next((follow for _, follow in done if follow), [])
    written = {"digest": measured, "rows": rows, "depth_correlations": correlations}
    given.out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    part.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
