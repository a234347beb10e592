"""SAMPLES of a bulk run in (one matrix, or a file a sample); samples × genes with approved symbols out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import anndata as ad
import pandas as pd
import scipy.sparse as sp

from ohmics.errors import Fault, Faults, OhmicsError, listing
from ohmics.genes import GeneTable
from ohmics.intake.bulk_files import AUTO, bulk_file, read_bulk_files
from ohmics.intake.bulk_text import read_bulk_text
from ohmics.intake.quantified import FEATURE_COUNTS, format_of
from ohmics.intake.raw import RawCounts
from ohmics.intake.reading import read, understood
from ohmics.intake.resources import gene_table

STRANDEDNESS = "strandedness"
"""Column of the sheet that says how each library is stranded; the config's value stands in where it is empty."""


def read_bulk(
    samples: pd.DataFrame,
    *,
    gene_ids: str = AUTO,
    orientation: str = AUTO,
    transgenes: Sequence[str] = (),
    strandedness: str = AUTO,
    transcripts: str | Path | None = None,
    fractions: Literal["keep", "round"] = "keep",
) -> ad.AnnData:
    """Read the raw counts of bulk samples.

    Parameters
    ----------
    samples
        SAMPLES: ``sample`` and ``path``. Where all rows have one path, it is a matrix of all samples; else each path is
        the file (or folder) of one sample, as STAR, RSEM, salmon, kallisto, featureCounts and htseq-count write them,
        or a matrix of the samples that name it. A column ``strandedness`` speaks before the parameter.
    gene_ids, orientation, transgenes, strandedness, transcripts, fractions
        As for `ohmics.intake.read`.

    Returns
    -------
    AnnData
        As of `ohmics.intake.read`, samples in the order of the sheet.

    Raises
    ------
    OhmicsError
        With the faults of every file.
    """
    names = [str(name) for name in samples["sample"]]
    paths = [str(path) for path in samples["path"]]
    table = gene_table()
    transcript_file = None if transcripts is None else Path(transcripts)
    stranded = _strandedness(samples, strandedness)
    if len(set(paths)) == 1 and not _is_one_sample(Path(paths[0]), names, table):
        return read(
            paths[0], modality="bulk", gene_ids=gene_ids, orientation=orientation, transgenes=transgenes,
            samples=names, strandedness=stranded, transcripts=transcript_file, fractions=fractions,
        )  # fmt: skip
    files = {name: bulk_file(Path(path)) for name, path in zip(names, paths, strict=True)}
    _check_files(files)
    if len(set(files.values())) == len(files) and format_of(next(iter(files.values())), table):
        raw = read_bulk_files(files, table, strandedness=stranded, transcripts=transcript_file)
    else:
        raw = _matrices(files, table, orientation)
    where = paths[0] if len(names) == 1 else "the samples' files"
    return understood(raw, where, modality="bulk", gene_ids=gene_ids, transgenes=transgenes, fractions=fractions)


def _strandedness(samples: pd.DataFrame, given: str) -> str | dict[str, str]:
    if STRANDEDNESS not in samples:
        return given
    told = {
        str(name): str(value) if isinstance(value, str) and value else given
        for name, value in zip(samples["sample"], samples[STRANDEDNESS], strict=True)
    }
    return told if len(set(told.values())) > 1 else next(iter(told.values()))


def _is_one_sample(path: Path, names: Sequence[str], table: GeneTable) -> bool:
    """Whether a run of one sample names that sample's own file, and no matrix."""
    if len(names) != 1 or not path.exists():
        return False
    if path.is_dir():
        return not any((path / name).exists() for name in ("zarr.json", ".zgroup", ".zattrs"))
    with path.open("rb") as handle:
        text = handle.read(4) not in (b"\x89HDF", b"PK\x03\x04", b"")
    return text and format_of(path, table) not in ("", FEATURE_COUNTS)


def _check_files(files: Mapping[str, Path]) -> None:
    faults = Faults()
    for path in dict.fromkeys(files.values()):
        if not path.is_file():
            faults.add("no such file", where=str(path))
        elif path.stat().st_size == 0:
            faults.add("the file is empty", where=str(path), remedy="copy or download it again")
    faults.raise_if_any()


def _matrices(files: Mapping[str, Path], table: GeneTable, orientation: str) -> RawCounts:
    """Read matrices of some of the samples each, or of one, and put them below each other."""
    faults, parts = Faults(), list[RawCounts]()
    for path in dict.fromkeys(files.values()):
        own = [name for name, file in files.items() if file == path]
        try:
            raw = read_bulk_text(path, table, orientation=orientation, samples=own)
            if len(own) == 1 and len(raw.observations) == 1:
                raw = replace(raw, observations=own)
            absent = [name for name in own if name not in raw.observations]
            if absent:
                held = f"it holds {listing(raw.observations)}"
                raise OhmicsError(Fault(f"the file does not hold {listing(absent)}", str(path), held))
            places = [raw.observations.index(name) for name in own]
            parts.append(replace(raw, matrix=raw.matrix[places], observations=own))
        except OhmicsError as error:
            faults.extend(error.faults)
    faults.raise_if_any()
    first = parts[0]
    for part, path in zip(parts, dict.fromkeys(files.values()), strict=True):
        other = sorted(set(part.ids) ^ set(first.ids))
        if other or len(set(part.ids)) != len(part.ids):
            told = f"{len(other):,} ids are not in both this file and that of {first.observations[0]}"
            faults.add(
                f"{told}: {listing(other, most=3)}" if other else "ids stand twice", where=str(path),
                legal="samples counted with one annotation",
            )  # fmt: skip
    faults.raise_if_any()
    place = {name: number for number, name in enumerate(first.ids)}
    blocks = [part.matrix[:, _order(part.ids, place)] for part in parts]
    matrix = sp.csr_matrix(sp.vstack(blocks))
    observations = [name for part in parts for name in part.observations]
    rows = [observations.index(name) for name in files]
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    return replace(first, matrix=matrix[rows], observations=list(files), notes=notes)


def _order(ids: Sequence[str], place: Mapping[str, int]) -> list[int]:
    order = [0] * len(place)
    for number, name in enumerate(ids):
        order[place[name]] = number
    return order
