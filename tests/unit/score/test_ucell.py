"""UCell against its definition, written out on dense data with scipy's ranks."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse, stats

from ohmics.errors import OhmicsError
from ohmics.score import score


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
