"""Where the per-sample files of a results folder lie."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def part_paths(folder: str | Path, samples: Iterable[str], name: str) -> list[Path]:
    """Return the paths of one per-sample file, in the order of the samples."""
    return [Path(folder) / str(sample) / name for sample in samples]
