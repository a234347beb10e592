"""Measures how often copy number from expression sees a planted gain or loss; writes benchmarks/copy_number.json.

python tests/calibration/copy_number_full.py [--seeds 3]

Cohorts without a tumour: in the largest normal type that may be a tumour of the disease a gain or a loss is planted
over a run of genes, by thinning counts (a loss leaves half of the run's, a gain two thirds of all others'), and the
type is asked for its departure before and after. Types are the true ones, so that only copy number is measured. Genes
lie on their chromosomes in the toy's order, which is no true order of positions within them.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

import ohmics as om
from ohmics.calls.copy_number import copy_number_signal
from ohmics.calls.malignant_counts import kinds
from ohmics.catalog import Catalog
from ohmics.seeds import generator
from ohmics.toy.genes import gene_space

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "copy_number.json"
MEASURED = ("calls/copy_number.py", "toy/diseases.py", "toy/disease_levels.py")
DOCS, START, END = ROOT / "docs" / "malignant.md", "<!-- copy number -->", "<!-- end of copy number -->"
_spec = importlib.util.spec_from_file_location("run_full", Path(__file__).with_name("run_full.py"))
if _spec is None or _spec.loader is None:
    raise ImportError("run_full.py lies beside this file")
run_full = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(run_full)
DISEASES = ("lymphoma", "myeloma", "aml")
SEEDS = 3
PATIENTS = 2
LEAST_CELLS = 20
CHANGES: dict[str, tuple[tuple[str, str, int], ...]] = {
    "nothing planted": (),
    "one chromosome gained": (("gain", "7", 0),),
    "one chromosome lost": (("loss", "13", 0),),
    "two chromosomes gained, one lost": (("gain", "4", 0), ("gain", "10", 0), ("loss", "7", 0)),
    "a run of 300 genes gained": (("gain", "1", 300),),
    "a run of 300 genes lost": (("loss", "6", 300),),
    "a run of 100 genes lost": (("loss", "9", 100),),
}
"""What is planted: kind, chromosome, and how many genes from its start on (0: all)."""


def digest() -> str:
    """Return the digest of the measured code and of what is planted."""
    setting = json.dumps([DISEASES, PATIENTS, LEAST_CELLS, CHANGES], sort_keys=True).encode()
    return hashlib.sha256(str(run_full.digest(MEASURED)).encode() + setting).hexdigest()


def positions(n_genes: int, catalog: Catalog) -> pd.DataFrame:
    """Return positions of the toy's genes: their chromosomes, in the toy's order within each."""
    space = gene_space(n_genes, catalog)
    start = np.arange(len(space.symbols)) * 10_000
    columns = {"chromosome": space.chromosomes.astype(str), "start": start, "end": start + 5_000}
    return pd.DataFrame(columns, index=pd.Index(space.symbols, dtype=object))


def planted(
    adata: AnnData, rows: np.ndarray, places: pd.DataFrame, changes: tuple[tuple[str, str, int], ...], seed: int
) -> AnnData:
    """Return the cells with gains and losses in some of them, drawn by thinning."""
    copies = np.ones(adata.n_vars)
    chromosomes = places["chromosome"].reindex(adata.var_names).to_numpy(dtype=object)
    for kind, chromosome, n_genes in changes:
        run = np.flatnonzero(chromosomes == chromosome)
        copies[run[:n_genes] if n_genes else run] = 1.5 if kind == "gain" else 0.5
    keep = copies / copies.max()
    counts = sp.csr_matrix(adata.X).copy()
    rng = generator(seed, "calibration", "copy_number")
    inside = np.zeros(adata.n_obs, dtype=bool)
    inside[rows] = True
    entries = np.repeat(inside, np.diff(counts.indptr))
    drawn = rng.binomial(counts.data[entries].astype(np.int64), keep[counts.indices[entries]])
    counts.data[entries] = drawn.astype(counts.dtype)
    counts.eliminate_zeros()
    return AnnData(counts, obs=adata.obs.copy(), var=adata.var.copy())


def measurements(catalog: Catalog, *, seeds: int = SEEDS, n_cells: int = 600) -> Iterator[dict[str, Any]]:
    """Yield one departure: disease, change, z and number of cells of the planted type."""
    places = positions(16000, catalog)
    for disease in DISEASES:
        chosen = kinds(catalog.diseases[disease], catalog)
        for seed in range(seeds):
            cohort = om.toy.disease(disease, seed=seed, n_cells=n_cells, n_patients=PATIENTS, tumour="none")
            for sample, adata in cohort.adatas.items():
                truth = cohort.truth_cells[cohort.truth_cells["sample"] == sample].set_index("barcode")
                types = truth.loc[adata.obs_names, "true_type"].reset_index(drop=True)
                kind = chosen.of(types)
                inside = types[(kind == "home")]
                if inside.empty or int(inside.value_counts().iloc[0]) < LEAST_CELLS:
                    continue
                main = str(inside.value_counts().index[0])
                rows = np.flatnonzero((types == main).to_numpy())
                for change, parts in CHANGES.items():
                    work = planted(adata, rows, places, parts, seed) if parts else adata
                    signal = copy_number_signal(work, places, reference=kind == "incompatible", cluster=types)
                    if main in signal.index:
                        z = float(signal["z"].to_numpy(dtype=np.float64)[signal.index.get_loc(main)])
                        yield {"disease": disease, "change": change, "z": z, "n": len(rows)}


def table(found: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row a change: how many types were asked, and how many speak for a tumour, a little and strongly."""
    rows = []
    for change in CHANGES:
        z = found.loc[found["change"] == change, "z"]
        rows.append(
            {
                "measurement": "copy number speaks for a tumour",
                "kind": "found" if CHANGES[change] else "error",
                "change": change,
                "replicates": len(z),
                "median_z": float(z.median()),
                "rate": float((z > 3).mean()),
                "adds_one": float((z >= 5).mean()),
                "adds_two": float((z >= 7).mean()),
            }
        )
    return rows


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return the table as it stands in docs/malignant.md."""
    lines = [
        "| planted | types asked | median z | speaks for a tumour, % | adds 1, % | adds 2, % |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        shares = " | ".join(f"{100 * row[name]:.0f}" for name in ("rate", "adds_one", "adds_two"))
        lines.append(f"| {row['change']} | {row['replicates']} | {row['median_z']:.1f} | {shares} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure every change, write the results and the table of the documentation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    measured = digest()
    rows = table(pd.DataFrame(list(measurements(om.catalog(), seeds=given.seeds))))
    if digest() != measured:
        raise SystemExit("the code changed while it was measured; run again")
    written = {"digest": measured, "seeds": given.seeds, "rows": rows}
    given.out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    if given.out == RESULTS:
        before, rest = DOCS.read_text(encoding="utf-8").split(START)
        DOCS.write_text(f"{before}{START}\n{markdown(rows)}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    print(markdown(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
