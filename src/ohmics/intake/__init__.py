"""Sample sheets, configs and count matrices in; SAMPLES, `Config` and AnnData with approved symbols out."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Imported on first use: the readers need anndata, which a workflow that only loads its config should not wait for.
_HOME = {
    "load_config": "config",
    "Config": "config",
    "read_samples": "sheet",
    "read": "reading",
    "gene_table": "resources",
    "antigen_genes": "resources",
    "resolve_pairs": "pairing",
    "describe_pairs": "pairing",
    "check_run": "check",
}
__all__ = sorted(_HOME)  # noqa: PLE0605 - a list of names, built from the one table above


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
