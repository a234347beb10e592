"""Scoring beside its peers in one run: seconds, memory beyond the matrix, ratio and greatest difference, all warm.

python benchmarks/score.py [--cells 20000] [--genes 20000] [--lists 50] [--ours-only] [--markdown FILE]

Peers that are not installed are named as such. Each call is run twice and the second is timed. Memory is the highest
resident size during a call, with its child processes, above that before it.
"""

from __future__ import annotations

import argparse
import os
import platform
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

import ohmics as om
from ohmics.reference import combine, gene_stats

NONZERO_A_CELL = 2_050
LIST_SIZE = 30
BULK_SAMPLES = 100
ONE_SAMPLE = 20_000  # cells; more are several samples, each a job of its own
Lists = dict[str, list[str]]


@dataclass
class Line:
    """One line of the table; ``against`` names the line of ours that it is compared with."""

    name: str
    task: Callable[[], pd.DataFrame] | None
    against: str = ""
    compat: Callable[[], pd.DataFrame] | None = None
    seconds: float = float("nan")
    memory: float = float("nan")
    difference: float = float("nan")


def simulate(cells: int, genes: int, seed: int) -> AnnData:
    """Return cells × genes with about 2,050 non-zero counts a cell and gene abundances as in real cells."""
    random = np.random.default_rng(seed)
    weight = random.gamma(0.4, size=genes) + 0.01
    chance = weight / weight.sum()
    size = min(NONZERO_A_CELL, genes // 2)
    rows = [np.sort(random.choice(genes, size=size, replace=False, p=chance)) for _ in range(min(cells, 500))]
    indices = np.concatenate([rows[i % len(rows)] for i in range(cells)]).astype(np.int32)
    data = random.geometric(0.6, indices.size).astype(np.float32)
    counts = sp.csr_matrix((data, indices, np.arange(cells + 1) * size), shape=(cells, genes))
    names = [f"G{i:05d}" for i in range(genes)]
    obs = pd.DataFrame({"sample": "s", "cell_type": "T cell"}, index=[f"c{i}" for i in range(cells)])
    return AnnData(counts, obs=obs, var=pd.DataFrame(index=names))


def resident(process: int | str = "self") -> int:
    """Return the resident bytes of a process and its children (Linux)."""
    try:
        total = int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        for thread in Path(f"/proc/{process}/task").iterdir():
            total += sum(resident(child) for child in (thread / "children").read_text().split())
    except FileNotFoundError:  # it has ended
        return 0
    return total


def measured(task: Callable[[], pd.DataFrame]) -> tuple[pd.DataFrame, float, float]:
    """Run once to warm up; return the answer, seconds and MiB beyond what was there of a second run."""
    task()
    before, highest, done = resident(), 0, threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.02):
            highest = max(highest, resident() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    answer = task()
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    return answer, seconds, highest / 2**20


def ours(adata: AnnData, lists: Lists) -> list[Line]:
    """Return a line for every method of single cells, and for the means of a sample with random lists."""
    reference = combine([gene_stats(adata, adata.obs["cell_type"])])

    def cells(method: str, **more: object) -> Callable[[], pd.DataFrame]:
        return lambda: om.score(adata, lists, method=method, reference=None if more else reference, **more)

    def sample(n_null: int) -> Callable[[], pd.DataFrame]:
        methods = ("ucell", "aucell", "score_genes", "mean_z", "ulm")
        return lambda: om.score_samples(
            adata, lists, methods=methods, reference=reference, depth=("raw",), n_null=n_null
        )

    names = ("ucell", "aucell", "score_genes", "mean_z", "ulm")
    lines = [
        *(Line(f"ohmics {name}", cells(name)) for name in names),
        *(Line(f"ohmics {name}, compat", cells(name, compat=True)) for name in ("ucell", "aucell", "score_genes")),
    ]
    if adata.n_obs <= ONE_SAMPLE:
        means = "ohmics score_samples, 5 methods"
        lines += [Line(means, sample(0)), Line(f"{means}, 100 random lists a list", sample(100), means)]
    return lines


def pyucell_line(adata: AnnData, lists: Lists) -> Callable[[], pd.DataFrame]:
    import pyucell

    def task() -> pd.DataFrame:
        given = AnnData(adata.X, obs=adata.obs[[]].copy(), var=adata.var)
        pyucell.compute_ucell_scores(given, lists, n_jobs=2)
        return given.obs.rename(columns=lambda name: name.removesuffix("_UCell"))

    return task


def decoupler_line(method: str) -> Callable[[AnnData, Lists], Callable[[], pd.DataFrame]]:
    def make(adata: AnnData, lists: Lists) -> Callable[[], pd.DataFrame]:
        import decoupler as dc

        net = pd.DataFrame([(name, gene) for name, genes in lists.items() for gene in genes])
        net.columns = pd.Index(["source", "target"])
        source = adata if method == "aucell" else normalised(adata)

        def task() -> pd.DataFrame:
            given = AnnData(source.X, obs=adata.obs[[]].copy(), var=adata.var)
            answer = getattr(dc.mt, method)(given, net, tmin=0)
            return (given if answer is None else answer).obsm[f"score_{method}"]

        return task

    return make


def normalised(adata: AnnData) -> AnnData:
    import scanpy as sc

    normal = adata.copy()
    sc.pp.normalize_total(normal, target_sum=1e4)
    sc.pp.log1p(normal)
    return normal


def scanpy_line(adata: AnnData, lists: Lists) -> Callable[[], pd.DataFrame]:
    import scanpy as sc

    normal = normalised(adata)  # its normalisation is not timed, ours is

    def task() -> pd.DataFrame:
        given = AnnData(normal.X, obs=adata.obs[[]].copy(), var=adata.var)
        for name, genes in lists.items():
            sc.tl.score_genes(given, genes, score_name=name, random_state=0)
        return given.obs

    return task


def bulk_lines(adata: AnnData, lists: Lists) -> list[Line]:
    """Return ssgsea on sums of cells: both sides take log2 (CPM + 1)."""
    groups = np.arange(adata.n_obs) % BULK_SAMPLES
    indicator = sp.csr_matrix((np.ones(adata.n_obs), (groups, np.arange(adata.n_obs))))
    sums = np.asarray((indicator @ adata.X).todense(), dtype=np.float64)
    logged = np.log2(sums / sums.sum(axis=1, keepdims=True) * 1e6 + 1)
    frame = pd.DataFrame(logged, index=[f"b{b}" for b in range(BULK_SAMPLES)], columns=adata.var_names)
    name = f"ssgsea, {BULK_SAMPLES} samples"

    def peer() -> pd.DataFrame:
        import gseapy

        found = gseapy.ssgsea(frame.T, lists, outdir=None, min_size=1, max_size=10_000, threads=2).res2d
        table = found.set_index(["Name", "Term"])["ES"].astype(float).unstack()  # noqa: PD010  no key repeats
        return table / frame.shape[1]

    mine = Line(f"ohmics {name}", lambda: om.score(frame, lists, method="ssgsea", input="log"))
    return [mine, Line(f"gseapy {name}", peer if installed("gseapy") else None, mine.name)]


def installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


PEERS = (
    ("pyucell", "pyucell", pyucell_line, "ohmics ucell", "ohmics ucell, compat"),
    ("decoupler", "decoupler aucell", decoupler_line("aucell"), "ohmics aucell", "ohmics aucell, compat"),
    ("decoupler", "decoupler ulm", decoupler_line("ulm"), "ohmics ulm", "ohmics ulm"),
    ("decoupler", "decoupler zscore", decoupler_line("zscore"), "ohmics mean_z", ""),
    ("scanpy", "scanpy.tl.score_genes", scanpy_line, "ohmics score_genes", "ohmics score_genes, compat"),
)


def run(adata: AnnData, lists: Lists, *, peers: bool) -> list[Line]:
    """Measure every line and compare peers with ours."""
    lines = [*ours(adata, lists), *(bulk_lines(adata, lists) if peers else ())]
    compared = {}
    for package, name, make, against, compat in PEERS if peers else ():
        lines.append(Line(name, make(adata, lists) if installed(package) else None, against))
        compared[name] = compat
    answers: dict[str, pd.DataFrame] = {}
    for line in lines:
        if line.task is None:
            continue
        answer, line.seconds, line.memory = measured(line.task)
        if set(lists) <= set(answer.columns):
            answers[line.name] = answer
        other = answers.get(compared.get(line.name, line.against if line.name.startswith("gseapy") else ""))
        if other is not None:
            both = [name for name in lists if name in answer]
            line.difference = float((answer[both] - other.loc[answer.index, both]).abs().to_numpy().max())
        print(f"{line.name:<58} {line.seconds:8.2f} s {line.memory:8.0f} MiB", flush=True)
    return lines


def table(lines: list[Line]) -> str:
    """Return the lines as a Markdown table."""
    seconds = {line.name: line.seconds for line in lines}
    rows = [
        "| | seconds | MiB beyond the matrix | times ohmics' seconds | greatest difference (compat) |",
        "|---|---|---|---|---|",
    ]
    for line in lines:
        if line.task is None:
            rows.append(f"| {line.name} | not installed | | | |")
            continue
        ratio = f"{line.seconds / seconds[line.against]:.1f}×" if line.against in seconds else ""
        off = "" if np.isnan(line.difference) else f"{line.difference:.1e}"
        rows.append(f"| {line.name} | {line.seconds:.2f} | {line.memory:.0f} | {ratio} | {off} |")
    return "\n".join(rows)


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=20_000)
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--lists", type=int, default=50)
    parser.add_argument("--ours-only", action="store_true", help="leave the peers out")
    parser.add_argument("--markdown", type=Path, help="append the table to this file")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    adata = simulate(given.cells, given.genes, 0)
    random = np.random.default_rng(1)
    lists = {f"l{i}": list(random.choice(adata.var_names, LIST_SIZE, replace=False)) for i in range(given.lists)}
    lines = run(adata, lists, peers=not given.ours_only)
    names = ("ohmics", "numba", "numpy", "scipy", "pyucell", "decoupler", "scanpy", "gseapy")
    versions = ", ".join(f"{name} {version(name)}" if installed(name) else f"{name} not installed" for name in names)
    said = (
        f"{given.cells:,} cells × {given.genes:,} genes, {adata.X.nnz / adata.n_obs:,.0f} non-zeros a cell,"
        f" {given.lists} lists of {LIST_SIZE}; {os.cpu_count()} cores; Python {platform.python_version()}, {versions}."
    )
    text = f"{said}\n\n{table(lines)}\n"
    print("\n" + text)
    if given.markdown:
        with given.markdown.open("a", encoding="utf-8") as handle:
            handle.write("\n" + text)


if __name__ == "__main__":
    main()
