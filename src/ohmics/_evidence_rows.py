"""Rows of EVIDENCE: what every row says of its mechanism, and the rows of single patients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ohmics._evidence_calls import patient_calls
from ohmics._evidence_lines import number
from ohmics._evidence_rules import Facts, interval

if TYPE_CHECKING:
    from ohmics.evidence import _Run


def primary_text(facts: Facts) -> str:
    """Return the primary line and what it gave; empty when it gave nothing."""
    if not facts.has_effect:
        return ""
    text = f"{facts.gene_list or facts.cell_type} in {facts.cell_type}: {interval(facts)}"
    text += f", q {number(facts.q)}" if np.isfinite(facts.q) else ""
    if facts.model_method:
        text += f"; {facts.model_method} p {number(facts.model_p)} (same genes: one line)"
    return text


def evidence_row(contrast: str, level: str, subject: str, facts: Facts, **more: str) -> dict[str, Any]:
    """Return one row of EVIDENCE with what every row of the mechanism says."""
    mechanism = facts.mechanism
    return {
        "contrast": contrast,
        "level": level,
        "subject": subject,
        "mechanism": mechanism.id,
        "primary_line": primary_text(facts) if level == "cohort" else "",
        "observability": f"Shows: {mechanism.visible.rstrip('.')}. Cannot show: {mechanism.not_visible.rstrip('.')}.",
        "sub_reason": "",
        "grade": "",
        "lines_for": "",
        "lines_against": "",
        **more,
    }


def patient_rows(run: _Run, contrast: str, facts: Facts) -> list[dict[str, Any]]:
    """A call decides for a patient; a score change is only consistent, opposite or within technical range."""
    line = facts.mechanism.primary_line
    if line is None or line.nature == "external" or facts.mechanism.tier == "not_assessable":
        return []
    if line.nature == "call":
        return _called_patients(run, contrast, facts)
    rows = run.effects
    mine = rows[
        (rows["contrast"] == contrast)
        & (rows["level"] == "patient")
        & (rows["cell_type"] == facts.cell_type)
        & (rows["gene_list"] == facts.gene_list)
        & (rows["method"] == line.method)
        & (rows["depth"] == "thinned")
    ]
    out = []
    for row in mine.to_dict("records"):
        effect, low, high = float(row["effect"]), float(row["low"]), float(row["high"])
        known = np.isfinite(low) and np.isfinite(high)
        if not known:
            verdict, why = "not_assessable", "its technical range could not be estimated"
        elif low <= 0 <= high:
            verdict, why = "within_technical_range", "which splitting and thinning the same two samples also gives"
        elif np.sign(effect) == facts.sign:
            verdict, why = (
                "consistent",
                "beyond the technical range, in the predicted direction; one patient is no test",
            )
        else:
            verdict, why = "opposite", "beyond the technical range, against the prediction; one patient is no test"
        flags = f" ({row['flags']})" if isinstance(row["flags"], str) and row["flags"] else ""
        span = f"{number(low, signed=True)} to {number(high, signed=True)}"
        text = (
            f"{facts.mechanism.name}: changed by {number(effect, signed=True)} (technical range {span}), {why}{flags}."
        )
        out.append(evidence_row(contrast, "patient", str(row["subject"]), facts, verdict=verdict, reasons=text))
    return out


def _paired_patients(run: _Run, contrast: str) -> list[str]:
    pairs = run.tables.get("pairs")
    if pairs is None:
        return []
    mine = pairs[(pairs["contrast"] == contrast) & pairs["complete"].astype(bool)]
    return sorted(set(mine["subject"].astype(str)))


def _called_patients(run: _Run, contrast: str, facts: Facts) -> list[dict[str, Any]]:
    line = facts.mechanism.primary_line
    calls = patient_calls(run, contrast, line.method, line.antigen) if line is not None else []
    if not calls:
        text = f"{facts.mechanism.name}: rests on a call that this run does not make."
        return [
            evidence_row(
                contrast, "patient", patient, facts, verdict="not_assessable", sub_reason="no_call", reasons=text
            )
            for patient in _paired_patients(run, contrast)
        ]
    out = []
    for one in calls:
        text = f"{facts.mechanism.name}: called {one.call}. {one.reason}".strip()
        out.append(
            evidence_row(
                contrast, "patient", one.patient, facts, verdict=one.verdict, sub_reason=one.call, reasons=text
            )
        )
    return out
