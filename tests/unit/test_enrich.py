"""Gene-set tests of a contrast: what each method answers, families, and what is skipped or refused."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from ohmics.enrich import Settings, enrich, run, test_gene_sets
from ohmics.errors import OhmicsError
from ohmics.model import Contrast
from ohmics.tables import ENRICHMENT, SKIPPED, check

N_GENES = 300
GENES = [f"g{i}" for i in range(N_GENES)]
PAIRED = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient")
LISTS: dict[str, list[str] | dict[str, list[str]]] = {
    "exhaustion/core": GENES[:15],
    "exhaustion/signature": {"up": GENES[:15], "down": GENES[15:25]},
    "rest/correlated": GENES[100:120],
    "mine": GENES[200:220],
    "rest/small": [*GENES[250:253], "ABSENT"],
}


def cohort(n_patients: int = 8, seed: int = 2) -> tuple[pd.DataFrame, pd.DataFrame]:
    """g0 to g14 rise, g15 to g24 fall; g100 to g119 move together in each sample, with no mean change."""
    random = np.random.default_rng(seed)
    rows = [(f"P{i}", side, "R" if i % 2 else "N") for i in range(n_patients) for side in ("pre", "relapse")]
    sheet = pd.DataFrame(rows, columns=["patient", "timepoint", "response"])
    sheet.insert(0, "sample", sheet["patient"] + "_" + sheet["timepoint"])
    mean = np.tile(random.uniform(50, 400, N_GENES), (len(sheet), 1))
    late = (sheet["timepoint"] == "relapse").to_numpy()
    mean[np.ix_(late, range(15))] *= 1.8
    mean[np.ix_(late, range(15, 25))] /= 1.8
    mean[:, 100:120] *= np.exp(random.normal(0, 0.6, (len(sheet), 1)))
    values = random.negative_binomial(15, 15 / (15 + mean))
    return pd.DataFrame(values, index=sheet["sample"].to_numpy(), columns=GENES), sheet


@pytest.mark.parametrize("method", ["flip", "camera", "fry"])
def test_a_moved_list_is_found_and_a_correlated_one_is_not(method: str) -> None:
    counts, sheet = cohort()
    table = test_gene_sets(
        counts,
        sheet,
        contrast=PAIRED,
        gene_lists=LISTS,
        family="f",
        method=method,  # type: ignore[arg-type]  # parametrised
    )
    check(table, ENRICHMENT)
    rows = table.set_index("gene_list")
    assert list(rows.index) == ["exhaustion/core", "exhaustion/signature", "rest/correlated", "mine"]
    assert (rows.loc[["exhaustion/core", "exhaustion/signature"], "q"] < 0.05).all()
    assert (rows.loc[["exhaustion/core", "exhaustion/signature"], "es"] > 0.5).all()
    assert (rows.loc[["rest/correlated", "mine"], "q"] > 0.05).all()
    assert (rows["p"] <= rows["q"] + 1e-12).all()
    assert (np.sign(rows["es"]) == np.sign(rows["statistic"])).all()
    assert rows["mechanism"].tolist() == ["exhaustion", "exhaustion", "rest", None]
    assert rows.loc["exhaustion/signature", "size"] == 25
    assert set(rows.loc["exhaustion/core", "leading_edge"].split("|")) <= set(GENES[:15])
    assert [row["item"] for row in table.attrs["skipped"]] == ["rest/small"]
    assert table.attrs["skipped"][0]["reason"] == (
        "3 of 4 genes have enough counts to be tested (3 are in the data); at least 5 are needed"
    )


def test_flips_say_their_scheme_and_prerank_stands_beside() -> None:
    counts, sheet = cohort()
    table = test_gene_sets(counts, sheet, contrast=PAIRED, gene_lists=LISTS, family="f").set_index("gene_list")
    assert set(table["scheme"]) == {"sign flips of 8 units, all 2^8"}
    assert set(table["smallest_p"]) == {2 / 2**8}
    plain = table.drop(index="exhaustion/signature")
    assert plain["p_prerank"].notna().all()
    assert plain["q_prerank"].notna().all()
    assert np.isnan(table.loc["exhaustion/signature", "p_prerank"])
    assert table.loc["exhaustion/core", "p"] == 2 / 2**8


def test_the_q_of_flips_keeps_its_floor_whatever_the_number_of_lists() -> None:
    counts, sheet = cohort(6)
    counts.loc[sheet.loc[sheet["timepoint"] == "relapse", "sample"], GENES[:15]] *= 3
    random = np.random.default_rng(5)
    lists = {"exhaustion/core": GENES[:15]} | {
        f"x/{i}": list(random.choice(GENES[25:], 15, replace=False)) for i in range(60)
    }
    table = test_gene_sets(counts, sheet, contrast=PAIRED, gene_lists=lists, family="f", prerank=False)
    assert table.set_index("gene_list").loc["exhaustion/core", "q"] == 2 / 2**6


def test_two_runs_give_the_same_bytes_and_the_seed_matters_only_for_draws() -> None:
    counts, sheet = cohort(16)
    one, two, other = (
        test_gene_sets(counts, sheet, contrast=PAIRED, gene_lists=LISTS, family="f", n_draws=300, seed=s)
        for s in (0, 0, 1)
    )
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert set(one["scheme"]) == {"sign flips of 16 units, 300 draws, seed 0"}
    assert not one["p"].equals(other["p"])
    np.testing.assert_allclose(one["es"], other["es"])


def test_unpaired_groups_are_permuted() -> None:
    counts, sheet = cohort(12)
    late = sheet["timepoint"] == "relapse"
    chosen = sheet[late.to_numpy() == (sheet["response"] == "R").to_numpy()]
    contrast = Contrast(variable="timepoint", test="relapse", reference="pre")
    table = test_gene_sets(counts, chosen, contrast=contrast, gene_lists=LISTS, family="f").set_index("gene_list")
    assert set(table["scheme"]) == {"permutations of 6 and 6 units, all 924"}
    assert table.loc["exhaustion/core", "p"] < 0.01
    assert table.loc["rest/correlated", "p"] > 0.05


def test_an_interaction_permutes_groups_over_changes() -> None:
    counts, sheet = cohort(10)
    contrast = Contrast(
        variable="timepoint", test="relapse", reference="pre", pair_by="patient", interact_with="response"
    )
    table = test_gene_sets(counts, sheet, contrast=contrast, gene_lists=LISTS, family="f").set_index("gene_list")
    assert set(table["scheme"]) == {"permutations of 5 and 5 units, all 252"}
    # Both groups change alike: nothing may be called different.
    assert (table["q"] > 0.05).all()


@pytest.mark.parametrize(
    ("contrast", "words"),
    [
        ({"random_by": "patient"}, "random effect .* use method camera"),
        ({"covariates": ["response"]}, "unpaired groups with covariates"),
        ({}, "patient P0 is in both groups"),
        ({"pair_by": "patient", "covariates": ["age"]}, "covariate `age` differs within pairs"),
    ],
)
def test_what_flips_cannot_test_is_refused_with_what_can(contrast: dict[str, object], words: str) -> None:
    counts, sheet = cohort()
    sheet["age"] = range(len(sheet))
    given = Contrast(variable="timepoint", test="relapse", reference="pre", **contrast)  # type: ignore[arg-type]  # one dict, all kinds
    with pytest.raises(OhmicsError, match=words):
        test_gene_sets(counts, sheet, contrast=given, gene_lists=LISTS, family="f")


def test_an_unknown_method_is_refused() -> None:
    counts, sheet = cohort()
    with pytest.raises(OhmicsError, match="did you mean `camera`"):
        test_gene_sets(counts, sheet, contrast=PAIRED, gene_lists=LISTS, family="f", method="camra")  # type: ignore[arg-type]  # the point


def pseudobulk(parts: dict[str, pd.DataFrame]) -> ad.AnnData:
    obs = pd.concat([pd.DataFrame({"sample": f.index, "cell_type": t, "n_cells": 40}) for t, f in parts.items()])
    obs.index = obs["sample"] + "|" + obs["cell_type"]
    return ad.AnnData(np.vstack([f.to_numpy(float) for f in parts.values()]), obs=obs, var=pd.DataFrame(index=GENES))


@pytest.mark.parametrize("method", ["flip", "camera"])
def test_run_corrects_over_the_cell_types_of_a_family(method: str) -> None:
    counts, sheet = cohort()
    other, _ = cohort(seed=9)
    data = pseudobulk({"T cell": counts, "NK": other.iloc[4:], "B": counts.iloc[:2]})
    lists = {"T cell": LISTS, "NK": {"mine": LISTS["mine"]}, "B": LISTS}
    primary = pd.DataFrame({"gene_list": ["exhaustion/core", "mine"], "cell_type": ["T cell", "T cell"]})
    table, left_out = run(
        data, sheet, [PAIRED], gene_lists=lists, primary=primary, settings=Settings(method=method, prerank=False)
    )
    check(table, ENRICHMENT)
    check(left_out, SKIPPED)
    rows = table.set_index(["cell_type", "gene_list"])
    assert rows.loc[("T cell", "exhaustion/core"), "family"] == "relapse_vs_pre/primary"
    assert rows.loc[("NK", "mine"), "family"] == f"relapse_vs_pre/{method}"
    assert rows.loc[("T cell", "exhaustion/core"), "q"] < 0.05
    assert set(left_out["cell_type"]) == {"T cell", "B"}
    alone = test_gene_sets(
        counts,
        sheet,
        contrast=PAIRED,
        gene_lists=LISTS,
        family="f",
        method=method,
        prerank=False,  # type: ignore[arg-type]  # parametrised
    ).set_index("gene_list")
    assert rows.loc[("T cell", "rest/correlated"), "p"] == alone.loc["rest/correlated", "p"]


def test_prerank_of_one_ranking() -> None:
    random = np.random.default_rng(0)
    ranking = pd.Series(random.standard_normal(N_GENES).round(2), index=GENES)
    ranking[GENES[:15]] += 3
    table = enrich(ranking, LISTS, family="f")
    check(table, ENRICHMENT)
    rows = table.set_index("gene_list")
    assert rows.loc["exhaustion/core", "q"] < 0.001 < rows.loc["mine", "p"]
    assert rows.loc["exhaustion/core", "es"] > 0.8
    assert {row["item"]: row["reason"].split(";")[0] for row in table.attrs["skipped"]} == {
        "exhaustion/signature": "prerank takes no signed list",
        "rest/small": "3 of 4 genes have enough counts to be tested (3 are in the data)",
    }


@pytest.mark.parametrize(
    ("ranking", "words"),
    [
        (pd.Series([1.0, 2.0], index=["a", "a"]), "1 genes twice: a"),
        (pd.Series([1.0, np.nan], index=["a", "b"]), "missing or infinite"),
    ],
)
def test_a_faulty_ranking_is_refused(ranking: pd.Series, words: str) -> None:
    with pytest.raises(OhmicsError, match=words):
        enrich(ranking, LISTS, family="f")


def test_a_whole_table_is_no_ranking() -> None:
    table = pd.DataFrame({"gene": ["A", "B"], "t": [1.0, 2.0]})
    for wrong in (table, table["gene"]):
        with pytest.raises(OhmicsError, match="the ranking is no column of numbers"):
            enrich(wrong, {"x": ["A", "B"]}, family="f")
