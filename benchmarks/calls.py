"""Processor time to call a cohort's antigens and lineages; the tables of every measured error rate of the calls.

python benchmarks/calls.py [--patients 30] [--cells 2000] [--genes 12000] [--processes 2]
python benchmarks/calls.py --tables                          the error rates, from benchmarks/*.json

A cohort is called patient by patient, in as many processes as there are cores; a process holds two samples at a time.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from ohmics.calls import call_antigens, call_lineages
from ohmics.catalog import catalog
from ohmics.seeds import generator
from ohmics.tables import PAIRS, SAMPLES

ROOT = Path(__file__).resolve().parents[1]
TABLES = (
    ("antigen_grid", "antigen_tables"),
    ("antigen_real", "antigen_real"),
    ("lineage", "lineage_full"),
    ("bulk_antigen", "bulk_antigen_full"),
    ("car_real", "car_real"),
)


def simulate(patient: str, cells: int, genes: int) -> tuple[dict[str, AnnData], pd.DataFrame]:
    """Return a patient's two samples: half of the cells malignant, about 2,000 genes detected a cell."""
    known = catalog()
    named = dict.fromkeys(gene for panel in known.lineages.values() for gene in panel.genes)
    wanted = [*named, "CD24", "ROR1", "B2M", "HLA-A", "HLA-B", "HLA-C", "TAP1", "TAP2", "NLRC5", "JAK1", "JAK2",
              "IFNGR1", "IFNGR2", "TNFRSF13C"]  # fmt: skip
    names = list(dict.fromkeys([*wanted, *(f"G{number}" for number in range(genes))]))[:genes]
    random = generator(0, "calls", patient)
    level = random.gamma(0.35, size=genes)
    level[: len(wanted)] = random.uniform(0.2, 3.0, len(wanted))
    adatas, rows = {}, []
    for timepoint, depth in (("pre", 6000), ("relapse", 3000)):
        tumour = np.arange(cells) < cells // 2
        parts = []
        for part, own in ((tumour, level), (~tumour, level * random.lognormal(0, 1, genes))):
            share = own / own.sum()
            size = depth * random.lognormal(0, 0.4, int(part.sum()))
            parts.append(sparse.csr_matrix(random.poisson(size[:, None] * share).astype(np.float32)))
        sample = f"{patient}_{timepoint}"
        obs = pd.DataFrame({"malignant": pd.array(tumour, dtype="boolean"),
                            "cell_type": np.where(tumour, "B-ALL blast", "CD8 T"),
                            "cluster_uncorrected": np.where(tumour, patient, "T")},
                           index=[f"c{number}" for number in range(cells)])  # fmt: skip
        adatas[sample] = AnnData(sparse.vstack(parts, format="csr"), obs=obs, var=pd.DataFrame(index=names))
        rows.append({"sample": sample, "patient": patient, "timepoint": timepoint, "modality": "single_cell",
                     "path": "x", "target_antigen": "CD19"})  # fmt: skip
    return adatas, SAMPLES.conform(rows)


def one(patient: str, cells: int, genes: int) -> tuple[float, int]:
    """Return the processor's seconds that a patient's calls took, and their number."""
    adatas, sheet = simulate(patient, cells, genes)
    known = catalog()
    pairs = PAIRS.conform([{"contrast": "c", "subject": patient, "block": patient, "test_samples": f"{patient}_relapse",
                            "reference_samples": f"{patient}_pre", "complete": True}])  # fmt: skip
    start = time.process_time()
    found = call_antigens(adatas, sheet, pairs, catalog=known)
    lineage = call_lineages(adatas, sheet, pairs, catalog=known)
    seconds = time.process_time() - start
    return seconds, len(found.antigen) + len(found.presentation) + len(lineage.lineage)


def main(arguments: list[str] | None = None) -> int:
    """Print the seconds, or the tables of error rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("patients", 30), ("cells", 2000), ("genes", 12000), ("processes", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--tables", action="store_true")
    given = parser.parse_args(arguments)
    if given.tables:
        return tables()
    names = [f"P{number:02d}" for number in range(given.patients)]
    one(names[0], 100, given.genes)
    with ProcessPoolExecutor(given.processes) as pool:
        found = list(pool.map(one, names, [given.cells] * len(names), [given.genes] * len(names)))
    total, calls = sum(seconds for seconds, _ in found), sum(number for _, number in found)
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    sys.stdout.write(
        f"{given.patients} patients x 2 x {given.cells:,} cells x {given.genes:,} genes, {calls} calls: {total:.1f} s "
        f"of processor time, {total / given.processes:.1f} s on {given.processes} cores ({machine}); reading files "
        "comes on top\n"
    )
    return 0


def tables() -> int:
    """Print the tables that stand in benchmarks/."""
    sys.path.insert(0, str(ROOT / "tests" / "calibration"))
    for name, module in TABLES:
        path = ROOT / "benchmarks" / f"{name}.json"
        sys.stdout.write(f"## {name}\n\n")
        written = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"rows": []}
        beside = [written["protein"]] if "protein" in written else []
        sys.stdout.write(import_module(module).text(written["rows"], *beside) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
