"""The keys of gene tests and of gene-set collections."""

from __future__ import annotations

from pathlib import Path

import pytest

from ohmics.errors import OhmicsError
from ohmics.intake.config import load_config
from ohmics.plan import load_plan

HEAD = "project: Study\ninput: {samples: samples.tsv, modality: bulk, matrix: counts.csv, defaults: {therapy: ici}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "samples.tsv").write_text("sample\tpatient\ttimepoint\na\tp\tpre\nb\tp\trelapse\n", encoding="utf-8")
    (tmp_path / "counts.csv").write_text("gene,a,b\nCD3E,1,2\n", encoding="utf-8")
    (tmp_path / "my sets.gmt").write_text("S\tx\tCD3E\n", encoding="utf-8")
    return tmp_path


def written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return path


def test_a_collection_is_a_name_and_a_file_beside_the_config(folder: Path) -> None:
    path = written(folder, "gene_sets: {collections: {hallmark: my sets.gmt}}\n")
    assert load_plan(path).collections == {"hallmark": str(folder / "my sets.gmt")}


def test_tests_of_genes_are_chosen_in_the_config(folder: Path) -> None:
    chosen = load_config(
        written(folder, "de: {methods: [voom, pydeseq2], weights: samples, trend: true, robust: true, min_lfc: 0.5}\n")
    ).de
    assert (chosen.methods, chosen.weights, chosen.min_lfc) == (("voom", "pydeseq2"), "samples", 0.5)
    assert chosen.trend
    assert chosen.robust


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gene_sets: {collections: {hallmark: absent.gmt}}\n", "no such file: absent.gmt"),
        ("de: {methods: [deseq]}\n", "deseq"),
        ("de: {weights: arrays}\n", "arrays"),
        ("de: {min_lfc: -1}\n", "-1"),
        ("gene_sets: {ora_max_q: 1}\n", "1"),
    ],
)
def test_a_fault_names_what_was_written(folder: Path, text: str, words: str) -> None:
    with pytest.raises(OhmicsError, match=words):
        load_config(written(folder, text))
