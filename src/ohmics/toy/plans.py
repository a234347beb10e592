"""What is planted in which patient of a single-cell cohort, and the truth table that says so."""

from __future__ import annotations

from dataclasses import dataclass

from ohmics.toy.cohort import CONTRAST

EXHAUSTION = "tcell_exhaustion_terminal"
PRESENTATION = "antigen_presentation_loss"


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
    lost = plan.antigen_lost
    antigen = {0.0: "retained", 1.0: "lost"}.get(lost, "reduced")
    if plan.lineage_switch:
        antigen = "lost with the B lineage; too few B-lineage blasts may remain to call it"
    switch = "blasts become monocytic" if plan.lineage_switch else "blasts stay B-lineage"
    presentation = "MHC class I presentation falls in tumour cells" if plan.presentation_loss else "presentation unchanged"
    raised = plan.exhaustion != 1.0
    rows = [
        ("target_antigen_loss", f"CD19 lost in {lost:.0%} of tumour cells", lost, "fraction of tumour cells", lost > 0, antigen),
        ("cd19_loss", f"CD19 lost in {lost:.0%} of tumour cells", lost, "fraction of tumour cells", lost > 0, antigen),
        (
            "lineage_switch", switch, 0.92 if plan.lineage_switch else 0.0, "fraction of tumour cells",
            plan.lineage_switch, "lineage switch" if plan.lineage_switch else "no switch",
        ),
        (
            PRESENTATION, presentation, presentation_fold if plan.presentation_loss else 1.0, "fold of expression",
            plan.presentation_loss, "reduced" if plan.presentation_loss else "retained",
        ),
        (
            EXHAUSTION, "terminal exhaustion rises in T cells" if raised else "T cells unchanged", plan.exhaustion,
            "fold of expression", raised, "consistent with a rise" if raised else "within technical range",
        ),
    ]  # fmt: skip
    names = ("mechanism", "planted", "value", "unit", "change", "expected")
    return [{"level": "patient", "subject": patient, **dict(zip(names, row, strict=True))} for row in rows]


def cohort_rows(exhaustion: float) -> list[dict[str, object]]:
    """Return the cohort's rows of the truth table."""
    raised = exhaustion != 1.0
    return [
        {
            "level": "cohort",
            "subject": CONTRAST,
            "mechanism": EXHAUSTION,
            "planted": f"terminal exhaustion in T cells, about {exhaustion:.2g}-fold, in every patient"
            if raised
            else "nothing: the T cells do not change",
            "value": exhaustion,
            "unit": "fold of expression",
            "change": raised,
            "expected": "supported" if raised else "not supported",
        }
    ]
