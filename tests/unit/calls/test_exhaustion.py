"""Planted activation is no exhaustion, planted exhaustion is; states, coefficients and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ohmics as om
from ohmics.calls.covariates import fit_covariates
from ohmics.calls.exhaustion import AxisLists, Exhaustion, axis_lists, decompose_exhaustion
from ohmics.errors import OhmicsError
from ohmics.intake.resources import tcell_axes
from ohmics.tables import STATES, check

PATIENTS, CELLS = 4, 100


@pytest.fixture(scope="module")
def lists() -> AxisLists:
    return axis_lists(tcell_axes(), om.catalog().gene_lists)


def planted(change: dict[str, float], seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Counts and cells of patients before and after; activation and exhaustion vary between cells anyway."""
    random = np.random.default_rng(seed)
    everything = om.catalog().gene_lists
    own = {row.axis: everything[row.gene_list] for row in tcell_axes().itertuples()}
    genes = sorted({gene for of in own.values() for gene in of} | {f"BG{number}" for number in range(2000)})
    place = {gene: number for number, gene in enumerate(genes)}
    base = random.gamma(0.5, 1.0, len(genes))
    counts, rows = [], []
    for patient in range(PATIENTS):
        for when in ("pre", "post"):
            shift = change if when == "post" else {}
            log_fold = np.zeros((CELLS, len(genes)))
            level = {
                "activation": 0.6 * (random.normal(0, 1, CELLS) + shift.get("activation", 0)),
                "proliferation": 1.5 * (random.random(CELLS) < 0.1 + shift.get("proliferation", 0)),
                "terminal_exhaustion": 0.6 * (random.normal(0, 0.4, CELLS) + shift.get("exhaustion", 0)),
            }
            for axis, value in level.items():
                log_fold[:, [place[gene] for gene in own[axis]]] += value[:, None]
            mean = base * np.exp(log_fold)
            depth = np.exp(random.normal(np.log(4000), 0.4, CELLS))
            counts.append(random.poisson(mean / mean.sum(axis=1, keepdims=True) * depth[:, None]))
            rows += [(f"P{patient}{when}", f"c{cell}", f"P{patient}", when, "CD8 T") for cell in range(CELLS)]
    cells = pd.DataFrame(rows, columns=["sample", "barcode", "patient", "timepoint", "cell_type"])
    frame = pd.DataFrame(np.vstack(counts).astype(float), columns=genes)
    return frame, cells.assign(n_umi=frame.sum(axis=1))


def sheet(cells: pd.DataFrame) -> pd.DataFrame:
    return cells[["sample", "patient", "timepoint"]].drop_duplicates()


def decomposed(
    change: dict[str, float], lists: AxisLists, *, halves: bool = True, method: str = "mean_z"
) -> Exhaustion:
    counts, cells = planted(change)
    wanted = {key: genes for key, genes in lists.lists.items() if halves or "." not in key}
    scores = pd.concat([cells[["sample", "barcode"]], om.score(counts, wanted, method=method)], axis=1)
    return decompose_exhaustion(
        scores, cells, sheet(cells), axes=tcell_axes(), types={"T cell": ["CD4 T", "CD8 T"]}, pre="pre"
    )


def changes(found: Exhaustion) -> tuple[float, float]:
    """Mean change of the terminal score, raw and beyond, in sd of single cells."""
    whole = found.states[found.states["state"] == "all"].set_index("sample")
    post, pre = (whole[whole.index.str.endswith(when)] for when in ("post", "pre"))
    unit = found.cells["raw"].std()
    raw, beyond = (float(post[name].mean() - pre[name].mean()) / unit for name in ("raw", "beyond"))
    return raw, beyond


@pytest.mark.parametrize("method", ["ucell", "mean_z"])
def test_activation_without_exhaustion_does_not_raise_the_score_beyond(lists: AxisLists, method: str) -> None:
    raw, beyond = changes(decomposed({"activation": 1.0}, lists, method=method))
    assert raw > 0.2  # the terminal list shares eleven genes with activation
    assert abs(beyond) < 0.15
    assert abs(beyond) < raw / 2


@pytest.mark.parametrize("method", ["ucell", "mean_z"])
def test_exhaustion_raises_both(lists: AxisLists, method: str) -> None:
    raw, beyond = changes(decomposed({"exhaustion": 1.0}, lists, method=method))
    assert raw > 1
    assert beyond > 0.9 * raw


def test_exhaustion_is_seen_under_activation_and_nothing_without_either(lists: AxisLists) -> None:
    raw, beyond = changes(decomposed({"activation": 1.0, "exhaustion": 1.0}, lists))
    assert beyond > 1
    assert beyond < raw
    for value in changes(decomposed({}, lists)):
        assert abs(value) < 0.12


def test_noise_of_the_covariates_is_corrected_for(lists: AxisLists) -> None:
    with_halves, without = (decomposed({"activation": 1.0}, lists, halves=halves) for halves in (True, False))
    assert changes(with_halves)[1] < changes(without)[1]
    slopes = [found.coefficients.set_index("term")["coefficient"] for found in (with_halves, without)]
    assert slopes[0]["activation"] > slopes[1]["activation"]
    assert with_halves.coefficients["reliability"].between(0.2, 1).all()
    assert any("its halves are not scored" in note for note in without.notes)


def test_states_are_fractions_that_follow_what_was_planted(lists: AxisLists) -> None:
    found = decomposed({"exhaustion": 1.0}, lists)
    check(found.states, STATES)
    parts = found.states[found.states["state"] != "all"]
    assert parts.groupby("sample")["fraction"].sum().to_numpy() == pytest.approx(1.0)
    exhausted = parts[parts["state"] == "terminal_exhaustion"].set_index("sample")["fraction"]
    assert exhausted.filter(like="post").min() > 0.4
    assert exhausted.filter(like="pre").max() < 0.2
    assert set(found.states["cell_type"]) == {"T cell"}
    assert "activation=" in found.states["coefficients"][0]
    assert (found.n_cells, found.n_patients) == (PATIENTS * CELLS, PATIENTS)
    assert found.condition_number < 5
    assert (found.coefficients["vif"] < 2).all()


def test_shared_genes_leave_the_covariates_only(lists: AxisLists) -> None:
    terminal = set(lists.lists["terminal_exhaustion"])
    assert len(lists.removed["activation"]) == 11
    assert not terminal & set(lists.lists["activation"])
    assert not terminal & set(lists.lists["proliferation"])
    assert terminal & set(lists.lists["treg"])
    halves = [*lists.lists["activation.1"], *lists.lists["activation.2"]]
    assert sorted(halves) == sorted(lists.lists["activation"])


def test_every_axis_of_the_shipped_table_is_a_list_of_the_catalogue() -> None:
    axes = tcell_axes()
    assert axes["axis"].tolist() == [
        "progenitor_exhaustion", "terminal_exhaustion", "activation", "proliferation", "cytotoxicity", "memory", "treg",
        "nk_like_dysfunction",
    ]  # fmt: skip
    assert axes["source"].ne("").all()
    known = om.catalog().lists
    assert set(axes["gene_list"]) <= set(known)


def test_wrong_axes_are_refused_together() -> None:
    axes = tcell_axes().assign(role="state")
    axes.loc[0, "gene_list"] = "treg_core"
    with pytest.raises(OhmicsError) as caught:
        axis_lists(axes, om.catalog().gene_lists)
    assert [fault.what for fault in caught.value.faults] == [
        "no unsigned list `treg_core`", "there is not exactly one terminal axis",
    ]  # fmt: skip


def _small(seed: int = 1, n: int = 30) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    random = np.random.default_rng(seed)
    cells = pd.DataFrame({"sample": ["a"] * n + ["b"] * n, "barcode": [f"c{i}" for i in range(2 * n)]})
    cells = cells.assign(cell_type="CD8 T", n_umi=random.integers(1000, 9000, 2 * n))
    scores = cells[["sample", "barcode"]].copy()
    for axis in tcell_axes()["axis"]:
        scores[axis] = random.normal(size=2 * n)
    samples = pd.DataFrame({"sample": ["a", "b"], "patient": "P", "timepoint": ["pre", "post"]})
    return scores, cells, samples


def test_too_few_cells_before_treatment_give_the_raw_score_and_the_reason() -> None:
    scores, cells, samples = _small()
    found = decompose_exhaustion(scores, cells, samples, axes=tcell_axes(), types={"T cell": ["CD8 T"]}, pre="pre")
    assert found.states["raw"].notna().any()
    assert found.states["beyond"].isna().all()
    assert found.skipped[0]["reason"].startswith("30 T cells before treatment in patients with at least 20 of them; 50")
    assert any("all T cells given set the zero" in note for note in found.notes)


def test_small_samples_are_skipped_and_wrong_inputs_named() -> None:
    scores, cells, samples = _small()
    one = {"axes": tcell_axes(), "types": {"T cell": ["CD8 T"]}}
    found = decompose_exhaustion(scores, cells, samples, pre="pre", min_cells=31, **one)
    assert found.states.empty
    assert [row["subject"] for row in found.skipped[1:]] == ["a", "b"]
    with pytest.raises(OhmicsError, match=r"pre: no sample has timepoint baseline; legal: post, pre"):
        decompose_exhaustion(scores, cells, samples, pre="baseline", **one)
    with pytest.raises(OhmicsError, match="column `activation` is missing"):
        decompose_exhaustion(scores.drop(columns="activation"), cells, samples, pre="pre", **one)
    with pytest.raises(OhmicsError, match="a / c0 stands twice"):
        decompose_exhaustion(scores, pd.concat([cells, cells.head(1)]), samples, pre="pre", **one)
    with pytest.raises(OhmicsError, match="1 samples of the cells are absent: b"):
        decompose_exhaustion(scores, cells, samples.head(1), pre="pre", **one)
    with pytest.raises(OhmicsError, match="no scored cell is of type NK"):
        decompose_exhaustion(scores, cells, samples, pre="pre", axes=tcell_axes(), types={"NK": ["NK"]})


def test_slopes_are_those_of_least_squares_with_group_intercepts() -> None:
    random = np.random.default_rng(2)
    groups = np.repeat(["a", "b", "c"], 50)
    x = random.normal(size=(150, 2)) + np.repeat([[0, 0], [5, 1], [-3, 2]], 50, axis=0)
    y = x @ [2.0, -1.0] + np.repeat([10, 0, 4], 50) + random.normal(size=150)
    design = np.column_stack([x, *(groups == name for name in "abc")])
    expected = np.linalg.lstsq(design, y, rcond=None)[0][:2]
    found = fit_covariates(y, x, groups=groups)
    assert found.coefficients == pytest.approx(expected)
    inside = x - np.repeat([x[groups == name].mean(axis=0) for name in "abc"], 50, axis=0)
    r2 = np.corrcoef(inside.T)[0, 1] ** 2
    assert found.vif == pytest.approx([1 / (1 - r2)] * 2)


def test_measurement_noise_flattens_slopes_and_halves_restore_them() -> None:
    random = np.random.default_rng(3)
    true = random.normal(size=4000)
    first, second = (true + random.normal(size=4000) for _ in range(2))
    y, groups = 2 * true + random.normal(size=4000), np.repeat(["a", "b"], 2000)
    measured = ((first + second) / 2)[:, None]
    flat = fit_covariates(y, measured, groups=groups)
    right = fit_covariates(y, measured, groups=groups, halves={0: (first, second)})
    # var(true) / var(mean of two) = 1 / 1.5
    assert flat.coefficients[0] == pytest.approx(2 / 1.5, abs=0.08)
    assert right.coefficients[0] == pytest.approx(2.0, abs=0.1)
    assert right.reliability[0] == pytest.approx(1 / 1.5, abs=0.04)


def test_collinear_covariates_are_named() -> None:
    random = np.random.default_rng(4)
    x = random.normal(size=300)
    both = np.column_stack([x, x + random.normal(scale=1e-3, size=300), np.ones(300)])
    found = fit_covariates(x, both, groups=np.repeat("a", 300))
    assert found.condition_number > 30
    assert any("collinear" in note for note in found.notes)
    assert found.coefficients[2] == 0  # it does not vary
