"""Depth of every sample and cell type comes in, the depth to which each is thinned goes out (TARGETS)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from ohmics.differences import contrast_sides
from ohmics.model import Contrast
from ohmics.tables import TARGETS

BULK = "bulk"


def sample_names(adata: AnnData) -> np.ndarray:
    """Return the sample of each observation: ``obs["sample"]``, else the observation's own name."""
    names = adata.obs["sample"] if "sample" in adata.obs else pd.Series(adata.obs_names, index=adata.obs_names)
    return names.astype(str).to_numpy(dtype=object)


def depth_targets(
    depth: pd.DataFrame, samples: pd.DataFrame, contrasts: Sequence[Contrast], *, min_cells: int = 20
) -> pd.DataFrame:
    """Return the depth to which each sample is thinned, per contrast and cell type.

    It is the lowest median depth among the samples of the same unit (paired contrasts) or of the whole
    contrast (unpaired ones), over samples with at least ``min_cells`` cells of the type.

    Parameters
    ----------
    depth
        ``sample``, ``cell_type``, ``n_cells`` and ``median_umi`` (UMI a cell; bulk: library size), one row a
        sample and type; types may overlap.
    samples
        SAMPLES.
    contrasts
        Contrasts of the run.
    min_cells
        Samples with fewer cells of a type are not scored, so they set no depth (bulk: not used).

    Returns
    -------
    pandas.DataFrame
        TARGETS.
    """
    enough = depth[(depth["n_cells"] >= min_cells) | (depth["cell_type"] == BULK)]
    enough = enough[enough["median_umi"] > 0]
    parts = [TARGETS.empty()]
    for contrast in contrasts:
        sides = contrast_sides(samples, contrast)
        # A sample without a unit or side takes no part; a continuous contrast has all its samples on one side.
        merged = enough.merge(sides[["sample", "unit"]].drop_duplicates(), on="sample")
        if merged.empty:
            continue
        keys = ["cell_type", "unit"] if contrast.blocks else ["cell_type"]
        merged["thinned_to"] = merged.groupby(keys)["median_umi"].transform("min")
        parts.append(merged.assign(contrast=contrast.label)[list(TARGETS.names)])
    rows = pd.concat([part for part in parts if len(part)]) if any(len(part) for part in parts) else parts[0]
    return TARGETS.conform(rows.sort_values(["contrast", "cell_type", "sample"], kind="stable"))
