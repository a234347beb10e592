import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.errors import OhmicsError
from ohmics.reference import combine, gene_reference, gene_stats, log_normalise
from ohmics.tables import GENE_REFERENCE

ANCESTORS = {"CD8 T": ("T cell", "lymphoid"), "CD4 T": ("T cell", "lymphoid"), "B cell": ("lymphoid",)}
GENES = ["A", "B", "C", "CAR"]


def ancestors(name):
    return ANCESTORS.get(name, ())


def build(n_cells=40, seed=0, genes=GENES, kinds=("CD8 T", "CD4 T", "B cell", None), modality=None):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.gamma(1, 4, (n_cells, len(genes))))
    adata = ad.AnnData(
        X=sp.csr_matrix(counts.astype(np.float32)),
        obs=pd.DataFrame(
            {"sample": f"s{seed}", "cell_type": np.resize(np.array(kinds, dtype=object), n_cells)},
            index=[f"b{i}" for i in range(n_cells)],
        ),
        var=pd.DataFrame({"feature_type": ["transgene" if g == "CAR" else "gene" for g in genes]}, index=genes),
    )
    if modality:
        adata.uns["ohmics"] = {"modality": modality}
    return adata


def expected(adata, mask, size=1e4):
    genes = adata.var_names != "CAR"
    counts = adata.X.toarray()[:, genes].astype(float)[mask]
    total = counts.sum(axis=1, keepdims=True)
    return np.log1p(np.divide(counts * size, total, out=np.zeros_like(counts), where=total > 0))


def test_transgenes_do_not_enter_a_cells_size():
    adata = build()
    normal = log_normalise(adata).toarray()
    assert np.allclose(normal[:, :3], expected(adata, slice(None)), rtol=1e-6)


def test_reference_is_mean_sd_and_detection_of_all_cells_of_the_cohort():
    adatas = [build(seed=1), build(seed=2, n_cells=25)]
    table = gene_reference(adatas, ancestors=ancestors)
    assert GENE_REFERENCE.conform(table).shape == table.shape
    assert "CAR" not in set(table["gene"])
    everyone = np.vstack([expected(a, slice(None)) for a in adatas])
    rows = table[table["cell_type"] == "all"].set_index("gene").loc[GENES[:3]]
    assert np.allclose(rows["mean"], everyone.mean(axis=0))
    assert np.allclose(rows["sd"], everyone.std(axis=0, ddof=1))
    assert np.allclose(rows["detection"], (everyone > 0).mean(axis=0))
    assert rows["n_cells"].tolist() == [65] * 3


def test_a_type_with_descendants_sums_over_them():
    adata = build()
    table = gene_reference([adata], ancestors=ancestors).set_index(["cell_type", "gene"])
    mask = adata.obs["cell_type"].isin(["CD8 T", "CD4 T"]).to_numpy()
    values = expected(adata, mask)
    assert np.allclose(table.loc["T cell"].loc[GENES[:3], "mean"], values.mean(axis=0))
    assert table.loc[("lymphoid", "A"), "n_cells"] == adata.obs["cell_type"].notna().sum()
    assert set(table.index.get_level_values(0)) == {"all", "T cell", "CD8 T", "CD4 T", "B cell", "lymphoid"}


def test_flags_become_types_and_unknown_is_no_member():
    adata = build()
    adata.obs["malignant"] = pd.array([True, None, False, None] * 10, dtype="boolean")
    stats = gene_stats(adata, adata.obs)
    assert stats.loc[stats["cell_type"] == "malignant", "n_cells"].unique().tolist() == [10]


def test_a_series_of_types_will_do():
    adata = build()
    one = gene_stats(adata, adata.obs["cell_type"], ancestors=ancestors)
    pd.testing.assert_frame_equal(one, gene_stats(adata, ancestors=ancestors))
    with pytest.raises(OhmicsError, match="5 cell types were given for 40 cells"):
        gene_stats(adata, adata.obs["cell_type"].iloc[:5])


def test_genes_some_samples_lack_rest_on_the_others():
    one, two = build(seed=1), build(seed=2, genes=["A", "B", "D", "CAR"])
    table = gene_reference([one, two]).set_index(["cell_type", "gene"])
    assert table.loc[("all", "A"), "n_cells"] == 80
    assert table.loc[("all", "C"), "n_cells"] == table.loc[("all", "D"), "n_cells"] == 40
    assert table.loc[("all", "D"), "mean"] == pytest.approx(expected(two, slice(None))[:, 2].mean())


def test_order_of_samples_changes_nothing_but_rounding():
    parts = [gene_stats(build(seed=s)) for s in range(4)]
    pd.testing.assert_frame_equal(combine(parts), combine(parts[::-1]), rtol=1e-12)


def test_what_does_not_vary_has_no_sd():
    counts = sp.csr_matrix(np.tile([[5.0, 3.0]], (50, 1)).astype(np.float32))
    table = gene_reference([ad.AnnData(X=counts, var=pd.DataFrame(index=["A", "B"]))])
    assert table["sd"].tolist() == [0, 0]


def test_bulk_is_log2_cpm_plus_one():
    adata = build(n_cells=6, modality="bulk")
    table = gene_reference([adata])
    assert set(table["cell_type"]) == {"bulk"}
    values = expected(adata, slice(None), 1e6) / np.log(2)
    assert np.allclose(table.set_index("gene").loc[GENES[:3], "mean"], values.mean(axis=0))


def test_no_part_and_a_broken_part_are_refused():
    with pytest.raises(OhmicsError, match="no sample to make a reference of"):
        combine([])
    with pytest.raises(OhmicsError, match="lacks sum_sq"):
        combine([gene_stats(build()).drop(columns="sum_sq")])
