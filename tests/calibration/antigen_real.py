"""Measure the antigen call on real cells split at random; writes benchmarks/antigen_real.json.

Nothing differs between random halves of one tumour (malt_lymphoma), so that every change called is false; losses are
planted by taking counts away from one half. B cells are told by CD79A and the absence of T-cell RNA, never by an
antigen called. Likewise halves of T cells (carpall2023), one thinned to another depth, with a loss planted in a gene
that most, many or few of them show: CD3E, CD8A, IL7R. Rows that stand in the file and were measured on the present code
are kept, so that a run that was interrupted goes on.
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
from ohmics.intake.reading import read
from ohmics.provenance import code_digest
from ohmics.seeds import generator

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "antigen_real.json"
MODULE = "ohmics.calls.antigen"
ANTIGENS = ("CD19", "MS4A1", "CD22", "CD79B")
PLANTED = {"none": (1.0, 1.0), "none, a quarter of the depth": (1.0, 0.25), "CD19 in 60 % of cells": (0.4, 1.0),
           "CD19 in all cells": (0.0, 1.0)}  # fmt: skip
T_SAMPLES = ("CAR-T10310322", "CAR-T11528947", "CAR-T11388818", "CAR-T10310324")
"""The samples with most T cells; splits go through them in turn."""
T_MARKERS, MYELOID, B_LINEAGE = ("CD3D", "CD3G", "TRAC", "CD2"), ("LYZ", "S100A8", "S100A9"), ("CD79A", "MS4A1")
T_GENES = ("CD3E", "CD8A", "IL7R")
T_PLANTED = tuple((kept, depth) for kept in (1.0, 0.4, 0.0) for depth in (1.0, 0.5, 0.25))
T_SPLITS = 100
Row = dict[str, Any]


def folder(name: str = "malt_lymphoma") -> Path:
    """Return the folder of a data set."""
    return Path(os.environ.get("OHMICS_DATA", "")) / name


@cache
def t_cells(sample: str) -> tuple[AnnData, AnnData]:
    """Return T cells and monocytes of a sample, told by genes that are not called."""
    adata = read(folder("carpall2023") / "h5" / f"{sample}.h5", modality="single_cell", transgenes=["CAT_scFv"])
    counts = {
        genes: np.asarray(adata[:, list(genes)].X.sum(axis=1)).ravel() for genes in (T_MARKERS, MYELOID, B_LINEAGE)
    }
    deep = np.asarray(adata.X.sum(axis=1)).ravel() > 1000
    t_cell = deep & (counts[T_MARKERS] >= 2) & (counts[MYELOID] < 3) & (counts[B_LINEAGE] == 0)
    monocyte = deep & (counts[MYELOID] >= 8) & (counts[T_MARKERS] == 0)
    bare = AnnData(sparse.csr_matrix(adata.X), obs=adata.obs[[]], var=pd.DataFrame(index=adata.var_names))
    return bare[t_cell].copy(), bare[monocyte].copy()


def t_split(gene: str, kept: float, depth: float, number: int) -> Row:
    """Call a gene between two random halves of a sample's T cells, one thinned and with a loss planted."""
    random = generator(number, "carpall split", gene, kept, depth)
    halves_of = []
    for cells in t_cells(T_SAMPLES[number % len(T_SAMPLES)]):
        order = random.permutation(cells.n_obs)
        halves_of.append((cells[order[: cells.n_obs // 2]], cells[order[cells.n_obs // 2 :]]))
    (before, after), (soup_before, soup_after) = halves_of
    after, soup_after = (thinned(cells, depth, random) if depth < 1 else cells for cells in (after, soup_after))
    if kept < 1:
        after = without(after, gene, kept, random)
    row = call_antigen(before, after, antigen=gene, background_pre=soup_before, background_post=soup_after)
    return {"call": row["call"], "low": row["remaining_low"], "high": row["remaining_high"], "sd": row["null_sd"]}


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


def summary(frame: pd.DataFrame, kept: float) -> Row:
    """Return the shares of calls over random halves, and how often the interval holds what was kept."""
    calls = frame["call"].value_counts(normalize=True)
    told = frame[frame["call"] != "not_assessable"]
    covered = (told["low"] <= kept) & ~(told["high"] < kept)
    return {
        "splits": len(frame),
        **{name: float(calls.get(name, 0.0)) for name in
           ("lost", "reduced", "gained", "retained", "inconclusive", "not_assessable")},
        "coverage": float(covered.mean()) if len(told) else None,
        "null_sd": float(told["sd"].median()) if len(told) else None,
    }  # fmt: skip


def measure(planted: str, antigen: str, splits: int) -> Row:
    """Return the shares of calls over random halves of the tumour."""
    frame = pd.DataFrame([split(planted, antigen, number) for number in range(splits)])
    return {"planted": planted, "antigen": antigen, **summary(frame, PLANTED[planted][0])}


def cases(splits: int) -> list[tuple[Row, Any, float, int]]:
    """Return every row to measure: what names it, the call of one split, the share kept, and how many splits."""
    found: list[tuple[Row, Any, float, int]] = []
    for planted, (kept, _) in PLANTED.items():
        for antigen in ANTIGENS if kept == 1.0 else ("CD19",):
            found.append(({"planted": planted, "antigen": antigen}, partial(split, planted, antigen), kept, splits))
    if folder("carpall2023").is_dir():
        for gene in T_GENES:
            for kept, depth in T_PLANTED:
                name = f"T cells, {gene} lost in {1 - kept:.0%}, depth {depth:g}"
                one = partial(t_split, gene, kept, depth)
                found.append(({"planted": name, "antigen": gene}, one, kept, min(splits, T_SPLITS)))
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure on random halves and write each row when it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=500)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args(arguments)
    digest = code_digest(MODULE)
    done: dict[tuple[str, str], Row] = {}
    if given.out.exists():
        written = json.loads(given.out.read_text(encoding="utf-8"))
        if written["digest"] == digest:
            done = {(row["planted"], row["antigen"]): row for row in written["rows"]}
    wanted = cases(given.splits)
    with ProcessPoolExecutor(given.processes) as pool:
        for named, one, kept, splits in wanted:
            key = (named["planted"], named["antigen"])
            if key in done and done[key]["splits"] >= splits:
                continue
            found = summary(pd.DataFrame(list(pool.map(one, range(splits), chunksize=10))), kept)
            done[key] = {**named, **found}
            given.out.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"digest": digest, "cells": len(wanted), "rows": list(done.values())}, indent=1)
            given.out.write_text(text + "\n", encoding="utf-8")
            sys.stdout.write(f"{json.dumps(done[key])}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
