"""Options of differential expression: weights, threads, smallest change, PyDESeq2."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from ohmics import _deseq2
from ohmics.de import DeModel, differential_expression, run
from ohmics.errors import OhmicsError
from ohmics.model import Contrast
from ohmics.tables import DE, check

PAIRED = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient")
RANDOM = Contrast(variable="timepoint", test="relapse", reference="pre", random_by="patient")


def cohort(n_patients: int = 6, seed: int = 1, genes: int = 100) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Samples × genes counts with g0 to g9 up four-fold at relapse, g10 to g14 by a fifth, and the sheet."""
    random = np.random.default_rng(seed)
    rows = [(f"P{i}", side) for i in range(n_patients) for side in ("pre", "relapse")]
    sheet = pd.DataFrame(rows, columns=["patient", "timepoint"])
    sheet.insert(0, "sample", sheet["patient"] + "_" + sheet["timepoint"])
    mean = np.tile(random.uniform(100, 900, genes), (len(sheet), 1))
    late = (sheet["timepoint"] == "relapse").to_numpy()
    mean[late, :10] *= 4
    mean[late, 10:15] *= 1.2
    values = random.negative_binomial(60, 60 / (60 + mean))
    return pd.DataFrame(values, index=sheet["sample"].to_numpy(), columns=[f"g{i}" for i in range(genes)]), sheet


@pytest.mark.parametrize("method", ["voom", "pydeseq2"])
def test_a_smallest_change_leaves_only_the_large_ones(method: str) -> None:
    counts, sheet = cohort()
    any_change, large = (
        differential_expression(counts, sheet, contrast=PAIRED, method=method, model=DeModel(min_lfc=limit))
        for limit in (0.0, 1.0)
    )
    check(large, DE)
    assert (large["p"] >= any_change["p"] - 1e-12).all()
    passing = set(large.loc[large["q"] < 0.05, "gene"])
    assert passing == {f"g{i}" for i in range(10)}
    np.testing.assert_allclose(large["log2_fc"], any_change["log2_fc"], rtol=1e-9)
    assert (large["min_lfc"] == 1.0).all()


def test_pydeseq2_agrees_with_voom_on_what_is_planted() -> None:
    counts, sheet = cohort()
    voom = differential_expression(counts, sheet, contrast=PAIRED)
    deseq = differential_expression(counts, sheet, contrast=PAIRED, method="pydeseq2")
    check(deseq, DE)
    assert deseq["gene"].tolist() == voom["gene"].tolist()
    assert np.corrcoef(voom["log2_fc"], deseq["log2_fc"])[0, 1] > 0.99
    assert set(deseq.sort_values("p")["gene"].head(10)) == {f"g{i}" for i in range(10)}
    np.testing.assert_allclose(deseq["mean_log_cpm"], voom["mean_log_cpm"])


def test_pydeseq2_has_no_random_effect() -> None:
    counts, sheet = cohort()
    with pytest.raises(OhmicsError, match="has no random effect; use pair_by, or method voom"):
        differential_expression(counts, sheet, contrast=RANDOM, method="pydeseq2")


def test_an_absent_pydeseq2_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, sheet = cohort()
    monkeypatch.setattr(_deseq2, "find_spec", lambda name: None)
    with pytest.raises(OhmicsError, match=r"pip install 'ohmics\[pydeseq2\]'"):
        differential_expression(counts, sheet, contrast=PAIRED, method="pydeseq2")


def many_types(n: int = 4) -> tuple[ad.AnnData, pd.DataFrame]:
    parts, obs = [], []
    for i in range(n):
        counts, sheet = cohort(seed=i, genes=60)
        parts.append(counts.to_numpy(float))
        obs.append(pd.DataFrame({"sample": counts.index, "cell_type": f"T{i}", "n_cells": 50}))
    table = pd.concat(obs, ignore_index=True)
    table.index = table["sample"] + "|" + table["cell_type"]
    return ad.AnnData(np.vstack(parts), obs=table, var=pd.DataFrame(index=counts.columns)), sheet


def test_threads_change_no_byte() -> None:
    pseudobulk, sheet = many_types()
    one, two = (run(pseudobulk, sheet, [PAIRED], threads=n)[0] for n in (1, 3))
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert list(dict.fromkeys(one["cell_type"])) == ["T0", "T1", "T2", "T3"]


def test_methods_stand_beside_each_other_and_a_refusal_names_its_method() -> None:
    pseudobulk, sheet = many_types(1)
    both, skipped = run(pseudobulk, sheet, [PAIRED], methods=("voom", "pydeseq2"))
    assert list(dict.fromkeys(both["method"])) == ["voom", "pydeseq2"]
    assert skipped.empty
    found, skipped = run(pseudobulk, sheet, [RANDOM], methods=("voom", "pydeseq2"))
    assert set(found["method"]) == {"voom"}
    assert skipped["item"].tolist() == ["pydeseq2"]


@pytest.mark.parametrize(
    ("options", "words"),
    [({"weights": "arrays"}, "weights `arrays`.*genes, samples"), ({"min_lfc": -1.0}, "min_lfc -1.*0 or more")],
)
def test_a_wrong_option_is_refused_with_what_is_legal(options: dict[str, object], words: str) -> None:
    with pytest.raises(OhmicsError, match=words):
        DeModel(**options)  # type: ignore[arg-type]  # wrong on purpose
