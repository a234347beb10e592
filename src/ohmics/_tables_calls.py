"""Tables of the calls: T-cell states, antigens, CAR+ and malignant cells, lineage."""

from __future__ import annotations

from ohmics._columns import CELL_TYPE, PATIENT, REASON, SAMPLE, Q, count, fraction, number, text
from ohmics.schema import Column, Table

STATES = Table(
    name="STATES",
    title="T-cell states",
    key=("sample", "cell_type", "state"),
    columns=(
        SAMPLE,
        CELL_TYPE,
        text("state", "T-cell state", nullable=False),
        fraction("fraction", "share of the sample's T cells"),
        number("raw", "terminal exhaustion score, raw"),
        number("beyond", "the same beyond activation, proliferation and depth"),
        text("coefficients", "coefficients of the decomposition, as name=value, joined by |"),
    ),
)
_ANTIGEN_COLUMNS = (
    PATIENT,
    text("antigen", "antigen or presentation gene", nullable=False),
    text("pre_sample", "sample before"),
    text("post_sample", "sample after"),
    count("n_cells_pre", "malignant cells before"),
    count("n_cells_post", "malignant cells after"),
    count("detected_pre", "cells with a count, before"),
    count("detected_post", "cells with a count, after"),
    number("expected_detected", "cells with a count expected after, had nothing changed", low=0),
    number("remaining_fraction", "ambient-corrected mean, post over pre, against matched genes", low=0),
    number("remaining_low", "lower end of the two-sided 95 % interval", low=0),
    number("remaining_high", "upper end of the two-sided 95 % interval", low=0),
    number("null_median", "median ratio of the matched genes", low=0),
    number("null_sd", "sd of the log ratio of the matched genes", low=0),
    fraction("negative_fraction", "share of antigen-negative cells; often empty"),
    fraction("negative_low", "lower end of its interval"),
    fraction("negative_high", "upper end of its interval"),
    number("p", "one-sided p of loss", low=0, high=1),
    Q,
    text(
        "call",
        "what the data say of the antigen",
        values=("lost", "reduced", "retained", "gained", "inconclusive", "not_assessable"),
        nullable=False,
    ),
    REASON,
)
ANTIGEN = Table(
    name="ANTIGEN", title="Antigens", key=("patient", "antigen", "pre_sample", "post_sample"), columns=_ANTIGEN_COLUMNS
)
ANTIGEN_PRESENTATION = Table(
    name="ANTIGEN_PRESENTATION", title="Antigen presentation", key=ANTIGEN.key, columns=_ANTIGEN_COLUMNS
)


def _call_table(name: str, title: str, key: tuple[Column, ...]) -> Table:
    more = (
        number("estimate", "the estimated quantity"),
        number("low", "lower end of its interval"),
        number("high", "upper end of its interval"),
        text("evidence", "what the call rests on"),
        text("call", "the call", nullable=False),
        REASON,
    )
    return Table(name=name, title=title, key=tuple(c.name for c in key), columns=(*key, *more))


CAR = _call_table("CAR", "CAR+ cells", (SAMPLE,))
LINEAGE = _call_table("LINEAGE", "Lineage switch", (PATIENT,))
MALIGNANT = _call_table("MALIGNANT", "Malignant cells", (SAMPLE, text("cluster", "Leiden cluster", nullable=False)))
