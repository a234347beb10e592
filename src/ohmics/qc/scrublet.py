"""Raw counts of one sample's cells come in; each cell's doublet score and the threshold of a call go out.

The steps and the numbers are those of ``scanpy.pp.scrublet``, which makes the scaled counts of all cells and simulated
doublets dense, several times: 4.4 GiB for 12,500 cells. Here they stay sparse up to the components.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray

Array = NDArray[np.float64]

SIMULATED_PER_CELL = 2.0
DEPTH = 1e6
LEAST_COMPONENTS = 2


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """Scores of the cells (in their order, missing for a cell with next to no genes) and of simulated doublets.

    ``threshold`` is missing where the scores of simulated doublets have no second mode.
    """

    scores: pd.Series
    simulated: Array
    threshold: float | None


def scrublet(adata: AnnData, *, expected: float, n_components: int, seed: int) -> Scrubbed | None:
    """Score cells by the simulated doublets among their neighbours (Wolock 2019, doi:10.1016/j.cels.2018.11.005).

    Parameters
    ----------
    adata
        Cells × genes of one sample, raw counts in ``X`` (CSR, float32); changed.
    expected
        Expected share of doublets.
    n_components
        Principal components; fewer where fewer genes vary.
    seed
        Seed of the pairs that are drawn.

    Returns
    -------
    None where next to no gene varies.
    """
    names = adata.obs_names
    cells, simulated = _prepared(adata, seed)
    if min(cells.shape) <= LEAST_COMPONENTS:
        return None
    n_components = min(n_components, min(cells.shape) - 1)
    manifold = _components(cells, simulated, n_components=n_components, seed=seed)
    scores = _scores(manifold, n_cells=cells.shape[0], expected=expected)
    found = pd.Series(scores[: cells.shape[0]], index=adata.obs_names).reindex(names)
    return Scrubbed(found, scores[cells.shape[0] :], _threshold(scores[cells.shape[0] :]))


def _prepared(adata: AnnData, seed: int) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Return cells and simulated doublets × variable genes, scaled to one depth."""
    import scanpy as sc

    sc.pp.filter_genes(adata, min_cells=3)
    sc.pp.filter_cells(adata, min_genes=3)
    adata.layers["raw"] = adata.X.copy()
    sc.pp.normalize_total(adata)
    logged = AnnData(X=adata.X.copy(), var=pd.DataFrame(index=adata.var_names))
    sc.pp.log1p(logged)
    variable = sc.pp.highly_variable_genes(logged, inplace=False)["highly_variable"].to_numpy(dtype=bool)
    del logged
    chosen = adata[:, variable].copy()
    doublets = sc.pp.scrublet_simulate_doublets(
        chosen, layer="raw", sim_doublet_ratio=SIMULATED_PER_CELL, random_seed=seed
    )
    with warnings.catch_warnings():
        # Of thin cells no variable gene may be found, which is no fault; scanpy (1.12.4 and before) says so through
        # the wrapper of its functions. No version mends it.
        warnings.filterwarnings(
            "ignore", message="Some cells have zero counts", category=UserWarning, module="legacy_api_wrap"
        )
        sc.pp.normalize_total(chosen, target_sum=DEPTH)
        sc.pp.normalize_total(doublets, target_sum=DEPTH)
    return sp.csr_matrix(chosen.X), sp.csr_matrix(doublets.X)


def _components(cells: sp.csr_matrix, simulated: sp.csr_matrix, *, n_components: int, seed: int) -> Array:
    """Return cells and, below them, simulated doublets × components of the cells' z-scores; both are changed."""
    from sklearn.decomposition import PCA

    wide = cells.astype(np.float64)
    mean = np.asarray(wide.mean(axis=0)).ravel()
    squares = np.asarray(wide.multiply(wide).mean(axis=0)).ravel()
    n_cells = cells.shape[0]
    sd = np.sqrt((squares - mean**2) * (n_cells / (n_cells - 1)))
    scale = np.divide(1.0, sd, out=np.zeros_like(sd), where=sd > 0)
    wide.data *= scale[wide.indices]
    # Means are taken away inside: the z-scores themselves would be dense.
    fit = PCA(n_components=n_components, random_state=seed, svd_solver="arpack").fit(wide)
    of_cells = fit.transform(wide)
    del wide
    other = simulated.astype(np.float64)
    other.data *= scale[other.indices]
    return np.ascontiguousarray(np.vstack((of_cells, fit.transform(other))))


def _scores(manifold: Array, *, n_cells: int, expected: float) -> Array:
    """Return the likelihood that each point is a doublet, from the simulated ones among its neighbours."""
    from sklearn.neighbors import NearestNeighbors

    n_simulated = len(manifold) - n_cells
    ratio = n_simulated / n_cells
    n_neighbours = round(round(0.5 * np.sqrt(n_cells)) * (1 + ratio))
    search = NearestNeighbors(n_neighbors=n_neighbours, algorithm="brute").fit(manifold)
    indices = search.kneighbors(manifold, return_distance=False)
    # The first is the point itself.
    share = ((indices[:, 1:] >= n_cells).sum(axis=1) + 1.0) / (n_neighbours + 2.0)
    return np.asarray(
        share * expected / ratio / (1 - expected - share * (1 - expected - expected / ratio)), dtype=np.float64
    )


def _threshold(simulated: Array) -> float | None:
    from skimage.filters import threshold_minimum

    try:
        return float(threshold_minimum(simulated))  # type: ignore[no-untyped-call]  # scikit-image has no types
    except RuntimeError:  # one mode only
        return None
