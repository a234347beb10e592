"""Shares of groups of cell types: all T cells whatever their subtypes, and malignant cells."""

import numpy as np
import pandas as pd
import pytest

from ohmics.compare import compare_composition
from ohmics.model import Contrast
from ohmics.share_groups import compare_shares
from ohmics.tables import COMPOSITION, SAMPLES, check

CONTRAST = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient")
NAME = CONTRAST.label
BELOW = {"T cell": ["T cell", "CD4 T", "CD8 T"], "B cell": ["B cell"]}
TYPES = ("T cell", "CD4 T", "CD8 T", "B cell", "blast")
SHARES = ("T cell", "B cell", "malignant")


def cohort(*, fewer_t=1.0, more_tumour=1.0, patients=8, seed=0):
    """Return CELLS and SAMPLES; at relapse CD8 T cells grow, and T cells and blasts change together as told."""
    random = np.random.default_rng(seed)
    rows, sheet = [], []
    for patient in range(patients):
        for timepoint in ("pre", "relapse"):
            later = timepoint == "relapse"
            t_cells = np.array([40.0, 30.0, 30.0 * (2.0 if later else 1.0)])
            t_cells *= 100 / t_cells.sum() * (fewer_t if later else 1.0)
            level = np.array([*t_cells, 60, 60 * (more_tumour if later else 1.0)]) * random.lognormal(0, 0.1, 5)
            sample = f"p{patient}_{timepoint}"
            for kind, number in zip(TYPES, random.poisson(3 * level), strict=True):
                rows += [{"sample": sample, "cell_type": kind, "malignant": kind == "blast"}] * int(number)
            sheet.append({"sample": sample, "patient": f"p{patient}", "timepoint": timepoint, "path": sample,
                          "modality": "single_cell"})  # fmt: skip
    cells = pd.DataFrame(rows)
    cells["malignant"] = cells["malignant"].astype("boolean")
    return cells, SAMPLES.conform(sheet)


def shares(cells, samples, **more):
    found = compare_shares(cells, samples, [CONTRAST], shares=SHARES, descendants=BELOW, **more)
    check(found, COMPOSITION)
    return found, found[found["subject"] == NAME].set_index("cell_type")


def test_all_t_cells_are_one_share_whatever_their_subtypes():
    cells, samples = cohort(fewer_t=0.5)
    _, groups = shares(cells, samples)
    single = compare_composition(cells, samples, [CONTRAST]).query("subject == @NAME").set_index("cell_type")
    assert groups.index.tolist() == ["T cell (with subtypes)", "malignant"]  # B cells are one type
    assert groups.loc["T cell (with subtypes)", "effect"] < 0
    assert groups.loc["T cell (with subtypes)", "q"] < 0.05
    # Beside it one subtype grew among them.
    assert single.loc["CD8 T", "effect"] > single.loc["CD4 T", "effect"]


def test_the_effect_is_that_of_two_parts():
    cells, samples = cohort(patients=2)
    found, _ = shares(cells, samples)
    row = found[(found["subject"] == "p0") & (found["cell_type"] == "malignant")].iloc[0]
    counts = {}
    for timepoint in ("pre", "relapse"):
        own = cells[cells["sample"] == f"p0_{timepoint}"]
        inside = int(own["malignant"].sum())
        counts[timepoint] = np.log((inside + 0.5) / (len(own) - inside + 0.5))
    assert row["effect"] == pytest.approx((counts["relapse"] - counts["pre"]) / 2)
    assert row["fraction_pre"] == pytest.approx(cells[cells["sample"] == "p0_pre"]["malignant"].mean())


def test_groups_are_adjusted_together():
    cells, samples = cohort(fewer_t=0.9, more_tumour=1.2)
    _, both = shares(cells, samples)
    one = compare_shares(cells, samples, [CONTRAST], shares=["malignant"], descendants=BELOW).query("subject == @NAME")
    assert one["q"].iloc[0] == one["p"].iloc[0]
    assert (both["q"] >= both["p"]).all()
    assert both.loc["malignant", "q"] >= one["q"].iloc[0]


def test_samples_whose_malignant_cells_cannot_be_told_are_left_out():
    cells, samples = cohort()
    cells.loc[cells.index[cells["sample"] == "p3_relapse"][::3], "malignant"] = pd.NA
    found, groups = shares(cells, samples)
    assert groups.loc["malignant", "n_pairs"] == 7
    assert groups.loc["T cell (with subtypes)", "n_pairs"] == 8
    told = [row for row in found.attrs["skipped"] if row["subject"] == "p3_relapse"]
    assert len(told) == 1
    assert "cannot be told to be malignant or not" in told[0]["reason"]


def test_without_malignant_cells_or_subtypes_there_is_no_row():
    cells, samples = cohort()
    plain = cells[~cells["cell_type"].isin(["CD4 T", "CD8 T"])].assign(malignant=False)
    found, groups = shares(plain.astype({"malignant": "boolean"}), samples)
    assert found.empty
    assert groups.empty
