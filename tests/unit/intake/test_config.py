"""Configs: defaults in one place, YAML without traps, every fault in one sentence."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from ohmics.errors import OhmicsError
from ohmics.intake.config import Config, InputConfig, config_schema, load_config, parse_config, read_yaml
from ohmics.shipped import shipped

MINIMAL = "project: Study\ninput: {samples: samples.tsv, modality: single_cell}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("samples.tsv", "counts.csv", "my.gmt"):
        (tmp_path / name).write_text("x\n")
    (tmp_path / "mechanisms").mkdir()
    return tmp_path


def _load(folder: Path, text: str) -> Config:
    (folder / "config.yaml").write_text(text)
    return load_config(folder / "config.yaml")


def _faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(OhmicsError) as caught:
        _load(folder, text)
    return [str(fault) for fault in caught.value.faults]


def test_a_minimal_config_gets_every_default(folder: Path) -> None:
    config = _load(folder, MINIMAL)
    assert config == Config(
        project="Study", input=InputConfig(samples=str(folder / "samples.tsv"), modality="single_cell")
    )


def _defaults(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: entry["default"] for key, entry in schema["properties"].items() if "default" in entry}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def test_the_schema_and_the_code_have_the_same_keys_and_defaults() -> None:
    schema = config_schema()
    config = Config(project="x", input=InputConfig(samples="s", modality="bulk"))
    assert list(schema["properties"]) != []
    assert set(schema["properties"]) == {field.name for field in dataclasses.fields(Config)}
    for name, value in _defaults(schema).items():
        assert _plain(getattr(config, name)) == value, name
    for name, section in schema["properties"].items():
        if "properties" not in section:
            continue
        assert set(section["properties"]) == {field.name for field in dataclasses.fields(getattr(config, name))}, name
        for key, value in _defaults(section).items():
            assert _plain(getattr(getattr(config, name), key)) == value, f"{name}.{key}"


def test_every_key_is_described_and_closed() -> None:
    def walk(schema: dict[str, Any], place: str) -> None:
        assert schema.get("description"), place
        if "properties" in schema:
            assert schema["additionalProperties"] is False, place
        for key, entry in schema.get("properties", {}).items():
            walk(entry, f"{place}.{key}")

    walk(config_schema(), "config")


def test_shipped_configs_fit_the_schema() -> None:
    from jsonschema import Draft202012Validator

    found = sorted(shipped("config").rglob("config.yaml"))
    assert found
    for path in found:
        assert list(Draft202012Validator(config_schema()).iter_errors(read_yaml(path))) == [], path


def test_a_resolved_config_reads_back_to_itself(folder: Path) -> None:
    config = _load(
        folder,
        """
project: Study
outdir: out
input:
  samples: samples.tsv
  modality: bulk
  matrix: counts.csv
  columns: {timepoint: visit, sample: ""}
  defaults: {therapy: ici, dose: 3}
  transgenes: [CAR]
annotate: {types: [T cell]}
score: {gene_lists: [my.gmt], methods: [ucell]}
catalog_paths: [mechanisms]
contrasts:
  - {variable: timepoint, test: On, reference: Pre, pair_by: patient}
  - {name: dose, variable: dose, where: {timepoint: [Pre, 011, 2]}, covariates: [age]}
""",
    )
    assert config.input.matrix == str(folder / "counts.csv")
    assert config.score.gene_lists == (str(folder / "my.gmt"),)
    assert config.outdir == "out"
    assert config.contrasts[1].where == {"timepoint": ("Pre", "011", "2")}
    (folder / "resolved.yaml").write_text(config.to_yaml())
    assert load_config(folder / "resolved.yaml") == config
    assert config.to_yaml() == load_config(folder / "resolved.yaml").to_yaml()
    assert yaml.safe_load(config.to_yaml()) is not None


@pytest.mark.parametrize("word", ["On", "Off", "Yes", "no", "1:30", "2020-01-02", "NE", "011", "1e", "0x1F"])
def test_words_that_old_yaml_misreads_stay_text(folder: Path, word: str) -> None:
    (folder / "a.yaml").write_text(f"key: {word}\n")
    assert read_yaml(folder / "a.yaml") == {"key": word}


@pytest.mark.parametrize(
    ("text", "value"), [("1e6", 1e6), ("-2", -2), (".5", 0.5), ("true", True), ("~", None), ("", None)]
)
def test_numbers_truth_and_null_are_read(folder: Path, text: str, value: object) -> None:
    (folder / "a.yaml").write_text(f"key: {text}\n")
    assert read_yaml(folder / "a.yaml") == {"key": value}


def test_values_of_a_contrast_are_text(folder: Path) -> None:
    config = _load(
        folder, MINIMAL + "contrasts: [{variable: day, test: 21, reference: 11.0, pair_by: [patient, car]}]\n"
    )
    (contrast,) = config.contrasts
    assert (contrast.test, contrast.reference, contrast.name) == ("21", "11", "21_vs_11")
    assert contrast.blocks == ("patient", "car")


def test_environment_variables_in_paths(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_FOLDER", str(folder))
    text = "project: S\ninput: {samples: '${STUDY_FOLDER}/samples.tsv', modality: single_cell}\n"
    assert _load(folder, text).input.samples == str(folder / "samples.tsv")
    monkeypatch.delenv("STUDY_FOLDER")
    assert _faults(folder, text) == [
        "config.yaml, key input.samples: the environment variable STUDY_FOLDER of `${STUDY_FOLDER}/samples.tsv` "
        "is not set."
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("contarst: []", "config.yaml: unknown key `contarst`; did you mean `contrasts`?"),
        ("qc: {min_umis: 3}", "config.yaml, key qc: unknown key `min_umis`; did you mean `min_umi`?"),
        (
            "qc: {min_umi: many}",
            "config.yaml, key qc.min_umi: `many` is not a whole number; Fewest UMI of a kept cell.",
        ),
        ("qc: {max_pct_mito: 150}", "config.yaml, key qc.max_pct_mito: 150 is out of range; legal: at most 100"),
        ("qc: {doublets: yes}", "config.yaml, key qc.doublets: `yes` is not true or false"),
        ("seed:", "config.yaml, key seed: `null` is not a whole number; give a value, or leave the key out"),
        (
            "score: {tiers: [cor]}",
            "key score.tiers, entry 1: `cor` is not a value of this key; legal: core, additional",
        ),
        ("score: {methods: []}", "config.yaml, key score.methods: the value is empty; Scoring methods."),
        ("contrasts: [{test: a, reference: b}]", "config.yaml, key contrasts, entry 1: key `variable` is missing"),
        (
            "contrasts: [{variable: t, test: true, reference: b}]",
            "`true` is not text or a number or a list; put it in quotes",
        ),
        (
            "contrasts: [{variable: t, test: a}]",
            "key contrasts, entry 1: contrast on `t`: give both test and reference",
        ),
        ("contrasts: [{variable: t, name: a/b}]", "`a/b` holds a character that is not allowed"),
        ("contrasts: [{variable: t, pair_by: 3}]", "key pair_by: `3` is not text or a list"),
        ("contrasts: [{variable: t}, {variable: t}]", "config.yaml, key contrasts: two contrasts are named `t`"),
        ("gene_sets: {min_size: 50, max_size: 10}", "key gene_sets: min_size 50 is above max_size 10"),
        ("score: {gene_lists: [other.gmt]}", "config.yaml, key score.gene_lists: no such file: other.gmt"),
        ("catalog_paths: [other]", "config.yaml, key catalog_paths: no such file: other"),
        ("input: {}", "config.yaml, line 1, column 1: key `input` stands twice"),
        ("qc: [", "config.yaml, line "),
    ],
)
def test_each_fault_has_its_sentence(folder: Path, text: str, sentence: str) -> None:
    faults = _faults(folder, MINIMAL + text + "\n")
    assert len(faults) == 1
    assert sentence in faults[0]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("{samples: samples.tsv}", "config.yaml, key input: key `modality` is missing; What the matrices hold."),
        ("{samples: samples.tsv, modality: sc}", "`sc` is not a value of this key; legal: single_cell, bulk"),
        (
            "{samples: samples.tsv, modality: bulk, sample_column: a}",
            "config.yaml, key input: key `sample_column` is for single-cell runs; leave it out",
        ),
        ("{samples: samples.tsv, modality: single_cell, strandedness: forward}", "key `strandedness` is for bulk runs"),
        ("{samples: samples.tsv, modality: bulk, strandedness: both}", "`both` is not a value of this key"),
        ("{samples: samples.tsv, modality: bulk, transcripts: t.gtf}", "input.transcripts: no such file: t.gtf"),
        ("{samples: none.tsv, modality: single_cell}", "config.yaml, key input.samples: no such file: none.tsv"),
        ("{samples: samples.tsv, modality: single_cell, matrix: counts.csv}", "key `matrix` is for bulk runs"),
    ],
)
def test_faults_of_the_input(folder: Path, given: str, sentence: str) -> None:
    (fault,) = _faults(folder, f"project: S\ninput: {given}\n")
    assert sentence in fault


def test_all_faults_at_once(folder: Path) -> None:
    faults = _faults(folder, "projct: S\nqc: {min_umi: -1}\ninput: {samples: samples.tsv, modality: bulks}\n")
    assert [fault.split(";")[0] for fault in faults] == [
        "config.yaml: unknown key `projct`",
        "config.yaml: key `project` is missing",
        "config.yaml, key input.modality: `bulks` is not a value of this key",
        "config.yaml, key qc.min_umi: -1 is out of range",
    ]


@pytest.mark.parametrize("text", ["", "- a\n", "just text\n"])
def test_a_config_without_keys(folder: Path, text: str) -> None:
    assert _faults(folder, text) == ["config.yaml: the config holds no keys; `ohmics init` makes a commented one."]


def test_no_config(tmp_path: Path) -> None:
    with pytest.raises(OhmicsError, match="no such config file; `ohmics init` makes a commented one"):
        load_config(tmp_path / "none.yaml")


def test_plain_data_is_parsed_without_a_file(folder: Path) -> None:
    data = {"project": "S", "input": {"samples": "samples.tsv", "modality": "single_cell"}, "seed": 7}
    assert parse_config(data, folder=folder).seed == 7


def test_tabs_are_named(folder: Path) -> None:
    (folder / "config.yaml").write_text("project: x\ninput:\n\tmodality: bulk\n")
    with pytest.raises(OhmicsError, match=r"line 3, column 1: .*YAML is indented by spaces, never by tabs"):
        read_yaml(folder / "config.yaml")
