"""10x HDF5 files and matrix folders: the same counts from every variant."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ohmics.errors import OhmicsError
from ohmics.intake import read


@pytest.mark.parametrize("version", [2, 3])
def test_h5_of_both_versions(tmp_path: Path, made, writers, version: int) -> None:
    adata = read(writers["tenx"](tmp_path / "a.h5", made, version=version), modality="single_cell", sample="S1")
    assert list(adata.var_names) == made.names
    assert list(adata.var["original_id"]) == made.ids
    assert list(adata.obs_names) == made.barcodes
    assert set(adata.obs["sample"]) == {"S1"}
    assert adata.X.dtype == np.float32
    assert adata.X.format == "csr"
    np.testing.assert_array_equal(adata.X.toarray(), made.counts.toarray())
    assert adata.uns["ohmics"]["intake"]["format"] == f"10x h5 (v{version})"


@pytest.mark.parametrize(("packed", "version", "prefix"), [(True, 3, ""), (False, 2, ""), (True, 2, "GSM1_")])
def test_mtx_folders(tmp_path: Path, made, writers, packed: bool, version: int, prefix: str) -> None:
    folder = writers["mtx"](tmp_path / "s", made, packed=packed, version=version, prefix=prefix)
    adata = read(folder, modality="single_cell")
    assert list(adata.var_names) == made.names
    np.testing.assert_array_equal(adata.X.toarray(), made.counts.toarray())


def test_antibodies_are_left_out_and_counted(tmp_path: Path, made, writers) -> None:
    types = ["Gene Expression"] * 37 + ["Antibody Capture"] * 3
    adata = read(writers["tenx"](tmp_path / "a.h5", made, types=types), modality="single_cell")
    assert adata.n_vars == 37
    assert adata.uns["ohmics"]["intake"]["notes"] == ["features that are no genes are left out: 3 Antibody Capture"]


def test_a_transgene_keeps_its_name_apart_from_genes(tmp_path: Path, made, writers) -> None:
    changed = dataclasses.replace(made, ids=[*made.ids[:-1], "CAT_scFv"], names=[*made.names[:-1], "CAT_scFv"])
    path = writers["tenx"](tmp_path / "a.h5", changed)
    adata = read(path, modality="single_cell", transgenes=["CAT_scFv", "GFP"])
    assert adata.var.index[adata.var["feature_type"] == "transgene"].tolist() == ["CAT_scFv"]
    assert adata.uns["ohmics"]["intake"]["mapping"]["n_ids"] == 39
    assert adata.uns["ohmics"]["intake"]["transgenes_absent"] == ["GFP"]
    # A feature nobody named stays a gene nobody knows.
    assert read(path, modality="single_cell").var.loc["CAT_scFv", "feature_type"] == "gene"


def test_a_human_gene_is_no_transgene(tmp_path: Path, made, writers) -> None:
    path = writers["tenx"](tmp_path / "a.h5", made)
    with pytest.raises(OhmicsError, match=f"transgene `{made.names[3]}` is a human gene"):
        read(path, modality="single_cell", transgenes=[made.names[3]])


def test_ids_of_one_symbol_are_summed(tmp_path: Path, made, writers) -> None:
    ids = [*made.ids[:-2], "ENSG00000284770", "ENSG00000285053"]
    changed = dataclasses.replace(made, ids=ids, names=[*made.names[:-2], "TBCE", "TBCE"])
    adata = read(writers["tenx"](tmp_path / "a.h5", changed), modality="single_cell")
    assert adata.n_vars == 39
    summed = made.counts.toarray()[:, -2:].sum(axis=1)
    np.testing.assert_array_equal(adata[:, "TBCE"].X.toarray().ravel(), summed)
    assert adata.var.loc["TBCE", "original_id"] == "ENSG00000284770|ENSG00000285053"


def test_the_first_cells_only(tmp_path: Path, made, writers) -> None:
    for path in (
        writers["tenx"](tmp_path / "a.h5", made),
        writers["mtx"](tmp_path / "s", made, packed=True, version=3),
    ):
        adata = read(path, modality="single_cell", rows=5)
        np.testing.assert_array_equal(adata.X.toarray(), made.counts.toarray()[:5])
        assert adata.uns["ohmics"]["intake"]["truncated"]


def test_two_genomes_are_refused_unless_one_is_human(tmp_path: Path, made, writers) -> None:
    import h5py

    path = writers["tenx"](tmp_path / "a.h5", made, version=2)
    with h5py.File(path, "r+") as handle:
        handle.copy("GRCh38", "mm10")
    assert read(path, modality="single_cell").n_vars == 40
    with h5py.File(path, "r+") as handle:
        handle.move("GRCh38", "other")
    with pytest.raises(OhmicsError, match="the file holds 2 genomes: mm10, other"):
        read(path, modality="single_cell")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda folder: (folder / "barcodes.tsv").unlink(), "the folder lacks barcodes.tsv"),
        (lambda folder: (folder / "x_matrix.mtx").write_text(""), "the folder holds 2 files named matrix.mtx"),
        (lambda folder: (folder / "barcodes.tsv").write_text("A\nB\n"), "is 40 × 12 but there are 40 features and 2"),
        (
            lambda folder: (folder / "matrix.mtx").write_text(
                "\n".join((folder / "matrix.mtx").read_text().splitlines()[:-3])
            ),
            "the file is truncated or damaged",
        ),
    ],
)
def test_folders_that_do_not_fit(tmp_path: Path, made, writers, change, sentence: str) -> None:
    folder = writers["mtx"](tmp_path / "s", made, packed=False, version=3)
    change(folder)
    with pytest.raises(OhmicsError, match=sentence):
        read(folder, modality="single_cell")
