import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.qc import filter_cells, qc_metrics, removal_reasons
from ohmics.qc.features import mitochondrial, receptor_segments, ribosomal


def build(counts, genes, kinds=None):
    var = pd.DataFrame({"feature_type": kinds or ["gene"] * len(genes)}, index=genes)
    barcodes = [f"b{i}" for i in range(len(counts))]
    return ad.AnnData(X=sp.csr_matrix(np.asarray(counts, dtype=np.float32)), var=var, obs=pd.DataFrame(index=barcodes))


def test_transgenes_count_for_nothing():
    adata = build([[3, 1, 50], [0, 0, 7]], ["A", "MT-ND1", "CAR"], ["gene", "gene", "transgene"])
    metrics = qc_metrics(adata)
    assert metrics["n_umi"].tolist() == [4, 0]
    assert metrics["n_genes"].tolist() == [2, 0]
    assert metrics["pct_mito"].iloc[0] == 25
    assert np.isnan(metrics["pct_mito"].iloc[1])


def test_stored_zeros_are_no_detected_genes():
    adata = build([[1, 1]], ["A", "B"])
    adata.X.data[0] = 0
    assert qc_metrics(adata)["n_genes"].tolist() == [1]


def test_mitochondrial_share_is_missing_not_zero_without_such_genes():
    assert qc_metrics(build([[3, 1]], ["A", "B"]))["pct_mito"].isna().all()


def metrics_of(n_umi, n_genes=None, pct_mito=5.0):
    n_umi = np.asarray(n_umi, dtype=float)
    return pd.DataFrame(
        {"n_umi": n_umi, "n_genes": n_umi / 2 if n_genes is None else n_genes, "pct_mito": pct_mito},
        index=[f"b{i}" for i in range(len(n_umi))],
    )


def test_each_failed_threshold_is_a_reason_of_its_own():
    reasons = removal_reasons(metrics_of([100, 5000], pct_mito=[30, 3]), min_umi=500, min_genes=250, max_pct_mito=15)
    assert reasons.iloc[0] == "n_umi below 500;n_genes below 250;pct_mito above 15"
    assert reasons.iloc[1] is None


def test_values_at_a_threshold_pass():
    reasons = removal_reasons(metrics_of([500], n_genes=[250], pct_mito=15.0))
    assert reasons.isna().all()


def test_missing_mitochondrial_share_removes_no_cell():
    assert removal_reasons(metrics_of([5000], pct_mito=np.nan)).isna().all()


def test_mad_outliers_are_measured_on_the_log_scale_and_debris_does_not_widen_them():
    rng = np.random.default_rng(0)
    good = np.exp(rng.normal(np.log(3000), 0.1, 200))
    metrics = metrics_of(np.concatenate([good, [30000], np.full(300, 5.0)]))
    reasons = removal_reasons(metrics, n_mads=5)
    assert reasons.iloc[200] == "n_umi 5 MADs above the median;n_genes 5 MADs above the median"
    assert reasons.iloc[:200].isna().all()
    assert removal_reasons(metrics, n_mads=0).iloc[200] is None


@pytest.mark.parametrize("n_cells", [0, 1, 19])
def test_few_cells_have_no_spread(n_cells):
    assert removal_reasons(metrics_of(np.full(n_cells, 1000.0))).isna().all()


def test_filter_cells_keeps_the_good_and_leaves_its_input():
    adata = build([[600, 1], [2, 1]], ["A", "B"])
    kept = filter_cells(adata, min_umi=500, min_genes=2)
    assert list(kept.obs_names) == ["b0"]
    assert adata.n_obs == 2


def test_gene_families():
    names = ["MT-CO1", "RPL7A", "RPS6KA1", "RPLP0", "RPS4Y1", "MRPL1", "TRAV1-2", "TRAC", "TRADD", "TRDN", "TRBC2"]
    names += ["IGHV1-2", "IGKC", "IGLL1", "IGHMBP2", "IGHM", "IGHG1", "IGHD", "JCHAIN", "TRAF1", "TRDMT1", "IGLL5"]
    found = {
        "mitochondrial": {n for n, m in zip(names, mitochondrial(names), strict=True) if m},
        "ribosomal": {n for n, m in zip(names, ribosomal(names), strict=True) if m},
        "receptor": {n for n, m in zip(names, receptor_segments(names), strict=True) if m},
    }
    assert found["mitochondrial"] == {"MT-CO1"}
    assert found["ribosomal"] == {"RPL7A", "RPLP0", "RPS4Y1"}
    assert found["receptor"] == {"TRAV1-2", "TRAC", "TRBC2", "IGHV1-2", "IGKC", "IGHM", "IGHG1", "IGHD", "IGLL5"}
