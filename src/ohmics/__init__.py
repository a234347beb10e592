"""ohmics: resistance signatures from expression data taken before and after a tumour resisted immunotherapy.

Public names are imported when they are first used, so that a workflow step starts in well under a second.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ohmics import toy
    from ohmics.annotate import annotate
    from ohmics.association import associate
    from ohmics.calls import call_antigen, call_car, call_lineage, call_malignant
    from ohmics.calls.exhaustion import decompose_exhaustion
    from ohmics.catalog import Catalog, catalog
    from ohmics.compare import compare, compare_composition
    from ohmics.de import differential_expression
    from ohmics.derived import derived_score
    from ohmics.embed import embed
    from ohmics.enrich import enrich, test_gene_sets
    from ohmics.errors import OhmicsError
    from ohmics.evidence import weigh_evidence
    from ohmics.intake import read, read_samples
    from ohmics.model import Contrast
    from ohmics.outcomes import Outcome
    from ohmics.pseudobulk import pseudobulk
    from ohmics.qc import filter_cells, qc_metrics
    from ohmics.reference import gene_reference
    from ohmics.score import score, score_samples

__version__ = version("ohmics")

_PUBLIC = {
    "Catalog": "ohmics.catalog",
    "Contrast": "ohmics.model",
    "OhmicsError": "ohmics.errors",
    "Outcome": "ohmics.outcomes",
    "annotate": "ohmics.annotate",
    "associate": "ohmics.association",
    "call_antigen": "ohmics.calls",
    "call_car": "ohmics.calls",
    "call_lineage": "ohmics.calls",
    "call_malignant": "ohmics.calls",
    "catalog": "ohmics.catalog",
    "compare": "ohmics.compare",
    "compare_composition": "ohmics.compare",
    "decompose_exhaustion": "ohmics.calls.exhaustion",
    "derived_score": "ohmics.derived",
    "differential_expression": "ohmics.de",
    "embed": "ohmics.embed",
    "enrich": "ohmics.enrich",
    "filter_cells": "ohmics.qc",
    "gene_reference": "ohmics.reference",
    "pseudobulk": "ohmics.pseudobulk",
    "qc_metrics": "ohmics.qc",
    "read": "ohmics.intake",
    "read_samples": "ohmics.intake",
    "score": "ohmics.score",
    "score_samples": "ohmics.score",
    "test_gene_sets": "ohmics.enrich",
    "weigh_evidence": "ohmics.evidence",
}

__all__ = [
    "Catalog",
    "Contrast",
    "OhmicsError",
    "Outcome",
    "__version__",
    "annotate",
    "associate",
    "call_antigen",
    "call_car",
    "call_lineage",
    "call_malignant",
    "catalog",
    "compare",
    "compare_composition",
    "decompose_exhaustion",
    "derived_score",
    "differential_expression",
    "embed",
    "enrich",
    "filter_cells",
    "gene_reference",
    "pseudobulk",
    "qc_metrics",
    "read",
    "read_samples",
    "score",
    "score_samples",
    "test_gene_sets",
    "toy",
    "weigh_evidence",
]


class _Package(ModuleType):
    """The package itself, on which a public name never becomes the module of the same name.

    Importing ``ohmics.catalog`` would otherwise bind the module over the function ``ohmics.catalog``.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _PUBLIC and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name == "toy":
            return import_module("ohmics.toy")
        if name in _PUBLIC:
            value = getattr(import_module(_PUBLIC[name]), name)
            super().__setattr__(name, value)
            return value
        raise AttributeError(f"module 'ohmics' has no attribute '{name}'")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Package
