"""Scoring beside its peers in one run: seconds, processor seconds, memory, ratios, differences and the targets.

python benchmarks/score.py [--cells 20000] [--many 100000] [--ours-only] [--write benchmarks]

Peers that are not installed are named as such. Every call is warm: it runs once before it is timed, then several times
(a slow one once), and the fastest counts. Processor seconds are those of all threads and child processes: other work on
the machine lengthens the seconds, the processor seconds hardly. Memory is the highest resident size during a call of
its own above that before it, after the allocator gave back what it held. Cells by the hundred thousand are timed in
turn with the first 20,000 of them, so that what else the machine does befalls both.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from score_cost import peak, timed
from score_tables import Line, target_table, written

import ohmics as om
from ohmics.reference import combine, gene_stats

NONZERO_A_CELL = 2_050
LIST_SIZE = 30
BULK_SAMPLES = 100
CELL_METHODS = ("ucell", "aucell", "score_genes", "mean_z", "ulm")
REPEATS, SLOW = 7, 4.0  # a call of more seconds is timed once
MEANS = "ohmics score_samples, 5 methods"
NULLS = f"{MEANS}, 100 random lists a list"
ROOT = Path(__file__).resolve().parents[1]
Lists = dict[str, list[str]]


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


def measure(line: Line) -> pd.DataFrame | None:
    """Run a line's call once to warm up, then for its memory, then for its seconds."""
    if line.task is None:
        return None
    line.task()
    line.memory = peak(line.task)
    runs = [timed(line.task)]
    while len(runs) < REPEATS and runs[0][1] < SLOW:
        runs.append(timed(line.task))
    line.seconds, line.processor = (min(run[place] for run in runs) for place in (1, 2))
    print(f"{line.name:<58} {line.seconds:8.2f} s {line.processor:8.2f} s {line.memory:8.0f} MiB", flush=True)
    return runs[0][0]


def ours(adata: AnnData, lists: Lists) -> list[Line]:
    """Return a line for every method of single cells, and for the means of a sample with random lists."""
    reference = combine([gene_stats(adata, adata.obs["cell_type"])])

    def cells(method: str, **more: object) -> Callable[[], pd.DataFrame]:
        return lambda: om.score(adata, lists, method=method, reference=None if more else reference, **more)

    def sample(n_null: int) -> Callable[[], pd.DataFrame]:
        return lambda: om.score_samples(
            adata, lists, methods=CELL_METHODS, reference=reference, depth=("raw",), n_null=n_null
        )

    return [
        *(Line(f"ohmics {name}", cells(name)) for name in CELL_METHODS),
        *(Line(f"ohmics {name}, compat", cells(name, compat=True)) for name in ("ucell", "aucell", "score_genes")),
        Line(MEANS, sample(0)),
        Line(NULLS, sample(100), MEANS),
        Line(
            "ohmics score_samples, 5 methods, raw and thinned",
            lambda: om.score_samples(
                adata, lists, methods=CELL_METHODS, reference=reference, n_null=0, targets=half_as_deep(adata)
            ),
        ),
    ]


def half_as_deep(adata: AnnData) -> pd.DataFrame:
    """Return TARGETS that thin the one sample to half of its depth."""
    depth = float(np.median(np.asarray(adata.X.sum(axis=1)))) / 2
    return pd.DataFrame({"sample": ["s"], "cell_type": ["T cell"], "thinned_to": [depth]})


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
        answer = measure(line)
        if answer is None:
            continue
        if set(lists) <= set(answer.columns):
            answers[line.name] = answer
        other = answers.get(compared.get(line.name, line.against if line.name.startswith("gseapy") else ""))
        if other is not None:
            both = [name for name in lists if name in answer]
            line.difference = float((answer[both] - other.loc[answer.index, both]).abs().to_numpy().max())
    return lines


def scaling(many: int, few: int, genes: int, lists: Lists) -> list[dict[str, Any]]:
    """Time ``many`` cells and the first ``few`` of them in turn; the fastest of each counts."""
    whole = simulate(many, genes, 0)
    part = AnnData(whole.X[:few].copy(), obs=whole.obs.iloc[:few].copy(), var=whole.var)
    reference = combine([gene_stats(part, part.obs["cell_type"])])
    rows = []
    for method in CELL_METHODS:
        found: dict[int, list[tuple[float, float]]] = {few: [], many: []}
        for repeat in range(REPEATS + 1):
            for adata in (part, whole):
                _, seconds, processor = timed(
                    lambda a=adata, m=method: om.score(a, lists, method=m, reference=reference)
                )
                if repeat:
                    found[adata.n_obs].append((seconds, processor))
        fastest = {n: [min(one[place] for one in runs) for place in (0, 1)] for n, runs in found.items()}
        memory = {n: peak(lambda a=a, m=method: om.score(a, lists, method=m, reference=reference))
                  for n, a in ((few, part), (many, whole))}  # fmt: skip
        ratio, ratio_processor = (fastest[many][k] / many / (fastest[few][k] / few) for k in (0, 1))
        rows.append({
            "method": method, "few": few, "many": many,
            "seconds_few": fastest[few][0], "seconds_many": fastest[many][0],
            "processor_few": fastest[few][1], "processor_many": fastest[many][1], "ratio": ratio,
            "ratio_processor": ratio_processor, "memory_few": memory[few], "memory_many": memory[many],
        })  # fmt: skip
        print(f"{method:<12} a cell, {many:,} over {few:,}: {ratio:.2f} (processor {ratio_processor:.2f})", flush=True)
    return rows


def targets(lines: list[Line], scaled: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what was promised, what was measured and whether it holds; what was not measured is left out."""
    of = {line.name: line for line in lines if line.task is not None}
    found: list[tuple[str, float, str, float]] = []
    for name, least in (("pyucell", 10), ("decoupler aucell", 10), ("scanpy.tl.score_genes", 8)):
        if name in of:
            mine = of[of[name].against]
            found.append((f"{name}: times {mine.name}'s seconds", of[name].seconds / mine.seconds, ">=", least))
    cells = [line for line in of.values() if line.name.startswith("ohmics") and "samples" not in line.name]
    found.append(("MiB beyond the matrix, score, highest of the methods", max(one.memory for one in cells), "<=", 300))
    of_samples = max(of[name].memory for name in (MEANS, NULLS))
    found.append(("MiB beyond the matrix, score_samples", of_samples, "<=", 300))
    found.append(("100 random lists a list: times the seconds without", of[NULLS].seconds / of[MEANS].seconds, "<=", 5))
    for row in scaled:
        found.append(
            (f"{row['method']}: seconds a cell, {row['many']:,} over {row['few']:,} cells", row["ratio"], "<=", 1.1)
        )
    return [
        {"target": name, "measured": value, "bound": f"{sign} {bound:g}",
         "met": value >= bound if sign == ">=" else value <= bound}
        for name, value, sign, bound in found
    ]  # fmt: skip


def digest() -> str:
    """Return a digest of the code that was measured."""
    files = sorted((ROOT / "src" / "ohmics" / "score").glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def main() -> None:
    """Print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=20_000)
    parser.add_argument("--many", type=int, default=100_000, help="cells that are timed beside these; 0: none")
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--lists", type=int, default=50)
    parser.add_argument("--ours-only", action="store_true", help="leave the peers out")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write score.md and score.json there")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    adata = simulate(given.cells, given.genes, 0)
    random = np.random.default_rng(1)
    lists = {f"l{i}": list(random.choice(adata.var_names, LIST_SIZE, replace=False)) for i in range(given.lists)}
    said = setting(adata, given.lists)
    print(f"{said}\n{'':<58}   seconds  processor     memory", flush=True)
    lines = run(adata, lists, peers=not given.ours_only)
    del adata
    scaled = scaling(given.many, given.cells, given.genes, lists) if given.many > given.cells else []
    met = targets(lines, scaled)
    print("\n" + target_table(met))
    if given.write:
        (given.write / "score.md").write_text(
            written(str(__doc__), said, lines=lines, scaled=scaled, met=met), encoding="utf-8"
        )
        held = [{k: v for k, v in vars(line).items() if k != "task"} for line in lines if line.task is not None]
        found = {"digest": digest(), "said": said, "lines": held, "scaling": scaled, "targets": met}
        text = json.dumps(found, indent=1).replace("NaN", "null")
        (given.write / "score.json").write_text(text + "\n", encoding="utf-8")


def setting(adata: AnnData, n_lists: int) -> str:
    """Return what was measured, where and with what, as a sentence."""
    names = ("ohmics", "numba", "numpy", "scipy", "pyucell", "decoupler", "scanpy", "gseapy")
    versions = ", ".join(f"{name} {version(name)}" if installed(name) else f"{name} not installed" for name in names)
    size = f"{adata.n_obs:,} cells × {adata.n_vars:,} genes, {adata.X.nnz / adata.n_obs:,.0f} non-zeros a cell"
    load = f"load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    return (
        f"{size}, {n_lists} lists of {LIST_SIZE}; {os.cpu_count()} cores, {load}; Python {platform.python_version()},"
        f" {versions}."
    )


if __name__ == "__main__":
    main()
