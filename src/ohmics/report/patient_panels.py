"""One patient's rows come in, the tables of the page go out; every number in them stands in a table of the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from ohmics.report import words
from ohmics.report.patient_beside import beside_cohort, records
from ohmics.report.patient_view import Cohort, PatientView, plain_names, told
from ohmics.report.tables import Head, TableView, table_view

_CALLED = ("supported", "contradicted", "open", "consistent", "opposite", "within_technical_range")
_CHANGED = ("consistent", "opposite")
_GRADES = {"strong": 0, "moderate": 1, "weak": 2}
_OUTCOME = {
    "lost": ("antigen", "lost or reduced", "error"),
    "reduced": ("antigen", "lost or reduced", "error"),
    "gained": ("antigen", "gained", "error"),
    "retained": ("antigen", "lost or reduced", "found"),
    "switch": ("lineage", "wrongly", "error"),
    "no_switch": ("lineage", "wrongly", "error"),
    "dedifferentiation": ("lineage", "wrongly", "error"),
}


def _rests_on_call(cohort: Cohort, name: str) -> bool:
    mechanism = cohort.mechanisms.get(name)
    return mechanism is not None and mechanism.primary_line is not None and mechanism.primary_line.nature == "call"


def called_table(cohort: Cohort, view: PatientView, contrast: str) -> TableView:
    """Return what the calls decided, those of one call in one row, beside how often such a call is wrong."""
    rows = view.verdicts(contrast)
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    order = {name: place for place, name in enumerate(cohort.mechanisms)}
    kept = [
        row
        for row in records(rows)
        if row["verdict"] in _CALLED[:3]
        or (row["verdict"] in _CALLED and _rests_on_call(cohort, str(row["mechanism"])))
    ]
    kept.sort(
        key=lambda row: (
            _CALLED.index(str(row["verdict"])),
            _GRADES.get(told(row["grade"]), len(_GRADES)),
            order.get(str(row["mechanism"]), len(order)),
        )
    )
    for row in kept:
        name = cohort.names.get(str(row["mechanism"]), str(row["mechanism"]))
        # "Name: called lost. CD19 is ...": the call stands in a column of its own.
        why = words.without_name(row["reasons"], name)
        start = f"Called {words.phrase(row['sub_reason'])}. "
        why = plain_names(why.removeprefix(start))
        key = (str(row["verdict"]), told(row["sub_reason"]), why)
        one = found.setdefault(
            key,
            {
                "mechanism": "",
                "verdict": row["verdict"],
                "call": words.phrase(row["sub_reason"]),
                "why": why,
                "error": _error_words(cohort, str(row["verdict"]), told(row["sub_reason"])),
            },
        )
        one["mechanism"] = "|".join(filter(None, [one["mechanism"], name]))
    return table_view(
        pd.DataFrame(list(found.values()), columns=["mechanism", "verdict", "call", "why", "error"]),
        id=f"called-{words.anchor(contrast)}",
        caption=f"Called for this {cohort.inputs.unit} alone",
        heads=[
            Head("mechanism", "Mechanism", "list"),
            Head("verdict", "Verdict", "verdict"),
            Head("call", "Call"),
            Head("why", "Why", "long"),
            Head("error", "How often such a call is wrong", "long"),
        ],
        source="tables/evidence.tsv and tables/call_errors.tsv",
        empty=f"no call was made for this {cohort.inputs.unit}.",
    )


def _error_words(cohort: Cohort, verdict: str, call: str) -> str:
    errors = cohort.inputs.call_errors
    if verdict == "open":
        return "No claim is made."
    if verdict not in ("supported", "contradicted"):
        return "Not measured as a call of a change, so that it neither supports nor contradicts."
    if errors is None or call not in _OUTCOME:
        return "Not measured."
    which, outcome, kind = _OUTCOME[call]
    own = errors[(errors["call"] == which) & (errors["outcome"] == outcome) & (errors["kind"] == kind)]
    if own.empty:
        return "Not measured for this kind of sample."
    row = records(own)[0]
    rate, low, high = (words.percent(row[name]) for name in ("rate", "lowest", "highest"))
    settings = f"{words.whole(row['n_settings'])} settings"
    if kind == "found":
        return (
            f"A loss can be missed: planted ones, most of them partial, were found in {rate} % of "
            f"{words.whole(row['n_replicates'])} pairs ({low} to {high} % over {settings}, by how much was lost and in "
            "how many cells)."
        )
    base = "in which nothing was lost" if which == "antigen" and outcome == "lost or reduced" else (
        "in which nothing was gained" if which == "antigen" else "with a known truth"
    )  # fmt: skip
    what = "Called wrongly" if which == "lineage" else f"Called {outcome}"
    return (
        f"{what} in {rate} % of {words.whole(row['n_replicates'])} pairs {base} ({low} to {high} % over "
        f"{settings}; most often: {row['highest_setting']})."
    )


def changes_table(cohort: Cohort, view: PatientView, contrast: str) -> TableView:
    """Return the score changes beyond the technical range, beside the cohort's; no test."""
    return _scores(
        cohort,
        view,
        contrast,
        verdicts=_CHANGED,
        id="changes",
        caption=f"Scores that changed beyond the technical range (one {cohort.inputs.unit} is no test)",
        empty="no score changed beyond the technical range.",
    )


def quiet_table(cohort: Cohort, view: PatientView, contrast: str) -> TableView:
    """Return the score changes that measuring the same samples again would also give."""
    return _scores(
        cohort,
        view,
        contrast,
        verdicts=("within_technical_range",),
        id="quiet",
        caption="Within the technical range: measuring the same samples again would give as much",
        empty="no score stayed within the technical range.",
    )


def _scores(
    cohort: Cohort, view: PatientView, contrast: str, *, verdicts: Sequence[str], id: str, caption: str, empty: str
) -> TableView:
    rows = view.verdicts(contrast)
    verdict_of = dict(zip(rows["mechanism"], rows["verdict"], strict=True)) if len(rows) else {}
    reasons = dict(zip(rows["mechanism"], rows["reasons"], strict=True)) if len(rows) else {}
    beside = {(row["item"], row["cell_type"], row["method"]): row for row in records(view.compared(contrast, "score"))}
    changes = cohort.changes[contrast]
    own = {
        str(row["mechanism"]): row
        for row in records(changes[changes["subject"].astype(str) == view.patient] if len(changes) else changes)
    }
    found = []
    for name in cohort.mechanisms:
        verdict = verdict_of.get(name)
        if verdict not in verdicts or _rests_on_call(cohort, name):
            continue
        effect = own.get(name)
        row: dict[str, Any] = {"mechanism": name, "verdict": verdict}
        if effect is None:
            row["cells"] = words.without_name(reasons[name], cohort.names.get(name, ""))
        else:
            peers = beside.get((effect["gene_list"], effect["cell_type"], effect["method"]), {})
            row |= {"cells": words.cells(effect["cell_type"]), "score": words.method(effect["method"]),
                    "change": words.signed(effect["effect"]), "range": _span(effect["low"], effect["high"]),
                    "cohort": beside_cohort(peers, signed=True), "place": _place(peers)}  # fmt: skip
        row["together"] = cohort.together[contrast].get(name, "")
        found.append(row)
    found.sort(key=lambda row: verdicts.index(row["verdict"]))
    columns = ["mechanism", "verdict", "cells", "score", "change", "range", "cohort", "place", "together"]
    frame = pd.DataFrame(found, columns=columns)
    every = f"all {cohort.inputs.unit}s"
    return table_view(
        frame,
        id=f"{id}-{words.anchor(contrast)}",
        caption=caption,
        heads=[
            Head("mechanism", "Mechanism", "mechanism"),
            *([Head("verdict", "Verdict", "verdict")] if len(verdicts) > 1 else []),
            Head("cells", "Read in"),
            Head("score", "Score"),
            Head("change", "Change"),
            Head("range", "Technical range"),
            *(
                []
                if cohort.alone
                else [
                    Head("cohort", f"{every.capitalize()}: median (range)"),
                    Head("place", f"{cohort.inputs.unit.capitalize()}s lower"),
                    Head("together", f"Verdict over {every}"),
                ]
            ),
        ],
        source="tables/evidence.tsv and tables/patient_comparison.tsv",
        names=cohort.names,
        empty=empty,
    )


def _span(low: object, high: object) -> str:
    return "" if words.is_missing(low) or words.is_missing(high) else f"{words.signed(low)} to {words.signed(high)}"


def _place(row: Mapping[str, Any]) -> str:
    return f"{words.whole(row['n_lower'])} of {words.whole(row['n_patients'])}" if row else ""


def unseen_table(cohort: Cohort, view: PatientView, contrast: str) -> TableView:
    """Return what could not be assessed in this patient or in anybody, mechanisms of one reason in one row."""
    own = view.verdicts(contrast)
    own = own[own["verdict"] == "not_assessable"] if len(own) else own
    everybody = cohort.unseen[contrast]
    judged = set(view.verdicts(contrast).get("mechanism", []))
    rows = [*records(own), *(row for row in records(everybody) if row["mechanism"] not in judged)]
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        name = cohort.names.get(str(row["mechanism"]), str(row["mechanism"]))
        why = words.without_name(row["reasons"], name)
        one = found.setdefault((told(row["sub_reason"]), why), {"mechanism": "", "why": why})
        one["mechanism"] = "|".join(filter(None, [one["mechanism"], name]))
    found |= {("skipped", row["mechanism"] + row["why"]): row for row in _skipped(view)}
    return table_view(
        pd.DataFrame(list(found.values()), columns=["mechanism", "why"]),
        id=f"unseen-{words.anchor(contrast)}",
        caption="What could not be seen, and why",
        heads=[Head("mechanism", "Mechanism or cells", "list"), Head("why", "Why", "long")],
        source="tables/evidence.tsv and tables/skipped.tsv",
        empty="every mechanism could be assessed.",
    )


def _skipped(view: PatientView) -> Iterable[dict[str, str]]:
    """Yield what was not scored or called for this patient's samples, one row a cell type and item."""
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in records(view.of("skipped")):
        # What quality could not measure stands beside the sample.
        if row["stage"] in ("check", "intake", "qc"):
            continue
        what = " ".join(filter(None, [told(row["cell_type"]), words.phrase(row["item"])])) or words.phrase(row["stage"])
        whom = told(row["subject"])
        reasons = found.setdefault((str(row["stage"]), what), {})
        reasons.setdefault(str(row["reason"]), []).extend([] if whom == view.patient else [whom])
    for (_, what), reasons in found.items():
        said = (f"{reason} ({words.series(whom, most=4)})" if whom else reason for reason, whom in reasons.items())
        yield {"mechanism": what, "why": words.sentence("; ".join(said))}


def next_table(cohort: Cohort, view: PatientView, contrast: str) -> TableView:
    """Return which measurements would settle what is open, what each needs, and what expression cannot show of it."""
    order = ("open", "not_assessable", "supported", "consistent", "opposite", "contradicted")
    found: dict[str, dict[str, Any]] = {}
    rows = [row for row in records(view.verdicts(contrast)) if row["verdict"] in order]
    # A call that the run does not make at all, say of an antigen nobody aims at, is the least pressing.
    rows.sort(key=lambda row: (row["sub_reason"] == "no_call", order.index(str(row["verdict"]))))
    for row in rows:
        mechanism = cohort.mechanisms.get(str(row["mechanism"]))
        needs = words.split(row["would_change"])
        if mechanism is not None:
            needs += [line.note for line in mechanism.further_lines if line.nature == "external" and line.note]
        if not needs:
            continue
        key = "|".join(needs)
        one = found.setdefault(key, {"mechanism": "", "verdict": row["verdict"], "needs": key, "cannot": ""})
        name = cohort.names.get(str(row["mechanism"]), str(row["mechanism"]))
        one["mechanism"] = "|".join(filter(None, [one["mechanism"], name]))
        if mechanism is not None and mechanism.not_visible not in one["cannot"]:
            one["cannot"] = " ".join(filter(None, [one["cannot"], words.sentence(mechanism.not_visible)]))
    return table_view(
        pd.DataFrame(list(found.values()), columns=["mechanism", "verdict", "needs", "cannot"]),
        id=f"next-{words.anchor(contrast)}",
        caption="Measurements that would settle what is open, or could overturn what was found",
        heads=[
            Head("mechanism", "Mechanism", "list"),
            Head("verdict", "Now", "verdict"),
            Head("needs", "What would settle it", "list"),
            Head("cannot", "What expression cannot show", "long"),
        ],
        source="tables/evidence.tsv and the catalogue of mechanisms",
        empty="the tables name no measurement that would change a verdict.",
    )
