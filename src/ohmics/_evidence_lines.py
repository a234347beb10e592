"""Lines of evidence as sentences: what argues for a mechanism beside its primary line, and what argues against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ohmics._evidence_calls import calls_of, patient_calls
from ohmics.model import EvidenceLine, Mechanism

if TYPE_CHECKING:
    from ohmics._evidence_rules import Facts
    from ohmics.catalog import Catalog
    from ohmics.evidence import _Run

_ALPHA = 0.05
LEAST_CALLED = 2
"""Patients with a call before it is a line of the cohort."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: its nature, its sentence, and whether it counts towards the grade."""

    nature: str
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


def further_lines(run: _Run, contrast: str, facts: Facts) -> list[Line]:
    """Lines beside the primary one that hold in the predicted direction."""
    lines = []
    for line in facts.mechanism.further_lines:
        found = _evaluate(run, contrast, facts, line)
        if found:
            # A further score or gene-set test is of the primary line's nature and adds nothing to the grade.
            lines.append(Line(nature=line.nature, text=found))
    flip = _gene_set(run, contrast, facts)
    if flip is not None and flip["p"] < _ALPHA and np.sign(flip["es"]) == facts.sign:
        text = f"gene set: NES {number(flip['nes'], signed=True)}, patient-flip p {number(flip['p'])}"
        text += " (same list: one line)"
        lines.append(Line(nature="expression", text=text))
    return lines


def against_lines(run: _Run, contrast: str, facts: Facts) -> list[Line]:
    """Lines that argue against: rivals that also moved, a gene set the other way, and what was not looked at."""
    lines = []
    for line in facts.mechanism.lines_against:
        rival = f"rival: {line.note}" if line.note else "rival explanation"
        found = _evaluate(run, contrast, facts, line)
        if found:
            lines.append(Line(nature=line.nature, text=f"{rival.rstrip('.')}: {found}"))
        elif not _looked_at(run, contrast, facts, line):
            lines.append(Line(nature=line.nature, text=f"{rival.rstrip('.')}: not measured in this run", counts=False))
    flip = _gene_set(run, contrast, facts)
    if flip is not None and flip["p"] < _ALPHA and np.sign(flip["es"]) == -facts.sign:
        text = (
            f"gene set moves the other way: NES {number(flip['nes'], signed=True)}, patient-flip p {number(flip['p'])}"
        )
        lines.append(Line(nature="expression", text=text))
    if facts.has_effect and facts.n_different_pairs:
        text = f"{facts.n_different_pairs} of {facts.n_pairs} pairs differ in {facts.differs_in}"
        lines.append(Line(nature="external", text=text, counts=False))
    raw = _raw_effect(run, contrast, facts)
    if raw is not None and np.isfinite(facts.effect) and np.sign(raw) == -np.sign(facts.effect):
        text = f"at raw depth the change has the other sign ({number(raw, signed=True)}): depth matters here"
        lines.append(Line(nature="expression", text=text, counts=False))
    return lines


def _rows_of(run: _Run, contrast: str, facts: Facts, line: EvidenceLine) -> pd.DataFrame:
    mechanism = line.mechanism or facts.mechanism.id
    rows = run.effects
    cell_type = "bulk" if run.modality == "bulk" else (line.cell_type or facts.cell_type)
    method = facts.mechanism.primary_line.method if facts.mechanism.primary_line else "ucell"
    return rows[
        (rows["contrast"] == contrast)
        & (rows["level"] == "cohort")
        & (rows["depth"] == "thinned")
        & (rows["gene_list"] == f"{mechanism}/{line.gene_list}")
        & (rows["cell_type"] == cell_type)
        & (rows["method"] == (method if method in set(rows["method"]) else "ucell"))
    ]


def _looked_at(run: _Run, contrast: str, facts: Facts, line: EvidenceLine) -> bool:
    if line.nature == "expression":
        return not _rows_of(run, contrast, facts, line).empty
    if line.nature == "call":
        return not calls_of(run, contrast, line.method, line.antigen).empty
    if line.nature == "composition":
        frame = run.tables.get("composition")
        return frame is not None and bool(
            ((frame["contrast"] == contrast) & (frame["cell_type"] == line.cell_type)).any()
        )
    return False


def _evaluate(run: _Run, contrast: str, facts: Facts, line: EvidenceLine) -> str:
    """Return the sentence of a line that holds, empty when it does not hold or was not looked at."""
    sign = -1 if line.direction == "down" else 1
    if line.nature == "expression":
        rows = _rows_of(run, contrast, facts, line)
        if rows.empty:
            return ""
        row = rows.iloc[0]
        # A line beside the primary one is outside its family: its own family's q is what it is read by.
        if row["q"] < _ALPHA and np.sign(row["effect"]) == sign:
            return (
                f"{row['gene_list']} in {row['cell_type']} {number(row['effect'], signed=True)}, q {number(row['q'])}"
            )
        return ""
    if line.nature == "composition":
        frame = run.tables.get("composition")
        if frame is None:
            return ""
        rows = frame[
            (frame["contrast"] == contrast) & (frame["subject"] == contrast) & (frame["cell_type"] == line.cell_type)
        ]
        if len(rows) and rows["q"].iloc[0] < _ALPHA and np.sign(rows["effect"].iloc[0]) == sign:
            effect, q = rows["effect"].iloc[0], rows["q"].iloc[0]
            change = f"{number(effect, signed=True)} (centred log ratio), q {number(q)}"
            return f"{line.cell_type}, relative to the other types, {change}"
    if line.nature == "call":
        calls = patient_calls(run, contrast, line.method, line.antigen)
        told = [call for call in calls if call.verdict in ("supported", "contradicted")]
        found = sum(call.verdict == "supported" for call in told)
        # One call in one patient is that patient's: a line of the cohort needs most of those it could be told in.
        if found >= LEAST_CALLED and 2 * found >= len(told):
            return f"called in {found} of {len(told)} patients ({line.antigen or line.method})"
    return ""


def _gene_set(run: _Run, contrast: str, facts: Facts) -> pd.Series | None:
    rows = run.enrichment
    mine = rows[
        (rows["contrast"] == contrast)
        & (rows["cell_type"] == facts.cell_type)
        & (rows["gene_list"] == facts.gene_list)
        & (rows["method"] == "flip")
    ]
    return mine.iloc[0] if len(mine) else None


def _raw_effect(run: _Run, contrast: str, facts: Facts) -> float | None:
    line = facts.mechanism.primary_line
    rows = run.effects
    mine = rows[
        (rows["contrast"] == contrast)
        & (rows["level"] == "cohort")
        & (rows["depth"] == "raw")
        & (rows["gene_list"] == facts.gene_list)
        & (rows["cell_type"] == facts.cell_type)
        & (rows["method"] == (line.method if line else ""))
    ]
    return float(mine["effect"].iloc[0]) if len(mine) else None
