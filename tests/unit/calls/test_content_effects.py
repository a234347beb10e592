"""Bulk changes beyond content: intercepts of known lines, calibrated tests, and tables that say what they rest on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ohmics.calls.content import NOT_TUMOUR_GENES, SHEET, T_CELL_GENES, content_table
from ohmics.calls.content_changes import beyond_groups, beyond_paired, reliability
from ohmics.calls.content_effects import BEYOND, Content, beyond_scores, compare_beyond
from ohmics.compare import compare
from ohmics.errors import OhmicsError
from ohmics.model import BEYOND_CONTENT, BEYOND_ESTIMATED, Contrast
from ohmics.stats.groups import Groups, permutation_test
from ohmics.stats.paired import Flips, flip_test
from ohmics.tables import CONTENT, CONTENT_FITS, EFFECTS, SCORES, check

PAIRED = Contrast(variable="timepoint", test="on", reference="pre", pair_by="patient")
GROUPS = Contrast(variable="response", test="PD", reference="CR")
KEY = "m/list"


def cohort(
    random: np.random.Generator, units: int = 12, *, content: float = 0.0, own: float = 0.0, slope: float = 0.7
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """SCORES, SAMPLES and CONTENT of pairs whose content and score change by ``content`` and ``own`` beyond it."""
    scores, samples, table = [], [], []
    for unit in range(units):
        base = random.normal(0, 1.2)
        for when in ("pre", "on"):
            level = base + random.normal(0, 0.6) + (content if when == "on" else 0.0)
            name = f"p{unit}_{when}"
            value = slope * level + random.normal(0, 0.25) + (own if when == "on" else 0.0)
            response = "PD" if unit % 2 else "CR"
            samples.append({"sample": name, "patient": f"p{unit}", "timepoint": when, "response": response})
            for depth, to in (("raw", None), ("thinned", 5e6)):
                scores.append({
                    "sample": name, "cell_type": "bulk", "mechanism": "m", "gene_list": KEY, "method": "mean_z",
                    "depth": depth, "thinned_to": to, "score": value, "n_cells": 1, "coverage": 1.0,
                    "technical_sd": 0.02,
                })  # fmt: skip
            for gene in T_CELL_GENES:
                table.append({
                    "sample": name, "content": "t_cell", "gene": gene, "value": 5 + level + random.normal(0, 0.2),
                    "technical_sd": 0.05, "source": "made",
                })  # fmt: skip
    return SCORES.conform(scores), pd.DataFrame(samples), CONTENT.conform(table)


def content_of(table: pd.DataFrame, *, genes: tuple[str, ...] = ("A", "B"), kind: str = "t_cell") -> Content:
    return Content(table=table, kinds={KEY: kind}, lists={KEY: list(genes)})


def test_a_change_that_follows_content_is_none_beyond_it_and_the_slope_is_the_true_one() -> None:
    random = np.random.default_rng(1)
    true = random.normal(0.3, 0.8, 500)
    content = true[:, None] + random.normal(0, 0.8, (500, 5))
    change = 0.7 * true + random.normal(0, 0.2, 500)
    found = beyond_paired(change, content)
    # Five genes with noise as large as the signal: 1 / (1 + 1/5).
    assert found.reliability == pytest.approx(5 / 6, abs=0.03)
    assert found.slope == pytest.approx(0.7, abs=0.06)
    assert found.own.mean() == pytest.approx(0.0, abs=0.05)
    assert found.contributions.mean() == pytest.approx(found.own.mean())


def test_without_noise_it_is_the_intercept_of_least_squares() -> None:
    random = np.random.default_rng(2)
    content = random.normal(0.2, 1.0, (12, 1))
    change = 0.4 + 0.5 * content[:, 0] + random.normal(0, 0.3, 12)
    found = beyond_paired(change, content)
    design = np.column_stack([np.ones(12), content[:, 0]])
    intercept, slope = np.linalg.lstsq(design, change, rcond=None)[0]
    assert found.own.mean() == pytest.approx(intercept)
    assert found.slope == pytest.approx(slope)
    assert found.r_squared == pytest.approx(np.corrcoef(content[:, 0], change)[0, 1] ** 2)


def test_two_groups_give_the_difference_of_an_analysis_of_covariance() -> None:
    random = np.random.default_rng(3)
    test = np.arange(40) % 2 == 1
    content = random.normal(0, 1.0, (40, 1)) + 0.5 * test[:, None]
    value = 0.3 * test + 0.6 * content[:, 0] + random.normal(0, 0.3, 40)
    found = beyond_groups(value, content, test)
    design = np.column_stack([np.ones(40), test, content[:, 0]])
    expected = np.linalg.lstsq(design, value, rcond=None)[0]
    assert found.slope == pytest.approx(expected[2])
    difference = found.own[test].mean() - found.own[~test].mean()
    assert difference == pytest.approx(expected[1])
    moved = found.contributions[test].mean() - found.contributions[~test].mean()
    assert moved == pytest.approx(difference, abs=0.05)


def _rates(random: np.random.Generator, cohorts: int, *, paired: bool, own: float = 0.0) -> tuple[float, float]:
    """Share of cohorts called changed, by the plain score and beyond content, which changes by 0.4 of its sd."""
    n = 24
    test = np.arange(n) % 2 == 1
    plain, beyond = [], []
    for _ in range(cohorts):
        true = random.normal(0, 1.0, n) + 0.6 * (1.0 if paired else test)
        value = true + random.normal(0, 0.5, n) + own * (1.0 if paired else test)
        genes = true[:, None] + random.normal(0, 0.3, (n, 5))
        found = beyond_paired(value, genes) if paired else beyond_groups(value, genes, test)
        plain.append(value)
        if not found.why:
            beyond.append(found.contributions)
    plan = Groups(test=test, strata=np.zeros(n, dtype=np.int64), n_draws=199, seed=0, name="t")
    flips = Flips(n, 199, 0, "t")
    both = [np.column_stack(values) for values in (plain, beyond)]
    first, second = (flip_test(values, flips).p if paired else permutation_test(values, plan).p for values in both)
    return float((first <= 0.05).mean()), float((second <= 0.05).mean())


@pytest.mark.parametrize("paired", [True, False])
def test_more_cells_are_not_called_a_change_and_a_change_is_found(paired: bool) -> None:
    random = np.random.default_rng(4)
    raw, beyond = _rates(random, 300, paired=paired)
    assert raw > 0.2  # the raw score is fooled
    assert beyond <= 0.09  # 0.05, and three binomial standard errors of 300 cohorts
    assert _rates(random, 60, paired=paired, own=1.0)[1] > 0.6


def test_effects_hold_both_and_say_what_they_are() -> None:
    scores, samples, table = cohort(np.random.default_rng(7), content=0.5)
    primary = pd.DataFrame([{"gene_list": KEY, "method": f"mean_z{BEYOND_CONTENT}", "cell_type": "bulk"}])
    effects = compare_beyond(scores, samples, [PAIRED], content=content_of(table), primary=primary)
    check(effects, EFFECTS)
    rows = effects[(effects["level"] == "cohort") & (effects["depth"] == "thinned")].set_index("method")
    raw, beyond = rows.loc["mean_z"], rows.loc[f"mean_z{BEYOND_CONTENT}"]
    assert raw["effect"] == pytest.approx(0.35, abs=0.2)
    assert abs(beyond["effect"]) < 0.15
    assert beyond["unit"] == "mean_z score beyond T-cell content"
    assert beyond["family"].endswith("/primary")
    patients = effects[(effects["level"] == "patient") & (effects["depth"] == "thinned")]
    own = patients[patients["method"] == f"mean_z{BEYOND_CONTENT}"]["effect"]
    # What is said of each patient is its own change, not its part in the test.
    assert own.mean() == pytest.approx(beyond["effect"], abs=0.03)
    assert own.std(ddof=1) == pytest.approx(beyond["sd_change"])
    assert (own > 0).sum() == beyond["n_positive"]
    plain = compare(scores, samples, PAIRED)
    plain = plain[(plain["level"] == "patient") & (plain["depth"] == "thinned")]
    assert own.std() < plain["effect"].std()


def test_scores_and_fits_are_tables_and_remade_rows_do_not_pile_up() -> None:
    scores, samples, table = cohort(np.random.default_rng(6), content=0.4)
    content = content_of(table)
    found = beyond_scores(scores, samples, PAIRED, content=content)
    rows, fits = SCORES.conform(found.rows), CONTENT_FITS.conform(found.fits)
    assert set(rows["method"]) == {f"mean_z{BEYOND_CONTENT}"}
    assert fits["slope"].to_numpy() == pytest.approx(0.7, abs=0.12)
    assert fits["n_genes"].tolist() == [5, 5]
    both = pd.concat([scores, rows], ignore_index=True)
    first, again = (compare_beyond(one, samples, [PAIRED], content=content) for one in (scores, both))
    pd.testing.assert_frame_equal(first, again)


def test_what_cannot_be_told_has_a_reason_and_no_row() -> None:
    random = np.random.default_rng(7)
    for arguments, contrast, reason in (
        ({"units": 5}, PAIRED, "5 units have both sides, 6 are needed"),
        ({"content": 6.0}, PAIRED, "too few kept their content"),
        ({}, Contrast(variable="response", test="PD", reference="CR", covariates="patient"), "adjusts for further"),
    ):
        scores, samples, table = cohort(random, **arguments)
        found = beyond_scores(scores, samples, contrast, content=content_of(table))
        assert not found.rows
        assert reason in found.skipped[0]["reason"]
    scores, samples, table = cohort(random)
    found = beyond_scores(scores, samples, PAIRED, content=content_of(table, genes=T_CELL_GENES[1:]))
    assert "1 genes tell the T-cell content without the list's own" in found.skipped[0]["reason"]


def test_groups_are_compared_beyond_content_too() -> None:
    scores, samples, table = cohort(np.random.default_rng(15), units=16)
    before = samples[samples["timepoint"] == "pre"]
    effects = compare_beyond(scores, before, [GROUPS], content=content_of(table), n_draws=200)
    cohort_rows = effects[(effects["depth"] == "thinned") & (effects["level"] == "cohort")]
    assert set(cohort_rows["method"]) == {"mean_z", f"mean_z{BEYOND_CONTENT}"}
    assert (cohort_rows["p"] > 0.01).all()


def _logged(n: int = 12) -> pd.DataFrame:
    random = np.random.default_rng(9)
    genes = [*T_CELL_GENES, *NOT_TUMOUR_GENES]
    return pd.DataFrame(random.normal(5, 1, (n, len(genes))), index=[f"s{i}" for i in range(n)], columns=genes)


def test_purity_of_the_sheet_is_exact_and_an_estimate_is_named_as_one() -> None:
    logged = _logged()
    sheet = pd.DataFrame({"purity": np.linspace(0.2, 0.9, 12)}, index=logged.index)
    table, notes = content_table(logged, logged * 0 + 0.1, sheet)
    given = table[table["content"] == "purity"]
    assert notes == []
    assert set(given["gene"]) == {SHEET}
    assert given["value"].to_numpy() == pytest.approx(np.log2(sheet["purity"].to_numpy()))
    estimated, _ = content_table(logged, logged * 0 + 0.1, sheet.drop(columns="purity"))
    rows = estimated[estimated["content"] == "purity"]
    assert rows["source"].str.startswith("purity is estimated").all()
    assert rows.groupby("gene")["value"].mean().abs().max() < 1e-9
    with pytest.raises(OhmicsError, match="outside 0 to 1"):
        content_table(logged, logged * 0, sheet * 100)
    few, notes = content_table(logged[list(T_CELL_GENES)], logged * 0, sheet.drop(columns="purity"))
    assert set(few["content"]) == {"t_cell"}
    assert notes[0].startswith("purity cannot be estimated")


def test_no_verdict_can_rest_on_an_estimated_purity() -> None:
    scores, samples, table = cohort(np.random.default_rng(10))
    table = table.assign(content="purity")
    effects = compare_beyond(scores, samples, [PAIRED], content=content_of(table, kind="purity"))
    methods = {name for name in effects["method"] if name.endswith(BEYOND)}
    assert methods == {f"mean_z{BEYOND_ESTIMATED}"}
    assert any("no verdict rests on them" in row["reason"] for row in effects.attrs["skipped"])
    units = effects.loc[effects["method"].isin(methods), "unit"]
    assert set(units) == {"mean_z score beyond estimated purity"}


def test_genes_that_go_together_are_reliable_and_those_that_do_not_are_not() -> None:
    random = np.random.default_rng(11)
    shared = random.normal(size=(500, 1))
    assert reliability(shared + 0.01 * random.normal(size=(500, 4))) > 0.99
    assert reliability(random.normal(size=(500, 4))) == 0.2
    assert reliability(shared) == 1.0
