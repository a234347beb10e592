"""Files of one bulk sample each in (STAR, RSEM, salmon and others), their samples × genes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from ohmics.errors import Fault, Faults, OhmicsError, listing
from ohmics.genes import GeneTable
from ohmics.intake.length_scaled import Abundances, length_scaled_counts
from ohmics.intake.quantified import (
    FEATURE_COUNTS,
    HTSEQ,
    LENGTH_SCALED,
    RSEM_ISOFORMS,
    STAR,
    STRANDS,
    TRANSCRIPTS,
    Quantified,
    format_of,
    read_quantified,
    strandedness_of,
)
from ohmics.intake.raw import RawCounts
from ohmics.intake.transcripts import genes_in_names, genes_of, read_transcripts

AUTO = "auto"
_BY_ITSELF = (FEATURE_COUNTS, HTSEQ)


def bulk_file(path: Path) -> Path:
    """Return the file of counts of a sample's folder (salmon, kallisto), or the path as it is.

    Raises
    ------
    OhmicsError
        When a folder holds none.
    """
    if not path.is_dir():
        return path
    names = ("quant.sf", "quant.sf.gz", "abundance.tsv", "abundance.tsv.gz")
    found = [path / name for name in names if (path / name).is_file()]
    found += sorted(
        item
        for ending in ("ReadsPerGene.out.tab", ".genes.results")
        for item in path.glob(f"*{ending}*")
        if item.is_file()
    )
    if len(found) != 1:
        what = f"the folder holds {len(found)} files of counts" if found else "the folder holds no file of counts"
        raise OhmicsError(
            Fault(
                what, str(path), "one of quant.sf, abundance.tsv, ReadsPerGene.out.tab, genes.results", "name the file"
            )
        )
    return found[0]


def read_bulk_files(
    files: Mapping[str, Path],
    table: GeneTable,
    *,
    strandedness: str | Mapping[str, str] = AUTO,
    transcripts: Path | None = None,
) -> RawCounts:
    """Read one file a sample and put them together.

    Parameters
    ----------
    files
        Sample to its file; all of one format.
    table
        Tells gene ids from other text.
    strandedness
        STAR: ``unstranded``, ``forward``, ``reverse`` or ``auto``, of all samples or by sample.
    transcripts
        Salmon, kallisto: table of transcripts and genes, or GTF.

    Raises
    ------
    OhmicsError
        When files are damaged, of several formats or annotations, the strandedness is unclear, or transcripts have
        no genes.
    """
    faults = Faults()
    samples: dict[str, Quantified] = {}
    for name, path in files.items():
        try:
            form = format_of(path, table)
            if not form:
                raise OhmicsError(
                    Fault(
                        "no format of one sample's counts",
                        str(path),
                        "STAR ReadsPerGene, RSEM genes.results, salmon quant.sf, kallisto abundance.tsv, "
                        "featureCounts, htseq-count",
                        "name one matrix of all samples as input.matrix",
                    )
                )
            samples[name] = read_quantified(path, form)
        except OhmicsError as error:
            faults.extend(error.faults)
    faults.raise_if_any()
    forms = Counter(sample.form for sample in samples.values())
    where = str(next(iter(files.values()))) if len(files) == 1 else "samples"
    if len(forms) > 1:
        told = listing(f"{form} ({count} samples)" for form, count in forms.items())
        raise OhmicsError(Fault(f"the samples' files are of several formats: {told}", where, "one format a run"))
    form = next(iter(forms))
    strands: tuple[str, ...] = ()
    if form == STAR:
        samples, strands = _stranded(samples, files, strandedness)
    samples, union = _aligned(samples, where)
    if form in TRANSCRIPTS or form == RSEM_ISOFORMS:
        return _of_genes(samples, where, transcripts)
    counts = np.column_stack([sample.counts for sample in samples.values()])
    first = next(iter(samples.values()))
    ids, notes = first.ids, (*strands, *union)
    if form in LENGTH_SCALED:
        ids, counts = length_scaled_counts(_abundances(samples, None), first.ids)
        notes = (*notes, _SCALED)
    return _raw(samples, ids, counts, form, notes, names=first.names)


_SCALED = "counts are TPM scaled by length and by each sample's reads (lengthScaledTPM)"


def _stranded(
    samples: Mapping[str, Quantified], files: Mapping[str, Path], asked: str | Mapping[str, str]
) -> tuple[dict[str, Quantified], tuple[str, ...]]:
    """Choose STAR's column of each sample; say which, and on what evidence."""
    faults, chosen, told = Faults(), dict[str, Quantified](), dict[str, list[str]]()
    for name, sample in samples.items():
        strand = asked if isinstance(asked, str) else (asked.get(name) or AUTO)
        share = float("nan")
        if strand == AUTO:
            strand, share = strandedness_of(sample)
        if strand not in STRANDS:
            seen = "no read" if np.isnan(share) else f"{share:.0%} of the stranded reads"
            faults.add(
                f"the strandedness is unclear: {seen} lie on the forward strand",
                where=str(files[name]),
                legal=f"{', '.join(STRANDS)} ({AUTO}: above 80 %, below 20 % or about half)",
                remedy="give input.strandedness, or a column `strandedness` in the sheet",
            )
            continue
        seen = "" if np.isnan(share) else f", told by {share:.0%} forward reads"
        told.setdefault(strand, []).append(f"{name}{seen}")
        chosen[name] = replace(sample, counts=sample.strands[strand])
    faults.raise_if_any()
    notes = [f"counts of the {strand} column: {listing(names, most=3)}" for strand, names in told.items()]
    if len(told) > 1:
        notes.append("libraries of different strandedness are put together; consider a column `batch`")
    return chosen, tuple(notes)


def _aligned(samples: Mapping[str, Quantified], where: str) -> tuple[dict[str, Quantified], tuple[str, ...]]:
    """Bring all samples to the rows of the first; rows that only some have count 0 in tables that leave zeros out."""
    first = next(iter(samples.values()))
    if all(sample.ids == first.ids for sample in samples.values()):
        return dict(samples), ()
    rows = dict.fromkeys(row for sample in samples.values() for row in sample.ids)
    shared = set(first.ids).intersection(*(sample.ids for sample in samples.values()))
    if len(shared) < len(rows) and first.form not in _BY_ITSELF:
        name, odd = next((name, s) for name, s in samples.items() if set(s.ids) != set(first.ids))
        other = sorted(set(odd.ids) ^ set(first.ids))
        raise OhmicsError(
            Fault(
                f"{len(other):,} ids are not in both {next(iter(samples))} and {name}: {listing(other, most=3)}",
                where,
                "samples counted with one annotation",
            )
        )
    notes = () if len(shared) == len(rows) else (f"{len(rows) - len(shared):,} genes are not in every sample's file; "
                                                 "they count 0 there",)  # fmt: skip
    place = {row: number for number, row in enumerate(rows)}
    return {name: _on_rows(sample, list(rows), place) for name, sample in samples.items()}, notes


def _on_rows(sample: Quantified, rows: list[str], place: Mapping[str, int]) -> Quantified:
    where = np.array([place[row] for row in sample.ids])

    def spread(values: np.ndarray | None) -> np.ndarray | None:
        if values is None:
            return None
        wide = np.zeros(len(rows))
        wide[where] = values
        return wide

    def words(given: list[str] | None) -> list[str] | None:
        if given is None:
            return None
        wide = list(rows)
        for number, word in zip(where, given, strict=True):
            wide[number] = word
        return wide

    counts = spread(sample.counts)
    return replace(
        sample, ids=rows, counts=sample.counts if counts is None else counts, tpm=spread(sample.tpm),
        lengths=spread(sample.lengths), names=words(sample.names), genes=words(sample.genes),
    )  # fmt: skip


def _of_genes(samples: Mapping[str, Quantified], where: str, transcripts: Path | None) -> RawCounts:
    """Sum transcripts by gene: RSEM's counts as they are, salmon's and kallisto's scaled by length."""
    first = next(iter(samples.values()))
    notes: tuple[str, ...] = ()
    if transcripts is not None:
        genes, notes = genes_of(first.ids, read_transcripts(transcripts), where=where)
    elif first.genes is not None:
        genes = list(first.genes)
    else:
        held = genes_in_names(first.ids)
        if len(held) < len(first.ids):
            raise OhmicsError(
                Fault(
                    f"rows of {first.form} are transcripts, whose genes are not known: {listing(first.ids, most=3)}",
                    where,
                    remedy="give input.transcripts: a table of transcript and gene, or the GTF"
                    + ("; or give genes.results" if first.form == RSEM_ISOFORMS else ""),
                )
            )
        genes = [held[name] for name in first.ids]
    known = np.array([gene is not None for gene in genes])
    named = [gene for gene in genes if gene is not None]
    if first.form in LENGTH_SCALED:
        ids, counts = length_scaled_counts(_abundances(samples, known), named)
        return _raw(samples, ids, counts, first.form, (*notes, _SCALED))
    unique, code = np.unique(np.array(named, dtype=object).astype(str), return_inverse=True)
    counts = np.column_stack(
        [np.bincount(code, weights=sample.counts[known], minlength=len(unique)) for sample in samples.values()]
    )
    return _raw(samples, unique.tolist(), counts, first.form, (*notes, "counts of transcripts are summed by gene"))


def _abundances(samples: Mapping[str, Quantified], known: np.ndarray | None) -> Abundances:
    def stacked(name: str) -> np.ndarray:
        values = np.column_stack([getattr(sample, name) for sample in samples.values()])
        return values if known is None else values[known]

    return Abundances(counts=stacked("counts"), tpm=stacked("tpm"), lengths=stacked("lengths"))


def _raw(
    samples: Mapping[str, Quantified],
    ids: list[str],
    counts: np.ndarray,
    form: str,
    notes: tuple[str, ...],
    *,
    names: list[str] | None = None,
) -> RawCounts:
    return RawCounts(
        matrix=sp.csr_matrix(np.ascontiguousarray(counts.T)),
        observations=list(samples),
        ids=list(ids),
        names=names,
        form=form,
        orientation="genes_by_samples",
        notes=notes,
        counted=True,
    )
