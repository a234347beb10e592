"""The contract of comparable scores: an induced list is found one sample at a time, a depth difference is not."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from ohmics.compare import compare
from ohmics.model import Contrast
from ohmics.reference import combine, gene_stats
from ohmics.score import score_samples
from ohmics.score.methods import METHODS
from ohmics.score.targets import depth_targets
from ohmics.tables import SCORES

GENES = [f"G{g:04d}" for g in range(1500)]
PAIRED = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient")
N_PAIRS, N_CELLS = 8, 60


def cohort(*, fold, seed=0):
    """Simulate pairs whose relapse samples have a quarter of the depth and, by ``fold``, more of the planted list."""
    random = np.random.default_rng(seed)
    rates = random.gamma(0.4, 1, size=1500)
    names = [GENES[g] for g in random.permutation(np.flatnonzero(rates > np.quantile(rates, 0.4)))]
    lists = {"planted": names[:25], **{f"idle{i}": names[25 + 20 * i : 45 + 20 * i] for i in range(40)}}
    planted = np.isin(GENES, lists["planted"])
    adatas, rows = {}, []
    for patient in range(N_PAIRS):
        own = rates * random.lognormal(0, 0.3, size=1500)
        for timepoint, depth, more in (("pre", 2400, 1.0), ("relapse", 600, fold)):
            level = own * np.where(planted, more, 1.0) * random.lognormal(0, 0.1, size=1500)
            # Genes of a programme move together within a cell, as they do in tissue.
            programme = random.lognormal(0, 0.4, size=(N_CELLS, 30))[:, np.arange(1500) % 30]
            share = level * programme
            share /= share.sum(axis=1, keepdims=True)
            counts = random.poisson(share * depth * random.lognormal(0, 0.3, size=(N_CELLS, 1)))
            name = f"p{patient}_{timepoint}"
            obs = pd.DataFrame({"sample": name, "cell_type": "T cell"}, index=[f"c{i}" for i in range(N_CELLS)])
            adatas[name] = AnnData(sparse.csr_matrix(counts.astype(np.float32)), obs=obs, var=pd.DataFrame(index=GENES))
            rows.append({"sample": name, "patient": f"p{patient}", "timepoint": timepoint})
    return adatas, pd.DataFrame(rows), lists


def effects_of(adatas, samples, lists):
    """Run the stages as the workflow does: one job a sample, and only tables between them."""
    reference = combine(gene_stats(adata, adata.obs["cell_type"]) for adata in adatas.values())
    medians = [
        {
            "sample": name,
            "cell_type": "T cell",
            "n_cells": adata.n_obs,
            "median_umi": np.median(np.asarray(adata.X.sum(axis=1))),
        }
        for name, adata in adatas.items()
    ]
    targets = depth_targets(pd.DataFrame(medians), samples, [PAIRED])
    alone = [name for name, method in METHODS.items() if not method.needs_cohort]
    scores = []
    for name, adata in adatas.items():
        mine = targets[targets["sample"] == name]
        part = score_samples(adata, lists, targets=mine, reference=reference, methods=alone, n_null=0)
        part.attrs = {}
        scores.append(part)
    # Methods that compare samples with each other get all of them at once.
    together = [name for name in METHODS if name not in alone]
    both = score_samples(list(adatas.values()), lists, targets=targets, methods=together, n_null=0)
    both.attrs = {}
    scores.append(both)
    effects = compare(SCORES.conform(pd.concat(scores)), samples, PAIRED)
    return effects[effects["level"] == "cohort"].set_index(["method", "depth", "gene_list"]).sort_index()


@pytest.fixture(scope="module")
def induced():
    return effects_of(*cohort(fold=1.5))


@pytest.fixture(scope="module")
def unchanged():
    return effects_of(*cohort(fold=1.0, seed=1))


@pytest.mark.parametrize("method", METHODS)
def test_a_list_induced_by_half_is_found_when_samples_are_scored_one_by_one(induced, method):
    planted = induced.loc[(method, "thinned", "planted")]
    assert planted["effect"] > 0
    assert planted["n_positive"] == N_PAIRS
    assert planted["q"] < 0.05


@pytest.mark.parametrize("method", METHODS)
def test_a_depth_difference_without_biology_is_not_found_after_thinning(unchanged, method):
    thinned, raw = unchanged.loc[(method, "thinned")], unchanged.loc[(method, "raw")]
    assert (thinned["q"] >= 0.05).all()
    # 41 lists at 5 %: more than 7 below 0.05 has probability 0.1 %.
    assert (thinned["p"] < 0.05).sum() <= 7
    # Without thinning the same data call most lists changed by these methods: the test can fail.
    if method in ("ucell", "mean_z", "ulm"):
        assert (raw["p"] < 0.05).mean() > 0.5
