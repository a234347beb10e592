"""Conflicts, cautions and what would change a verdict stand on the page, and calls without an error rate say so."""

from dataclasses import replace

import pandas as pd

from ohmics.report.findings import caution_sentences, finding_table
from ohmics.report.inputs import ReportInputs
from ohmics.report.select import contrasts
from ohmics.report.signatures_page import signatures_page


def with_columns(inputs: ReportInputs, **values: str) -> ReportInputs:
    """Return inputs whose cohort verdicts hold these texts."""
    assert inputs.evidence is not None
    cohort = inputs.evidence["level"] == "cohort"
    texts = {name: pd.Series([text if own else None for own in cohort], dtype=object) for name, text in values.items()}
    return replace(inputs, evidence=inputs.evidence.reset_index(drop=True).assign(**texts))


def test_conflicts_and_what_would_change_a_verdict_are_on_the_page(inputs: ReportInputs) -> None:
    page = signatures_page(
        with_columns(
            inputs, conflicts="expression for (a), composition against (b)",
            would_change="needs pairs: about 9 if the change is as large as found; there are 5",
        )
    )  # fmt: skip
    assert "Lines of different nature that disagree" in page
    assert "expression for (a), composition against (b)" in page
    assert "What would change the verdict" in page
    assert "about 9 if the change is as large as found; there are 5" in page
    assert "Lines of different nature that disagree" not in signatures_page(inputs)


def test_a_caution_of_every_verdict_is_said_once_on_the_first_screen(inputs: ReportInputs) -> None:
    told = with_columns(inputs, cautions="the later samples (On) were taken on treatment|1 of 6 samples needs care")
    assert caution_sentences(told.evidence) == [
        "The later samples (On) were taken on treatment.", "1 of 6 samples needs care."
    ]  # fmt: skip
    assert "The later samples (On) were taken on treatment." in signatures_page(told)
    assert caution_sentences(inputs.evidence) == []


def test_a_share_of_car_cells_is_consistent_and_not_found(inputs: ReportInputs) -> None:
    assert inputs.evidence is not None
    rows = inputs.evidence
    own = rows["mechanism"] == "antigen_loss"
    verdict = rows["verdict"].mask(own & (rows["level"] == "patient"), "consistent")
    verdict = verdict.mask(own & (rows["level"] == "cohort"), "open")
    kind = rows["sub_reason"].mask(own & (rows["level"] == "cohort"), "called_per_patient")
    kind = kind.mask(own & (rows["level"] == "patient"), "fell")
    changed = replace(inputs, evidence=rows.assign(verdict=verdict, sub_reason=kind))
    text = str(finding_table(changed, contrasts(changed)[0]))
    assert "consistent in 3 of 3 patients" in text
    assert "each call has an interval; no test over the cohort" in text
    assert "has its own error rate" not in text
