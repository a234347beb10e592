"""Measure the antigen call on the two halves of one real tumour (malt_lymphoma); writes benchmarks/antigen_real.json.

Nothing differs between random halves of one tumour, so that every change called is false; losses are planted by
taking counts away from one half. B cells are told by CD79A and the absence of T-cell RNA, never by an antigen called.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from ohmics.calls.antigen import call_antigen
from ohmics.provenance import code_digest
from ohmics.seeds import generator

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "antigen_real.json"
MODULE = "ohmics.calls.antigen"
ANTIGENS = ("CD19", "MS4A1", "CD22", "CD79B")
PLANTED = {"none": (1.0, 1.0), "none, a quarter of the depth": (1.0, 0.25), "CD19 in 60 % of cells": (0.4, 1.0),
           "CD19 in all cells": (0.0, 1.0)}  # fmt: skip
Row = dict[str, Any]


def folder() -> Path:
    """Return the folder with the two halves."""
    return Path(os.environ.get("OHMICS_DATA", "")) / "malt_lymphoma"


@cache
def halves() -> tuple[AnnData, AnnData]:
    """Return both published samples as they are, without proteins."""
    found = []
    for name in ("a", "b"):
        adata = ad.read_h5ad(folder() / f"{name}.h5ad")
        adata.var_names_make_unique()
        found.append(AnnData(sparse.csr_matrix(adata.X), obs=adata.obs[[]], var=pd.DataFrame(index=adata.var_names)))
    return found[0], found[1]


def parts(adata: AnnData) -> tuple[AnnData, AnnData]:
    """Return B cells and T cells."""
    b_cell, t_cell = (
        np.asarray(adata[:, genes].X.sum(axis=1)).ravel()
        for genes in (["CD79A"], ["CD3D", "CD3E", "CD3G", "CD2", "TRAC"])
    )
    return adata[(b_cell >= 1) & (t_cell == 0)].copy(), adata[(t_cell >= 2) & (b_cell == 0)].copy()


def thinned(adata: AnnData, share: float, random: np.random.Generator) -> AnnData:
    """Return cells of which each count was kept with probability ``share``."""
    counts = sparse.csr_matrix(adata.X, copy=True)
    counts.data = random.binomial(counts.data.astype(np.int64), share).astype(np.float32)
    counts.eliminate_zeros()
    return AnnData(counts, obs=adata.obs.copy(), var=adata.var.copy())


def without(adata: AnnData, gene: str, kept: float, random: np.random.Generator) -> AnnData:
    """Return cells of which all but a share ``kept`` lost every count of a gene."""
    counts = sparse.csr_matrix(adata.X, copy=True).tolil()
    lost = np.flatnonzero(random.random(adata.n_obs) >= kept)
    counts[lost, adata.var_names.get_loc(gene)] = 0
    return AnnData(counts.tocsr(), obs=adata.obs.copy(), var=adata.var.copy())


def call(pre: AnnData, post: AnnData, antigen: str, *, kept: float, depth: float, seed: int) -> pd.Series:
    """Call one antigen between B cells of two parts, thinned and with a loss planted after."""
    random = generator(seed, "malt", antigen, kept, depth)
    (before, soup_before), (after, soup_after) = parts(pre), parts(post)
    if depth < 1:
        after, soup_after = thinned(after, depth, random), thinned(soup_after, depth, random)
    if kept < 1:
        after = without(after, antigen, kept, random)
    return call_antigen(before, after, antigen=antigen, background_pre=soup_before, background_post=soup_after)


def split(planted: str, antigen: str, number: int) -> Row:
    """Call an antigen between two random halves of all cells."""
    kept, depth = PLANTED[planted]
    both = ad.concat(list(halves()), index_unique="-")
    order = generator(number, "malt split").permutation(both.n_obs)
    middle = both.n_obs // 2
    row = call(both[order[:middle]], both[order[middle:]], antigen, kept=kept, depth=depth, seed=number)
    return {"call": row["call"], "low": row["remaining_low"], "high": row["remaining_high"], "sd": row["null_sd"]}


def measure(planted: str, antigen: str, splits: int, pool: ProcessPoolExecutor | None = None) -> Row:
    """Return the shares of calls over random halves."""
    one = partial(split, planted, antigen)
    frame = pd.DataFrame(list(pool.map(one, range(splits), chunksize=10) if pool else map(one, range(splits))))
    kept = PLANTED[planted][0]
    calls = frame["call"].value_counts(normalize=True)
    covered = (frame["low"] <= kept) & (kept <= frame["high"])
    return {
        "planted": planted,
        "antigen": antigen,
        "splits": len(frame),
        **{name: float(calls.get(name, 0.0)) for name in
           ("lost", "reduced", "gained", "retained", "inconclusive", "not_assessable")},
        "coverage": float(covered.mean()),
        "null_sd": float(frame["sd"].median()),
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Measure on random halves and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=500)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args(arguments)
    digest = code_digest(MODULE)
    rows = []
    with ProcessPoolExecutor(given.processes) as pool:
        for planted in PLANTED:
            for antigen in ANTIGENS if PLANTED[planted][0] == 1.0 else ("CD19",):
                rows.append(measure(planted, antigen, given.splits, pool))
                sys.stdout.write(f"{json.dumps(rows[-1])}\n")
                sys.stdout.flush()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps({"digest": digest, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
