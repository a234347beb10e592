"""A seeded share of the association's calibration, within binomial limits."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

_SPEC = importlib.util.spec_from_file_location("association_full", Path(__file__).with_name("association_full.py"))
full = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(full)


@pytest.mark.parametrize("case", [(20, 10), (40, 10)])
def test_firths_p_keeps_its_level(case):
    random = np.random.default_rng(21)
    hits = sum(full.firth_logistic(*full.response(random, *case, 0.0, ties=True)).p <= 0.05 for _ in range(200))
    # 7 %, the most that is allowed, in 200.
    assert hits <= stats.binom.isf(1e-3, 200, 0.07)


def test_the_cox_models_p_keeps_its_level():
    random = np.random.default_rng(22)
    fits = [full.cox_regression(*full.survival(random, 20, 10, 0.0, tied_times=True)) for _ in range(200)]
    assert sum(fit.p <= 0.05 for fit in fits) <= stats.binom.isf(1e-3, 200, 0.07)


def test_families_and_areas_keep_their_level():
    for row in [*full.families(60, 23), *full.areas(100, 23)]:
        n = row["replicates"]
        assert round(row["rate"] * n) <= stats.binom.isf(1e-3 / 15, n, 0.05), row


def test_the_limits_would_catch_a_wrong_model():
    """Counting every patient twice fails the limit that the model passes."""
    random = np.random.default_rng(24)
    hits = 0
    for _ in range(200):
        x, held = full.response(random, 20, 10, 0.0, ties=False)
        hits += full.firth_logistic(np.tile(x, 2), np.tile(held, 2)).p <= 0.05
    assert hits > stats.binom.isf(1e-3, 200, 0.07)
