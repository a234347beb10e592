"""Bulk scores beyond content: more cells raise only the raw score, a changed state raises both."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ohmics.calls.content import (
    NOT_TUMOUR_GENES,
    T_CELL_GENES,
    beyond_content,
    content_score,
    content_scores,
    purity_of,
)
from ohmics.errors import OhmicsError
from ohmics.score import score

PATIENTS = 12
PROGRAMME = [f"PROG{number}" for number in range(15)]


def planted(*, infiltration: float = 1.0, state: float = 1.0, seed: int = 0) -> pd.DataFrame:
    """Log2 CPM of paired samples: T-cell genes follow the T-cell share, the programme also the cells' state."""
    random = np.random.default_rng(seed)
    background = [f"BG{number}" for number in range(600)]
    genes = [*T_CELL_GENES, *PROGRAMME, *background]
    level = np.concatenate([np.full(5, 80.0), random.uniform(20, 60, 15), random.gamma(1.0, 40, 600)])
    share = np.exp(random.normal(0, 0.7, PATIENTS))
    rows = {}
    for number in range(PATIENTS):
        for when in ("pre", "post"):
            now = share[number] * (infiltration if when == "post" else 1.0) * np.exp(random.normal(0, 0.15))
            mean = level.copy()
            mean[:20] *= now
            mean[5:20] *= (state if when == "post" else 1.0) * np.exp(random.normal(0, 0.15))
            rows[f"P{number}{when}"] = random.poisson(mean * random.uniform(20, 40))
    counts = pd.DataFrame.from_dict(rows, orient="index", columns=genes)
    return np.log2(counts.div(counts.sum(axis=1), axis=0) * 1e6 + 1)


def changes(logged: pd.DataFrame) -> tuple[float, float]:
    lists = {"programme": PROGRAMME}
    scores = score(logged, lists, method="mean_z", input="log")
    before = pd.Series(logged.index.str.endswith("pre"), index=logged.index)
    found = beyond_content(scores, content_scores(logged, lists), fit_on=before)
    both = [frame["programme"] for frame in (scores, found.beyond)]
    raw, beyond = (float(values[~before].mean() - values[before].mean()) for values in both)
    return raw, beyond


def test_more_t_cells_raise_the_raw_score_only() -> None:
    raw, beyond = changes(planted(infiltration=3.0))
    assert raw > 1
    assert abs(beyond) < 0.2


def test_a_changed_state_raises_both() -> None:
    raw, beyond = changes(planted(state=3.0))
    assert raw > 0.7
    assert beyond == pytest.approx(raw, abs=0.2)


def test_a_state_hidden_by_fewer_cells_is_found() -> None:
    raw, beyond = changes(planted(infiltration=1 / 3, state=3.0))
    assert abs(raw) < 0.5
    assert beyond > 0.7


def test_slope_and_explained_share_are_those_of_a_line() -> None:
    content = pd.Series([0.0, 1, 2, 3, 4, 5, 9], index=list("abcdefg"))
    scores = pd.DataFrame({"x": 3 * content + 1}, index=content.index)
    scores.loc["g", "x"] += 5
    fit_on = pd.Series([True] * 6 + [False], index=content.index)
    found = beyond_content(scores, content, fit_on=fit_on)
    # At the mean content of the fitted samples, 2.5, the line stands at 8.5; g is 5 above it.
    assert found.beyond["x"].tolist() == pytest.approx([8.5] * 6 + [13.5])
    row = found.coefficients.iloc[0]
    assert (row["slope"], row["r_squared"], row["n"]) == pytest.approx((3, 1, 6))


def test_content_leaves_out_the_genes_of_the_list() -> None:
    logged = pd.DataFrame([[1.0, 2, 3, 4, 5], [2.0, 4, 6, 8, 10]], index=["a", "b"], columns=T_CELL_GENES)
    assert content_score(logged).tolist() == [3.0, 6.0]
    assert content_score(logged, exclude=["TRAC", "CD2"]).tolist() == [2.0, 4.0]
    with pytest.raises(OhmicsError, match="1 of 1 content genes are in the data"):
        content_score(logged, exclude=T_CELL_GENES[:4])
    both = content_scores(logged, {"own": list(T_CELL_GENES), "signed": {"up": ["TRAC"], "down": ["CD2"]}})
    assert both["own"].isna().all()
    assert both["signed"].tolist() == [2.0, 4.0]


def test_what_cannot_be_told_from_composition_says_so() -> None:
    names = [f"s{number}" for number in range(8)]
    scores = pd.DataFrame({"x": range(8), "own": range(8), "flat": range(8)}, index=names, dtype=float)
    content = pd.DataFrame({"x": range(8), "own": np.nan, "flat": 1.0}, index=names, dtype=float)
    found = beyond_content(scores, content)
    assert [row["item"] for row in found.skipped] == ["own", "flat"]
    assert all(row["reason"].startswith("confounded by composition: ") for row in found.skipped)
    assert found.beyond[["own", "flat"]].isna().all().all()
    few = beyond_content(scores[["x"]], content["x"], fit_on=pd.Series([True] * 5 + [False] * 3, index=names))
    assert "5 samples before treatment have score and content, 6 are needed" in few.skipped[0]["reason"]
    with pytest.raises(OhmicsError, match="content lacks 1 samples: s7"):
        beyond_content(scores, content["x"].iloc[:7])
    with pytest.raises(OhmicsError, match="content lacks 1 lists: own"):
        beyond_content(scores, content[["x", "flat"]])


def test_purity_is_the_sheets_else_an_estimate_that_says_so() -> None:
    random = np.random.default_rng(5)
    names = [f"s{number}" for number in range(10)]
    purity = pd.Series(np.linspace(0.2, 0.9, 10), index=names)
    level = np.log2(200 * (1 - purity.to_numpy())[:, None] * random.uniform(0.8, 1.2, (10, 12)) + 1)
    logged = pd.DataFrame(level, index=names, columns=NOT_TUMOUR_GENES)
    given, source = purity_of(pd.DataFrame({"purity": purity.astype(str)}), logged)
    assert given.tolist() == pytest.approx(purity.tolist())
    assert source == "purity is the sheet's column"
    estimate, source = purity_of(pd.DataFrame(index=names), logged)
    assert estimate.corr(purity, method="spearman") > 0.95
    assert source.startswith("purity is estimated")
    gap = purity_of(pd.DataFrame({"purity": purity.where(purity > 0.3)}), logged)[0]
    assert gap.tolist() == estimate.tolist()
    with pytest.raises(OhmicsError, match="column `purity` is outside 0 to 1 in s0, s1"):
        purity_of(pd.DataFrame({"purity": purity * 100}), logged)
    with pytest.raises(OhmicsError, match="3 of 12 genes vary"):
        purity_of(pd.DataFrame(index=names), logged.iloc[:, :3])
