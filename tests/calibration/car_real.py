"""Measure the CAR call on a published cohort (carpall2023, OHMICS_DATA); writes benchmarks/car_real.json.

Cells are named by whose marker counts they hold. Reported are the share called CAR+ among the published CAR T barcodes,
among the other T cells, and the share of B and of myeloid cells that hold a transgene count at all, sample by sample.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from ohmics.calls import call_cars
from ohmics.catalog import catalog
from ohmics.intake.reading import read
from ohmics.provenance import code_digest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "car_real.json"
MODULE = "ohmics.calls.car"
TRANSGENE = "CAT_scFv"
LINEAGES = {
    "T cell": ("CD3D", "CD3E", "CD3G", "TRAC"),
    "CD14 monocyte": ("LYZ", "S100A8", "S100A9", "CST3"),
    "B cell": ("CD79A", "MS4A1", "CD79B"),
}
Row = dict[str, Any]


def folder() -> Path:
    """Return the folder of the data."""
    return Path(os.environ.get("OHMICS_DATA", "")) / "carpall2023"


def typed(path: Path) -> AnnData:
    """Return the deep cells of a sample with their type."""
    adata = read(path, modality="single_cell", transgenes=[TRANSGENE])
    adata = adata[np.asarray(adata.X.sum(axis=1)).ravel() > 1000].copy()
    counts = {name: np.asarray(adata[:, list(genes)].X.sum(axis=1)).ravel() for name, genes in LINEAGES.items()}
    t_cell = (counts["T cell"] >= 2) & (counts["B cell"] == 0)
    adata.obs["cell_type"] = np.select(
        [t_cell, (counts["CD14 monocyte"] >= 8) & (counts["T cell"] == 0), (counts["B cell"] >= 2) & ~t_cell],
        list(LINEAGES),
        default="unassigned",
    )
    adata.obs["malignant"] = False
    return adata


def measure(adatas: dict[str, AnnData], published: pd.DataFrame) -> list[Row]:
    """Return a row a sample, and one of all samples together."""
    calls = call_cars(adatas, [TRANSGENE], catalog=catalog())
    cells = calls.cells.merge(published[["sample", "barcode"]].assign(published=True), how="left")
    estimates = calls.car.set_index("sample")
    rows = []
    for sample, adata in adatas.items():
        mine = cells[cells["sample"] == sample]
        known = mine["published"].notna()
        positive = mine["car_positive"].fillna(False).astype(bool)
        row: Row = {"sample": sample, "t_cells": len(mine), "published": int(known.sum()),
                    "published_called": int((positive & known).sum()),
                    "published_with_count": int((known & (mine["n_transgene"] > 0)).sum()),
                    "others_called": int((positive & ~known).sum()), "call": str(estimates.loc[sample, "call"]),
                    "estimate": float(estimates.loc[sample, "estimate"])}  # fmt: skip
        for name, kind in (("b_cells", "B cell"), ("myeloid_cells", "CD14 monocyte")):
            part = adata[(adata.obs["cell_type"] == kind).to_numpy(), TRANSGENE]
            row[name] = part.n_obs
            row[f"{name}_with_count"] = int((np.asarray(part.X.sum(axis=1)) > 0).sum()) if part.n_obs else 0
        rows.append(row)
    whole = {name: sum(row[name] for row in rows) for name, value in rows[0].items() if isinstance(value, int)}
    return [*rows, {"sample": "all", **whole}]


def text(rows: list[Row]) -> str:
    """Return the sums as Markdown."""
    row = next((row for row in rows if row["sample"] == "all"), None)
    if row is None:
        return "Nothing is measured yet.\n"

    def share(part: str, of: str) -> str:
        return f"{row[part]:,} of {row[of]:,} ({row[part] / row[of]:.1%})" if row[of] else "none"

    return "\n".join([
        "| cells | called CAR+, or with a transgene count |",
        "|---|---|",
        f"| published CAR T barcodes | called: {share('published_called', 'published')} |",
        f"| those of them with a transgene count | {share('published_with_count', 'published')} |",
        f"| B cells | with a count: {share('b_cells_with_count', 'b_cells')} |",
        f"| myeloid cells | with a count: {share('myeloid_cells_with_count', 'myeloid_cells')} |",
        "",
    ])  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    sheet = pd.read_csv(folder() / "samples.tsv", sep="\t").set_index("sample")
    adatas = {str(sample): typed(folder() / path) for sample, path in sheet["path"].items()}
    adatas = {sample: adata for sample, adata in adatas.items() if adata.n_obs >= 50}
    rows = measure(adatas, pd.read_csv(folder() / "published_car_t_labels.tsv.gz", sep="\t"))
    written = {"digest": code_digest(MODULE), "rows": rows}
    given.out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(text(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
