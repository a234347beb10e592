"""Outcomes of a config: read, checked with all faults at once, and told in sentences before a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from ohmics.errors import OhmicsError
from ohmics.intake import check_run, gene_table, load_config
from ohmics.intake.config import parse_config
from ohmics.plan import load_plan

RESPONSE = {
    "name": "response", "column": "response", "positive": ["CR", "PR"], "negative": ["PD"], "score": "baseline",
    "contrast": "relapse_vs_pre",
}  # fmt: skip
SURVIVAL = {"name": "os", "time": "os_days", "event": "os_event", "score": "baseline", "where": {"timepoint": "pre"}}
CHANGE = {**SURVIVAL, "name": "os_change", "score": "change", "contrast": "relapse_vs_pre", "landmark": "day"}
del CHANGE["where"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    genes = list(gene_table().frame["symbol"].head(30))
    rows = []
    for number in range(24):
        for timepoint, day in (("pre", 0), ("relapse", 30)):
            rows.append({
                "sample": f"P{number}_{timepoint}", "patient": f"P{number}", "timepoint": timepoint, "day": day,
                "response": "NE" if number == 23 else ("CR", "PR", "PD", "PD")[number % 4],
                "os_days": 20 if number == 0 else 100 + number, "os_event": int(number % 3 > 0),
            })  # fmt: skip
    sheet = pd.DataFrame(rows)
    sheet.to_csv(tmp_path / "samples.tsv", sep="\t", index=False)
    counts = np.random.default_rng(0).poisson(50, size=(len(genes), len(sheet)))
    pd.DataFrame(counts, index=genes, columns=sheet["sample"]).to_csv(tmp_path / "counts.csv")
    return tmp_path


def written(folder: Path, *outcomes: dict[str, object]) -> Path:
    config = {
        "project": "Study",
        "input": {"samples": "samples.tsv", "matrix": "counts.csv", "modality": "bulk", "defaults": {"therapy": "ici"}},
        "contrasts": [{"variable": "timepoint", "test": "relapse", "reference": "pre", "pair_by": "patient"}],
        "outcomes": list(outcomes),
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder / "config.yaml"


def test_outcomes_are_told_with_patients_events_and_who_is_left_out(folder: Path) -> None:
    notes = check_run(load_config(written(folder, RESPONSE, SURVIVAL, CHANGE))).notes
    assert [note for note in notes if note.startswith("outcome ")] == [
        "outcome response (baseline score): 23 patients, 12 with CR, PR; left out: 1 response NE, neither positive nor "
        "negative",
        "outcome os (baseline score): 24 patients, 16 with the event os_event",
        "outcome os_change (change of relapse_vs_pre): 23 patients, 16 with the event os_event; left out: 1 last seen "
        "before the landmark",
    ]


def test_too_few_events_are_told_before_the_run(folder: Path) -> None:
    few = {**RESPONSE, "positive": ["CR"], "negative": ["PD"]}
    note = check_run(load_config(written(folder, few))).notes[-1]
    assert "6 with CR" in note
    assert note.endswith("not assessable, 10 patients with and without it are needed")


def test_every_fault_is_named_at_once(folder: Path) -> None:
    sheet = pd.read_csv(folder / "samples.tsv", sep="\t")
    sheet.loc[1, "response"] = "PD"
    sheet.to_csv(folder / "samples.tsv", sep="\t", index=False)
    path = written(
        folder,
        {**RESPONSE, "positive": ["CR", "PX"]},
        {**SURVIVAL, "event": "os_evnt"},
        {**CHANGE, "contrast": "relaps_vs_pre"},
    )
    with pytest.raises(OhmicsError) as caught:
        check_run(load_config(path))
    text = str(caught.value)
    assert len(caught.value.faults) == 4
    for words in ("P0 (CR and PD)", "no sample has response `PX`", "did you mean `os_event`?", "`relapse_vs_pre`?"):
        assert words in text
    with pytest.raises(OhmicsError) as again:
        load_plan(path)
    assert len(again.value.faults) == 4


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"score": "both"}, "baseline, change"),
        ({"landmark": 3}, "landmark"),
        ({"column": None, "positive": None}, "column"),
        ({"cut": 3}, "unknown key `cut`"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(folder: Path, changed: dict[str, object], words: str) -> None:
    entry = {key: value for key, value in {**RESPONSE, **changed}.items() if value is not None}
    with pytest.raises(OhmicsError, match=words):
        load_config(written(folder, entry))


def test_two_outcomes_of_one_name_are_refused(folder: Path) -> None:
    with pytest.raises(OhmicsError, match="two outcomes are named `response`"):
        load_config(written(folder, RESPONSE, RESPONSE))


def test_a_config_with_outcomes_survives_being_written_and_read(folder: Path) -> None:
    cut = {**SURVIVAL, "kaplan_meier": {"m": "median"}}
    config = load_config(written(folder, RESPONSE, cut, {**CHANGE, "landmark": 28.5}))
    assert parse_config(yaml.safe_load(config.to_yaml()), folder=folder) == config


def test_a_contrast_that_is_not_paired_has_no_change(folder: Path) -> None:
    path = written(folder, CHANGE)
    config = yaml.safe_load(path.read_text())
    config["contrasts"][0].pop("pair_by")
    path.write_text(yaml.safe_dump(config))
    with pytest.raises(OhmicsError, match="is not paired"):
        check_run(load_config(path))
    config["outcomes"] = [{**RESPONSE}]
    path.write_text(yaml.safe_dump(config))
    with pytest.raises(OhmicsError, match="samples on both sides"):
        check_run(load_config(path))
