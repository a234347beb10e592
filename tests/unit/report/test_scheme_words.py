"""The Methods text says how EFFECTS were tested, and only that."""

from dataclasses import replace

import pytest

from ohmics.report import signatures_page
from ohmics.report.inputs import ReportInputs
from ohmics.report.scheme_words import scheme_sentences


@pytest.mark.parametrize(
    ("scheme", "said", "works"),
    [
        ("sign flips of 8 units, all 2^8", "", []),
        ("permutation of units, all 70 labellings", "permuting", []),
        ("values permuted over units, 999 draws, seed 0", "its effect is the slope", []),
        ("mixed model, random patient, Kenward-Roger df", "one random intercept a", ["kenward_roger"]),
        ("sign flips of residuals (Freedman-Lane), all 2^9", "residuals permuted or flipped", ["freedman_lane"]),
    ],
)
def test_each_scheme_has_its_sentence(inputs: ReportInputs, scheme: str, said: str, works: list[str]) -> None:
    assert inputs.effects is not None
    given = replace(inputs, effects=inputs.effects.assign(scheme=scheme))
    text, cited = scheme_sentences(given)
    assert said in text
    assert bool(text) == bool(said)
    assert cited == works
    page = signatures_page(given)
    assert ("Kenward MG" in page) == ("kenward_roger" in works)


def test_without_effects_nothing_is_said(inputs: ReportInputs) -> None:
    assert scheme_sentences(replace(inputs, effects=None)) == ("", [])
