"""Wrong inputs: each is refused with one sentence that says what is wrong, and many at once are told at once."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import yaml

from ohmics.cli import main
from ohmics.errors import OhmicsError
from ohmics.intake import check_run, gene_table, load_config

SAMPLES = [f"P{patient}_{time}" for patient in range(1, 5) for time in ("pre", "relapse")]


@dataclass
class Study:
    """A sound study in a folder; a test breaks one thing and looks at what is said."""

    folder: Path
    config: dict[str, Any]
    sheet: pd.DataFrame
    counts: pd.DataFrame
    suffix: str = ".csv"
    after: list[Callable[[], None]] = field(default_factory=list)

    @property
    def matrix(self) -> Path:
        return self.folder / f"counts{self.suffix}"

    def write(self) -> Path:
        self.sheet.to_csv(self.folder / "samples.tsv", sep="\t", index=False)
        if self.config["input"]["modality"] == "bulk":
            self.counts.to_csv(self.matrix)
            self.config["input"]["matrix"] = self.matrix.name
        else:
            for sample in self.counts.columns:
                self.write_cells(sample, self.counts[sample].to_numpy())
        for change in self.after:
            change()
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(self.config))
        return path

    def write_cells(self, sample: str, mean: np.ndarray) -> None:
        values = np.random.default_rng(5).poisson(np.maximum(mean, 0) / 50, size=(25, len(mean)))
        names = pd.DataFrame(index=[f"{sample}_{number}" for number in range(25)])
        cells = ad.AnnData(
            sp.csr_matrix(values.astype(np.float32)), obs=names, var=pd.DataFrame(index=self.counts.index)
        )
        cells.write_h5ad(self.folder / f"{sample}.h5ad")

    def faults(self) -> list[str]:
        path = self.write()
        with pytest.raises(OhmicsError) as caught:
            check_run(load_config(path))
        return [str(fault).replace(f"{self.folder}/", "") for fault in caught.value.faults]


def _study(folder: Path, modality: str) -> Study:
    genes = ["CD19", "MS4A1", *gene_table().frame["symbol"].head(40)]
    counts = np.random.default_rng(4).negative_binomial(2, 0.02, size=(len(genes), len(SAMPLES)))
    sheet = pd.DataFrame(
        {
            "sample": SAMPLES,
            "patient": [name.split("_")[0] for name in SAMPLES],
            "timepoint": [name.split("_")[1] for name in SAMPLES],
        }
    )
    if modality == "single_cell":
        sheet["path"] = [f"{name}.h5ad" for name in SAMPLES]
    return Study(
        folder=folder,
        config={
            "project": "Study",
            "input": {"samples": "samples.tsv", "modality": modality, "defaults": {"therapy": "car_t"}},
            "contrasts": [{"variable": "timepoint", "test": "relapse", "reference": "pre", "pair_by": "patient"}],
        },
        sheet=sheet,
        counts=pd.DataFrame(counts, index=genes, columns=SAMPLES),
    )


@pytest.fixture
def bulk(tmp_path: Path) -> Study:
    return _study(tmp_path, "bulk")


@pytest.fixture
def cells(tmp_path: Path) -> Study:
    return _study(tmp_path, "single_cell")


@pytest.mark.parametrize("modality", ["bulk", "single_cell"])
def test_the_studies_are_sound_before_they_are_broken(tmp_path: Path, modality: str) -> None:
    result = check_run(load_config(_study(tmp_path, modality).write()))
    assert result.pairs["complete"].sum() == 4
    assert len(result.samples) == 8


def _cut(path: Path, share: float = 0.6) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def test_missing_file(cells: Study) -> None:
    cells.after.append((cells.folder / "P2_pre.h5ad").unlink)
    assert cells.faults() == [
        f"samples.tsv, row 4: no such file: P2_pre.h5ad; paths are relative to {cells.folder}.",
    ]


@pytest.mark.parametrize("share", [0.02, 0.6, 0.98])
def test_truncated_h5ad(cells: Study, share: float) -> None:
    cells.after.append(lambda: _cut(cells.folder / "P3_relapse.h5ad", share))
    (fault,) = cells.faults()
    assert fault.startswith("P3_relapse.h5ad: the file is truncated or damaged, or is no ")
    assert fault.endswith("copy or download it again and compare its size or checksum.")


@pytest.mark.parametrize("share", [0.3, 0.99])
def test_truncated_gz(bulk: Study, share: float) -> None:
    bulk.suffix = ".csv.gz"
    bulk.after.append(lambda: _cut(bulk.matrix, share))
    assert bulk.faults() == [
        "counts.csv.gz: the file is truncated or damaged, or is no table of counts; "
        "copy or download it again and compare its size or checksum."
    ]


def test_damaged_gz(bulk: Study) -> None:
    bulk.suffix = ".csv.gz"

    def damage() -> None:
        data = bytearray(bulk.matrix.read_bytes())
        data[len(data) // 2] ^= 0xFF
        bulk.matrix.write_bytes(bytes(data))

    bulk.after.append(damage)
    (fault,) = bulk.faults()
    assert fault.startswith("counts.csv.gz: the file is truncated or damaged")


def test_wrong_orientation(bulk: Study) -> None:
    bulk.config["input"]["orientation"] = "genes_by_samples"
    bulk.counts = bulk.counts.T
    assert bulk.faults() == [
        "counts.csv: the orientation is set to genes_by_samples, but known genes are 0 of 8 rows (P1_pre, P1_relapse, "
        "P2_pre and 5 more) and 42 of 42 columns (CD19, MS4A1, A1BG and 39 more); "
        "set orientation to samples_by_genes or auto."
    ]


def test_duplicated_sample(bulk: Study) -> None:
    bulk.sheet.loc[3, "sample"] = "P1_pre"
    assert bulk.faults() == ["samples.tsv: sample `P1_pre` stands 2 times, in rows 2, 5."]


def test_duplicated_gene(bulk: Study) -> None:
    bulk.counts = pd.concat([bulk.counts, bulk.counts.head(1)])
    assert bulk.faults() == [
        "counts.csv: 1 gene ids stand more than once: CD19 (2 times); keep one row a gene, "
        "or give ids that tell the rows apart."
    ]


def test_mixed_id_kinds(bulk: Study) -> None:
    table = gene_table().frame.query("ensembl_ids != ''").tail(20)
    more = pd.DataFrame(bulk.counts.head(20).to_numpy(), columns=SAMPLES, index=table["ensembl_ids"].str[:15])
    bulk.counts = pd.concat([bulk.counts, more])
    (fault,) = bulk.faults()
    first = table["ensembl_ids"].iloc[0][:15]
    assert fault == (
        f"counts.csv: the gene ids are of mixed kinds: 42 are gene symbols (CD19) and 20 are Ensembl ids ({first}); "
        "give ids of one kind, or set gene_ids to the kind that is meant and the others stay unmapped."
    )


@pytest.mark.parametrize(
    ("value", "word"), [(np.nan, "missing (NaN or an empty field)"), (-3, "negative"), (np.inf, "infinite")]
)
def test_values_no_count_can_have(bulk: Study, value: float, word: str) -> None:
    bulk.counts = bulk.counts.astype(float)
    bulk.counts.loc["MS4A1", "P2_pre"] = value
    assert bulk.faults() == [
        f"counts.csv: 1 values are {word}, the first at MS4A1 in P2_pre; legal: counts from 0 upwards; "
        "give the raw counts."
    ]


def test_log_data_as_counts(bulk: Study) -> None:
    bulk.counts = np.log2(bulk.counts / bulk.counts.sum() * 1e6 + 1)
    (fault,) = bulk.faults()
    top = bulk.counts.to_numpy().max()
    assert fault == (
        "counts.csv: the values look log-transformed: 100% of the values are no whole numbers and the largest is "
        f"{top:.1f}; give the raw counts."
    )


def test_all_zero_sample(bulk: Study) -> None:
    bulk.counts["P4_pre"] = 0
    assert bulk.faults() == ["counts.csv: samples without a single count: P4_pre; leave them out of the sheet."]


def test_all_zero_single_cell_sample(cells: Study) -> None:
    cells.counts["P4_pre"] = 0
    (fault,) = cells.faults()
    assert fault.startswith("P4_pre.h5ad: in X no cell of 25 has a single count")


def test_an_all_zero_sample_that_is_not_in_the_sheet_does_no_harm(bulk: Study) -> None:
    bulk.counts["extra"] = 0
    assert len(check_run(load_config(bulk.write())).samples) == 8


def test_unknown_column(bulk: Study) -> None:
    bulk.sheet = bulk.sheet.rename(columns={"patient": "patients"})
    (fault,) = bulk.faults()
    assert fault.startswith("samples.tsv, row 1: column `patient` is missing")
    assert fault.endswith("did you mean `patients`?.")


def test_unknown_key(bulk: Study) -> None:
    bulk.config["contarsts"] = bulk.config.pop("contrasts")
    assert bulk.faults() == ["config.yaml: unknown key `contarsts`; did you mean `contrasts`?."]


def test_contrast_that_names_no_sample(bulk: Study) -> None:
    bulk.config["contrasts"][0]["test"] = "relapsed"
    assert bulk.faults() == [
        "config, key contrasts, contrast relapsed_vs_pre: no sample has timepoint `relapsed`; legal: pre, relapse; "
        "did you mean `relapse`?."
    ]


def test_no_pair_at_all(bulk: Study) -> None:
    bulk.sheet["patient"] = [f"D{number}" for number in range(8)]
    assert bulk.faults() == [
        "config, key contrasts, contrast relapse_vs_pre: there is no pair: none of 8 blocks (patient) has both relapse "
        "and pre; check `patient` in the sheet, or leave pair_by out to compare groups."
    ]


def test_target_antigen_absent_from_the_matrix(cells: Study) -> None:
    cells.config["input"]["defaults"]["target_antigen"] = "CD20"
    cells.counts = cells.counts.drop(index="MS4A1")
    assert cells.faults() == [
        "matrix: target antigen CD20 cannot be judged: MS4A1 is not among the genes of P1_pre, P1_relapse, P2_pre, "
        "P2_relapse, P3_pre and 3 more; give a matrix with every gene that was counted, or correct target_antigen."
    ]


def test_an_antigen_nobody_knows(bulk: Study) -> None:
    bulk.config["input"]["defaults"]["target_antigen"] = "CD1999"
    (fault,) = bulk.faults()
    assert fault.startswith("target antigen `CD1999` is not in resources/antigens.tsv; did you mean `CD19`?")


@pytest.mark.parametrize("name", ["P1/pre", "..", "../P1", "a b", ".hidden", "-x", "ä"])
def test_sample_id_that_cannot_name_a_folder(bulk: Study, name: str) -> None:
    bulk.sheet.loc[0, "sample"] = name
    assert bulk.faults() == [
        f"samples.tsv, row 2: sample id `{name}` cannot name a folder; legal: letters, digits, dot, dash and "
        "underscore, a letter or digit first."
    ]


def test_two_samples_on_one_path(cells: Study) -> None:
    cells.sheet.loc[1, "path"] = "./P1_pre.h5ad"
    assert cells.faults() == [
        "samples.tsv: rows 2 and 3 share one path, ./P1_pre.h5ad; legal: one single-cell file a sample; "
        "of one file with many samples, name the column of obs that tells them as input.sample_column."
    ]


@pytest.mark.parametrize("modality", ["bulk", "single_cell"])
def test_mouse_data(tmp_path: Path, modality: str) -> None:
    study = _study(tmp_path, modality)
    study.counts.index = [name.capitalize() for name in study.counts.index]
    faults = study.faults()
    assert len(faults) == (1 if modality == "bulk" else 8)
    for fault in faults:
        assert "gene ids are written as mouse symbols (Cd19, Ms4a1, A1bg and" in fault
        assert fault.endswith("ohmics reads human data only, map them to human orthologues first.")


def test_transgene_that_no_sample_has(cells: Study) -> None:
    cells.config["input"]["transgenes"] = ["CD19-CAR"]
    cells.counts.index = ["CD19_CAR" if name == "MS4A1" else name for name in cells.counts.index]
    assert cells.faults() == [
        "config, key input.transgenes: transgene `CD19-CAR` is a feature of no sample; "
        "legal: the names of features in the matrix; did you mean `CD19_CAR`?."
    ]


def test_samples_the_matrix_does_not_hold(bulk: Study) -> None:
    bulk.counts = bulk.counts.rename(columns={"P1_pre": "P1_Pre"})
    assert bulk.faults() == [
        "counts.csv: 1 samples of the sheet are not in the matrix: P1_pre; legal: the matrix holds P1_Pre, P1_relapse, "
        "P2_pre, P2_relapse, P3_pre and 3 more; did you mean `P1_Pre`?."
    ]


def test_names_that_nothing_bears(bulk: Study) -> None:
    bulk.config["malignant"] = {"cell_types": ["B cells"]}
    (fault,) = bulk.faults()
    assert fault.startswith("config, key malignant.cell_types: `B cells` is not known")
    assert "did you mean `B cell`?" in fault


def test_many_faults_are_told_at_once(cells: Study) -> None:
    cells.config["contrasts"].append({"variable": "timepoint", "test": "day28", "reference": "pre"})
    cells.config["input"]["defaults"]["target_antigen"] = "BCMA"
    cells.config["input"]["transgenes"] = ["CAR"]
    cells.after.append(lambda: _cut(cells.folder / "P2_pre.h5ad"))
    cells.after.append(lambda: (cells.folder / "P3_pre.h5ad").write_bytes(gzip.compress(b"no counts")))
    faults = cells.faults()
    assert len(faults) == 5
    for words in ("P2_pre.h5ad: the file is truncated", "P3_pre.h5ad: ", "`day28`", "TNFRSF17", "transgene `CAR`"):
        assert any(words in fault for fault in faults), words


def test_a_broken_sheet_does_not_hide_a_broken_matrix(bulk: Study) -> None:
    bulk.sheet.loc[0, "sample"] = "P1/pre"
    bulk.counts.loc["CD19", "P2_pre"] = -1
    faults = bulk.faults()
    assert len(faults) == 2
    assert "values are negative" in faults[1]


def test_the_command_tells_every_fault_and_ends_with_2(bulk: Study, capsys: pytest.CaptureFixture[str]) -> None:
    bulk.config["contrasts"][0]["test"] = "relapsed"
    bulk.counts["P4_pre"] = 0
    assert main(["check", str(bulk.write())]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("2 faults:\n  1. ")
    assert "no sample has timepoint `relapsed`" in captured.err
    assert "samples without a single count: P4_pre" in captured.err
    assert "Traceback" not in captured.err
