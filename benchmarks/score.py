"""Scoring beside its peer in one run: seconds, memory beyond the matrix, and the ratio, both sides warm.

python benchmarks/score.py [--cells 20000] [--genes 20000] [--lists 50]
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

import ohmics as om

NONZERO_A_CELL = 2_050
LIST_SIZE = 30


def simulate(cells: int, genes: int, seed: int) -> AnnData:
    """Return cells × genes with about 2,050 non-zero counts a cell and gene abundances as in real cells."""
    random = np.random.default_rng(seed)
    weight = random.gamma(0.4, size=genes) + 0.01
    chance = weight / weight.sum()
    rows = [
        np.sort(random.choice(genes, size=min(NONZERO_A_CELL, genes), replace=False, p=chance))
        for _ in range(min(cells, 500))
    ]
    indices = np.concatenate([rows[i % len(rows)] for i in range(cells)])
    counts = sp.csr_matrix(
        (random.geometric(0.6, indices.size).astype(np.float32), indices, np.arange(cells + 1) * len(rows[0])),
        shape=(cells, genes),
    )
    names = [f"G{i:05d}" for i in range(genes)]
    return AnnData(counts, obs=pd.DataFrame(index=[f"c{i}" for i in range(cells)]), var=pd.DataFrame(index=names))


def peer(adata: AnnData, lists: dict[str, list[str]]) -> None:
    """Score every list with scanpy.tl.score_genes."""
    import scanpy as sc

    normal = adata.copy()
    sc.pp.normalize_total(normal, target_sum=1e4)
    sc.pp.log1p(normal)
    for name, genes in lists.items():
        sc.tl.score_genes(normal, genes, score_name=name, random_state=0)


def timed(task: Callable[[], object]) -> float:
    """Run once to warm up and return the seconds of a second run."""
    task()
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


def main() -> None:
    """Print one line a method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=20_000)
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--lists", type=int, default=50)
    given = parser.parse_args()
    adata = simulate(given.cells, given.genes, 0)
    random = np.random.default_rng(1)
    lists = {f"l{i}": list(random.choice(adata.var_names, LIST_SIZE, replace=False)) for i in range(given.lists)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = {method: timed(lambda m=method: om.score(adata, lists, method=m)) for method in ("ucell", "mean_z")}
    beyond = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    scanpy_seconds = timed(lambda: peer(adata, lists))
    print(
        f"{given.cells} cells, {given.genes} genes, {given.lists} lists of {LIST_SIZE};"
        f" memory beyond the matrix {beyond:.0f} MiB"
    )
    print(f"scanpy.tl.score_genes  {scanpy_seconds:7.2f} s")
    for method, spent in seconds.items():
        print(f"ohmics {method:<15} {spent:7.2f} s   {scanpy_seconds / spent:5.1f} times faster")


if __name__ == "__main__":
    main()
