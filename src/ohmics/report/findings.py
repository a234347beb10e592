"""Verdicts, effects and gene-set tests of a contrast come in; what changed, in whom and how sure goes out."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ohmics.report import select, words
from ohmics.report.inputs import ReportInputs
from ohmics.report.tables import Head, TableView, table_view

ALPHA = 0.05
CALLED = "called_per_patient"
_CALLS = ("lost", "reduced", "gained", "retained", "inconclusive", "not_assessable")


def finding_table(inputs: ReportInputs, view: select.ContrastView) -> TableView:
    """Return what the first screen says of a contrast, one row a mechanism.

    Shown are the supported and contradicted mechanisms, those called patient by patient, and those whose change is
    confounded by composition. Where
    the units are too few for any flip to pass, every mechanism read is shown: directions are then all there is.
    """
    evidence = select.cohort_evidence(inputs, view.name)
    effects = _by_mechanism(select.primary_effects(inputs, view.name, "cohort"))
    models = model_tests(inputs, view.name)
    rows: list[dict[str, Any]] = []
    if evidence is not None and len(evidence):
        decided = evidence["verdict"].isin(["supported", "contradicted"]) | evidence["sub_reason"].isin(
            ["confounded_by_composition", CALLED]
        )
        few = few_units(inputs, view.name)
        # A change of what could not be assessed is no finding: the numbers would be read without the reason.
        read = evidence["mechanism"].isin(effects) & (evidence["verdict"] != "not_assessable")
        chosen = evidence[decided | (read & few)].to_dict("records")
        # Where no test can pass, the changes of one direction in every pair are what a reader looks for.
        chosen.sort(key=lambda row: few and not _one_direction(effects.get(str(row["mechanism"]))))
        for found in chosen:
            row = {str(column): value for column, value in found.items()}
            effect = effects.get(str(row["mechanism"]))
            if row["sub_reason"] == CALLED:
                rows.append(_called_row(inputs, view, row))
                continue
            rows.append(
                {
                    "mechanism": row["mechanism"],
                    "verdict": row["verdict"],
                    "change": _change(inputs, row, effect),
                    "whom": "" if effect is None else whom(inputs, effect),
                    "sure": _sure(row, effect, models.get(str(row["mechanism"]))),
                    "against": _against(inputs, row),
                }
            )
    return table_view(
        pd.DataFrame(rows, columns=["mechanism", "verdict", "change", "whom", "sure", "against"]),
        id=f"findings-{view.name}",
        caption="What changed, in whom, and how sure that is",
        heads=[
            Head("mechanism", "Mechanism", "mechanism"),
            Head("verdict", "Verdict", "verdict"),
            Head("change", f"Change, {view.test} minus {view.reference}", "long"),
            Head("whom", "In whom", "text"),
            Head("sure", "How sure", "long"),
            Head("against", "What argues against", "list"),
        ],
        source="tables/evidence.tsv and tables/effects.tsv",
        names=select.names(inputs),
        link_to=f"verdicts-{view.name}",
        empty="no mechanism is supported or contradicted in this contrast.",
    )


def called_rows(inputs: ReportInputs, view: select.ContrastView) -> list[dict[str, Any]]:
    """Return the mechanisms called patient by patient: name, for whom, and whether any patient was found."""
    evidence = select.cohort_evidence(inputs, view.name)
    if evidence is None or evidence.empty:
        return []
    names = select.names(inputs)
    rows = []
    for row in evidence[evidence["sub_reason"] == CALLED].to_dict("records"):
        called = _called_row(inputs, view, {str(key): value for key, value in row.items()})
        name = names.get(str(row["mechanism"]), str(row["mechanism"]))
        rows.append({"name": name, "whom": called["whom"], "found": ": " in str(called["whom"])})
    return rows


def _called_row(inputs: ReportInputs, view: select.ContrastView, row: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a mechanism that is called patient by patient: which call, for whom."""
    frame = inputs.evidence if inputs.evidence is not None else pd.DataFrame(columns=["contrast", "level", "mechanism"])
    own = frame[
        (frame["contrast"] == view.name) & (frame["level"] == "patient") & (frame["mechanism"] == row["mechanism"])
    ]
    calls = own["sub_reason"].fillna(own["verdict"]).value_counts(sort=False)
    shown = sorted(calls.items(), key=lambda item: _CALLS.index(item[0]) if item[0] in _CALLS else len(_CALLS))
    found = [str(subject) for subject in own.loc[own["verdict"] == "supported", "subject"]]
    unit = words.count(len(own), inputs.unit)
    # Shares of CAR+ cells and candidates have no error rate as calls of a change: they are consistent at most.
    rated = not own["verdict"].isin(["consistent", "opposite", "within_technical_range"]).any()
    likely = [str(subject) for subject in own.loc[own["verdict"] == "consistent", "subject"]]
    whom = f"found in {len(found)} of {unit}" + (f": {words.series(found, most=8)}" if found else "")
    if not rated and not found:
        whom = f"consistent in {len(likely)} of {unit}" + (f": {words.series(likely, most=8)}" if likely else "")
    untold = int((own["verdict"] == "not_assessable").sum())
    whom += f"; {untold} could not be assessed" if untold else ""
    sure = f"each {inputs.unit}'s call has its own error rate" if rated or found else "each call has an interval"
    return {
        "mechanism": row["mechanism"],
        "verdict": row["verdict"],
        "change": "called: " + words.series(f"{number} {words.phrase(call)}" for call, number in shown),
        "whom": whom,
        "sure": f"{sure}; no test over the cohort",
        "against": _against(inputs, row),
    }


def _against(inputs: ReportInputs, row: dict[str, Any]) -> str:
    """Return what argues against, its gene lists named as people say them."""
    names = select.names(inputs)
    return "|".join(
        words.lists_named(line, names, own=str(row["mechanism"])) for line in words.split(row["lines_against"])
    )


def _by_mechanism(effects: pd.DataFrame) -> dict[str, dict[str, Any]]:
    if effects.empty:
        return {}
    return {
        str(row["mechanism"]): {str(key): value for key, value in row.items()} for row in effects.to_dict("records")
    }


def _one_direction(effect: dict[str, Any] | None) -> bool:
    if effect is None or words.is_missing(effect["n_positive_pairs"]):
        return False
    return effect["n_positive_pairs"] in (0, effect["n_pairs"])


def few_units(inputs: ReportInputs, contrast: str) -> bool:
    """Return whether no flip over the cohort could have reached 0.05 in any mechanism read."""
    floors = select.primary_effects(inputs, contrast, "cohort").get("smallest_p", pd.Series(dtype=float)).dropna()
    return bool(len(floors)) and bool((floors >= ALPHA).all())


def model_tests(inputs: ReportInputs, contrast: str) -> dict[str, dict[str, Any]]:
    """Return the moderated model's test of each primary list, by mechanism: those a verdict may rest on."""
    if inputs.enrichment is None or inputs.enrichment.empty:
        return {}
    rows = inputs.enrichment
    chosen = rows[
        (rows["contrast"] == contrast)
        & rows["method"].isin(["camera", "fry"])
        & rows["family"].fillna("").astype(str).str.endswith("/primary")
    ]
    read = {str(name) for name in select.primary_effects(inputs, contrast, "cohort").get("mechanism", [])}
    found = _by_mechanism(chosen.sort_values("method", kind="stable").drop_duplicates("mechanism"))
    return {name: row for name, row in found.items() if name in read}


def whom(inputs: ReportInputs, effect: dict[str, Any]) -> str:
    """Return in how many pairs and units the score is higher on the test side, as EFFECTS counts them."""
    if words.is_missing(effect["n_positive"]):
        return ""
    unit = f"higher in {words.whole(effect['n_positive'])} of {words.count(int(effect['n_units']), inputs.unit)}"
    several = not words.is_missing(effect["n_positive_pairs"]) and effect["n_pairs"] != effect["n_units"]
    if not several:
        return unit
    pairs = f"{words.whole(effect['n_positive_pairs'])} of {words.count(int(effect['n_pairs']), 'pair')}"
    return f"{unit}, {pairs}"


def _change(inputs: ReportInputs, row: dict[str, Any], effect: dict[str, Any] | None) -> str:
    if effect is None:
        return words.without_name(row["reasons"], select.names(inputs).get(str(row["mechanism"]), ""))
    line = select.mechanisms(inputs)[str(row["mechanism"])].primary_line
    predicted = "higher" if line is None or line.direction == "up" else "lower"
    if float(effect["effect"]) == 0:
        return f"no change in {words.cells(effect['cell_type'])}, while {predicted} was predicted"
    found = "higher" if float(effect["effect"]) > 0 else "lower"
    side = "as predicted" if predicted == found else f"while {predicted} was predicted"
    size = f"{words.signed(effect['effect'])} {effect['unit']}" if not words.is_missing(effect["unit"]) else ""
    size = size or words.signed(effect["effect"])
    span = ""
    if not words.is_missing(effect["low"]):
        level = words.percent(effect["interval_level"])
        span = f" ({level} % interval {words.signed(effect['low'])} to {words.signed(effect['high'])})"
    return f"{found} in {words.cells(effect['cell_type'])}, {side}: {size}{span}"


def _sure(row: dict[str, Any], effect: dict[str, Any] | None, model: dict[str, Any] | None) -> str:
    parts = [] if words.is_missing(row["grade"]) else [f"grade {row['grade']}"]
    if effect is not None and not words.is_missing(effect["q"]):
        floor = "" if words.is_missing(effect["smallest_p"]) else words.p_value(effect["smallest_p"])
        parts.append(f"q {words.p_value(effect['q'])}" + (f" (smallest p reachable {floor})" if floor else ""))
    if model is not None:
        parts.append(f"{model['method']} q {words.p_value(model['q'])}")
    if row["sub_reason"] in ("confounded_by_composition", "moderated_model_only"):
        parts.append(words.kind(row["sub_reason"]))
    return "; ".join(parts)


def few_units_sentence(inputs: ReportInputs, view: select.ContrastView) -> str:
    """Return what so few units can and cannot show; empty where flips can pass."""
    rows = select.primary_effects(inputs, view.name, "cohort")
    limited = rows[(rows["smallest_p"] >= ALPHA) & ~_tied(rows)] if len(rows) else rows
    if limited.empty:
        return ""
    units = sorted({int(n) for n in limited["n_units"].dropna()})
    floors = sorted({words.p_value(p) for p in limited["smallest_p"]}, key=float)
    noun = inputs.unit if units == [1] else f"{inputs.unit}s"
    who = f"{words.series(units)} {noun}" if units else f"so few {noun}"
    text = (
        f"few {inputs.unit}s: with {who} no sign-flip p below {words.series(floors)} exists "
        f"({len(limited)} of {len(rows)} mechanisms), so the flip test can neither support nor contradict there, and "
        "an open verdict is no evidence of no change. Only the moderated model over all genes could support anything, "
        "at most weakly"
    )
    models = model_tests(inputs, view.name)
    if models:
        best = min(models.values(), key=lambda row: float(row["q"]))
        least = words.p_value(best["q"])
        passed = "so it supports nothing either" if float(best["q"]) >= ALPHA else "see the verdicts"
        text += f"; its smallest q over the primary lists is {least} ({best['method']}), {passed}"
    return words.sentence(text)


def _tied(rows: pd.DataFrame) -> pd.Series:
    """Say which effects could reach less than others of as many units: their scores are equal in many of these."""
    least = rows.groupby("n_units", dropna=False)["smallest_p"].transform("min")
    return rows["smallest_p"] > least * (1 + 1e-9)


def tied_sentence(inputs: ReportInputs, view: select.ContrastView) -> str:
    """Return which mechanisms' scores do not move in so many units that their test could not pass."""
    rows = select.primary_effects(inputs, view.name, "cohort")
    still = rows[(rows["smallest_p"] >= ALPHA) & _tied(rows)] if len(rows) else rows
    if still.empty:
        return ""
    names = select.mechanisms(inputs)
    return (
        f"The score is the same on both sides in nearly all {inputs.unit}s, so that no test of it could pass: "
        f"{words.series(names[name].name for name in still['mechanism'])}. Its genes may lie below what the method "
        "ranks."
    )


def methods_disagree_sentence(inputs: ReportInputs, view: select.ContrastView) -> str:
    """Return which supported mechanisms another scoring method does not find moved the same way."""
    verdicts, effects = select.cohort_evidence(inputs, view.name), inputs.effects
    if verdicts is None or effects is None:
        return ""
    supported = set(verdicts.loc[verdicts["verdict"] == "supported", "mechanism"])
    parts = []
    for row in select.primary_effects(inputs, view.name, "cohort").to_dict("records"):
        if row["mechanism"] not in supported:
            continue
        same = (effects["depth"] == "thinned") & (effects["level"] == "cohort") & (effects["method"] != row["method"])
        for key in ("contrast", "gene_list", "cell_type"):
            same &= effects[key] == row[key]
        # A score beyond content is another quantity, not another method.
        beyond = "_beyond_" in str(row["method"])
        same &= effects["method"].astype(str).str.contains("_beyond_") == beyond
        against = effects[same & ((effects["p"] >= ALPHA) | (effects["effect"] * row["effect"] <= 0))]
        if len(against):
            said = words.series(
                f"{words.method(m)} (p {words.p_value(p)})"
                for m, p in zip(against["method"], against["p"], strict=True)
            )
            name = select.mechanisms(inputs)[row["mechanism"]].name
            parts.append(f"{name}: by {words.method(row['method'])}, but not by {said}")
    return f"Methods disagree on what is supported. {'; '.join(parts)}." if parts else ""


def shared_genes_sentence(rows: pd.DataFrame | None) -> str:
    """Return that supported mechanisms share genes, where a line against one of them says so."""
    if rows is None or rows.empty:
        return ""
    supported = rows[rows["verdict"] == "supported"]
    sharing = supported["lines_against"].fillna("").astype(str).str.contains("which is supported too", regex=False)
    if not sharing.any():
        return ""
    return (
        f"{int(sharing.sum())} of the {len(supported)} supported mechanisms share genes with another that is "
        "supported: they are not as many findings as their number."
    )


def caution_sentences(rows: pd.DataFrame | None) -> list[str]:
    """Return the cautions that stand beside the verdicts of a contrast, each once, in the order of the table."""
    if rows is None or rows.empty or "cautions" not in rows:
        return []
    told = dict.fromkeys(text for joined in rows["cautions"] for text in words.split(joined))
    return [words.sentence(text) for text in told]
