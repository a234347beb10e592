"""Headings of a matrix of counts in (paths of BAM files, as featureCounts writes them), names of samples out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

_ALIGNED = re.compile(r"\.(?:bam|sam|cram)$", re.IGNORECASE)
# What aligners and their followers put after a sample's name.
_AFTER = re.compile(
    r"[._-]?(?:Aligned(?:\.sortedByCoord|\.toTranscriptome)?\.out|accepted_hits|sorted(?:ByCoord)?|coordSorted|markdup|"
    r"mkdup|dedup|rmdup|umi_dedup|deduplicated|filtered|primary|hisat2|star)$",
    re.IGNORECASE,
)


def are_paths(headings: Sequence[str]) -> bool:
    """Whether headings name alignment files."""
    return bool(headings) and all(_ALIGNED.search(name) for name in headings)


def sample_names(headings: Sequence[str], samples: Sequence[str] | None = None) -> list[str]:
    """Return a sample's name for each path of an alignment file.

    A sample of the sheet is known by the file's name, by its beginning up to a dot, dash or underscore, or by the
    folder the file lies in; other files are called by their name without what aligners add to it.

    Parameters
    ----------
    headings
        Paths of BAM, SAM or CRAM files.
    samples
        The samples of the sheet, where there is one.
    """
    paths = [PurePosixPath(name.replace("\\", "/")) for name in headings]
    bare = [_bare(path.name) for path in paths]
    if len(set(bare)) < len(bare) and len({path.parent.name for path in paths}) == len(paths):
        bare = [path.parent.name for path in paths]  # every aligner's file is called the same
    wanted = set(samples or ())
    named = [_named(path, short, wanted) for path, short in zip(paths, bare, strict=True)]
    # Two files of one sample are kept apart by their own names, and the sheet is then seen not to hold them.
    return [name if named.count(name) == 1 else short for name, short in zip(named, bare, strict=True)]


def _bare(name: str) -> str:
    name = _ALIGNED.sub("", name)
    while (shorter := _AFTER.sub("", name)) not in ("", name):
        name = shorter
    return name


def _named(path: PurePosixPath, short: str, wanted: set[str]) -> str:
    if short in wanted:
        return short
    stem = _ALIGNED.sub("", path.name)
    begins = [
        name for name in wanted if stem.startswith(name) and stem[len(name) : len(name) + 1] in ("", ".", "_", "-")
    ]
    if begins:
        return max(begins, key=len)
    return path.parent.name if path.parent.name in wanted else short
