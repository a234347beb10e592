"""A pipeline's results folder in (nf-core, Cell Ranger, STARsolo, alevin-fry and others), its samples' files out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ohmics.errors import Fault, OhmicsError, listing
from ohmics.intake.files import open_text
from ohmics.intake.pooled import as_sample_id

_DEEP = 7
"""Folders below the one given that are looked into."""
_MOST = 200_000
"""Files and folders looked at."""
_NEVER = {"work", ".git", ".snakemake", ".nextflow", "pipeline_info", "multiqc", "fastqc", "reports", "raw"}
# Folders that say what lies in them, not of which sample it is.
_GENERIC = {
    "outs", "count", "alevin", "af_quant", "simpleaf_quant", "gene", "genefull", "filtered", "solo.out", "salmon",
    "star", "star_salmon", "star_rsem", "rsem", "starsolo", "simpleaf", "cellranger", "cellrangermulti",
    "mtx_conversions",
    "filtered_feature_bc_matrix", "sample_filtered_feature_bc_matrix", "cellbender_removebackground", "cellbender",
    "emptydrops_cell_calling", "featurecounts", "kallisto", "doublet_detection", "per_sample_outs", "preprocess",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FoundSamples:
    """What a results folder holds.

    Parameters
    ----------
    modality
        ``single_cell`` or ``bulk``.
    kind
        What was found, for people.
    samples
        Sample to its file or folder; of a merged bulk matrix to that.
    matrix
        Bulk: the one matrix of all samples, where there is one.
    """

    modality: str
    kind: str
    samples: dict[str, Path]
    matrix: Path | None = None


@dataclass(frozen=True)
class _Pattern:
    """A file that is one sample's counts, or marks the folder that is (``above``: how far above it that lies)."""

    kind: str
    modality: str
    ends: re.Pattern[str]
    above: int | None = None


# The first kind of which there is anything is taken: what was cleaned before what was only counted.
_PATTERNS = (
    _Pattern("scdownstream", "single_cell", re.compile(r"/doublet_detection/(?P<sample>[^/]+)\.h5ad$")),
    _Pattern("CellBender", "single_cell", re.compile(r"/(?P<sample>[^/]*?)_?cellbender_filter_matrix\.h5ad$")),
    _Pattern("CellBender", "single_cell", re.compile(r"/(?P<sample>[^/]*?)_filtered\.h5$")),
    _Pattern("Cell Ranger", "single_cell", re.compile(r"/(?P<sample>(?:sample_)?)filtered_feature_bc_matrix\.h5$")),
    _Pattern(
        "Cell Ranger or STARsolo", "single_cell",
        re.compile(r"/(?P<sample>)(?:(?:sample_)?filtered_feature_bc_matrix|Gene/filtered)/matrix\.mtx(?:\.gz)?$"), 1,
    ),
    _Pattern("alevin-fry", "single_cell", re.compile(r"/(?P<sample>)quants_mat\.mtx(?:\.gz)?$"), 1),
    _Pattern("nf-core/scrnaseq", "single_cell", re.compile(r"/(?P<sample>[^/]+?)_filtered_matrix\.h5ad$")),
    _Pattern("nf-core/scrnaseq", "single_cell", re.compile(r"/(?P<sample>[^/]+?)_raw_matrix\.h5ad$")),
    _Pattern("RSEM", "bulk", re.compile(r"/(?P<sample>[^/]+)\.genes\.results(?:\.gz)?$")),
    _Pattern("salmon", "bulk", re.compile(r"/(?P<sample>)quant\.sf(?:\.gz)?$")),
    _Pattern("kallisto", "bulk", re.compile(r"/(?P<sample>)abundance\.tsv(?:\.gz)?$")),
    _Pattern("STAR", "bulk", re.compile(r"/(?P<sample>[^/]*?)[._]?ReadsPerGene\.out\.tab(?:\.gz)?$")),
)  # fmt: skip
# Merged matrices of nf-core/rnaseq: counts scaled by length before plain ones, since they are for gene-level tests.
_MERGED = (
    "salmon.merged.gene_counts_length_scaled.tsv", "salmon.merged.gene_counts.tsv", "rsem.merged.gene_counts.tsv",
    "kallisto.merged.gene_counts_length_scaled.tsv", "kallisto.merged.gene_counts.tsv",
)  # fmt: skip
_COMBINED = ("combined", "merged", "concatenated")


def find_samples(folder: Path) -> FoundSamples:
    """Find the samples in a results folder; nothing of their counts is read.

    Parameters
    ----------
    folder
        The folder of a pipeline's results, or one with a folder (or file) a sample.

    Raises
    ------
    OhmicsError
        When it holds no known layout.
    """
    if not folder.is_dir():
        raise OhmicsError(Fault("no such folder", str(folder)))
    files = sorted(_files(folder))
    merged = next((file for name in _MERGED for file in files if file.name == name), None)
    if merged is not None:
        names = _matrix_samples(merged)
        return FoundSamples(
            modality="bulk", kind=f"nf-core/rnaseq, {merged.name}", samples=dict.fromkeys(names, merged), matrix=merged
        )
    for pattern in _PATTERNS:
        found = _of_pattern(pattern, files, folder)
        if found:
            return FoundSamples(modality=pattern.modality, kind=pattern.kind, samples=found)
    held = sorted(item.name for item in folder.iterdir())
    raise OhmicsError(
        Fault(
            "no counts of samples were found",
            str(folder),
            "results of nf-core/rnaseq, scrnaseq or scdownstream, Cell Ranger, STARsolo, alevin-fry, CellBender, "
            "salmon, kallisto, RSEM, STAR",
            f"it holds {listing(held)}" if held else "it is empty",
        )
    )


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and of those in it; links to folders are not followed, so that none is met twice."""
    seen = 0
    base = len(folder.parts)
    for top, folders, files in os.walk(folder):
        here = Path(top)
        deep = len(here.parts) - base
        folders[:] = sorted(name for name in folders if name not in _NEVER and deep < _DEEP)
        seen += len(files) + len(folders)
        if seen > _MOST:
            raise OhmicsError(
                Fault(f"the folder holds more than {_MOST:,} files", str(folder), remedy="name one in it")
            )
        yield from (here / name for name in files)


def _of_pattern(pattern: _Pattern, files: list[Path], folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    clashes: list[str] = []
    for file in files:
        hit = pattern.ends.search(f"/{file.relative_to(folder).as_posix()}")
        if hit is None or hit["sample"].strip("_").lower() in _COMBINED:
            continue
        path = file if pattern.above is None else file.parents[pattern.above - 1]
        name = _sample_name(hit["sample"], file, folder)
        if not name:
            continue
        if name in found:
            clashes.append(f"{name} ({found[name].relative_to(folder)} and {path.relative_to(folder)})")
        found.setdefault(name, path)
    if clashes:
        raise OhmicsError(
            Fault(
                f"samples are found twice: {listing(clashes, most=3)}",
                str(folder),
                remedy="name the folder of one tool",
            )
        )
    return found


def _sample_name(given: str, file: Path, folder: Path) -> str:
    """Return the sample of a file: what its name says, else the next folder above that does not name a tool or step."""
    if given and given not in ("sample_", "output", "cellbender", "out"):
        return as_sample_id(given).strip("_.-")
    for part in reversed(file.relative_to(folder).parts[:-1]):
        bare = re.sub(r"[._]?Solo\.out$", "", part)
        if bare and bare.lower() not in _GENERIC:
            return as_sample_id(bare).strip("_.-")
    return as_sample_id(folder.resolve().name).strip("_.-")


def _matrix_samples(path: Path) -> list[str]:
    with open_text(path) as handle:
        header = handle.readline().rstrip("\r\n").split("\t")
    names = [name for name in header if name not in ("gene_id", "gene_name", "transcript_id(s)", "transcript_ids", "")]
    if not names:
        raise OhmicsError(Fault("the matrix names no sample", str(path)))
    return names
