from __future__ import annotations

from pathlib import Path

import pytest

from ohmics import toy
from ohmics.catalog import Catalog, catalog
from ohmics.toy import Cohort


@pytest.fixture(scope="session")
def toy_catalog() -> Catalog:
    return catalog()


@pytest.fixture(scope="session")
def five(toy_catalog: Catalog) -> Cohort:
    """Five patients: the first five plans all differ."""
    return toy.single_cell(n_patients=5, n_cells=600, n_genes=6000, seed=3, catalog=toy_catalog)


@pytest.fixture(scope="session")
def full(toy_catalog: Catalog) -> Cohort:
    """Few cells with every gene: the levels are those of the default cohort."""
    return toy.single_cell(n_patients=3, n_cells=300, seed=3, catalog=toy_catalog)


@pytest.fixture(scope="session")
def tumours(toy_catalog: Catalog) -> Cohort:
    return toy.bulk(n_patients=8, n_genes=6000, seed=3, catalog=toy_catalog)


@pytest.fixture(scope="session")
def tiny(toy_catalog: Catalog) -> Cohort:
    return toy.single_cell(n_patients=2, n_cells=80, n_genes=3000, seed=5, catalog=toy_catalog)


@pytest.fixture(scope="session")
def tiny_folder(tiny: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.write(tiny, tmp_path_factory.mktemp("toy")).parent
