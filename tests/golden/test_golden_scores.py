"""Scores against the peers' own numbers (peers/make.py) and against R's GSVA 1.46 (r/gsva.R)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from ohmics.score import score

PEERS, TABLES = Path(__file__).parent / "peers", Path(__file__).parent / "tables"
LISTS = json.loads((PEERS / "lists.json").read_text())
SIDES = {f"{name}:{side}": genes for name, both in LISTS.items() for side, genes in both.items()}


def table(path: Path, index: str = "observation") -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""]).set_index(index)


@pytest.fixture(scope="module")
def counts() -> AnnData:
    frame = table(PEERS / "counts.tsv.gz")
    names = {"obs": pd.DataFrame(index=frame.index), "var": pd.DataFrame(index=frame.columns)}
    return AnnData(sparse.csr_matrix(frame.to_numpy(dtype=np.float32)), **names)


def test_what_the_goldens_hold(counts: AnnData) -> None:
    assert len(LISTS) == 50
    sizes = [len(both["up"]) for both in LISTS.values()]
    assert (min(sizes), max(sizes) >= 200) == (5, True)
    assert sum("down" in both for both in LISTS.values()) == 10
    assert (counts.X.sum(axis=1) == 0).sum() >= 2
    assert (counts.X.sum(axis=0) == 0).sum() >= 90


def test_ucell_is_pyucells(counts: AnnData) -> None:
    answer = score(counts, LISTS, method="ucell", compat=True)
    golden = table(PEERS / "pyucell.tsv.gz")
    assert (answer[list(golden)] - golden).abs().to_numpy().max() <= 1e-6
    assert (golden == 0).to_numpy().any()  # clipped ones
    better = score(counts, LISTS, method="ucell")
    assert (better - golden).abs().to_numpy().max() > 0.01


def test_aucell_is_decouplers(counts: AnnData) -> None:
    answer = score(counts, SIDES, method="aucell", compat=True, chunk=13)
    golden = table(PEERS / "decoupler_aucell.tsv.gz")
    # The peer drops cells without counts; ours have no score there.
    assert set(answer.index[answer.isna().all(axis=1)]) == set(answer.index) - set(golden.index)
    assert (answer.loc[golden.index, list(golden)] - golden).abs().to_numpy().max() <= 1e-5
    better = score(counts, SIDES, method="aucell").loc[golden.index, list(golden)]
    assert (better - golden).abs().to_numpy().max() > 0.01


@pytest.mark.parametrize("scale", ["counts", "log"])
def test_score_genes_is_scanpys(counts: AnnData, scale: str) -> None:
    given = counts
    if scale == "log":
        import scanpy as sc

        given = counts.copy()
        with pytest.warns(UserWarning, match="zero counts"):
            sc.pp.normalize_total(given, target_sum=1e4)
        sc.pp.log1p(given)
    answer = score(given, SIDES, method="score_genes", compat=True, chunk=17)
    golden = table(PEERS / "scanpy.tsv.gz")
    assert (answer[list(golden)] - golden).abs().to_numpy().max() <= 1e-5
    better = score(counts, SIDES, method="score_genes")[list(golden)]
    assert (better - golden).abs().to_numpy().max() > 0.01


def test_signed_lists_are_up_minus_down_of_the_peer(counts: AnnData) -> None:
    golden = table(PEERS / "scanpy.tsv.gz")
    answer = score(counts, LISTS, method="score_genes", compat=True)
    expected = golden["l05:up"] - golden["l05:down"]
    np.testing.assert_allclose(answer["l05"], expected, atol=1e-5)


def test_ulm_is_decouplers_on_the_genes_it_keeps(counts: AnnData) -> None:
    kept = np.asarray(counts.X.sum(axis=0)).ravel() > 0
    answer = score(counts[:, kept].copy(), SIDES, method="ulm")
    golden = table(PEERS / "decoupler_ulm.tsv.gz")
    np.testing.assert_allclose(answer.loc[golden.index, list(golden)], golden, rtol=1e-4, atol=1e-4)


def test_ssgsea_is_gseapys_over_the_number_of_genes() -> None:
    bulk = table(PEERS / "bulk.tsv.gz")
    golden = table(PEERS / "gseapy_ssgsea.tsv.gz")
    answer = score(bulk, SIDES, method="ssgsea", input="log")[list(golden)]
    np.testing.assert_allclose(answer * bulk.shape[1], golden, rtol=1e-4, atol=0.05)


@pytest.fixture(scope="module")
def expression() -> pd.DataFrame:
    return table(TABLES / "gsva_expression.tsv.gz", "gene").T


@pytest.fixture(scope="module")
def sets() -> dict[str, list[str]]:
    members = pd.read_csv(TABLES / "gsva_sets.tsv", sep="\t")
    return {str(name): list(part["gene"]) for name, part in members.groupby("set")}


def of_r(method: str) -> pd.DataFrame:
    return table(TABLES / f"gsva_{method}.tsv.gz", "set").T


@pytest.mark.parametrize(("method", "least"), [("ssgsea", 0.999), ("gsva", 0.999), ("plage", 0.9999)])
def test_bulk_methods_are_gsvas(
    expression: pd.DataFrame, sets: dict[str, list[str]], method: str, least: float
) -> None:
    answer = score(expression, sets, method=method, input="log")
    golden = of_r(method)[list(answer)]
    for name in answer:
        r = np.corrcoef(answer[name], golden[name])[0, 1]
        # The sign of a singular vector is open; ours is oriented.
        assert (abs(r) if method == "plage" else r) > least, (name, r)
    if method == "ssgsea":  # one factor for all sets: the number of genes
        np.testing.assert_allclose(answer * expression.shape[1], golden, rtol=1e-6, atol=1e-6)
    if method == "gsva":
        # R looks the kernel up in a table, so that a near-tie of two genes may fall the other way.
        off = (answer - golden).abs().to_numpy()
        assert (off > 1e-6).mean() < 0.01
        assert off.max() < 1e-3
    if method == "plage":
        np.testing.assert_allclose(answer.abs(), golden.abs(), atol=1e-7)


def test_plage_is_oriented_along_mean_z(expression: pd.DataFrame, sets: dict[str, list[str]]) -> None:
    plage = score(expression, sets, method="plage", input="log")
    mean_z = score(expression, sets, method="mean_z", input="log")
    assert all(np.corrcoef(plage[name], mean_z[name])[0, 1] > 0 for name in sets)


def test_zscore_is_mean_z_times_the_root_of_the_size(expression: pd.DataFrame, sets: dict[str, list[str]]) -> None:
    mean_z, golden = score(expression, sets, method="mean_z", input="log"), of_r("zscore")
    for name, genes in sets.items():
        np.testing.assert_allclose(mean_z[name] * np.sqrt(len(genes)), golden[name], rtol=1e-6, atol=1e-8)
