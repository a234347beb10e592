"""One file or folder of counts in any supported format in, AnnData with raw counts and approved symbols out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

from ohmics.errors import Fault, Faults, OhmicsError, did_you_mean, listing
from ohmics.genes import GeneTable, Resolution
from ohmics.intake.h5ad import read_h5ad_counts
from ohmics.intake.matrix import read_matrix
from ohmics.intake.raw import RawCounts, readable, refuse_repeated
from ohmics.intake.resources import gene_table
from ohmics.intake.scale import Scale, examine, scale_faults
from ohmics.intake.tenx_h5 import is_tenx_h5, read_tenx_h5
from ohmics.intake.tenx_mtx import is_tenx_folder, read_tenx_mtx
from ohmics.model import MODALITIES

_HDF5 = b"\x89HDF\r\n\x1a\n"
_EXACT_FLOAT32 = 2**24
_MANY_BARCODES = 200_000


def read(
    path: str | Path,
    *,
    modality: str,
    gene_ids: str = "auto",
    orientation: str = "auto",
    transgenes: Sequence[str] = (),
    layer: str | None = None,
    sample: str | None = None,
    samples: Sequence[str] | None = None,
    rows: int | None = None,
    log_allowed: bool = False,
) -> ad.AnnData:
    """Read raw counts; the format is told by the content.

    Parameters
    ----------
    path
        Single-cell: a 10x HDF5 file, a 10x matrix folder or an h5ad file. Bulk: a CSV or TSV matrix, or
        an h5ad file of samples.
    modality
        ``single_cell`` or ``bulk``.
    gene_ids
        ``auto``, ``symbol``, ``ensembl`` or ``entrez``.
    orientation
        Bulk tables: ``auto``, ``genes_by_samples`` or ``samples_by_genes``.
    transgenes
        Features that are no human genes (the CAR); kept apart from genes under their own names.
    layer
        h5ad: the layer that holds the counts; without it ``layers["counts"]``, X and raw are tried.
    sample
        Single-cell: the sample's id, for ``obs["sample"]``.
    samples
        Bulk: only these samples of the matrix, in this order.
    rows
        Single-cell: read only the first cells.
    log_allowed
        Take log-normalised values too, for scores that can use them; ``uns["ohmics"]["intake"]["values"]`` says
        ``counts`` or ``log``. Ids of one symbol are then summed before the logarithm (single-cell: natural,
        bulk: base 2).

    Returns
    -------
    AnnData
        Observations × genes. X: raw counts, CSR float32 (float64 where a count exceeds 2^24); estimated
        counts (RSEM, salmon) are rounded, and a note says so. ``var_names``: approved symbols, or the
        original name where none is known; different ids of one symbol are summed.
        ``var["original_id"]``: the file's ids, joined by ``|`` where summed. ``var["feature_type"]``:
        gene or transgene. ``obs["sample"]``. ``uns["ohmics"]["intake"]``: format, orientation, evidence
        on scale, account of the mapping, notes. obs columns of an h5ad file are not carried over.

    Raises
    ------
    OhmicsError
        When the file is missing, truncated, of no known format, not raw counts, not human, or its gene
        ids are mixed or stand twice.
    """
    source = Path(path)
    if modality not in MODALITIES:
        raise OhmicsError(Fault(f"`{modality}` is no modality", legal=", ".join(MODALITIES)))
    if not source.exists():
        raise OhmicsError(Fault("no such file", str(source)))
    table = gene_table()
    raw = _read_raw(source, table, modality=modality, orientation=orientation, layer=layer, rows=rows, log=log_allowed)
    refuse_repeated(raw.observations, what="observations", where=str(source))
    if samples is not None:
        raw = _chosen(raw, list(samples), str(source))
    scale = examine(raw.matrix)
    faults = Faults()
    wrong = scale_faults(
        scale,
        raw.matrix,
        observations=raw.observations,
        features=raw.names or raw.ids,
        modality="bulk" if modality == "bulk" else "single_cell",
        where=str(source),
    )
    is_log = bool(log_allowed and wrong and scale.may_be_log)
    faults.extend([] if is_log else wrong)
    construct = _transgene_columns(raw, transgenes, table, str(source), faults)
    resolution: Resolution | None = None
    try:
        resolution = _resolve(raw, construct, gene_ids, table)
    except OhmicsError as error:
        faults.extend(replace(fault, where=str(source)) for fault in error.faults)
    faults.raise_if_any()
    if resolution is None:  # a resolution that failed has left a fault
        raise OhmicsError(Fault("the gene ids could not be resolved", str(source)))
    owner = raw.observations if modality == "bulk" else sample
    make = _assemble_log if is_log else _assemble
    return make(raw, resolution, construct, scale, transgenes, owner)


def assemble(raw: RawCounts, resolution: Resolution, scale: Scale, *, is_log: bool) -> ad.AnnData:
    """Return cells without transgenes as `read` does, from a matrix whose scale and genes are known."""
    return (_assemble_log if is_log else _assemble)(raw, resolution, {}, scale, (), None)


def unfiltered_note(n_barcodes: int) -> list[str]:
    """Return the note that so many barcodes are no filtered matrix, or nothing."""
    if n_barcodes <= _MANY_BARCODES:
        return []
    return [f"{n_barcodes:,} barcodes look like an unfiltered matrix; the filtered one is smaller"]


def _read_raw(
    source: Path, table: GeneTable, *, modality: str, orientation: str, layer: str | None, rows: int | None, log: bool
) -> RawCounts:
    if source.is_dir():
        if not is_tenx_folder(source):
            raise OhmicsError(Fault("the folder holds no matrix.mtx", str(source), "a 10x matrix folder"))
        return read_tenx_mtx(source, rows=rows)
    with readable(source, "readable file"), source.open("rb") as handle:
        start = handle.read(8)
    if not start:
        raise OhmicsError(Fault("the file is empty", str(source), remedy="copy or download it again"))
    if start == _HDF5 or source.suffix in (".h5", ".h5ad", ".hdf5"):
        with readable(source, "HDF5 file"):
            tenx = is_tenx_h5(source)
            if not tenx:
                with h5py.File(source, "r") as handle:
                    if "obs" not in handle or "var" not in handle:
                        raise OhmicsError(
                            Fault("neither a 10x nor an h5ad file", str(source), remedy=f"it holds {listing(handle)}")
                        )
        if tenx:
            return read_tenx_h5(source, rows=rows)
        return read_h5ad_counts(source, table, layer=layer, rows=rows, log_allowed=log)
    if start[:4] == b"PK\x03\x04":
        raise OhmicsError(Fault("the file is a workbook or zip archive", str(source), remedy="save it as CSV or TSV"))
    if modality == "single_cell":
        raise OhmicsError(
            Fault("no single-cell format", str(source), "a 10x h5 file, a 10x matrix folder or an h5ad file")
        )
    return read_matrix(source, table, orientation=orientation)


def _chosen(raw: RawCounts, samples: list[str], where: str) -> RawCounts:
    position = {name: number for number, name in enumerate(raw.observations)}
    absent = [name for name in samples if name not in position]
    if absent:
        # R's read.csv turns every other character of a heading into a dot.
        dotted = {re.sub(r"[^A-Za-z0-9_.]", ".", name): name for name in absent}
        changed = [name for name in raw.observations if name.removeprefix("X") in dotted]
        hint = f"R wrote `{changed[0]}`; rename the columns of the matrix" if changed else ""
        raise OhmicsError(
            Fault(
                f"{len(absent)} samples of the sheet are not in the matrix: {listing(absent)}",
                where,
                f"the matrix holds {listing(raw.observations)}",
                hint or did_you_mean(absent[0], position),
            )
        )
    others = [name for name in raw.observations if name not in set(samples)]
    notes = (f"{len(others)} samples of the matrix are not in the sheet: {listing(others)}",) if others else ()
    return replace(
        raw,
        matrix=raw.matrix[[position[name] for name in samples]],
        observations=samples,
        notes=(*raw.notes, *notes),
    )


def _transgene_columns(
    raw: RawCounts, transgenes: Iterable[str], table: GeneTable, where: str, faults: Faults
) -> dict[int, str]:
    """Return the column of each transgene that the matrix holds."""
    found: dict[int, str] = {}
    position = {name: i for i, name in reversed(list(enumerate(raw.names or raw.ids)))}
    position |= {name: i for i, name in reversed(list(enumerate(raw.ids)))}
    for transgene in transgenes:
        if transgene not in position:
            continue
        column = position[transgene]
        if sum(table.recognised([raw.ids[column]]).values()):
            faults.add(
                f"transgene `{transgene}` is a human gene ({raw.ids[column]})",
                where=where,
                legal="features that are no human genes",
                remedy="leave it out of input.transgenes",
            )
        found[column] = transgene
    return found


def _resolve(raw: RawCounts, construct: dict[int, str], gene_ids: str, table: GeneTable) -> Resolution:
    genes = [i for i in range(len(raw.ids)) if i not in construct]
    names = None if raw.names is None else [raw.names[i] for i in genes]
    return table.resolve([raw.ids[i] for i in genes], gene_ids, names=names)


def _assemble_log(
    raw: RawCounts,
    resolution: Resolution,
    construct: dict[int, str],
    scale: Scale,
    transgenes: Sequence[str],
    sample: str | list[str] | None,
) -> ad.AnnData:
    """Assemble log-normalised values: ids of one symbol are summed on the linear scale."""
    base = 2.0 if isinstance(sample, list) else np.e
    linear = raw.matrix.astype(np.float64)
    linear.data = np.expm1(linear.data * np.log(base))
    # A scale without fractions keeps the values from being rounded as estimated counts are.
    adata = _assemble(
        replace(raw, matrix=linear), resolution, construct, replace(scale, share_non_integer=0.0), transgenes, sample
    )
    values = adata.X.copy()
    values.data = np.log1p(values.data) / np.log(base)
    adata.X = values
    adata.uns["ohmics"]["intake"] |= {"values": "log", "scale": scale.to_dict()}
    return adata


def _assemble(
    raw: RawCounts,
    resolution: Resolution,
    construct: dict[int, str],
    scale: Scale,
    transgenes: Sequence[str],
    sample: str | list[str] | None,
) -> ad.AnnData:
    names = np.empty(len(raw.ids), dtype=object)
    is_gene = np.array([i not in construct for i in range(len(raw.ids))], dtype=bool)
    names[is_gene] = resolution.symbols
    taken = set(resolution.symbols)
    for column, name in construct.items():
        names[column] = f"{name}_transgene" if name in taken else name
    codes, labels = pd.factorize(names)
    matrix, notes = _counts(raw, scale)
    var = _var(raw.ids, is_gene, codes, labels)
    adata = ad.AnnData(
        X=_sum_columns(matrix, codes, len(labels)),
        obs=pd.DataFrame(index=pd.Index(raw.observations, dtype=object, name=None)),
        var=var,
    )
    if sample is not None:
        adata.obs["sample"] = sample
    absent = [name for name in transgenes if name not in construct.values()]
    adata.uns["ohmics"] = {
        "modality": "bulk" if isinstance(sample, list) else "single_cell",
        "intake": {
            "format": raw.form,
            "taken_from": raw.taken_from,
            "values": "counts",
            "orientation": raw.orientation,
            "truncated": raw.truncated,
            "gene_ids": resolution.kind,
            "scale": scale.to_dict(),
            "mapping": resolution.report.to_dict(),
            "mapping_sentence": resolution.report.sentence(),
            "transgenes": list(construct.values()),
            "transgenes_absent": absent,
            "notes": [*raw.notes, *resolution.report.notes, *notes],
        },
    }
    return adata


def _var(ids: list[str], is_gene: np.ndarray, codes: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    original: list[list[str]] = [[] for _ in labels]
    kind = np.full(len(labels), "gene", dtype=object)
    for identifier, gene, code in zip(ids, is_gene, codes, strict=True):
        original[code].append(identifier)
        if not gene:
            kind[code] = "transgene"
    return pd.DataFrame(
        {"original_id": ["|".join(members) for members in original], "feature_type": kind},
        index=pd.Index(labels.astype(object)),
    )


def _counts(raw: RawCounts, scale: Scale) -> tuple[sp.csr_matrix, list[str]]:
    matrix = raw.matrix
    notes: list[str] = []
    if scale.estimated:
        matrix = matrix.copy()
        matrix.data = np.round(matrix.data)
        notes.append(
            f"{scale.share_non_integer:.0%} of the values are estimated counts with fractions; they are rounded"
        )
    notes += unfiltered_note(len(raw.observations))
    return matrix.astype(np.float64 if scale.maximum > _EXACT_FLOAT32 else np.float32), notes


def _sum_columns(matrix: sp.csr_matrix, codes: np.ndarray, n_columns: int) -> sp.csr_matrix:
    """Sum the columns of one code; equal to a product with an indicator matrix, without making it."""
    summed = sp.csr_matrix(
        (matrix.data, codes.astype(matrix.indices.dtype)[matrix.indices], matrix.indptr),
        shape=(matrix.shape[0], n_columns),
    )
    summed.sum_duplicates()
    summed.eliminate_zeros()
    return summed
