"""The panel of T-cell states: numbers of the tables in plain words, and nothing where the run has no states."""

from __future__ import annotations

import pandas as pd

from ohmics.report.inputs import ReportInputs
from ohmics.report.select import ContrastView
from ohmics.report.signatures_page import signatures_page
from ohmics.report.states_panel import states_panel
from ohmics.tables import COMPOSITION, EFFECTS, SAMPLES, STATES

NAME = "post_vs_pre"
VIEW = ContrastView(NAME, "post against pre", "post", "pre", paired=True)


def inputs(**more: object) -> ReportInputs:
    samples = [
        {"sample": f"{patient}_{when}", "patient": patient, "timepoint": when, "modality": "single_cell", "path": "x"}
        for patient in ("P1", "P2")
        for when in ("pre", "post")
    ]
    effects = []
    for method, effect, q in (("mean_z", 0.3, 0.03), ("mean_z_beyond_covariates", -0.02, 0.8)):
        for subject, level in ((NAME, "cohort"), ("P1", "patient"), ("P2", "patient")):
            effects.append({
                "contrast": NAME, "level": level, "subject": subject, "cell_type": "T cell", "mechanism": "m",
                "gene_list": "m/l", "method": method, "depth": "thinned", "effect": effect, "low": effect - 0.1,
                "high": effect + 0.1, "p": q, "q": q, "n_units": 2, "n_positive": 2,
            })  # fmt: skip
    shares = [
        {"contrast": NAME, "subject": subject, "cell_type": state, "fraction_pre": before, "fraction_post": 1 - before,
         "effect": 0.5, "p": 0.5, "q": 0.5, "n_pairs": 2}
        for subject in (NAME, "P1", "P2")
        for state, before in (("nk_like_dysfunction", 0.4), ("none", 0.6))
    ]  # fmt: skip
    states = [{
        "sample": "P1_pre", "cell_type": "T cell", "state": "all", "fraction": 1.0, "raw": 0.1, "beyond": 0.1,
        "note": "activation: 11 genes are left out", "collinearity": "condition number 1.4",
    }]  # fmt: skip
    given = {
        "states": STATES.conform(states), "state_effects": EFFECTS.conform(effects),
        "state_composition": COMPOSITION.conform(shares),
    }  # fmt: skip
    config = {"contrasts": [{"variable": "timepoint", "test": "post", "reference": "pre", "pair_by": "patient"}]}
    return ReportInputs(config=config, samples=SAMPLES.conform(samples), **{**given, **more})


def test_the_sentence_holds_both_changes() -> None:
    panel = states_panel(inputs(), VIEW)
    assert panel is not None
    assert (
        "the mean change of the terminal exhaustion score of T cells from pre to post is raw +0.3 (q 0.03)"
        in panel.sentence
    )
    assert "beyond activation, proliferation and depth -0.02 (q 0.8)" in panel.sentence
    assert panel.cautions == ("Activation: 11 genes are left out.", "Covariates: condition number 1.4.")
    shown = [row[0].text for row in panel.shares.rows]
    assert set(shown) == {"NK-like dysfunction", "none stands out"}
    assert panel.change is not None
    assert "all together" in panel.change.markup
    assert panel.fractions is not None
    assert "relative to the other states" in panel.fractions.caption


def test_without_states_there_is_no_panel_and_without_tests_it_says_so() -> None:
    assert states_panel(inputs(states=None), VIEW) is None
    panel = states_panel(inputs(state_effects=None, state_composition=None), VIEW)
    assert panel is not None
    assert panel.change is None
    assert panel.fractions is None
    assert "was not compared" in panel.sentence


def test_the_page_holds_the_panel_once_a_contrast() -> None:
    page = signatures_page(inputs())
    assert page.count("<h3>States of T cells</h3>") == 1
    assert "<h3>States of T cells</h3>" not in signatures_page(inputs(states=pd.DataFrame()))
