"""The kept cells of a single-cell run come in, sample by sample; one h5ad that scanpy and cellxgene open goes out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

from ohmics import tables
from ohmics.errors import Fault, OhmicsError
from ohmics.export.run_tables import read_config
from ohmics.io import read_table, write_atomic
from ohmics.shareable import shareable_config

SIZE = 10_000.0
"""Counts a cell is scaled to before log1p, as everywhere in ohmics."""
UNDETERMINED = "undetermined"
_PACKED: Mapping[str, Any] = {"compression": "gzip", "compression_opts": 1}
# Readers of h5ad differ in how they hold a missing truth value: words are the same for all.
_TOLD = {"malignant": ("malignant", "not malignant"), "car_positive": ("CAR positive", "CAR negative")}
NOT_IN_OBS = ("path", "modality")
"""Columns of the sheet that say nothing of a cell or a sample."""


def write_cells(results: str | Path, path: str | Path, *, version: str, most_cells: int = 500_000) -> str:
    """Write ``ohmics.h5ad`` of a single-cell run, one sample in memory at a time.

    ``X`` holds log1p of counts per 10,000, ``layers["counts"]`` the raw counts; ``obs`` sample, patient, timepoint and
    what else the sheet tells, cell type, cluster, malignant, CAR+ and quality; ``obsm["X_umap"]`` the UMAP where there
    is one, ``obsm["gene_list_scores"]`` the score of each gene list (their names in ``uns["ohmics"]["gene_lists"]``);
    ``var`` the symbols and the ids the data came with. Cells are named ``sample:barcode``. Genes are those that every
    sample measured: a gene that one sample lacks has no count there, and 0 would say otherwise.

    Parameters
    ----------
    results
        Results folder of a run.
    path
        The file to write; an earlier one is removed where this one is not made.
    version
        Version of ohmics.
    most_cells
        A run with more kept cells gets no file.

    Returns
    -------
    str
        Why the file was not made; empty when it was.
    """
    folder, target = Path(results), Path(path)
    samples = read_table(folder / "samples.tsv", tables.SAMPLES)
    place = folder / "tables" / "cells.parquet"
    cells = read_table(place, tables.CELLS) if place.is_file() else None
    reason = _why_not(cells, most_cells)
    if reason or cells is None:
        target.unlink(missing_ok=True)
        return reason
    by_sample = {str(sample): rows for sample, rows in cells.groupby("sample", sort=False)}
    order = [str(sample) for sample in samples["sample"] if str(sample) in by_sample]
    rows = pd.concat([by_sample[sample] for sample in order], ignore_index=True)
    with write_atomic(target) as temporary, h5py.File(temporary, "w") as handle:
        handle.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        var, left_out = _shared_genes(folder, order)
        _write_matrices(handle, _counts(folder, by_sample, order, var.index))
        obs = _obs(rows, samples)
        ad.io.write_elem(handle, "obs", obs)
        ad.io.write_elem(handle, "var", var)
        lists = _write_obsm(handle, folder, by_sample, order, rows)
        for name in ("varm", "obsp", "varp"):
            ad.io.write_elem(handle, name, {})
        about = about_run(folder, version) | {"genes_left_out": np.array(left_out, dtype=object), "gene_lists": lists}
        ad.io.write_elem(handle, "uns", {"ohmics": about} | _colours(obs))
    return ""


def _why_not(cells: pd.DataFrame | None, most_cells: int) -> str:
    if cells is None:
        return "the run made no table of cells"
    if cells.empty:
        return "no cell was kept"
    if len(cells) > most_cells:
        return (
            f"{len(cells):,} cells are more than {most_cells:,} (export.h5ad_max_cells); "
            "the counts of each sample lie in samples/<sample>/counts.h5ad"
        )
    return ""


def _shared_genes(folder: Path, order: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return ``var`` of the genes that every sample measured, in the first one's order, and the names of the others."""
    shared: pd.DataFrame | None = None
    seen: set[str] = set()
    for sample in order:
        with h5py.File(_counts_path(folder, sample), "r") as handle:
            var = ad.io.read_elem(handle["var"])
        seen.update(map(str, var.index))
        shared = var if shared is None else shared[shared.index.isin(var.index)]
    if shared is None or shared.empty:
        raise OhmicsError(Fault("the samples share no gene", where=str(folder), remedy="see tables/coverage.tsv"))
    told = shared.astype({name: "category" for name in shared.columns if name == "feature_type"})
    told.index.name = "symbol"
    return told, sorted(seen - set(map(str, shared.index)))


def _counts_path(folder: Path, sample: str) -> Path:
    path = folder / "samples" / sample / "counts.h5ad"
    if not path.is_file():
        raise OhmicsError(Fault("no such file; the stage that counts cells did not run", where=str(path)))
    return path


def _counts(
    folder: Path, cells: Mapping[str, pd.DataFrame], order: Sequence[str], genes: pd.Index
) -> Iterator[sp.csr_matrix]:
    """Yield the counts of each sample's kept cells, in the order of CELLS and of ``genes``."""
    for sample in order:
        adata = ad.read_h5ad(_counts_path(folder, sample))
        barcodes = pd.Index(cells[sample]["barcode"].astype(str))
        absent = barcodes.difference(adata.obs_names)
        if len(absent):
            raise OhmicsError(f"CELLS names {len(absent)} barcodes the counts of {sample} do not hold: {absent[0]}")
        chosen = adata[barcodes, genes] if not adata.var_names.equals(genes) else adata[barcodes]
        yield sp.csr_matrix(chosen.X, dtype=np.float32)


def _write_matrices(handle: h5py.File, blocks: Iterator[sp.csr_matrix]) -> None:
    """Append each block to ``layers["counts"]`` and, log-normalised, to ``X``."""
    ad.io.write_elem(handle, "layers", {})
    for number, counts in enumerate(blocks):
        counts.sort_indices()
        for key, matrix in (("X", log_normalised(counts)), ("layers/counts", counts)):
            # Positions beyond 2^31 are reached at about a million cells.
            wide = sp.csr_matrix(matrix)
            wide.indptr = wide.indptr.astype(np.int64)
            if number == 0:
                ad.io.write_elem(handle, key, wide, dataset_kwargs=dict(_PACKED))
            else:
                ad.io.sparse_dataset(handle[key]).append(wide)


def log_normalised(counts: sp.csr_matrix, *, size: float = SIZE) -> sp.csr_matrix:
    """Return log1p of counts per ``size`` of each row; a row without counts stays empty.

    Examples
    --------
    >>> np.expm1(log_normalised(sp.csr_matrix([[1.0, 3.0]])).toarray()).round().tolist()
    [[2500.0, 7500.0]]
    """
    totals = np.asarray(counts.sum(axis=1, dtype=np.float64)).ravel()
    factors = np.divide(size, totals, out=np.zeros_like(totals), where=totals > 0)
    values = np.log1p(counts.data * np.repeat(factors, np.diff(counts.indptr)))
    return sp.csr_matrix((values.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)


def _obs(cells: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """Return what is known of each cell: the sheet's columns that say anything, then those of CELLS."""
    told = [name for name in samples.columns if name not in NOT_IN_OBS and samples[name].notna().any()]
    sheet = samples[told].set_index("sample").loc[cells["sample"]]
    columns: dict[str, Any] = {"sample": pd.Categorical(cells["sample"], categories=list(samples["sample"]))}
    columns |= {name: plain_column(sheet[name]) for name in sheet.columns}
    for name in cells.columns:
        if name in _TOLD:
            columns[name] = _as_words(cells[name], *_TOLD[name])
        elif name not in ("sample", "umap_1", "umap_2") and cells[name].notna().any():
            columns[name] = plain_column(cells[name]) if name != "barcode" else cells[name].astype(str).to_numpy()
    obs = pd.DataFrame(columns)
    obs.index = pd.Index([f"{s}:{b}" for s, b in zip(cells["sample"], cells["barcode"], strict=True)], dtype=object)
    obs["sample"] = obs["sample"].cat.remove_unused_categories()
    return obs


def plain_column(values: pd.Series) -> Any:
    """Return a column as every reader of h5ad holds it: categories for text, numpy's numbers and truth values."""
    if pd.api.types.is_bool_dtype(values.dtype):
        return _as_words(values, "true", "false")
    if pd.api.types.is_integer_dtype(values.dtype):
        whole = values.isna().sum() == 0
        return values.to_numpy(dtype=np.int64) if whole else values.to_numpy(dtype=np.float64, na_value=np.nan)
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.to_numpy(dtype=np.float64)
    text = [None if missing else str(value) for value, missing in zip(values, values.isna(), strict=True)]
    return pd.Categorical(text, categories=sorted({one for one in text if one is not None}, key=_by_number))


def _by_number(text: str) -> tuple[int, str, str]:
    """Return what sorts cluster 2 before cluster 10."""
    digits = text.removeprefix("u")
    return (len(digits), digits, text) if digits.isascii() and digits.isdigit() else (0, "", text)


def _as_words(values: pd.Series, yes: str, no: str) -> Any:
    words = [UNDETERMINED if pd.isna(value) else yes if value else no for value in values]
    return pd.Categorical(words, categories=[word for word in (yes, no, UNDETERMINED) if word in set(words)])


def _write_obsm(
    handle: h5py.File, folder: Path, cells: Mapping[str, pd.DataFrame], order: Sequence[str], rows: pd.DataFrame
) -> Any:
    """Write the UMAP and the scores of the gene lists; return the names of the lists."""
    ad.io.write_elem(handle, "obsm", {})
    umap = rows[["umap_1", "umap_2"]].to_numpy(dtype=np.float32)
    if np.isfinite(umap).any():
        ad.io.write_elem(handle, "obsm/X_umap", umap, dataset_kwargs=dict(_PACKED))
    places = [folder / "samples" / sample / "cell_scores.parquet" for sample in order]
    if not all(place.is_file() for place in places):
        return np.array([], dtype=object)
    lists = list(dict.fromkeys(name for place in places for name in _columns(place)))
    lists = [name for name in lists if name not in ("sample", "barcode")]
    if not lists:
        return np.array([], dtype=object)
    held = handle["obsm"].create_dataset(
        "gene_list_scores", shape=(len(rows), len(lists)), dtype="f4", chunks=(min(len(rows), 1000), len(lists)),
        **_PACKED,
    )  # fmt: skip
    held.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
    start = 0
    for sample, place in zip(order, places, strict=True):
        scores = pd.read_parquet(place).set_index("barcode")
        block = scores.reindex(index=cells[sample]["barcode"], columns=lists).to_numpy(dtype=np.float32)
        held[start : start + len(block)] = block
        start += len(block)
    return np.array(lists, dtype=object)


def _columns(place: Path) -> list[str]:
    import pyarrow.parquet as pq

    return [str(name) for name in pq.read_schema(place).names]


def about_run(folder: Path, version: str) -> dict[str, Any]:
    """Return what ``uns["ohmics"]`` says of the run, in types every reader of h5ad holds."""
    config = shareable_config(read_config(folder))
    return {
        "version": version,
        "project": str(config.get("project") or "ohmics"),
        "config": json.dumps(config, sort_keys=True, ensure_ascii=False),
        "X": "log1p of counts per 10,000",
        "research_use_only": "never a diagnosis",
    }


def _colours(obs: pd.DataFrame) -> dict[str, Any]:
    """Return the colours of every figure of ohmics for the categories that scanpy draws."""
    from ohmics.plots.style import assign, in_order

    found = {}
    for name in ("cell_type", "timepoint", "patient", "sample"):
        if name in obs:
            levels = [str(level) for level in obs[name].cat.categories]
            colours = assign(in_order(levels))
            found[f"{name}_colors"] = np.array([colours[level] for level in levels], dtype=object)
    return found
