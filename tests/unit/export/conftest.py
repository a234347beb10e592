"""A small results folder whose texts are hostile: formulas, markup, paths of somebody's machine."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import yaml

from ohmics import tables
from ohmics.io import write_table

PATIENT = "=cmd|' /C calc'!A0"
TISSUE = "<script>alert(1)</script>"
PROJECT = '=HYPERLINK("http://a.example","x") **bold** [@key]'
SECRET = "/home/somebody/trial"
GENES = [f"GENE{number}" for number in range(12)]
LISTS = ("car_tonic_signalling/ap1_irf_tonic", "my own list")


def _sheet(modality: str, names: list[str]) -> pd.DataFrame:
    rows = [
        {"sample": name, "patient": PATIENT, "timepoint": name.split("_")[1], "modality": modality,
         "path": f"{SECRET}/{name}.h5", "therapy": "car_t", "tissue": TISSUE, "disease": "@SUM(1)", "age": 61}
        for name in names
    ]  # fmt: skip
    return tables.SAMPLES.conform(rows)


def _qc(names: list[str], *, bulk: bool) -> pd.DataFrame:
    rows = []
    for place, name in enumerate(names):
        row = {"sample": name, "median_umi": 1000.0 + place, "median_genes": 10.0}
        row |= {} if bulk else {"cells_in": 40, "cells_kept": 30, "pct_mito": 4.25}
        row |= {"verdict": "use_with_care", "flags": "+1 <b>odd</b>"} if place else {"verdict": "use"}
        rows.append(row)
    return tables.QC.conform(rows)


def _evidence() -> pd.DataFrame:
    shared = {"contrast": "relapse_vs_pre", "mechanism": "car_tonic_signalling", "observability": "expression"}
    return tables.EVIDENCE.conform(
        [
            {**shared, "level": "cohort", "subject": "relapse_vs_pre", "verdict": "not_assessable",
             "reasons": "-2 patients"},
            {**shared, "level": "patient", "subject": PATIENT, "verdict": "consistent", "reasons": "x" * 40_000},
        ]
    )  # fmt: skip


def _common(folder: Path, modality: str, names: list[str]) -> None:
    bulk = modality == "bulk"
    config = {
        "project": PROJECT,
        "outdir": "results",
        "input": {"modality": modality, "samples": f"{SECRET}/samples.tsv"},
        "qc": {"min_umi": 300, "min_library_size": 100_000},
        "contrasts": [
            {"name": "relapse_vs_pre", "variable": "timepoint", "test": "relapse", "reference": "pre",
             "pair_by": ["patient"], "covariates": [], "unit": "patient"}
        ],
    }  # fmt: skip
    (folder / "tables").mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    write_table(_sheet(modality, names), tables.SAMPLES, folder / "samples.tsv")
    write_table(_qc(names, bulk=bulk), tables.QC, folder / "tables" / "qc.tsv")
    write_table(_evidence(), tables.EVIDENCE, folder / "tables" / "evidence.tsv")
    pairs = {"contrast": "relapse_vs_pre", "subject": PATIENT, "block": PATIENT, "complete": True}
    write_table(tables.PAIRS.conform([pairs]), tables.PAIRS, folder / "pairs.tsv")
    rows = [tables.skipped("de", "0 patients, 3 are needed", contrast="relapse_vs_pre", cell_type="T cell")]
    write_table(tables.SKIPPED.conform(rows), tables.SKIPPED, folder / "tables" / "skipped.tsv")
    scores = [
        {"sample": name, "cell_type": "bulk" if bulk else "T cell", "gene_list": one, "method": "ucell",
         "depth": depth, "thinned_to": 800.0 if depth == "thinned" else None, "score": 0.5 + place, "n_cells": 30,
         "coverage": 1.0, "mechanism": one.split("/")[0] if "/" in one else None}
        for place, name in enumerate(names)
        for one in LISTS
        for depth in ("raw", "thinned")
    ]  # fmt: skip
    write_table(tables.SCORES.conform(scores), tables.SCORES, folder / "tables" / "scores.tsv")


@pytest.fixture
def cell_results(tmp_path: Path) -> Path:
    folder, names = tmp_path / "results", ["S_pre", "S_relapse"]
    _common(folder, "single_cell", names)
    random = np.random.default_rng(0)
    cells = []
    for place, name in enumerate(names):
        # The second sample lacks a gene, and its file holds a cell that was not kept.
        genes = GENES[: len(GENES) - place]
        counts = sp.csr_matrix(random.poisson(2.0, (30 + place, len(genes))).astype(np.float32))
        barcodes = [f"cell{number}" for number in range(counts.shape[0])]
        var = pd.DataFrame({"original_id": [f"ENSG{number}" for number in range(len(genes))]}, index=genes)
        part = folder / "samples" / name
        part.mkdir(parents=True)
        ad.AnnData(X=counts, obs=pd.DataFrame(index=barcodes), var=var).write_h5ad(part / "counts.h5ad")
        frame = pd.DataFrame({"sample": name, "barcode": barcodes[:30]})
        scored = frame.assign(**{one: random.random(30).astype(np.float32) for one in LISTS})
        write_table(scored, tables.CELL_SCORES, part / "cell_scores.parquet")
        frame = frame.assign(cluster=["10", "2"] * 15, light_chain=None, cell_type="T cell", cell_type_confidence=0.9)
        told = [True, False, None] * 10
        cells.append(frame.assign(malignant=told, car_positive=told, umap_1=1.5, umap_2=random.random(30)))
    write_table(pd.concat(cells, ignore_index=True), tables.CELLS, folder / "tables" / "cells.parquet")
    return folder


@pytest.fixture
def bulk_results(tmp_path: Path) -> Path:
    folder, names = tmp_path / "results", ["B_pre", "B_relapse", "B2_pre"]
    _common(folder, "bulk", names)
    counts = np.arange(3 * len(GENES), dtype=np.float32).reshape(3, -1)
    (folder / "counts").mkdir()
    held = ad.AnnData(X=counts, obs=pd.DataFrame(index=names), var=pd.DataFrame(index=GENES))
    held.write_h5ad(folder / "counts" / "bulk.h5ad")
    points = [{"sample": name, "pc1": float(place), "pc2": -1.0} for place, name in enumerate(names)]
    write_table(tables.PCA.conform(points), tables.PCA, folder / "tables" / "pca.tsv")
    return folder
