"""The model matrices on the QC page."""

from dataclasses import replace

import pandas as pd

from ohmics.intake.contrast_words import design_rows
from ohmics.model import Contrast
from ohmics.report.design_table import designs_table
from ohmics.report.inputs import ReportInputs
from ohmics.report.qc_page import qc_page
from ohmics.report.select import contrasts


def test_each_coefficient_names_its_samples(inputs: ReportInputs) -> None:
    samples = pd.DataFrame({
        "sample": ["a", "b", "c", "d", "e", "f"], "patient": ["P1", "P1", "P2", "P2", "P3", "P3"],
        "timepoint": ["pre", "relapse"] * 3, "purity": [0.3, 0.5, 0.4, 0.25, 0.9, 0.6],
    })  # fmt: skip
    contrast = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient", covariates="purity")
    frame, _ = design_rows(samples, [contrast])
    assert designs_table(inputs) is None
    view = designs_table(replace(inputs, design=frame))
    assert view is not None
    page = qc_page(replace(inputs, design=frame))
    assert "timepoint[relapse]" in page
    assert "b, d, f" in page
    assert "a 0.3, b 0.5" in page
    assert "every sample" in page
    assert "design.tsv" in page


def test_every_kind_of_contrast_is_said_in_words(inputs: ReportInputs) -> None:
    entries = [
        {"name": "a", "variable": "response", "test": "PD|SD", "reference": "CR", "where": {"timepoint": "pre"}},
        {"name": "b", "variable": "timepoint", "test": "relapse", "reference": "pre", "random_by": "patient",
         "interact_with": "response", "covariates": ["purity", "age"]},
        {"name": "c", "variable": "age"},
    ]  # fmt: skip
    views = contrasts(replace(inputs, config={**inputs.config, "contrasts": entries}))
    unit = inputs.unit
    assert [view.text for view in views[:3]] == [
        "PD or SD against CR, only where timepoint is pre",
        f"relapse against pre, {unit} as a random effect, change compared between groups of response, "
        "adjusted for purity and age",
        "along age",
    ]
