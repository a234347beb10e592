"""CELL_QC and CELLS of the samples come in; CELL_SUMMARY, CELL_FILTERS and CELL_TYPE_SHARES go out."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from ohmics.tables import CELL_FILTERS, CELL_SUMMARY, CELL_TYPE_SHARES

ANY = "any"
DOUBLET = "doublet"
_LEAST_UMI = 2.0
"""Complexity divides by log10 UMI, which is 0 for a cell of one count."""


def cell_summary(cell_qc: pd.DataFrame) -> pd.DataFrame:
    """Return CELL_SUMMARY: number, depth, genes, mitochondrial share and complexity before and after the filters.

    Parameters
    ----------
    cell_qc
        CELL_QC of one or more samples.
    """
    rows = []
    for sample, own in cell_qc.groupby("sample", sort=False, observed=True):
        for name, part in (("before", own), ("kept", own[own["kept"].astype(bool)])):
            rows.append({"sample": sample, "cells": name, **_measures(part)})
    return CELL_SUMMARY.conform(rows)


def _measures(cells: pd.DataFrame) -> dict[str, float | int | None]:
    found: dict[str, float | int | None] = {
        "n_cells": len(cells),
        "n_doublets": int(cells["doublet"].fillna(False).astype(bool).sum()),
    }
    if cells.empty:
        return found
    umi = cells["n_umi"].astype(float)
    mito = cells["pct_mito"].astype(float).dropna()
    genes = cells["n_genes"].astype(float)
    counted = (umi >= _LEAST_UMI) & (genes > 0)
    ratio = np.log10(genes[counted].to_numpy(dtype=float)) / np.log10(umi[counted].to_numpy(dtype=float))
    return found | {
        "median_umi": float(umi.median()),
        "low_umi": float(umi.quantile(0.05)),
        "high_umi": float(umi.quantile(0.95)),
        "median_genes": float(genes.median()),
        "median_pct_mito": float(mito.median()) if len(mito) else None,
        "complexity": round(float(np.median(ratio)), 6) if len(ratio) else None,
    }


def cell_filters(cell_qc: pd.DataFrame) -> pd.DataFrame:
    """Return CELL_FILTERS: how many cells failed each filter, alone or with others, and how many failed any.

    Parameters
    ----------
    cell_qc
        CELL_QC of one or more samples; ``reason`` joins what a cell failed with ``;``.
    """
    rows = []
    for sample, own in cell_qc.groupby("sample", sort=False, observed=True):
        reasons = own["reason"].dropna().astype(str).value_counts(sort=False)
        failed: dict[str, int] = {}
        alone: dict[str, int] = {}
        for joined, number in reasons.items():
            parts = [part for part in str(joined).split(";") if part]
            for part in parts:
                failed[part] = failed.get(part, 0) + int(number)
                alone[part] = alone.get(part, 0) + (int(number) if len(parts) == 1 else 0)
        removed = int((~own["kept"].astype(bool)).sum())
        table = {ANY: (removed, removed), **{name: (failed[name], alone[name]) for name in sorted(failed)}}
        rows += [
            {"sample": sample, "filter": name, "n_cells": n, "n_only": only, "share": n / len(own)}
            for name, (n, only) in table.items()
        ]
    return CELL_FILTERS.conform(rows)


def filled_filters(filters: pd.DataFrame, *, searched: Collection[str]) -> pd.DataFrame:
    """Return CELL_FILTERS with a row of 0 for each sample and filter that removed none of its cells.

    Parameters
    ----------
    filters
        CELL_FILTERS of all samples.
    searched
        Samples in which doublets were looked for; the others get no row for them. Limits by median absolute
        deviations hold only where there are cells enough, so that no row of theirs is filled either.
    """
    known = {(str(row["sample"]), str(row["filter"])) for row in filters.to_dict("records")}
    names = [name for name in dict.fromkeys(filters["filter"].astype(str)) if "MADs" not in name]
    more = [
        {"sample": sample, "filter": name, "n_cells": 0, "n_only": 0, "share": 0.0}
        for sample in dict.fromkeys(filters["sample"].astype(str))
        for name in names
        if (sample, name) not in known and (name != DOUBLET or sample in searched)
    ]
    return CELL_FILTERS.conform(pd.concat([filters, pd.DataFrame(more)], ignore_index=True) if more else filters)


def cell_type_shares(cells: pd.DataFrame) -> pd.DataFrame:
    """Return CELL_TYPE_SHARES: kept cells of each type in each sample; a type that a sample lacks has a row of 0.

    Parameters
    ----------
    cells
        CELLS.
    """
    counted = pd.crosstab(cells["sample"].astype(str), cells["cell_type"].astype(str))
    rows = [
        {"sample": sample, "cell_type": kind, "n_cells": int(number), "fraction": float(number) / float(own.sum())}
        for sample, own in counted.iterrows()
        for kind, number in own.items()
    ]
    return CELL_TYPE_SHARES.conform(rows)
