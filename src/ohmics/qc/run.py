"""One sample's raw counts come in; its kept cells, its QC row, the quality of each cell and what was skipped go out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from ohmics.qc.ambient import ambient_fraction
from ohmics.qc.doublets import Doublets, find_doublets
from ohmics.qc.filters import removal_reasons
from ohmics.qc.metrics import qc_metrics
from ohmics.qc.settings import QCSettings
from ohmics.qc.verdict import EXCLUDED, Measured, judge
from ohmics.tables import CELL_QC, skipped


@dataclass(frozen=True, slots=True)
class QCResult:
    """What `run_qc` found.

    Parameters
    ----------
    kept
        Kept cells × genes, raw counts, ``obs["sample"]``; no cell when the sample is excluded.
    qc_row
        The sample's row of QC. Of an excluded sample the medians are those of all barcodes.
    cell_qc
        CELL_QC, one row a barcode of the input.
    skipped
        Rows of SKIPPED.
    """

    kept: AnnData
    qc_row: dict[str, Any]
    cell_qc: pd.DataFrame
    skipped: tuple[dict[str, str], ...] = ()


def run_qc(
    adata: AnnData, *, sample: str, settings: Mapping[str, Any] | QCSettings | None = None, seed: int = 0
) -> QCResult:
    """Filter one sample's cells and say how good the sample is.

    Parameters
    ----------
    adata
        Barcodes × genes, raw counts in ``X`` (CSR); not changed.
    sample
        The sample's name.
    settings
        The config's ``qc`` block (see `QCSettings`).
    seed
        Seed of the doublet simulation.

    Raises
    ------
    OhmicsError
        For settings that do not exist. A bad sample is no error: it is excluded, with its reason.
    """
    limits = QCSettings.of(settings)
    metrics = qc_metrics(adata)
    reasons = removal_reasons(
        metrics,
        min_umi=limits.min_umi,
        min_genes=limits.min_genes,
        max_pct_mito=limits.max_pct_mito,
        n_mads=limits.n_mads,
    )
    passing = reasons.isna().to_numpy()
    ambient = ambient_fraction(adata, passing)
    doublets = _doublets(adata[passing], limits, sample, seed)
    called = pd.Series(pd.NA, index=metrics.index, dtype="boolean")
    called.iloc[np.flatnonzero(passing)] = doublets.called.to_numpy()
    is_doublet = called.fillna(False).to_numpy(dtype=bool)
    reasons[is_doublet] = "doublet"
    good = passing & ~is_doublet
    measured = Measured(
        cells_in=adata.n_obs,
        cells_kept=int(good.sum()),
        median_umi_in=_median(metrics["n_umi"]),
        median_umi=_median(metrics.loc[good, "n_umi"]),
        pct_mito=_median(metrics.loc[good, "pct_mito"]),
        doublet_rate=doublets.rate,
        ambient_fraction=ambient.fraction,
        min_cells=limits.min_cells,
        notes=(doublets.reason, _no_mito(metrics)),
    )
    verdict = judge(measured)
    shown = metrics[good]
    if verdict.verdict == EXCLUDED:
        shown = metrics
        reasons[good] = "the sample is excluded"
        good = np.zeros_like(good)
    row = {
        "sample": sample, "cells_in": adata.n_obs, "cells_kept": int(good.sum()),
        "median_umi": _median(shown["n_umi"]), "median_genes": _median(shown["n_genes"]),
        "pct_mito": _median(shown["pct_mito"]), "doublet_rate": doublets.rate,
        "ambient_fraction": ambient.fraction, "verdict": verdict.verdict, "flags": verdict.flags,
    }  # fmt: skip
    kept = adata[good].copy()
    kept.obs["sample"] = pd.Series(sample, index=kept.obs_names, dtype=object)
    table = _cell_table(metrics, reasons, called, doublets.scores, sample)
    return QCResult(kept, row, table, _skipped(sample, doublets, ambient.reason if np.isnan(ambient.fraction) else ""))


def _doublets(adata: AnnData, limits: QCSettings, sample: str, seed: int) -> Doublets:
    if limits.doublets:
        return find_doublets(adata, sample=sample, seed=seed)
    nothing = pd.Series(np.nan, index=adata.obs_names, dtype=float)
    return Doublets(nothing, nothing.astype("boolean"), "doublets were not looked for: switched off in the config")


def _median(values: pd.Series) -> float:
    given = values.dropna()
    return float(given.median()) if len(given) else float("nan")


def _no_mito(metrics: pd.DataFrame) -> str:
    if len(metrics) and metrics["pct_mito"].isna().all() and (metrics["n_umi"] > 0).any():
        return "the data hold no mitochondrial gene, so that filter could not be applied"
    return ""


def _cell_table(
    metrics: pd.DataFrame, reasons: pd.Series, called: pd.Series, scores: pd.Series, sample: str
) -> pd.DataFrame:
    table = metrics.reset_index(drop=True)
    table.insert(0, "sample", sample)
    table.insert(1, "barcode", metrics.index.to_numpy(dtype=object))
    table["doublet_score"] = scores.reindex(metrics.index).to_numpy(dtype=float)
    table["doublet"] = called.to_numpy()
    table["kept"] = reasons.isna().to_numpy()
    table["reason"] = reasons.to_numpy(dtype=object)
    return CELL_QC.conform(table)


def _skipped(sample: str, doublets: Doublets, ambient: str) -> tuple[dict[str, str], ...]:
    rows = []
    if doublets.reason:
        rows.append(skipped("qc", doublets.reason, subject=sample, item="doublets"))
    if ambient:
        rows.append(skipped("qc", ambient, subject=sample, item="ambient_fraction"))
    return tuple(rows)
