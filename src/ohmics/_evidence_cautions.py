"""Samples, pairs and tables of calls come in; what a reader must know before using a verdict goes out, as sentences."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

from ohmics._evidence_lines import Line
from ohmics.errors import listing

if TYPE_CHECKING:
    from ohmics._evidence_rules import Facts
    from ohmics._evidence_run import Run

_ON_TREATMENT = re.compile(
    r"(early|mid|late)?(on|during|edt)((treat(ment)?|tx|therapy|drug|ici|icb|icis|nivo\w*|ipi\w*|pembro\w*|atezo\w*)\w*)?"
    r"|mid(treatment|therapy)|c([2-9]|1[0-9])d[0-9]+|c1d([2-9]|[1-3][0-9])|(cycle)([2-9]|1[0-9])|(week|wk|w)[1-9][0-9]*"
)
_PAIRS_DIFFER = re.compile(r"differs in [0-9]+ of [0-9]+ pairs$")
UNDETERMINED = ("undetermined", "not_assessable", "inconclusive")
"""Calls of a cluster of which it is not known whether its cells are malignant."""


def is_on_treatment(timepoint: str) -> bool:
    """Return whether a timepoint's words say that the sample was taken while the patient was being treated.

    Examples
    --------
    >>> is_on_treatment("On"), is_on_treatment("on-treatment"), is_on_treatment("C2D1"), is_on_treatment("relapse")
    (True, True, True, False)
    """
    return _ON_TREATMENT.fullmatch(re.sub(r"[^a-z0-9]", "", timepoint.lower())) is not None


def on_treatment(run: Run, contrast: str) -> str:
    """Return that a contrast shows the drug's effect, for checkpoint inhibitors; empty where it does not.

    It does where samples of the test side were taken on treatment and those of the reference side were not.
    """
    rows = run.sample_rows
    sides = {
        side: [rows[name] for name in run.samples_of(contrast, side) if name in rows] for side in ("test", "reference")
    }
    given = [row for row in sides["test"] if row.get("therapy") == "ici" and _on(row)]
    if not given or any(_on(row) for row in sides["reference"]):
        return ""
    words = listing(sorted({str(row["timepoint"]) for row in given}), most=3)
    share = "" if len(given) == len(sides["test"]) else f" ({len(given)} of {len(sides['test'])} samples)"
    return (
        f"the later samples ({words}) were taken while the checkpoint inhibitor was given{share}: the contrast shows"
        " the effect of the drug, not resistance to it"
    )


def _on(row: dict[str, object]) -> bool:
    value = row.get("timepoint")
    return isinstance(value, str) and is_on_treatment(value)


def undetermined(run: Run, contrast: str) -> str:
    """Return in how many samples malignant cells could not be told; empty where all could or none was called."""
    frame = run.tables.get("malignant")
    if frame is None or frame.empty:
        return ""
    inside = {*run.samples_of(contrast, "test"), *run.samples_of(contrast, "reference")}
    mine = frame[frame["sample"].astype(str).isin(inside)] if inside else frame
    calls: dict[str, set[str]] = {}
    for sample, call in zip(mine["sample"].astype(str), mine["call"].astype(str), strict=True):
        calls.setdefault(sample, set()).add(call)
    open_ = sorted(sample for sample, own in calls.items() if own & set(UNDETERMINED) and "malignant" not in own)
    return f"undetermined in {len(open_)} of {len(calls)} samples ({listing(open_, most=3)})" if open_ else ""


def cautions(run: Run, contrast: str, facts: Facts) -> list[str]:
    """Return what a reader must know before using the cohort's verdict of one mechanism."""
    if not facts.has_effect and not facts.call_reason:
        return []
    found = [facts.on_treatment] if facts.on_treatment else []
    if facts.undetermined and facts.reads_malignant:
        found.append(f"malignant cells: {facts.undetermined}")
    # Pairs that differ stand among the lines against.
    told = [text.strip().replace("|", " or ") for text in facts.flags.split(";")]
    found += [text for text in told if text and not _PAIRS_DIFFER.search(text)]
    care = _with_care(run, contrast)
    return [*found, *([care] if care else [])]


def _with_care(run: Run, contrast: str) -> str:
    frame = run.tables.get("qc")
    if frame is None or frame.empty:
        return ""
    inside = {*run.samples_of(contrast, "test"), *run.samples_of(contrast, "reference")}
    mine = frame[frame["sample"].astype(str).isin(inside)]
    care = int((mine["verdict"] == "use_with_care").sum())
    return f"{care} of {len(mine)} samples are to be used with care (see the quality table)" if care else ""


def conflicts(holding: list[Line], against: list[Line]) -> list[str]:
    """Return the pairs of lines of different nature that disagree, rival explanations included."""
    return [
        f"{one.nature} for ({one.text}), {other.nature} against ({other.text})"
        for one, other in product(holding, against)
        if one.counts and other.counts and one.nature != other.nature
    ]
