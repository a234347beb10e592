"""A table of transcripts and their genes (TSV, CSV or GTF) in, transcript to gene out."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from ohmics.errors import Fault, OhmicsError, listing
from ohmics.intake.files import open_text
from ohmics.intake.raw import readable

_FORM = "table of transcripts and genes"
_TRANSCRIPT = ("transcript_id", "transcript", "tx", "tx_id", "txname", "target_id", "name", "transcript_id(s)")
_GENE = ("gene_id", "gene", "geneid", "ensembl_gene_id", "ens_gene", "gene_name", "symbol")
_VERSION = re.compile(r"\.\d+$")
_ATTRIBUTE = re.compile(r'(transcript_id|gene_id) "?([^";]+)"?')
_LEAST_SHARE = 0.5


def read_transcripts(path: Path) -> dict[str, str]:
    """Return the gene of each transcript.

    Parameters
    ----------
    path
        TSV or CSV, gzipped or not, with or without a heading row: transcript and gene (without headings the first
        two columns). Or a GTF.

    Raises
    ------
    OhmicsError
        When the file is damaged, holds no pair, or gives a transcript two genes.
    """
    if not path.is_file():
        raise OhmicsError(Fault("no such file", str(path)))
    with readable(path, _FORM), open_text(path) as handle:
        start = [line for line in islice(handle, 200) if not line.startswith("#")]
    if not start:
        raise OhmicsError(Fault("the file names no transcript", str(path), "transcript and gene, one pair a row"))
    is_gtf = len(start[0].split("\t")) == 9
    with readable(path, _FORM), open_text(path) as handle:
        pairs = _gtf_pairs(handle) if is_gtf else _table_pairs(handle, start[0], path)
        return _mapping(pairs, path)


def _gtf_pairs(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        # Every exon repeats its transcript: one line a transcript is enough.
        if line.startswith("#") or "\ttranscript\t" not in line:
            continue
        held = dict(_ATTRIBUTE.findall(line.rsplit("\t", 1)[-1]))
        if "transcript_id" in held and "gene_id" in held:
            yield held["transcript_id"].strip(), held["gene_id"].strip()


def _table_pairs(handle: Iterable[str], first: str, path: Path) -> Iterable[tuple[str, str]]:
    delimiter = max("\t,;", key=first.count)
    rows = csv.reader((line for line in handle if not line.startswith("#")), delimiter=delimiter)
    header = [cell.strip().lower() for cell in next(rows)]
    if len(header) < 2:
        raise OhmicsError(Fault("the table has one column", str(path), "transcript and gene, tab or comma between"))
    transcript = next((header.index(name) for name in _TRANSCRIPT if name in header), None)
    gene = next((header.index(name) for name in _GENE if name in header), None)
    if transcript is None or gene is None or transcript == gene:
        transcript, gene = 0, 1
        yield from _pairs([[cell.strip() for cell in next(csv.reader([first], delimiter=delimiter))]], 0, 1)
    yield from _pairs(rows, transcript, gene)


def _pairs(rows: Iterable[list[str]], transcript: int, gene: int) -> Iterable[tuple[str, str]]:
    for row in rows:
        if len(row) > max(transcript, gene) and row[transcript].strip() and row[gene].strip():
            yield row[transcript].strip(), row[gene].strip()


def _mapping(pairs: Iterable[tuple[str, str]], path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    twice: dict[str, tuple[str, str]] = {}
    for transcript, gene in pairs:
        if found.setdefault(transcript, gene) != gene:
            twice.setdefault(transcript, (found[transcript], gene))
    if twice:
        name, (one, other) = next(iter(twice.items()))
        what = f"{len(twice):,} transcripts have two genes: {name} has {one} and {other}"
        raise OhmicsError(Fault(what, str(path), "one gene a transcript"))
    if not found:
        raise OhmicsError(Fault("the file names no transcript", str(path), "transcript and gene, one pair a row"))
    return found


def genes_of(
    transcripts: Sequence[str], table: Mapping[str, str], *, where: str
) -> tuple[list[str | None], tuple[str, ...]]:
    """Return the gene of each transcript (None: unknown), and notes.

    Names match exactly, else without what follows the first ``|`` (as GENCODE's FASTA has it), else without their
    version (``.3``), which is then said.

    Raises
    ------
    OhmicsError
        When fewer than half of the transcripts are in the table: it is of another annotation.
    """
    plain = [name.split("|", 1)[0] for name in transcripts]
    genes = [table.get(name) or table.get(short) for name, short in zip(transcripts, plain, strict=True)]
    notes: list[str] = []
    if sum(gene is None for gene in genes) > (1 - _LEAST_SHARE) * len(genes):
        bare: dict[str, str] = {}
        for name, gene in table.items():
            bare.setdefault(_VERSION.sub("", name.split("|", 1)[0]), gene)
        genes = [bare.get(_VERSION.sub("", name)) for name in plain]
        if any(gene is not None for gene in genes):
            notes.append("transcripts are matched without their versions")
    absent = [name for name, gene in zip(plain, genes, strict=True) if gene is None]
    if len(absent) > (1 - _LEAST_SHARE) * len(genes):
        what = f"{len(absent):,} of {len(genes):,} transcripts are not in input.transcripts: {listing(absent, most=3)}"
        raise OhmicsError(
            Fault(
                what, where, f"the table holds {listing(list(table)[:3])}", "give the annotation reads were mapped to"
            )
        )
    if absent:
        notes.append(f"{len(absent):,} transcripts have no gene and are left out: {listing(absent, most=3)}")
    return genes, tuple(notes)


def genes_in_names(transcripts: Sequence[str]) -> dict[str, str]:
    """Return the genes that the names of transcripts hold, as GENCODE's FASTA has it: ``ENST...|ENSG...|...``."""
    found: dict[str, str] = {}
    for name in transcripts:
        parts = name.split("|")
        if len(parts) > 1 and parts[1].startswith("ENSG"):
            found[name] = parts[1]
    return found
