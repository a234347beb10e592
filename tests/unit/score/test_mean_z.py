"""mean_z against plain numpy on dense data."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from ohmics.errors import OhmicsError
from ohmics.score import score

GENES = [f"G{g}" for g in range(60)]


def reference_of(logged, cell_type="T cell", n=500):
    return pd.DataFrame(
        {"cell_type": cell_type, "gene": GENES, "mean": logged.mean(axis=0), "sd": logged.std(axis=0, ddof=1),
         "detection": (logged > 0).mean(axis=0), "n_cells": n}
    )  # fmt: skip


def made(seed=0, cells=40):
    random = np.random.default_rng(seed)
    counts = random.poisson(0.5 + random.gamma(1, 1, size=60), size=(cells, 60)).astype(float)
    counts[:, 11] = 0
    return counts, np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)


def data(counts, **uns):
    return AnnData(sparse.csr_matrix(counts), var=pd.DataFrame(index=GENES), uns={"ohmics": uns} if uns else {})


def test_mean_z_is_its_definition():
    counts, logged = made()
    _, other = made(1)
    reference = reference_of(other)
    positions = [2, 5, 11, 30]
    result = score(data(counts), {"l": [GENES[g] for g in positions]}, method="mean_z", reference=reference)
    used = [g for g in positions if reference["sd"][g] > 0]
    assert used == [2, 5, 30]
    z = (logged[:, used] - reference["mean"].to_numpy()[used]) / reference["sd"].to_numpy()[used]
    np.testing.assert_allclose(result["l"], z.mean(axis=1), rtol=1e-10)


def test_bulk_is_log2_cpm():
    counts, _ = made()
    logged = np.log2(counts / counts.sum(axis=1, keepdims=True) * 1e6 + 1)
    reference = reference_of(logged, cell_type="bulk", n=40)
    positions = [2, 5, 30]
    z = (logged - logged.mean(axis=0))[:, positions] / logged.std(axis=0, ddof=1)[positions]
    for given, ref in ((data(counts), reference), (data(counts, modality="bulk"), None)):
        result = score(given, {"l": [GENES[g] for g in positions]}, method="mean_z", reference=ref)
        np.testing.assert_allclose(result["l"], z.mean(axis=1), rtol=1e-9)


def test_log_input_is_taken_as_it_is_and_said():
    counts, logged = made()
    reference = reference_of(logged)
    lists = {"l": GENES[:9]}
    first = score(data(counts), lists, method="mean_z", reference=reference)
    second = score(pd.DataFrame(logged, columns=GENES), lists, method="mean_z", reference=reference)
    np.testing.assert_allclose(first["l"], second["l"], rtol=1e-9)
    assert (first.attrs["input"], second.attrs["input"]) == ("counts", "log")


def test_cell_types_of_the_reference_are_pooled_as_if_their_cells_were():
    counts, logged = made(cells=90)
    parts = [reference_of(logged[:30], "a", 30), reference_of(logged[30:], "b", 60)]
    for part in parts:
        part["sd"] *= np.sqrt((part["n_cells"] - 1) / part["n_cells"])
    lists = {"l": GENES[:9]}
    pooled = score(data(counts), lists, method="mean_z", reference=pd.concat(parts))
    whole = reference_of(logged, "x", 90)
    whole["sd"] *= np.sqrt(89 / 90)
    direct = score(data(counts), lists, method="mean_z", reference=whole)
    np.testing.assert_allclose(pooled["l"], direct["l"], rtol=1e-8)


def test_a_list_without_a_varying_gene_is_missing_with_the_reason():
    counts, logged = made()
    result = score(data(counts), {"flat": ["G11"], "l": ["G2"]}, method="mean_z", reference=reference_of(logged))
    assert result["flat"].isna().all()
    assert result["l"].notna().all()
    assert result.attrs["skipped"][0]["item"] == "flat"
    assert "varies" in result.attrs["skipped"][0]["reason"]


def test_a_reference_without_sd_is_refused():
    with pytest.raises(OhmicsError, match="lacks sd"):
        score(data(made()[0]), {"l": ["G1"]}, method="mean_z", reference=pd.DataFrame({"mean": [1.0]}, index=["G1"]))
