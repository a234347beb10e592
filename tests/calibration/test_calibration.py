"""A seeded share of the calibration: error rates within binomial limits of the largest attainable level."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

_SPEC = importlib.util.spec_from_file_location("run_full", Path(__file__).with_name("run_full.py"))
run_full = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(run_full)

# Few replicates where one costs a whole run of score and compare.
REPLICATES = {
    "flips": 1000,
    "families": 60,
    "groups": 60,
    "through_compare": 80,
    "composition": 20,
    "thinned_scores": 10,
}


@pytest.mark.parametrize("name", run_full.MEASUREMENTS)
def test_error_rates_are_attained_levels(name):
    measure, _ = run_full.MEASUREMENTS[name]
    rows = [
        row
        for row in measure(REPLICATES[name], 11)
        if not row["case"].endswith("raw") and ", raw" not in row["measurement"]
    ]
    assert rows
    for row in rows:
        hits = round(row["rate"] * row["replicates"])
        most = stats.binom.isf(1e-4, row["replicates"], row["attainable"]) if row["attainable"] > 0 else 0
        assert hits <= most, row
        if row["exact"]:
            # An exact test attains its level: it is not below it either.
            assert hits >= stats.binom.ppf(1e-4, row["replicates"], row["attainable"]), row
        assert row["exact_zeros"] == 0, row
        if row["ks_p"] is not None:
            assert row["ks_p"] > 1e-4, row


def test_the_limits_would_catch_a_wrong_test():
    """Treating two cells of each patient as replicates fails the limits that the flips pass."""
    random = np.random.default_rng(0)
    d = np.repeat(random.normal(size=(6, 1000)), 2, axis=0) + 0.1 * random.normal(size=(12, 1000))
    p = run_full.flip_test(d, run_full.Flips(12)).p
    assert np.sum(p <= 0.05) > stats.binom.isf(1e-4, 1000, 0.0498)
