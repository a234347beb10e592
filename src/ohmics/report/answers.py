"""Tables come in; the answers of the first screen go out, in plain sentences whose numbers stand in the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ohmics.report import findings, select, summary, words
from ohmics.report.antigen_panel import of_role
from ohmics.report.inputs import ReportInputs

_GRADES = {
    "weak": "weak (one kind of evidence)",
    "moderate": "moderate (two kinds)",
    "strong": "strong (three or more)",
}
_SHARE_OF_CELLS = "beyond the share of the cells"
"""How EVIDENCE begins a line that a bulk change is not seen beyond content."""
_MOST_NAMES = 4
_MOST_OF = 2 / 3
"""A mean change that fewer than this share of the units show is said to be one on average."""
_MOST_REASONS = 2
_ANTIGEN_WORDS = (
    ("lost", "lost"),
    ("reduced", "reduced"),
    ("retained", "still there"),
    ("gained", "still there, and more of it"),
    ("inconclusive", "open, the data fit both"),
    ("not_assessable", "not to be told"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A question of a reader, its answer in sentences, and where on the page the detail stands."""

    question: str
    sentences: tuple[str, ...]
    target: str = ""
    more: str = ""


def usable_answer(inputs: ReportInputs, *, target: str = "") -> Answer:
    """Return which samples can be used, and why others cannot."""
    told = [summary.sample_sentence(inputs)]
    for verdict, lead in (("excluded", "Left out"), ("use_with_care", "With care")):
        rows = summary.flagged_samples(inputs, verdict)
        if rows:
            listed = (
                "; ".join(f"{name} ({reason})" for name, reason in rows)
                if len(rows) <= _MOST_REASONS
                else f"{words.series((name for name, _ in rows), most=8)}; the reasons stand in the QC report"
            )
            told.append(f"{lead}: {listed}.")
    return Answer("Which samples are usable?", tuple(told), target, "all samples" if target else "")


def antigen_answer(inputs: ReportInputs) -> Answer | None:
    """Return in whom the target antigen is lost, reduced or still there, and who may have switched lineage."""
    targets = of_role(inputs.antigen, "target")
    if targets.empty:
        return None
    told = []
    for antigen, rows in targets.groupby("antigen", sort=False):
        parts = []
        for call, text in _ANTIGEN_WORDS:
            who = list(dict.fromkeys(rows.loc[rows["call"] == call, "label"]))
            if who:
                parts.append(f"{text} in {len(who)} ({words.series(who, most=8)})")
        where = "beside the genes of its lineage" if inputs.bulk else "in malignant cells"
        told.append(f"{antigen} RNA {where}: {'; '.join(parts)}.")
    if inputs.lineage is not None and len(inputs.lineage):
        for call, text in (("switch", "Lineage switch"), ("candidate", "Possible lineage switch, no clonal link")):
            who = list(inputs.lineage.loc[inputs.lineage["call"] == call, "patient"].astype(str))
            told += [f"{text}: {words.series(who, most=8)}."] if who else []
    return Answer("Is the target antigen still there?", tuple(told), "antigens", f"each {inputs.unit}")


def nothing_compared() -> Answer:
    """Return what a run without any comparison can say of change."""
    return Answer("What changed?", ("This run compares no samples with others, so nothing is said of change.",))


def contrast_answers(inputs: ReportInputs, view: select.ContrastView) -> list[Answer]:
    """Return what changed, in whom and how sure that is, and what could not be seen, of one contrast."""
    rows = select.cohort_evidence(inputs, view.name)
    if rows is None or rows.empty:
        return []
    return [_changed(inputs, view, rows), _sure(inputs, view, rows), _unseen(inputs, rows)]


def _changed(inputs: ReportInputs, view: select.ContrastView, rows: pd.DataFrame) -> Answer:
    primary = select.records(select.primary_effects(inputs, view.name, "cohort"))
    effects = {str(row["mechanism"]): row for row in primary}
    told = []
    for verdict, lead in (("supported", ""), ("contradicted", "Against the prediction: ")):
        for row in select.records(rows[rows["verdict"] == verdict]):
            told.append(f"{lead}{_one(inputs, row, effects.get(str(row['mechanism'])))}")
    # Several mechanisms may rest on one call: the target antigen's own and that of antigens in general.
    same: dict[str, list[str]] = {}
    for one in findings.called_rows(inputs, view):
        if one["found"]:
            same.setdefault(str(one["whom"]), []).append(str(one["name"]))
    called = [f"{'; '.join(names)}: {whom}." for whom, names in same.items()]
    if not told:
        nothing = "No mechanism is supported or contradicted over the cohort"
        if (rows["verdict"] == "not_assessable").all():
            nothing = "No mechanism could be assessed over the cohort, so nothing is known of change"
        told.append(f"{nothing}; what was found in single {inputs.unit}s follows." if called else f"{nothing}.")
    return Answer(
        f"What changed from {view.reference} to {view.test}, and for whom?",
        (*told, *called),
        f"support-{view.name}",
        "what argues for and against",
    )


def _one(inputs: ReportInputs, row: dict[str, Any], effect: dict[str, Any] | None) -> str:
    name = select.names(inputs).get(str(row["mechanism"]), str(row["mechanism"]))
    if effect is None:
        return f"{name}: {words.without_name(row['reasons'], name)}"
    side = "higher" if float(effect["effect"]) > 0 else "lower"
    line = select.mechanisms(inputs)[str(row["mechanism"])].primary_line
    # A mechanism named after a loss may be read from genes that rise with it: what was expected is said.
    expected = "fall" if line is not None and line.direction == "down" else "rise"
    text = f"{name}: the genes expected to {expected} with it are {side} in {words.cells(effect['cell_type'])}"
    whom = _whom(inputs, effect, side)
    text += f" ({whom})." if whom else "."
    if row["verdict"] == "supported":
        text += "" if words.is_missing(row["grade"]) else f" Support: {row['grade']}."
        if any(line.startswith(_SHARE_OF_CELLS) for line in words.split(row["lines_against"])):
            text += " It may only be that more or fewer of the cells that carry these genes were sampled."
    return text


def _whom(inputs: ReportInputs, effect: dict[str, Any], side: str) -> str:
    """Return in whom the score is higher, and that it is few where the mean says otherwise."""
    whom = findings.whom(inputs, effect)
    if not whom:
        return ""
    share = float(effect["n_positive"]) / float(effect["n_units"])
    few = "" if (share if side == "higher" else 1 - share) > _MOST_OF else "on average; "
    only = "only " if share <= _MOST_OF else ""
    return whom.replace("higher in ", f"{few}higher in {only}", 1)


def _sure(inputs: ReportInputs, view: select.ContrastView, rows: pd.DataFrame) -> Answer:
    supported = rows[rows["verdict"] == "supported"]
    told = []
    if len(supported):
        counted = supported["grade"].dropna().value_counts(sort=False)
        graded = words.series(f"{number} {_GRADES.get(str(grade), str(grade))}" for grade, number in counted.items())
        told.append(f"Of {words.count(len(supported), 'supported mechanism')}, {graded}." if graded else "")
        argued = int(supported["lines_against"].notna().sum())
        if argued:
            told.append(f"Something argues against {argued} of {len(supported)}; read it before you use them.")
        told.append(findings.methods_disagree_sentence(inputs, view))
    told.append(findings.shared_genes_sentence(rows))
    if findings.few_units(inputs, view.name) and (rows["verdict"] == "open").any():
        told.append(
            f"There are too few {inputs.unit}s for a test over them to pass, so an open verdict is no evidence of no "
            "change."
        )
    different = select.different_pairs(inputs, view.name)
    if len(different):
        told.append(
            f"{words.count(len(different), 'pair')} {words.verb(len(different), 'differs', 'differ')} in more than the "
            "contrast (tissue, sort gate or chemistry)."
        )
    noted = select.depth_notes(inputs, view.name)
    if noted:
        told.append(
            f"{words.count(len(noted), 'pair')} {words.verb(len(noted), 'has', 'have')} one side much deeper than the "
            "other; scores are compared at one depth."
        )
    told = [text for text in told if text] or ["Nothing was decided that one could be sure of."]
    return Answer("How sure is that?", tuple(told), f"limits-{view.name}", "every limit")


def _unseen(inputs: ReportInputs, rows: pd.DataFrame) -> Answer:
    unseen = rows[rows["verdict"] == "not_assessable"]
    names = select.names(inputs)
    told = [f"{len(unseen)} of {words.count(len(rows), 'mechanism')} could not be assessed."]
    for kind, part in unseen.groupby("sub_reason", sort=False, dropna=False):
        who = words.series((names.get(str(m), str(m)) for m in part["mechanism"]), most=_MOST_NAMES)
        told.append(words.sentence(f"{len(part)} {words.kind(kind) or 'for another reason'}: {who}"))
    if unseen.empty:
        told = [f"All {words.count(len(rows), 'mechanism')} could be assessed."]
    still = int((rows["verdict"] == "open").sum())
    if still:
        told.append(f"{still} more {words.verb(still, 'is', 'are')} open: measured, but the numbers do not decide.")
    return Answer("What could not be seen?", tuple(told), "cannot", "what expression cannot show")
