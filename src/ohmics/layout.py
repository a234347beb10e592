"""The weighted neighbour graph of cells comes in, their coordinates in two dimensions go out."""

from __future__ import annotations

import warnings

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray


def umap_layout(graph: AnnData, *, seed: int) -> NDArray[np.float32]:
    """Return cells × 2 by UMAP (McInnes 2018, arXiv:1802.03426), from the graph where scanpy looks for it."""
    import scanpy as sc

    with warnings.catch_warnings():
        # Both speak of where the layout of a graph in several pieces starts, which is no fault. scikit-learn (1.9 and
        # before) says so where umap-learn places the pieces; umap-learn (0.5.12 and before) where eigenvectors do not
        # converge and its seeded random start is taken. No version mends them.
        warnings.filterwarnings(
            "ignore",
            message="Graph is not fully connected, spectral embedding",
            category=UserWarning,
            module=r"sklearn\.manifold\._spectral_embedding",
        )
        warnings.filterwarnings(
            "ignore", message="Spectral initialisation failed", category=UserWarning, module=r"umap\.spectral"
        )
        sc.tl.umap(graph, random_state=seed)
    return np.asarray(graph.obsm["X_umap"], dtype=np.float32)
