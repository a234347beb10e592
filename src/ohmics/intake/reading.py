"""One file or folder of counts in any supported format in, AnnData with raw counts and approved symbols out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from ohmics.errors import Fault, Faults, OhmicsError, did_you_mean, listing
from ohmics.genes import GeneTable, Resolution
from ohmics.intake.files import exists
from ohmics.intake.formats import Asked, read_raw
from ohmics.intake.raw import RawCounts, readable, refuse_repeated, refuse_unfitting
from ohmics.intake.resources import gene_table
from ohmics.intake.scale import Scale, examine, scale_faults
from ohmics.model import MODALITIES

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
    sample_column: str | None = None,
    strandedness: str | Mapping[str, str] = "auto",
    transcripts: str | Path | None = None,
    fractions: Literal["keep", "round"] = "keep",
) -> ad.AnnData:
    """Read raw counts; the format is told by the content.

    Parameters
    ----------
    path
        Single-cell: 10x or CellBender HDF5, a 10x matrix folder (STARsolo, SoupX), alevin-fry's folder, h5ad, Zarr,
        loom, or a CSV or TSV of cells. Bulk: a CSV or TSV matrix (wide or long, featureCounts, nf-core/rnaseq), an
        h5ad file of samples, or one sample's file of STAR, RSEM, salmon, kallisto or htseq-count
        (`ohmics.intake.bulk_samples.read_bulk` puts several together).
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
    sample_column
        Single-cell h5ad file or Zarr store of many samples: the column of ``obs`` that names them; only the cells of
        ``sample`` are read.
    strandedness
        STAR: ``unstranded``, ``forward``, ``reverse`` or ``auto``, which is told by the counts.
    transcripts
        Salmon, kallisto: table of transcripts and their genes, or GTF.
    fractions
        Estimated counts: ``keep`` them as they are, or ``round`` them, so that they can be thinned and called.

    Returns
    -------
    AnnData
        Observations × genes. X: raw counts, CSR float32 (float64 where a count exceeds 2^24); estimated
        counts (RSEM, salmon, SoupX) keep their fractions (bulk: float64) unless asked otherwise, and a note
        says so. ``var_names``: approved symbols, or the original name where none is known; different ids of one
        symbol are summed.
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
    if not exists(source):
        raise OhmicsError(Fault("no such file", str(source)))
    table = gene_table()
    if sample_column is not None and (modality == "bulk" or sample is None):
        raise OhmicsError(Fault("sample_column tells single cells of one sample apart", str(source), "name the sample"))
    raw = read_raw(
        source,
        table,
        Asked(
            bulk=modality == "bulk",
            orientation=orientation,
            layer=layer,
            rows=rows,
            log_allowed=log_allowed,
            of_sample=None if sample_column is None else (sample_column, str(sample)),
            samples=samples,
            strandedness=strandedness,
            transcripts=None if transcripts is None else Path(transcripts),
        ),
    )
    if samples is not None:
        raw = _chosen(raw, list(samples), str(source))
    return understood(
        raw,
        source,
        modality=modality,
        gene_ids=gene_ids,
        transgenes=transgenes,
        sample=sample,
        log_allowed=log_allowed,
        fractions=fractions,
    )


def understood(
    raw: RawCounts,
    source: Path | str,
    *,
    modality: str,
    gene_ids: str = "auto",
    transgenes: Sequence[str] = (),
    sample: str | None = None,
    log_allowed: bool = False,
    fractions: Literal["keep", "round"] = "keep",
) -> ad.AnnData:
    """Check what a reader handed over and give its features approved symbols, as `read` does.

    Parameters
    ----------
    raw
        The matrix as it stands in ``source``.
    source
        The file, or what stands for several, for messages.
    modality, gene_ids, transgenes, sample, log_allowed, fractions
        As for `read`.

    Raises
    ------
    OhmicsError
        As `read`.
    """
    table = gene_table()
    with readable(Path(source), "file of counts"):
        refuse_unfitting(raw, str(source))
    refuse_repeated(raw.observations, what="observations", where=str(source))
    scale = examine(raw.matrix)
    faults = Faults()
    # A format that holds nothing but counts may hold few of them, or fractions: they are no TPM and no logarithms.
    judged = replace(scale, share_non_integer=0.0, row_sum_cv=float("nan")) if raw.counted else scale
    wrong = scale_faults(
        judged,
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
    if fractions == "round" and scale.estimated and not is_log:
        raw, scale = _rounded(raw, scale)
    make = _assemble_log if is_log else _assemble
    return make(raw, resolution, construct, scale, transgenes, owner)


def _rounded(raw: RawCounts, scale: Scale) -> tuple[RawCounts, Scale]:
    matrix = raw.matrix.copy()
    matrix.data = np.round(matrix.data)
    note = f"{scale.share_non_integer:.0%} of the values are estimated counts with fractions; they are rounded"
    return replace(raw, matrix=matrix, notes=(*raw.notes, note)), replace(scale, share_non_integer=0.0)


def assemble(
    raw: RawCounts,
    resolution: Resolution,
    scale: Scale,
    *,
    is_log: bool,
    fractions: Literal["keep", "round"] = "keep",
) -> ad.AnnData:
    """Return cells without transgenes as `read` does, from a matrix whose scale and genes are known."""
    if fractions == "round" and scale.estimated and not is_log:
        raw, scale = _rounded(raw, scale)
    return (_assemble_log if is_log else _assemble)(raw, resolution, {}, scale, (), None)


def unfiltered_note(n_barcodes: int) -> list[str]:
    """Return the note that so many barcodes are no filtered matrix, or nothing."""
    if n_barcodes <= _MANY_BARCODES:
        return []
    return [f"{n_barcodes:,} barcodes look like an unfiltered matrix; the filtered one is smaller"]


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
    # Logarithms have fractions, which are no estimated counts.
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
    matrix, notes = _counts(raw, scale, bulk=isinstance(sample, list))
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


def _counts(raw: RawCounts, scale: Scale, *, bulk: bool) -> tuple[sp.csr_matrix, list[str]]:
    matrix = raw.matrix
    notes: list[str] = []
    if scale.estimated:
        notes.append(
            f"{scale.share_non_integer:.0%} of the values are estimated counts with fractions; they are kept as they "
            "are, and what needs whole counts (scores thinned to one depth, calls) is not made of them unless "
            "input.fractions says `round`"
        )
    notes += unfiltered_note(len(raw.observations))
    wide = scale.maximum > _EXACT_FLOAT32 or (bulk and scale.estimated)
    return matrix.astype(np.float64 if wide else np.float32), notes


def _sum_columns(matrix: sp.csr_matrix, codes: np.ndarray, n_columns: int) -> sp.csr_matrix:
    """Sum the columns of one code; equal to a product with an indicator matrix, without making it."""
    summed = sp.csr_matrix(
        (matrix.data, codes.astype(matrix.indices.dtype)[matrix.indices], matrix.indptr),
        shape=(matrix.shape[0], n_columns),
    )
    summed.sum_duplicates()
    summed.eliminate_zeros()
    return summed
