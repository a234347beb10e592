"""The rule table of the cohort verdicts: the first rule that holds decides; every sentence is built from numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ohmics._evidence_lines import number
from ohmics.model import Mechanism

ALPHA = 0.05
MIN_UNITS_FOR_FLIPS = 6
"""Below six pairs the smallest sign-flip p is above 0.05 after any correction: 2/2^5 = 0.0625."""
MIXED_COMPARTMENTS = ("t_cell", "car_t_product", "tumour")
"""Programmes of one cell type: in unsorted bulk their change cannot be told from a change of that type's share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The numbers about one mechanism in one contrast that the cohort rules read."""

    mechanism: Mechanism
    modality: str
    cell_type: str
    gene_list: str
    effect: float = np.nan
    low: float = np.nan
    high: float = np.nan
    interval_level: float = np.nan
    q: float = np.nan
    smallest_p: float = np.nan
    n_units: int = 0
    n_pairs: int = 0
    n_different_pairs: int = 0
    differs_in: str = ""
    groups_share_no: str = ""
    sd_change: float = np.nan
    purified: bool = False
    model_q: float = np.nan
    model_p: float = np.nan
    model_sign: float = np.nan
    model_method: str = ""
    skipped: str = ""
    call_reason: str = ""
    has_effect: bool = False
    method: str = ""
    beyond_content: bool = False
    not_beyond: str = ""
    unit: str = ""
    scheme: str = ""
    flags: str = ""
    min_detectable: float = np.nan
    undetermined: str = ""
    on_treatment: str = ""

    @property
    def sign(self) -> int:
        """The sign a supporting effect has."""
        line = self.mechanism.primary_line
        return -1 if line is not None and line.direction == "down" else 1

    @property
    def declared_in_bulk(self) -> bool:
        """Whether the primary line was declared on whole tissue: its claim is not about one cell type."""
        line = self.mechanism.primary_line
        return line is not None and line.cell_type == "bulk"

    @property
    def in_mixed_tissue(self) -> bool:
        """Whether a programme of one cell type is read in unsorted bulk, with its cells' share still in it."""
        mixed = self.modality == "bulk" and not self.purified and not self.beyond_content
        return mixed and self.mechanism.compartment in MIXED_COMPARTMENTS and not self.declared_in_bulk

    @property
    def margin(self) -> float:
        """The smallest change that matters, in units of the score."""
        line = self.mechanism.primary_line
        return np.nan if line is None else line.margin * self.sd_change

    @property
    def grouped(self) -> bool:
        """Whether two groups of units were compared, not each unit with itself."""
        return self.scheme.startswith("permutation")

    @property
    def interaction(self) -> str:
        """What was subtracted from what where the changes of two groups were compared; empty elsewhere."""
        told = (part.strip() for part in self.flags.split(";"))
        return next((one for one in told if one.startswith("change in ") and " minus change in " in one), "")

    @property
    def units_needed(self) -> int:
        """Units for 80 % power at the margin, two-sided 0.05, normal approximation: pairs, or both groups together."""
        line = self.mechanism.primary_line
        return 0 if line is None else self._units_for(line.margin)

    @property
    def units_for_effect(self) -> int:
        """The same for a change as large as the one found; 0 where its size in sd is not known."""
        size = abs(self.effect) / self.sd_change if self.sd_change > 0 else 0.0
        return max(self._units_for(size), MIN_UNITS_FOR_FLIPS) if np.isfinite(size) and size > 0 else 0

    def _units_for(self, size: float) -> int:
        # A difference of two halves has four times the variance of a mean over all.
        each = 4 if self.grouped else 1
        return int(np.ceil(each * ((1.96 + 0.8416) / size) ** 2)) + 2

    @property
    def from_outcome(self) -> bool:
        """Whether the primary line is how the score goes with outcome, not how it changed."""
        line = self.mechanism.primary_line
        return line is not None and line.nature == "association"

    @property
    def reads_malignant(self) -> bool:
        """Whether the primary line is read in malignant cells."""
        line = self.mechanism.primary_line
        return "malignant" in (self.cell_type, line.cell_type if line is not None else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the rule table: when it holds, what the verdict is, and the sentence that says so."""

    verdict: str
    sub_reason: str
    holds: Callable[[Facts], bool]
    sentence: Callable[[Facts], str]


def interval(f: Facts) -> str:
    """Return an effect with its unit and interval, as text."""
    level = f"{100 * f.interval_level:.3g} %" if np.isfinite(f.interval_level) else "interval"
    unit = f" {f.unit}" if f.unit else ""
    return (
        f"{number(f.effect, signed=True)}{unit} ({level} {number(f.low, signed=True)} to {number(f.high, signed=True)})"
    )


def _inside_the_margin(f: Facts) -> bool:
    return f.low > -f.margin and f.high < f.margin and f.interval_level >= 0.9


def _what_is_missing(f: Facts) -> str:
    if f.from_outcome:
        return "so few events tell no direction"
    if f.n_units < f.units_needed:
        needed = f"{f.units_needed}{' in two equal groups' if f.grouped else ''}"
        # A mixed model has no smallest p.
        floor = f" (smallest reachable p {number(f.smallest_p)})" if np.isfinite(f.smallest_p) else ""
        return (
            f"they cannot tell it from no change{floor}; about {needed}"
            " would find the smallest change that matters with 80 % power"
        )
    return f"the interval reaches beyond ±{number(f.margin)}, so neither a relevant change nor its absence is shown"


def _moved(f: Facts) -> str:
    return "goes with the outcome" if f.from_outcome else "changed"


def _told(cell_type: str) -> str:
    how = {"malignant": "cells declared or called malignant", "car_positive": "cells called CAR+"}
    return how.get(cell_type, cell_type)


def _why_not_visible(f: Facts) -> str:
    return (f.mechanism.not_assessable_reason or f.mechanism.not_visible).rstrip(".")


def _primary(f: Facts) -> bool:
    return f.mechanism.primary_line is not None and f.mechanism.primary_line.nature in (
        "expression",
        "composition",
        "association",
    )


def _significant(f: Facts, sign: int) -> bool:
    # One of n units is set apart in n ways: a floor of 1/n is that of a group of one, and one unit is no cohort.
    alone = f.grouped and f.smallest_p * f.n_units > 1 - 1e-9
    return f.n_units >= MIN_UNITS_FOR_FLIPS and f.q < ALPHA and np.sign(f.effect) == sign * f.sign and not alone


def _model_says(f: Facts, sign: int) -> bool:
    # The model sets the list's genes against all others: what the score itself denies it cannot support.
    agree = np.sign(f.model_sign) == np.sign(f.effect) == sign * f.sign
    return f.n_units < MIN_UNITS_FOR_FLIPS and f.model_q < ALPHA and bool(agree)


def _no_test(f: Facts) -> str:
    return f"{f.n_units} units allow no {'permutation' if f.grouped else 'sign-flip'} p below {number(f.smallest_p)}"


COHORT_RULES: tuple[Rule, ...] = (
    Rule(
        verdict="not_assessable",
        sub_reason="not_visible_in_expression",
        holds=lambda f: (
            f.mechanism.tier == "not_assessable"
            or f.mechanism.primary_line is None
            or f.mechanism.primary_line.nature == "external"
        ),
        sentence=lambda f: f"not assessable from expression: {_why_not_visible(f)}",
    ),
    Rule(
        verdict="not_assessable",
        sub_reason="malignant_undetermined",
        holds=lambda f: bool(f.undetermined) and f.reads_malignant and not f.has_effect and not f.call_reason,
        sentence=lambda f: f"is read in malignant cells, which could not be told from normal ones: {f.undetermined}",
    ),
    Rule(
        verdict="not_assessable",
        sub_reason="no_call",
        holds=lambda f: not _primary(f) and not f.call_reason,
        sentence=lambda f: (
            f"rests on a call ({f.mechanism.primary_line.method if f.mechanism.primary_line else ''})"
            " that this run does not make"
        ),
    ),
    Rule(
        verdict="open",
        sub_reason="called_per_patient",
        holds=lambda f: not _primary(f),
        sentence=lambda f: f"decided patient by patient: {f.call_reason}",
    ),
    Rule(
        verdict="not_assessable",
        sub_reason="wrong_modality",
        holds=lambda f: not f.cell_type,
        sentence=lambda f: (
            f"is read in {', '.join(f.mechanism.score_on)},"
            f" which a {f.modality.replace('_', '-')} run of this kind does not show"
        ),
    ),
    Rule(
        verdict="not_assessable",
        sub_reason="not_tested",
        holds=lambda f: not f.has_effect,
        sentence=lambda f: f"not tested in {_told(f.cell_type)}: {f.skipped or 'there is no score in this contrast'}",
    ),
    Rule(
        verdict="not_assessable",
        sub_reason="pairs_not_comparable",
        holds=lambda f: bool(f.groups_share_no) or (f.n_pairs > 0 and f.n_different_pairs >= f.n_pairs),
        sentence=lambda f: (
            (
                f"the two groups share no {f.groups_share_no}, so what it does cannot be told from the comparison"
                if f.groups_share_no
                else f"none of the {f.n_pairs} pairs compares like with like (they differ in {f.differs_in})"
            )
            + ", so no cohort verdict is given"
        ),
    ),
    Rule(
        verdict="open",
        sub_reason="confounded_by_composition",
        holds=lambda f: (
            f.in_mixed_tissue
            and (
                any(test(f, sign) for test in (_significant, _model_says) for sign in (1, -1)) or _inside_the_margin(f)
            )
        ),
        sentence=lambda f: (
            f"changed by {interval(f)}, but confounded by composition: in unsorted bulk a programme that changes, or"
            " does not, cannot be told from a change in the share of the cells that carry it"
            + (f" ({f.not_beyond})" if f.not_beyond else "")
        ),
    ),
    Rule(
        verdict="open",
        sub_reason="groups_compared",
        holds=lambda f: (
            bool(f.interaction) and any(test(f, sign) for test in (_significant, _model_says) for sign in (1, -1))
        ),
        sentence=lambda f: (
            f"the changes of the two groups differ: {f.interaction} is {interval(f)}, q {number(f.q)},"
            f" {f.n_units} units; which group resisted is for the reader to say, so that neither sign supports or"
            " contradicts it"
        ),
    ),
    Rule(
        verdict="supported",
        sub_reason="",
        holds=lambda f: _significant(f, 1),
        sentence=lambda f: f"{_moved(f)} as predicted by {interval(f)}, q {number(f.q)}, {f.n_units} units",
    ),
    Rule(
        verdict="contradicted",
        sub_reason="",
        holds=lambda f: _significant(f, -1),
        sentence=lambda f: f"{_moved(f)} against the prediction by {interval(f)}, q {number(f.q)}, {f.n_units} units",
    ),
    Rule(
        verdict="supported",
        sub_reason="moderated_model_only",
        holds=lambda f: _model_says(f, 1),
        sentence=lambda f: (
            f"{_no_test(f)};"
            f" the moderated model ({f.model_method})"
            f" finds the predicted direction, q {number(f.model_q)}"
        ),
    ),
    Rule(
        verdict="contradicted",
        sub_reason="moderated_model_only",
        holds=lambda f: _model_says(f, -1),
        sentence=lambda f: (
            f"{_no_test(f)}; the moderated model ({f.model_method}) finds the opposite direction, q {number(f.model_q)}"
        ),
    ),
    Rule(
        verdict="open",
        sub_reason="no_relevant_change",
        holds=_inside_the_margin,
        sentence=lambda f: (
            f"the interval {interval(f)} lies inside ±{number(f.margin)}, the smallest change that matters"
        ),
    ),
    Rule(
        verdict="open",
        sub_reason="inconclusive",
        holds=lambda _: True,
        sentence=lambda f: f"{_moved(f)} by {interval(f)}, q {number(f.q)}, {f.n_units} units; {_what_is_missing(f)}",
    ),
)
