"""Cells of a clone that share clusters with normal B cells, told by how much light chain they make."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.calls.light_chains import light_chains
from ohmics.calls.malignant_cells import cell_calls, clone_level
from ohmics.calls.malignant_counts import SampleCounts
from ohmics.calls.malignant_lines import Line
from ohmics.calls.malignant_rules import MalignantRules
from ohmics.calls.malignant_words import ClusterCall
from ohmics.calls.populations import Population

RULES = MalignantRules()
CLONE, STRAY, NORMAL, NAIVE = 120, 30, 5, 40


def sample(mixed):
    """A clone of kappa in u0; in u1 cells of it, normal ones as bright, and dim ones of both chains; T cells in u2."""
    kappa = np.r_[np.full(CLONE, 90.0), np.full(STRAY, 90.0), np.zeros(NORMAL), np.full(NAIVE, 12.0), np.zeros(NAIVE)]
    lambda_ = np.r_[np.zeros(CLONE + STRAY), np.full(NORMAL, 90.0), np.zeros(NAIVE), np.full(NAIVE, 12.0)]
    kappa = kappa + np.random.default_rng(0).integers(-8, 9, len(kappa)) * (kappa > 50)
    b_cells, others = len(kappa), 60
    kappa, lambda_ = np.r_[kappa, np.zeros(others)], np.r_[lambda_, np.zeros(others)]
    counts = sp.csr_matrix(np.column_stack([kappa, lambda_, np.full(len(kappa), 1000.0)]))
    whole = Population(counts, pd.Index(["IGKC", "IGLC2", "ACTB"]), np.ones(3, dtype=bool))
    outside = np.arange(len(kappa)) >= b_cells
    clusters = np.where(outside, "u2", np.where(np.arange(len(kappa)) < CLONE, "u0", "u1"))
    cells = pd.DataFrame({"barcode": [f"c{i}" for i in range(len(kappa))], "cluster": clusters})
    cells["cell_type"] = np.where(outside, "CD4 T", "B cell")
    cells["kind"] = np.where(outside, "incompatible", "home")
    cells["own_neighbours"] = np.nan
    names = ("u0", "u1", "u2")
    n_cells = np.array([float((clusters == name).sum()) for name in names])
    nothing = np.zeros(3)
    counted = SampleCounts(
        sample="s", patient="p", cells=cells, clusters=names, n_cells=n_cells, umi=1000.0 * n_cells, genes=(),
        panel=np.zeros((3, 0)), soup=np.zeros(0), cycling=nothing, early=nothing, late=nothing,
        light=light_chains(whole, outside),
    )  # fmt: skip
    told = {"u0": (6.0, "malignant"), "u1": mixed, "u2": (-6.0, "normal")}
    calls = {}
    for number, (name, (value, call)) in enumerate(told.items()):
        line = Line("light chain", np.sign(value) * 3.0, 0.0, 0.0, "")
        calls[name] = ClusterCall("s", name, int(n_cells[number]), (line,), value, value, value, call, "")
    return counted, calls


def malignant(frame):
    return frame["malignant"].astype("boolean").fillna(False).to_numpy(dtype=bool)


def parts(frame):
    ends = np.cumsum([CLONE, STRAY, NORMAL, NAIVE, NAIVE])
    names = ("clone", "stray", "normal", "dim", "dim other", "T")
    return dict(zip(names, np.split(malignant(frame), ends), strict=True))


@pytest.mark.parametrize("mixed", [(0.0, "undetermined"), (-3.0, "normal")])
def test_cells_of_the_clone_among_normal_ones_are_found_by_their_level(mixed):
    found = parts(cell_calls(*sample(mixed), RULES))
    assert found["clone"].all()
    assert found["stray"].mean() >= 0.8
    for name in ("normal", "dim", "dim other", "T"):
        assert not found[name].any(), name


def test_without_a_clone_a_cluster_of_both_chains_says_nothing_of_its_cells():
    counts, calls = sample((-3.0, "undetermined"))
    calls["u0"] = calls["u0"].__class__("s", "u0", CLONE, (), -6.0, -6.0, -6.0, "normal", "")
    frame = cell_calls(counts, calls, RULES)
    assert not malignant(frame).any()


def test_the_level_is_below_nearly_all_cells_of_the_clone():
    counts, _ = sample((0.0, "undetermined"))
    level = clone_level(counts, [counts.rows("u0")], RULES)
    assert 0.08 < level < 0.09
    assert clone_level(counts, [], RULES) == 0.0
