"""The thresholds of a run's config come in; how antigens were called, and the level of their intervals, go out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from ohmics.intake.config_calls import AntigenConfig
from ohmics.report import words
from ohmics.report.inputs import ReportInputs

_CELLS = (
    "The remaining fraction of an antigen is its ambient-corrected mean rate in malignant cells after, over that "
    "before, divided by the median of genes of like expression in the same cells, whose spread is the null. "
)
_BULK = (
    "The remaining fraction of an antigen is its ratio after over before, divided by the mean ratio (geometric) of the "
    "other genes of its lineage in the same two samples, whose spread is the null: both fall alike with the tumour's "
    "share. "
)


def thresholds(inputs: ReportInputs) -> AntigenConfig:
    """Return the thresholds by which a run called antigens: those of its config, else the shipped ones."""
    given = inputs.config.get("antigen")
    known = {field.name for field in fields(AntigenConfig)}
    held = given if isinstance(given, Mapping) else {}
    return AntigenConfig(**{name: value for name, value in held.items() if name in known and value is not None})


def interval_words(inputs: ReportInputs) -> str:
    """Return the level of the intervals of remaining fractions, as in ``95 % interval``."""
    return f"{words.number(100 * (1 - thresholds(inputs).alpha))} % interval"


def antigen_text(inputs: ReportInputs) -> str:
    """Return how the antigens of this run were called."""
    rules = thresholds(inputs)
    alpha, level = words.number(rules.alpha), words.number(100 * (1 - rules.alpha))
    text = (
        f"{_BULK if inputs.bulk else _CELLS}Lost: the one-sided {level} % upper limit is below "
        f"{words.number(rules.lost_below)} and the one-sided p of loss below {alpha}; reduced: only that p; gained: "
        f"the p of gain is below {alpha}; retained: the lower limit is above {words.number(rules.retained_above)}; "
        "else inconclusive, as is every pair of two chemistries. Not assessable: "
    )
    if inputs.bulk:
        return (
            f"{text}too few of the lineage's genes are expressed before, or too little of the antigen to see it fall."
        )
    return (
        f"{text}fewer than {words.number(rules.min_expected)} detections expected had nothing changed, fewer than "
        f"{rules.min_cells} cells, or absent before. A lower mean cannot tell fewer positive cells from dimmer ones."
    )
