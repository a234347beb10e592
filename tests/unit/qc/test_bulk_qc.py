import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.qc import bulk_pca, bulk_qc
from ohmics.tables import PCA, QC

LIMITS = {"min_library_size": 10_000, "min_genes_bulk": 100}


def build(seed=0):
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.6, 40, 1000)
    counts = rng.poisson(rate * rng.gamma(20, 1 / 20, (8, 1000))).astype(float)
    return ad.AnnData(
        X=counts,
        obs=pd.DataFrame(index=[f"s{i}" for i in range(8)]),
        var=pd.DataFrame(index=[f"G{i}" for i in range(1000)]),
    )


def test_good_samples_are_used():
    rows = bulk_qc(build(), settings=LIMITS)
    assert QC.conform(rows)["verdict"].tolist() == ["use"] * 8
    assert rows["flags"].isna().all()


def test_a_sample_of_another_kind_is_an_outlier():
    adata = build()
    adata.X[3] = adata.X[3][np.random.default_rng(1).permutation(1000)]
    rows = bulk_qc(adata, settings=LIMITS).set_index("sample")
    assert rows["verdict"].to_dict() == {f"s{i}": "use_with_care" if i == 3 else "use" for i in range(8)}
    assert "outlier" in rows.loc["s3", "flags"]


@pytest.mark.parametrize(("factor", "verdict"), [(0.25, "use_with_care"), (0.01, "excluded"), (0.0, "excluded")])
def test_a_small_library_is_flagged_and_a_hopeless_one_excluded(factor, verdict):
    adata = build()
    adata.X[0] = np.random.default_rng(2).poisson(adata.X[0] * factor)
    row = bulk_qc(adata, settings=LIMITS).iloc[0]
    assert row["verdict"] == verdict
    assert "its library size is" in row["flags"]
    assert row["cells_kept"] == int(verdict != "excluded")


def test_the_sample_column_names_the_rows():
    adata = build()
    adata.obs["sample"] = [f"patient{i}" for i in range(8)]
    assert bulk_qc(adata, settings=LIMITS)["sample"].iloc[2] == "patient2"


def test_a_planted_axis_is_the_first_component():
    adata = build()
    adata.X[4:, :40] *= 12
    rows = PCA.conform(bulk_pca(adata))
    assert rows["sample"].tolist() == [f"s{i}" for i in range(8)]
    pc1 = rows["pc1"].to_numpy()
    assert max(pc1[:4].max() - pc1[:4].min(), pc1[4:].max() - pc1[4:].min()) < 0.5 * (pc1[4:].min() - pc1[:4].max())
    assert len(set(rows["share_1"])) == 1
    assert 0 < rows["share_2"].iloc[0] < rows["share_1"].iloc[0] < 1


def test_components_do_not_depend_on_library_size_or_sparse_storage():
    adata = build()
    adata.X[4:, :40] *= 12
    deeper = adata.copy()
    deeper.X[2] *= 3
    deeper.X = sp.csr_matrix(deeper.X)
    ours, theirs = bulk_pca(adata), bulk_pca(deeper)
    assert np.allclose(ours["pc1"], theirs["pc1"], atol=0.05 * np.ptp(ours["pc1"]))


def test_the_sign_of_a_component_follows_its_heaviest_gene():
    adata = build()
    adata.X[4:, :40] *= 12
    assert bulk_pca(adata)["pc1"].iloc[-1] > 0
    backwards = bulk_pca(adata[::-1].copy()).set_index("sample")["pc1"]
    assert np.allclose(bulk_pca(adata).set_index("sample")["pc1"], backwards.loc[adata.obs_names], atol=1e-5)


@pytest.mark.parametrize(("number", "alike"), [(1, False), (2, False), (3, True)], ids=["one", "two", "three alike"])
def test_too_few_or_equal_samples_have_no_place(number, alike):
    adata = build()[:number].copy()
    if alike:
        adata.X[:] = adata.X[0]
    rows = bulk_pca(adata)
    assert len(rows) == number
    assert rows[["pc1", "pc2", "share_1", "share_2"]].isna().all(axis=None)


def test_a_transgene_does_not_decide_the_components():
    adata = build()
    adata.var["feature_type"] = ["transgene", *["gene"] * 999]
    before = bulk_pca(adata)
    adata.X[:4, 0] = 0
    adata.X[4:, 0] = 5_000
    pd.testing.assert_frame_equal(bulk_pca(adata), before)
