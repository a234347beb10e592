"""Each method against its definition, written out on dense data with scipy's ranks."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ohmics.score import score
from ohmics.score.score_genes import N_CONTROLS
from ohmics.seeds import generator

GENES = [f"G{g:03d}" for g in range(300)]


def counts(seed=0, n=12, rate=1.0):
    random = np.random.default_rng(seed)
    values = random.poisson(random.gamma(0.5, 2 * rate, size=300), size=(n, 300))
    values[3] = 0
    return pd.DataFrame(values, index=[f"c{i}" for i in range(n)], columns=GENES)


def logged(data):
    return np.log1p(data.div(data.sum(axis=1).clip(lower=1), axis=0) * 1e4)


@pytest.mark.parametrize("rate", [0.02, 0.3, 3.0], ids=["fewer genes than ranks", "sparse", "dense"])
@pytest.mark.parametrize("size", [1, 6, 40])
def test_aucell_is_its_definition(rate, size):
    data = counts(rate=rate)
    genes = list(np.random.default_rng(size).choice(300, size, replace=False))
    ranks = stats.rankdata(-data.to_numpy(), axis=1)[:, genes]
    n_up = 15
    largest = sum(n_up - rank for rank in range(1, size + 1) if rank < n_up)
    expected = np.maximum(n_up - ranks, 0).sum(axis=1) / largest
    answer = score(data, {"l": [GENES[g] for g in genes]}, method="aucell")
    np.testing.assert_allclose(answer["l"], expected, atol=1e-12)


def test_the_area_of_aucell_is_that_under_the_recovery_curve():
    """Without ties: genes found so far, summed over the ranks before n_up."""
    random = np.random.default_rng(4)
    data = pd.DataFrame(random.permuted(np.tile(np.arange(1.0, 301), (5, 1)), axis=1), columns=GENES)
    genes = GENES[:20]
    ranks = stats.rankdata(-data.to_numpy(), axis=1)[:, :20]
    area = np.array([[(row <= step).sum() for step in range(1, 15)] for row in ranks]).sum(axis=1)
    best = sum(min(step, 20) for step in range(1, 15))
    np.testing.assert_allclose(score(data, {"l": genes}, method="aucell")["l"], area / best)


def test_ulm_is_the_t_value_of_a_regression():
    data = counts(rate=0.5)
    genes = [2, 5, 9, 50, 51, 77]
    answer = score(data, {"l": [GENES[g] for g in genes]}, method="ulm")["l"]
    member = np.isin(np.arange(300), genes).astype(float)
    for name, row in logged(data).iterrows():
        if row.sum() == 0:
            assert answer[name] == 0
            continue
        fit = stats.linregress(member, row.to_numpy())
        assert answer[name] == pytest.approx(fit.slope / fit.stderr, rel=1e-9)


def test_score_genes_is_the_mean_beyond_drawn_controls():
    data = counts(rate=0.5)
    random = np.random.default_rng(1)
    reference = pd.DataFrame({"mean": random.gamma(1, 1, 300) * (random.random(300) > 0.2), "sd": 1.0}, index=GENES)
    genes = [3, 60, 120, 121]
    answer = score(data, {"l": [GENES[g] for g in genes]}, method="score_genes", reference=reference, seed=5)["l"]
    # 25 bins of about 10 genes hold fewer than 50 each: all others of the bins are controls.
    mean = reference["mean"].to_numpy()
    ordered = np.lexsort((GENES, mean))
    parts = [ordered[mean[ordered] == 0], *np.array_split(ordered[mean[ordered] > 0], 25)]
    assert max(len(part) for part in parts[1:]) < N_CONTROLS
    controls = []
    for number, part in enumerate(parts):
        if np.isin(part, genes).any():
            drawn = generator(5, "controls", number).permutation(part)
            controls += [g for g in drawn if g not in genes][:N_CONTROLS]
    values = logged(data).to_numpy()
    expected = values[:, genes].mean(axis=1) - values[:, controls].mean(axis=1)
    np.testing.assert_allclose(answer, expected, atol=1e-12)


def test_score_genes_takes_its_controls_from_the_reference_and_not_from_the_sample():
    data = counts(rate=0.5)
    reference = pd.DataFrame({"mean": np.arange(300.0), "sd": 1.0}, index=GENES)
    alone = score(data.iloc[:2], {"l": GENES[:9]}, method="score_genes", reference=reference)
    np.testing.assert_array_equal(alone, score(data, {"l": GENES[:9]}, method="score_genes", reference=reference)[:2])
    lacking = reference.drop(index=GENES[:4])
    both = [
        score(data, {"l": genes}, method="score_genes", reference=lacking)["l"] for genes in (GENES[:9], GENES[4:9])
    ]
    np.testing.assert_array_equal(*both)


def test_singscore_by_hand():
    """Ten genes ranked 1 to 10 from the lowest; up genes at 7, 9, 10, down genes at 1, 2 and 4.

    By Foroutan et al. 2018 (doi 10.1186/s12859-018-2435-4): mean up rank 26 / 3, between (3 + 1) / 2 = 2 and
    (2 · 10 - 3 + 1) / 2 = 9, so (26 / 3 - 2) / 7 = 0.952381. Down ranks in reverse are 10, 9 and 7: 0.952381 too.
    Centred, 0.452381 each, and their total 0.904762.
    """
    values = pd.DataFrame([[1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10]], columns=list("abcdefghij"))
    lists = {"up": list("gij"), "both": {"up": list("gij"), "down": list("abd")}, "best": list("hij"), "worst": ["a"]}
    answer = score(values, lists, method="singscore", input="log").iloc[0]
    assert answer["up"] == pytest.approx(20 / 21 - 0.5)
    assert answer["both"] == pytest.approx(2 * (20 / 21 - 0.5))
    assert (answer["best"], answer["worst"]) == (0.5, -0.5)


def test_ssgsea_is_its_running_sum():
    data = counts(rate=2.0).drop(index="c3") + 0.0
    data += np.random.default_rng(0).uniform(0, 0.5, size=data.shape)  # no ties
    genes = [3, 60, 120, 121, 200]
    answer = score(data, {"l": [GENES[g] for g in genes]}, method="ssgsea", input="log")["l"]
    for name, row in data.iterrows():
        ranks = stats.rankdata(row)
        order = np.argsort(-ranks)
        inside = np.isin(order, genes)
        met = np.cumsum(np.where(inside, ranks[order] ** 0.25, 0)) / (ranks[genes] ** 0.25).sum()
        missed = np.cumsum(~inside) / (300 - 5)
        assert answer[name] == pytest.approx((met - missed).sum() / 300, rel=1e-9)


def test_plage_is_the_first_singular_vector():
    data = logged(counts(rate=2.0).drop(index="c3"))
    genes = [GENES[g] for g in np.argsort(-data.std().to_numpy())[:12]]
    answer = score(data, {"l": genes}, method="plage", input="log")["l"]
    z = (data[genes] - data[genes].mean()) / data[genes].std()
    values, vectors = np.linalg.eigh((z @ z.T).to_numpy())
    first = vectors[:, -1]
    np.testing.assert_allclose(answer.abs(), np.abs(first), atol=1e-9)
    assert np.corrcoef(answer, z.mean(axis=1))[0, 1] > 0
    assert (answer**2).sum() == pytest.approx(1)
    assert values[-1] > 0


@pytest.mark.parametrize("method", ["gsva", "plage"])
def test_one_sample_or_no_varying_gene_is_missing_with_the_reason(method):
    data = counts(rate=2.0)
    one = score(data.iloc[:1], {"l": GENES[:9]}, method=method)
    assert one["l"].isna().all()
    assert "only one sample" in one.attrs["skipped"][0]["reason"]
    data[GENES[:9]] = 0
    assert score(data, {"l": GENES[:9]}, method=method)["l"].isna().all()
