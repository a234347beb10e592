"""Cells read block by block are those that are read whole, whatever the block, the layer, the scale or the format."""

import tracemalloc
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.cli import main
from ohmics.errors import OhmicsError
from ohmics.intake.blocks import open_blocks
from ohmics.intake.reading import read
from ohmics.intake.resources import gene_table

CELLS = 45
WRITING_ZARR = pytest.mark.filterwarnings("ignore::UserWarning:zarr", "ignore::FutureWarning", "ignore:Writing zarr v2")


def names() -> list[str]:
    """Symbols, with two ids of one gene among them and one name that is unknown."""
    frame = gene_table().frame
    several = frame[frame["ensembl_ids"].str.count("ENSG") == 2].iloc[0]
    one = frame[frame["ensembl_ids"].str.fullmatch(r"ENSG[0-9]+")].head(57)["ensembl_ids"]
    return [*one, *several["ensembl_ids"].split("|"), "ENSG00000999999"]


def made(n: int = CELLS, seed: int = 0) -> ad.AnnData:
    random = np.random.default_rng(seed)
    counts = random.poisson(random.gamma(0.8, 2, size=60), size=(n, 60)).astype(np.float32)
    obs = pd.DataFrame(index=[f"c{i}" for i in range(n)])
    return ad.AnnData(sp.csr_matrix(counts), obs=obs, var=pd.DataFrame(index=names()))


def logged(adata: ad.AnnData) -> sp.csr_matrix:
    dense = adata.X.toarray()
    return sp.csr_matrix(np.log1p(dense / dense.sum(axis=1, keepdims=True) * 1e4).astype(np.float32))


def in_layer(adata: ad.AnnData) -> ad.AnnData:
    adata.layers["counts"] = adata.X.copy()
    adata.X = logged(adata)
    return adata


def in_raw(adata: ad.AnnData) -> ad.AnnData:
    adata.raw = adata.copy()
    adata.X = logged(adata)
    return adata


def in_log(adata: ad.AnnData) -> ad.AnnData:
    adata.X = logged(adata)
    return adata


def dense(adata: ad.AnnData) -> ad.AnnData:
    adata.X = adata.X.toarray()
    return adata


def same(blocks, whole: ad.AnnData) -> None:
    parts = list(blocks)
    np.testing.assert_array_equal(np.concatenate([part.X.toarray() for part in parts]), whole.X.toarray())
    assert [name for part in parts for name in part.obs_names] == list(whole.obs_names)
    for part in parts:
        pd.testing.assert_frame_equal(part.var, whole.var)


@pytest.mark.parametrize("form", [lambda adata: adata, in_layer, in_raw, in_log, dense])
@pytest.mark.parametrize("size", [7, 45, 1000])
def test_blocks_of_an_h5ad_file_are_what_is_read_whole(tmp_path: Path, form, size: int) -> None:
    path = tmp_path / "a.h5ad"
    form(made()).write_h5ad(path)
    whole = read(path, modality="single_cell", log_allowed=True)
    blocks = open_blocks(path, size=size)
    same(blocks, whole)
    told, known = blocks.intake, whole.uns["ohmics"]["intake"]
    assert {key: told[key] for key in told if key != "scale"} == {key: known[key] for key in known if key != "scale"}
    assert told["scale"] == pytest.approx(known["scale"])
    assert whole.n_vars == 59  # two ids of one gene are summed
    np.testing.assert_array_equal(blocks.whole().X.toarray(), whole.X.toarray())


@WRITING_ZARR
@pytest.mark.parametrize("form", [lambda adata: adata, in_layer, in_raw])
def test_blocks_of_a_zarr_store_are_those_of_the_file(tmp_path: Path, form) -> None:
    adata = form(made())
    adata.write_h5ad(tmp_path / "a.h5ad")
    adata.write_zarr(tmp_path / "a.zarr")
    same(open_blocks(tmp_path / "a.zarr", size=8), read(tmp_path / "a.h5ad", modality="single_cell"))


@WRITING_ZARR
@pytest.mark.parametrize("method", ["ucell", "mean_z", "score_genes"])
def test_score_gives_one_answer_for_blocks_a_zarr_store_and_the_whole(tmp_path: Path, capsys, method: str) -> None:
    import ohmics.cli._score_blocks as module

    made().write_h5ad(tmp_path / "a.h5ad")
    made().write_zarr(tmp_path / "a.zarr")
    lists = tmp_path / "l.gmt"
    genes = read(tmp_path / "a.h5ad", modality="single_cell").var_names
    lists.write_text("\t".join(["A", "", *genes[:9]]) + "\n" + "\t".join(["B", "", *genes[20:32], "NONE"]) + "\n")
    answers = []
    for place, size in (("a.h5ad", 2048), ("a.h5ad", 11), ("a.zarr", 11)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "open_blocks", lambda path, n=size, **more: open_blocks(path, size=n, **more))
            out = tmp_path / "T.tsv"
            given = ["score", str(tmp_path / place), "--gene-lists", str(lists), "--method", method, "--out", str(out)]
            assert main(given) == 0
        answers.append((out.read_bytes(), (tmp_path / "T.coverage.tsv").read_bytes()))
        said = capsys.readouterr().out
        assert "45 cells × 59 genes, raw counts in X" in said
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize(("value", "word"), [(-1.0, "negative"), (np.nan, "missing"), (np.inf, "infinite")])
def test_a_broken_value_of_a_late_block_is_named_with_its_place(tmp_path: Path, value: float, word: str) -> None:
    adata = made()
    adata.X.data[-1] = value
    adata.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(OhmicsError) as caught:
        open_blocks(tmp_path / "a.h5ad", size=7)
    said = str(caught.value)
    assert f"1 values are {word}" in said
    assert "the first at" in said
    assert "in c44;" in said


def test_a_matrix_stored_by_columns_is_read_whole(tmp_path: Path, capsys) -> None:
    adata = made()
    adata.X = sp.csc_matrix(adata.X)
    adata.write_h5ad(tmp_path / "a.h5ad")
    assert open_blocks(tmp_path / "a.h5ad") is None
    lists = tmp_path / "l.gmt"
    lists.write_text("\t".join(["A", "", *names()[:9]]) + "\n")
    assert main(["score", str(tmp_path / "a.h5ad"), "--gene-lists", str(lists), "--out", str(tmp_path / "T.tsv")]) == 0
    capsys.readouterr()


def test_a_damaged_file_is_one_clear_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.h5ad"
    made().write_h5ad(path)
    with h5py.File(path, "a") as handle:
        values = handle["X/data"][:-20]
        del handle["X/data"]
        handle["X/data"] = values
    with pytest.raises(OhmicsError, match="truncated or damaged"):
        open_blocks(path, size=7)


def test_memory_follows_the_block(tmp_path: Path) -> None:
    peaks = []
    for n in (400, 3200):
        made(n).write_h5ad(tmp_path / f"{n}.h5ad")
        for traced in (False, True):
            if traced:
                tracemalloc.start()
            for _ in open_blocks(tmp_path / f"{n}.h5ad", size=200):
                pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    with h5py.File(tmp_path / "3200.h5ad") as handle:
        values = handle["X/data"].size * 8
    # What grows are the names of 2,800 more cells, not their values.
    assert peaks[1] - peaks[0] < 0.5 * values
