"""Per-sample counts with cell types come in; the cohort's mean, sd and detection of each gene go out (GENE_REFERENCE).

A sample gives sums only (`gene_stats`); the sums of all samples make the reference (`combine`), so that a
cohort is never in memory and every sample is scored against the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray

from ohmics.errors import Fault, OhmicsError, listing
from ohmics.qc.features import transgenes
from ohmics.tables import GENE_REFERENCE

SIZE = 10_000.0
BULK_SIZE = 1_000_000.0
ALL = "all"
BULK = "bulk"
FLAGS = ("malignant", "car_positive")
STATS_COLUMNS = ("cell_type", "gene", "n_cells", "sum", "sum_sq", "n_detected")
Ancestors = Callable[[str], Iterable[str]]


def log_normalise(adata: AnnData) -> sp.csr_matrix:
    """Return log1p of counts per 10,000 (cells × genes, float32 CSR); a cell without counts stays empty.

    A cell's size is its sum over genes: transgenes do not count towards it.
    """
    return _scaled(adata, SIZE).astype(np.float32)


def _scaled(adata: AnnData, size: float, *, log: Callable[[NDArray[np.float64]], NDArray[np.float64]] = np.log1p
            ) -> sp.csr_matrix:  # fmt: skip
    counts = sp.csr_matrix(adata.X, dtype=np.float64, copy=True)
    apart = transgenes(adata)
    inside = counts[:, ~apart] if apart.any() else counts
    total = np.asarray(inside.sum(axis=1)).ravel()
    factor = np.divide(size, total, out=np.zeros_like(total), where=total > 0)
    counts.data = log(counts.data * np.repeat(factor, np.diff(counts.indptr)))
    return counts


def gene_stats(
    adata: AnnData, cells: pd.Series | pd.DataFrame | None = None, *, ancestors: Ancestors | None = None
) -> pd.DataFrame:
    """Return one sample's part of GENE_REFERENCE: sums by cell type and gene, transgenes left out.

    Parameters
    ----------
    adata
        Cells × genes (bulk: samples × genes), raw counts in ``X``.
    cells
        Cell type of each cell, in the order of ``adata``; or a frame with the column cell_type and, where they
        are known, the boolean columns malignant and car_positive. Missing types count under ``all`` only.
        ``None``: ``adata.obs``.
    ancestors
        Cell type to what it is a subtype of (``catalog.ancestors``): a CD8 T cell then counts as a T cell too.

    Returns
    -------
    DataFrame cell_type, gene, n_cells, sum, sum_sq (of log1p counts per 10,000; bulk: log2 (CPM + 1)),
    n_detected; float64. Types: each that occurs, each ancestor of it, malignant, car_positive, and ``all``;
    of bulk ``bulk`` only.
    """
    bulk = dict(adata.uns.get("ohmics", {})).get("modality") == BULK
    normal = (
        _scaled(adata, BULK_SIZE, log=lambda values: np.log1p(values) / np.log(2)) if bulk else _scaled(adata, SIZE)
    )
    genes = ~transgenes(adata)
    normal = sp.csr_matrix(normal[:, genes])
    names = adata.var_names[genes].astype(str)
    groups = {BULK: np.ones(adata.n_obs, dtype=bool)} if bulk else _groups(adata, cells, ancestors)
    labels = list(groups)
    member = sp.csr_matrix(
        np.array([groups[label] for label in labels], dtype=np.float64).reshape(len(labels), adata.n_obs)
    )
    sums = [_summed(member, normal)]
    # In place: three matrices of a large sample at once are what would take the memory.
    np.square(normal.data, out=normal.data)
    sums.append(_summed(member, normal))
    normal.data = (normal.data > 0).astype(np.float64)
    sums.append(_summed(member, normal))
    return pd.DataFrame(
        {
            "cell_type": np.repeat(np.asarray(labels, dtype=object), len(names)),
            "gene": np.tile(names.to_numpy(dtype=object), len(labels)),
            "n_cells": np.repeat(np.asarray(member.sum(axis=1), dtype=np.float64).ravel(), len(names)),
            "sum": sums[0],
            "sum_sq": sums[1],
            "n_detected": sums[2],
        }
    )


def _summed(member: sp.csr_matrix, part: sp.csr_matrix) -> NDArray[np.float64]:
    return np.asarray((member @ part).toarray(), dtype=np.float64).ravel()


def _groups(
    adata: AnnData, cells: pd.Series | pd.DataFrame | None, ancestors: Ancestors | None
) -> dict[str, NDArray[np.bool_]]:
    frame = adata.obs if cells is None else cells.to_frame("cell_type") if isinstance(cells, pd.Series) else cells
    if len(frame) != adata.n_obs:
        raise OhmicsError(
            Fault(f"{len(frame)} cell types were given for {adata.n_obs} cells", legal="one a cell, in its order")
        )
    groups: dict[str, NDArray[np.bool_]] = {ALL: np.ones(adata.n_obs, dtype=bool)}
    if "cell_type" in frame:
        kind = frame["cell_type"].astype(object).to_numpy()
        for name in sorted({str(value) for value in kind[~pd.isna(kind)]}):
            mask = kind == name
            above = [] if ancestors is None or name == "unassigned" else list(ancestors(name))
            for label in (name, *above):
                groups[label] = groups.get(label, np.zeros(adata.n_obs, dtype=bool)) | mask
    for flag in FLAGS:
        if flag in frame:
            mask = frame[flag].astype("boolean").fillna(False).to_numpy(dtype=bool)
            if mask.any():
                groups[flag] = groups.get(flag, np.zeros(adata.n_obs, dtype=bool)) | mask
    return dict(sorted(groups.items()))


def combine(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Add up the parts of all samples (`gene_stats`) and return GENE_REFERENCE.

    A gene that some samples were not measured for rests on the cells of the others. The sd has divisor
    n - 1 and is 0 for one cell. Parts are read one at a time.
    """
    totals: dict[str, pd.DataFrame] = {}
    for part in parts:
        absent = [name for name in STATS_COLUMNS if name not in part]
        if absent:
            raise OhmicsError(Fault(f"a part of the reference lacks {listing(absent)}", legal=", ".join(STATS_COLUMNS)))
        for cell_type, rows in part.groupby("cell_type", sort=False):
            sums = rows.set_index("gene")[list(STATS_COLUMNS[2:])].astype(np.float64)
            if sums.index.has_duplicates:
                sums = sums.groupby(level=0, sort=False).sum()
            before = totals.get(str(cell_type))
            if before is None:
                totals[str(cell_type)] = sums
            elif before.index.equals(sums.index):
                totals[str(cell_type)] = before + sums
            else:
                totals[str(cell_type)] = before.add(sums, fill_value=0.0)
    if not totals:
        raise OhmicsError(Fault("there is no sample to make a reference of", remedy="see the QC table"))
    total = pd.concat({name: totals[name].sort_index() for name in sorted(totals)}, names=["cell_type", "gene"])
    total = total[total["n_cells"] > 0]
    n = total["n_cells"].to_numpy(dtype=np.float64)
    mean = total["sum"].to_numpy() / n
    variance = np.maximum(total["sum_sq"].to_numpy() - n * mean**2, 0.0) / np.maximum(n - 1, 1)
    # Subtraction of large sums leaves rounding behind where nothing varies.
    variance[variance < 1e-12 * (1 + mean**2)] = 0.0
    keys = total.index.to_frame(index=False)
    keys["mean"], keys["sd"] = mean, np.sqrt(variance)
    keys["detection"] = total["n_detected"].to_numpy() / n
    keys["n_cells"] = n.astype(np.int64)
    return GENE_REFERENCE.conform(keys)


def gene_reference(
    adatas: Iterable[AnnData | Callable[[], AnnData]], *, ancestors: Ancestors | None = None
) -> pd.DataFrame:
    """Return GENE_REFERENCE of a cohort.

    Parameters
    ----------
    adatas
        One AnnData a sample (or functions that read one), raw counts in ``X``, ``obs["cell_type"]`` where known;
        a bulk cohort (``uns["ohmics"]["modality"] == "bulk"``) is one AnnData or several.
    ancestors
        As in `gene_stats`.
    """
    return combine(
        gene_stats(source if isinstance(source, AnnData) else source(), ancestors=ancestors) for source in adatas
    )
