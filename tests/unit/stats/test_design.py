"""Designs: who takes part, what is said of who does not, and what cannot be estimated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ohmics.errors import OhmicsError
from ohmics.model import Contrast
from ohmics.stats.design import design_matrix

PAIRED = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient")


def sheet(n_patients: int = 4, **columns: list[object]) -> pd.DataFrame:
    rows = [(f"P{i}", side) for i in range(1, n_patients + 1) for side in ("pre", "relapse")]
    frame = pd.DataFrame(rows, columns=["patient", "timepoint"])
    frame["sample"] = frame["patient"] + "_" + frame["timepoint"]
    return frame.assign(**columns)


def test_pairs_are_blocked_by_patient_and_the_comparison_is_last() -> None:
    design = design_matrix(sheet(), PAIRED)
    assert list(design.matrix.columns) == [
        "(Intercept)", "patient[P2]", "patient[P3]", "patient[P4]", "timepoint[relapse]",
    ]  # fmt: skip
    assert design.coefficient == "timepoint[relapse]"
    assert design.matrix["timepoint[relapse]"].tolist() == [0.0, 1.0] * 4
    assert design.residual_df == 3
    assert design.message == (
        "relapse_vs_pre: 4 pairs of 4 patients (8 samples), model ~ patient + timepoint, 3 residual degrees of freedom"
    )


def test_a_second_sample_of_a_side_and_an_incomplete_block_are_left_out_and_said() -> None:
    frame = sheet()
    again = frame.iloc[[1]].assign(sample="P1_relapse_b")
    alone = frame.iloc[[0]].assign(sample="P9_pre", patient="P9")
    design = design_matrix(pd.concat([frame, again, alone]), PAIRED)
    assert design.samples == list(frame["sample"])
    assert design.notes == (
        "1 further samples of a block and side left out, the first in sheet order is kept (P1): P1_relapse_b",
        "1 incomplete blocks left out (1 samples): P9",
    )


def test_a_random_effect_keeps_every_sample() -> None:
    frame = pd.concat([sheet(), sheet().iloc[[1]].assign(sample="P1_relapse_b")])
    contrast = Contrast(variable="timepoint", test="relapse", reference="pre", random_by="patient")
    design = design_matrix(frame, contrast)
    assert len(design.samples) == 9
    assert design.random
    assert list(design.matrix.columns) == ["(Intercept)", "timepoint[relapse]"]


def test_two_block_columns_are_additive() -> None:
    rows = [(d, t, c) for d in ("76", "86", "90") for t in ("11", "15", "21") for c in ("CD19", "HA")]
    frame = pd.DataFrame(rows, columns=["donor", "day", "CAR"])
    frame.index = pd.Index(["_".join(row) for row in rows])
    contrast = Contrast(variable="CAR", test="HA", reference="CD19", pair_by=["donor", "day"], unit="donor")
    design = design_matrix(frame, contrast)
    assert design.formula == "~ donor + day + CAR"
    assert design.matrix.shape == (18, 6)
    assert design.blocks.nunique() == 9
    assert design.units.nunique() == 3


def test_numbers_are_compared_as_text_and_where_restricts() -> None:
    frame = sheet(4, tissue=["blood"] * 6 + ["marrow"] * 2).assign(
        day=lambda f: f["timepoint"].map({"pre": 0.0, "relapse": 90.0})
    )
    contrast = Contrast(variable="day", test="90", reference="0", pair_by="patient", where={"tissue": ["blood"]})
    assert design_matrix(frame, contrast).units.nunique() == 3


def test_a_covariate_constant_within_patients_is_left_out_and_said() -> None:
    frame = sheet(4, response=["R", "R", "N", "N"] * 2)
    contrast = Contrast(
        variable="timepoint", test="relapse", reference="pre", pair_by="patient", covariates=["response"]
    )
    design = design_matrix(frame, contrast)
    assert design.formula == "~ patient + timepoint"
    assert design.notes == ("`response` says nothing that the terms before it do not: left out response[R]",)


def test_the_interaction_compares_the_changes_of_two_groups() -> None:
    frame = sheet(4, response=["R", "R", "N", "N"] * 2)
    contrast = Contrast(
        variable="timepoint", test="relapse", reference="pre", pair_by="patient", interact_with="response"
    )
    design = design_matrix(frame, contrast)
    assert design.coefficient == "timepoint[relapse]:response[R]"
    change = {"P1": 3.0, "P2": 1.0, "P3": 3.0, "P4": 1.0}
    y = np.array([change[p] * (t == "relapse") for p, t in zip(frame["patient"], frame["timepoint"], strict=True)])
    coefficients = np.linalg.lstsq(design.matrix.to_numpy(), y, rcond=None)[0]
    assert coefficients[-1] == pytest.approx(2.0)


def test_a_continuous_variable_is_one_number_a_sample() -> None:
    frame = sheet(4, score=[0, 1, 0, 2, 0, 3, 1, 4])
    design = design_matrix(frame, Contrast(variable="score", pair_by="patient"))
    assert design.matrix["score"].tolist() == [0, 1, 0, 2, 0, 3, 1, 4]
    assert set(design.groups) == {"all"}


@pytest.mark.parametrize(
    ("contrast", "columns", "words"),
    [
        (
            {"variable": "timepoint", "test": "relapse", "reference": "pre", "covariates": ["batch"], "unit": "sample"},
            {"batch": ["b1", "b2"] * 4},
            ["cannot be told from `batch`", "`pre` only with b1; `relapse` only with b2", "leave `batch` out"],
        ),
        (
            {"variable": "timepoin", "test": "relapse", "reference": "pre", "pair_by": "patiant"},
            {},
            ["2 faults", "did you mean `timepoint`?", "did you mean `patient`?"],
        ),
        (
            {"variable": "timepoint", "test": "relaps", "reference": "pre", "pair_by": "patient"},
            {},
            ["no sample has `relaps`", "legal: pre, relapse", "did you mean `relapse`?"],
        ),
        (
            {"variable": "timepoint", "test": "relapse", "reference": "pre", "pair_by": "sample"},
            {},
            ["no block of sample has both `relapse` and `pre`"],
        ),
        (
            {
                "variable": "timepoint",
                "test": "relapse",
                "reference": "pre",
                "where": {"patient": "P1"},
                "pair_by": "patient",
            },
            {},
            ["2 samples and 2 coefficients", "no residual degree of freedom"],
        ),
        (
            {
                "variable": "timepoint",
                "test": "relapse",
                "reference": "pre",
                "interact_with": "arm",
                "pair_by": "patient",
            },
            {"arm": ["a", "a", "b", "b", "c", "c", "a", "a"]},
            ["has 3 groups (a, b, c)", "restrict them with `where`"],
        ),
        ({"variable": "timepoint", "pair_by": "patient"}, {}, ["`pre` in `timepoint` is no number"]),
    ],
)
def test_what_cannot_be_estimated_is_said_in_words(
    contrast: dict[str, object], columns: dict[str, list[object]], words: list[str]
) -> None:
    with pytest.raises(OhmicsError) as error:
        design_matrix(sheet(4, **columns), Contrast(**contrast))  # type: ignore[arg-type]  # one dict holds all kinds
    for word in words:
        assert word in str(error.value)


def test_the_sample_column_may_be_a_block_of_its_own_values() -> None:
    frame = sheet().assign(pair=lambda f: f["patient"].str[1:].astype(int))
    contrast = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="pair")
    assert list(dict.fromkeys(design_matrix(frame, contrast).blocks)) == ["1", "2", "3", "4"]
