import sys

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.neighbors import NearestNeighbors

from ohmics.embed import embed, embedding, variable_genes
from ohmics.errors import OhmicsError
from ohmics.fuzzy_graph import fuzzy_graph

# `ohmics.embed` is the function once the package has been used; the module is looked up by its name.
MODULE = sys.modules["ohmics.embed"]
SPECIAL = ["TRAV1-2", "IGHV1-2", "IGKC", "MT-ND1", "RPL3", "CAR"]


def build(sample="s", n_cells=120, seed=0, kinds=3, shift=0.0, n_genes=300):
    rng = np.random.default_rng(seed)
    shape = np.random.default_rng(99).gamma(0.4, 1, n_genes) + 0.02
    kind = np.arange(n_cells) % kinds
    rate = np.tile(shape, (n_cells, 1))
    for k in range(kinds):
        rate[np.ix_(kind == k, np.arange(20 * k, 20 * k + 20))] += 5
    rate[:, 100:120] += shift
    # The genes that must never be chosen vary more than any other.
    noisy = rng.gamma(0.1, 60, (n_cells, len(SPECIAL)))
    counts = rng.poisson(np.column_stack([rate, noisy]) * 3)
    genes = [f"G{i}" for i in range(n_genes)] + SPECIAL
    adata = ad.AnnData(
        X=sp.csr_matrix(counts.astype(np.float32)),
        obs=pd.DataFrame({"sample": sample}, index=[f"b{i}" for i in range(n_cells)]),
        var=pd.DataFrame({"feature_type": ["transgene" if g == "CAR" else "gene" for g in genes]}, index=genes),
    )
    return adata, kind


def agreement(cluster, kind):
    return pd.crosstab(np.asarray(cluster), kind).max(axis=1).sum() / len(kind)


def test_variable_genes_are_never_segments_mitochondrial_ribosomal_or_transgenes():
    genes = variable_genes([build()[0]], n_top_genes=300)
    assert not set(genes) & set(SPECIAL)
    assert len(genes) > 250


def test_genes_that_some_sample_lacks_are_never_chosen():
    one, two = build("a")[0], build("b", seed=1)[0]
    chosen = variable_genes([one, two], n_top_genes=60)
    absent = chosen[0]
    without = variable_genes([one, two[:, two.var_names != absent].copy()], n_top_genes=60)
    assert absent not in without
    assert len(set(chosen) & set(without)) > 50


def test_a_gene_counts_by_the_samples_that_chose_it_then_by_its_dispersion():
    one, two = build("a")[0], build("b", seed=1)[0]
    first, second = variable_genes([one], n_top_genes=60), variable_genes([two], n_top_genes=60)
    both = variable_genes([one, two], n_top_genes=60)
    agreed = set(first) & set(second)
    assert set(both[: len(agreed)]) == agreed
    assert set(both) <= set(first) | set(second)


def test_planted_kinds_become_clusters_and_the_input_is_not_changed():
    adata, kind = build()
    before = adata.X.copy()
    frame = embed([adata], n_top_genes=100, n_pcs=10, umap=False)
    assert list(frame.columns) == [
        "sample", "barcode", "cluster", "umap_1", "umap_2", "cluster_uncorrected", "own_neighbours",
    ]  # fmt: skip
    assert frame["barcode"].tolist() == list(adata.obs_names)
    assert agreement(frame["cluster"], kind) > 0.95
    assert frame[["umap_1", "umap_2"]].isna().all(axis=None)
    assert abs(before - adata.X).nnz == 0
    sizes = frame["cluster"].value_counts()
    assert sizes.sort_index(key=lambda names: names.astype(int)).is_monotonic_decreasing


def test_three_cells_are_clustered_but_not_drawn():
    adata = build()[0][:3].copy()
    frame = embed([adata], n_top_genes=100, n_pcs=2, umap=True)
    assert len(frame) == 3
    assert frame[["umap_1", "umap_2"]].isna().all(axis=None)


def test_harmony_brings_the_kinds_of_two_samples_together():
    samples = [build("a", seed=0), build("b", seed=1, shift=8.0)]
    kind = np.concatenate([k for _, k in samples])
    apart = embedding([a for a, _ in samples], n_top_genes=150, n_pcs=10, harmony=False, umap=False)
    joined = embedding([a for a, _ in samples], n_top_genes=150, n_pcs=10, umap=False)
    assert {len(set(rows)) for _, rows in apart.cells.groupby("cluster")["sample"]} == {1}
    assert {len(set(rows)) for _, rows in joined.cells.groupby("cluster")["sample"]} == {2}
    assert agreement(joined.cells["cluster"], kind) > 0.95
    assert joined.parameters["harmony"]
    assert not apart.parameters["harmony"]
    # Before the correction every cluster and neighbourhood is a sample's own, and the same as without Harmony.
    assert joined.cells["own_neighbours"].min() > 0.9999
    assert joined.cells["cluster_uncorrected"].tolist() == apart.cells["cluster_uncorrected"].tolist()
    assert apart.cells["cluster_uncorrected"].tolist() == [f"u{name}" for name in apart.cells["cluster"]]


@pytest.mark.slow
def test_graph_is_umap_learns():
    components = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    components[7] = components[8]
    graph = fuzzy_graph(components, n_neighbors=15)
    umap_ = pytest.importorskip("umap.umap_")
    # Searched as there: which of two cells in one place is the last neighbour of a third is open.
    search = NearestNeighbors(n_neighbors=15, algorithm="brute").fit(components)
    distances, indices = search.kneighbors(components)
    theirs, _, _ = umap_.fuzzy_simplicial_set(
        sp.coo_matrix((300, 1)), 15, None, None, knn_indices=indices, knn_dists=distances.astype(np.float32)
    )
    assert abs(graph - theirs).max() < 1e-4
    assert abs(graph - graph.T).max() == 0


def test_functions_are_read_one_at_a_time_and_give_the_same_as_arrays():
    adatas = [build("a", seed=0)[0], build("b", seed=1)[0]]
    calls = []

    def reader(position):
        def read():
            calls.append(position)
            return adatas[position]

        return read

    options = {"n_top_genes": 100, "n_pcs": 10, "umap": False}
    streamed = embedding([reader(0), reader(1)], **options)
    whole = embedding(adatas, **options)
    assert calls == [0, 1, 0, 1]
    assert np.array_equal(streamed.components, whole.components)
    assert streamed.cells.equals(whole.cells)


@pytest.mark.parametrize("package", ["igraph", "harmonypy"])
def test_an_absent_extra_is_told_with_its_pip_line(package, monkeypatch):
    real = MODULE.find_spec
    monkeypatch.setattr(MODULE, "find_spec", lambda name: None if name == package else real(name))
    with pytest.raises(OhmicsError, match=r'pip install "ohmics\[embed\]"') as caught:
        embed([build("a")[0], build("b")[0]])
    assert package in str(caught.value)


def test_a_single_anndata_is_one_sample():
    adata = build()[0]
    pd.testing.assert_frame_equal(embed(adata, umap=False), embed([adata], umap=False))


def test_nothing_to_embed_is_refused():
    with pytest.raises(OhmicsError, match="no sample"):
        embed([])
    one, two = build("a")[0], build("b")[0]
    two.var_names = [f"H{i}" for i in range(two.n_vars)]
    with pytest.raises(OhmicsError, match="share no gene"):
        embed([one, two])
    with pytest.raises(OhmicsError, match="given twice"):
        embed([build("a")[0], build("a")[0]])


def test_a_sample_without_name_or_sparse_counts_is_refused_with_both_faults():
    adata, _ = build()
    bad = ad.AnnData(X=adata.X.toarray(), var=adata.var)
    with pytest.raises(OhmicsError) as caught:
        embed([bad])
    assert len(caught.value.faults) == 2


def test_very_small_samples_do_not_vote_but_are_embedded():
    big, small = build("a")[0], build("b", n_cells=6, seed=3)[0]
    frame = embed([big, small], n_top_genes=80, n_pcs=5, umap=False, harmony=False)
    assert frame["sample"].value_counts().to_dict() == {"a": 120, "b": 6}
    assert variable_genes([big, small], n_top_genes=80) == variable_genes([big], n_top_genes=80)


@pytest.mark.slow
def test_umap_repeats_to_the_bit():
    adata, _ = build()
    frames = [embed([adata], n_top_genes=100, n_pcs=10, seed=4) for _ in range(2)]
    assert frames[0].equals(frames[1])
    assert frames[0][["umap_1", "umap_2"]].notna().all(axis=None)


def more_than_9000_cells():
    adata, kind = build(n_cells=9200)
    result = embedding([adata], n_top_genes=100, n_pcs=10, umap=False, resolution=0.3)
    assert agreement(result.cells["cluster"], kind) > 0.95
    return result.parameters["neighbours"]


def test_more_than_9000_cells_have_exact_neighbours():
    assert more_than_9000_cells() == "exact"


@pytest.mark.slow
def test_the_approximate_index_survives_more_than_9000_cells(monkeypatch):
    """pynndescent 0.7 breaks scanpy's neighbours above some 4,000 to 8,000 cells."""
    monkeypatch.setattr(MODULE, "EXACT_NEIGHBOURS_BELOW", 5000)
    assert more_than_9000_cells() == "approximate"


def test_auto_draws_a_umap_of_few_cells_only(monkeypatch):
    drawn = []

    def layout(graph, *, seed):
        drawn.append(graph.n_obs)
        return np.zeros((graph.n_obs, 2), dtype=np.float32)

    monkeypatch.setattr(MODULE, "umap_layout", layout)
    options = {"n_top_genes": 100, "n_pcs": 5, "umap": "auto"}
    few = embedding([build()[0]], **options)
    monkeypatch.setattr(MODULE, "UMAP_UP_TO", 119)
    many = embedding([build()[0]], **options)
    assert drawn == [120]
    assert few.parameters["umap"]
    assert not many.parameters["umap"]
    assert many.cells[["umap_1", "umap_2"]].isna().all(axis=None)


def test_blocks_are_put_below_each_other():
    blocks = [sp.random(n, 7, density=0.3, format="csr", dtype=np.float32, random_state=n) for n in (4, 1, 6)]
    stacked = MODULE._stacked(list(blocks))
    assert stacked.shape == (11, 7)
    assert np.array_equal(stacked.toarray(), np.vstack([block.toarray() for block in blocks]))


def test_clusters_of_very_many_cells_are_named_by_size_too(monkeypatch):
    """Beyond the limit the graph goes to igraph as arrays; the neighbours themselves are another test's."""
    adata, kind = build(n_cells=240)
    few = embedding([adata], n_top_genes=100, n_pcs=10, umap=False, resolution=0.3)
    exact = MODULE._neighbours
    monkeypatch.setattr(MODULE, "_neighbours", lambda *given, **more: exact_neighbours(exact, *given, **more))
    monkeypatch.setattr(MODULE, "EXACT_NEIGHBOURS_BELOW", 200)
    many = embedding([adata], n_top_genes=100, n_pcs=10, umap=False, resolution=0.3)
    assert many.parameters["neighbours"] == "approximate"
    assert agreement(many.cells["cluster"], kind) > 0.95
    assert set(many.cells["cluster"]) == set(few.cells["cluster"])
    sizes = many.cells["cluster"].value_counts()
    assert sizes.sort_index(key=lambda names: names.astype(int)).is_monotonic_decreasing


def exact_neighbours(exact, components, *, n_neighbors, seed):
    limit, MODULE.EXACT_NEIGHBOURS_BELOW = MODULE.EXACT_NEIGHBOURS_BELOW, len(components) + 1
    try:
        return exact(components, n_neighbors=n_neighbors, seed=seed)
    finally:
        MODULE.EXACT_NEIGHBOURS_BELOW = limit
