"""Points of the running sum and the hypergeometric tail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact

from ohmics.stats.genesets import Members, running_sums
from ohmics.stats.walks import overlap_p, running_sum_points

GOLDEN = Path(__file__).parents[2] / "golden" / "tables" / "moderated_phyper.tsv"


def test_the_points_hold_the_two_sides_of_the_enrichment_score() -> None:
    random = np.random.default_rng(3)
    for _ in range(20):
        statistic = random.normal(size=200)
        part = np.sort(random.choice(200, 15, replace=False))
        genes, rank, before, after = running_sum_points(statistic, part)
        sums = running_sums(statistic[None, :], Members(names=("l",), up=(part,), down=(part[:0],)))
        assert max(after.max(), 0) == np.clip(sums.rise[0, 0], 0, 1) or np.isclose(after.max(), sums.rise[0, 0])
        assert np.isclose(min(before.min(), 0), sums.fall[0, 0])
        assert set(genes) == set(part)
        assert (np.diff(rank) > 0).all()
        assert (statistic[genes] == np.sort(statistic)[::-1][rank - 1]).all()


def test_a_list_without_weight_rises_evenly() -> None:
    _, rank, before, after = running_sum_points(np.zeros(10), np.array([0, 5]))
    assert rank.tolist() == [1, 6]
    np.testing.assert_allclose(after - before, [0.5, 0.5])


def test_the_tail_is_r_s_phyper_and_fisher_s_exact_test() -> None:
    golden = pd.read_csv(GOLDEN, sep="\t")
    numbers = {name: golden[name].to_numpy(np.int64) for name in ("overlap", "list", "significant", "tested")}
    p = overlap_p(numbers["overlap"], listed=numbers["list"], changed=numbers["significant"], tested=numbers["tested"])
    np.testing.assert_allclose(p, golden["p"], rtol=1e-8)
    one = golden.iloc[1]
    k, n, m, total = (int(one[name]) for name in ("overlap", "list", "significant", "tested"))
    square = [[k, n - k], [m - k, total - n - m + k]]
    assert np.isclose(p[1], fisher_exact(square, alternative="greater").pvalue)
