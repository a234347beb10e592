"""Single cells in every format: the same counts, genes and barcodes as of a 10x file."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.cli import main
from ohmics.errors import OhmicsError
from ohmics.intake import read
from ohmics.intake.blocks import open_blocks


def as_read(path: Path, **more):
    return read(path, modality="single_cell", sample="S1", **more)


def notes(adata) -> str:
    return " | ".join(adata.uns["ohmics"]["intake"]["notes"])


def same(adata, made) -> None:
    """Whether cells, genes and counts are those that were written, in the order they were written in."""
    assert list(adata.obs_names) == made.barcodes
    assert list(adata.var_names) == made.names
    np.testing.assert_array_equal(adata.X.toarray(), made.counts.toarray())
    assert adata.X.format == "csr"
    assert set(adata.obs["sample"]) == {"S1"}


def write_alevin(
    folder: Path, matrix: sp.spmatrix, cells: list[str], genes: list[str], *, usa: bool | None = None
) -> Path:
    inner = folder / "alevin"
    inner.mkdir(parents=True)
    coo = sp.coo_matrix(matrix)
    lines = ["%%MatrixMarket matrix coordinate real general", "%", f"{coo.shape[0]}\t{coo.shape[1]}\t{coo.nnz}"]
    lines += [f"{i + 1} {j + 1} {value:g}" for i, j, value in zip(coo.row, coo.col, coo.data, strict=True)]
    (inner / "quants_mat.mtx").write_text("\n".join(lines) + "\n")
    (inner / "quants_mat_rows.txt").write_text("\n".join(cells) + "\n")
    (inner / "quants_mat_cols.txt").write_text("\n".join(genes) + "\n")
    if usa is not None:
        told = {
            "alt_resolved_cell_numbers": [],
            "num_genes": len(genes),
            "num_quantified_cells": len(cells),
            "usa_mode": usa,
        }
        (folder / "quant.json").write_text(json.dumps(told))
    return folder


def test_alevin_fry(tmp_path: Path, made) -> None:
    folder = write_alevin(tmp_path / "af_quant", made.counts, made.barcodes, made.ids, usa=False)
    for path in (folder, folder / "alevin", tmp_path):
        same(as_read(path), made)


@pytest.mark.parametrize("told", ["columns", "json"])
def test_alevin_fry_in_usa_mode_sums_spliced_and_ambiguous(tmp_path: Path, made, told: str) -> None:
    ambiguous = sp.csr_matrix(np.minimum(made.counts.toarray(), 1))
    unspliced = sp.csr_matrix(np.full(made.counts.shape, 7))
    wide = sp.hstack([made.counts - ambiguous, unspliced, ambiguous])
    marks = ("", "-U", "-A") if told == "columns" else ("", "", "")
    genes = [f"{name}{mark}" for mark in marks for name in made.ids]
    folder = write_alevin(tmp_path / "q", wide, made.barcodes, genes, usa=None if told == "columns" else True)
    adata = as_read(folder)
    same(adata, made)
    assert adata.uns["ohmics"]["intake"]["format"] == "alevin-fry folder (USA mode)"
    share = unspliced.sum() / (unspliced.sum() + made.counts.sum())
    assert f"unspliced ones are left out ({share:.0%} of all)" in notes(adata)


def test_alevin_fry_gives_fractions_of_em_and_the_first_cells(tmp_path: Path, made) -> None:
    folder = write_alevin(tmp_path / "q", made.counts * 0.5, made.barcodes, made.ids)
    (tmp_path / "q" / "gene_id_to_name.tsv").write_text(
        "".join(f"{identifier}\t{name}\n" for identifier, name in zip(made.ids, made.names, strict=True))
    )
    adata = as_read(folder, rows=5)
    np.testing.assert_array_equal(adata.X.toarray(), made.counts.toarray()[:5] * 0.5)
    assert adata.uns["ohmics"]["intake"]["truncated"]


def test_alevin_fry_files_that_do_not_fit(tmp_path: Path, made) -> None:
    folder = write_alevin(tmp_path / "q", made.counts, made.barcodes[:-1], made.ids)
    with pytest.raises(OhmicsError, match=r"is 12 × 40 but there are 11 cells and 40 genes"):
        as_read(folder)
    (folder / "alevin" / "quants_mat_rows.txt").unlink()
    with pytest.raises(OhmicsError, match=r"lacks quants_mat_rows.txt"):
        as_read(folder)


def write_loom(path: Path, made, *, cells: str = "CellID", ids: bool = True) -> Path:
    with h5py.File(path, "w") as handle:
        handle["matrix"] = made.counts.T.toarray().astype(np.float32)
        handle[f"col_attrs/{cells}"] = np.array(made.barcodes, dtype="S")
        handle["col_attrs/ClusterID"] = np.zeros(len(made.barcodes))
        handle["row_attrs/Gene"] = np.array(made.names, dtype="S")
        if ids:
            handle["row_attrs/Accession"] = np.array(made.ids, dtype="S")
        for name in ("spliced", "unspliced"):
            handle[f"layers/{name}"] = made.counts.T.toarray() * (3 if name == "unspliced" else 1)
        handle.attrs["LOOM_SPEC_VERSION"] = "3.0.0"
    return path


def test_loom(tmp_path: Path, made) -> None:
    adata = as_read(write_loom(tmp_path / "a.loom", made))
    same(adata, made)
    assert list(adata.var["original_id"]) == made.ids
    assert "layers that are not read: spliced, unspliced" in notes(adata)
    tripled = as_read(tmp_path / "a.loom", layer="unspliced")
    np.testing.assert_array_equal(tripled.X.toarray(), 3 * made.counts.toarray())
    first = as_read(tmp_path / "a.loom", rows=4)
    np.testing.assert_array_equal(first.X.toarray(), made.counts.toarray()[:4])


def test_loom_of_anndata(tmp_path: Path, made) -> None:
    same(as_read(write_loom(tmp_path / "a.loom", made, cells="obs_names", ids=False)), made)


def test_loom_without_cells_or_layer(tmp_path: Path, made) -> None:
    with pytest.raises(OhmicsError, match=r"names no cells.*ClusterID"):
        as_read(write_loom(tmp_path / "a.loom", made, cells="Cellnames"))
    with pytest.raises(OhmicsError, match=r"no layer `ambiguous`"):
        as_read(write_loom(tmp_path / "b.loom", made), layer="ambiguous")


# anndata says which defaults of writing will change.
_WRITES_ZARR = pytest.mark.filterwarnings(
    "ignore:Writing zarr v2:UserWarning",
    "ignore:zarr v3 autosharding:UserWarning",
    "ignore:Consolidated metadata is:UserWarning",
)


@_WRITES_ZARR
@pytest.mark.parametrize("form", [2, 3])
def test_zarr(tmp_path: Path, made, form: int) -> None:
    obs, var = pd.DataFrame(index=made.barcodes), pd.DataFrame({"gene_ids": made.ids}, index=made.names)
    adata = ad.AnnData(made.counts.astype(np.float32), obs=obs, var=var)
    with ad.settings.override(zarr_write_format=form):
        adata.write_zarr(tmp_path / "a.zarr")
    found = as_read(tmp_path / "a.zarr")
    same(found, made)
    assert found.uns["ohmics"]["intake"]["format"] == "zarr"
    np.testing.assert_array_equal(as_read(tmp_path / "a.zarr", rows=3).X.toarray(), made.counts.toarray()[:3])


def write_cellbender(
    path: Path, made, writers, probability: list[float], *, places: list[int], old: bool = False
) -> Path:
    writers["tenx"](path, made)
    with h5py.File(path, "r+") as handle:
        where = "matrix/latent_cell_probability" if old else "droplet_latents/cell_probability"
        handle[where] = np.array(probability)
        handle["matrix/barcode_indices_for_latents" if old else "droplet_latents/barcode_indices_for_latents"] = places
        if not old:
            handle["metadata/fraction_data_used_for_testing"] = [0.1]
            handle["global_latents/ambient_expression"] = np.full(len(made.ids), 1 / len(made.ids))
    return path


def test_cellbender_filtered(tmp_path: Path, made, writers) -> None:
    path = write_cellbender(tmp_path / "out_filtered.h5", made, writers, [0.99] * 12, places=list(range(0, 48, 4)))
    adata = as_read(path)
    same(adata, made)
    assert adata.uns["ohmics"]["intake"]["format"] == "CellBender h5"
    assert "CellBender has taken ambient RNA out" in notes(adata)


@pytest.mark.parametrize("old", [False, True])
def test_cellbender_unfiltered_keeps_cells(tmp_path: Path, made, writers, old: bool) -> None:
    path = write_cellbender(tmp_path / "out.h5", made, writers, [0.9, 0.2, 0.51], places=[0, 3, 7], old=old)
    adata = as_read(path)
    assert list(adata.obs_names) == [made.barcodes[0], made.barcodes[7]]
    np.testing.assert_array_equal(adata.X.toarray(), made.counts.toarray()[[0, 7]])
    assert "10 droplets are no cells by CellBender" in notes(adata)


def test_soupx_folder_keeps_fractions(tmp_path: Path, made, writers) -> None:
    folder = writers["mtx"](tmp_path / "soupx", made, packed=False, version=3)
    text = (folder / "matrix.mtx").read_text().splitlines()
    body = [line.rsplit(" ", 1) for line in text[3:]]
    # One gene is counted often, as in every sample: logarithms do not reach 30.
    values = [f"{place} {int(value) * 20 - 0.25:.8f}" for place, value in body]
    head = ["%%MatrixMarket matrix coordinate real general", "%", text[2]]
    (folder / "matrix.mtx").write_text("\n".join(head + values) + "\n")
    adata = as_read(folder)
    counts = made.counts.toarray()
    np.testing.assert_allclose(adata.X.toarray(), np.where(counts > 0, counts * 20 - 0.25, 0))
    assert "100% of the values are estimated counts with fractions; they are kept" in notes(adata)


@pytest.mark.parametrize("inside", ["Solo.out/Gene/filtered", "Gene/filtered", "outs/filtered_feature_bc_matrix"])
def test_the_filtered_matrix_of_a_results_folder(tmp_path: Path, made, writers, inside: str) -> None:
    folder = tmp_path / "s" / inside
    folder.parent.mkdir(parents=True)
    writers["mtx"](folder, made, packed="outs" in inside, version=3)
    adata = as_read(tmp_path / "s")
    same(adata, made)
    assert adata.uns["ohmics"]["intake"]["taken_from"] == inside


def test_cell_ranger_outs_with_only_the_h5(tmp_path: Path, made, writers) -> None:
    (tmp_path / "outs").mkdir()
    writers["tenx"](tmp_path / "outs" / "filtered_feature_bc_matrix.h5", made)
    writers["tenx"](tmp_path / "outs" / "raw_feature_bc_matrix.h5", made)
    same(as_read(tmp_path), made)


def test_a_folder_without_counts_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(OhmicsError, match=r"holds no matrix.mtx; legal: .*alevin-fry.*it holds notes.txt"):
        as_read(tmp_path)


@pytest.mark.parametrize("down", ["cells", "genes"])
@pytest.mark.parametrize("packed", [False, True])
def test_dense_tables_of_cells(tmp_path: Path, made, down: str, packed: bool) -> None:
    frame = pd.DataFrame(made.counts.toarray(), index=made.barcodes, columns=made.names)
    text = (frame if down == "cells" else frame.T).to_csv(sep="\t" if packed else ",")
    path = tmp_path / "cells.txt"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    same(as_read(path), made)
    first = as_read(path, rows=5)
    np.testing.assert_array_equal(first.X.toarray(), made.counts.toarray()[:5])
    assert list(first.obs_names) == made.barcodes[:5]
    assert first.uns["ohmics"]["intake"]["truncated"]


def test_dense_genes_with_ids_and_names(tmp_path: Path, made) -> None:
    frame = pd.DataFrame(made.counts.T.toarray(), index=pd.Index(made.names, name="gene"), columns=made.barcodes)
    frame.insert(0, "ensembl", made.ids)
    frame.to_csv(tmp_path / "cells.csv")
    adata = as_read(tmp_path / "cells.csv")
    same(adata, made)
    assert list(adata.var["original_id"]) == made.ids


def test_long_tables_of_cells(tmp_path: Path, made) -> None:
    coo = made.counts.tocoo()
    rows = [
        f"{made.barcodes[i]},{made.ids[j]},{made.names[j]},{n}"
        for i, j, n in zip(coo.row, coo.col, coo.data, strict=True)
    ]
    (tmp_path / "long.csv").write_text("barcode,gene_id,gene_name,umi_count\n" + "\n".join(rows) + "\n")
    adata = as_read(tmp_path / "long.csv")[made.barcodes, made.names]
    np.testing.assert_array_equal(adata.X.toarray(), made.counts.toarray())
    assert list(adata.var["original_id"]) == made.ids


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cell,TP53,CD19\nA,1,x\nB,2,3\n", r"`x` in row A, column CD19 is no number"),
        ("cell,xx1,xx2\nqq1,1,2\nqq2,2,3\n", "neither rows nor columns are known human genes"),
        ("cell,sample,gene,count\nA,S1,TP53,1\nB,S2,TP53,1\n", "the cells are of 2 samples: S1, S2"),
        ("cell,gene,count\nA,TP53,many\n", r"`many` in row 2, column count is no number"),
        ("one line only\n", "no row of counts"),
        ("word\nword\n", "no single-cell format"),
    ],
)
def test_wrong_tables_of_cells(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "cells.csv").write_text(text)
    with pytest.raises(OhmicsError, match=told):
        as_read(tmp_path / "cells.csv")


def write_pooled(path: Path, made, *, form: str) -> list[str]:
    who = ["P1 pre", "P1_post", "P2_pre"] * 4
    obs = pd.DataFrame({"sample_id": pd.Categorical(who)}, index=made.barcodes)
    matrix = made.counts.astype(np.float32)
    matrix = {"csr": matrix.tocsr(), "csc": matrix.tocsc(), "dense": matrix.toarray(), "zarr": matrix.tocsr()}[form]
    adata = ad.AnnData(matrix, obs=obs, var=pd.DataFrame({"gene_ids": made.ids}, index=made.names))
    if form == "zarr":
        adata.write_zarr(path)
    else:
        adata.write_h5ad(path)
    return who


@_WRITES_ZARR
@pytest.mark.parametrize("form", ["csr", "csc", "dense", "zarr"])
def test_one_sample_of_a_file_of_many(tmp_path: Path, made, form: str) -> None:
    path = tmp_path / ("a.zarr" if form == "zarr" else "a.h5ad")
    who = write_pooled(path, made, form=form)
    for sample, value in (("P1_pre", "P1 pre"), ("P2_pre", "P2_pre")):
        own = [number for number, name in enumerate(who) if name == value]
        adata = read(path, modality="single_cell", sample=sample, sample_column="sample_id")
        np.testing.assert_array_equal(adata.X.toarray(), made.counts.toarray()[own])
        assert list(adata.obs_names) == [made.barcodes[number] for number in own]
        assert set(adata.obs["sample"]) == {sample}
    two = read(path, modality="single_cell", sample="P1_post", sample_column="sample_id", rows=2)
    np.testing.assert_array_equal(two.X.toarray(), made.counts.toarray()[[1, 4]])


def test_a_sample_or_column_that_is_not_there(tmp_path: Path, made, writers) -> None:
    write_pooled(tmp_path / "a.h5ad", made, form="csr")
    with pytest.raises(OhmicsError, match=r"no cell is of sample P1_pro: .*did you mean `P1_pre`"):
        read(tmp_path / "a.h5ad", modality="single_cell", sample="P1_pro", sample_column="sample_id")
    with pytest.raises(OhmicsError, match=r"obs has no column `sampleid`.*did you mean `sample_id`"):
        read(tmp_path / "a.h5ad", modality="single_cell", sample="P1_pre", sample_column="sampleid")
    with pytest.raises(OhmicsError, match="cannot be read from this file"):
        read(writers["tenx"](tmp_path / "a.h5", made), modality="single_cell", sample="S", sample_column="x")


def test_cellxgene_counts_are_in_raw(tmp_path: Path, made) -> None:
    var = pd.DataFrame({"feature_name": made.names, "feature_reference": "NCBITaxon:9606"}, index=made.ids)
    obs = pd.DataFrame({"donor_id": "D1", "assay": "10x 3' v3"}, index=made.barcodes)
    raw = ad.AnnData(made.counts.astype(np.float32), obs=obs, var=var)
    adata = raw.copy()
    adata.raw = raw
    adata.X = sp.csr_matrix(np.log1p(made.counts.toarray() / 80 * 1e4).astype(np.float32))
    adata.write_h5ad(tmp_path / "a.h5ad")
    found = as_read(tmp_path / "a.h5ad")
    same(found, made)
    assert list(found.var["original_id"]) == made.ids
    assert found.uns["ohmics"]["intake"]["taken_from"] == "raw"


def test_fractions_are_rounded_where_asked(tmp_path: Path, made) -> None:
    more = sp.csr_matrix(made.counts, dtype=np.float32) * 20 + sp.csr_matrix(made.counts > 0, dtype=np.float32) * 0.25
    ad.AnnData(more, pd.DataFrame(index=made.barcodes), pd.DataFrame(index=made.ids)).write_h5ad(tmp_path / "a.h5ad")
    kept, rounded = as_read(tmp_path / "a.h5ad"), as_read(tmp_path / "a.h5ad", fractions="round")
    np.testing.assert_allclose(kept.X.toarray(), more.toarray())
    np.testing.assert_array_equal(rounded.X.toarray(), made.counts.toarray() * 20)
    assert kept.uns["ohmics"]["intake"]["scale"]["share_non_integer"] == 1
    assert rounded.uns["ohmics"]["intake"]["scale"]["share_non_integer"] == 0
    assert "100% of the values are estimated counts with fractions; they are rounded" in notes(rounded)
    blocks = open_blocks(tmp_path / "a.h5ad", size=5, fractions="round")
    np.testing.assert_array_equal(np.vstack([part.X.toarray() for part in blocks]), made.counts.toarray() * 20)
    (tmp_path / "l.gmt").write_text("\t".join(["mine", "", *made.names[:8]]) + "\n")
    words = [str(tmp_path / "a.h5ad"), "--gene-lists", str(tmp_path / "l.gmt"), "--out", str(tmp_path / "o.tsv")]
    assert main(["score", *words]) == 0
    assert pd.read_csv(tmp_path / "o.tsv", sep="\t")["mine"].notna().all()
