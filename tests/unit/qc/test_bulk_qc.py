import anndata as ad
import numpy as np
import pandas as pd
import pytest

from ohmics.qc import bulk_qc
from ohmics.tables import QC

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
