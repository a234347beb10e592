"""What a patient's outcome is: a response or a survival time, which columns hold it, and which score is held to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ohmics.errors import Faults, OhmicsError
from ohmics.model import Contrast

SCORES_READ = ("baseline", "change")
EVENT_WORDS = {"1": True, "0": False, "true": True, "false": False, "yes": True, "no": False}
"""What an event column may hold when ``positive`` does not say which values are events."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One outcome, and the score that is held against it.

    Parameters
    ----------
    name
        Name in every table.
    column, positive, negative
        A response: the column, the values of patients who respond (for example CR and PR: verdicts take these
        patients for those who do well) and of those who do not; a value in neither takes no part. Without ``negative``
        every other value counts as no response.
    time, event, unit
        A survival time: columns of time and event, and the unit of time. Times count from one origin for all
        patients, such as the first infusion. ``positive`` names the values of ``event`` that are events when they
        are not 1 and 0 (or true and false, yes and no).
    score
        ``baseline``: the score before; ``change``: test minus reference of a paired contrast.
    contrast
        Name of the contrast that says which samples are meant. ``baseline`` reads its reference side, or all of
        its samples when its groups are of different patients.
    where
        Instead of ``contrast``, for ``baseline``: column to value or values.
    landmark
        For ``change`` and survival: from when on time counts, as a column with the day of each sample (its test
        sample counts) or one number, in ``unit`` from the same origin as ``time``. A patient whose time ends before it
        takes no part, for a change that is known only later cannot have come first.
    kaplan_meier
        Mechanism to the cut declared for its curves: ``median`` or a number in units of the score.

    Examples
    --------
    >>> Outcome(name="response", column="response", positive=("CR", "PR"), score="baseline", contrast="a").kind
    'response'
    """

    name: str
    score: str
    column: str | None = None
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    time: str | None = None
    event: str | None = None
    unit: str = "days"
    contrast: str | None = None
    where: Mapping[str, object] | None = None
    landmark: str | float | None = None
    kaplan_meier: Mapping[str, str | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("positive", "negative"):
            object.__setattr__(self, name, tuple(str(value) for value in _several(getattr(self, name))))
        faults = Faults()
        for what in (*_kind_faults(self), *_score_faults(self), *_cut_faults(self)):
            faults.add(what, where=f"outcome {self.name}")
        faults.raise_if_any()

    @property
    def kind(self) -> str:
        """``response`` or ``survival``."""
        return "response" if self.column else "survival"

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of SAMPLES the outcome reads."""
        names = [self.column, self.time, self.event, *(self.where or {})]
        names += [self.landmark] if isinstance(self.landmark, str) else []
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def label(self) -> str:
        """What stands in the column contrast of the tables."""
        return self.contrast or "baseline"


def as_outcome(given: Outcome | Mapping[str, Any]) -> Outcome:
    """Return an outcome given as such or as the keys of a config entry."""
    return given if isinstance(given, Outcome) else Outcome(**given)


def baseline_contrast(outcome: Outcome, contrast: Contrast | None) -> Contrast:
    """Return the samples whose score is the baseline, as a contrast without sides.

    Parameters
    ----------
    outcome
        The outcome; its ``score`` is ``baseline``.
    contrast
        The contrast it names; None when it has ``where``.
    """
    name = f"outcome.{outcome.name}"
    if contrast is None:
        return Contrast(name=name, variable="sample", where=outcome.where)
    where = dict(contrast.where or {})
    if contrast.test is not None:
        one_side = bool(contrast.blocks or contrast.random_by)
        sides = contrast.reference_values if one_side else (*contrast.test_values, *contrast.reference_values)
        where[contrast.variable] = sides
    return Contrast(name=name, variable=contrast.variable, where=where, unit=contrast.unit)


def _several(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _kind_faults(outcome: Outcome) -> list[str]:
    found = []
    survival = bool(outcome.time) and bool(outcome.event)
    if bool(outcome.column) == survival or bool(outcome.time) != bool(outcome.event):
        found.append("give `column` for a response, or `time` and `event` for survival")
    if outcome.column and not outcome.positive:
        found.append(f"`positive` is missing: name the values of `{outcome.column}` that count as the event")
    both = sorted(set(outcome.positive) & set(outcome.negative))
    if both:
        found.append(f"{', '.join(both)} is both positive and negative")
    return found


def _score_faults(outcome: Outcome) -> list[str]:
    if outcome.score not in SCORES_READ:
        return [f"`score` is `{outcome.score}`; legal: {' or '.join(SCORES_READ)}"]
    found = []
    if outcome.score == "change":
        if not outcome.contrast or outcome.where:
            found.append("a change needs `contrast`, the paired contrast whose change is meant, and no `where`")
        if outcome.kind == "survival" and outcome.landmark is None:
            found.append("a change and survival need `landmark`: from when on time counts")
    else:
        if bool(outcome.contrast) == bool(outcome.where):
            found.append("a baseline score needs `contrast` or `where`, to say which samples are before")
    if outcome.landmark is not None and (outcome.score != "change" or outcome.kind != "survival"):
        found.append("`landmark` is for the change of a score and survival")
    return found


def _cut_faults(outcome: Outcome) -> list[str]:
    if outcome.kaplan_meier and outcome.kind != "survival":
        return ["`kaplan_meier` is for survival; a response has no curve"]
    return [
        f"the cut of {mechanism} is `{cut}`; legal: median, or a number in units of the score"
        for mechanism, cut in outcome.kaplan_meier.items()
        if cut != "median" and (isinstance(cut, bool | str) or not isinstance(cut, int | float))
    ]


def outcome_error(what: str, outcome: Outcome) -> OhmicsError:
    """Return the error of one outcome."""
    faults = Faults()
    faults.add(what, where=f"outcome {outcome.name}")
    return OhmicsError(faults)
