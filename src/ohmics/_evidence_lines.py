"""Lines of evidence as sentences: what argues for a mechanism beside its primary line, and what argues against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ohmics._evidence_calls import CALLS_WITH_ERROR_RATE, calls_of, patient_calls
from ohmics.model import BEYOND_CONTENT, EvidenceLine, Mechanism

if TYPE_CHECKING:
    from ohmics._evidence_rules import Facts
    from ohmics._evidence_run import Row, Run
    from ohmics.catalog import Catalog

_ALPHA = 0.05
LEAST_CALLED = 2
"""Patients with a call before it is a line of the cohort."""
NOT_WEIGHED = "no table of this run holds it, and no column of the sheet is weighed as evidence"
"""Why a line of nature external is not looked at."""
_EITHER = ("consistent", "supported")
_OTHER = ("opposite", "contradicted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: its nature, its sentence, and whether it counts towards the grade.

    ``rival`` marks another explanation that also moved: it argues against a mechanism without showing its opposite.
    """

    nature: str
    text: str
    counts: bool = True
    rival: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The lines beside the primary one: for, against, and what was declared but not looked at in this run."""

    holding: tuple[Line, ...]
    against: tuple[Line, ...]
    missing: tuple[EvidenceLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a line gave: its sign relative to what the line predicts (0: nothing), and the sentence."""

    sign: int
    text: str
    counts: bool = True


def number(value: float, *, signed: bool = False) -> str:
    """Return a number for a sentence: three significant digits; a missing one is ``not given``."""
    if value is None or not np.isfinite(value):
        return "not given"
    return f"{value:+.3g}" if signed else f"{value:.3g}"


def primary_key(mechanism: Mechanism) -> str:
    """Return the key ``mechanism/list`` of the primary line, empty when it reads no list."""
    line = mechanism.primary_line
    return f"{mechanism.id}/{line.gene_list}" if line is not None and line.gene_list else ""


def genes_of(catalog: Catalog, gene_list: str) -> frozenset[str]:
    """Return the genes of a list, both sides of a signed one."""
    found = catalog.gene_lists.get(gene_list, [])
    parts = found.values() if isinstance(found, Mapping) else [found]
    return frozenset(gene for part in parts for gene in part)


def weigh_lines(run: Run, contrast: str, facts: Facts) -> Weighed:
    """Return every line beside the primary one, with those that moved the other way among the lines against."""
    holding: list[Line] = []
    against: list[Line] = []
    missing: list[EvidenceLine] = []
    for line in facts.mechanism.further_lines:
        found = _evaluate(run, contrast, facts, line)
        if found is None:
            missing.append(line)
        elif found.sign > 0:
            # A further score is of the primary line's nature and adds nothing to the grade.
            holding.append(Line(nature=line.nature, text=found.text, counts=found.counts))
        elif found.sign < 0:
            text = f"a further line moved the other way: {found.text}"
            against.append(Line(nature=line.nature, text=text, counts=found.counts))
    for line in facts.mechanism.lines_against:
        rival = (f"rival: {line.note}" if line.note else "rival explanation").rstrip(".")
        found = _evaluate(run, contrast, facts, line)
        if found is None:
            missing.append(line)
            text = f"{rival}: {NOT_WEIGHED if line.nature == 'external' else 'not measured in this run'}"
            against.append(Line(nature=line.nature, text=text, counts=False, rival=True))
        elif found.sign > 0:
            against.append(Line(nature=line.nature, text=f"{rival}: {found.text}", counts=found.counts, rival=True))
    for nature, told in (
        ("expression", _gene_set(run, contrast, facts)),
        *(("association", one) for one in _own_associations(run, contrast, facts)),
    ):
        if told is not None and told.sign:
            (holding if told.sign > 0 else against).append(Line(nature=nature, text=told.text, counts=told.counts))
    against += _cautions(run, contrast, facts)
    return Weighed(holding=tuple(holding), against=tuple(against), missing=tuple(missing))


def _cautions(run: Run, contrast: str, facts: Facts) -> list[Line]:
    """Return what weakens the primary line without being a line of its own."""
    lines = []
    if facts.has_effect and facts.n_different_pairs:
        text = f"{facts.n_different_pairs} of {facts.n_pairs} pairs differ in {facts.differs_in}"
        lines.append(Line(nature="external", text=text, counts=False))
    method = facts.method or (facts.mechanism.primary_line.method if facts.mechanism.primary_line else "")
    if facts.beyond_content:
        whole = run.effect(contrast, facts.cell_type, facts.gene_list, method=method.removesuffix(BEYOND_CONTENT))
        if whole is not None:
            told = f"{number(whole['effect'], signed=True)}, q {number(whole['q'])}"
            text = f"as measured, with the share of the cells that carry the programme still in it: {told}"
            lines.append(Line(nature="expression", text=text, counts=False))
    elif facts.has_effect:
        inside = run.effect(contrast, facts.cell_type, facts.gene_list, method=f"{method}{BEYOND_CONTENT}")
        if inside is not None:
            told = f"{number(inside['effect'], signed=True)}, q {number(inside['q'])}"
            text = f"beyond the share of the cells that carry the programme: {told}"
            lines.append(Line(nature="expression", text=text, counts=False))
    raw = run.effect(contrast, facts.cell_type, facts.gene_list, method=method, depth="raw")
    if raw is not None and np.isfinite(facts.effect) and np.sign(raw["effect"]) == -np.sign(facts.effect):
        told = number(float(raw["effect"]), signed=True)
        text = f"at raw depth the change has the other sign ({told}): depth matters here"
        lines.append(Line(nature="expression", text=text, counts=False))
    return lines


def _evaluate(run: Run, contrast: str, facts: Facts, line: EvidenceLine) -> _Found | None:
    """Return what a line gave; None when this run did not look at it."""
    if facts.interaction and line.nature in ("expression", "composition"):
        # The sign of a difference between groups says nothing of the direction that a line predicts.
        return _Found(sign=0, text="")
    if line.nature == "expression":
        return _expression(run, contrast, facts, line)
    if line.nature == "composition":
        row = run.composition(contrast, line.cell_type)
        if row is None:
            return None
        change = f"{number(row['effect'], signed=True)} (centred log ratio), q {number(row['q'])}"
        return _moved(row, line, f"{row['cell_type']}, relative to the other types, {change}")
    if line.nature == "call":
        return _called(run, contrast, line)
    if line.nature == "association":
        return _associated(run, contrast, facts, line)
    return None


def _own_associations(run: Run, contrast: str, facts: Facts) -> list[_Found]:
    """Return how the primary score goes with outcome: shown, and never counted, for it is the same score again."""
    line = facts.mechanism.primary_line
    if line is None or line.nature != "expression":
        return []
    rows = run.associations(contrast, facts.cell_type, facts.gene_list, method=line.method)
    found = [association_found(row, facts.sign) for row in rows]
    return [replace(one, counts=False, text=f"{one.text} (same score: adds nothing to the grade)") for one in found]


def _associated(run: Run, contrast: str, facts: Facts, line: EvidenceLine) -> _Found | None:
    own = facts.mechanism.primary_line
    method = own.method if own is not None and own.method in run.methods else "ucell"
    cell_type = "bulk" if run.modality == "bulk" else (line.cell_type or facts.cell_type)
    gene_list = f"{line.mechanism or facts.mechanism.id}/{line.gene_list}"
    rows = run.associations(contrast, cell_type, gene_list, method=method)
    found = [association_found(row, -1 if line.direction == "down" else 1) for row in rows]
    signs = {one.sign for one in found} - {0}
    # Outcomes that disagree say nothing together.
    if len(signs) == 1:
        return next(one for one in found if one.sign)
    return _Found(sign=0, text="") if found else None


def worse(row: Row) -> int:
    """Return 1 where more events mean that patients do worse (survival), -1 where they mean a response."""
    return 1 if row["model"] == "cox" else -1


def association_found(row: Row, wanted: int) -> _Found:
    """Return what a row of ASSOCIATION says, given the sign of the score in patients who do worse."""
    sign = int(np.sign(row["effect"])) * worse(row) * wanted if row["q"] < _ALPHA else 0
    what = "hazard" if row["model"] == "cox" else "odds of response"
    when = "score before" if row["score"] == "baseline" else "change of the score"
    text = (
        f"{when} and {row['outcome']}: log {what} {number(row['effect'], signed=True)} a between-patient sd, "
        f"q {number(row['q'])}, {int(row['n_events'])} events in {int(row['n'])} patients"
    )
    return _Found(sign=sign, text=text)


def _expression(run: Run, contrast: str, facts: Facts, line: EvidenceLine) -> _Found | None:
    cell_type = "bulk" if run.modality == "bulk" else (line.cell_type or facts.cell_type)
    own = facts.mechanism.primary_line
    method = own.method if own is not None and own.method in run.methods else "ucell"
    gene_list = f"{line.mechanism or facts.mechanism.id}/{line.gene_list}"
    if (cell_type, gene_list) == (facts.cell_type, facts.gene_list):
        # Bulk shows one mixture: there this line is the primary one, told already.
        return _Found(sign=0, text="")
    beyond = None
    if cell_type == "bulk":
        # Where a list has a score beyond the cells that carry it, that one speaks.
        beyond = run.effect(contrast, cell_type, gene_list, method=f"{method}{BEYOND_CONTENT}")
    row = beyond if beyond is not None else run.effect(contrast, cell_type, gene_list, method=method)
    if row is None:
        return None
    # A line beside the primary one is outside its family: its own family's q is what it is read by.
    text = f"{gene_list} in {cell_type} {number(row['effect'], signed=True)}, q {number(row['q'])}"
    return _moved(row, line, text)


def _moved(row: Row, line: EvidenceLine, text: str) -> _Found:
    wanted = -1 if line.direction == "down" else 1
    return _Found(sign=int(np.sign(row["effect"])) * wanted if row["q"] < _ALPHA else 0, text=text)


def _called(run: Run, contrast: str, line: EvidenceLine) -> _Found | None:
    calls = patient_calls(run, contrast, line)
    if not calls and (line.method == "car" or calls_of(run, contrast, line.method, line.antigen).empty):
        return None
    counts = line.method in CALLS_WITH_ERROR_RATE
    # A call that did not decide is no call that was not made: it was looked for in that patient too.
    told = [call for call in calls if call.verdict in (*_EITHER, *_OTHER, "open", "within_technical_range")]
    for sign, verdicts in ((1, _EITHER if not counts else ("supported",)), (-1, _OTHER)):
        found = sum(call.verdict in verdicts for call in told)
        # One call in one patient is that patient's: a line of the cohort needs most of those it could be told in.
        if found >= LEAST_CALLED and 2 * found >= len(told) and (sign > 0 or 2 * found > len(told)):
            what = "called" if sign > 0 else "called the other way"
            return _Found(
                sign=sign, text=f"{what} in {found} of {len(told)} patients ({line.antigen or line.method})",
                counts=counts,
            )  # fmt: skip
    return _Found(sign=0, text="")


def _gene_set(run: Run, contrast: str, facts: Facts) -> _Found | None:
    if facts.beyond_content or facts.interaction:
        # In whole tissue the list's test also sees how many cells carry it; between groups its sign predicts nothing.
        return None
    row = run.gene_set(contrast, facts.cell_type, facts.gene_list, "flip")
    if row is None or not row["p"] < _ALPHA:
        return None
    told = f"NES {number(row['nes'], signed=True)}, patient-flip p {number(row['p'])} (same list: one line)"
    sign = int(np.sign(row["es"])) * facts.sign
    return _Found(sign=sign, text=f"gene set{'' if sign > 0 else ' moves the other way'}: {told}", counts=False)
