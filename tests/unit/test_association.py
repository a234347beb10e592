"""Holding scores against outcomes: what is planted is found, who takes no part is counted, too few is refused."""

import itertools

import numpy as np
import pandas as pd
import pytest

from ohmics.association import LEAST_EVENTS, associate
from ohmics.errors import OhmicsError
from ohmics.model import Contrast
from ohmics.outcomes import Outcome
from ohmics.tables import ASSOCIATION, SCORES, SURVIVAL_CURVES, check

PAIRED = Contrast(variable="timepoint", test="on", reference="pre", pair_by="patient")
RESPONSE = Outcome(
    name="response", column="response", positive=("CR",), negative=("PD",), score="baseline", contrast="on_vs_pre"
)
SURVIVAL = Outcome(name="os", time="days", event="died", score="baseline", where={"timepoint": "pre"})


def cohort(n: int = 40, *, planted: float = 3.0, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return SCORES, SAMPLES and primary lines; mechanism m0 rises with response and with the hazard."""
    random = np.random.default_rng(seed)
    known = random.normal(size=n)
    scores, sheet = [], []
    for i in range(n):
        person = {
            "patient": f"p{i}",
            "response": "CR" if known[i] > 0 else "PD",
            "days": float(np.ceil(300 * random.exponential() * np.exp(-known[i]))),
            "died": int(random.random() < 0.8),
        }
        for timepoint, day in (("pre", 0), ("on", 20)):
            sample = f"p{i}_{timepoint}"
            sheet.append({"sample": sample, "timepoint": timepoint, "taken": day, **person})
            for m in range(4):
                level = planted * known[i] * (m == 0) * (2 if timepoint == "on" else 1)
                scores.append({
                    "sample": sample, "cell_type": "bulk", "mechanism": f"m{m}", "gene_list": f"m{m}/up",
                    "method": "ucell", "depth": "thinned", "thinned_to": 1000.0, "n_cells": 1, "coverage": 1.0,
                    "score": level + random.normal(),
                })  # fmt: skip
    lines = pd.DataFrame([{"gene_list": f"m{m}/up", "method": "ucell", "cell_type": "bulk"} for m in range(4)])
    return SCORES.conform(scores), pd.DataFrame(sheet), lines


def test_a_planted_response_is_found_with_its_direction_and_nothing_else() -> None:
    scores, samples, lines = cohort()
    found = associate(scores, samples, outcome=RESPONSE, contrast=PAIRED, primary=lines).set_index("mechanism")
    check(found.reset_index(), ASSOCIATION)
    assert found.loc["m0", "q"] < 0.001
    assert found.loc["m0", "effect"] > 0
    assert found.loc["m0", "auc_low"] > 0.5
    assert found.loc["m0", "auc_p"] < 0.01
    assert (found.drop(index="m0")["q"] > 0.05).all()
    assert (found["q"] >= found["p"]).all()
    assert set(found["model"]) == {"logistic_firth"}
    assert set(found["family"]) == {"on_vs_pre/outcome response"}
    assert (found["smallest_p"] == 1 / 10_001).all()


def test_the_effect_is_per_sd_of_the_score() -> None:
    scores, samples, lines = cohort()
    larger = scores.assign(score=scores["score"] * 50 + 7)
    one = associate(scores, samples, outcome=RESPONSE, contrast=PAIRED, primary=lines)
    other = associate(larger, samples, outcome=RESPONSE, contrast=PAIRED, primary=lines)
    np.testing.assert_allclose(one[["effect", "low", "high", "p"]], other[["effect", "low", "high", "p"]], rtol=1e-5)
    np.testing.assert_allclose(other["sd_score"], 50 * one["sd_score"])


def test_exchanging_the_sides_of_a_response_turns_effect_and_area_around() -> None:
    scores, samples, lines = cohort()
    turned = Outcome(
        name="response", column="response", positive=("PD",), negative=("CR",), score="baseline", contrast="on_vs_pre"
    )
    one = associate(scores, samples, outcome=RESPONSE, contrast=PAIRED, primary=lines)
    other = associate(scores, samples, outcome=turned, contrast=PAIRED, primary=lines)
    np.testing.assert_allclose(one["effect"], -other["effect"], rtol=1e-5)
    np.testing.assert_allclose(one["auc"], 1 - other["auc"])
    np.testing.assert_allclose(one["auc_low"], 1 - other["auc_high"])


def test_a_complete_separation_has_a_finite_estimate() -> None:
    scores, samples, lines = cohort()
    parted = samples["response"].map({"CR": 1.0, "PD": -1.0}).to_numpy()
    by_sample = dict(zip(samples["sample"], parted, strict=True))
    one = scores["mechanism"] == "m0"
    scores.loc[one, "score"] = scores.loc[one, "sample"].map(by_sample) + 0.1 * np.sin(np.arange(one.sum()))
    row = associate(scores, samples, outcome=RESPONSE, contrast=PAIRED, primary=lines).set_index("mechanism").loc["m0"]
    assert row["auc"] == 1
    assert 0.7 < row["auc_low"] < 1
    assert 0 < row["low"] < row["effect"] < row["high"] < 100


def test_survival_is_cox_with_a_positive_log_hazard_where_high_scores_die_first() -> None:
    scores, samples, lines = cohort()
    found = associate(scores, samples, outcome=SURVIVAL, primary=lines).set_index("mechanism")
    assert found.loc["m0", "effect"] > 0
    assert found.loc["m0", "q"] < 0.05
    assert set(found["model"]) == {"cox"}
    assert set(found["contrast"]) == {"baseline"}
    assert found["auc"].isna().all()


def test_a_change_counts_time_from_the_landmark_and_leaves_out_who_failed_before() -> None:
    scores, samples, lines = cohort()
    patients = samples.drop_duplicates("patient")
    outcome = Outcome(name="os", time="days", event="died", score="change", contrast="on_vs_pre", landmark="taken")
    found = associate(scores, samples, outcome=outcome, contrast=PAIRED, primary=lines)
    late = patients[patients["days"] > 20]
    assert (found["n"] == len(late)).all()
    assert (found["n_events"] == late["died"].sum()).all()
    early = patients[patients["days"] <= 20]
    told = set(found["left_out"].iloc[0].split(";"))
    assert told == {
        f"{int(early['died'].sum())} event before the landmark",
        f"{int((early['died'] == 0).sum())} last seen before the landmark",
    }
    fixed = Outcome(name="os", time="days", event="died", score="change", contrast="on_vs_pre", landmark=20)
    pd.testing.assert_frame_equal(
        found, associate(scores, samples, outcome=fixed, contrast=PAIRED, primary=lines), check_exact=True
    )
    # Cox sees the order of times alone, so counting from the landmark is seen in the curves.
    curves = associate(
        scores, samples, outcome=Outcome(**{**fixed.__dict__, "kaplan_meier": {"m0": 0.0}}), contrast=PAIRED,
        primary=lines,
    ).attrs["curves"]  # fmt: skip
    assert curves["time"].max() == late["days"].max() - 20


def test_missing_outcomes_and_scores_are_left_out_and_counted() -> None:
    scores, samples, lines = cohort()
    samples["response"] = samples["response"].astype(object)
    samples.loc[samples["patient"] == "p3", "response"] = None
    samples.loc[samples["patient"].isin(["p4", "p5"]), "response"] = "NE"
    scores = scores[~((scores["sample"] == "p6_pre") & (scores["mechanism"] == "m1"))]
    found = associate(scores, samples, outcome=RESPONSE, contrast=PAIRED, primary=lines).set_index("mechanism")
    assert found.loc["m0", "left_out"] == "1 no response;2 response NE, neither positive nor negative"
    assert found.loc["m1", "left_out"].startswith("1 no response;1 no score at the depth all have;2 ")
    assert found.loc["m0", "n"] == 37
    assert found.loc["m1", "n"] == 36


@pytest.mark.parametrize("events", [LEAST_EVENTS - 1, LEAST_EVENTS])
def test_fewer_than_ten_of_either_side_is_not_assessable(events: int) -> None:
    scores, samples, lines = cohort()
    order = {f"p{i}": i for i in range(40)}
    samples["response"] = ["CR" if order[p] < events else "PD" for p in samples["patient"]]
    samples["died"] = [int(order[p] < events) for p in samples["patient"]]
    for outcome, contrast in ((RESPONSE, PAIRED), (SURVIVAL, None)):
        found = associate(scores, samples, outcome=outcome, contrast=contrast, primary=lines)
        if events == LEAST_EVENTS:
            assert len(found) == 4
            continue
        assert found.empty
        assert len(found.attrs["skipped"]) == 1
        row = found.attrs["skipped"][0]
        assert row["subject"] == outcome.name
        assert row["reason"].startswith("not assessable: 9 ")
    turned = samples.assign(response=["PD" if r == "CR" else "CR" for r in samples["response"]])
    few = associate(scores, turned, outcome=RESPONSE, contrast=PAIRED, primary=lines)
    assert few.empty == (events < LEAST_EVENTS)


def test_a_likelihood_without_a_maximum_is_named() -> None:
    scores, samples, lines = cohort()
    fate = dict(zip(samples["sample"], samples["days"], strict=True))
    one = scores["mechanism"] == "m0"
    scores.loc[one, "score"] = [-fate[s] for s in scores.loc[one, "sample"]]
    found = associate(scores, samples, outcome=SURVIVAL, primary=lines)
    assert set(found["mechanism"]) == {"m1", "m2", "m3"}
    assert "no finite estimate" in found.attrs["skipped"][0]["reason"]


def test_curves_stand_at_the_declared_cut_only() -> None:
    scores, samples, lines = cohort()
    outcome = Outcome(**{**SURVIVAL.__dict__, "kaplan_meier": {"m0": "median", "m1": 0.25, "m9": "median"}})
    found = associate(scores, samples, outcome=outcome, primary=lines)
    curves = found.attrs["curves"]
    check(curves, SURVIVAL_CURVES)
    assert set(curves["mechanism"]) == {"m0", "m1"}
    assert set(curves.loc[curves["mechanism"] == "m1", "cut"]) == {0.25}
    own = scores[(scores["mechanism"] == "m0") & scores["sample"].str.endswith("_pre")]["score"]
    assert set(curves.loc[curves["mechanism"] == "m0", "cut"]) == {float(own.median())}
    start = curves[curves["time"] == 0].set_index(["mechanism", "group"])["at_risk"]
    assert start["m0", "above"] == start["m0", "below"] == 20
    assert curves.groupby(["mechanism", "group"])["survival"].apply(lambda s: s.is_monotonic_decreasing).all()
    assert any("m9" in row["reason"] for row in found.attrs["skipped"])
    assert associate(scores, samples, outcome=SURVIVAL, primary=lines).attrs["curves"].empty


def test_only_primary_lines_are_tested_and_absent_ones_named() -> None:
    scores, samples, lines = cohort()
    more = pd.concat([lines.iloc[:2], pd.DataFrame([{"gene_list": "x/up", "method": "ucell", "cell_type": "bulk"}])])
    found = associate(scores, samples, outcome=RESPONSE, contrast=PAIRED, primary=more)
    assert set(found["mechanism"]) == {"m0", "m1"}
    assert [row["item"] for row in found.attrs["skipped"]] == ["x/up"]
    assert len(associate(scores, samples, outcome=RESPONSE, contrast=PAIRED)) == 4


def test_the_same_input_gives_the_same_table_in_any_order() -> None:
    scores, samples, lines = cohort()
    one = associate(scores, samples, outcome=RESPONSE, contrast=PAIRED, primary=lines)
    other = associate(
        scores.sample(frac=1, random_state=0), samples.sample(frac=1, random_state=1), outcome=RESPONSE,
        contrast=PAIRED, primary=lines.iloc[::-1],
    )  # fmt: skip
    pd.testing.assert_frame_equal(one, other)


def test_a_groups_contrast_reads_both_groups_as_the_baseline() -> None:
    scores, samples, lines = cohort()
    before = samples[samples["timepoint"] == "pre"]
    groups = Contrast(variable="response", test="PD", reference="CR", name="primary")
    outcome = Outcome(name="os", time="days", event="died", score="baseline", contrast="primary")
    one = associate(scores, before, outcome=outcome, contrast=groups, primary=lines)
    other = associate(scores, samples, outcome=SURVIVAL, primary=lines)
    np.testing.assert_allclose(one["effect"], other["effect"])


FAULTS = {
    "no such column": ({"column": "respons"}, "`respons` is no column of the sheet"),
    "no such value": ({"positive": ["CR", "PRR"]}, "no sample has response `PRR`"),
    "another contrast": ({"contrast": "other"}, "reads contrast `other`"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_cannot_be_read_is_refused(name: str) -> None:
    scores, samples, _ = cohort(n=12)
    changed, words = FAULTS[name]
    given = {"name": "r", "column": "response", "positive": ["CR"], "score": "baseline", "contrast": "on_vs_pre"}
    with pytest.raises(OhmicsError, match=words):
        associate(scores, samples, outcome={**given, **changed}, contrast=PAIRED)


def test_all_faults_of_an_outcome_are_told_at_once() -> None:
    scores, samples, _ = cohort(n=12)
    samples.loc[samples["sample"] == "p2_on", "days"] = 99_999.0
    samples.loc[samples["patient"] == "p1", "days"] = -5.0
    samples["died"] = samples["died"].map({1: "dead", 0: "alive"})
    with pytest.raises(OhmicsError) as caught:
        associate(scores, samples, outcome=SURVIVAL)
    text = str(caught.value)
    for words in ("p2", "not above 0", "dead", "name the values that are events"):
        assert words in text
    assert len(caught.value.faults) == 3
    named = Outcome(**{**SURVIVAL.__dict__, "positive": ("dead",)})
    with pytest.raises(OhmicsError) as caught:
        associate(scores, samples, outcome=named)
    assert len(caught.value.faults) == 2


IMPOSSIBLE = [
    {"column": "r", "time": "t", "event": "e"},
    {"column": "r", "positive": ()},
    {"time": "t"},
    {"score": "both"},
    {"score": "change", "contrast": None, "where": {"timepoint": "pre"}},
    {"contrast": None},
    {"where": {"timepoint": "pre"}},
    {"landmark": 20},
    {"kaplan_meier": {"m0": "median"}},
    {"positive": ("CR",), "negative": ("CR",)},
]


@pytest.mark.parametrize("number", range(len(IMPOSSIBLE)))
def test_an_outcome_that_makes_no_sense_is_refused(number: int) -> None:
    good = {"name": "r", "column": "r", "positive": ("CR",), "score": "baseline", "contrast": "c"}
    assert Outcome(**good).kind == "response"
    with pytest.raises(OhmicsError, match="outcome r"):
        Outcome(**{**good, **IMPOSSIBLE[number]})


@pytest.mark.parametrize("cut", ["best", True, [1]])
def test_only_a_declared_cut_is_legal(cut: object) -> None:
    with pytest.raises(OhmicsError, match="legal: median, or a number"):
        Outcome(name="os", time="t", event="e", score="baseline", contrast="c", kaplan_meier={"m": cut})


def test_survival_of_a_change_needs_a_landmark() -> None:
    with pytest.raises(OhmicsError, match="landmark"):
        Outcome(name="os", time="t", event="e", score="change", contrast="c")


def test_event_words_are_read_in_any_case() -> None:
    scores, samples, lines = cohort()
    expected = associate(scores, samples, outcome=SURVIVAL, primary=lines)
    for yes, no in itertools.islice((("TRUE", "FALSE"), ("yes", "no"), (True, False), (1.0, 0.0)), 4):
        told = samples.assign(died=[yes if died else no for died in samples["died"]])
        pd.testing.assert_frame_equal(expected, associate(scores, told, outcome=SURVIVAL, primary=lines))
