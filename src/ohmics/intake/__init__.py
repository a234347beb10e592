"""Sample sheets, configs and count matrices in; SAMPLES, `Config` and AnnData with approved symbols out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ohmics.intake.bulk_samples import read_bulk
    from ohmics.intake.check import CheckResult, check_run
    from ohmics.intake.config import Config, load_config
    from ohmics.intake.pairing import describe_pairs, resolve_pairs
    from ohmics.intake.presets import resolve_preset
    from ohmics.intake.reading import read
    from ohmics.intake.resources import antigen_genes, gene_table
    from ohmics.intake.sheet import read_samples

# Imported on first use: the readers need anndata, which a workflow that only loads its config should not wait for.
_HOME = {
    "CheckResult": "check",
    "Config": "config",
    "antigen_genes": "resources",
    "check_run": "check",
    "describe_pairs": "pairing",
    "gene_table": "resources",
    "load_config": "config",
    "read": "reading",
    "read_bulk": "bulk_samples",
    "read_samples": "sheet",
    "resolve_pairs": "pairing",
    "resolve_preset": "presets",
}

__all__ = [
    "CheckResult",
    "Config",
    "antigen_genes",
    "check_run",
    "describe_pairs",
    "gene_table",
    "load_config",
    "read",
    "read_bulk",
    "read_samples",
    "resolve_pairs",
    "resolve_preset",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
