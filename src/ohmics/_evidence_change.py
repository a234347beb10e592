"""Facts and lines of a verdict come in; sentences go out that say what would change it, with the numbers needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ohmics._evidence_calls import calls_of
from ohmics._evidence_lines import Weighed, number
from ohmics._evidence_rules import MIN_UNITS_FOR_FLIPS, Facts
from ohmics.calls.rules import AntigenRules
from ohmics.errors import listing
from ohmics.model import EvidenceLine, PrimaryLine

if TYPE_CHECKING:
    from ohmics._evidence_cars import PatientCall
    from ohmics._evidence_run import Row, Run

_MOST = 3
_AS_A_COLUMN = re.compile(r",? given (as (a )?columns?|in the metadata)$")
_ONE_SIDED, _TWO_SIDED = 1.644854, 1.959964
# As the sentences of the calls have it.
_OTHER_CHEMISTRY, _NO_BACKGROUND = "the chemistries differ", "not corrected for ambient RNA"
_CALL_WORDS = {
    "antigen": "antigen calls (single-cell pairs with malignant cells before and after)",
    "antigen_presentation": "calls of presentation genes (single-cell pairs with malignant cells before and after)",
    "lineage": "lineage calls (single-cell pairs with malignant cells before and after)",
    "car": "CAR calls (single-cell samples whose reference holds the CAR's sequence)",
}


def would_change(run: Run, contrast: str, facts: Facts, sub_reason: str, weighed: Weighed) -> list[str]:
    """Return what would change the cohort's verdict, the nearest first.

    Parameters
    ----------
    run, contrast, facts
        The run's tables, the contrast, and the numbers about the mechanism.
    sub_reason
        That of the rule that decided; empty where the primary line itself supports or contradicts.
    weighed
        The lines beside the primary one.
    """
    own: dict[str, Callable[[Facts], list[str]]] = {
        "": lambda _: [],
        "not_visible_in_expression": _of_the_unseen,
        "malignant_undetermined": lambda _: ["malignant cells declared in the config, or a panel of the disease"],
        "no_call": _of_no_call,
        "called_per_patient": _of_patients,
        "wrong_modality": _of_modality,
        "not_tested": lambda f: _of_the_untested(run, contrast, f),
        "pairs_not_comparable": lambda f: [
            f"groups that share {f.groups_share_no}"
            if f.groups_share_no
            else f"pairs whose samples agree in {f.differs_in}"
        ],
        "confounded_by_composition": _of_composition,
        "groups_compared": lambda _: ["a contrast of each group alone (`where`), which tests its own change"],
        "moderated_model_only": _of_few_units,
        "no_relevant_change": _of_no_change,
        "inconclusive": lambda f: [_pairs_needed(f), *_short_samples(run, contrast, f)],
    }
    found = own[sub_reason](facts)
    if sub_reason in ("", "moderated_model_only", "inconclusive"):
        found = [*found, *_unmeasured(weighed)]
    return [text for text in found if text]


def _unmeasured(weighed: Weighed) -> list[str]:
    """Return the declared lines that this run did not look at: they could raise the grade, or give a rival."""
    rest = list(dict.fromkeys(_line_words(line) for line in weighed.missing if line.nature != "external"))
    beside = _beside_expression(weighed.missing)
    return [
        *([f"not looked at in this run: {listing(rest, most=4)}"] if rest else []),
        *([f"to be judged beside this verdict, which weighs no such column of the sheet: {beside}"] if beside else []),
    ]


def _beside_expression(lines: Iterable[EvidenceLine]) -> str:
    """Return the measurements beside expression that lines name, as a list in words; empty without any."""
    notes = [line.note for line in lines if line.note and line.nature == "external"]
    # Notes hold commas of their own.
    return "; ".join(dict.fromkeys(_AS_A_COLUMN.sub("", note.rstrip(".")) for note in notes))


def _line_words(line: EvidenceLine) -> str:
    if line.nature == "call":
        return f"call of {line.antigen or line.method.replace('_', ' ')}"
    what = line.gene_list if line.nature == "expression" else f"share of {line.cell_type}"
    where = f" in {line.cell_type}" if line.nature == "expression" and line.cell_type else ""
    return f"{what}{where}"


def _of_the_unseen(facts: Facts) -> list[str]:
    lines = (*facts.mechanism.further_lines, *facts.mechanism.lines_against)
    told = _beside_expression(lines)
    text = "a measurement beside expression, judged by the reader: no column of the sheet is weighed as evidence"
    return [f"{text} ({told})" if told else text]


def _of_no_call(facts: Facts) -> list[str]:
    line = facts.mechanism.primary_line
    return [f"needs {_CALL_WORDS.get(line.method, line.method)}"] if line is not None else []


def _of_patients(_: Facts) -> list[str]:
    return ["no cohort verdict is made of calls; each patient has a verdict, and says what would change it"]


def _of_modality(facts: Facts) -> list[str]:
    kinds = listing(name for name in facts.mechanism.score_on if name != "bulk")
    return [f"needs single-cell data with {kinds}" + (", or purified samples of them" if kinds else "")]


def _of_composition(facts: Facts) -> list[str]:
    kinds = [name for name in facts.mechanism.score_on if name != "bulk"] or [facts.mechanism.compartment]
    return [f"needs single-cell data, or samples purified to {listing(kinds)}"]


def _of_few_units(facts: Facts) -> list[str]:
    return [f"needs at least {MIN_UNITS_FOR_FLIPS} pairs for a sign-flip test below 0.05; there are {facts.n_units}"]


def _of_no_change(facts: Facts) -> list[str]:
    return [f"a change beyond ±{number(facts.margin)} in other patients; more of the same would narrow the interval"]


def _pairs_needed(facts: Facts) -> str:
    """Return how many units would decide, for a change as large as the one found and for the smallest that matters."""
    if facts.from_outcome:
        return f"needs more patients with an outcome than {facts.n_units}"
    kind = "units in two equal groups" if facts.grouped else "pairs"
    have = f"there are {facts.n_units}"
    parts = []
    if facts.n_units < MIN_UNITS_FOR_FLIPS and not facts.grouped:
        parts.append(f"at least {MIN_UNITS_FOR_FLIPS} for any sign-flip p below 0.05")
    as_found = facts.units_for_effect
    if facts.n_units < as_found <= 10 * max(facts.units_needed, 1):
        parts.append(f"about {as_found} if the change is as large as found")
    if facts.n_units < facts.units_needed:
        parts.append(f"about {facts.units_needed} for the smallest change that matters")
    text = f"needs {kind}: {'; '.join(parts)}; {have}" if parts else f"more {kind} than {facts.n_units}, or less noise"
    if np.isfinite(facts.min_detectable):
        text += f". With {facts.n_units}, a true change of {number(facts.min_detectable)} is found with 80 % power"
        text += f" (sd of the change {number(facts.sd_change)})"
    return text


def _of_the_untested(run: Run, contrast: str, facts: Facts) -> list[str]:
    short = _short_samples(run, contrast, facts)
    if short:
        return short
    if facts.skipped:
        return [f"needs what was missing: {facts.skipped}"]
    what = facts.gene_list or "fractions"
    return [f"needs {what} in {facts.cell_type} on both sides of at least {MIN_UNITS_FOR_FLIPS} pairs"]


def _short_samples(run: Run, contrast: str, facts: Facts) -> list[str]:
    """Return which samples of the contrast had too few cells of the type read: ``11 cells, at least 40 are needed``."""
    inside = {*run.samples_of(contrast, "test"), *run.samples_of(contrast, "reference")}
    rows = [
        row
        for row in run.sample_skips.get(facts.cell_type, ())
        if row["subject"] in inside and row["item"] in ("", facts.gene_list)
    ]
    told = list(dict.fromkeys(f"{_sample_words(run, row)}: {row['reason']}" for row in rows))
    return [f"{facts.cell_type} cells of {listing(told, most=_MOST)}"] if told else []


def _sample_words(run: Run, row: Row) -> str:
    timepoint = run.sample_rows.get(str(row["subject"]), {}).get("timepoint")
    return f"{row['subject']} ({timepoint})" if isinstance(timepoint, str) and timepoint else str(row["subject"])


def call_needs(run: Run, contrast: str, line: PrimaryLine | None, call: PatientCall) -> str:
    """Return what would let a patient's call decide; empty where the tables do not tell."""
    if line is None or line.method not in ("antigen", "antigen_presentation"):
        return "clonal mark shared by the cells before and after" if call.call == "candidate" else ""
    frame = calls_of(run, contrast, line.method, line.antigen)
    mine = frame[frame["patient"].astype(str) == call.patient] if "patient" in frame else frame.iloc[:0]
    rows = [{str(name): value for name, value in row.items()} for row in mine.to_dict("records")]
    told = [
        _cells_needed(row) if row["call"] == "not_assessable" else _precision_needed(row)
        for row in rows
        if row["call"] in ("not_assessable", "inconclusive")
    ]
    return "|".join(dict.fromkeys(filter(None, told)))


def _rules_of(row: Row) -> AntigenRules:
    """Return the thresholds that a call was decided by, which its row holds; the usual ones without them."""
    text = row.get("thresholds")
    given = dict(part.split("=", 1) for part in text.split("|") if "=" in part) if isinstance(text, str) else {}
    usual = asdict(AntigenRules())
    # Counts stay whole numbers.
    values = {name: type(usual[name])(float(value)) for name, value in given.items() if name in usual}
    return AntigenRules(**values)


def _cells_needed(row: Row) -> str:
    """Return the malignant cells an antigen call needs, in proportion to the detections expected with those there."""
    rules = _rules_of(row)
    before, after, expected = (row.get(name) for name in ("n_cells_pre", "n_cells_post", "expected_detected"))
    if pd.isna(before) or pd.isna(after):
        return ""
    needs = []
    least = rules.min_cells
    if not pd.isna(expected) and 0 < expected < rules.min_expected and after > 0:
        least = max(least, int(np.ceil(after * rules.min_expected / expected)))
    for name, have, wanted in (("before", before, rules.min_cells), ("after", after, least)):
        if have < wanted:
            needs.append(f"at least {wanted} malignant cells {name} ({row['antigen']}); there are {int(have)}")
    return "|".join(f"needs {text}" for text in needs)


def _precision_needed(row: Row) -> str:
    """Return how many malignant cells would decide an inconclusive call whose estimate stays what it is.

    The interval's variance is that of like genes, which no cell number lowers, and that of counting, which falls as
    cells are added on both sides. Where ambient RNA is unknown the limits are wider by a factor that cells do not
    lower either.
    """
    told = " ".join(str(row.get(name) or "") for name in ("evidence", "reason"))
    if _OTHER_CHEMISTRY in told:
        return f"needs samples of one chemistry before and after ({row['antigen']})"
    names = ("remaining_fraction", "remaining_low", "remaining_high", "null_sd", "n_cells_pre", "n_cells_post")
    left, low, high, spread, before, after = (
        float(row[name]) if not pd.isna(row.get(name)) else np.nan for name in names
    )
    if not (left > 0 and low > 0 and np.isfinite(high) and np.isfinite(spread) and before > 0 and after > 0):
        return ""
    rules = _rules_of(row)
    keep = 1.0 - rules.unknown_ambient if _NO_BACKGROUND in told else 1.0
    spread = max(spread, rules.min_null_sd)
    whole = (max(np.log(high / low) + 2 * np.log(keep), 0.0) / (2 * _TWO_SIDED)) ** 2
    counting = max(whole - spread**2, 0.0)
    # Retained: the lower limit above its threshold; reduced: the upper limit below all.
    wanted = max(np.log(left * keep / rules.retained_above), -np.log(left / keep)) / _ONE_SIDED
    if wanted <= spread * 1.001 or counting <= 0:
        why = "" if keep == 1.0 else " and its ambient RNA is unknown: background cells of the samples would tell it"
        return (
            f"more cells would not decide {row['antigen']}: genes like it differ by {number(spread)} in log ratio{why}"
        )
    times = counting / (wanted**2 - spread**2)
    if times <= 1:
        return ""
    return (
        f"needs about {int(np.ceil(before * times))} malignant cells before and {int(np.ceil(after * times))} after"
        f" ({row['antigen']}), if {number(left)} of it remains; there are {int(before)} and {int(after)}"
    )
