"""UCell against its definition, written out on dense data with scipy's ranks; where its ranks stop."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse, stats

from ohmics.errors import OhmicsError
from ohmics.pseudobulk import pseudobulk
from ohmics.score import score, score_samples


def brute_force(counts, positions, max_rank=1500):
    top = min(max_rank, counts.shape[1])
    ranks = np.minimum(stats.rankdata(-counts, axis=1), top)
    n = len(positions)
    u = ranks[:, positions].sum(axis=1) - n * (n + 1) / 2
    return 1 - u / (n * top - n * (n + 1) / 2)


def frame(values):
    return pd.DataFrame(
        values, index=[f"c{i}" for i in range(len(values))], columns=[f"G{i}" for i in range(values.shape[1])]
    )


@pytest.mark.parametrize(
    ("genes", "rate"),
    [(30, 2.0), (300, 0.3), (2200, 0.2), (2200, 3.0)],
    ids=["few", "sparse", "wide", "beyond-max-rank"],
)
@pytest.mark.parametrize("log", [False, True], ids=["counts", "log"])
def test_ucell_is_its_definition(genes, rate, log):
    random = np.random.default_rng(genes)
    counts = random.poisson(random.gamma(0.5, 2 * rate, size=genes), size=(12, genes)).astype(float)
    counts[3] = 0  # a cell without counts: all its genes tie
    counts[4] *= 5000  # ranked by sorting
    data = np.log1p(counts) if log else counts
    lists = {f"l{n}": random.choice(genes, size=n, replace=False) for n in (1, 5, 20)}
    result = score(frame(data), {name: [f"G{g}" for g in genes_] for name, genes_ in lists.items()})
    for name, positions in lists.items():
        np.testing.assert_allclose(result[name], brute_force(counts, positions), atol=1e-12)


def test_ends_of_the_range():
    counts = np.zeros((2, 3000))
    counts[0, :5] = [9, 8, 7, 6, 5]
    counts[1, 5:2000] = 1
    result = score(frame(counts), {"first": [f"G{g}" for g in range(5)], "unseen": ["G2500"]})
    assert result.loc["c0", "first"] == 1.0
    assert result.loc["c0", "unseen"] == 0.0
    assert result.loc["c1", "first"] == 0.0


def test_a_signed_list_is_up_minus_down_and_is_not_clipped():
    random = np.random.default_rng(1)
    counts = frame(random.poisson(1.0, size=(6, 200)).astype(float))
    up, down = [f"G{g}" for g in range(10)], [f"G{g}" for g in range(50, 58)]
    result = score(counts, {"signed": {"up": up, "down": down}, "up": up, "down": down, "only": {"down": down}})
    np.testing.assert_allclose(result["signed"], result["up"] - result["down"])
    np.testing.assert_allclose(result["only"], -result["down"])
    assert (result["signed"] < 0).any()


def peer(counts, positions, n_absent, max_rank=1500):
    """pyucell 0.8's procedure: expressed genes ranked, ranks beyond max_rank left out, absent genes imputed."""
    scores = []
    for row in counts:
        seen = np.flatnonzero(row)
        ranks = stats.rankdata(-row[seen])
        kept = np.flatnonzero(ranks <= max_rank)
        held = dict(zip(seen[kept], ranks[kept], strict=True))
        total = sum(held.get(g, max_rank) for g in positions) + n_absent * max_rank
        n = len(positions) + n_absent
        scores.append(1 - (total - n * (n + 1) / 2) / (n * max_rank - n * (n + 1) / 2))
    return np.array(scores)


def test_compat_gives_the_peers_numbers():
    random = np.random.default_rng(2)
    counts = random.poisson(random.gamma(0.6, 1.5, size=4000), size=(10, 4000)).astype(float)
    counts[2] = 0
    up, down = random.choice(4000, 30, replace=False), random.choice(4000, 60, replace=False)
    lists = {"up": [f"G{g}" for g in up] + ["absent1", "absent2"], "down": [f"G{g}" for g in down] + ["absent3"]}
    result = score(frame(counts), {"signed": lists, "plain": lists["up"]}, compat=True)
    np.testing.assert_allclose(result["plain"], np.maximum(peer(counts, up, 2), 0), atol=1e-6)
    expected = np.maximum(peer(counts, up, 2) - peer(counts, down, 1), 0)
    np.testing.assert_allclose(result["signed"], expected, atol=1e-6)
    assert (result["signed"] == 0).any()
    assert not np.allclose(result["plain"], score(frame(counts), {"plain": lists["up"]})["plain"])


def test_a_method_without_a_peer_refuses_compat():
    with pytest.raises(OhmicsError, match="no peer"):
        score(frame(np.ones((2, 3))), {"a": ["G0"]}, method="mean_z", compat=True)


def test_stored_zeros_and_order_of_stored_values_do_not_matter():
    random = np.random.default_rng(3)
    counts = random.poisson(0.7, size=(5, 80)).astype(np.float32)
    plain = sparse.csr_matrix(counts)
    rows = np.split(np.arange(plain.nnz), plain.indptr[1:-1])
    shuffled = np.concatenate([random.permutation(row) for row in rows])
    absent = int(np.flatnonzero(counts[-1] == 0)[0])
    messy = sparse.csr_matrix(
        (
            np.append(plain.data[shuffled], np.float32(0)),
            np.append(plain.indices[shuffled], np.int32(absent)),
            np.append(plain.indptr[:-1], plain.nnz + 1),
        ),
        shape=plain.shape,
    )
    assert messy.nnz == plain.nnz + 1
    names = {"var": pd.DataFrame(index=[f"G{g}" for g in range(80)])}
    first = score(AnnData(plain, **names), {"a": ["G3", "G7", "G9"]})
    second = score(AnnData(messy, **names), {"a": ["G3", "G7", "G9"]})
    np.testing.assert_array_equal(first, second)


def bulk(counts, modality="bulk"):
    values = frame(counts)
    adata = AnnData(
        sparse.csr_matrix(counts), obs=pd.DataFrame(index=values.index), var=pd.DataFrame(index=values.columns)
    )
    adata.obs["sample"] = values.index
    adata.uns["ohmics"] = {"modality": modality}
    return adata


def tissue(random, pairs=12, genes=10_000):
    """Return levels of bulk samples, two a patient, sorted by expression: most genes are expressed."""
    levels = np.sort(random.lognormal(3, 2, size=genes))[::-1]
    return levels * random.lognormal(0, 0.25, size=(2 * pairs, genes))


def changes(levels, random, lists, **options):
    """Return the change within each pair of every list's score."""
    counts = random.poisson(levels / levels.sum(axis=1, keepdims=True) * 2e7).astype(float)
    scores = score(bulk(counts), {name: [f"G{g}" for g in genes] for name, genes in lists.items()}, **options)
    return scores.iloc[1::2].to_numpy() - scores.iloc[0::2].to_numpy()


def t_value(change):
    spread = change.std(axis=0, ddof=1)
    mean = change.mean(axis=0)
    return np.divide(mean, spread, out=np.zeros_like(mean), where=spread > 0) * np.sqrt(len(change))


@pytest.mark.parametrize("modality", ["bulk", "single_cell"])
def test_all_genes_are_ranked_in_bulk_and_1500_in_cells(modality):
    random = np.random.default_rng(4)
    counts = random.poisson(tissue(random, pairs=2, genes=4000)).astype(float)
    result = score(bulk(counts, modality), {"l": [f"G{g}" for g in (3, 900, 2500, 3900)]})
    last = 4000 if modality == "bulk" else 1500
    np.testing.assert_allclose(result["l"], brute_force(counts, [3, 900, 2500, 3900], last), atol=1e-12)
    assert result.attrs["max_rank"] == last


def test_a_sum_of_cells_is_ranked_like_bulk():
    random = np.random.default_rng(5)
    cells = bulk(random.poisson(tissue(random, pairs=10, genes=2500) / 50).astype(float), "single_cell")
    cells.obs["cell_type"] = "T cell"
    sums = pseudobulk(cells, by="cell_type")
    result = score(sums, {"l": ["G5", "G2000"]})
    assert result.attrs["max_rank"] == 2500
    dense = np.asarray(sums.X.todense(), dtype=float)
    np.testing.assert_allclose(result["l"], brute_force(dense, [5, 2000], 2500), atol=1e-12)


def test_a_list_of_middling_genes_raised_in_bulk_is_seen():
    """Genes at ranks 2,000 to 8,000, raised 1.5-fold: beyond 1,500 they count as nothing."""
    random = np.random.default_rng(6)
    levels = tissue(random)
    raised = random.choice(np.arange(2000, 8000), 20, replace=False)
    levels[1::2, raised] *= 1.5
    lists = {"raised": raised}
    assert t_value(changes(levels, random, lists))[0] > 8
    assert abs(t_value(changes(levels, random, lists, max_rank=1500))[0]) < 3


def test_one_gene_of_seven_does_not_decide_in_bulk():
    """One gene among the first 1,500 rises 2-fold, six lower ones wander as all genes do: medians over five cohorts."""
    seven = [700, 3000, 4200, 5100, 6000, 7000, 7900]
    cut, whole = [], []
    for seed in range(7, 12):
        levels = tissue(np.random.default_rng(seed))
        levels[1::2, 700] *= 2
        for found, options in ((cut, {"max_rank": 1500}), (whole, {})):
            found.append(t_value(changes(levels, np.random.default_rng(seed), {"seven": seven}, **options))[0])
    assert np.median(cut) > 5
    assert abs(np.median(whole)) < 2


def test_max_rank_sets_the_last_rank_and_compat_keeps_the_peers_unless_it_is_given():
    random = np.random.default_rng(8)
    counts = random.poisson(random.gamma(0.6, 1.5, size=4000), size=(6, 4000)).astype(float)
    up = random.choice(4000, 30, replace=False)
    lists = {"l": [f"G{g}" for g in up]}
    own = score(frame(counts), lists, max_rank=300)
    np.testing.assert_allclose(own["l"], brute_force(counts, up, 300), atol=1e-12)
    assert own.attrs["max_rank"] == 300
    assert score(frame(counts), lists, max_rank=9000).attrs["max_rank"] == 4000
    asked = score(bulk(counts), lists, compat=True)
    np.testing.assert_allclose(asked["l"], np.maximum(peer(counts, up, 0), 0), atol=1e-6)
    assert asked.attrs["max_rank"] == 1500
    wider = score(bulk(counts), lists, compat=True, max_rank=3000)
    np.testing.assert_allclose(wider["l"], np.maximum(peer(counts, up, 0, 3000), 0), atol=1e-6)


def test_max_rank_of_aucell_replaces_five_percent_in_cells_and_bulk_alike():
    random = np.random.default_rng(9)
    counts = random.poisson(random.gamma(0.6, 1.5, size=2000), size=(6, 2000)).astype(float)
    lists = {"l": [f"G{g}" for g in range(40)]}
    for data in (frame(counts), bulk(counts)):
        assert score(data, lists, method="aucell").attrs["max_rank"] == 100
        given = score(data, lists, method="aucell", max_rank=100)
        np.testing.assert_array_equal(given, score(data, lists, method="aucell"))
        assert not np.allclose(given, score(data, lists, method="aucell", max_rank=500))


def test_samples_of_bulk_say_where_ranks_stopped():
    random = np.random.default_rng(10)
    data = bulk(random.poisson(tissue(random, pairs=2, genes=3000)).astype(float))
    lists = {"l": ["G5", "G2000"]}
    scores = score_samples(data, lists, depth=("raw",), n_null=0)
    one = {"sample": "c0", "method": "ucell", "max_rank": 3000}
    assert scores.attrs["max_rank"][0] == one
    assert {row["method"] for row in scores.attrs["max_rank"]} == {"ucell"}
    expected = score(data, lists)["l"]
    found = scores[scores["method"] == "ucell"].set_index("sample")["score"]
    np.testing.assert_allclose(found, expected[found.index])
    cut = score_samples(data, lists, depth=("raw",), n_null=0, max_rank=1000)
    assert cut.attrs["max_rank"][0]["max_rank"] == 1000
    assert (cut[cut["method"] == "ucell"].set_index("sample")["score"] < found).all()


@pytest.mark.parametrize(
    ("method", "last", "said"),
    [("mean_z", 100, "`mean_z` never stops at a rank; legal: ucell, aucell"), ("ucell", 1, "1 is no rank to stop at")],
)
def test_a_last_rank_that_means_nothing_is_refused(method, last, said):
    with pytest.raises(OhmicsError, match=said):
        score(frame(np.ones((2, 3))), {"a": ["G0"]}, method=method, max_rank=last)
    with pytest.raises(OhmicsError, match=said):
        score_samples(bulk(np.ones((2, 3))), {"a": ["G0"]}, methods=(method,), max_rank=last)
