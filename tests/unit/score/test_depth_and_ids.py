"""How closely a score follows depth, and of what kind names are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ohmics.score.follows_depth import depth_correlation
from ohmics.score.id_kinds import id_kind, why_all_missing


def test_depth_correlation_is_spearmans() -> None:
    depth = np.arange(30.0) ** 2
    scores = pd.DataFrame({"up": np.arange(30.0), "down": -np.log1p(depth), "flat": 1.0, "few": np.nan})
    scores.loc[:10, "few"] = np.arange(11.0)
    found = depth_correlation(scores, depth)
    assert found[["up", "down"]].tolist() == pytest.approx([1.0, -1.0])
    assert found[["flat", "few"]].isna().all()


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["CD8A", "HLA-DRA", "C1orf112"], "gene symbols"),
        (["ENSG00000177455.5", "ENSG00000010610"], "Ensembl ids"),
        (["ENSMUSG00000053977", "ENSMUSG00000044811"], "Ensembl ids of another species"),
        (["930", "925"], "Entrez ids"),
        (["Cd8a", "Tox", "H2-K1"], "mouse gene symbols"),
        ([], ""),
    ],
)
def test_kinds_of_names(names: list[str], kind: str) -> None:
    assert id_kind(names) == kind


def test_why_all_genes_are_missing() -> None:
    thirty = [f"CD{number}" for number in range(30)]
    data = [f"ENSG{number:011d}" for number in range(100)]
    assert why_all_missing(thirty, data) == "all 30 genes are missing; the data use Ensembl ids, the list gene symbols"
    assert why_all_missing(thirty, ["ACTB", "GAPDH"]) == "all 30 genes are missing"
    assert why_all_missing(["CD19"], data).startswith("its only gene is missing; the data use Ensembl ids")
