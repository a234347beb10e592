"""How a column of a table is written, and the columns that many tables share."""

from __future__ import annotations

from typing import Any

from ohmics.schema import Column


def text(name: str, meaning: str, **more: Any) -> Column:
    return Column(name=name, kind="str", meaning=meaning, **more)


def count(name: str, meaning: str, **more: Any) -> Column:
    return Column(name=name, kind="int", meaning=meaning, **{"low": 0, **more})


def number(name: str, meaning: str, **more: Any) -> Column:
    return Column(name=name, kind="float", meaning=meaning, **more)


def flag(name: str, meaning: str, **more: Any) -> Column:
    return Column(name=name, kind="bool", meaning=meaning, **more)


def fraction(name: str, meaning: str, **more: Any) -> Column:
    return number(name, meaning, unit="fraction", low=0, high=1, **more)


SAMPLE = text("sample", "sample identifier, unique in the sheet", nullable=False)
PATIENT = text("patient", "patient identifier", nullable=False)
BARCODE = text("barcode", "cell barcode, unique in its sample", nullable=False)
CELL_TYPE = text("cell_type", "cell type, `malignant`, `car_positive`, or `bulk`", nullable=False)
CONTRAST = text("contrast", "name of the contrast", nullable=False)
MECHANISM = text("mechanism", "mechanism identifier; empty for a user's own list")
GENE_LIST = text("gene_list", "mechanism/list, or the name of a user's list", nullable=False)
METHOD = text(
    "method",
    "name of the method; ..._beyond_content: bulk score beyond the content of the cells that carry the programme; "
    "..._beyond_covariates: beyond activation, proliferation and depth",
    nullable=False,
)
LEVEL = text(
    "level", "whether the row speaks of the cohort or of one patient", values=("cohort", "patient"), nullable=False
)
SUBJECT = text("subject", "the contrast, or the patient", nullable=False)
FAMILY = text("family", "the tests this one was corrected with; empty when not corrected")
P = number("p", "two-sided p value", low=0, high=1)
Q = number("q", "p value corrected within the family", low=0, high=1)
SMALLEST = number("smallest_p", "the smallest p this test could have reached", low=0, high=1)
SCHEME = text("scheme", "how the p value was obtained")
LIST_COVERAGE = fraction("coverage", "share of the list's genes that the data hold")
REASON = text("reason", "a sentence with the numbers it rests on")
