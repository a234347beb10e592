"""Made-up but realistic inputs of a report: sizes are arguments, contents depend on the seed only."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from ohmics import tables
from ohmics.report import ReportInputs
from ohmics.seeds import generator


def _sibling(name: str) -> ModuleType:
    """Load a module beside this one: tests are no package, so a plain import would not find it."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


made = _sibling("made_results")


def made_inputs(
    *,
    n_patients: int = 8,
    n_cells: int = 20_000,
    n_mechanisms: int = 30,
    bulk: bool = False,
    seed: int = 0,
    rename: dict[str, str] | None = None,
) -> ReportInputs:
    """Return inputs of a cohort with a sample before and one at relapse for each patient."""
    random = generator(seed, "made")
    patients = [f"P{number}" for number in range(1, n_patients + 1)]
    patients = [(rename or {}).get(name, name) for name in patients]
    samples = _samples(patients, bulk)
    qc = _qc(samples, random, bulk)
    used = qc.set_index("sample")["verdict"]
    catalog = made.made_catalog(n_mechanisms)
    pairs = _pairs(samples, used)
    paired = patients[:-1] or patients
    effects = made.effects(catalog, paired, random, bulk)
    cells, cell_qc = (None, None) if bulk else _cells(samples, n_cells, random)
    return ReportInputs(
        config=_config(bulk),
        samples=samples,
        pairs=pairs,
        qc=qc,
        cell_qc=cell_qc,
        identity=_identity(samples, random, bulk),
        cells=cells,
        effects=effects,
        enrichment=made.enrichment(catalog, random, bulk),
        composition=None if bulk else made.composition(paired, random),
        evidence=made.evidence(catalog, effects, paired),
        skipped=made.skipped(patients),
        coverage=made.coverage(catalog, samples, random),
        scores=None,
        de=made.de(random, bulk),
        catalog=catalog,
        provenance={
            "versions": {"python": "3.12.1", "ohmics": "0.1.0", "scanpy": "1.12.4", "gseapy": "1.3.1"},
            "digest": "0123456789abcdef",
            "command": "ohmics run config.yaml --cores 2",
        },
    )


def _config(bulk: bool) -> dict[str, Any]:
    return {
        "project": "Made cohort, B-ALL after CD19 CAR T cells",
        "outdir": "results",
        "seed": 0,
        "input": {"samples": "samples.tsv", "modality": "bulk" if bulk else "single_cell"},
        "qc": {
            "min_umi": 500,
            "min_genes": 250,
            "max_pct_mito": 15,
            "n_mads": 5,
            "min_cells": 20,
            "doublets": True,
            "min_library_size": 1_000_000,
            "min_genes_bulk": 5_000,
        },
        "embed": {
            "n_top_genes": 2000,
            "n_pcs": 30,
            "n_neighbors": 15,
            "resolution": 1.0,
            "harmony": True,
            "umap": True,
        },
        "annotate": {"min_confidence": 0.5},
        "score": {"methods": ["ucell", "mean_z"], "min_coverage": 0.5, "min_cells": 20},
        "contrasts": [
            {
                "name": "relapse_vs_pre",
                "variable": "timepoint",
                "test": "relapse",
                "reference": "pre",
                "pair_by": "patient",
            }
        ],
        "gene_sets": {"n_draws": 10_000, "min_size": 5, "max_size": 500},
        "compare": {"n_draws": 10_000},
    }


def _samples(patients: list[str], bulk: bool) -> pd.DataFrame:
    rows = [
        {
            "sample": f"{patient}_{timepoint}",
            "patient": patient,
            "timepoint": timepoint,
            "modality": "bulk" if bulk else "single_cell",
            "path": f"data/{number}.h5",
            "therapy": "car_t",
            "target_antigen": "CD19",
            "disease": "B-ALL",
            "tissue": "blood" if number == 2 and timepoint == "relapse" else "marrow",
            "enrichment": "CD3+CAR+" if number == 3 and timepoint == "pre" else "none",
            "chemistry": "3' v3",
        }
        for number, patient in enumerate(patients)
        for timepoint in ("pre", "relapse")
    ]
    return tables.SAMPLES.conform(rows)


def _qc(samples: pd.DataFrame, random: np.random.Generator, bulk: bool) -> pd.DataFrame:
    rows = []
    for number, (name, timepoint) in enumerate(zip(samples["sample"], samples["timepoint"], strict=True)):
        cells = int(random.integers(900, 2600))
        depth = float(random.integers(1500, 5200)) * (0.4 if timepoint == "relapse" and number % 4 == 1 else 1.0)
        row = {
            "sample": name,
            "cells_in": 1 if bulk else cells + 200,
            "cells_kept": 1 if bulk else cells,
            "median_umi": depth * (9000 if bulk else 1),
            "median_genes": depth * (5 if bulk else 0.42),
            "pct_mito": float(random.uniform(2, 8)),
            "doublet_rate": None if bulk else float(random.uniform(0.01, 0.08)),
            "verdict": "use",
            "flags": None,
        }
        # The last sample is excluded, unless nothing would be left to compare.
        if number == len(samples) - 1 and number > 1:
            row |= {"verdict": "excluded", "cells_kept": 0 if bulk else 4, "flags": "4 cells kept, fewer than 20"}
        elif number % 4 == 1:
            row |= {
                "verdict": "use_with_care",
                "flags": f"depth {depth:,.0f} is less than half of the patient's other sample",
            }
        rows.append(row)
    return tables.QC.conform(rows)


def _pairs(samples: pd.DataFrame, verdict: pd.Series) -> pd.DataFrame:
    rows = []
    for number, (patient, own) in enumerate(samples.groupby("patient", sort=False)):
        sides = {t: list(g["sample"]) for t, g in own.groupby("timepoint")}
        complete = all(verdict[name] != "excluded" for names in sides.values() for name in names)
        differs = {2: "tissue", 3: "enrichment"}.get(number)
        rows.append(
            {
                "contrast": "relapse_vs_pre",
                "subject": patient,
                "block": patient,
                "test_samples": "|".join(sides["relapse"]),
                "reference_samples": "|".join(sides["pre"]),
                "complete": complete,
                "differs_in": differs,
                "note": None if complete else "the relapse sample was excluded",
            }
        )
    return tables.PAIRS.conform(rows)


def _identity(samples: pd.DataFrame, random: np.random.Generator, bulk: bool) -> pd.DataFrame:
    rows = []
    for number, (name, patient) in enumerate(zip(samples["sample"], samples["patient"], strict=True)):
        female = number // 2 % 2 == 0
        odd = number == 5
        rows.append(
            {
                "patient": patient,
                "sample": name,
                "cell_type": "bulk" if bulk else "T cell",
                "n_cells": 1 if bulk else 400,
                "xist": float(random.uniform(1.5, 3)) if female else 0.01,
                "y_genes": 0.02 if female else float(random.uniform(2, 4)),
                "sex": "female" if female else "male",
                "verdict": "possible_chimerism_or_loss_of_y" if odd else "consistent",
                "reason": "T cells look female, the patient's other sample male." if odd else "XIST and Y genes agree.",
            }
        )
    return tables.IDENTITY.conform(rows)


def _cells(samples: pd.DataFrame, n_cells: int, random: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    kinds = random.choice(
        len(made.CELL_TYPES),
        n_cells,
        p=np.linspace(2, 0.4, len(made.CELL_TYPES)) / np.linspace(2, 0.4, len(made.CELL_TYPES)).sum(),
    )
    centres = random.normal(0, 7, (len(made.CELL_TYPES), 2))
    points = (
        centres[kinds]
        + random.normal(0, 1.1, (n_cells, 2)) * random.uniform(0.6, 1.4, (len(made.CELL_TYPES), 2))[kinds]
    )
    sampled = samples["sample"].to_numpy()
    sample = np.sort(random.choice(sampled[:-1] if len(sampled) > 2 else sampled, n_cells))
    barcode = np.array([f"BC{number:07d}-1" for number in range(n_cells)])
    cells = pd.DataFrame(
        {
            "sample": sample,
            "barcode": barcode,
            "cluster": kinds.astype(str),
            "cell_type": np.array(made.CELL_TYPES)[kinds],
            "cell_type_confidence": random.uniform(0.5, 1, n_cells),
            "malignant": None,
            "car_positive": None,
            "umap_1": points[:, 0],
            "umap_2": points[:, 1],
        }
    )
    umi = random.lognormal(7.8, 0.6, n_cells)
    mito = random.gamma(2, 2.5, n_cells).clip(0, 100)
    kept = (umi > 500) & (mito < 15)
    cell_qc = pd.DataFrame(
        {
            "sample": sample,
            "barcode": barcode,
            "n_umi": umi,
            "n_genes": (umi**0.85).astype(int),
            "pct_mito": mito,
            "doublet_score": random.uniform(0, 0.3, n_cells),
            "doublet": False,
            "kept": kept,
            "reason": np.where(kept, None, "min_umi"),
        }
    )
    return tables.CELLS.conform(cells), tables.CELL_QC.conform(cell_qc)
