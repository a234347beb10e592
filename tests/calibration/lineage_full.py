"""Measure the lineage call on planted scenarios; writes benchmarks/lineage.json, a confusion table.

python tests/calibration/lineage_full.py [--seeds 12] [--tables]

A toy cohort of three patients a seed: one whose tumour stays, and two copies of which the relapse sample is made over
by each scenario. Clusters are those of `ohmics.embed` without batch correction, and, for the scenarios marked so, those
after Harmony, which brings switched blasts and normal monocytes together.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from ohmics.calls.lineages import call_lineages
from ohmics.catalog import Catalog, catalog
from ohmics.embed import embed
from ohmics.seeds import generator
from ohmics.tables import PAIRS
from ohmics.toy import single_cell

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "lineage.json"
MEASURED = ("lineage.py", "lineage_cells.py", "lineages.py", "populations.py", "backgrounds.py")
CALLS = ("switch", "candidate", "no_switch", "dedifferentiation", "inconclusive", "not_assessable")
ALLOWED = {
    "switch, clonal link": {"switch"},
    "switch": {"candidate", "not_assessable"},
    "switch, clusters after correction": {"candidate", "not_assessable"},
    "myeloid recovery, clonal link": {"no_switch"},
    "myeloid recovery": {"no_switch", "candidate", "not_assessable"},
    "myeloid recovery, clusters after correction": {"no_switch", "candidate", "not_assessable"},
    "dedifferentiation": {"dedifferentiation"},
    "doublets with monocytes": {"no_switch"},
    "ambient RNA of monocytes": {"no_switch"},
    "nothing": {"no_switch"},
}
"""Scenario to the calls that are right; inconclusive and not_assessable are abstentions, any other call is an error."""
ABSTAINED = {"inconclusive", "not_assessable"}
Row = dict[str, Any]


def digest() -> str:
    """Return a digest of the files of ohmics.calls that make the call; tables and the catalogue stand apart."""
    total = hashlib.sha256()
    for name in MEASURED:
        total.update(name.encode() + b"\0" + (ROOT / "src" / "ohmics" / "calls" / name).read_bytes() + b"\0")
    return total.hexdigest()[:16]


def cohort(seed: int, known: Catalog) -> tuple[dict[str, AnnData], pd.DataFrame]:
    """Return samples of five patients with their true types, and the sheet."""
    made = single_cell(n_patients=5, n_cells=400, n_genes=5000, seed=seed, catalog=known)
    truth = made.truth_cells.set_index(["sample", "barcode"])
    adatas = {}
    for sample, adata in made.adatas.items():
        mine = truth.loc[sample].loc[adata.obs_names]
        kinds = mine["true_type"].astype(object)
        switched = (kinds == "AML / switched myeloid blast").to_numpy()
        adata.obs["tumour"] = mine["malignant"].to_numpy()
        # As a user declares it: blasts are malignant, and switched ones look like monocytes.
        adata.obs["malignant"] = (kinds == "B-ALL blast").to_numpy()
        adata.obs["cell_type"] = np.where(switched, "CD14 monocyte", kinds)
        adatas[sample] = adata
    return adatas, made.samples


def made_over(adata: AnnData, scenario: str, known: Catalog, random: np.random.Generator) -> AnnData:
    """Return a relapse sample as the scenario has it."""
    monocytes = np.flatnonzero((adata.obs["cell_type"] == "CD14 monocyte") & ~adata.obs["tumour"])
    tumour = np.flatnonzero(adata.obs["tumour"])
    if scenario.startswith("myeloid recovery"):
        kept = np.concatenate([random.choice(tumour, max(len(tumour) // 2, 30), replace=False),
                               np.setdiff1d(np.arange(adata.n_obs), tumour)])  # fmt: skip
        # Recovering marrow: fivefold monocytes, each drawn from the sample's own and thinned anew.
        more = random.choice(monocytes, 4 * len(monocytes))
        names = [f"recovered-{number}" for number in range(len(more))]
        fresh = AnnData(_redrawn(sparse.csr_matrix(adata.X)[more], random), obs=adata.obs.iloc[more].set_axis(names),
                        var=adata.var.copy())  # fmt: skip
        return _joined(adata[np.sort(kept)].copy(), fresh)
    counts = sparse.csr_matrix(adata.X, copy=True).tolil()
    if scenario == "dedifferentiation":
        home = np.flatnonzero(adata.var_names.isin(known.lineages["b_lymphoid"].genes))
        counts[np.ix_(tumour, home)] = 0
    if scenario == "doublets with monocytes":
        doubled = random.choice(tumour, len(tumour) // 3, replace=False)
        counts[doubled] = counts[doubled] + sparse.csr_matrix(adata.X)[random.choice(monocytes, len(doubled))]
    if scenario == "ambient RNA of monocytes":
        profile = np.asarray(adata[monocytes].X.mean(axis=0)).ravel() * 0.2
        counts = sparse.lil_matrix(counts.toarray() + random.poisson(profile, counts.shape))
    changed = adata.copy()
    changed.X = sparse.csr_matrix(counts, dtype=np.float32)
    return changed


def _redrawn(matrix: Any, random: np.random.Generator) -> sparse.csr_matrix:
    counts = sparse.csr_matrix(matrix, copy=True)
    counts.data = random.poisson(counts.data).astype(np.float32)
    counts.eliminate_zeros()
    return counts


def _joined(one: AnnData, other: AnnData) -> AnnData:
    matrix = sparse.vstack([sparse.csr_matrix(one.X), sparse.csr_matrix(other.X)], format="csr")
    return AnnData(matrix, obs=pd.concat([one.obs, other.obs]), var=one.var.copy())


def call(scenario: str, seed: int, known: Catalog) -> str:
    """Return the call of the patient that the scenario was planted in."""
    random = generator(seed, "lineage", scenario)
    adatas, sheet = cohort(seed, known)
    patient = "P04" if scenario.startswith("switch") else "P03"
    after = f"{patient}_relapse"
    adatas[after] = made_over(adatas[after], scenario, known, random)
    corrected = scenario.endswith("after correction")
    cells = embed(
        list(adatas.values()), n_top_genes=1000, n_pcs=20, harmony=corrected, umap=False, seed=seed
    )  # fmt: skip
    column = "cluster" if corrected else "cluster_uncorrected"
    placed = cells.set_index(["sample", "barcode"])[column]
    for sample, adata in adatas.items():
        adata.obs[column] = placed.loc[sample].loc[adata.obs_names].to_numpy()
        if scenario.endswith("clonal link"):
            adata.obs["clone"] = pd.array(adata.obs["tumour"].to_numpy(), dtype="boolean")
    pairs = PAIRS.conform(
        [{"contrast": "c", "subject": p, "block": p, "test_samples": f"{p}_relapse", "reference_samples": f"{p}_pre",
          "complete": True} for p in sheet["patient"].unique()]
    )  # fmt: skip
    mark = "clone" if scenario.endswith("clonal link") else None
    found = call_lineages(adatas, sheet, pairs, catalog=known, clone=mark).lineage.set_index("patient")
    return str(found.loc[patient, "call"])


def text(rows: list[Row]) -> str:
    """Return the confusion table as Markdown."""
    lines = ["| scenario | patients | " + " | ".join(name.replace("_", " ") for name in CALLS) + " | errors |"]
    lines.append("|---" * (len(CALLS) + 3) + "|")
    for row in rows:
        counts = " | ".join(str(row["calls"].get(name, 0)) for name in CALLS)
        lines.append(f"| {row['scenario']} | {row['patients']} | {counts} | {row['errors']} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Measure each scenario and write the results as they come."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--tables", action="store_true", help="print what is measured, and measure nothing")
    given = parser.parse_args(arguments)
    measured = digest()
    known = catalog()
    rows: list[Row] = []
    if given.out.exists():
        written = json.loads(given.out.read_text(encoding="utf-8"))
        rows = [row for row in written["rows"] if written["digest"] == measured]
    for scenario in () if given.tables else ALLOWED:
        if any(row["scenario"] == scenario and row["patients"] >= given.seeds for row in rows):
            continue
        calls = Counter(call(scenario, seed, known) for seed in range(given.seeds))
        errors = sum(number for name, number in calls.items() if name not in ALLOWED[scenario] | ABSTAINED)
        rows = [row for row in rows if row["scenario"] != scenario]
        rows.append({"scenario": scenario, "patients": given.seeds, "calls": dict(calls), "errors": errors})
        written = {"digest": measured, "cells": len(ALLOWED), "rows": rows}
        given.out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
        sys.stdout.write(f"{scenario}: {dict(calls)}\n")
        sys.stdout.flush()
    sys.stdout.write(text(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
