import numpy as np
import pytest

import ohmics as om
from ohmics.errors import OhmicsError
from ohmics.tables import SAMPLES, check
from ohmics.toy.diseases import NAMES

SMALL = {"n_patients": 2, "n_cells": 120, "n_genes": 6000}


@pytest.mark.parametrize("name", NAMES)
def test_each_disease_gives_a_tumour_and_its_truth(name):
    cohort = om.toy.disease(name, seed=1, **SMALL)
    check(cohort.samples, SAMPLES)
    assert cohort.truth_cells.groupby("sample")["malignant"].sum().gt(10).all()
    assert set(cohort.samples["disease"]) == {NAMES[name]}
    for adata in cohort.adatas.values():
        assert adata.X.min() >= 0
        assert (adata.X.data == np.round(adata.X.data)).all()
    names = [name for adata in cohort.adatas.values() for name in adata.obs_names]
    assert cohort.truth_cells["barcode"].tolist() == names


def test_the_same_seed_gives_the_same_counts_and_another_does_not():
    first, again, other = (om.toy.disease("aml", seed=seed, **SMALL).adatas["L01"].X for seed in (1, 1, 2))
    assert abs(first - again).nnz == 0
    assert abs(first - other).nnz > 0


def test_a_clone_makes_one_light_chain_and_normal_b_cells_both():
    cohort = om.toy.disease("lymphoma", seed=1, n_patients=1, n_cells=400, n_genes=6000)
    adata, truth = cohort.adatas["L01"], cohort.truth_cells
    counts = adata[:, ["IGKC", "IGLC2"]].X.toarray()
    kappa = counts[:, 0] > counts[:, 1]
    alone = (~truth["doublet"]).to_numpy()
    assert kappa[truth["malignant"].to_numpy() & alone].mean() > 0.95
    assert 0.3 < kappa[(truth["true_type"] == "B cell").to_numpy() & alone].mean() < 0.85


def test_cohorts_without_tumour_and_with_recovery():
    cohort = om.toy.disease("b_all", seed=1, tumour="half", recovering="half", **SMALL)
    per_sample = cohort.truth_cells.groupby("sample")
    assert per_sample["malignant"].any().to_dict() == {"L01": True, "L02": False}
    recovers = per_sample["true_type"].apply(lambda types: (types == "pro/pre-B (hematogone)").any())
    assert recovers.to_dict() == {"L01": False, "L02": True}


def test_what_is_not_legal_is_named_at_once():
    with pytest.raises(OhmicsError) as caught:
        om.toy.disease("sarcoma", n_patients=0, n_cells=3, tumour="some", recovering="half")
    assert len(caught.value.faults) == 5
