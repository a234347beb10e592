"""The counts and scores of a bulk run come in; one h5ad of samples × genes that scanpy opens goes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from ohmics import tables
from ohmics.export.cells import NOT_IN_OBS, about_run, log_normalised, plain_column
from ohmics.io import read_table, write_h5ad

SIZE = 1_000_000.0
"""Counts a bulk sample is scaled to before log1p."""


def write_samples(results: str | Path, path: str | Path, *, version: str) -> str:
    """Write ``ohmics.h5ad`` of a bulk run.

    ``X`` holds log1p of counts per million, ``layers["counts"]`` the raw counts; ``obs`` the sheet and QC,
    ``obsm["X_pca"]`` the two components of the QC page, ``obsm["gene_list_scores"]`` the unthinned scores of the run's
    first method (names in ``uns["ohmics"]["gene_lists"]``, method in ``uns["ohmics"]["score_method"]``).

    Returns
    -------
    str
        Why the file was not made; empty when it was.
    """
    folder, target = Path(results), Path(path)
    counts = folder / "counts" / "bulk.h5ad"
    if not counts.is_file():
        target.unlink(missing_ok=True)
        return "the run made no table of bulk counts"
    given = ad.read_h5ad(counts)
    names = pd.Index(given.obs_names.astype(str))
    raw = sp.csr_matrix(given.X, dtype=np.float32)
    raw.sort_indices()
    adata = ad.AnnData(X=log_normalised(raw, size=SIZE), obs=_obs(folder, names), var=given.var.copy())
    adata.var.index.name = "symbol"
    adata.layers["counts"] = raw
    about = about_run(folder, version) | {"X": "log1p of counts per million"}
    pca = folder / "tables" / "pca.tsv"
    if pca.is_file():
        points = read_table(pca, tables.PCA, exact=True).set_index("sample").reindex(names)[["pc1", "pc2"]]
        adata.obsm["X_pca"] = points.to_numpy(dtype=np.float64)
    scored = folder / "tables" / "scores.tsv"
    if scored.is_file():
        about |= _add_scores(adata, read_table(scored, tables.SCORES, exact=True), names)
    adata.uns["ohmics"] = about
    write_h5ad(adata, target)
    return ""


def _obs(folder: Path, names: pd.Index) -> pd.DataFrame:
    """Return the sheet's columns that say anything, and QC's."""
    parts = [read_table(folder / "samples.tsv", tables.SAMPLES)]
    qc = folder / "tables" / "qc.tsv"
    if qc.is_file():
        parts.append(read_table(qc, tables.QC, exact=True).rename(columns={"median_umi": "library_size"}))
    columns: dict[str, Any] = {"sample": pd.Categorical(names)}
    for part in parts:
        rows = part.set_index("sample").reindex(names)
        told = [name for name in rows.columns if name not in NOT_IN_OBS and rows[name].notna().any()]
        columns |= {name: plain_column(rows[name]) for name in told if name not in ("cells_in", "cells_kept")}
    return pd.DataFrame(columns, index=names.astype(object))


def _add_scores(adata: ad.AnnData, scores: pd.DataFrame, names: pd.Index) -> dict[str, Any]:
    raw = scores[(scores["depth"] == "raw") & (scores["cell_type"] == "bulk")]
    if raw.empty:
        return {}
    method = str(raw["method"].iloc[0])
    wide = raw[raw["method"] == method].pivot_table(
        index="sample", columns="gene_list", values="score", aggfunc="first", sort=True
    )
    adata.obsm["gene_list_scores"] = wide.reindex(names).to_numpy(dtype=np.float64)
    return {"gene_lists": np.array(wide.columns, dtype=object), "score_method": method}
