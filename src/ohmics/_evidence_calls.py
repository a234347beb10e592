"""Tables of calls, PAIRS and the sheet's targets come in; one call a patient and contrast goes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import pandas as pd

from ohmics.model import ANTIGEN_OF_THE_SAMPLE

if TYPE_CHECKING:
    from ohmics.evidence import _Run

CALLS_FOR = ("lost", "reduced", "switch", "masking_candidate")
"""Calls that speak for the mechanism that rests on them."""
CALLS_AGAINST = ("retained", "gained", "no_switch")
_VERDICTS = {
    **dict.fromkeys(CALLS_FOR, "supported"),
    **dict.fromkeys(CALLS_AGAINST, "contradicted"),
    "inconclusive": "open",
}
_Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientCall:
    """What the calls of one patient in one contrast say together of one mechanism."""

    patient: str
    verdict: str
    call: str
    reason: str


def calls_of(run: _Run, contrast: str, method: str, antigen: str) -> pd.DataFrame:
    """Return the rows of a call's table that a line reads in a contrast.

    Only pairs of samples of this contrast count, where table and run name them. ``antigen`` is matched through
    the catalogue's names and genes; ``target`` is what the sheet names for the patient's own samples.
    """
    frame = run.tables.get(method)
    if frame is None or frame.empty or "call" not in frame:
        return pd.DataFrame()
    pairs = run.tables.get("pairs")
    if pairs is not None and {"pre_sample", "post_sample"} <= set(frame):
        mine = pairs[(pairs["contrast"] == contrast) & pairs["complete"].astype(bool)]
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

    def __init__(self, run: _Run) -> None:
        entries = run.catalog.antigens.values()
        self._known = {entry.genes[0].lower(): entry.antigen for entry in entries if len(entry.genes) == 1}
        self._known |= {entry.antigen.lower(): entry.antigen for entry in entries}

    def of(self, name: str) -> str:
        """Return the catalogue's name; of an antigen that is called gene by gene, that of the antigen."""
        text = name.strip().lower()
        whole = text.rsplit(" (", 1)[0]
        return self._known.get(text) or self._known.get(whole) or whole


def patient_calls(run: _Run, contrast: str, method: str, antigen: str) -> list[PatientCall]:
    """Return one call a patient, sorted by patient.

    Several pairs of samples must not contradict each other over one antigen, else the patient stays open; of
    several antigens one that is lost is enough for a mechanism of loss, and all must be retained against it.
    """
    frame = calls_of(run, contrast, method, antigen)
    if "patient" not in frame:
        return []
    return [
        _together(str(patient), [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")])
        for patient, rows in frame.groupby("patient", sort=True)
    ]


def _together(patient: str, rows: Sequence[_Row]) -> PatientCall:
    by_antigen: dict[str, list[_Row]] = {}
    for row in rows:
        by_antigen.setdefault(_text(row, "antigen"), []).append(row)
    found = [_of_antigen(own) for own in by_antigen.values()]
    order = ("supported", "open", "contradicted", "not_assessable")
    verdict, call = min(found, key=lambda one: order.index(one[0]))
    if len(rows) == 1:
        return PatientCall(patient=patient, verdict=verdict, call=call, reason=_text(rows[0], "reason"))
    told = [f"{_named(row)}: {row['call']}. {_text(row, 'reason')}".strip() for row in rows]
    return PatientCall(patient=patient, verdict=verdict, call=call, reason=" ".join(told))


def _of_antigen(rows: Sequence[_Row]) -> tuple[str, str]:
    """Return verdict and call of one antigen over the patient's pairs of samples."""
    verdicts = {str(row["call"]): _VERDICTS.get(str(row["call"]), "not_assessable") for row in rows}
    if {"supported", "contradicted"} <= set(verdicts.values()):
        return "open", "inconclusive"
    order = ("supported", "contradicted", "open", "not_assessable")
    call = min(verdicts, key=lambda one: order.index(verdicts[one]))
    return verdicts[call], call


def _text(row: _Row, column: str) -> str:
    value = row.get(column)
    return value if isinstance(value, str) else ""


def _named(row: _Row) -> str:
    samples = " to ".join(filter(None, [_text(row, "pre_sample"), _text(row, "post_sample")]))
    return ", ".join(filter(None, [_text(row, "antigen"), samples])) or "call"


def call_facts(run: _Run, contrast: str, method: str, antigen: str) -> str:
    """Return how many patients got which call, as a sentence part; empty when the contrast holds no such call."""
    counts = Counter(one.call for one in patient_calls(run, contrast, method, antigen))
    return ", ".join(f"{call} in {n}" for call, n in counts.items())
