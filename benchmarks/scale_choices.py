"""A finished run comes in; how far what `embed` approximates agrees with the exact way goes out, as JSON.

Agreement of clusters is the adjusted Rand index, that of neighbours the share of each cell's exact neighbours that were
found. Costs are processor seconds of this process.

python benchmarks/scale_choices.py FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anndata as ad
import numpy as np
import scanpy as sc
import scipy.sparse as sp
from sklearn.metrics import adjusted_rand_score

from ohmics.embed import embedding
from ohmics.fuzzy_graph import fuzzy_graph
from ohmics.leiden import leiden

NEIGHBOURS = 15
Value = TypeVar("Value")


def timed(task: Callable[[], Value]) -> tuple[Value, float]:
    """Return the answer and the processor seconds it took."""
    start = time.process_time()
    return task(), time.process_time() - start


def approximate(components: np.ndarray) -> sp.csr_matrix:
    """Return the graph of neighbours that pynndescent finds."""
    adata = ad.AnnData(sp.csr_matrix((len(components), 1), dtype=np.float32), obsm={"components": components})
    sc.pp.neighbors(adata, n_neighbors=NEIGHBOURS, use_rep="components", random_state=0)
    return sp.csr_matrix(adata.obsp["connectivities"])


def by_scanpy(graph: sp.csr_matrix) -> np.ndarray:
    """Return the clusters of scanpy's Leiden."""
    adata = ad.AnnData(sp.csr_matrix((graph.shape[0], 1), dtype=np.float32))
    sc.tl.leiden(adata, adjacency=graph, flavor="igraph", n_iterations=2, directed=False, random_state=0)
    return adata.obs["leiden"].astype(int).to_numpy()


def in_memory(parts: list[ad.AnnData]) -> np.ndarray:
    """Return the clusters of scanpy on all cells at once, without correction."""
    whole = ad.concat(parts, join="inner")
    sc.pp.normalize_total(whole, target_sum=1e4)
    sc.pp.log1p(whole)
    sc.pp.highly_variable_genes(whole, n_top_genes=2000, batch_key="sample")
    sc.pp.pca(whole, n_comps=30, mask_var="highly_variable", random_state=0)
    sc.pp.neighbors(whole, n_neighbors=NEIGHBOURS, random_state=0)
    sc.tl.leiden(whole, flavor="igraph", n_iterations=2, directed=False, random_state=0)
    return whole.obs["leiden"].astype(int).to_numpy()


def found(exact: sp.csr_matrix, other: sp.csr_matrix) -> float:
    """Return the share of the exact graph's neighbours that the other graph has too."""
    return float((exact > 0).multiply(other > 0).nnz / exact.nnz)


def compare(folder: Path) -> list[dict[str, Any]]:
    """Return one row a choice."""
    paths = sorted((folder / "results" / "samples").glob("*/counts.h5ad"))
    sources = [partial(ad.read_h5ad, path) for path in paths]
    streamed, cost = timed(lambda: embedding(sources, harmony=False, umap=False))
    exact, exact_cost = timed(lambda: fuzzy_graph(streamed.components, n_neighbors=NEIGHBOURS))
    near, near_cost = timed(lambda: approximate(streamed.components))
    clusters, clusters_cost = timed(lambda: leiden(exact, resolution=1.0, seed=0))
    theirs, theirs_cost = timed(lambda: by_scanpy(exact))
    whole, whole_cost = timed(lambda: in_memory([source() for source in sources]))
    of_near = leiden(near, resolution=1.0, seed=0)
    # Two runs of one method that differ in the seed alone: what no choice can be better than.
    other_seed = leiden(exact, resolution=1.0, seed=1)

    def row(stage: str, agreement: str, seconds: float, other: float) -> dict[str, Any]:
        return {"stage": stage, "agreement": agreement, "seconds": round(seconds, 1), "peak_gib": None,
                "processor_seconds": round(seconds, 1), "exact_processor_seconds": round(other, 1)}  # fmt: skip

    def rand(one: np.ndarray, two: np.ndarray) -> str:
        return f"ARI {adjusted_rand_score(one, two):.3f}"

    return [
        row("one cohort, another seed of Leiden", rand(clusters, other_seed), clusters_cost, clusters_cost),
        row("approximate neighbours", f"{found(exact, near):.3f} of neighbours, {rand(clusters, of_near)}",
            near_cost, exact_cost),
        row("Leiden with each edge once", rand(clusters, theirs), clusters_cost, theirs_cost),
        row("one sample at a time, against all in memory", rand(streamed.cells["cluster"], whole), cost, whole_cost),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write(json.dumps(compare(Path(sys.argv[1]))))
