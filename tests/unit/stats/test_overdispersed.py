"""The second view of composition: who takes part, direction, and what it does not do."""

import numpy as np
import pytest

from ohmics.errors import OhmicsError
from ohmics.stats.overdispersed import binomial_change

TOTALS = np.tile([200.0, 100.0], (8, 1))


def planted(effect: float, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    eta = random.normal(-1.5, 0.5, (8, 1)) + random.normal(0, 0.3, (8, 2)) + effect * np.array([0, 1])
    return random.binomial(TOTALS.astype(int), 1 / (1 + np.exp(-eta))).astype(float)


def test_a_planted_change_is_found_and_its_mirror_is_the_mirror() -> None:
    cells = planted(1.5)
    found, turned = binomial_change(cells, TOTALS), binomial_change(cells[:, ::-1], TOTALS[:, ::-1])
    assert found.low > 0.5
    assert found.p == 2 / 2**8
    assert (turned.effect, turned.low, turned.high) == pytest.approx((-found.effect, -found.high, -found.low), abs=1e-5)
    assert turned.p == found.p


def test_more_cells_of_the_same_patients_are_no_more_evidence() -> None:
    cells = planted(0.4)
    few, many = binomial_change(cells, TOTALS), binomial_change(cells * 50, TOTALS * 50)
    assert many.high - many.low > 0.7 * (few.high - few.low)
    assert many.p == pytest.approx(few.p, abs=0.1)


def test_a_pair_without_the_type_says_nothing_and_takes_no_part() -> None:
    cells = planted(0.4)
    more = binomial_change(np.vstack([cells, [[0.0, 0.0]]]), np.vstack([TOTALS, [[50.0, 50.0]]]))
    assert more == binomial_change(cells, TOTALS)


@pytest.mark.parametrize("cells", [[[3.0, 2.0], [1.0, 4.0]], [[3.0, 0.0], [1.0, 0.0], [2.0, 0.0]]])
def test_too_few_pairs_or_a_type_on_one_side_only_has_no_estimate(cells: list[list[float]]) -> None:
    found = binomial_change(np.array(cells), np.full((len(cells), 2), 50.0))
    assert np.isnan([found.effect, found.low, found.high, found.p]).all()
    assert found.n_pairs == len(cells)


@pytest.mark.parametrize(
    ("cells", "totals"), [([[3.0, 2.0]], [[2.0, 9.0]]), ([[-1.0, 2.0]], [[2.0, 9.0]]), ([[0.0, 2.0]], [[0.0, 9.0]])]
)
def test_impossible_counts_are_refused(cells: list[list[float]], totals: list[list[float]]) -> None:
    with pytest.raises(OhmicsError):
        binomial_change(np.array(cells), np.array(totals))
    with pytest.raises(OhmicsError, match="pairs × 2"):
        binomial_change(np.ones(3), np.ones(3))


def test_p_keeps_its_level_with_unequal_totals_and_wandering_shares() -> None:
    random = np.random.default_rng(9)
    hits = 0
    for _ in range(200):
        share = random.beta(2.0, 14.0, size=(8, 2))
        cells = random.binomial(TOTALS.astype(int), share).astype(float)
        hits += binomial_change(cells, TOTALS).p <= 0.05
    assert hits <= 21  # the 99.9 % point of 200 at 5.5 %
