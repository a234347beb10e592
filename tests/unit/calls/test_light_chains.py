import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.calls.light_chains import excess, light_chains, normal_share, normal_tail, restriction
from ohmics.calls.malignant_rules import MalignantRules
from ohmics.calls.populations import Population

RULES = MalignantRules()
NORMAL = (12.0, 8.0)


def cells(kappa, lambda_, *, outside, soup=(0.0, 0.0), seed=0):
    """Cells with these light-chain counts, then cells that make none, all in the same soup."""
    rng = np.random.default_rng(seed)
    k = np.r_[kappa, np.zeros(outside)] + rng.poisson(soup[0], len(kappa) + outside)
    n = np.r_[lambda_, np.zeros(outside)] + rng.poisson(soup[1], len(kappa) + outside)
    counts = sp.csr_matrix(np.column_stack([k, n, np.full(len(k), 1000.0)]))
    whole = Population(counts, pd.Index(["IGKC", "IGLC2", "ACTB"]), np.ones(3, dtype=bool))
    return light_chains(whole, np.arange(len(k)) >= len(kappa))


@pytest.mark.parametrize("soup", [(0.0, 0.0), (8.0, 0.3), (2.0, 2.0)])
def test_chains_are_told_in_soup_and_cells_without_one_are_not(soup):
    kappa, lambda_ = np.repeat([60.0, 0.0, 0.0], 50), np.repeat([0.0, 60.0, 0.0], 50)
    light = cells(kappa, lambda_, outside=200, soup=soup)
    assert (light.chain[:50] == 1).all()
    assert (light.chain[50:100] == -1).all()
    assert (light.chain[100:] != 0).mean() < 0.02


def test_one_bar_holds_for_both_chains_where_one_floats_in_every_droplet():
    """A few counts of the rare chain are plain in a soup of the other; told alone they would stand for all B cells."""
    kappa, lambda_ = np.repeat([7.0, 0.0], 300), np.repeat([0.0, 7.0], 300)
    light = cells(kappa, lambda_, outside=300, soup=(8.0, 0.3))
    told = light.told(np.arange(600))
    assert told[1] <= 3 * max(told[0], 5)


@pytest.mark.parametrize("pair", [(95, 5), (4, 96), (200, 0)])
def test_one_chain_speaks_for_a_clone(pair):
    assert restriction(*pair, NORMAL, RULES) > 3


@pytest.mark.parametrize("pair", [(60, 40), (65, 35), (50, 50), (110, 90)])
def test_two_chains_speak_against_a_clone(pair):
    assert restriction(*pair, NORMAL, RULES) < -3
    assert normal_tail(*pair, NORMAL) > RULES.odd_share


def test_normal_clusters_are_seldom_called_clones():
    rng = np.random.default_rng(3)
    values = [restriction(k, 40 - k, NORMAL, RULES) for k in rng.binomial(40, rng.beta(24, 16, 400))]
    assert np.mean(np.asarray(values) > np.log(9)) <= 0.01


def test_the_samples_own_normal_cells_shift_what_is_normal_but_a_clone_does_not():
    kappa, lambda_, own = normal_share([(45, 55), (300, 4)], RULES)
    assert own == 100
    assert kappa / (kappa + lambda_) == pytest.approx((12 + 45) / 120)
    assert kappa + lambda_ == pytest.approx(RULES.normal_spread)
    assert normal_share([(300, 4)], RULES)[2] == 0


def test_excess_is_what_normal_cells_do_not_bring():
    assert excess(60, 40, NORMAL) == (1, pytest.approx(0.0))
    assert excess(100, 20, NORMAL) == (1, pytest.approx(0.7))
    chain, beyond = excess(6, 94, NORMAL)
    assert chain == -1
    assert beyond == pytest.approx(1 - 4 / 94)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.3])
def test_cells_that_stick_to_b_cells_are_no_soup(share):
    """T cells that hold a B cell's RNA would raise ambient RNA, and dim B cells would then be told of neither chain."""
    rng = np.random.default_rng(5)
    n = 600
    kappa = rng.negative_binomial(2, 2 / (2 + 0.8), n) + 40.0 * (rng.random(n) < share)
    counts = sp.csr_matrix(np.column_stack([kappa, np.zeros(n), np.full(n, 1000.0)]))
    whole = Population(counts, pd.Index(["IGKC", "IGLC2", "ACTB"]), np.ones(3, dtype=bool))
    found = light_chains(whole, np.ones(n, dtype=bool)).ambient
    assert found[0] == pytest.approx(0.8, abs=0.2)
    assert found[1] == pytest.approx(0.02)
