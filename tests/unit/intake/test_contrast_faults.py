"""Contrasts that cannot be computed, each with its sentence and the legal values."""

from __future__ import annotations

import pandas as pd
import pytest

from ohmics.errors import OhmicsError
from ohmics.intake.contrasts import check_contrasts, contrast_faults
from ohmics.model import Contrast
from ohmics.tables import SAMPLES


@pytest.fixture
def samples() -> pd.DataFrame:
    rows = [(f"{p}{t}", p, t, r) for p, r in (("A", "CR"), ("B", "PD"), ("C", "NE")) for t in ("pre", "relapse")]
    frame = pd.DataFrame(rows, columns=["sample", "patient", "timepoint", "response"])
    return SAMPLES.conform(frame.assign(modality="bulk", path="m.csv", age=[1, 2, 3, 4, 5, 6], site=["x", ""] * 3))


def _two(**more: object) -> Contrast:
    return Contrast(**{"variable": "timepoint", "test": "relapse", "reference": "pre", **more})


def test_sound_contrasts_have_no_fault(samples: pd.DataFrame) -> None:
    sound = [
        _two(pair_by="patient"),
        _two(random_by="patient", covariates=["age"]),
        _two(pair_by="patient", interact_with="response", where={"response": ["CR", "PD"]}),
        Contrast(variable="response", test="CR", reference="PD", where={"timepoint": "pre"}),
        Contrast(variable="age"),
    ]
    assert contrast_faults(samples, sound) == []


@pytest.mark.parametrize(
    ("contrast", "sentence"),
    [
        (
            {"variable": "timepont"},
            "`timepont` is no column of the sheet; legal: sample, patient, timepoint, modality, path, response, age, "
            "site; did you mean `timepoint`?",
        ),
        ({"pair_by": "donor"}, "`donor` is no column of the sheet"),
        ({"covariates": ["batch"]}, "`batch` is empty in every row of the sheet"),
        ({"test": "Relapse"}, "no sample has timepoint `Relapse`; legal: pre, relapse; did you mean `relapse`?"),
        ({"where": {"response": "SD"}}, "no sample has response `SD`; legal: CR, PD, NE"),
        ({"where": {"timepoint": ["pre"]}}, "no sample has timepoint `relapse` among the samples that `where` keeps"),
        ({"pair_by": "response", "where": {"sample": ["Apre", "Brelapse"]}}, "there is no pair: none of 2 blocks"),
        ({"pair_by": "site"}, "`site` is empty for Arelapse, Brelapse, Crelapse"),
        ({"interact_with": "response"}, "interact_with `response` has 3 groups (CR, PD, NE); legal: two groups"),
        (
            {"interact_with": "age", "where": {"patient": "A"}},
            "`age` changes within patient A; legal: one group a unit",
        ),
        ({"variable": "response", "test": None, "reference": None}, "`response` is no number that varies (CR, PD, NE)"),
        ({"unit": "donor"}, "`donor` is no column of the sheet"),
    ],
)
def test_each_fault_has_its_sentence(samples: pd.DataFrame, contrast: dict, sentence: str) -> None:
    faults = contrast_faults(samples, [_two(**contrast)])
    assert any(sentence in str(fault) for fault in faults), [str(fault) for fault in faults]


def test_faults_of_every_contrast_come_at_once(samples: pd.DataFrame) -> None:
    with pytest.raises(OhmicsError) as caught:
        check_contrasts(samples, [_two(test="later"), _two(pair_by="donor"), _two(pair_by="patient")])
    assert [fault.where for fault in caught.value.faults] == [
        "contrasts, contrast later_vs_pre",
        "contrasts, contrast relapse_vs_pre",
    ]
