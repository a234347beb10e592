"""What is planted in which patient of a single-cell cohort, and the truth table that says so."""

from __future__ import annotations

from dataclasses import dataclass

from ohmics.toy.cohort import CONTRAST, FOLD

EXHAUSTION = "tcell_exhaustion_terminal"
SWITCHED = 0.92
"""Share of the blasts that turn monocytic in a lineage switch."""
PRESENTATION = "antigen_presentation_loss"
UNCHANGED = ("impaired_death_receptor", "mdsc")
"""Mechanisms of tier core whose cells the cohort leaves alone; an analysis must not support them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What happens to one patient's tumour between the timepoints.

    Parameters
    ----------
    antigen_lost
        Fraction of the tumour cells at relapse that no longer express CD19, 0 to 1.
    lineage_switch
        The blasts become monocytic; CD19 goes with the lineage.
    presentation_loss
        MHC class I presentation falls in the tumour.
    exhaustion
        Fold by which terminal-exhaustion genes rise in T cells; 1 is no change.
    """

    antigen_lost: float = 0.0
    lineage_switch: bool = False
    presentation_loss: bool = False
    exhaustion: float = 1.8


NOTHING = Plan(exhaustion=1.0)

_KINDS: tuple[dict[str, float | bool], ...] = (
    {"antigen_lost": 1.0},
    {"antigen_lost": 0.6},
    {},
    {"antigen_lost": 1.0, "lineage_switch": True},
    {"presentation_loss": True},
    {"antigen_lost": 1.0},
    {"presentation_loss": True},
    {"antigen_lost": 0.6},
)


def plan_for(position: int, exhaustion: float) -> Plan:
    """Return the plan of the patient at ``position`` (from 0); every eighth patient repeats.

    The first five differ, so that a small cohort still holds every kind: CD19 lost in all tumour cells, in 60 %,
    nothing but exhaustion, a lineage switch, and loss of antigen presentation.
    """
    kind = _KINDS[position % len(_KINDS)]
    return Plan(
        antigen_lost=float(kind.get("antigen_lost", 0.0)),
        lineage_switch=bool(kind.get("lineage_switch", False)),
        presentation_loss=bool(kind.get("presentation_loss", False)),
        exhaustion=exhaustion,
    )


def truth_rows(patient: str, plan: Plan, *, presentation_fold: float) -> list[dict[str, object]]:
    """Return the patient's rows of the truth table, one a mechanism, unchanged ones included."""
    fold = presentation_fold if plan.presentation_loss else 1.0
    return [
        *(_antigen_row(patient, mechanism, plan) for mechanism in ("target_antigen_loss", "cd19_loss")),
        _row(
            patient,
            "lineage_switch",
            "blasts become monocytic" if plan.lineage_switch else "nothing: blasts stay B-lineage",
            value=SWITCHED if plan.lineage_switch else 0.0,
            unit="fraction of tumour cells",
            expected="lineage switch" if plan.lineage_switch else "no switch",
        ),
        _row(
            patient,
            PRESENTATION,
            "MHC class I presentation falls in tumour cells" if plan.presentation_loss else "nothing",
            value=fold,
            expected="reduced" if plan.presentation_loss else "retained",
        ),
        _row(
            patient,
            EXHAUSTION,
            "terminal exhaustion rises in T cells" if plan.exhaustion != 1.0 else "nothing",
            value=plan.exhaustion,
            expected="consistent with a rise" if plan.exhaustion != 1.0 else "within technical range",
        ),
    ]


def _antigen_row(patient: str, mechanism: str, plan: Plan) -> dict[str, object]:
    expected = {0.0: "retained", 1.0: "lost"}.get(plan.antigen_lost, "reduced")
    if plan.lineage_switch:
        expected = "lost with the B lineage; too few B-lineage blasts may remain to call it"
    return _row(
        patient,
        mechanism,
        f"CD19 lost in {plan.antigen_lost:.0%} of tumour cells",
        value=plan.antigen_lost,
        unit="fraction of tumour cells",
        expected=expected,
    )


def _row(
    patient: str, mechanism: str, planted: str, *, value: float, expected: str, unit: str = FOLD
) -> dict[str, object]:
    return {
        "level": "patient",
        "subject": patient,
        "mechanism": mechanism,
        "planted": planted,
        "value": value,
        "unit": unit,
        "change": value != (1.0 if unit == FOLD else 0.0),
        "expected": expected,
    }


def cohort_rows(exhaustion: float) -> list[dict[str, object]]:
    """Return the cohort's rows of the truth table: what is planted in all, and mechanisms that are left alone."""
    raised = exhaustion != 1.0
    words = f"terminal exhaustion in T cells, about {exhaustion:.2g}-fold, in every patient"
    planted = [(EXHAUSTION, words if raised else "nothing", exhaustion, raised)]
    planted += [(mechanism, "nothing", 1.0, False) for mechanism in UNCHANGED]
    return [
        {
            "level": "cohort",
            "subject": CONTRAST,
            "mechanism": mechanism,
            "planted": text,
            "value": value,
            "unit": FOLD,
            "change": change,
            "expected": "supported" if change else "not supported",
        }
        for mechanism, text, value, change in planted
    ]
