"""One text file of bulk counts in, whatever its layout; samples × genes out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ohmics.genes import GeneTable
from ohmics.intake.bulk_files import AUTO, bulk_file, read_bulk_files
from ohmics.intake.long_table import long_layout, read_long
from ohmics.intake.matrix import read_matrix
from ohmics.intake.quantified import FEATURE_COUNTS, format_of
from ohmics.intake.raw import RawCounts
from ohmics.intake.sample_headings import are_paths, sample_names

_ENDINGS = re.compile(
    r"(?:\.gz|[._]?ReadsPerGene\.out\.tab|\.genes\.results|\.isoforms\.results|\.sf|\.tsv|\.csv|\.txt|\.tab|\.counts)+$"
)
_GENERIC = ("quant", "quant.genes", "abundance", "genes", "isoforms", "")


def read_bulk_text(
    path: Path,
    table: GeneTable,
    *,
    orientation: str = AUTO,
    samples: Sequence[str] | None = None,
    strandedness: str | Mapping[str, str] = AUTO,
    transcripts: Path | None = None,
) -> RawCounts:
    """Read a matrix of samples, a long table, or the file of one sample; which it is, is told by its content.

    Parameters
    ----------
    path
        CSV or TSV, gzipped or not; or a sample's folder (salmon, kallisto).
    table
        Tells gene ids from other text.
    orientation
        Of a matrix: ``auto``, ``genes_by_samples`` or ``samples_by_genes``.
    samples
        The samples of the sheet, to know featureCounts' columns by.
    strandedness, transcripts
        As for `read_bulk_files`.

    Raises
    ------
    OhmicsError
        As the reader of the format.
    """
    file = bulk_file(path)
    form = format_of(file, table)
    if form and form != FEATURE_COUNTS:
        return read_bulk_files({_name(file): file}, table, strandedness=strandedness, transcripts=transcripts)
    layout = None if form else long_layout(file, cells=False)
    if layout is not None:
        return read_long(file, layout, table)
    raw = read_matrix(file, table, orientation=orientation)
    if form or are_paths(raw.observations):
        named = sample_names(raw.observations, samples) if are_paths(raw.observations) else raw.observations
        return replace(raw, observations=named, form=FEATURE_COUNTS if form else raw.form, counted=bool(form))
    return raw


def _name(path: Path) -> str:
    """Return what one sample's file is called: its name without endings, else that of its folder."""
    name = _ENDINGS.sub("", path.name)
    return path.parent.name if name in _GENERIC else name
