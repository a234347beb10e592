"""Bulk tables: delimiter, orientation, id column and what is no count."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ohmics.errors import OhmicsError
from ohmics.intake import gene_table, read

SAMPLES = ["P1_pre", "P1_relapse", "P2_pre", "P2_relapse"]


@pytest.fixture
def counts() -> pd.DataFrame:
    genes = gene_table().frame["symbol"].head(60)
    values = np.random.default_rng(2).negative_binomial(2, 0.01, size=(60, 4))
    return pd.DataFrame(values, index=genes.to_numpy(), columns=SAMPLES)


def _assert_same(path: Path, counts: pd.DataFrame, expected: str, **more: object) -> None:
    adata = read(path, modality="bulk", **more)
    assert list(adata.obs_names) == list(counts.columns)
    assert list(adata.obs["sample"]) == list(counts.columns)
    assert list(adata.var_names) == list(counts.index)
    np.testing.assert_array_equal(adata.X.toarray(), counts.to_numpy().T)
    assert adata.uns["ohmics"]["intake"]["orientation"] == expected


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("packed", [True, False])
def test_delimiters_and_gzip(tmp_path: Path, counts: pd.DataFrame, separator: str, packed: bool) -> None:
    # gzip is told by its first bytes, so a wrong suffix does no harm.
    path = tmp_path / "counts.txt"
    data = counts.to_csv(sep=separator).encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    _assert_same(path, counts, "genes_by_samples")


@pytest.mark.parametrize("asked", ["auto", "samples_by_genes"])
def test_samples_in_rows(tmp_path: Path, counts: pd.DataFrame, asked: str) -> None:
    counts.T.to_csv(tmp_path / "c.csv")
    _assert_same(tmp_path / "c.csv", counts, "samples_by_genes", orientation=asked)


def test_a_heading_row_as_r_writes_it(tmp_path: Path, counts: pd.DataFrame) -> None:
    text = counts.to_csv(sep="\t")
    (tmp_path / "c.tsv").write_text(text.removeprefix("\t"))
    _assert_same(tmp_path / "c.tsv", counts, "genes_by_samples")


def test_feature_counts_layout(tmp_path: Path, counts: pd.DataFrame) -> None:
    frame = counts.copy()
    for position, (name, value) in enumerate(
        [("Chr", "1;1"), ("Start", 5), ("End", 9), ("Strand", "+"), ("Length", 4)]
    ):
        frame.insert(position, name, value)
    frame.index.name = "Geneid"
    (tmp_path / "c.tsv").write_text("# Program:featureCounts v2\n" + frame.to_csv(sep="\t"))
    _assert_same(tmp_path / "c.tsv", counts, "genes_by_samples")
    notes = read(tmp_path / "c.tsv", modality="bulk").uns["ohmics"]["intake"]["notes"]
    assert notes == ["columns that hold no counts are left out: Chr, Start, End, Strand, Length"]


def test_ids_and_names_side_by_side(tmp_path: Path, counts: pd.DataFrame) -> None:
    frame = gene_table().frame.query("ensembl_ids != ''").head(60)
    layout = counts.copy()
    layout.index = [text.split("|")[0] for text in frame["ensembl_ids"]]
    layout.insert(0, "gene_name", frame["symbol"].to_numpy())
    layout.to_csv(tmp_path / "c.tsv", sep="\t", index_label="gene_id")
    adata = read(tmp_path / "c.tsv", modality="bulk")
    assert adata.uns["ohmics"]["intake"]["gene_ids"] == "ensembl"
    assert list(adata.var_names) == frame["symbol"].tolist()


def test_row_numbers_are_no_entrez_ids(tmp_path: Path, counts: pd.DataFrame) -> None:
    frame = counts.reset_index(names="gene")
    frame.to_csv(tmp_path / "c.csv")
    _assert_same(tmp_path / "c.csv", counts, "genes_by_samples")


def test_patients_numbered_as_entrez_ids_do_not_turn_the_matrix(tmp_path: Path, counts: pd.DataFrame) -> None:
    counts.columns = ["1", "2", "9", "10"]
    counts.to_csv(tmp_path / "c.csv")
    _assert_same(tmp_path / "c.csv", counts, "genes_by_samples")


def test_only_the_samples_asked_for(tmp_path: Path, counts: pd.DataFrame) -> None:
    counts.to_csv(tmp_path / "c.csv")
    wanted = ["P2_relapse", "P1_pre"]
    adata = read(tmp_path / "c.csv", modality="bulk", samples=wanted)
    np.testing.assert_array_equal(adata.X.toarray(), counts[wanted].to_numpy().T)
    note = "2 samples of the matrix are not in the sheet: P1_relapse, P2_pre"
    assert note in adata.uns["ohmics"]["intake"]["notes"]
    with pytest.raises(OhmicsError, match=r"1 samples of the sheet are not in the matrix: P1_pro;.*`P1_pre`\?"):
        read(tmp_path / "c.csv", modality="bulk", samples=["P1_pro"])


def test_headings_that_r_changed(tmp_path: Path, counts: pd.DataFrame) -> None:
    counts.columns = ["X1.pre", "b", "c", "d"]
    counts.to_csv(tmp_path / "c.csv")
    with pytest.raises(OhmicsError, match=r"R wrote `X1.pre`; rename the columns of the matrix"):
        read(tmp_path / "c.csv", modality="bulk", samples=["1-pre"])


def test_counts_beyond_float32_stay_exact(tmp_path: Path, counts: pd.DataFrame) -> None:
    counts.iloc[0, 0] = 2**24 + 1
    counts.to_csv(tmp_path / "c.csv")
    assert read(tmp_path / "c.csv", modality="bulk").X[0, 0] == 2**24 + 1


def test_estimated_counts_are_kept_and_said(tmp_path: Path, counts: pd.DataFrame) -> None:
    big = counts * 1000 + 0.4
    big.to_csv(tmp_path / "c.csv")
    adata = read(tmp_path / "c.csv", modality="bulk")
    np.testing.assert_array_equal(adata.X.toarray(), big.to_numpy().T)
    assert adata.uns["ohmics"]["intake"]["scale"]["share_non_integer"] == 1
    (note,) = adata.uns["ohmics"]["intake"]["notes"]
    assert note.startswith("100% of the values are estimated counts with fractions; they are kept as they are")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the file is empty"),
        ("gene,a,b\n", "the file holds no row of counts"),
        ("gene\nCD19\n", "the heading row has no tab, comma or semicolon"),
        ("gene,a,b\nCD19,1,x\nACTB,2,3\n", "`x` in row CD19, column b is no number"),
        ("gene,a,b\nCD19,p,q\nACTB,r,s\n", "no column of 3 holds numbers"),
        ("gene,a,a\nCD19,1,2\nACTB,2,3\n", "samples stand twice: a"),
        ("gene,a,b\nx1,1,2\nx2,2,3\n", "neither rows nor columns are known human genes"),
        ('gene,a,b\nCD19,1,2\n"ACTB,2,3\n', "the file is truncated or damaged, or is no table of counts"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(OhmicsError) as caught:
        read(tmp_path / "c.csv", modality="bulk")
    assert sentence in str(caught.value)


def test_a_workbook_is_named_as_one(tmp_path: Path) -> None:
    (tmp_path / "c.xlsx").write_bytes(b"PK\x03\x04rest of a zip archive")
    with pytest.raises(OhmicsError, match="the file is a workbook or zip archive"):
        read(tmp_path / "c.xlsx", modality="bulk")


def test_a_modality_that_is_none(tmp_path: Path, counts: pd.DataFrame) -> None:
    counts.to_csv(tmp_path / "c.csv")
    with pytest.raises(OhmicsError, match="`spatial` is no modality; legal: single_cell, bulk"):
        read(tmp_path / "c.csv", modality="spatial")
