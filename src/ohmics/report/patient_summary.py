"""One patient's rows come in, the sentences of the page's first screen go out: built from what stands in the tables."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ohmics.report import words
from ohmics.report.antigen_methods import interval_words
from ohmics.report.antigen_panel import of_role
from ohmics.report.patient_view import Cohort, PatientView, plain_names, told

_SHEET = (
    ("therapy", "therapy"),
    ("target_antigen", "target"),
    ("disease", "disease"),
    ("tissue", "tissue"),
    ("enrichment", "sort gate"),
    ("chemistry", "chemistry"),
    ("response", "response"),
)
_THERAPIES = {"car_t": "CAR T cells", "ici": "immune checkpoint inhibitor"}
_FOUND = (
    ("supported", "Supported by a call"),
    ("contradicted", "Contradicted by a call"),
    ("open", "Open: a call was tried and could not decide"),
    ("consistent", "Changed as predicted, beyond what measuring again would give; one {unit} is no test"),
    ("opposite", "Changed the other way, beyond what measuring again would give; one {unit} is no test"),
)
_SAID = {
    "not_assessable": "Not assessable",
    "inconclusive": "Inconclusive",
    # Of the lineage: each names what else would look the same.
    "switch": "Switch:",
    "candidate": "Candidate:",
    "dedifferentiation": "Dedifferentiation:",
    "no_switch": "No switch:",
}
"""How the sentence of a reason begins that must stand beside the call."""
_UNSEEN = {"not_assessable": "tried, with too little to go by"}
_UNSHOWN = "that its protein and epitope are, RNA cannot show"
_RELAPSE = {
    "lost": ("{antigen}-negative", "The data speak for loss of {antigen}"),
    "reduced": ("{antigen} reduced", "Less {antigen} is left than before, but it is not shown to be lost"),
    "retained": ("{antigen}-positive", f"{{antigen}} RNA is still there; {_UNSHOWN}"),
    "gained": ("{antigen}-positive", f"There is more {{antigen}} RNA than before; {_UNSHOWN}"),
    "inconclusive": ("{antigen}: open", "The data cannot tell whether {antigen} fell"),
    "not_assessable": ("{antigen}: not assessable", "Whether {antigen} is still expressed could not be assessed"),
}


@dataclass(frozen=True, slots=True)
class SampleMark:
    """A sample on the timeline."""

    sample: str
    timepoint: str
    verdict: str
    verdict_words: str
    why: str
    given: tuple[tuple[str, str], ...]
    cells: str


@dataclass(frozen=True, slots=True)
class FoundLine:
    """One kind of finding on the first screen, and the mechanisms it holds for."""

    verdict: str
    lead: str
    names: str


@dataclass(frozen=True, slots=True)
class AntigenAnswer:
    """Antigen-positive, antigen-negative or neither, and the numbers behind it."""

    call: str
    badge: str
    lead: str
    remains: str
    reason: str


def sample_marks(cohort: Cohort, view: PatientView) -> list[SampleMark]:
    """Return the samples in the order they were taken, as far as the timepoints tell."""
    qc = {str(row["sample"]): row for row in _records(view.of("qc"))}
    marks = []
    for row in _records(view.samples):
        quality = qc.get(str(row["sample"]), {})
        verdict = told(quality.get("verdict"))
        marks.append(
            SampleMark(
                sample=str(row["sample"]),
                timepoint=told(row.get("timepoint"), "no timepoint"),
                verdict=verdict,
                verdict_words=words.phrase(verdict) or "not checked",
                why="; ".join(words.split(quality.get("flags"), ";")),
                given=tuple(
                    (label, _THERAPIES.get(told(row.get(name)), told(row.get(name))))
                    for name, label in _SHEET
                    if told(row.get(name))
                ),
                cells=_size(quality, bulk=cohort.inputs.bulk),
            )
        )
    return marks


def _size(quality: dict[str, Any], *, bulk: bool) -> str:
    depth = words.whole(quality.get("median_umi"))
    if bulk:
        return f"{depth} counts" if depth else ""
    kept = words.whole(quality.get("cells_kept"))
    return ", ".join(
        part for part in (f"{kept} cells" if kept else "", f"{depth} counts a cell" if depth else "") if part
    )


def sample_sentence(cohort: Cohort, view: PatientView, marks: list[SampleMark]) -> str:
    """Return which samples there are and which of them can be used."""
    usable = [mark for mark in marks if mark.verdict in ("use", "use_with_care")]
    counted = Counter(mark.timepoint for mark in marks)
    times = (time if number == 1 else f"{number} at {time}" for time, number in counted.items())
    text = f"{view.patient} has {words.count(len(marks), 'sample')}: {words.series(times)}"
    parts = []
    care = [mark for mark in usable if mark.verdict == "use_with_care"]
    out = [mark for mark in marks if mark.verdict == "excluded"]
    if len(usable) == len(marks) and not care:
        parts.append("usable" if len(marks) == 1 else "all usable")
    else:
        plain = [mark for mark in usable if mark.verdict == "use"]
        for found, what in ((plain, "usable"), (care, "to be used with care"), (out, "excluded")):
            if found:
                parts.append(f"{words.series(mark.sample for mark in found)} {what}")
    text += f"; {'; '.join(parts)}." if parts else "."
    return f"{text} {_pair_sentence(cohort, view)}".strip()


def _pair_sentence(cohort: Cohort, view: PatientView) -> str:
    pairs = view.of("pairs")
    unit = cohort.inputs.unit
    needs = " ".join(
        words.sentence(f"to compare {one.test} with {one.reference}, a usable sample of each is needed")
        for one in cohort.contrasts
        if one.paired
    )
    if not len(pairs):
        return f"No comparison of this run includes this {unit}. {needs}".strip()
    complete = pairs[pairs["complete"].fillna(False).astype(bool)]
    if complete.empty:
        return f"There is no pair of usable samples, so nothing was compared within this {unit}. {needs}".strip()
    names = {one.name: one for one in cohort.contrasts}
    compared = dict.fromkeys(
        f"{names[str(name)].test} with {names[str(name)].reference}" if str(name) in names else str(name)
        for name in complete["contrast"]
    )
    text = f"Compared: {words.series(compared)}."
    differ = [f"{row.contrast}: {words.in_words(words.split(row.differs_in))}" for row in
              complete.itertuples(index=False) if not words.is_missing(row.differs_in)]  # fmt: skip
    if differ:
        text += f" The two sides differ in more than time ({'; '.join(differ)}): a change may come from that."
    notes = [words.sentence(note) for row in complete.itertuples(index=False) for note in words.split(row.note, ";")]
    return " ".join([text, *dict.fromkeys(notes)])


def antigen_answers(cohort: Cohort, view: PatientView) -> list[AntigenAnswer]:
    """Return one answer a target antigen and pair; when there was no call, why."""
    targets = of_role(view.of("antigen"), "target") if len(view.of("antigen")) else pd.DataFrame()
    answers, interval = [], interval_words(cohort.inputs)
    for row in _records(targets):
        call = str(row["call"])
        badge, lead = (text.format(antigen=row["antigen"]) for text in _RELAPSE[call])
        several = len(targets) > 1
        pair = f" ({row['post_sample']} against {row['pre_sample']})" if several else ""
        # Two pairs of a patient may differ: without the sample their labels would contradict each other.
        badge += f" ({row['post_sample']})" if row["several"] else ""
        reason = _plain_reason(call, told(row["reason"]))
        answers.append(AntigenAnswer(call, badge, f"{lead}{pair}.", _remains(row, interval), reason))
    return answers or [_no_answer(cohort, view)]


def _remains(row: dict[str, Any], interval: str) -> str:
    """Return how much of the antigen is left, with as much of the interval as there is."""
    if words.is_missing(row["remaining_fraction"]):
        return ""
    text = f"{words.percent(row['remaining_fraction'])} % remains"
    low, high = words.percent(row["remaining_low"]), words.percent(row["remaining_high"])
    if not low:
        return text
    return f"{text} ({interval} {low} to {high} %)" if high else f"{text} ({interval} {low} % to no upper limit)"


def _plain_reason(call: str, reason: str) -> str:
    """Return the sentence with the counts and, of calls with a limit of their own, the one that says why."""
    sentences = re.split(r"(?<=[a-z0-9)])\. (?=[A-Z])", reason)
    kept = sentences[:1]
    if call in _SAID:
        kept += [one for one in sentences[1:] if one.startswith(_SAID[call])]
    return " ".join(words.sentence(one) for one in kept if one)


def _no_answer(cohort: Cohort, view: PatientView) -> AntigenAnswer:
    """Return why no antigen was called: from SKIPPED, the verdicts, or the sheet."""
    skipped = view.of("skipped")
    about = skipped[skipped["stage"] == "antigen"] if len(skipped) else skipped
    reasons = [words.sentence(str(reason)) for reason in (about["reason"] if len(about) else [])]
    if "target_antigen" not in view.samples or not bool(view.samples["target_antigen"].notna().any()):
        lead = "The sheet names no target antigen, so that its loss could not be looked for."
        return AntigenAnswer("not_assessable", "Antigen: not assessable", lead, "", "")
    if not reasons:
        verdicts = view.of("evidence")
        if len(verdicts):
            own = verdicts[(verdicts["mechanism"] == "target_antigen_loss") & (verdicts["level"] == "patient")]
            name = cohort.names.get("target_antigen_loss", "")
            reasons = [words.without_name(text, name) for text in own["reasons"]]
    reasons = reasons or ["The tables of this run hold no call of it and no reason."]
    lead = "Whether the target antigen was kept or lost could not be assessed."
    return AntigenAnswer("not_assessable", "Antigen: not assessable", lead, "", " ".join(dict.fromkeys(reasons)))


def lineage_sentence(view: PatientView) -> str:
    """Return what the lineage call says; empty where none was made."""
    rows = view.of("lineage")
    if not len(rows):
        return ""
    row = _records(rows)[0]
    lead = {
        "switch": "The data speak for a lineage switch of the tumour.",
        "candidate": "The tumour may have switched lineage; no clonal link proves it.",
        "dedifferentiation": (
            "The tumour may have lost its own lineage without taking another, or the cells are others."
        ),
        "no_switch": "No lineage switch was seen.",
    }.get(str(row["call"]), f"Lineage: {words.phrase(row['call'])}.")
    # One pair of a patient is called: with more samples than that the reader must know which.
    if len(view.samples) > 2 and not words.is_missing(row.get("post_sample")):
        lead = f"{row['post_sample']} against {row['pre_sample']}: {lead[0].lower()}{lead[1:]}"
    return f"{lead} {_plain_reason(str(row['call']), plain_names(told(row['reason'])))}".strip()


def found_lines(cohort: Cohort, view: PatientView) -> list[FoundLine]:
    """Return what was found in this patient, calls first, then changes without a test, then what could not be seen."""
    lines = []
    for contrast in view.contrasts:
        own = view.verdicts(contrast.name)
        lead = f"{contrast.name}: " if len(view.contrasts) > 1 else ""
        judged = {str(row["mechanism"]): row for row in _records(own)}
        for verdict, text in _FOUND:
            names = [cohort.names.get(name, name) for name, row in judged.items() if row["verdict"] == verdict]
            if names:
                said = f"{lead}{text.format(unit=cohort.inputs.unit)}"
                lines.append(FoundLine(verdict, words.sentence(said), "; ".join(names)))
        rows = [row for row in judged.values() if row["verdict"] == "not_assessable"]
        rows += [row for row in _records(cohort.unseen[contrast.name]) if str(row["mechanism"]) not in judged]
        reasons: dict[str, list[str]] = {}
        for row in rows:
            name = str(row["mechanism"])
            reasons.setdefault(told(row["sub_reason"]), []).append(cohort.names.get(name, name))
        for reason, names in reasons.items():
            why = _UNSEEN.get(reason, words.kind(reason))
            said = f"{lead}Could not be seen{f': {why}' if why else ''}"
            lines.append(FoundLine("not_assessable", words.sentence(said), "; ".join(names)))
    return lines


def counted_sentence(cohort: Cohort, view: PatientView, contrast: str) -> str:
    """Return how many mechanisms have which verdict in this patient."""
    rows = view.verdicts(contrast)
    if not len(rows):
        return f"No mechanism was judged for this {cohort.inputs.unit} alone."
    counted = rows["verdict"].value_counts(sort=False)
    order = ("supported", "contradicted", "open", "consistent", "opposite", "within_technical_range", "not_assessable")
    parts = [f"{counted[name]} {words.phrase(name)}" for name in order if name in counted.index]
    return f"Of {words.count(len(rows), 'mechanism')} judged for this {cohort.inputs.unit}: {words.series(parts)}."


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
