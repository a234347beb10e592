"""Presets become ordinary contrasts, or say what they need; contrasts are said in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ohmics.compare import compare
from ohmics.errors import OhmicsError
from ohmics.intake.config import load_config
from ohmics.intake.contrast_words import describe_contrast, design_rows, design_text
from ohmics.intake.contrasts import check_contrasts
from ohmics.intake.presets import PRESETS, resolve_preset
from ohmics.model import Contrast
from ohmics.tables import DESIGN, SCORES, check


@pytest.fixture
def samples() -> pd.DataFrame:
    rows = [
        {"patient": f"P{i}", "timepoint": time, "response": response, "therapy": "car_t", "antigen_status": status}
        for i, (response, status) in enumerate(
            [("CR", "positive"), ("CR", "negative"), ("PR", "positive"), ("PR", "negative"), ("PD", None), ("SD", None),
             ("PD", None), ("NE", None)]
        )
        for time in ("Baseline", "Day 7", "Day 28", "Relapse")
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    frame.insert(0, "sample", [f"s{k}" for k in range(len(frame))])
    return frame


EXPECTED = {
    "primary_resistance": Contrast(
        name="primary_resistance", variable="response", test="PD", reference="CR|PR", where={"timepoint": ("Baseline",)}
    ),
    "acquired_resistance": Contrast(
        name="acquired_resistance", variable="timepoint", test="Relapse", reference="Baseline", pair_by="patient",
        where={"response": ("CR", "PR")},
    ),
    "antigen_relapse": Contrast(
        name="antigen_relapse", variable="antigen_status", test="positive", reference="negative",
        where={"timepoint": ("Relapse",)},
    ),
    "persistence": Contrast(
        name="persistence", variable="timepoint", test="Day 28", reference="Day 7", pair_by="patient"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_an_ordinary_contrast_of_this_sheet(samples: pd.DataFrame, name: str) -> None:
    contrast = resolve_preset(samples, {"preset": name})
    assert contrast == EXPECTED[name]
    check_contrasts(samples, [contrast])
    assert describe_contrast(samples, contrast)


@pytest.mark.parametrize("name", PRESETS)
def test_its_values_reach_the_test(samples: pd.DataFrame, name: str) -> None:
    contrast = resolve_preset(samples, {"preset": name})
    values = samples["timepoint"].eq("Relapse") * 0.5 + samples["antigen_status"].eq("negative") * 0.25
    frame = SCORES.conform([
        {"sample": s, "cell_type": "bulk", "gene_list": "l", "method": "ucell", "depth": "raw", "score": v,
         "n_cells": 9, "coverage": 1.0}
        for s, v in zip(samples["sample"], values, strict=True)
    ])  # fmt: skip
    effects = compare(frame, samples, contrast)
    row = effects[effects["level"] == "cohort"].iloc[0]
    expected = {"primary_resistance": -0.125, "acquired_resistance": 0.5, "antigen_relapse": -0.25, "persistence": 0.0}
    assert row["effect"] == pytest.approx(expected[name])
    units = {"primary_resistance": 6, "acquired_resistance": 4, "antigen_relapse": 4, "persistence": 8}
    assert row["n_units"] == units[name]


def test_what_the_user_names_goes_before_what_is_guessed(samples: pd.DataFrame) -> None:
    samples = samples.rename(columns={"response": "best_response"})
    entry = {
        "preset": "primary_resistance", "name": "ever", "response_column": "best_response",
        "before": ["Baseline", "Day 7"], "non_responders": ["PD", "SD"], "responders": "CR", "covariates": ["therapy"],
        "where": {"patient": ["P0", "P5"]},
    }  # fmt: skip
    contrast = resolve_preset(samples, entry)
    assert (contrast.name, contrast.test, contrast.reference) == ("ever", "PD|SD", "CR")
    assert contrast.where == {"timepoint": ("Baseline", "Day 7"), "patient": ["P0", "P5"]}
    assert contrast.covariates == ("therapy",)
    mixed = resolve_preset(samples.rename(columns={"best_response": "response"}),
                           {"preset": "acquired_resistance", "random_by": "patient"})  # fmt: skip
    assert (mixed.pair_by, mixed.random_by) == (None, "patient")


def _no_response(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns="response")


@pytest.mark.parametrize(
    ("change", "entry", "sentence"),
    [
        (_no_response, {"preset": "acquired_resistance"}, "needs to know who had responded"),
        (_no_response, {"preset": "primary_resistance"}, "`response` is no column of the sheet"),
        (lambda f: f.assign(therapy="ici"), {"preset": "persistence"}, "makes no sense for therapy ici; legal: car_t"),
        (lambda f: f.assign(therapy="ici"), {"preset": "antigen_relapse"}, "makes no sense for therapy ici"),
        (lambda f: f.assign(antigen_status=None), {"preset": "antigen_relapse"}, "`antigen_status` is empty"),
        (None, {"preset": "aquired_resistance"}, "did you mean `acquired_resistance`"),
        (None, {"preset": "persistence", "positive": "x"}, "key `positive` is none of preset persistence"),
        (None, {"preset": "persistence", "variable": "x"}, "an ordinary contrast takes no `preset`"),
        (None, {"preset": "primary_resistance", "responders": "CRR"}, "no sample has response `CRR` (responders)"),
        (None, {"preset": "persistence", "early": "Day 28", "late": "Day 7"}, "`Day 28` (early) is not before `Day 7`"),
        (
            lambda f: f[f["timepoint"] != "Day 7"], {"preset": "persistence"},
            "which values of `timepoint` are early cannot be told",
        ),
        (
            lambda f: f[f["timepoint"] != "Relapse"], {"preset": "acquired_resistance"},
            "are at relapse or progression cannot be told; legal: Baseline, Day 7, Day 28; name them with `after`",
        ),
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_words(samples: pd.DataFrame, change: Any, entry: dict[str, Any], sentence: str) -> None:
    frame = samples if change is None else change(samples)
    with pytest.raises(OhmicsError) as caught:
        resolve_preset(frame, entry)
    assert sentence in str(caught.value)


def test_of_two_therapies_a_preset_of_one_takes_its_samples(samples: pd.DataFrame) -> None:
    both = samples.assign(therapy=["ici"] * 4 + ["car_t"] * (len(samples) - 4))
    assert resolve_preset(both, {"preset": "persistence"}).where == {"therapy": "car_t"}
    assert resolve_preset(both, {"preset": "acquired_resistance"}).where == {"response": ("CR", "PR")}


def test_a_config_holds_presets_and_reads_back_to_itself(tmp_path: Path, samples: pd.DataFrame) -> None:
    samples.assign(modality="bulk").to_csv(tmp_path / "samples.tsv", sep="\t", index=False)
    (tmp_path / "counts.csv").write_text("x\n")
    text = "project: Study\ninput: {samples: samples.tsv, modality: bulk, matrix: counts.csv}\n"
    entries = "contrasts: [{preset: acquired_resistance}, {preset: primary_resistance, non_responders: [PD, SD]}]\n"
    (tmp_path / "config.yaml").write_text(text + entries)
    config = load_config(tmp_path / "config.yaml")
    assert [contrast.label for contrast in config.contrasts] == ["acquired_resistance", "primary_resistance"]
    assert config.contrasts[1].test == "PD|SD"
    (tmp_path / "used.yaml").write_text(config.to_yaml())
    assert load_config(tmp_path / "used.yaml") == config
    (tmp_path / "config.yaml").write_text(
        text + "contrasts: [{preset: persistence, early: 3}, {variable: t, after: x}]\n"
    )
    with pytest.raises(OhmicsError) as caught:
        load_config(tmp_path / "config.yaml")
    assert [fault.where for fault in caught.value.faults] == [
        "config.yaml, key contrasts, entry 1",
        "config.yaml, key contrasts, entry 2",
    ]
    assert "no sample has timepoint `3` (early)" in str(caught.value)
    assert "key `after` is for entries with `preset`" in str(caught.value)


def test_direction_and_who_takes_no_part_are_said(samples: pd.DataFrame) -> None:
    lines = describe_contrast(samples, EXPECTED["primary_resistance"])
    assert lines == [
        "primary_resistance: response PD against CR or PR among samples whose timepoint is Baseline, "
        "each patient on one side",
        "primary_resistance: positive = higher in PD than in CR or PR",
        "primary_resistance: samples with another response take no part: NE (1), SD (1)",
    ]
    samples["group"] = ["NR" if value in ("PD", "SD") else "R" for value in samples["response"]]
    samples["dose"] = range(len(samples))
    change = Contrast(
        variable="timepoint", test="Relapse", reference="Baseline", pair_by="patient", interact_with="group"
    )
    assert (
        "positive = the change from Baseline to Relapse is larger in R than in NR"
        in describe_contrast(samples, change)[1]
    )
    assert describe_contrast(samples, Contrast(variable="dose"))[1] == "dose: positive = rises with dose"
    assert "patient as a random effect" in describe_contrast(samples, Contrast(variable="dose"))[0]


def test_the_design_is_shown_and_what_cannot_be_estimated_is_said(samples: pd.DataFrame) -> None:
    samples["site"] = ["a" if time == "Baseline" else "b" for time in samples["timepoint"]]
    confounded = Contrast(
        name="bad", variable="timepoint", test="Relapse", reference="Baseline", pair_by="patient", covariates="site"
    )
    frame, lines = design_rows(samples, [EXPECTED["acquired_resistance"], confounded])
    check(frame, DESIGN)
    assert set(frame["contrast"]) == {"acquired_resistance"}
    asked = frame[frame["asked"]]
    assert set(asked["coefficient"]) == {"timepoint[Relapse]"}
    assert dict(zip(asked["sample"], asked["value"], strict=True)) == {
        "s0": 0, "s3": 1, "s4": 0, "s7": 1, "s8": 0, "s11": 1, "s12": 0, "s15": 1,
    }  # fmt: skip
    assert "4 pairs of 4 patients" in lines[0]
    assert "cannot be told from `site` (`Baseline` only with a; `Relapse` only with b; patient P0, P1" in lines[1]
    text = design_text(frame)
    assert text.splitlines()[0] == "acquired_resistance"
    assert "patient[P1]" in text.splitlines()[1]
