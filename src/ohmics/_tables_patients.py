"""Tables that set one patient beside the others, and say how often the calls that decide for a patient are wrong."""

from __future__ import annotations

from ohmics._columns import CELL_TYPE, CONTRAST, PATIENT, count, number, text
from ohmics.schema import Table

KINDS = (
    "score",
    "exhaustion",
    "composition",
    "t_cell_state",
    "antigen",
    "presentation",
    "lineage",
    "car",
    "b_cells",
    "quality",
)
"""What a row of PATIENT_COMPARISON compares."""

PATIENT_COMPARISON = Table(
    name="PATIENT_COMPARISON",
    title="Each patient beside the cohort",
    key=("contrast", "patient", "kind", "item", "cell_type", "method", "side", "sample"),
    columns=(
        CONTRAST,
        PATIENT,
        text("kind", "what is compared", values=KINDS, nullable=False),
        text("item", "gene list, cell type, state, antigen or measure of quality", nullable=False),
        text("cell_type", f"{CELL_TYPE.meaning}; empty where none applies"),
        text("method", "name of the scoring method; empty where none applies"),
        text("side", "the change, or the value before or after", values=("change", "before", "after"), nullable=False),
        text("sample", "sample of a value before or after; empty for a change"),
        text("unit", "unit of the value"),
        number("value", "this patient's value", nullable=False),
        number("low", "lower end of its interval or technical range"),
        number("high", "upper end of its interval or technical range"),
        number("median", "median over the patients, this one included (of several samples their mean)", nullable=False),
        number("lowest", "lowest value of a patient", nullable=False),
        number("highest", "highest value of a patient", nullable=False),
        count("n_patients", "patients with a value", low=1, nullable=False),
        count("n_lower", "patients whose value is lower than this one's", nullable=False),
    ),
)
CALL_ERRORS = Table(
    name="CALL_ERRORS",
    title="Measured error rates of the calls that decide for a patient",
    key=("call", "outcome", "kind"),
    columns=(
        text("call", "which call", values=("antigen", "lineage"), nullable=False),
        text("outcome", "what was called", values=("lost or reduced", "gained", "wrongly"), nullable=False),
        text(
            "kind",
            "error: called though nothing of it was planted; found: called where a loss was planted",
            values=("error", "found"),
            nullable=False,
        ),
        number("rate", "share of all replicates in which it was called", unit="fraction", low=0, high=1),
        number("lowest", "the same in the setting where it was rarest", unit="fraction", low=0, high=1),
        number("highest", "the same in the setting where it was commonest", unit="fraction", low=0, high=1),
        text("highest_setting", "the setting where it was commonest"),
        count("n_settings", "settings measured", low=1, nullable=False),
        count("n_replicates", "replicates over all settings", low=1, nullable=False),
    ),
)
