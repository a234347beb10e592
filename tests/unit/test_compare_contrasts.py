"""Every kind of contrast through `compare`, against answers worked out beside it."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from ohmics.compare import compare
from ohmics.model import Contrast
from ohmics.stats.mixed import fit_random_intercept
from ohmics.stats.multiple import benjamini_hochberg, holm
from ohmics.stats.paired import signed_rank_interval
from ohmics.tables import EFFECTS, SCORES, check


def cohort(n=12, *, alone=0, lists=4, seed=0, spread=1.0):
    """Return SAMPLES and a matrix of scores, samples × lists: ``n`` pairs and ``alone`` patients with one sample."""
    random = np.random.default_rng(seed)
    rows = [
        {"patient": f"p{i}", "timepoint": t, "response": "NR" if i % 2 else "R", "tissue": "BM"}
        for i in range(n + alone)
        for t in (("pre", "relapse") if i < n else (("pre", "relapse")[i % 2],))
    ]
    samples = pd.DataFrame(rows)
    samples.insert(0, "sample", [f"s{k}" for k in range(len(samples))])
    place = samples["patient"].astype("category").cat.codes.to_numpy()
    values = spread * random.normal(size=(n + alone, lists))[place] + random.normal(size=(len(samples), lists))
    samples["purity"] = random.normal(size=len(samples))
    samples["age"] = random.normal(60, 10, size=n + alone).round(1)[place]
    return samples, values


def table(samples, values, depth="thinned"):
    return SCORES.conform([
        {"sample": s, "cell_type": "T cell", "mechanism": "m", "gene_list": f"m/l{j}", "method": "ucell",
         "depth": depth, "thinned_to": 900.0, "score": values[i, j], "n_cells": 100, "coverage": 1.0,
         "technical_sd": 0.1}
        for i, s in enumerate(samples["sample"]) for j in range(values.shape[1])
    ])  # fmt: skip


def of_cohort(effects):
    check(effects, EFFECTS)
    return effects[effects["level"] == "cohort"].sort_values("gene_list").reset_index(drop=True)


TIME = {"variable": "timepoint", "test": "relapse", "reference": "pre"}


@pytest.mark.parametrize("more", [{"random_by": "patient"}, {}])
def test_patients_on_one_side_are_used_by_a_mixed_model_and_the_row_says_what_they_add(more):
    samples, values = cohort(alone=8, lists=6, spread=2.0)
    primary = pd.DataFrame({"gene_list": ["m/l0", "m/l1", "m/l2"], "method": "ucell", "cell_type": "T cell"})
    effects = compare(table(samples, values), samples, Contrast(**TIME, **more), primary=primary)
    rows = of_cohort(effects)
    design = np.column_stack([np.ones(len(samples)), samples["timepoint"] == "relapse"]).astype(float)
    fit = fit_random_intercept(values, design, samples["patient"].to_numpy(dtype=object), df="kenward_roger")
    assert not fit.singular.any()
    for name, theirs in (("effect", fit.effect), ("p", fit.p), ("df", fit.df), ("low", fit.low), ("gain", fit.gain)):
        np.testing.assert_allclose(rows[name], theirs, rtol=1e-9)
    assert rows["n_pairs"].tolist() == [12] * 6
    assert rows["n_unpaired"].tolist() == [8] * 6
    assert rows["n_units"].tolist() == [20] * 6
    assert rows["scheme"].str.startswith("mixed model, random patient").all()
    assert rows["flags"].str.contains("8 patients on one side only are used beside 12 pairs").all()
    np.testing.assert_allclose(rows["q"][:3], holm(rows["p"][:3].to_numpy()))
    np.testing.assert_allclose(rows["q"][3:], benjamini_hochberg(rows["p"][3:].to_numpy()))
    patients = effects[effects["level"] == "patient"]
    assert set(patients["subject"]) == {f"p{i}" for i in range(12)}
    assert patients["p"].isna().all()


def test_a_singular_fit_is_tested_by_its_pairs_and_says_so():
    samples, values = cohort(8, alone=4, lists=1)
    # Patients differ less than their samples do: what is high before is low after.
    swing = np.where(samples["timepoint"] == "pre", 1, -1) * np.where(samples["patient"].str[1:].astype(int) % 2, 3, -3)
    values[:, 0] = swing + 0.01 * values[:, 0]
    one = of_cohort(compare(table(samples, values), samples, Contrast(**TIME, random_by="patient"))).iloc[0]
    pairs = samples["patient"].duplicated(keep=False).to_numpy()
    plain = of_cohort(
        compare(table(samples[pairs], values[pairs]), samples[pairs], Contrast(**TIME, pair_by="patient"))
    ).iloc[0]
    assert one["scheme"].startswith("sign flips")
    assert "singular fit" in one["flags"]
    assert (one["p"], one["effect"], one["n_pairs"]) == (plain["p"], plain["effect"], 8)
    assert pd.isna(one["df"])


def test_random_patients_who_never_change_sides_are_compared_by_their_means():
    samples, values = cohort(10)
    contrast = Contrast(variable="response", test="NR", reference="R", random_by="patient")
    one = of_cohort(compare(table(samples, values), samples, contrast)).iloc[0]
    means = pd.Series(values[:, 0]).groupby(samples["patient"]).mean()
    group = samples.drop_duplicates("patient").set_index("patient")["response"]
    assert one["effect"] == pytest.approx(means[group == "NR"].mean() - means[group == "R"].mean())
    assert one["scheme"].startswith("permutation")
    assert one["n_units"] == 10
    assert "no patient has both sides" in one["flags"]


def test_a_continuous_variable_is_permuted_over_patients():
    samples, values = cohort(20)
    samples = samples.drop_duplicates("patient").reset_index(drop=True)
    values = values[:20]
    values[:, 1] += 0.3 * samples["age"]
    rows = of_cohort(compare(table(samples, values), samples, Contrast(variable="age"), n_draws=2000))
    for j in range(4):
        theirs = stats.linregress(samples["age"], values[:, j])
        assert rows["effect"][j] == pytest.approx(theirs.slope)
        assert rows["p"][j] == pytest.approx(theirs.pvalue, abs=0.03)
        assert rows["low"][j] < theirs.slope < rows["high"][j]
    assert rows["p"][1] == pytest.approx(1 / 2001)
    assert rows["unit"][0] == "ucell score per unit of age"
    assert rows["sd_change"].isna().all()
    beyond = of_cohort(
        compare(table(samples, values), samples, Contrast(variable="age", covariates=("purity",)), n_draws=2000)
    )
    fit = smf.ols("y ~ purity + age", samples.assign(y=values[:, 2])).fit()
    assert beyond["effect"][2] == pytest.approx(fit.params["age"])
    assert beyond["p"][2] == pytest.approx(fit.pvalues["age"], abs=0.03)


def test_a_continuous_variable_within_patients_takes_their_slopes_or_a_mixed_model():
    samples, values = cohort(12, spread=2.0)
    values = values + 0.8 * samples["purity"].to_numpy()[:, None]
    slopes = of_cohort(compare(table(samples, values), samples, Contrast(variable="purity", pair_by="patient")))
    own = [
        (values[k + 1, 0] - values[k, 0]) / (samples["purity"][k + 1] - samples["purity"][k]) for k in range(0, 24, 2)
    ]
    assert slopes["effect"][0] == pytest.approx(np.mean(own))
    assert slopes["scheme"][0].startswith("sign flips of 12")
    mixed = of_cohort(compare(table(samples, values), samples, Contrast(variable="purity", random_by="patient")))
    frame = samples.assign(y=values[:, 0])
    theirs = smf.mixedlm("y ~ purity", frame, groups="patient").fit(reml=True)
    assert mixed["effect"][0] == pytest.approx(theirs.params["purity"], rel=1e-3)
    assert mixed["scheme"][0].startswith("mixed model")


def test_covariates_of_pairs_cancel_or_are_adjusted_for():
    samples, values = cohort(14)
    values = values + 2.0 * samples["purity"].to_numpy()[:, None]
    plain = of_cohort(compare(table(samples, values), samples, Contrast(**TIME, pair_by="patient")))
    same = of_cohort(compare(table(samples, values), samples, Contrast(**TIME, pair_by="patient", covariates="age")))
    assert same["p"].tolist() == plain["p"].tolist()
    assert same["flags"].str.contains("age: the same on both sides").all()
    beyond = of_cohort(
        compare(table(samples, values), samples, Contrast(**TIME, pair_by="patient", covariates=["age", "purity"]))
    )
    gaps = samples["purity"][1::2].to_numpy() - samples["purity"][::2].to_numpy()
    for j in range(4):
        change = values[1::2, j] - values[::2, j]
        fit = smf.ols("change ~ gap", pd.DataFrame({"change": change, "gap": gaps})).fit()
        assert beyond["effect"][j] == pytest.approx(fit.params["Intercept"])
        assert beyond["p"][j] == pytest.approx(fit.pvalues["Intercept"], abs=0.05)
        assert beyond["sd_change"][j] == pytest.approx(np.sqrt(fit.scale))
    assert "Freedman-Lane" in beyond["scheme"][0]
    assert beyond["smallest_p"][0] == 2 / 2**14
    assert (beyond["q"] >= beyond["p"]).all()


def test_several_values_of_one_side_and_several_contrasts_at_once():
    samples, values = cohort(12)
    samples["response"] = np.array(["CR", "PR", "SD", "PD"])[samples["patient"].str[1:].astype(int) % 4]
    contrasts = [
        Contrast(variable="response", test=["SD", "PD"], reference="CR|PR", where={"timepoint": "pre"}),
        Contrast(**TIME, pair_by="patient", where={"response": ["PD", "SD"]}, name="non_responders"),
        Contrast(**TIME, pair_by="patient"),
    ]
    rows = of_cohort(compare(table(samples, values), samples, contrasts))
    assert set(rows["contrast"]) == {"SD_PD_vs_CR_PR", "non_responders", "relapse_vs_pre"}
    first = rows[(rows["contrast"] == "SD_PD_vs_CR_PR") & (rows["gene_list"] == "m/l0")].iloc[0]
    before = samples["timepoint"] == "pre"
    bad = samples["response"].isin(["SD", "PD"])
    assert first["effect"] == pytest.approx(values[before & bad, 0].mean() - values[before & ~bad, 0].mean())
    assert first["n_units"] == 12
    assert set(rows.loc[rows["contrast"] == "non_responders", "n_units"]) == {6}


def test_an_interaction_is_the_same_question_to_pairs_and_to_a_mixed_model():
    samples, values = cohort(16, alone=6, spread=2.0)
    groups = Contrast(**TIME, pair_by="patient", interact_with="response")
    random = Contrast(**TIME, random_by="patient", interact_with="response")
    pairs, mixed = (of_cohort(compare(table(samples, values), samples, one)) for one in (groups, random))
    frame = samples.assign(y=values[:, 0], relapse=samples["timepoint"] == "relapse", r=samples["response"] == "R")
    theirs = smf.mixedlm("y ~ r * relapse", frame, groups="patient").fit(reml=True)
    assert mixed["effect"][0] == pytest.approx(theirs.params["r[T.True]:relapse[T.True]"], rel=1e-2)
    assert mixed["flags"].str.contains("change in R minus change in NR").all()
    assert pairs["flags"].str.contains("change in R minus change in NR").all()
    assert (mixed["n_pairs"][0], mixed["n_unpaired"][0]) == (16, 6)
    # Stratified by a covariate of the patient.
    samples["site"] = np.where(samples["patient"].str[1:].astype(int) < 8, "a", "b")
    strata = of_cohort(
        compare(
            table(samples, values), samples,
            Contrast(**TIME, pair_by="patient", interact_with="response", covariates="site"),
        )
    )  # fmt: skip
    assert strata["scheme"].str.contains("within strata").all()


def test_groups_of_other_tissue_or_chemistry_are_flagged():
    samples, values = cohort(10)
    samples = samples[samples["timepoint"] == "pre"].reset_index(drop=True)
    samples["chemistry"] = np.where(samples["response"] == "R", "v2", "v3")
    samples["tissue"] = ["BM", "PB", *["BM"] * 8]
    contrast = Contrast(variable="response", test="NR", reference="R")
    rows = of_cohort(compare(table(samples, values[::2]), samples, contrast))
    assert rows["flags"].str.contains("chemistry cannot be told from the comparison").all()
    assert rows["flags"].str.contains(r"tissue differs between the groups \(NR: 4 BM, 1 PB, against R: 5 BM\)").all()
    samples["tissue"], samples["chemistry"] = "BM", "v3"
    assert of_cohort(compare(table(samples, values[::2]), samples, contrast))["flags"].isna().all()


def test_the_signed_rank_interval_inverts_the_signed_rank_test():
    random = np.random.default_rng(0)
    for n in (6, 9, 15):
        d = random.normal(0.5, 1, size=n)
        low, high, level = signed_rank_interval(d)
        assert level >= 0.95
        inside, outside = low + 1e-9, low - 1e-9
        assert stats.wilcoxon(d - inside, method="exact").pvalue > 1 - level - 1e-12
        assert stats.wilcoxon(d - outside, method="exact").pvalue <= 1 - level + 1e-12
        assert stats.wilcoxon(d - (high + 1e-9), method="exact").pvalue <= 1 - level + 1e-12
    assert signed_rank_interval(np.array([1.0, 2.0, 4.0]))[2] == pytest.approx(0.75)
    assert signed_rank_interval(np.arange(300.0))[2] == pytest.approx(0.95, abs=1e-3)
    assert np.isnan(signed_rank_interval(np.array([1.0]))[0])
    samples, values = cohort(9)
    one = of_cohort(compare(table(samples, values), samples, Contrast(**TIME, pair_by="patient"))).iloc[0]
    d = values[1::2, 0] - values[::2, 0]
    assert (one["hl_low"], one["hl_high"], one["hl_level"]) == pytest.approx(signed_rank_interval(d))
    assert one["hl_low"] < one["hodges_lehmann"] < one["hl_high"]
