"""Annotated cells of one sample and an antigen come in; which cells cannot express it goes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from ohmics.catalog import Catalog


FAMILIES = ("T cell", "NK", "myeloid")
"""Normal cells that tell the ambient rate of an antigen they do not express; B cells are too near most tumours."""
ALSO_EXPRESSED: Mapping[str, tuple[str, ...]] = {
    "T cell": (
        "CD2", "CD5", "CD6", "CD7", "CD24", "CD27", "CD37", "CD38", "CD40LG", "CD70", "CD74", "CD276", "CD274", "IL2RA",
        "SLAMF7", "TNFRSF8", "TNFRSF13B", "TRAC", "TRBC1", "TRBC2", "B2M", "HLA-A", "HLA-B", "HLA-C", "NLRC5", "TAP1",
        "TAP2", "TAPBP", "JAK1", "JAK2", "STAT1", "IFNGR1", "IFNGR2", "MUC1",
    ),
    "NK": (
        "CD2", "CD7", "CD37", "CD38", "CD70", "CD74", "SLAMF7", "NCAM1", "KIT", "B2M", "HLA-A", "HLA-B", "HLA-C",
        "NLRC5", "TAP1", "TAP2", "TAPBP", "JAK1", "JAK2", "STAT1", "IFNGR1", "IFNGR2",
    ),
    "myeloid": (
        "CD4", "CD24", "CD33", "CD37", "CD38", "CD70", "CD74", "CD274", "CD276", "CLEC12A", "FLT3", "IL3RA", "KIT",
        "LILRB4", "SLAMF7", "SDC1", "TNFRSF8", "TNFRSF17", "TNFRSF13B", "FCRL5", "B2M", "HLA-A", "HLA-B", "HLA-C",
        "NLRC5", "TAP1", "TAP2", "TAPBP", "JAK1", "JAK2", "STAT1", "IFNGR1", "IFNGR2", "MUC1", "EGFR", "AXL",
    ),
}  # fmt: skip
"""Antigens that some normal cells of a family express although no marker list of the catalogue names them there
(the column normal_expression of antigens.tsv; for TNFRSF17 plasmacytoid dendritic cells)."""


def background_types(genes: Iterable[str], catalog: Catalog) -> frozenset[str]:
    """Return the cell types of `FAMILIES` that express none of the genes, as far as catalogue and `FAMILIES` know.

    Parameters
    ----------
    genes
        Genes of the antigen.
    catalog
        Its cell types; a type whose positive markers hold one of the genes takes its whole family with it.
    """
    wanted = set(genes)
    found: set[str] = set()
    for family in FAMILIES:
        if family not in catalog.cell_types or wanted & set(ALSO_EXPRESSED[family]):
            continue
        types = catalog.descendants(family)
        markers = {gene for name in types if name in catalog.markers for gene in catalog.markers[name].positive}
        if not wanted & markers:
            found |= types
    return frozenset(found)


def malignant_mask(obs: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return which cells are malignant; a missing value is none."""
    if "malignant" not in obs:
        return np.zeros(len(obs), dtype=bool)
    return np.asarray(obs["malignant"].astype("boolean").fillna(False), dtype=bool)


def background_mask(obs: pd.DataFrame, types: Iterable[str]) -> npt.NDArray[np.bool_]:
    """Return which cells are of the given types and known not to be malignant."""
    if "cell_type" not in obs or "malignant" not in obs:
        return np.zeros(len(obs), dtype=bool)
    normal = obs["malignant"].astype("boolean").eq(False).fillna(False)
    return np.asarray(obs["cell_type"].astype(object).isin(set(types)) & normal, dtype=bool)
