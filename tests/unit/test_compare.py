"""EFFECTS and COMPOSITION from score tables small enough to work out by hand."""

import itertools

import numpy as np
import pandas as pd
import pytest

from ohmics.compare import compare, compare_composition
from ohmics.errors import OhmicsError
from ohmics.model import Contrast
from ohmics.stats.paired import Flips, step_down
from ohmics.tables import COMPOSITION, EFFECTS, SCORES, SKIPPED, check

PAIRED = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient")


def sheet(n=8, **columns):
    rows = [
        {
            "sample": f"p{i}{t[0]}",
            "patient": f"p{i}",
            "timepoint": t,
            "tissue": "BM",
            **{k: v[i] for k, v in columns.items()},
        }
        for i in range(n)
        for t in ("pre", "relapse")
    ]
    return pd.DataFrame(rows)


def row(sample, value, **more):
    return {
        "sample": sample, "cell_type": "T cell", "mechanism": "m", "gene_list": "m/a", "method": "ucell",
        "depth": "thinned", "thinned_to": 1000.0, "score": value, "null_z": None, "n_cells": 100, "coverage": 1.0,
        "technical_sd": 0.01, **more,
    }  # fmt: skip


def scores(differences, **more):
    rows = []
    for i, d in enumerate(differences):
        if not np.isnan(d):
            rows += [row(f"p{i}p", 0.2 + 0.01 * i, **more), row(f"p{i}r", 0.2 + 0.01 * i + d, **more)]
    return rows


def cohort(frame):
    return frame[frame["level"] == "cohort"]


def test_a_paired_effect_is_the_mean_difference_with_its_exact_flip_p():
    d = np.array([0.1, 0.2, 0.15, 0.05, 0.3, -0.02, 0.12, 0.18])
    effects = compare(SCORES.conform(scores(d)), sheet(), PAIRED)
    check(effects, EFFECTS)
    one = cohort(effects).iloc[0]
    flips = np.array(list(itertools.product([1, -1], repeat=8)))
    assert one["effect"] == pytest.approx(d.mean())
    assert one["p"] == pytest.approx(np.mean(np.abs(flips @ d) >= d.sum() - 1e-12))
    assert (one["n_pairs"], one["n_units"], one["n_positive"], one["n_positive_pairs"], one["n_cells"]) == (
        8,
        8,
        7,
        7,
        1600,
    )
    assert one["q"] == one["p"]
    assert one["family"] == "relapse_vs_pre/ucell"
    assert one["sd_change"] == pytest.approx(d.std(ddof=1))
    assert one["low"] < one["effect"] < one["high"]
    assert one["smallest_p"] == 2 / 2**8
    assert "2^8" in one["scheme"]


def test_patient_rows_carry_a_technical_range_and_no_p():
    effects = compare(SCORES.conform(scores([0.1, 0.2])), sheet(2), PAIRED)
    own = effects[effects["level"] == "patient"].set_index("subject").loc["p1"]
    assert own["effect"] == pytest.approx(0.2)
    assert own["high"] - own["effect"] == pytest.approx(1.96 * 0.01 * np.sqrt(2))
    assert np.isnan(own["p"])
    assert np.isnan(own["q"])
    assert "technical range" in own["scheme"]
    assert own["n_units"] == 1


def test_families_are_primary_lines_and_the_rest_by_method_and_raw_rows_are_in_none():
    random = np.random.default_rng(0)
    d = {name: random.normal(0.4, 0.5, 8) for name in ("m/a", "m/b", "n/a", "n/b")}
    rows = [r for name, values in d.items() for depth, target in (("raw", None), ("thinned", 1000.0))
            for r in scores(values, gene_list=name, mechanism=name[0], depth=depth, thinned_to=target)]  # fmt: skip
    rows += scores(d["m/a"], gene_list="m/a", method="mean_z")
    primary = pd.DataFrame({"gene_list": ["m/a", "n/a", ""], "method": ["ucell"] * 3, "cell_type": ["T cell"] * 3})
    effects = cohort(compare(SCORES.conform(rows), sheet(), PAIRED, primary=primary))
    thinned = effects[effects["depth"] == "thinned"].set_index(["gene_list", "method"])
    assert thinned["family"].to_dict() == {
        ("m/a", "ucell"): "relapse_vs_pre/primary", ("n/a", "ucell"): "relapse_vs_pre/primary",
        ("m/b", "ucell"): "relapse_vs_pre/ucell", ("n/b", "ucell"): "relapse_vs_pre/ucell",
        ("m/a", "mean_z"): "relapse_vs_pre/mean_z",
    }  # fmt: skip
    q = step_down(np.column_stack([d["m/a"], d["n/a"]]), Flips(8))
    np.testing.assert_allclose(thinned.loc[[("m/a", "ucell"), ("n/a", "ucell")], "q"], q)
    raw = effects[effects["depth"] == "raw"]
    assert len(raw) == 4
    assert raw["q"].isna().all()
    assert raw["family"].isna().all()
    assert raw["p"].notna().all()


def test_samples_of_one_side_are_averaged_by_cells_and_blocks_by_unit():
    samples = pd.DataFrame({
        "sample": ["a1", "a2", "a3", "a4", "b1", "b2"], "patient": ["a"] * 4 + ["b"] * 2,
        "day": ["d1", "d1", "d1", "d1", "d1", "d1"], "arm": ["HA", "HA", "CD", "CD", "HA", "CD"],
    })  # fmt: skip
    samples.loc[3, "day"] = samples.loc[1, "day"] = "d2"
    samples.loc[len(samples)] = ["a5", "a", "d1", "HA"]
    rows = [row("a1", 1.0, n_cells=100), row("a5", 4.0, n_cells=300), row("a3", 0.5), row("a2", 2.0), row("a4", 1.0),
            row("b1", 3.0), row("b2", 1.0)]  # fmt: skip
    contrast = Contrast(variable="arm", test="HA", reference="CD", pair_by=("patient", "day"))
    effects = compare(SCORES.conform(rows), samples, contrast)
    of_a = ((1.0 * 100 + 4.0 * 300) / 400 - 0.5 + (2.0 - 1.0)) / 2
    own = effects[effects["level"] == "patient"].set_index("subject")["effect"]
    assert own.to_dict() == pytest.approx({"a": of_a, "b": 2.0})
    one = cohort(effects).iloc[0]
    assert one["effect"] == pytest.approx((of_a + 2) / 2)
    assert (one["n_pairs"], one["n_units"]) == (3, 2)
    assert one["smallest_p"] == 0.5


def test_thinned_pairs_are_compared_at_the_largest_depth_both_have():
    rows = scores([0.1, 0.1, 0.1])
    rows += [row("p0p", 9.0, thinned_to=2000.0)]  # one side only
    rows += [row("p1p", 0.5, thinned_to=1500.0), row("p1r", 0.9, thinned_to=1500.0)]
    effects = compare(SCORES.conform(rows), sheet(3), PAIRED)
    own = effects[effects["level"] == "patient"].set_index("subject")["effect"]
    assert own.to_dict() == pytest.approx({"p0": 0.1, "p1": 0.4, "p2": 0.1})


def test_without_a_common_depth_or_a_second_unit_nothing_is_tested_and_it_is_said():
    rows = [row("p0p", 0.1, thinned_to=500.0), row("p0r", 0.1, thinned_to=700.0)]
    rows += [
        row("p0p", 0.1, cell_type="B cell"),
        row("p0r", 0.3, cell_type="B cell"),
        row("p1p", 0.3, cell_type="B cell"),
    ]
    effects = compare(SCORES.conform(rows), sheet(2), PAIRED)
    assert effects["level"].tolist() == ["patient"]
    skipped = SKIPPED.conform(effects.attrs["skipped"]).set_index("cell_type")["reason"].to_dict()
    assert "share no thinned depth" in skipped["T cell"]
    assert skipped["B cell"] == "1 of 2 (patient) have both sides; at least 2 are needed"
    assert "no raw score" in skipped[None]


def test_pairs_that_differ_in_tissue_are_flagged():
    samples = sheet(3)
    samples.loc[1, "tissue"] = "PB"
    samples.loc[3, "tissue"] = None
    effects = compare(SCORES.conform(scores([0.1, 0.2, 0.3])), samples, PAIRED)
    assert cohort(effects)["flags"].tolist() == ["tissue differs in 1 of 3 pairs"]
    own = effects[effects["level"] == "patient"].set_index("subject")["flags"]
    assert own["p0"] == "tissue: BM against PB"
    assert own["p1"] is None


def test_groups_are_permuted():
    random = np.random.default_rng(1)
    samples = pd.DataFrame({
        "sample": [f"s{i}" for i in range(9)], "patient": [f"u{i}" for i in range(9)],
        "response": ["R"] * 4 + ["NR"] * 5, "site": list("aabbaabba"), "age": random.normal(50, 9, 9).astype(str),
    })  # fmt: skip
    y = random.normal(size=9) + (samples["response"] == "NR") * 2
    frame = SCORES.conform([row(s, v) for s, v in zip(samples["sample"], y, strict=True)])
    contrast = Contrast(variable="response", test="NR", reference="R")
    one = compare(frame, samples, contrast).iloc[0]
    sums = [
        abs(np.mean(y[list(c)]) - np.mean(np.delete(y.to_numpy(), list(c))))
        for c in itertools.combinations(range(9), 5)
    ]
    observed = y[4:].mean() - y[:4].mean()
    assert one["effect"] == pytest.approx(observed)
    assert one["level"] == "cohort"
    assert pd.isna(one["n_positive"])
    assert one["p"] == pytest.approx(np.mean(np.array(sums) >= observed - 1e-12)) == one["q"]
    strata = compare(frame, samples, Contrast(variable="response", test="NR", reference="R", covariates=("site",)))
    assert "within strata" in strata["scheme"].iloc[0]
    numeric = compare(frame, samples, Contrast(variable="response", test="NR", reference="R", covariates=("age",)))
    assert "Freedman-Lane" in numeric["scheme"].iloc[0]
    samples.loc[0, "age"] = None
    numeric = compare(frame, samples, Contrast(variable="response", test="NR", reference="R", covariates=("age",)))
    assert numeric["n_units"].tolist() == [8]
    assert numeric["flags"].tolist() == ["1 without age left out"]


def test_an_interaction_compares_changes_between_groups():
    d = np.array([0.5, 0.6, 0.4, 0.55, 0.1, 0.0, 0.05, -0.1])
    samples = sheet(8, response=["R"] * 4 + ["NR"] * 4)
    contrast = Contrast(
        variable="timepoint", test="relapse", reference="pre", pair_by="patient", interact_with="response"
    )
    one = cohort(compare(SCORES.conform(scores(d)), samples, contrast)).iloc[0]
    assert one["effect"] == pytest.approx(d[:4].mean() - d[4:].mean())
    assert one["p"] == pytest.approx(2 / 70)
    assert one["flags"] == "change in R minus change in NR"


@pytest.mark.parametrize(
    ("contrast", "said"),
    [
        (Contrast(variable="timepoint"), "is no number"),
        (Contrast(variable="age", pair_by="patient", covariates=("tissue",)), "use random_by"),
        (Contrast(variable="age", pair_by="patient", interact_with="tissue"), "slopes of two groups"),
        (Contrast(variable="age", pair_by="patient"), "0 of 3 (patient)"),
        (Contrast(variable="age"), "3 units: too few for a slope"),
        (Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="tissue"), "more than one patient"),
        (Contrast(variable="timepoint", test="relapse", reference="never", pair_by="patient"), "0 of 3 (patient)"),
        (Contrast(variable="age", test="50", reference="60|70", interact_with="tissue"), "needs units with both"),
        (
            Contrast(variable="timepoint", test="relapse", reference="pre", random_by="patient", covariates="patient"),
            "cannot be fitted",
        ),
    ],
)
def test_what_has_no_randomisation_is_skipped_with_the_reason(contrast, said):
    samples = sheet(3, age=[50, 60, 70])
    effects = compare(SCORES.conform(scores([0.1, 0.2, 0.3])), samples, contrast)
    check(effects, EFFECTS)
    assert cohort(effects).empty
    assert any(said in r["reason"] for r in SKIPPED.conform(effects.attrs["skipped"]).to_dict("records"))


def test_an_unknown_column_is_named_with_the_nearest():
    with pytest.raises(OhmicsError) as error:
        compare(SCORES.empty(), sheet(2), Contrast(variable="timepiont", test="a", reference="b", pair_by="patient"))
    assert "did you mean `timepoint`?" in str(error.value)


def test_where_and_unit_choose_samples_and_replicates():
    samples = sheet(4, cohort=[1.0, 1.0, 2.0, 2.0], donor=["x", "x", "y", "z"])
    contrast = Contrast(
        variable="timepoint", test="relapse", reference="pre", pair_by="patient", where={"cohort": 1}, unit="donor"
    )
    effects = compare(SCORES.conform(scores([0.1, 0.3, 0.5, 0.7])), samples, contrast)
    assert effects["subject"].tolist() == ["x"]
    assert effects["effect"].tolist() == pytest.approx([0.2])
    assert "1 of 1 (donor)" in effects.attrs["skipped"][0]["reason"]


def cells_of(counts):
    rows = [(sample, kind) for sample, own in counts.items() for kind, n in own.items() for _ in range(n)]
    return pd.DataFrame(rows, columns=["sample", "cell_type"])


def test_composition_is_the_change_of_centred_log_ratios():
    counts = {}
    for i in range(6):
        counts[f"p{i}p"] = {"T": 50 + i, "B": 50, "NK": 20, "unassigned": 30}
        counts[f"p{i}r"] = {"T": 50, "B": 10 + i, "NK": 20}
    counts["p0p"]["rare"] = 3
    result = compare_composition(cells_of(counts), sheet(6), PAIRED)
    check(result, COMPOSITION)
    whole = result[result["subject"] == "relapse_vs_pre"].set_index("cell_type")
    logs = (
        np.log(np.array([[50.5, 10.5 + i, 20.5] for i in range(6)])),
        np.log(np.array([[50.5 + i, 50.5, 20.5] for i in range(6)])),
    )
    change = (logs[0] - logs[0].mean(axis=1, keepdims=True)) - (logs[1] - logs[1].mean(axis=1, keepdims=True))
    np.testing.assert_allclose(whole.loc["B", "effect"], change[1:, 1].mean(), atol=0.05)
    assert whole.loc["B", "p"] == 2 / 2**6 == whole.loc["B", "q"]
    assert whole.loc["B", "effect"] < 0
    assert "rare" not in whole.index
    assert "unassigned" not in whole.index
    own = result[result["subject"] == "p3"].set_index("cell_type")
    assert own.loc["B", "effect"] == pytest.approx(change[3, 1])
    assert np.isnan(own.loc["B", "p"])
    assert own.loc["B", "fraction_pre"] == pytest.approx(50 / 123)
    assert any(r["cell_type"] == "rare" for r in result.attrs["skipped"])


def test_composition_across_tissues_is_refused_pair_by_pair():
    counts = {f"p{i}{t}": {"T": 30, "B": 20 + i} for i in range(3) for t in "pr"}
    samples = sheet(3)
    samples.loc[[1, 3], "tissue"] = "PB"
    result = compare_composition(cells_of(counts), samples, PAIRED)
    assert set(result["subject"]) == {"p2"}
    reasons = {r["subject"]: r["reason"] for r in result.attrs["skipped"]}
    assert "tissue BM against PB" in reasons["p0"]
    assert "tissue" in reasons["p1"]
    assert "1 (patient) with a pair" in reasons[""]


def test_composition_of_groups_is_skipped():
    result = compare_composition(
        cells_of({"p0p": {"T": 3}}), sheet(1), Contrast(variable="tissue", test="BM", reference="PB")
    )
    assert result.empty
    assert "within pairs only" in result.attrs["skipped"][0]["reason"]


def test_a_missing_score_is_refused_and_never_a_zero() -> None:
    scores = pd.DataFrame(
        [
            {"sample": f"{p}_{t}", "cell_type": "bulk", "mechanism": "m", "gene_list": "m/l", "method": "ucell",
             "depth": "raw", "thinned_to": None, "score": None if (p, t) == ("u", "post") else 1.0, "n_cells": 1}
            for p in "uvw" for t in ("pre", "post")
        ]
    )  # fmt: skip
    sheet = pd.DataFrame(
        [
            {"sample": f"{p}_{t}", "patient": p, "timepoint": t, "modality": "bulk", "path": "x"}
            for p in "uvw" for t in ("pre", "post")
        ]
    )  # fmt: skip
    contrast = Contrast(variable="timepoint", test="post", reference="pre", pair_by="patient")
    with pytest.raises(OhmicsError, match=r"column `score`: 1 rows are empty"):
        compare(scores, sheet, contrast)
