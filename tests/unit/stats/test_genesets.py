"""Enrichment scores, re-labelling of patients, and the p values they give."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from ohmics.errors import OhmicsError
from ohmics.stats.ebayes import moderate
from ohmics.stats.genesets import (
    balanced,
    flip_scores,
    leading_edge,
    locate,
    parts_of,
    rankings,
    running_sums,
)
from ohmics.stats.linear import fit_effects
from ohmics.stats.relabel import label_permutations, paired_differences, sign_flips

GENES = [f"g{i}" for i in range(100)]


def scores(statistic: np.ndarray, lists: dict[str, object]) -> np.ndarray:
    members = locate(lists, GENES)  # type: ignore[arg-type]  # plain and signed lists
    return running_sums(np.atleast_2d(statistic), members).es


def test_the_score_is_the_running_sum_by_hand() -> None:
    statistic = np.linspace(5, -4.9, 100)
    # Hits at places 1 and 3 (values 5.0 and 4.8); one miss of 98 between them.
    assert scores(statistic, {"a": ["g0", "g2"]})[0, 0] == pytest.approx(1 - 1 / 98)
    assert scores(statistic, {"a": ["g99", "g98"]})[0, 0] == pytest.approx(-1)
    # g0 first, then 97 misses, then the last gene: the sum peaks after g0 at its weight.
    assert scores(statistic, {"a": ["g0", "g99"]})[0, 0] == pytest.approx(5 / 9.9)


def test_a_signed_list_is_the_mean_of_up_and_reversed_down() -> None:
    statistic = np.linspace(5, -4.9, 100)
    assert scores(statistic, {"a": {"up": ["g0", "g1"], "down": ["g98", "g99"]}})[0, 0] == pytest.approx(1)
    assert scores(statistic, {"a": {"up": ["g0", "g1"], "down": ["g0", "g1"][::-1][:0]}})[0, 0] == pytest.approx(1)
    assert scores(statistic, {"a": {"down": ["g0", "g1"]}})[0, 0] == pytest.approx(-1)


def test_turning_the_ranking_turns_the_score_even_with_ties() -> None:
    random = np.random.default_rng(0)
    statistic = random.integers(-3, 4, (50, 100)).astype(float)
    lists = {"a": GENES[:7], "b": GENES[3:40], "c": {"up": GENES[50:55], "down": GENES[60:70]}}
    there, again = (scores(sign * statistic, lists) for sign in (1, -1))
    np.testing.assert_allclose(np.abs(there), np.abs(again), atol=1e-12)
    clear = np.abs(there) > 0.3
    assert clear.sum() > 20
    np.testing.assert_allclose(there[clear], -again[clear], atol=1e-12)


def test_the_order_of_genes_does_not_matter() -> None:
    random = np.random.default_rng(1)
    statistic = random.integers(-3, 4, 100).astype(float)
    order = random.permutation(100)
    lists = {"a": GENES[:7], "b": GENES[3:40]}
    members = locate(lists, [GENES[i] for i in order])
    moved = running_sums(statistic[order][None, :], members).es
    np.testing.assert_allclose(moved, scores(statistic, lists), atol=1e-12)


def test_the_leading_edge_ends_at_the_peak() -> None:
    statistic = np.linspace(5, -4.9, 100)
    members = locate(
        {"a": ["g0", "g2", "g60"], "c": ["g0", "g97", "g99"], "b": {"up": ["g1"], "down": ["g99", "g3"]}}, GENES
    )
    edges = leading_edge(statistic, members, direction=np.array([1.0, -1.0, 1.0]))
    assert edges == [[0, 2], [99, 97], [1, 99]]


def test_sign_flips_are_all_of_them_for_few_units_and_seeded_draws_for_many() -> None:
    few = sign_flips(["a", "b", "c", "d"], n_draws=1000, seed=0)
    assert few.exact
    assert len({tuple(row) for row in np.sign(few.rows)}) == 8
    assert (few.rows[0] > 0).all()
    assert few.smallest_p == 1 / 8
    many = sign_flips([f"u{i}" for i in range(30)], n_draws=500, seed=0)
    assert not many.exact
    assert many.rows.shape == (501, 30)
    assert many.smallest_p == 1 / 501
    assert (many.rows == sign_flips([f"u{i}" for i in range(30)], n_draws=500, seed=0).rows).all()
    assert (many.rows != sign_flips([f"u{i}" for i in range(30)], n_draws=500, seed=1).rows).any()


def test_a_unit_has_the_same_sign_in_every_cell_type_of_a_draw() -> None:
    everyone = [f"u{i}" for i in range(30)]
    whole = sign_flips(everyone, n_draws=200, seed=3, shared=everyone)
    part = sign_flips(everyone[5:12], n_draws=200, seed=3, shared=everyone)
    assert (np.sign(part.rows) == np.sign(whole.rows[:, 5:12])).all()


def test_label_permutations_are_all_of_them_and_start_with_the_observed() -> None:
    test = np.array([False, True, True, False, False])
    scheme = label_permutations(list("abcde"), test, n_draws=100, seed=0)
    assert scheme.exact
    assert len({tuple(row) for row in scheme.rows}) == 10
    assert ((scheme.rows[0] > 0) == test).all()
    assert scheme.smallest_p == 1 / 10


def test_rankings_hold_the_moderated_t_of_limma_s_model() -> None:
    random = np.random.default_rng(2)
    values = random.standard_normal((6, 40)) * random.uniform(0.5, 2, 40)
    first = next(rankings(values, sign_flips(list("abcdef"), n_draws=100, seed=0)))[0]
    expected = moderate(fit_effects(values, np.ones((6, 1)))).t
    np.testing.assert_allclose(first, expected, rtol=1e-6)


def test_flip_p_values_are_uniform_when_nothing_changes_and_genes_correlate() -> None:
    random = np.random.default_rng(7)
    found = []
    members = locate({"a": GENES[:10]}, GENES)
    for _ in range(300):
        values = random.standard_normal((7, 100))
        # The list's genes share most of their variance: gene permutation would call this a change.
        values[:, :10] = 0.5 * values[:, :10] + random.standard_normal((7, 1))
        found.append(flip_scores(values, sign_flips(list("abcdefg"), n_draws=64, seed=0), members).p[0])
    p = np.array(found)
    assert p.min() >= 1 / 64
    for level in (4 / 64, 8 / 64, 16 / 64, 32 / 64):
        assert np.mean(p <= level) == pytest.approx(level, abs=3 * np.sqrt(level * (1 - level) / 300))
    # Exact p values are multiples of 1/64; spread evenly below each multiple they are uniform.
    assert kstest(p - random.uniform(0, 1 / 64, p.size), "uniform").pvalue > 0.01


def test_a_change_of_all_genes_of_a_list_reaches_the_smallest_p() -> None:
    values = np.random.default_rng(3).standard_normal((7, 100))
    values[:, :10] += 1
    result = flip_scores(values, sign_flips(list("abcdefg"), n_draws=64, seed=0), locate({"a": GENES[:10]}, GENES))
    assert result.p[0] == result.scheme.smallest_p == 1 / 64
    assert result.es[0] > 0.7
    assert result.nes[0] > 1


def test_drawn_p_values_are_never_zero() -> None:
    values = np.random.default_rng(3).standard_normal((12, 100))
    values[:, :10] += 0.8
    scheme = sign_flips([f"u{i}" for i in range(12)], n_draws=200, seed=0)
    assert flip_scores(values, scheme, locate({"a": GENES[:10]}, GENES)).p[0] == 1 / 201


def test_balanced_keeps_the_order_within_a_list_and_lets_no_list_rule() -> None:
    random = np.random.default_rng(4)
    wide, narrow = random.normal(5, 2, (5000, 1)), random.normal(0.5, 0.05, (5000, 1))
    null = np.abs(np.hstack([wide, narrow]))
    scale = balanced(null)
    assert (np.argsort(scale, axis=0) == np.argsort(null, axis=0)).all()
    assert np.mean(scale[:, 0] > scale[:, 1]) == pytest.approx(0.5, abs=0.03)


def test_a_change_of_every_gene_does_not_raise_the_statistic_of_a_list() -> None:
    statistic = np.random.default_rng(6).standard_normal((1, 100))
    members = locate({"a": GENES[:10]}, GENES)
    np.testing.assert_allclose(
        running_sums(3 * statistic, members).statistic, running_sums(statistic, members).statistic, rtol=1e-12
    )


def test_differences_are_a_unit_s_mean_over_its_blocks() -> None:
    index = [f"s{i}" for i in range(6)]
    logs = pd.DataFrame({"g": [1.0, 3.0, 2.0, 8.0, 0.0, 1.0]}, index=index)
    value = pd.Series([0.0, 1.0] * 3, index=index)
    blocks = pd.Series(["A|1", "A|1", "A|2", "A|2", "B|1", "B|1"], index=index)
    units = pd.Series(["A"] * 4 + ["B"] * 2, index=index)
    change = paired_differences(logs, value=value, blocks=blocks, units=units)
    assert change["g"].to_dict() == {"A": 4.0, "B": 1.0}


def test_a_block_of_two_units_is_refused() -> None:
    index = ["s0", "s1"]
    with pytest.raises(OhmicsError, match="block b holds samples of 2 units"):
        paired_differences(
            pd.DataFrame({"g": [1.0, 2.0]}, index=index),
            value=pd.Series([0.0, 1.0], index=index),
            blocks=pd.Series(["b", "b"], index=index),
            units=pd.Series(["A", "B"], index=index),
        )


@pytest.mark.parametrize(
    ("gene_list", "words"),
    [({"up": ["a"], "dwn": ["b"]}, "not `dwn`"), ({"up": ["a", "b"], "down": ["b"]}, "`b` is both up and down")],
)
def test_a_list_that_contradicts_itself_is_refused(gene_list: dict[str, list[str]], words: str) -> None:
    with pytest.raises(OhmicsError, match=words):
        parts_of(gene_list)


def test_one_unit_cannot_be_randomised() -> None:
    with pytest.raises(OhmicsError, match="1 units, at least 2 are needed to randomise"):
        sign_flips(["a"], n_draws=100, seed=0)
