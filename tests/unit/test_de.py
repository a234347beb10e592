"""Differential expression of pseudobulk: cell types, sums of samples, and what is skipped."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from ohmics.de import differential_expression, run
from ohmics.errors import OhmicsError
from ohmics.model import Contrast
from ohmics.tables import DE, SKIPPED, check

PAIRED = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient")
N_GENES = 120


def cohort(n_patients: int = 6, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Samples × genes counts with g0 to g9 up four-fold at relapse, and the sheet."""
    random = np.random.default_rng(seed)
    rows = [(f"P{i}", side) for i in range(n_patients) for side in ("pre", "relapse")]
    sheet = pd.DataFrame(rows, columns=["patient", "timepoint"])
    sheet.insert(0, "sample", sheet["patient"] + "_" + sheet["timepoint"])
    mean = np.tile(random.uniform(50, 400, N_GENES), (len(sheet), 1))
    mean[(sheet["timepoint"] == "relapse").to_numpy(), :10] *= 4
    values = random.negative_binomial(20, 20 / (20 + mean))
    frame = pd.DataFrame(values, index=sheet["sample"].to_numpy(), columns=[f"g{i}" for i in range(N_GENES)])
    return frame, sheet


def pseudobulk(parts: dict[str, pd.DataFrame], n_cells: dict[str, int]) -> ad.AnnData:
    obs = pd.concat(
        [pd.DataFrame({"sample": f.index, "cell_type": t, "n_cells": n_cells[t]}) for t, f in parts.items()],
        ignore_index=True,
    )
    obs.index = obs["sample"] + "|" + obs["cell_type"]
    names = next(iter(parts.values())).columns
    return ad.AnnData(np.vstack([f.to_numpy(float) for f in parts.values()]), obs=obs, var=pd.DataFrame(index=names))


def test_a_four_fold_change_is_found_with_its_sign_and_size() -> None:
    counts, sheet = cohort()
    table = differential_expression(counts, sheet, contrast=PAIRED)
    check(table, DE)
    changed = table.set_index("gene").loc[[f"g{i}" for i in range(10)]]
    assert (changed["q"] < 0.001).all()
    assert changed["log2_fc"].median() == pytest.approx(2, abs=0.3)
    assert ((table["low"] < table["log2_fc"]) & (table["log2_fc"] < table["high"])).all()
    assert (table["p"] <= table["q"]).all()
    assert (table["cell_type"] == "bulk").all()


def test_the_order_of_samples_and_of_genes_does_not_matter() -> None:
    counts, sheet = cohort()
    table = differential_expression(counts, sheet, contrast=PAIRED)
    turned = differential_expression(counts.iloc[::-1, ::-1], sheet.iloc[::-1], contrast=PAIRED)
    turned = turned.set_index("gene").loc[table["gene"]]
    np.testing.assert_allclose(turned["p"], table["p"], rtol=1e-8)


def test_swapping_test_and_reference_turns_the_sign_only() -> None:
    counts, sheet = cohort()
    back = Contrast(variable="timepoint", test="pre", reference="relapse", pair_by="patient")
    there, again = (differential_expression(counts, sheet, contrast=c) for c in (PAIRED, back))
    np.testing.assert_allclose(again["log2_fc"], -there["log2_fc"], rtol=1e-8)
    np.testing.assert_allclose(again["p"], there["p"], rtol=1e-8)


def test_a_random_effect_uses_unpaired_patients_too() -> None:
    counts, sheet = cohort()
    random = Contrast(variable="timepoint", test="relapse", reference="pre", random_by="patient")
    fewer = sheet.drop(index=[1, 2])
    table = differential_expression(counts, fewer, contrast=random)
    assert "10 samples" in table.attrs["design"]
    assert (table.set_index("gene").loc[[f"g{i}" for i in range(10)], "q"] < 0.01).all()


def test_run_sums_samples_of_a_side_and_skips_with_numbers() -> None:
    counts, sheet = cohort()
    # P0's relapse sample arrives in two halves: their sum is what the whole was.
    half = counts.loc["P0_relapse"] // 2
    split = counts.copy()
    split.loc["P0_relapse"] -= half
    split.loc["P0_relapse_b"] = half
    longer = pd.concat([sheet, sheet.iloc[[1]].assign(sample="P0_relapse_b")])
    few = counts.iloc[:4]
    data = pseudobulk({"T cell": split, "NK": few, "B": counts}, {"T cell": 50, "NK": 50, "B": 5})
    table, left_out = run(data, longer, [PAIRED])
    check(table, DE)
    check(left_out, SKIPPED)
    assert set(table["cell_type"]) == {"T cell"}
    whole = differential_expression(counts, sheet, contrast=PAIRED, cell_type="T cell")
    np.testing.assert_allclose(table["p"], whole["p"], rtol=1e-10)
    reasons = left_out.set_index("cell_type")["reason"].to_dict()
    assert reasons["NK"] == "2 patients with a complete pair, 3 are needed"
    assert reasons["B"] == (
        "0 patients with a complete pair, 3 are needed; 12 further samples have fewer than 10 cells of this type"
    )


def test_bulk_keeps_the_first_sample_of_a_side() -> None:
    counts, sheet = cohort()
    longer = pd.concat([sheet, sheet.iloc[[1]].assign(sample="P0_relapse_b")])
    wider = pd.concat([counts, counts.loc[["P1_relapse"]].set_axis(["P0_relapse_b"])])
    table, left_out = run(pseudobulk({"bulk": wider}, {"bulk": 1}), longer, [PAIRED])
    assert left_out.empty
    whole = differential_expression(counts, sheet, contrast=PAIRED)
    np.testing.assert_allclose(table["p"], whole["p"], rtol=1e-12)
    assert "P0_relapse_b" in table.attrs["designs"][0]


def test_run_skips_a_contrast_whose_values_no_sample_has() -> None:
    counts, sheet = cohort()
    other = Contrast(variable="timepoint", test="late", reference="pre", pair_by="patient")
    table, left_out = run(pseudobulk({"NK": counts}, {"NK": 30}), sheet, [other])
    assert table.empty
    assert list(table.columns) == list(DE.names)
    assert "no sample has `late` in `timepoint`" in left_out["reason"].iloc[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "vom"}, "did you mean `voom`"),
        ({"counts": lambda c: c.set_axis([f"x{i}" for i in range(len(c))])}, "no sample of the sheet has counts"),
        ({"counts": lambda c: c * 0 + 1}, "none of 120 genes has enough counts"),
    ],
)
def test_what_cannot_be_tested_is_refused_in_words(change: dict[str, object], words: str) -> None:
    counts, sheet = cohort()
    given = change.pop("counts", lambda c: c)(counts)  # type: ignore[operator]  # a function of the counts
    with pytest.raises(OhmicsError, match=words):
        differential_expression(given, sheet, contrast=PAIRED, **change)  # type: ignore[arg-type]  # one dict, all kinds
