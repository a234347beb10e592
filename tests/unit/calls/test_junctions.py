"""Exon skipping from junction reads: estimate, interval and call against binomial truth."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from ohmics.calls.junctions import JunctionRules, call_junctions, spliced_in
from ohmics.tables import JUNCTIONS, SAMPLES, check


@pytest.fixture(scope="module")
def sheet():
    return SAMPLES.conform(
        [{"sample": name, "patient": name[:2], "timepoint": name[3:], "modality": "bulk", "path": "x"} for name in
         ("P1_pre", "P1_post", "P2_post")]
    )  # fmt: skip


def test_two_junctions_of_inclusion_count_for_one_transcript():
    # 40 reads over two junctions come of 20 transcripts' worth, 20 reads past the exon of as many.
    estimate, low, high = spliced_in(40, 20)
    assert estimate == pytest.approx(0.5)
    assert low < 0.5 < high
    share = beta.ppf([0.025, 0.975], 40.5, 20.5)
    np.testing.assert_allclose([low, high], share / (2 - share))


def test_no_read_of_a_kind_gives_an_end_and_no_read_nothing():
    assert spliced_in(30, 0)[0] == 1.0
    assert spliced_in(30, 0)[2] == 1.0
    assert spliced_in(0, 9)[:2] == (0.0, 0.0)
    assert np.isnan(spliced_in(0, 0)).all()


@pytest.mark.parametrize("truth", [0.1, 0.5, 0.9])
def test_the_interval_covers_the_share_that_reads_were_drawn_from(truth):
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(800):
        # Reads differ in number, or the few values of a binomial would make cover jump with the share.
        reads = int(random.integers(30, 200))
        included = int(random.binomial(reads, 2 * truth / (1 + truth)))
        _, low, high = spliced_in(included, reads - included)
        inside += low <= truth <= high
    # 99.9 % limit of a binomial share of 95 %.
    assert inside / 800 >= 0.925


def test_calls_follow_their_thresholds(sheet):
    reads = pd.DataFrame(
        {"sample": ["P1_pre", "P1_post", "P2_post", "P2_post"], "event": ["CD19 exon 2"] * 3 + ["CD22 exon 2"],
         "upstream": [50, 3, 20, 2], "downstream": [48, 4, 22, 1], "skipping": [2, 40, 14, 1]}
    )  # fmt: skip
    found = call_junctions(reads, sheet)
    check(found, JUNCTIONS)
    assert found["call"].tolist() == ["included", "skipping", "inconclusive", "not_assessable"]
    assert found["patient"].tolist() == ["P1", "P1", "P2", "P2"]
    assert found["psi"].isna().tolist() == [False, False, False, True]
    assert "fewer than 10" in found.loc[3, "reason"]
    strict = call_junctions(reads, sheet, rules=JunctionRules(min_reads=100))
    assert strict["call"].tolist() == ["included", "not_assessable", "not_assessable", "not_assessable"]
