"""Rows of EVIDENCE: what every row says of its mechanism, and the rows of single patients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ohmics._evidence_calls import patient_calls
from ohmics._evidence_change import call_needs
from ohmics._evidence_lines import number
from ohmics._evidence_rules import Facts, interval

if TYPE_CHECKING:
    from ohmics._evidence_run import Run


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
        "conflicts": "",
        "cautions": "",
        "would_change": "",
        **more,
    }


def patient_rows(run: Run, contrast: str, facts: Facts) -> list[dict[str, Any]]:
    """A call decides for a patient; a score change is only consistent, opposite or within technical range."""
    line = facts.mechanism.primary_line
    if line is None or line.nature in ("external", "association") or facts.mechanism.tier == "not_assessable":
        return []
    if line.nature == "call":
        return _called_patients(run, contrast, facts)
    out = []
    for row in run.patients(contrast, facts.cell_type, facts.gene_list, method=facts.method or line.method):
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


def _paired_patients(run: Run, contrast: str) -> list[str]:
    pairs = run.pairs(contrast)
    return [] if pairs is None else sorted(set(pairs["subject"].astype(str)))


def _called_patients(run: Run, contrast: str, facts: Facts) -> list[dict[str, Any]]:
    line = facts.mechanism.primary_line
    calls = patient_calls(run, contrast, line) if line is not None else []
    if not calls:
        why = "rests on a call that this run does not make"
        kind = "no_call"
        if facts.undetermined and facts.reads_malignant:
            kind, why = "malignant_undetermined", f"malignant cells could not be told: {facts.undetermined}"
        text = f"{facts.mechanism.name}: {why}."
        return [
            evidence_row(contrast, "patient", patient, facts, verdict="not_assessable", sub_reason=kind, reasons=text)
            for patient in _paired_patients(run, contrast)
        ]
    out = []
    for one in calls:
        text = f"{facts.mechanism.name}: called {one.call.replace('_', ' ')}. {one.reason}".strip().rstrip(".") + "."
        needed = "" if one.verdict in ("supported", "contradicted") else call_needs(run, contrast, line, one)
        out.append(
            evidence_row(
                contrast,
                "patient",
                one.patient,
                facts,
                verdict=one.verdict,
                sub_reason=one.call,
                reasons=text,
                would_change=needed,
            )
        )
    return out
