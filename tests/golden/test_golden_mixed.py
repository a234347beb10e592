"""The random-intercept model against lmerTest and pbkrtest (r/mixed.R)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ohmics.stats.mixed import fit_random_intercept

TABLES = Path(__file__).with_name("tables")


@pytest.fixture(scope="module")
def samples():
    frame = pd.read_csv(TABLES / "mixed_samples.tsv", sep="\t")
    return dict(list(frame.groupby("case", sort=False)))


@pytest.fixture(scope="module")
def answers():
    return pd.read_csv(TABLES / "mixed_answers.tsv", sep="\t")


def fitted(rows, case, df):
    columns = [np.ones(len(rows)), *([rows["age"]] if "_age_" in case else []), rows["test"]]
    return fit_random_intercept(
        rows[["y"]].to_numpy(), np.column_stack(columns).astype(float), rows["patient"].to_numpy(dtype=object), df=df
    )


def test_the_same_fits_are_singular(samples, answers):
    assert answers["singular"].sum() >= 5
    found = [bool(fitted(samples[case], case, "satterthwaite").singular[0]) for case in answers["case"]]
    assert found == answers["singular"].tolist()


@pytest.mark.parametrize(("df", "prefix"), [("satterthwaite", ""), ("kenward_roger", "kr_")])
def test_estimates_errors_df_and_p_of_fits_that_are_not_singular(samples, answers, df, prefix):
    kept = answers[~answers["singular"]]
    assert len(kept) >= 80
    for one in kept.to_dict("records"):
        fit = fitted(samples[one["case"]], one["case"], df)
        for name, theirs in (("effect", "effect"), ("sd_blocks", "sd_blocks"), ("sd_within", "sd_within")):
            assert getattr(fit, name)[0] == pytest.approx(one[theirs], rel=1e-5), (one["case"], name)
        for name in ("se", "df", "p"):
            assert getattr(fit, name)[0] == pytest.approx(one[prefix + name], rel=1e-5), (one["case"], name)


def test_the_two_df_differ_where_the_design_is_not_balanced(answers):
    """Otherwise the test above would hold one to the other."""
    kept = answers[~answers["singular"]]
    uneven = kept[kept["case"].str.startswith("unpaired")]
    assert (np.abs(uneven["df"] / uneven["kr_df"] - 1) > 0.01).mean() > 0.5
    even = kept[kept["case"].str.startswith("pairs") & kept["case"].str.contains("plain")]
    np.testing.assert_allclose(even["df"], even["kr_df"], rtol=1e-5)
