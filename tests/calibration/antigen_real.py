"""Measure the antigen call on real cells split at random; writes benchmarks/antigen_real.json.

Nothing differs between random halves of one tumour (malt_lymphoma), so that every change called is false; losses are
planted by taking counts away from one half. B cells are told by CD79A and the absence of T-cell RNA, never by an
antigen called. Likewise halves of T cells (carpall2023), one thinned to another depth, with a loss planted in a gene
that most, many or few of them show: CD3E, CD8A, IL7R. Beside these, B cells told by their surface CD19 are mixed with
cells without it, and the share of positive cells that RNA tells is set beside the protein's. Rows that stand in the
file and were measured on the present code are kept, so that a run that was interrupted goes on.
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
from numpy.typing import NDArray
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
PROTEIN_SHARES, PROTEIN_SPLITS, PROTEIN_GENES = (1.0, 0.75, 0.5, 0.25), 100, ("CD19", "CD22", "MS4A1")
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


@cache
def by_protein() -> tuple[AnnData, NDArray[np.int64], NDArray[np.int64]]:
    """Return the cells with surface proteins, and which of them have CD19 on their surface and which do not."""
    protein = ad.read_h5ad(folder() / "a.h5ad").obsm["protein"]
    positive = (protein["CD19"] > 150) & (protein["CD3"] < 300)
    return halves()[0], np.flatnonzero(positive), np.flatnonzero(protein["CD19"] < 60)


def protein_split(gene: str, share: float, number: int) -> Row:
    """Call a gene from the B cells of the other half to a mix of which a share has CD19 on its surface."""
    cells, positive, negative = by_protein()
    random = generator(number, "protein", gene, share)
    positive, negative = random.permutation(positive), random.permutation(negative)
    without_it = 150 if share < 1 else 0
    with_it = round(without_it * share / (1 - share)) if share < 1 else 300
    mixed = np.concatenate([positive[:with_it], negative[:without_it]])
    before, soup = parts(halves()[1])
    row = call_antigen(before, cells[mixed].copy(), antigen=gene, background_pre=soup,
                       background_post=cells[negative[150:]].copy())  # fmt: skip
    names = ("call", "remaining_fraction", "remaining_low", "remaining_high", "negative_fraction", "negative_low",
             "negative_high")  # fmt: skip
    return {name: row[name] for name in names}


def protein_summary(found: list[Row], gene: str, share: float) -> Row:
    """Return the mean remaining fraction and share of positive cells, and how often intervals hold the truth."""
    frame = pd.DataFrame(found)
    told = frame[frame["negative_fraction"].notna()]
    held = (1 - told["negative_high"] <= share) & (share <= 1 - told["negative_low"])
    fallen = (frame["remaining_low"] <= share) & (share <= frame["remaining_high"])
    return {
        "antigen": gene,
        "protein_positive": share,
        "splits": len(frame),
        "remaining": float(frame["remaining_fraction"].mean()),
        "remaining_covers": float(fallen.mean()),
        "told": len(told) / len(frame),
        "positive": float(1 - told["negative_fraction"].mean()) if len(told) else None,
        "positive_covers": float(held.mean()) if len(told) else None,
        "lost_or_reduced": float(frame["call"].isin(["lost", "reduced"]).mean()),
    }


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


def cases(splits: int) -> list[tuple[Row, Any, float]]:
    """Return every row to measure: what names it, the call of one split, and the share kept."""
    found: list[tuple[Row, Any, float]] = []
    for planted, (kept, _) in PLANTED.items():
        for antigen in ANTIGENS if kept == 1.0 else ("CD19",):
            found.append(({"planted": planted, "antigen": antigen}, partial(split, planted, antigen), kept))
    if folder("carpall2023").is_dir():
        for gene in T_GENES:
            for kept, depth in T_PLANTED:
                name = f"T cells, {gene} lost in {1 - kept:.0%}, depth {depth:g}"
                found.append(({"planted": name, "antigen": gene}, partial(t_split, gene, kept, depth), kept))
    return found


def text(rows: list[Row], protein: list[Row] | None = None) -> str:
    """Return the tables in Markdown."""
    names = ("lost", "reduced", "gained", "retained", "inconclusive", "not_assessable", "coverage")
    lines = ["| planted | gene | splits | " + " | ".join(name.replace("_", " ") for name in names) + " | null sd |",
             "|---|---|---|" + "---|" * (len(names) + 1)]  # fmt: skip
    for row in rows:
        cells = " | ".join("" if row[name] is None else f"{row[name]:.1%}" for name in names)
        sd = "" if row["null_sd"] is None else f"{row['null_sd']:.2f}"
        lines.append(f"| {row['planted']} | {row['antigen']} | {row['splits']} | {cells} | {sd} |")
    if protein:
        lines += ["", "| share with CD19 protein | gene | splits | remaining fraction | holds the share | positive | "
                  "told in | holds the share | lost or reduced |", "|" + "---|" * 9]  # fmt: skip
    for row in protein or ():
        share = ("", "") if row["positive"] is None else (f"{row['positive']:.0%}", f"{row['positive_covers']:.0%}")
        found = (f"{row['protein_positive']:.0%}", row["antigen"], str(row["splits"]), f"{row['remaining']:.2f}",
                 f"{row['remaining_covers']:.0%}", share[0], f"{row['told']:.0%}", share[1],
                 f"{row['lost_or_reduced']:.0%}")  # fmt: skip
        lines.append(f"| {' | '.join(found)} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Measure on random halves and write each row when it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=500)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args(arguments)
    digest = code_digest(MODULE)
    done: dict[tuple[str, str], Row] = {}
    beside: dict[tuple[float, str], Row] = {}
    if given.out.exists():
        written = json.loads(given.out.read_text(encoding="utf-8"))
        if written["digest"] == digest:
            done = {(row["planted"], row["antigen"]): row for row in written["rows"]}
            beside = {(row["protein_positive"], row["antigen"]): row for row in written.get("protein", [])}
    wanted = cases(given.splits)

    def write(row: Row) -> None:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        found = {"digest": digest, "cells": len(wanted), "rows": list(done.values()), "protein": list(beside.values())}
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        sys.stdout.write(f"{json.dumps(row)}\n")
        sys.stdout.flush()

    with ProcessPoolExecutor(given.processes) as pool:
        for named, one, kept in wanted:
            key = (named["planted"], named["antigen"])
            if key in done and done[key]["splits"] >= given.splits:
                continue
            found = pd.DataFrame(list(pool.map(one, range(given.splits), chunksize=10)))
            done[key] = {**named, **summary(found, kept)}
            write(done[key])
        splits = min(given.splits, PROTEIN_SPLITS)
        for share in PROTEIN_SHARES:
            for gene in PROTEIN_GENES:
                if beside.get((share, gene), {"splits": 0})["splits"] >= splits:
                    continue
                calls = list(pool.map(partial(protein_split, gene, share), range(splits), chunksize=5))
                beside[share, gene] = protein_summary(calls, gene, share)
                write(beside[share, gene])
    return 0


if __name__ == "__main__":
    sys.exit(main())
