"""One bulk sample's file of STAR, RSEM, salmon, kallisto, featureCounts or htseq-count in, its values out."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice, takewhile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics.errors import Fault, OhmicsError, listing
from ohmics.genes import KNOWN_SHARE, GeneTable
from ohmics.intake.files import open_text
from ohmics.intake.raw import readable

FloatArray = npt.NDArray[np.float64]
STAR, RSEM, RSEM_ISOFORMS = "STAR ReadsPerGene", "RSEM genes.results", "RSEM isoforms.results"
SALMON, SALMON_GENES, KALLISTO = "salmon quant.sf", "salmon quant.genes.sf", "kallisto abundance.tsv"
FEATURE_COUNTS, HTSEQ = "featureCounts", "table of gene and count"
TRANSCRIPTS = (SALMON, KALLISTO)
"""Formats whose rows are transcripts."""
LENGTH_SCALED = (SALMON, SALMON_GENES, KALLISTO)
"""Formats whose counts are scaled by TPM and length over all samples."""
STRANDS = ("unstranded", "forward", "reverse")
FACTS = ("geneid", "chr", "start", "end", "strand", "length")
"""Leading columns of featureCounts."""

# (reads, TPM, effective length) of the formats that have them.
_COLUMNS = {
    SALMON: ("Name", "NumReads", "TPM", "EffectiveLength"),
    KALLISTO: ("target_id", "est_counts", "tpm", "eff_length"),
    RSEM: ("gene_id", "expected_count", None, None),
    RSEM_ISOFORMS: ("transcript_id", "expected_count", None, None),
}
_RSEM_ID = re.compile(r"^(ENSG\d{11}(?:\.\d+)?(?:_PAR_Y)?)_(.+)$")
_LOOKED_AT = 200
_NUMBER = re.compile(r"^\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$")


@dataclass(frozen=True, kw_only=True)
class Quantified:
    """One sample.

    Parameters
    ----------
    form
        One of this module's formats.
    ids
        Genes or transcripts, one a row.
    counts
        Reads or fragments of each.
    tpm, lengths
        TPM and effective length of each, where the format has them.
    names
        The genes' names, where the file has both.
    genes
        The gene of each transcript, where the file has it.
    strands
        STAR: the counts by strandedness, instead of ``counts``.
    """

    form: str
    ids: list[str]
    counts: FloatArray
    tpm: FloatArray | None = None
    lengths: FloatArray | None = None
    names: list[str] | None = None
    genes: list[str] | None = None
    strands: Mapping[str, FloatArray] = field(default_factory=dict)


def format_of(path: Path, table: GeneTable) -> str:
    """Return which of the formats a text file is, by its first lines; empty for any other."""
    with readable(path, "table of counts"), open_text(path) as handle:
        lines = [
            line.rstrip("\r\n") for line in islice((line for line in handle if not line.startswith("#")), _LOOKED_AT)
        ]
    if not lines:
        return ""
    header = lines[0].split("\t")
    if header[0] == "N_unmapped" and len(header) == 4:
        return STAR
    if tuple(name.lower() for name in header[:6]) == FACTS:
        return FEATURE_COUNTS
    for form in (SALMON, KALLISTO):
        if set(filter(None, _COLUMNS[form])) <= set(header):
            return SALMON_GENES if form == SALMON and _of_genes(lines, table) else form
    if {"transcript_id", "gene_id", "expected_count"} <= set(header):
        return RSEM_ISOFORMS
    if {"gene_id", "expected_count", "effective_length"} <= set(header):
        return RSEM
    if len(header) == 2 and _NUMBER.match(header[1].strip()) and sum(table.recognised([header[0].strip()]).values()):
        return HTSEQ
    return ""


def _of_genes(lines: list[str], table: GeneTable) -> bool:
    names = [line.split("\t", 1)[0] for line in lines[1:]]
    return sum(table.recognised(names).values()) > KNOWN_SHARE * len(names)


def read_quantified(path: Path, form: str) -> Quantified:
    """Read one sample's file of a format `format_of` names.

    Raises
    ------
    OhmicsError
        When the file is damaged, lacks a column, or a value is no number.
    """
    with readable(path, f"{form} file"):
        if form == STAR:
            return _star(path)
        if form == HTSEQ:
            return _htseq(path)
        if form == FEATURE_COUNTS:
            return _feature_counts(path)
        return _estimated(path, form)


def _frame(path: Path, *, names: list[str] | None = None) -> pd.DataFrame:
    """Return the file's fields as text; without ``names`` its first row after comments holds the headings."""
    with open_text(path) as handle:
        comments = sum(1 for _ in takewhile(lambda line: line.startswith("#"), handle))
    with open_text(path) as handle, warnings.catch_warnings():
        # What pandas would cut off in silence of a row that is too long is no sound file.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            handle, sep="\t", skiprows=comments, header=0 if names is None else None, names=names, index_col=False,
            dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE,
        )  # fmt: skip


def _numbers(frame: pd.DataFrame, column: str, ids: list[str], path: Path) -> FloatArray:
    values = pd.to_numeric(frame[column], errors="coerce")
    numbers = values.to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers) | (numbers < 0))
    if len(wrong):
        what = f"`{frame[column].iloc[int(wrong[0])]}` in row {ids[int(wrong[0])]}, column {column} is no count"
        raise OhmicsError(Fault(what, str(path), "numbers from 0 upwards"))
    return numbers


def _ids(frame: pd.DataFrame, column: str, path: Path, form: str) -> list[str]:
    ids = [str(name).strip() for name in frame[column]]
    if not ids:
        raise OhmicsError(Fault("the file holds no row of counts", str(path)))
    if len(set(ids)) != len(ids):
        twice = [name for name, count in frame[column].value_counts().items() if count > 1]
        raise OhmicsError(Fault(f"rows stand twice: {listing(twice, most=3)}", str(path), f"one row an id of {form}"))
    return ids


def _star(path: Path) -> Quantified:
    columns = ["gene", *STRANDS]
    frame = _frame(path, names=columns)
    frame = frame[~frame["gene"].str.startswith("N_")].reset_index(drop=True)
    ids = _ids(frame, "gene", path, STAR)
    strands = {name: _numbers(frame, name, ids, path) for name in STRANDS}
    return Quantified(form=STAR, ids=ids, counts=strands["unstranded"], strands=strands)


def _htseq(path: Path) -> Quantified:
    frame = _frame(path, names=["gene", "count"])
    frame = frame[~frame["gene"].str.startswith("__")].reset_index(drop=True)
    ids = _ids(frame, "gene", path, HTSEQ)
    return Quantified(form=HTSEQ, ids=ids, counts=_numbers(frame, "count", ids, path))


def _feature_counts(path: Path) -> Quantified:
    frame = _frame(path)
    ids = _ids(frame, str(frame.columns[0]), path, FEATURE_COUNTS)
    counted = str(frame.columns[-1])
    if len(frame.columns) < len(FACTS) + 1:
        raise OhmicsError(Fault("the file has no column of counts", str(path), "Geneid to Length, then the BAM file"))
    return Quantified(form=FEATURE_COUNTS, ids=ids, counts=_numbers(frame, counted, ids, path))


def _estimated(path: Path, form: str) -> Quantified:
    frame = _frame(path)
    key, reads, tpm, length = _COLUMNS[SALMON if form == SALMON_GENES else form]
    absent = [name for name in (key, reads, tpm, length) if name and name not in frame.columns]
    if absent:
        raise OhmicsError(Fault(f"column `{absent[0]}` is missing", str(path), f"the columns of {form}"))
    ids = _ids(frame, str(key), path, form)
    names: list[str] | None = None
    if form == RSEM:
        ids, names = _split(ids)
    genes = None
    if form == RSEM_ISOFORMS and not frame["gene_id"].equals(frame["transcript_id"]):
        genes = _split(frame["gene_id"].str.strip())[0]
    return Quantified(
        form=form,
        ids=ids,
        names=names,
        genes=genes,
        counts=_numbers(frame, str(reads), ids, path),
        tpm=None if tpm is None else _numbers(frame, tpm, ids, path),
        lengths=None if length is None else _numbers(frame, length, ids, path),
    )


def _split(ids: Iterable[str]) -> tuple[list[str], list[str] | None]:
    """Return ids and names of ``ENSG..._SYMBOL``, which RSEM writes where the annotation has both."""
    given = list(ids)
    parts = [_RSEM_ID.match(name) for name in given]
    if not any(parts):
        return given, None
    return (
        [part[1] if part else name for part, name in zip(parts, given, strict=True)],
        [part[2] if part else name for part, name in zip(parts, given, strict=True)],
    )


def strandedness_of(sample: Quantified) -> tuple[str, float]:
    """Return how a STAR library seems to be stranded (empty: unclear), and the forward share of its stranded reads.

    Nearly all reads of a stranded library lie on one strand of the genes, half of an unstranded one's: forward from
    80 % on, reverse up to 20 %, unstranded between 40 and 60 %.
    """
    forward, reverse = (float(sample.strands[name].sum()) for name in ("forward", "reverse"))
    if forward + reverse <= 0:
        return "", float("nan")
    share = forward / (forward + reverse)
    if share >= 0.8:
        return "forward", share
    if share <= 0.2:
        return "reverse", share
    return ("unstranded", share) if 0.4 <= share <= 0.6 else ("", share)
