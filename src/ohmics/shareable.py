"""Names and settings of a run come in, the same without where files lay on a machine goes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def last_name(path: object) -> str:
    """Return the last name of a path of any system.

    Examples
    --------
    >>> last_name("/data/run 1/P01.h5"), last_name("C:\\\\data\\\\P01.h5")
    ('P01.h5', 'P01.h5')
    """
    parts = [part for part in str(path).replace("\\", "/").split("/") if part]
    return parts[-1] if parts else ""


_PATHS = {"samples", "matrix", "cells", "junctions", "transcripts", "gene_positions", "collections", "gene_lists",
          "catalog_paths"}  # fmt: skip


def shareable_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config whose paths are cut to their last name, and whose results folder is left out."""
    return {str(key): _cut(key, value) for key, value in config.items() if key != "outdir"}


def _cut(key: object, value: Any) -> Any:
    if isinstance(value, Mapping):
        if key in _PATHS:
            return {str(name): last_name(path) for name, path in value.items()}
        return {str(name): _cut(name, inner) for name, inner in value.items()}
    if key in _PATHS and isinstance(value, (list, tuple)):
        return [last_name(path) for path in value]
    return last_name(value) if key in _PATHS and isinstance(value, str) else value
