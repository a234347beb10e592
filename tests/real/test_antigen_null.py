"""The two halves of one MALT lymphoma: nothing changed between them, and a planted loss is found."""

import importlib.util
import os
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

_SPEC = importlib.util.spec_from_file_location(
    "antigen_real", Path(__file__).resolve().parents[1] / "calibration" / "antigen_real.py"
)
antigen_real = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(antigen_real)

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(
        "OHMICS_DATA" not in os.environ or not antigen_real.folder().is_dir(),
        reason="OHMICS_DATA does not name a folder with malt_lymphoma",
    ),
]
SPLITS = 40


@pytest.mark.parametrize("antigen", antigen_real.ANTIGENS)
@pytest.mark.parametrize("depth", [1.0, 0.25])
def test_nothing_changed_between_the_published_halves(antigen, depth):
    row = antigen_real.call(*antigen_real.halves(), antigen, kept=1.0, depth=depth, seed=0)
    assert row["call"] in ("retained", "inconclusive"), row["reason"]
    assert row["remaining_low"] < 1 < row["remaining_high"]


def test_a_total_loss_is_lost_and_a_partial_one_reduced():
    lost = antigen_real.call(*antigen_real.halves(), "CD19", kept=0.0, depth=1.0, seed=0)
    assert (lost["call"], lost["detected_post"]) == ("lost", 0)
    assert lost["remaining_high"] < 0.2
    partial = antigen_real.call(*antigen_real.halves(), "CD19", kept=0.4, depth=1.0, seed=0)
    assert partial["call"] == "reduced", partial["reason"]
    assert partial["remaining_low"] < 0.4 < partial["remaining_high"]


@pytest.mark.parametrize("antigen", ["CD19", "CD22"])
def test_random_halves_are_rarely_called_changed(antigen):
    row = antigen_real.summary(pd.DataFrame([antigen_real.split("none", antigen, n) for n in range(SPLITS)]), 1.0)
    limit = stats.binom.isf(1e-3, SPLITS, 0.05) / SPLITS
    assert row["lost"] + row["reduced"] <= limit, row
    assert row["gained"] <= limit, row
    assert row["not_assessable"] == 0
