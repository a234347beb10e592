"""A toy cohort with its truth as annotation, shared by the tests of the cohort calls."""

import pytest

from ohmics.catalog import catalog
from ohmics.tables import PAIRS
from ohmics.toy import single_cell


@pytest.fixture(scope="session")
def known():
    return catalog()


@pytest.fixture(scope="session")
def cohort(known):
    """CD19 lost in P01, in 60 % of cells in P02, kept in P03; P04 switches lineage; P05 loses presentation."""
    made = single_cell(n_patients=5, n_cells=500, n_genes=6000, seed=3, catalog=known)
    truth = made.truth_cells.set_index(["sample", "barcode"])
    for sample, adata in made.adatas.items():
        mine = truth.loc[sample].loc[adata.obs_names]
        adata.obs["malignant"] = mine["malignant"].to_numpy()
        adata.obs["cell_type"] = mine["true_type"].to_numpy()
    return made


@pytest.fixture(scope="session")
def pairs(cohort):
    return PAIRS.conform(
        [
            {
                "contrast": contrast,
                "subject": patient,
                "block": patient,
                "test_samples": f"{patient}_relapse",
                "reference_samples": f"{patient}_pre",
                "complete": True,
            }
            for contrast in ("one", "two")
            for patient in cohort.samples["patient"].unique()
        ]
    )
