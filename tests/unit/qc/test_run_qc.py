import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.errors import OhmicsError
from ohmics.qc import ambient_fraction, find_doublets, run_qc
from ohmics.qc.verdict import Measured, judge
from ohmics.tables import CELL_QC, QC, SKIPPED

LIMITS = {"min_umi": 300, "min_genes": 100, "max_pct_mito": 15, "n_mads": 5, "min_cells": 20, "doublets": False}


def build(n_cells=150, n_genes=400, depth=1500, seed=0, profiles=1):
    rng = np.random.default_rng(seed)
    shapes = rng.gamma(0.5, 1, (profiles, n_genes)) + 0.01
    kind = np.arange(n_cells) % profiles
    rate = shapes[kind] / shapes[kind].sum(axis=1, keepdims=True) * depth
    genes = [f"G{i}" for i in range(n_genes - 1)] + ["MT-ND1"]
    barcodes = [f"b{i}" for i in range(n_cells)]
    return ad.AnnData(
        X=sp.csr_matrix(rng.poisson(rate).astype(np.float32)),
        var=pd.DataFrame({"feature_type": "gene"}, index=genes),
        obs=pd.DataFrame(index=barcodes),
    )


def test_result_fits_the_tables_and_the_input_is_not_changed():
    adata = build()
    before = adata.X.copy()
    result = run_qc(adata, sample="s1", settings=LIMITS, seed=0)
    assert QC.conform([result.qc_row])["cells_in"].tolist() == [150]
    assert CELL_QC.conform(result.cell_qc)["barcode"].tolist() == list(adata.obs_names)
    assert SKIPPED.conform(list(result.skipped))["subject"].eq("s1").all()
    assert result.cell_qc["kept"].sum() == result.kept.n_obs == result.qc_row["cells_kept"]
    assert set(result.kept.obs["sample"]) == {"s1"}
    assert abs(before - adata.X).nnz == 0
    assert "sample" not in adata.obs


def test_an_essentially_empty_sample_is_excluded_with_its_reason():
    result = run_qc(build(depth=2), sample="empty", settings=LIMITS)
    assert result.qc_row["verdict"] == "excluded"
    assert result.qc_row["flags"].startswith("essentially empty: 0 of 150 barcodes pass every filter and 20 are needed")
    assert result.kept.n_obs == 0
    assert result.qc_row["median_umi"] == 2
    assert not result.cell_qc["kept"].any()


def test_no_barcode_at_all_is_excluded_too():
    result = run_qc(build()[:0].copy(), sample="none", settings=LIMITS)
    assert result.qc_row["verdict"] == "excluded"
    assert len(result.cell_qc) == 0


def test_cells_of_an_excluded_sample_say_so():
    result = run_qc(build(n_cells=10), sample="few", settings=LIMITS)
    assert set(result.cell_qc["reason"]) == {"the sample is excluded"}
    assert "too few good cells" in result.qc_row["flags"]


def test_unknown_setting_and_bad_value_are_named_together():
    with pytest.raises(OhmicsError) as caught:
        run_qc(build(), sample="s", settings={"min_umis": 3, "min_genes": -1})
    assert len(caught.value.faults) == 2
    assert "did you mean `min_umi`" in str(caught.value)


def test_planted_doublets_score_higher_and_the_seed_repeats():
    adata = build(n_cells=240, profiles=2, depth=1500, seed=1)
    counts = adata.X.toarray()
    counts[:12] = counts[12:24] + counts[25:37]
    adata.X = sp.csr_matrix(counts)
    first = find_doublets(adata, sample="s", seed=3)
    assert first.reason == ""
    assert first.scores.iloc[:12].median() > first.scores.iloc[12:].quantile(0.95)
    assert first.scores.equals(find_doublets(adata, sample="s", seed=3).scores)


def test_doublets_are_skipped_with_a_reason_on_few_cells():
    result = find_doublets(build(n_cells=60), sample="s", seed=0)
    assert "60 cells" in result.reason
    assert result.called.isna().all()
    assert np.isnan(result.rate)


def with_granulocytes(ambient, low_barcodes=0, seed=0):
    rng = np.random.default_rng(seed)
    n_cells, depth = 300, 2000.0
    genes = ["S100A8", "S100A9", *[f"G{i}" for i in range(200)]]
    own = np.full((n_cells, len(genes)), 1 / 200)
    own[:, :2] = 0
    own[:30, :2] = 0.1
    own /= own.sum(axis=1, keepdims=True)
    soup = own.mean(axis=0)
    rate = depth * ((1 - ambient) * own + ambient * soup)
    empty = 20 * np.tile(soup, (low_barcodes, 1))
    counts = rng.poisson(np.concatenate([rate, empty]))
    adata = ad.AnnData(X=sp.csr_matrix(counts.astype(np.float32)), var=pd.DataFrame(index=genes))
    return adata, np.arange(len(counts)) < n_cells


@pytest.mark.parametrize("ambient", [0.02, 0.1, 0.25])
@pytest.mark.parametrize("low_barcodes", [0, 600])
def test_ambient_fraction_is_found(ambient, low_barcodes):
    adata, cells = with_granulocytes(ambient, low_barcodes)
    found = ambient_fraction(adata, cells)
    assert found.fraction == pytest.approx(ambient, rel=0.25)
    assert ("lowest barcodes" in found.reason) == (low_barcodes > 0)


def test_ambient_fraction_is_missing_when_no_cell_expresses_such_genes():
    found = ambient_fraction(build())
    assert np.isnan(found.fraction)
    assert "cannot be told" in found.reason


def measured(**changes):
    numbers = {
        "cells_in": 1000, "cells_kept": 900, "median_umi_in": 3000.0, "median_umi": 3000.0, "pct_mito": 4.0,
        "doublet_rate": 0.03, "ambient_fraction": 0.05, "min_cells": 20,
    }  # fmt: skip
    return Measured(**{**numbers, **changes})


def test_a_good_sample_has_no_flag():
    verdict = judge(measured())
    assert (verdict.verdict, verdict.flags) == ("use", "")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"cells_kept": 90, "cells_in": 100}, "only 90 cells pass every filter"),
        ({"median_umi": 800.0}, "shallow: the median cell holds 800 UMI"),
        ({"cells_kept": 300}, "30 % of 1000 barcodes pass every filter"),
        ({"pct_mito": 12.0}, "the median cell holds 12.0 % mitochondrial RNA"),
        ({"ambient_fraction": 0.3}, "up to 30 % of the RNA may be ambient"),
        ({"doublet_rate": 0.2}, "20 % of the cells were called doublets"),
    ],
)
def test_each_weakness_is_one_sentence(change, sentence):
    verdict = judge(measured(**change))
    assert verdict.verdict == "use_with_care"
    assert verdict.flags == sentence


def test_unknown_numbers_are_no_weakness():
    nan = float("nan")
    assert judge(measured(doublet_rate=nan, ambient_fraction=nan, pct_mito=nan)).verdict == "use"
