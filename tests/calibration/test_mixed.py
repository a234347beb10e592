"""Mixed models and further randomisations keep their level: a seeded share, and the full measurement."""

import importlib.util
import json
from pathlib import Path

import pytest
from scipy import stats

_SPEC = importlib.util.spec_from_file_location("mixed_full", Path(__file__).with_name("mixed_full.py"))
mixed_full = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(mixed_full)


@pytest.fixture(scope="module")
def written():
    return json.loads(mixed_full.RESULTS.read_text(encoding="utf-8"))


def test_the_measured_code_is_the_present_code(written):
    assert written["digest"] == mixed_full.digest(), "run tests/calibration/mixed_full.py"


def test_every_cohort_from_six_patients_up_keeps_its_level(written):
    rows = [row for row in written["rows"] if row["case"] in mixed_full.CASES]
    found = {(row["case"], row["patients"], row["spread"]) for row in rows}
    assert found == {(c, n, s) for c in mixed_full.CASES for n in mixed_full.PATIENTS for s in mixed_full.SPREADS}
    for row in rows:
        assert row["replicates"] >= 2000
        assert row["exact_zeros"] == 0
        assert 0.03 <= row["rate"] <= 0.07, row
        # At 1 % flips of six patients, which singular fits fall back to, can find nothing.
        assert row["rate_01"] <= 0.01 + 4 * (0.01 / row["replicates"]) ** 0.5, row


def test_satterthwaites_df_do_not_where_most_patients_have_one_sample(written):
    """Why Kenward and Roger's are used."""
    few = [row for row in written["rows"] if row["case"] == "mostly unpaired" and row["patients"] <= 10]
    ours = sum(row["rate"] for row in few) / len(few)
    theirs = sum(row["satterthwaite_rate"] for row in few) / len(few)
    assert max(row["satterthwaite_rate"] for row in few) > 0.07
    assert theirs > ours


def test_randomised_contrasts_keep_their_level(written):
    rows = [row for row in written["rows"] if row["case"] in mixed_full.RANDOMISED]
    assert {(row["case"], row["patients"]) for row in rows} == {
        (case, n) for case in mixed_full.RANDOMISED for n in mixed_full.PATIENTS
    }
    for row in rows:
        assert row["replicates"] >= 2000
        assert row["exact_zeros"] == 0
        # Six pairs reach 2/64 and no finer level.
        least = 0.03 if row["smallest_p"] < 0.01 else 0.0
        assert least <= row["rate"] <= 0.07, row


def test_a_seeded_share_of_pairs_beyond_a_covariate_keeps_its_level():
    row = mixed_full.measure_randomised("pairs, covariate", 10, 200, 11)
    assert round(row["rate"] * 200) <= stats.binom.isf(1e-4, 200, 0.07), row


@pytest.mark.parametrize("case", mixed_full.CASES)
def test_a_seeded_share_keeps_its_level(case):
    row = mixed_full.measure(case, 10, 1.0, 200, 11)
    hits = round(row["rate"] * 200)
    assert stats.binom.ppf(1e-4, 200, 0.03) <= hits <= stats.binom.isf(1e-4, 200, 0.07), row
    assert row["exact_zeros"] == 0


def test_the_limits_would_catch_samples_taken_for_patients():
    samples, _, values = mixed_full.cohort("repeats", 10, 2.0, 200, 11)
    relapse = (samples["patient"].str[1:].astype(int) % 2 == 0).to_numpy()
    p = stats.ttest_ind(values[relapse], values[~relapse]).pvalue
    assert (p <= 0.05).sum() > stats.binom.isf(1e-4, 200, 0.07)
