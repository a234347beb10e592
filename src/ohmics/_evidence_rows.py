"""Rows of EVIDENCE: what every row says of its mechanism, and the rows of single patients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ohmics._evidence_calls import patient_calls, why_not_called
from ohmics._evidence_change import call_needs
from ohmics._evidence_lines import number
from ohmics._evidence_rules import Facts, interval

if TYPE_CHECKING:
    from ohmics._evidence_cars import PatientCall
    from ohmics._evidence_run import Run
    from ohmics.model import PrimaryLine


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
        if facts.in_mixed_tissue and verdict in ("consistent", "opposite"):
            why = f"{why}; in unsorted bulk a change in the share of the cells that carry it would look the same"
        flags = f" ({row['flags']})" if isinstance(row["flags"], str) and row["flags"] else ""
        span = f"{number(low, signed=True)} to {number(high, signed=True)}"
        text = (
            f"{facts.mechanism.name}: changed by {number(effect, signed=True)} (technical range {span}), {why}{flags}."
        )
        out.append(evidence_row(contrast, "patient", str(row["subject"]), facts, verdict=verdict, reasons=text))
    return out


def _units(run: Run, contrast: str) -> dict[str, str]:
    """Return the units of a contrast that compares samples of one unit, and why one has no pair; empty: it has one."""
    pairs = run.pairs(contrast, complete=False)
    if pairs is None or not pairs["complete"].astype(bool).any():
        return {}
    found: dict[str, str] = {}
    for row in pairs.sort_values("subject", kind="stable").to_dict("records"):
        note = row["note"] if isinstance(row["note"], str) and row["note"] else "no pair of samples in this contrast"
        found.setdefault(str(row["subject"]), note)
        if row["complete"]:
            found[str(row["subject"])] = ""
    return found


def _uncalled_patients(
    run: Run, contrast: str, facts: Facts, line: PrimaryLine, calls: list[PatientCall]
) -> list[dict[str, Any]]:
    """Return a row for each patient of the contrast whom this call left out, with the reason."""
    units, called = _units(run, contrast), {one.patient for one in calls}
    if not called <= set(units):
        # The contrast pairs something else than patients: who is left out cannot be told.
        return []
    out = []
    for patient, unpaired in units.items():
        if patient in called:
            continue
        kind = "no_call"
        why = why_not_called(run, patient, line)
        why = why or (f"no call was made of {line.antigen or line.method.replace('_', ' ')}" if calls else "")
        why = f"not called in this patient: {why}" if why else "rests on a call that this run does not make"
        if unpaired:
            why = f"not called in this patient: {unpaired}"
        elif facts.undetermined and facts.reads_malignant and not calls:
            kind, why = "malignant_undetermined", f"malignant cells could not be told: {facts.undetermined}"
        text = f"{facts.mechanism.name}: {why.rstrip('.')}."
        row = evidence_row(contrast, "patient", patient, facts, verdict="not_assessable", sub_reason=kind, reasons=text)
        out.append(row)
    return out


def _called_patients(run: Run, contrast: str, facts: Facts) -> list[dict[str, Any]]:
    line = facts.mechanism.primary_line
    if line is None:
        return []
    calls = patient_calls(run, contrast, line)
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
    return sorted([*out, *_uncalled_patients(run, contrast, facts, line, calls)], key=lambda row: str(row["subject"]))
