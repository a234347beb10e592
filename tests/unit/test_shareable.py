"""Whatever path a config can name is cut when it is shared, and its file is in the manifest."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ohmics import tables
from ohmics.intake.config import load_config
from ohmics.io import write_table
from ohmics.manifest import inputs_of
from ohmics.shareable import last_name, shareable_config
from ohmics.sharing.folder import renamed_config
from ohmics.sharing.ids import Renamer

INPUTS = {
    "bulk": {"matrix": "counts.tsv", "transcripts": "tx.tsv", "junctions": "reads.tsv"},
    "single_cell": {"matrix": "counts.tsv", "cells": "cells.tsv", "sample_column": "s"},
}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from texts(inner)


@pytest.mark.parametrize("modality", INPUTS)
def test_every_path_of_a_config_is_cut_and_its_file_is_hashed(modality: str, tmp_path: Path) -> None:
    for name in (
        "samples.tsv",
        "counts.tsv",
        "tx.tsv",
        "reads.tsv",
        "cells.tsv",
        "genes.tsv",
        "a.gmt",
        "b.gmt",
        "m.yaml",
    ):
        (tmp_path / name).write_text("x", encoding="utf-8")
    given: dict[str, Any] = {
        "project": "Trial",
        "input": {"samples": "samples.tsv", "modality": modality, **INPUTS[modality]},
        "malignant": {"gene_positions": "genes.tsv"},
        "score": {"gene_lists": ["a.gmt"]},
        "gene_sets": {"collections": {"mine": "b.gmt"}},
        "catalog_paths": ["m.yaml"],
        "contrasts": [{"variable": "timepoint", "test": "relapse", "reference": "pre", "pair_by": ["patient"]}],
        "outdir": str(tmp_path / "results"),
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(given), encoding="utf-8")
    config = load_config(tmp_path / "config.yaml").to_dict()
    named = {Path(text) for text in texts({**config, "outdir": ""}) if str(tmp_path) in text}
    assert {path.name for path in named} >= {"samples.tsv", "counts.tsv", "genes.tsv", "a.gmt", "b.gmt", "m.yaml"}
    assert len(named) == (8 if modality == "bulk" else 7)
    assert not [text for text in texts(shareable_config(config)) if str(tmp_path) in text]
    told = renamed_config(config, Renamer({"P01": "P-AAAAAA"}))
    assert {text for text in texts(told) if text in {path.name for path in named}} == {"a.gmt", "b.gmt", "m.yaml"}
    results = tmp_path / "results"
    results.mkdir()
    (results / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    row = {
        "sample": "S",
        "patient": "P",
        "timepoint": "pre",
        "modality": modality,
        "path": str(tmp_path / "counts.tsv"),
    }
    write_table(tables.SAMPLES.conform([row]), tables.SAMPLES, results / "samples.tsv")
    assert set(dict(inputs_of(results)).values()) == named


def test_the_last_name_of_a_path_of_any_system() -> None:
    assert [last_name(path) for path in ("/a/b.h5", "C:\\a\\b.h5", "b/", "")] == ["b.h5", "b.h5", "b", ""]
