"""Over-representation of lists among changed genes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ohmics.errors import OhmicsError
from ohmics.ora import over_representation
from ohmics.tables import DE, ORA, check


def genes(cell_type: str = "bulk", n: int = 400) -> pd.DataFrame:
    """g0 to g19 are up, g20 to g39 down, the others unchanged; the last gene has no p."""
    change = np.r_[np.ones(20), -np.ones(20), np.full(n - 40, 0.01)]
    p = np.r_[np.full(40, 1e-6), np.linspace(0.3, 1, n - 40)]
    p[-1] = np.nan
    return DE.conform(
        pd.DataFrame(
            {
                "contrast": "a_vs_b", "cell_type": cell_type, "gene": [f"g{i}" for i in range(n)], "method": "voom",
                "log2_fc": change, "low": change - 1, "high": change + 1, "t": change, "p": p,
                "q": np.where(p < 0.01, 0.001, np.where(np.isnan(p), np.nan, 0.9)), "mean_log_cpm": 5.0, "min_lfc": 0.0,
            }
        )
    )  # fmt: skip


LISTS = {
    "m/up": [f"g{i}" for i in range(10)],
    "none": [f"g{i}" for i in range(100, 120)],
    "small": ["g1", "g2"],
    "untested": ["g399", *[f"x{i}" for i in range(9)]],
    "signed": {"up": ["g1"], "down": ["g21"]},
}


def test_a_list_of_raised_genes_is_found_in_its_direction_only() -> None:
    table = over_representation(genes(), LISTS)
    check(table, ORA)
    rows = table.set_index(["gene_list", "direction"])
    up = rows.loc[("m/up", "up")]
    assert (up["n_tested"], up["n_changed"], up["n_list"], up["overlap"]) == (399, 20, 10, 10)
    assert up["expected"] == pytest.approx(10 * 20 / 399)
    assert up["q"] < 1e-9
    assert up["mechanism"] == "m"
    assert up["genes"].split("|") == LISTS["m/up"]
    assert rows.loc[("m/up", "down"), "p"] == 1
    assert rows.loc[("none", "up"), "p"] == 1
    reasons = {row["item"]: row["reason"] for row in table.attrs["skipped"]}
    assert set(reasons) == {"small", "untested", "signed"}
    assert reasons["small"] == "2 of 2 genes were tested; 5 to 500 are needed"


def test_lists_may_differ_between_cell_types() -> None:
    both = pd.concat([genes("T cell"), genes("NK")], ignore_index=True)
    table = over_representation(both, {"T cell": {"m/up": LISTS["m/up"]}, "NK": {"none": LISTS["none"]}})
    assert set(zip(table["cell_type"], table["gene_list"], strict=True)) == {("T cell", "m/up"), ("NK", "none")}
    assert set(table["family"]) == {"a_vs_b/ora voom"}


def test_without_changed_genes_there_is_no_test() -> None:
    quiet = genes().assign(q=0.9)
    table = over_representation(quiet, LISTS)
    assert table.empty
    assert "none of 399 genes has q below 0.05 (voom)" in table.attrs["skipped"][0]["reason"]


def test_a_threshold_beyond_one_is_refused() -> None:
    with pytest.raises(OhmicsError, match="max_q is 5; legal: between 0 and 1"):
        over_representation(genes(), LISTS, max_q=5)
