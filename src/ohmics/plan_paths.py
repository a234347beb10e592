"""Where the per-sample files of a results folder lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from ohmics.errors import OhmicsError


class _Inputs(Protocol):
    """Snakemake's named inputs."""

    def get(self, key: str, default: Sequence[str] | None = None) -> Sequence[str] | None: ...


def part_paths(folder: str | Path, samples: Iterable[str], name: str) -> list[Path]:
    """Return the paths of one per-sample file, in the order of the samples."""
    return [Path(folder) / str(sample) / name for sample in samples]


def part_folder(files: _Inputs) -> str:
    """Return the folder that holds one folder a sample, from a rule's per-sample inputs (``parts`` or ``counts``)."""
    paths = files.get("parts") or files.get("counts")
    if not paths:
        raise OhmicsError("the rule has no per-sample input")
    return str(Path(paths[0]).parent.parent)
