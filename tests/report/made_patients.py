"""Made-up inputs come in, the same with the tables that set one patient beside the others come out."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from ohmics import tables
from ohmics.patient_tables import call_errors, compare_patients
from ohmics.report import ReportInputs

HOSTILE = (
    "<script>alert(1)</script>",
    "=cmd()|' /C calc'!A0",
    "\"quoted\" & 'more'",
    "../../etc/passwd",
    "x" * 200,
    "עברית-😀",
    "CON",
    "index",
    "p1",
)
"""Names that a file system, a browser or a spreadsheet could take for something else; ``p1`` is P1 in lower case."""

MEASURED = pd.DataFrame(
    [
        ("antigen called lost or reduced", "half the depth", 500, "error", 0.026, "antigen.json"),
        ("antigen called lost or reduced", "ambient of 10 %", 1500, "error", 0.05, "antigen.json"),
        ("antigen called lost or reduced", "60 % lost", 400, "found", 0.7575, "antigen.json"),
        ("antigen called lost or reduced", "20 samples", 300, "error", 0.01, "bulk_antigen.json"),
        ("lineage called wrongly", "doublets", 120, "error", 0.00833, "lineage.json"),
        ("something else", "any", 10, "error", 0.5, "other.json"),
    ],
    columns=["measured", "setting", "replicates", "kind", "rate", "source"],
)


def compared(inputs: ReportInputs) -> ReportInputs:
    """Return the inputs with PATIENT_COMPARISON and CALL_ERRORS."""
    effects = tables.EFFECTS.empty() if inputs.effects is None else inputs.effects
    composition = tables.COMPOSITION.empty() if inputs.composition is None else inputs.composition
    comparison = compare_patients(
        pairs=tables.PAIRS.empty() if inputs.pairs is None else inputs.pairs,
        qc=inputs.qc,
        effects=effects,
        composition=composition,
        mechanisms=inputs.catalog.mechanisms,
        antigen=inputs.antigen,
        lineage=inputs.lineage,
        car=inputs.car,
    )
    errors = call_errors(MEASURED, modality="bulk" if inputs.bulk else "single_cell")
    return replace(inputs, patient_comparison=comparison, call_errors=errors)
