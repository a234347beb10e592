"""Gene tests and gene-set tests beside R and PyDESeq2 in one run: seconds, ratios and the targets.

python benchmarks/stats.py [--markdown benchmarks/stats.md] [--json benchmarks/stats.json] [--repeats 3] [--skip-r]

Needs OHMICS_DATA (Riaz 2017, CARTEx) for the comparisons; the 30-patient cohort is simulated. Each call runs once
before it is timed, then several times, and the fastest counts; R's duplicateCorrelation, which takes minutes, is timed
once. Seconds of R are those of the same steps on counts in memory: filterByExpr, calcNormFactors, voom, lmFit, eBayes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from ohmics import de
from ohmics.catalog import catalog
from ohmics.de import differential_expression
from ohmics.enrich import Settings, run_methods
from ohmics.model import Contrast
from ohmics.seeds import generator
from ohmics.stats.genesets import parts_of

ROOT = Path(__file__).resolve().parents[1]
PAIRED = Contrast(variable="timepoint", test="On", reference="Pre", pair_by="patient")
RANDOM = Contrast(variable="timepoint", test="On", reference="Pre", random_by="patient")
CARTEX = Contrast(variable="CAR", test="HA", reference="CD19", pair_by=["donor", "day"], unit="donor")
COHORT = (
    Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient"),
    Contrast(variable="response", test="N", reference="R", where={"timepoint": "pre"}, name="primary"),
    Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient", where={"response": "R"},
             name="acquired"),
)  # fmt: skip
R_SCRIPT = r"""
suppressPackageStartupMessages({library(limma); library(edgeR)})
given <- commandArgs(TRUE); repeats <- as.integer(given[4])
counts <- as.matrix(read.delim(given[1], row.names = 1, check.names = FALSE))
samples <- read.delim(given[2], na.strings = character())
side <- factor(samples$timepoint, levels = c("Pre", "On"))
patient <- factor(samples$patient)
prepare <- function() {
  dge <- DGEList(counts)
  calcNormFactors(dge[filterByExpr(dge, group = side), , keep.lib.sizes = FALSE])
}
paired <- function() {
  design <- model.matrix(~patient + side)
  eBayes(lmFit(voom(prepare(), design), design))
}
random <- function() {
  design <- model.matrix(~side)
  dge <- prepare()
  v <- voom(dge, design)
  one <- duplicateCorrelation(v, design, block = patient)$consensus
  v <- voom(dge, design, block = patient, correlation = one)
  two <- duplicateCorrelation(v, design, block = patient)$consensus
  eBayes(lmFit(v, design, block = patient, correlation = two))
}
work <- list(paired = paired, random = random)[[given[3]]]
seconds <- replicate(repeats, {one <- system.time(work()); c(one[["elapsed"]], sum(one[1:2]))})
cat(min(seconds[1, ]), min(seconds[2, ]), "\n")
"""


Seconds = tuple[float, float]
"""Seconds by the clock, and processor seconds, which other work on the machine hardly lengthens."""


def timed(call: Callable[[], object]) -> Seconds:
    """Return the seconds of one call."""
    wall, own = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - own


def fastest(call: Callable[[], object], repeats: int) -> Seconds:
    """Return the least seconds of several calls, after one that is not timed."""
    call()
    seconds = [timed(call) for _ in range(repeats)]
    return min(wall for wall, _ in seconds), min(own for _, own in seconds)


def riaz(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return counts (samples × genes) and sheet of Riaz 2017."""
    counts = pd.read_csv(folder / "riaz2017" / "GSE91061_counts_entrez.csv.gz", index_col=0).T
    samples = pd.read_csv(folder / "riaz2017" / "samples.tsv", sep="\t", keep_default_na=False, na_values=[""])
    return counts, samples


def pairs_only(counts: pd.DataFrame, samples: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the first sample of each patient and side, of patients with both."""
    first = samples.drop_duplicates(["patient", "timepoint"])
    first = first[first.groupby("patient")["timepoint"].transform("nunique") == 2]
    return counts.loc[first["sample"]], first


def in_r(counts: pd.DataFrame, samples: pd.DataFrame, what: str, repeats: int) -> Seconds | None:
    """Return the seconds that limma takes, None without R."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        counts.T.to_csv(folder / "counts.tsv", sep="\t")
        samples.to_csv(folder / "samples.tsv", sep="\t", index=False)
        (folder / "run.R").write_text(R_SCRIPT, encoding="utf-8")
        command = ["Rscript", "run.R", "counts.tsv", "samples.tsv", what, str(repeats)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    wall, own = done.stdout.split()[-2:]
    return float(wall), float(own)


def cohort(seed: int = 0) -> tuple[ad.AnnData, pd.DataFrame, dict[str, Any]]:
    """Return pseudobulk of 10 cell types in 30 patients before and after (16,000 genes), sheet, and lists."""
    random = generator(seed, "stats benchmark")
    lists = dict(catalog().gene_lists)
    listed = sorted({gene for one in lists.values() for part in parts_of(one) for gene in part})
    genes = [*listed, *(f"gene{i}" for i in range(16_000 - len(listed)))]
    sheet = pd.DataFrame(
        [(f"P{i}", side) for i in range(30) for side in ("pre", "relapse")], columns=["patient", "timepoint"]
    )
    sheet.insert(0, "sample", sheet["patient"] + sheet["timepoint"])
    sheet["response"] = np.where(sheet["patient"].str[1:].astype(int) % 2 == 0, "R", "N")
    parts, obs = [], []
    level = random.lognormal(0, 1.8, len(genes))
    for kind in range(10):
        own = level * random.lognormal(0, 0.7, len(genes))
        depth = random.lognormal(np.log(1.5e6), 0.5, len(sheet))
        mean = own / own.sum() * depth[:, None] * random.lognormal(0, 0.3, (len(sheet), len(genes)))
        parts.append(random.poisson(mean).astype(np.float32))
        obs.append(pd.DataFrame({"sample": sheet["sample"], "cell_type": f"type {kind}", "n_cells": 200}))
    table = pd.concat(obs, ignore_index=True)
    table.index = table["sample"] + "|" + table["cell_type"]
    data = ad.AnnData(np.vstack(parts), obs=table, var=pd.DataFrame(index=genes))
    return data, sheet, {f"type {kind}": lists for kind in range(10)}


def whole_cohort(threads: int) -> tuple[Seconds, dict[str, int]]:
    """Return the seconds of every gene and gene-set test of the cohort, and how many there were."""
    data, sheet, lists = cohort()
    counted: dict[str, int] = {}

    def work() -> None:
        counted["gene tests"] = len(de.run(data, sheet, COHORT, threads=threads)[0])
        tested = run_methods(data, sheet, COHORT, gene_lists=lists, settings=Settings())
        counted["gene-set tests"] = len(tested.enrichment)

    return timed(work), counted


def measured(data: Path | None, *, repeats: int, skip_r: bool, threads: int) -> list[dict[str, Any]]:
    """Return one row a comparison: what, ours, theirs, the ratio and the target."""
    rows: list[dict[str, Any]] = []

    def add(what: str, ours: Seconds, peer: str, theirs: Seconds | None, target: str, *, held: bool | None) -> None:
        rows.append(
            {
                "what": what, "seconds": ours[0], "cpu_seconds": ours[1], "peer": peer,
                "peer_seconds": theirs and theirs[0], "peer_cpu_seconds": theirs and theirs[1],
                "ratio": theirs and theirs[0] / ours[0], "target": target, "held": held,
            }
        )  # fmt: skip
        sys.stderr.write(f"{what}: {ours[0]:.2f} s, peer {theirs}\n")

    if data is not None:
        counts, samples = riaz(data)
        both, sheet = pairs_only(counts, samples)
        ours = fastest(lambda: differential_expression(both, sheet, contrast=PAIRED), repeats)
        theirs = None if skip_r else in_r(both, sheet, "paired", repeats)
        what = f"paired voom, Riaz, {len(both)} samples"
        add(what, ours, "limma", theirs, "no slower", held=None if theirs is None else ours[0] <= theirs[0])
        ours = fastest(lambda: differential_expression(counts, samples, contrast=RANDOM), repeats)
        kept = samples[samples["timepoint"].isin(["Pre", "On"])]
        theirs = None if skip_r else in_r(counts.loc[kept["sample"]], kept, "random", 1)
        what = f"random patient effect, Riaz, {len(kept)} samples"
        add(
            what,
            ours,
            "limma, duplicateCorrelation",
            theirs,
            "≥ 10 times",
            held=None if theirs is None else theirs[0] >= 10 * ours[0],
        )
        folder = data / "cartex"
        counts = pd.read_csv(folder / "counts_ensembl.csv.gz", index_col=0).T
        samples = pd.read_csv(folder / "samples.csv", index_col=0, keep_default_na=False)
        samples = samples.rename(columns={"Donor": "donor", "Timepoint": "day"})
        ours = fastest(lambda: differential_expression(counts, samples, contrast=CARTEX), repeats)
        call = lambda: differential_expression(counts, samples, contrast=CARTEX, method="pydeseq2")  # noqa: E731  # as above
        theirs = fastest(call, 1)
        add(
            f"cartex, {len(samples)} samples, voom",
            ours,
            "PyDESeq2",
            theirs,
            "≥ 10 times",
            held=theirs[0] >= 10 * ours[0],
        )
    seconds, counted = whole_cohort(threads)
    told = ", ".join(f"{n:,} {name}" for name, n in counted.items())
    what = f"30 patients, 10 cell types, {len(COHORT)} contrasts ({told}), {threads} threads"
    add(what, seconds, "", None, "≤ 180 s", held=seconds[0] <= 180)
    return rows


def as_markdown(rows: list[dict[str, Any]], machine: str) -> str:
    """Return the rows as a page."""
    lines = [
        "# Gene and gene-set tests beside their peers", "",
        "`make bench` writes this page (`python benchmarks/stats.py --markdown benchmarks/stats.md`). The fastest of",
        "several calls counts, each after one that is not timed; duplicateCorrelation and PyDESeq2 are timed once.",
        f"Measured on {machine}", "",
        "Processor seconds (in brackets) are those of all threads; other work hardly lengthens them.", "",
        "| what | ohmics, s | peer | peer, s | ratio | target | held |", "|---|---:|---|---:|---:|---|---|",
    ]  # fmt: skip
    for row in rows:
        theirs = "" if row["peer_seconds"] is None else f"{row['peer_seconds']:.1f} ({row['peer_cpu_seconds']:.1f})"
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.1f} times"
        held = {True: "yes", False: "no", None: "not measured"}[row["held"]]
        ours = f"{row['seconds']:.2f} ({row['cpu_seconds']:.2f})"
        cells = (row["what"], ours, row["peer"], theirs, ratio, row["target"], held)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--skip-r", action="store_true")
    parser.add_argument("--cohort-only", action="store_true", help="the 30-patient cohort alone")
    given = parser.parse_args()
    warnings.filterwarnings("ignore", module="pydeseq2")
    folder = None if given.cohort_only else os.environ.get("OHMICS_DATA")
    rows = measured(
        None if folder is None else Path(folder), repeats=given.repeats, skip_r=given.skip_r, threads=given.threads
    )
    load = os.getloadavg()[0]
    packages = ", ".join(f"{name} {version(name)}" for name in ("ohmics", "numpy", "numba", "scipy", "gseapy"))
    machine = (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, {packages}; "
        f"load {load:.1f} at the end (above the number of cores: other work lengthened the seconds)."
    )
    page = as_markdown(rows, machine)
    print(page)
    if given.markdown:
        given.markdown.write_text(page, encoding="utf-8")
    if given.json:
        given.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
