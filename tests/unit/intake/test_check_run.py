"""`check_run` and `ohmics check`: what was understood is said, and the small tables are written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ohmics.intake.check as check_module
from ohmics.cli import main
from ohmics.intake import check_run, gene_table, load_config
from ohmics.io import read_table
from ohmics.tables import PAIRS, SAMPLES


@pytest.fixture
def config(tmp_path: Path) -> Path:
    genes = ["CD19", "MS4A1", *gene_table().frame["symbol"].head(30), "CARFMC63"]
    names = [f"P{patient}_{time}" for patient in (1, 2, 3) for time in ("pre", "relapse")]
    values = np.random.default_rng(0).poisson(30, size=(len(genes), len(names)))
    pd.DataFrame(values, index=genes, columns=names).to_csv(tmp_path / "counts.csv")
    sheet = pd.DataFrame({"sample": names, "donor": [n[:2] for n in names], "timepoint": [n[3:] for n in names]})
    sheet["tissue"] = ["blood"] * 5 + ["marrow"]
    sheet.to_csv(tmp_path / "samples.csv", index=False)
    (tmp_path / "config.yaml").write_text(
        "project: Study\n"
        "input: {samples: samples.csv, matrix: counts.csv, modality: bulk, columns: {patient: donor}, "
        "defaults: {therapy: car_t, target_antigen: CD19;CD20}, transgenes: [CARFMC63]}\n"
        "contrasts: [{variable: timepoint, test: relapse, reference: pre, pair_by: patient}]\n"
        "de: {min_pairs: 4}\n"
    )
    return tmp_path / "config.yaml"


def test_what_was_understood(config: Path) -> None:
    notes = check_run(load_config(config)).notes
    assert notes == (
        "6 samples of 3 patients, bulk: pre 3, relapse 3",
        "therapy: car_t (6 samples)",
        "target antigen CD19 (CD19) in 6 samples",
        "target antigen CD20 (MS4A1) in 6 samples",
        "matrix: bulk matrix, orientation genes_by_samples, 32 of 32 gene symbols map to approved symbols",
        "transgene CARFMC63: in every matrix",
        "relapse_vs_pre: timepoint relapse against pre, within patient",
        "relapse_vs_pre: positive = higher in relapse than in pre",
        "relapse_vs_pre: 3 complete pairs (P1, P2, P3)",
        "relapse_vs_pre: the sides differ in tissue in 1 of 3 (P3); their cell composition is not compared",
        "relapse_vs_pre: 3 complete pairs: the smallest reachable p of a sign-flip test is 0.25, "
        "so flips can support nothing",
        "relapse_vs_pre: differential expression is not tested, 3 complete pairs are fewer than de.min_pairs (4)",
        "relapse_vs_pre: 3 pairs of 3 patients (6 samples), model ~ patient + timepoint, 2 residual degrees of freedom"
        "; asked about: timepoint[relapse]",
    )


def test_the_command_prints_and_writes(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["check", str(config), "--out", str(out)]) == 0
    assert "3 complete pairs (P1, P2, P3)" in capsys.readouterr().out
    assert read_table(out / "samples.tsv", SAMPLES)["patient"].tolist() == ["P1", "P1", "P2", "P2", "P3", "P3"]
    assert read_table(out / "pairs.tsv", PAIRS)["complete"].all()
    assert load_config(out / "config.yaml") == load_config(config)


def test_methods_are_checked_against_the_registry(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(config.read_text() + "score: {methods: [ucel]}\n")
    assert main(["check", str(config)]) == 2
    assert "config, key score.methods: `ucel` is not known" in capsys.readouterr().err


def test_methods_that_compare_samples_are_refused_where_each_sample_is_scored_by_itself(
    tmp_path: Path, made, writers, capsys: pytest.CaptureFixture[str]
) -> None:
    writers["tenx"](tmp_path / "a.h5", made)
    (tmp_path / "samples.tsv").write_text("sample\tpatient\ttimepoint\tpath\ns1\tP1\tpre\ta.h5\n")
    text = "project: S\ninput: {samples: samples.tsv, modality: single_cell}\nscore: {methods: [gsva, plage, ucell]}\n"
    (tmp_path / "config.yaml").write_text(text)
    assert main(["check", str(tmp_path / "config.yaml")]) == 2
    said = capsys.readouterr().err
    for name in ("gsva", "plage"):
        assert f"`{name}` compares samples with each other, and a single-cell run scores each sample by itself" in said
    assert "legal: ucell, aucell" in said


def test_without_a_contrast_that_is_said(config: Path) -> None:
    text = "".join(line for line in config.read_text().splitlines(keepends=True) if not line.startswith("contrasts"))
    config.write_text(text)
    result = check_run(load_config(config))
    assert result.notes[-1] == "no contrast is given: samples are described and scored, nothing is compared"
    assert len(result.pairs) == 0


def test_of_a_large_cohort_only_the_first_cells_are_read(
    tmp_path: Path, made, writers, monkeypatch: pytest.MonkeyPatch
) -> None:
    writers["tenx"](tmp_path / "a.h5", made)
    writers["mtx"](tmp_path / "b", made, packed=True, version=3)
    (tmp_path / "samples.tsv").write_text("sample\tpatient\ttimepoint\tpath\ns1\tP1\tpre\ta.h5\ns2\tP1\trelapse\tb\n")
    (tmp_path / "config.yaml").write_text("project: S\ninput: {samples: samples.tsv, modality: single_cell}\n")
    whole = check_run(load_config(tmp_path / "config.yaml"))
    assert "24 cells in 2 matrices" in whole.notes
    assert "therapy: not given (2 samples); without it mechanisms of both therapies are weighed" in whole.notes
    monkeypatch.setattr(check_module, "FULL_READ", 10)
    monkeypatch.setattr(check_module, "PROBE_CELLS", 5)
    part = check_run(load_config(tmp_path / "config.yaml"))
    assert [info.observations for info in part.matrices] == [5, 5]
    assert any("of 2 matrices the first 5 cells" in note for note in part.notes)


def test_a_name_that_says_the_opposite_is_pointed_out(config: Path) -> None:
    text = config.read_text()
    exchanged = "name: relapse_vs_pre, test: pre, reference: relapse"
    config.write_text(text.replace("test: relapse, reference: pre", exchanged))
    swapped = [note for note in check_run(load_config(config)).notes if "exchanged" in note]
    assert swapped == [
        "relapse_vs_pre: effects are test minus reference, that is pre minus relapse; the name says the opposite, "
        "are test and reference exchanged?"
    ]
    config.write_text(text)
    assert not any("exchanged" in note for note in check_run(load_config(config)).notes)
