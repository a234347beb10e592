from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ohmics import tables, toy
from ohmics.catalog import Catalog
from ohmics.errors import OhmicsError
from ohmics.toy import Cohort
from ohmics.toy.bulk_cohort import PLANTED, UNCHANGED, Planted, carries
from ohmics.toy.genes import recommended


def changes(cohort: Cohort, genes: tuple[str, ...]) -> pd.Series:
    """Mean log2 fold change of the genes, relapse over before, one value a patient with both samples."""
    counts = cohort.counts.to_df()
    cpm = np.log2(counts.div(counts.sum(axis=1), axis=0) * 1e6 + 1)
    level = cpm[[gene for gene in genes if gene in cpm]].mean(axis=1)
    names = [name[: -len("_relapse")] for name in level.index if name.endswith("_relapse")]
    paired = [name for name in names if f"{name}_pre" in level.index]
    return pd.Series({name: level[f"{name}_relapse"] - level[f"{name}_pre"] for name in paired})


def test_shapes_and_sheet(tumours: Cohort) -> None:
    tables.check(tumours.samples, tables.SAMPLES)
    assert len(tumours.samples) == 2 * 8 + 2
    per_patient = tumours.samples.groupby("patient")["timepoint"].agg(tuple)
    assert (per_patient.map(len) == 1).sum() == 2
    assert set(per_patient[per_patient.map(len) == 1]) == {("pre",), ("relapse",)}
    counts = tumours.counts
    assert counts.shape == (18, 6000)
    assert list(counts.obs_names) == list(tumours.samples["sample"])
    sizes = np.asarray(counts.X.sum(axis=1)).ravel()
    assert sizes.min() > 3.5e6
    assert sizes.max() < 22e6
    assert np.all(counts.X.data == np.round(counts.X.data))


@pytest.mark.parametrize("change", PLANTED, ids=lambda change: change.mechanism)
def test_planted_changes_are_in_the_patients_that_carry_them(
    tumours: Cohort, toy_catalog: Catalog, change: Planted
) -> None:
    found = changes(tumours, recommended(toy_catalog, change.mechanism, change.direction))
    carried = np.asarray([carries(position) for position in range(8)])
    sign = np.sign(np.log(change.fold))
    assert sign * found[carried].mean() > 0.4
    assert abs(found[~carried].mean()) < 0.5 * abs(found[carried].mean())
    said = tumours.truth[(tumours.truth["mechanism"] == change.mechanism) & (tumours.truth["level"] == "patient")]
    assert list(said["change"]) == list(carried)


def test_mechanisms_left_alone_share_hardly_a_gene_with_the_planted_ones(toy_catalog: Catalog) -> None:
    planted = {gene for change in PLANTED for gene in recommended(toy_catalog, change.mechanism, change.direction)}
    for name in UNCHANGED:
        mechanism = toy_catalog.mechanisms[name]
        recommended_names = {mechanism.recommended_up, mechanism.recommended_down}
        genes = {gene for entry in mechanism.gene_lists if entry.name in recommended_names for gene in entry.genes}
        assert len(genes & planted) <= 1


def test_genes_of_one_cell_type_move_together(tumours: Cohort) -> None:
    counts = tumours.counts.to_df()
    log = np.log2(counts.div(counts.sum(axis=1), axis=0) * 1e6 + 1)
    assert log["COL1A1"].corr(log["COL3A1"]) > 0.4


def test_same_seed_same_counts_whatever_the_size_of_the_cohort(toy_catalog: Catalog) -> None:
    few = toy.bulk(n_patients=2, n_genes=3000, seed=9, catalog=toy_catalog)
    more = toy.bulk(n_patients=4, n_genes=3000, seed=9, catalog=toy_catalog)
    other = toy.bulk(n_patients=2, n_genes=3000, seed=8, catalog=toy_catalog)
    for sample in ("M01_pre", "M02_relapse"):
        assert np.array_equal(few.adatas[sample].X.toarray(), more.adatas[sample].X.toarray())
        assert not np.array_equal(few.adatas[sample].X.toarray(), other.adatas[sample].X.toarray())


def test_unchanged_plants_nothing(toy_catalog: Catalog) -> None:
    null = toy.bulk(n_patients=6, n_genes=3000, seed=4, unchanged=True, depth_ratio=0.25, catalog=toy_catalog)
    assert not null.truth["change"].any()
    found = changes(null, recommended(toy_catalog, "tgfb_fibroblast", "up"))
    assert abs(found.mean()) < 0.3


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(OhmicsError) as caught:
        toy.bulk(n_patients=0, depth_ratio=0)
    assert len(caught.value.faults) == 2
