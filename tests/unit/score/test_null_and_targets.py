"""Matched random lists, the rows of the reference, and depths to thin to."""

import numpy as np
import pandas as pd
import pytest

from ohmics.model import Contrast
from ohmics.score.null import Bins
from ohmics.score.reference_rows import reference_rows
from ohmics.score.targets import depth_targets
from ohmics.tables import TARGETS, check

GENES = pd.Index([f"G{g:04d}" for g in range(2000)])


def means(seed=0):
    random = np.random.default_rng(seed)
    return pd.DataFrame({"mean": random.gamma(0.5, 1, size=2000) * (random.random(2000) > 0.1), "sd": 1.0}, index=GENES)


def test_random_lists_match_size_and_mean_and_never_hold_the_lists_own_genes():
    reference = means()
    chosen = np.array([3, 50, 51, 777, 1200, 1999])
    drawn = Bins(GENES, reference).draw(chosen, 500, np.random.default_rng(0))
    assert drawn.shape == (500, 6)
    assert not np.isin(drawn, chosen).any()
    assert all(len(set(row)) == 6 for row in drawn)
    values = reference["mean"].to_numpy()
    rank = np.argsort(np.argsort(values)) / 2000
    np.testing.assert_allclose(np.sort(rank[drawn], axis=1).mean(axis=0), np.sort(rank[chosen]), atol=0.06)


def test_every_gene_of_a_bin_is_drawn_equally_often():
    reference = pd.DataFrame({"mean": np.ones(30), "sd": 1.0}, index=GENES[:30])
    bins = Bins(GENES[:30], reference.assign(mean=0.0))
    drawn = bins.draw(np.arange(5), 20_000, np.random.default_rng(1))
    counts = np.bincount(drawn.ravel(), minlength=30)
    assert (counts[:5] == 0).all()
    assert np.abs(counts[5:] / 20_000 - 5 / 25).max() < 0.015


def test_the_order_of_the_datas_genes_does_not_matter():
    reference = means()
    order = np.random.default_rng(2).permutation(2000)
    chosen = np.array([3, 50, 777])
    first = Bins(GENES, reference).draw(chosen, 20, np.random.default_rng(3))
    where = pd.Index(GENES[order]).get_indexer(GENES[chosen])
    second = Bins(GENES[order], reference).draw(where, 20, np.random.default_rng(3))
    names = GENES.to_numpy()
    np.testing.assert_array_equal(np.sort(names[first]), np.sort(names[order][second]))


def rows(kind, n, mean):
    return pd.DataFrame(
        {"cell_type": kind, "gene": ["A", "B"], "mean": mean, "sd": 1.0, "detection": 0.5, "n_cells": n}
    )


@pytest.mark.parametrize(
    ("cell_type", "descendants", "mean"),
    [
        (None, (), 9.0),
        ("T cell", ("T cell", "CD8 T"), 3.0),  # its own rows hold its descendants already
        ("lymphoid", ("CD8 T", "B cell"), (200 * 2.0 + 300 * 4.0) / 500),
        ("rare", (), 9.0),  # too few cells in the cohort
        ("absent", (), 9.0),
    ],
)
def test_the_reference_of_a_type(cell_type, descendants, mean):
    reference = pd.concat([rows("all", 1000, 9.0), rows("T cell", 400, 3.0), rows("CD8 T", 200, 2.0),
                           rows("B cell", 300, 4.0), rows("rare", 99, 5.0)])  # fmt: skip
    assert reference_rows(reference, cell_type, descendants)["mean"].tolist() == pytest.approx([mean, mean])


def test_targets_are_the_lowest_depth_of_the_patient_or_of_the_contrast():
    samples = pd.DataFrame({
        "sample": ["a1", "a2", "b1", "b2", "c1"], "patient": ["a", "a", "b", "b", "c"],
        "timepoint": ["pre", "relapse", "pre", "relapse", "pre"], "response": ["R", "R", "NR", "NR", "NR"],
    })  # fmt: skip
    depth = pd.DataFrame({
        "sample": ["a1", "a2", "b1", "b2", "c1", "a1", "a2"], "cell_type": ["T cell"] * 5 + ["B cell"] * 2,
        "n_cells": [50, 60, 70, 80, 90, 50, 5], "median_umi": [900.0, 700.0, 400.0, 600.0, 100.0, 800.0, 10.0],
    })  # fmt: skip
    paired = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient")
    groups = Contrast(variable="response", test="NR", reference="R", where={"timepoint": "pre"})
    targets = depth_targets(depth, samples, [paired, groups], min_cells=20)
    check(targets, TARGETS)
    found = {(row.contrast, row.sample, row.cell_type): row.thinned_to for row in targets.itertuples()}
    assert found["relapse_vs_pre", "a1", "T cell"] == found["relapse_vs_pre", "a2", "T cell"] == 700.0
    assert found["relapse_vs_pre", "b2", "T cell"] == 400.0
    # Too few cells set no depth and get none.
    assert found["relapse_vs_pre", "a1", "B cell"] == 800.0
    assert ("relapse_vs_pre", "a2", "B cell") not in found
    assert {found["NR_vs_R", name, "T cell"] for name in ("a1", "b1", "c1")} == {100.0}
    assert ("NR_vs_R", "a2", "T cell") not in found
