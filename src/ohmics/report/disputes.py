"""EVIDENCE of a contrast comes in; what argues for and against a decided mechanism, and what contradicts, goes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ohmics.report import findings, select, words
from ohmics.report.inputs import ReportInputs


@dataclass(frozen=True, slots=True)
class Dispute:
    """A decided mechanism: what argues for it and what argues against it, side by side."""

    name: str
    contrast: str
    verdict: str
    verdict_words: str
    reasons: str
    pro: tuple[str, ...]
    con: tuple[str, ...]
    conflicts: tuple[str, ...]
    would_change: tuple[str, ...]
    target: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """A mechanism whose lines, patients or methods do not agree."""

    name: str
    target: str
    verdict: str
    verdict_words: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contradictions:
    """What contradicts in one contrast: verdicts against the prediction, lines against lines, patients, methods."""

    contrast: str
    against: tuple[Dispute, ...]
    lines: tuple[Conflict, ...]
    patients: tuple[Conflict, ...]
    methods: str

    @property
    def none(self) -> bool:
        """Whether nothing contradicts."""
        return not (self.against or self.lines or self.patients or self.methods)


def disputes(inputs: ReportInputs, view: select.ContrastView, verdict: str) -> tuple[Dispute, ...]:
    """Return the mechanisms of that verdict over the cohort with both sides of the argument."""
    rows = select.cohort_evidence(inputs, view.name)
    if rows is None or rows.empty:
        return ()
    return tuple(_dispute(inputs, view, row) for row in select.records(rows[rows["verdict"] == verdict]))


def _dispute(inputs: ReportInputs, view: select.ContrastView, row: dict[str, Any]) -> Dispute:
    name = select.names(inputs).get(str(row["mechanism"]), str(row["mechanism"]))
    graded = "" if words.is_missing(row["grade"]) else f", {row['grade']}"
    return Dispute(
        name=name,
        contrast=view.name,
        verdict=str(row["verdict"]),
        verdict_words=words.phrase(row["verdict"]) + graded,
        reasons=words.without_name(row["reasons"], name),
        pro=_texts(inputs, row, "lines_for"),
        con=_texts(inputs, row, "lines_against"),
        conflicts=_texts(inputs, row, "conflicts"),
        would_change=_texts(inputs, row, "would_change"),
        target=words.row_id(f"verdicts-{view.name}", row["mechanism"]),
    )


def _texts(inputs: ReportInputs, row: dict[str, Any], column: str) -> tuple[str, ...]:
    names, own = select.names(inputs), str(row["mechanism"])
    return tuple(words.lists_named(words.plain(line), names, own=own) for line in words.split(row.get(column)))


def contradictions(inputs: ReportInputs, view: select.ContrastView) -> Contradictions:
    """Return what contradicts in a contrast."""
    return Contradictions(
        contrast=view.text,
        against=disputes(inputs, view, "contradicted"),
        lines=_lines(inputs, view),
        patients=_patients(inputs, view),
        methods=findings.methods_disagree_sentence(inputs, view),
    )


def _lines(inputs: ReportInputs, view: select.ContrastView) -> tuple[Conflict, ...]:
    rows = select.cohort_evidence(inputs, view.name)
    if rows is None or rows.empty or "conflicts" not in rows:
        return ()
    # Those of contradicted mechanisms stand with their argument.
    told = rows[rows["conflicts"].notna() & (rows["verdict"] != "contradicted")]
    return tuple(_conflict(inputs, view, row, _texts(inputs, row, "conflicts")) for row in select.records(told))


def _conflict(inputs: ReportInputs, view: select.ContrastView, row: dict[str, Any], texts: tuple[str, ...]) -> Conflict:
    return Conflict(
        name=select.names(inputs).get(str(row["mechanism"]), str(row["mechanism"])),
        target=words.row_id(f"verdicts-{view.name}", row["mechanism"]),
        verdict=str(row["verdict"]),
        verdict_words=words.phrase(row["verdict"]),
        texts=texts,
    )


def _patients(inputs: ReportInputs, view: select.ContrastView) -> tuple[Conflict, ...]:
    """Return the supported mechanisms that single patients do not follow."""
    rows = select.cohort_evidence(inputs, view.name)
    own = select.patient_evidence(inputs, view.name)
    if rows is None or own is None or rows.empty:
        return ()
    found = []
    for row in select.records(rows[rows["verdict"] == "supported"]):
        mine = own[(own["mechanism"] == row["mechanism"]) & own["verdict"].isin(["opposite", "contradicted"])]
        if len(mine):
            who = words.series(mine["subject"].astype(str), most=12)
            text = f"the other way, beyond the technical range, in {words.count(len(mine), inputs.unit)}: {who}"
            found.append(_conflict(inputs, view, row, (text,)))
    return tuple(found)
