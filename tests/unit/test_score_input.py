"""`ohmics score` on its own: every kind of input and list file, what is not given and why, and wrong inputs."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse as sp

from ohmics.cli import main
from ohmics.intake.resources import gene_table
from ohmics.score import score
from ohmics.tables import GENE_REFERENCE

CELLS, GENES = 40, 60


@pytest.fixture(scope="module")
def genes() -> pd.DataFrame:
    frame = gene_table().frame
    one_id = (frame["ensembl_ids"].str.count("ENSG") == 1) & frame["entrez_ids"].str.fullmatch("[0-9]+")
    known = frame[one_id & frame["symbol"].str.fullmatch("[A-Z]+[0-9]+")]
    return known.head(GENES).reset_index(drop=True)


@pytest.fixture(scope="module")
def counts() -> np.ndarray:
    random = np.random.default_rng(3)
    depth = random.uniform(0.3, 3, size=(CELLS, 1))
    return random.poisson(depth * random.gamma(1.0, 2.0, size=GENES)).astype(np.float32)


def cells() -> list[str]:
    return [f"C{number}" for number in range(CELLS)]


def h5ad(path: Path, values: np.ndarray, names: list[str]) -> Path:
    ad.AnnData(sp.csr_matrix(values), obs=pd.DataFrame(index=cells()), var=pd.DataFrame(index=names)).write_h5ad(path)
    return path


def tenx_h5(path: Path, values: np.ndarray, names: list[str]) -> Path:
    matrix = sp.csr_matrix(values.astype(int))
    with h5py.File(path, "w") as handle:
        group = handle.create_group("matrix")
        group["data"], group["indices"], group["indptr"] = matrix.data, matrix.indices, matrix.indptr
        group["shape"] = np.array([GENES, CELLS])
        group["barcodes"] = np.array(cells(), dtype="S")
        for name in ("id", "name"):
            group[f"features/{name}"] = np.array(names, dtype="S")
    return path


def tenx_folder(path: Path, values: np.ndarray, names: list[str]) -> Path:
    path.mkdir()
    scipy.io.mmwrite(path / "matrix.mtx", sp.csc_matrix(values.T.astype(int)))
    (path / "barcodes.tsv").write_text("\n".join(cells()) + "\n", encoding="utf-8")
    (path / "genes.tsv").write_text("".join(f"{name}\t{name}\n" for name in names), encoding="utf-8")
    return path


def matrix(path: Path, values: np.ndarray, names: list[str]) -> Path:
    text = pd.DataFrame(values.T.astype(int), index=names, columns=cells()).to_csv()
    path.write_bytes(gzip.compress(text.encode()))
    return path


def listed(path: Path, lists: dict[str, list[str]]) -> Path:
    path.write_text("".join("\t".join([key, "a list", *of]) + "\n" for key, of in lists.items()), encoding="utf-8")
    return path


def run(data: Path, lists: Path | str, out: Path, *more: str) -> int:
    return main(["score", str(data), "--gene-lists", str(lists), "--out", str(out), *more])


@pytest.mark.parametrize(
    ("name", "writer", "said"),
    [
        ("a.h5ad", h5ad, "40 cells × 60 genes, raw counts in X"),
        ("a.h5", tenx_h5, "40 cells × 60 genes, raw counts"),
        ("folder", tenx_folder, "40 cells × 60 genes, raw counts"),
        ("a.csv.gz", matrix, "40 samples × 60 genes, raw counts"),
    ],
)
def test_every_input_gives_the_scores_of_the_library(
    tmp_path: Path, capsys, counts, genes, name: str, writer: Callable[..., Path], said: str
) -> None:
    names = genes["symbol"].tolist()
    lists = {"A": names[:10], "B": names[20:25]}
    out = tmp_path / "T.parquet"
    assert run(writer(tmp_path / name, counts, names), listed(tmp_path / "l.gmt", lists), out) == 0
    expected = score(pd.DataFrame(counts, index=cells(), columns=names), lists)
    found = pd.read_parquet(out).set_index("observation")
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy())
    assert found.index.tolist() == cells()
    coverage = pd.read_csv(tmp_path / "T.coverage.tsv", sep="\t", keep_default_na=False, na_values=[""])
    assert coverage["coverage"].tolist() == [1.0, 1.0]
    assert said in capsys.readouterr().out


def test_log_normalised_input_is_scored_and_named(tmp_path: Path, capsys, counts, genes) -> None:
    names = genes["symbol"].tolist()
    logged = np.log1p(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) * 1e4).astype(np.float32)
    path = h5ad(tmp_path / "a.h5ad", logged, names)
    out = tmp_path / "T.tsv"
    assert run(path, listed(tmp_path / "l.gmt", {"A": names[:10]}), out, "--method", "mean_z") == 0
    found = pd.read_csv(out, sep="\t").set_index("observation")["A"]
    expected = score(pd.DataFrame(counts, index=cells(), columns=names), {"A": names[:10]}, method="mean_z")["A"]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    told = capsys.readouterr().out
    assert "log-normalised values (no raw counts were found) in X" in told
    assert "reference: made of these observations" in told


def test_scaled_x_beside_log_normalised_raw_is_passed_over(tmp_path: Path, capsys, counts, genes) -> None:
    names = genes["symbol"].tolist()
    logged = np.log1p(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) * 1e4).astype(np.float32)
    whole = ad.AnnData(logged, obs=pd.DataFrame(index=cells()), var=pd.DataFrame(index=names))
    scaled = ad.AnnData((logged - logged.mean(axis=0)), obs=whole.obs, var=whole.var)
    scaled.raw = whole
    scaled.write_h5ad(tmp_path / "a.h5ad")
    out = tmp_path / "T.tsv"
    assert run(tmp_path / "a.h5ad", listed(tmp_path / "l.gmt", {"A": names[:10]}), out) == 0
    assert "(no raw counts were found) in raw" in capsys.readouterr().out


def test_a_score_below_the_coverage_is_not_given_and_the_reason_is(tmp_path: Path, capsys, counts, genes) -> None:
    names = genes["symbol"].tolist()
    lists = {"HALF": [*names[:4], "TOX", "LAG3", "PDCD1", "HAVCR2", "TIGIT"], "WHOLE": names[:10]}
    out = tmp_path / "T.tsv"
    assert run(h5ad(tmp_path / "a.h5ad", counts, names), listed(tmp_path / "l.gmt", lists), out) == 0
    found = pd.read_csv(out, sep="\t")
    assert found["HALF"].isna().all()
    assert found["WHOLE"].notna().all()
    skipped = pd.read_csv(tmp_path / "T.skipped.tsv", sep="\t")
    assert skipped["item"].tolist() == ["HALF"]
    assert skipped["reason"][0].startswith("4 of 9 genes (44%) are in the data, at least 50% are needed; missing: ")
    assert "HAVCR2" in skipped["reason"][0]
    assert "not scored: HALF: 4 of 9 genes" in capsys.readouterr().err
    assert run(tmp_path / "a.h5ad", tmp_path / "l.gmt", out, "--min-coverage", "0.4") == 0
    assert pd.read_csv(out, sep="\t")["HALF"].notna().all()


def test_a_list_of_another_kind_of_names_says_so(tmp_path: Path, capsys, counts, genes) -> None:
    names = genes["symbol"].tolist()
    lists = {"MOUSE": [f"Cd{number}a" for number in range(30)], "OWN": names[:5]}
    out = tmp_path / "T.tsv"
    assert run(h5ad(tmp_path / "a.h5ad", counts, names), listed(tmp_path / "l.gmt", lists), out) == 0
    reason = pd.read_csv(tmp_path / "T.skipped.tsv", sep="\t")["reason"][0]
    assert reason.startswith("all 30 genes are missing; the data use gene symbols, the list mouse gene symbols: Cd0a")
    capsys.readouterr()


@pytest.mark.parametrize("column", ["ensembl_ids", "entrez_ids"])
def test_lists_of_ids_reach_the_symbols_of_the_data(tmp_path: Path, capsys, counts, genes, column: str) -> None:
    names, ids = genes["symbol"].tolist(), genes[column].tolist()
    path = h5ad(tmp_path / "a.h5ad", counts, genes["ensembl_ids"].tolist())
    out = tmp_path / "T.tsv"
    assert run(path, listed(tmp_path / "l.gmt", {"IDS": ids[:10], "NAMES": names[:10]}), out) == 0
    found = pd.read_csv(out, sep="\t")
    np.testing.assert_array_equal(found["IDS"], found["NAMES"])
    coverage = pd.read_csv(tmp_path / "T.coverage.tsv", sep="\t").set_index("gene_list")
    assert f"{ids[0]}>{names[0]}" in coverage.loc["IDS", "by_alias"].split("|")
    capsys.readouterr()


def test_list_files_of_several_formats_and_the_catalogue(tmp_path: Path, capsys, counts, genes) -> None:
    names = genes["symbol"].tolist()
    (tmp_path / "one.grp").write_text("\n".join(names[:5]), encoding="utf-8")
    (tmp_path / "two.json").write_text(json.dumps({"TWO": {"geneSymbols": names[5:9]}}), encoding="utf-8")
    text = "gene,direction\n" + "".join(f"{gene},{'up' if n % 2 else 'down'}\n" for n, gene in enumerate(names[:6]))
    (tmp_path / "three.csv").write_text(text, encoding="utf-8")
    files = [str(tmp_path / name) for name in ("one.grp", "two.json", "three.csv")]
    path, out = h5ad(tmp_path / "a.h5ad", counts, names), tmp_path / "T.tsv"
    assert main(["score", str(path), "--gene-lists", *files, "catalog", "--out", str(out)]) == 0
    found = pd.read_csv(out, sep="\t")
    assert found[["one", "TWO", "three"]].notna().all().all()
    assert "tcell_exhaustion_terminal/tex_consensus_2of3" in found
    signed = {"three": {"up": names[1:6:2], "down": names[0:6:2]}}
    expected = score(pd.DataFrame(counts, index=cells(), columns=names), signed)["three"]
    np.testing.assert_allclose(found["three"], expected)
    assert "more: see" in capsys.readouterr().err


def test_a_reference_sets_zero_and_unit(tmp_path: Path, capsys, counts, genes) -> None:
    names = genes["symbol"].tolist()
    path, lists = h5ad(tmp_path / "a.h5ad", counts, names), listed(tmp_path / "l.gmt", {"A": names[:10]})
    rows = {"gene": names, "mean": 1.0, "sd": 2.0, "detection": 1.0, "n_cells": 500}
    GENE_REFERENCE.conform(pd.DataFrame({"cell_type": "all", **rows})).to_parquet(tmp_path / "r.parquet")
    out = tmp_path / "T.tsv"
    assert run(path, lists, out, "--method", "mean_z", "--reference", str(tmp_path / "r.parquet")) == 0
    size = counts.sum(axis=1, keepdims=True)
    logged = np.log1p(counts / np.where(size > 0, size, 1) * 1e4)
    expected = ((logged[:, :10] - 1) / 2).mean(axis=1)
    np.testing.assert_allclose(pd.read_csv(out, sep="\t")["A"], expected, rtol=1e-5)
    assert "reference: made of" not in capsys.readouterr().out
    GENE_REFERENCE.conform(pd.DataFrame({"cell_type": "B cell", **rows})).to_parquet(tmp_path / "r.parquet")
    assert run(path, lists, out, "--method", "mean_z", "--reference", str(tmp_path / "r.parquet")) == 2
    assert "there are no rows of cell type `all`; it holds B cell" in capsys.readouterr().err


def test_compat_gives_the_numbers_of_the_peer(tmp_path: Path, capsys, counts, genes) -> None:
    names = genes["symbol"].tolist()
    path, out = h5ad(tmp_path / "a.h5ad", counts, names), tmp_path / "T.tsv"
    lists = {"A": [*names[:10], "TOX"]}
    assert run(path, listed(tmp_path / "l.gmt", lists), out, "--compat") == 0
    frame = pd.DataFrame(counts, index=cells(), columns=names)
    found = pd.read_csv(out, sep="\t")["A"]
    np.testing.assert_allclose(found, score(frame, lists, compat=True)["A"])
    assert not np.allclose(found, score(frame, lists)["A"])
    capsys.readouterr()


def test_a_score_that_follows_depth_is_warned_of(tmp_path: Path, capsys, counts, genes) -> None:
    names = genes["symbol"].tolist()
    path = h5ad(tmp_path / "a.h5ad", counts, names)
    rare = counts.mean(axis=0).argsort()[:12]
    assert run(path, listed(tmp_path / "l.gmt", {"RARE": [names[i] for i in rare]}), tmp_path / "T.tsv") == 0
    assert "warning: 1 of 1 scores follow total counts (Spearman RARE " in capsys.readouterr().err


def _no_file(folder: Path, names: list[str], counts: np.ndarray) -> list[str]:
    listed(folder / "l.gmt", {"A": names[:5]})
    return [str(folder / "gone.h5ad"), "--gene-lists", str(folder / "l.gmt"), "--out", str(folder / "T.xlsx")]


def _scaled(folder: Path, names: list[str], counts: np.ndarray) -> list[str]:
    listed(folder / "l.gmt", {"A": names[:5]})
    path = h5ad(folder / "a.h5ad", counts - counts.mean(axis=0), names)
    return [str(path), "--gene-lists", str(folder / "l.gmt"), "--out", str(folder / "T.tsv")]


def _spaces(folder: Path, names: list[str], counts: np.ndarray) -> list[str]:
    (folder / "l.gmt").write_text("A described " + " ".join(names[:5]), encoding="utf-8")
    path = h5ad(folder / "a.h5ad", counts, names)
    return [str(path), "--gene-lists", str(folder / "l.gmt"), "--out", str(folder / "T.tsv")]


def _method(folder: Path, names: list[str], counts: np.ndarray) -> list[str]:
    return [*_spaces(folder, names, counts), "--method", "ucel"]


def _nothing(folder: Path, names: list[str], counts: np.ndarray) -> list[str]:
    listed(folder / "l.gmt", {"A": ["TOX", "LAG3"]})
    path = h5ad(folder / "a.h5ad", counts, names)
    return [str(path), "--gene-lists", str(folder / "l.gmt"), "--out", str(folder / "T.tsv")]


def _tpm(folder: Path, names: list[str], counts: np.ndarray) -> list[str]:
    listed(folder / "l.gmt", {"A": names[:5]})
    tpm = (counts + 0.1) / (counts + 0.1).sum(axis=1, keepdims=True) * 1e6
    pd.DataFrame(tpm.T, index=names, columns=cells()).to_csv(folder / "a.csv")
    return [str(folder / "a.csv"), "--gene-lists", str(folder / "l.gmt"), "--out", str(folder / "T.tsv")]


@pytest.mark.parametrize(
    ("wrong", "sentences"),
    [
        (_no_file, ["gone.h5ad: no such file", "`.xlsx` is no table format; legal: .parquet, .tsv"]),
        (_scaled, ["values are negative"]),
        (_spaces, ["line 1: the line is no gene set", "no line of the file has a tab"]),
        (_method, ["unknown method `ucel`", "did you mean `ucell`?"]),
        (_nothing, ["list `A`: all 2 genes are missing: LAG3, TOX"]),
        (_tpm, ["all 40 samples sum to 1,000,000"]),
    ],
    ids=["no-file", "scaled", "spaces", "method", "nothing-present", "tpm"],
)
def test_wrong_inputs_are_refused_in_words(tmp_path: Path, capsys, counts, genes, wrong, sentences: list[str]) -> None:
    assert main(["score", *wrong(tmp_path, genes["symbol"].tolist(), counts)]) == 2
    told = capsys.readouterr().err
    for sentence in sentences:
        assert sentence in told
    assert not (tmp_path / "T.tsv").exists()
