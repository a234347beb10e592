"""Tables of calls, PAIRS and the sheet's targets come in; one call a patient and contrast goes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import pandas as pd

from ohmics._evidence_cars import PatientCall, car_groups, car_patients
from ohmics.model import ANTIGEN_OF_THE_SAMPLE, EvidenceLine, PrimaryLine

if TYPE_CHECKING:
    from ohmics._evidence_run import Run

CALLS_WITH_ERROR_RATE = ("antigen", "antigen_presentation", "lineage")
"""Calls of a change within a patient whose error rates are measured: only they support or contradict for a patient."""
CALLS_FOR = ("lost", "reduced", "switch")
"""Calls that speak for the mechanism that rests on them."""
CALLS_AGAINST = ("retained", "gained", "no_switch")
_VERDICTS = {
    **dict.fromkeys(CALLS_FOR, "supported"),
    **dict.fromkeys(CALLS_AGAINST, "contradicted"),
    # Blasts of another lineage without a clonal link, which recovering marrow also gives.
    "candidate": "consistent",
    "dedifferentiation": "open",
    "inconclusive": "open",
}
ALPHA = 0.05
_ORDER = ("supported", "consistent", "open", "contradicted", "opposite", "within_technical_range", "not_assessable")
_SORTED = ("patient", "antigen", "pre_sample", "post_sample", "call")
_Row = dict[str, Any]


def calls_of(run: Run, contrast: str, method: str, antigen: str) -> pd.DataFrame:
    """Return the rows of a call's table that a line reads in a contrast.

    Only pairs of samples of this contrast count, where table and run name them. ``antigen`` is matched through
    the catalogue's names and genes; ``target`` is what the sheet names for the patient's own samples.
    """
    frame = run.tables.get(method)
    if frame is None or frame.empty or "call" not in frame:
        return pd.DataFrame()
    if method == "antigen_presentation" and not antigen and "role" in frame:
        # The receptors and kinases of IFN-gamma stand in the same table and present nothing.
        frame = frame[frame["role"].fillna("presentation") == "presentation"]
    mine = run.pairs(contrast)
    if mine is not None and {"pre_sample", "post_sample"} <= set(frame):
        known = {
            both
            for pre, post in zip(mine["reference_samples"], mine["test_samples"], strict=True)
            for both in product(str(pre).split("|"), str(post).split("|"))
        }
        held = [both in known for both in zip(frame["pre_sample"], frame["post_sample"], strict=True)]
        frame = frame[pd.Series(held, index=frame.index, dtype=bool)]
    if not antigen or "antigen" not in frame:
        return frame
    names = _Names(run)
    own = [names.of(str(value)) for value in frame["antigen"]]
    if antigen == ANTIGEN_OF_THE_SAMPLE:
        patients = frame["patient"].astype(str) if "patient" in frame else pd.Series("", index=frame.index)
        # An alternative target of one patient may be another patient's target.
        aims = {patient: {names.of(one) for one in listed} for patient, listed in run.targets.items()}
        held = [name in aims.get(patient, set()) for name, patient in zip(own, patients, strict=True)]
    else:
        held = [name == names.of(antigen) for name in own]
    return frame[pd.Series(held, index=frame.index, dtype=bool)]


class _Names:
    """Spellings of an antigen (its name, or the one gene it has) and the one name they stand for."""

    def __init__(self, run: Run) -> None:
        entries = run.catalog.antigens.values()
        self._known = {entry.genes[0].lower(): entry.antigen for entry in entries if len(entry.genes) == 1}
        self._known |= {entry.antigen.lower(): entry.antigen for entry in entries}

    def of(self, name: str) -> str:
        """Return the catalogue's name; of an antigen that is called gene by gene, that of the antigen."""
        text = name.strip().lower()
        whole = text.rsplit(" (", 1)[0]
        return self._known.get(text) or self._known.get(whole) or whole


def patient_calls(run: Run, contrast: str, line: PrimaryLine | EvidenceLine) -> list[PatientCall]:
    """Return one call a patient of the call that a line reads, sorted by patient.

    Several pairs of samples must not contradict each other over one antigen, else the patient stays open; of
    several antigens one that is lost is enough for a mechanism of loss, and all must be retained against it.
    """
    key = (contrast, line.method, line.antigen, line.cell_type, line.direction)
    if key not in run.called:
        run.called[key] = _patient_calls(run, contrast, line)
    return run.called[key]


def _patient_calls(run: Run, contrast: str, line: PrimaryLine | EvidenceLine) -> list[PatientCall]:
    if line.method == "car":
        return car_patients(run, contrast, cell_type=line.cell_type, direction=line.direction)
    frame = calls_of(run, contrast, line.method, line.antigen)
    if "patient" not in frame:
        return []
    frame = frame.sort_values([name for name in _SORTED if name in frame])
    own = run.pairs(contrast)
    if own is not None and "pre_sample" not in frame:
        # A call of a patient, not of samples, is read where the contrast pairs that patient's samples.
        frame = frame[frame["patient"].astype(str).isin(own["subject"].astype(str))]
    of_patient: dict[str, list[_Row]] = {}
    for row in frame.to_dict("records"):
        of_patient.setdefault(str(row["patient"]), []).append({str(key): value for key, value in row.items()})
    return [_together(patient, rows) for patient, rows in sorted(of_patient.items())]


def _together(patient: str, rows: Sequence[_Row]) -> PatientCall:
    by_antigen: dict[str, list[_Row]] = {}
    for row in rows:
        by_antigen.setdefault(_text(row, "antigen"), []).append(row)
    found = [_of_antigen(own) for own in by_antigen.values()]
    verdict, call = min(found, key=lambda one: (_ORDER.index(one[0]), one[1]))
    if verdict == "contradicted" and any(one[0] != "contradicted" for one in found):
        # Against a mechanism of loss every antigen has to be retained; of one that could not be assessed it is unknown.
        verdict, call = "open", "inconclusive"
    if len(rows) == 1:
        return PatientCall(patient=patient, verdict=verdict, call=call, reason=_reason(rows[0]))
    told = [f"{_named(row)}: {row['call']}. {_reason(row)}".strip() for row in rows]
    return PatientCall(patient=patient, verdict=verdict, call=call, reason=" ".join(told))


def _of_antigen(rows: Sequence[_Row]) -> tuple[str, str]:
    """Return verdict and call of one antigen over the patient's pairs of samples."""
    verdicts = {str(row["call"]): _verdict(row) for row in rows}
    if {"supported", "contradicted"} <= set(verdicts.values()):
        return "open", "inconclusive"
    order = ("supported", "contradicted", "consistent", "open", "not_assessable")
    call = min(verdicts, key=lambda one: (order.index(verdicts[one]), one))
    return verdicts[call], call


def _verdict(row: _Row) -> str:
    """Return what a call says by itself; one of several presentation genes has to hold among all of them."""
    call = str(row["call"])
    one_of_many = row.get("role") in ("presentation", "ifn_gamma") and call in ("lost", "reduced")
    if one_of_many and row.get("q") is not None and row["q"] >= ALPHA:
        return "open"
    return _VERDICTS.get(call, "not_assessable")


def _reason(row: _Row) -> str:
    beside = _VERDICTS.get(str(row["call"])) == "supported" and _verdict(row) == "open"
    return _text(row, "reason") + (f" Among the genes looked at together q is {row['q']:.2g}." if beside else "")


def _text(row: _Row, column: str) -> str:
    value = row.get(column)
    return value if isinstance(value, str) else ""


def _named(row: _Row) -> str:
    samples = " to ".join(filter(None, [_text(row, "pre_sample"), _text(row, "post_sample")]))
    return ", ".join(filter(None, [_text(row, "antigen"), samples])) or "call"


def why_not_called(run: Run, patient: str, line: PrimaryLine) -> str:
    """Return what SKIPPED says of a call that was not made for a patient; empty where it says nothing."""
    stage = "antigen" if line.method == "antigen_presentation" else line.method
    names = _Names(run)
    if line.antigen == ANTIGEN_OF_THE_SAMPLE:
        wanted = {names.of(one) for one in run.targets.get(patient, ())}
    else:
        wanted = {names.of(line.antigen)} if line.antigen else set()
    told = [
        str(row["reason"])
        for row in run.call_skips.get((stage, patient), ())
        # A reason without an antigen, or for want of a target, speaks of every antigen.
        if not row["item"] or row["item"] == "target antigen" or not wanted or names.of(str(row["item"])) in wanted
    ]
    return "; ".join(dict.fromkeys(told))


def call_facts(run: Run, contrast: str, line: PrimaryLine) -> str:
    """Return how many patients got which call, as a sentence part; empty when the contrast holds no such call."""
    counts = Counter(one.call for one in patient_calls(run, contrast, line))
    if not counts and line.method == "car" and line.cell_type != "malignant":
        return car_groups(run, contrast)
    return ", ".join(f"{call.replace('_', ' ')} in {n}" for call, n in counts.items())
