"""Kept cells of all samples come in, one at a time; their clusters, UMAP coordinates and components go out.

Cells are clustered twice: after Harmony, which brings the samples together, and before it (``cluster_uncorrected``),
because what is private to one patient, as a tumour is, is what a correction removes.

Sparse up to the principal components and never scaled: the result is the same to the bit on 1 or 2 threads.
Only the variable genes of all cells are held in memory.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ohmics.errors import Fault, Faults, OhmicsError
from ohmics.fuzzy_graph import fuzzy_graph
from ohmics.layout import umap_layout
from ohmics.leiden import leiden
from ohmics.qc.features import mitochondrial, receptor_segments, ribosomal, transgenes
from ohmics.reference import log_normalise

Source: TypeAlias = AnnData | Callable[[], AnnData]
"""An AnnData, or a function without parameters that reads one (so that one sample is in memory at a time)."""

EXACT_NEIGHBOURS_BELOW = 100_000
"""Below this many cells neighbours are exact: the approximate index costs a minute of compilation first."""
UMAP_UP_TO = 200_000
"""With ``umap="auto"`` more cells than this are not laid out: that would take longer than all else together."""
FEW_CELLS = 50
"""Samples below this many cells do not vote for variable genes unless all samples are that small."""
LEAST_FOR_UMAP = 4
"""umap-learn needs more cells than the three eigenvectors it starts from."""
HVG_COLUMNS = ("means", "dispersions", "dispersions_norm", "highly_variable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """What `embedding` computed.

    Parameters
    ----------
    cells
        One row a cell: sample, barcode, cluster (``"0"`` is the largest), umap_1, umap_2 (empty without UMAP),
        cluster_uncorrected (``"u0"`` is the largest) and own_neighbours, from the components before Harmony.
    components
        Cells × components, batch-corrected when Harmony ran, in the order of ``cells``.
    genes
        The variable genes the components rest on.
    parameters
        What was done, JSON-able.
    """

    cells: pd.DataFrame
    components: NDArray[np.float32]
    genes: tuple[str, ...]
    parameters: dict[str, Any]


def embed(
    adatas: Iterable[Source],
    *,
    n_top_genes: int = 2000,
    n_pcs: int = 30,
    n_neighbors: int = 15,
    resolution: float = 1.0,
    harmony: bool = True,
    umap: bool | Literal["auto"] = True,
    seed: int = 0,
    patients: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Cluster the cells of one or several samples and lay them out in two dimensions.

    Parameters
    ----------
    adatas
        One AnnData (cells × genes, raw counts in ``X``, ``obs["sample"]``) a sample, or functions that read
        one; functions are called twice, so that only one sample is in memory at a time. A single AnnData is one
        sample.
    n_top_genes, n_pcs, n_neighbors, resolution
        Variable genes, principal components, neighbours of a cell, resolution of Leiden.
    harmony
        Correct the components for the sample when there are several (Korsunsky 2019,
        doi:10.1038/s41592-019-0619-0).
    umap
        Compute coordinates (``"auto"``: of at most `UMAP_UP_TO` cells); otherwise, and with three cells, ``umap_1``
        and ``umap_2`` are missing.
    seed
        Seed of Harmony, Leiden and UMAP.
    patients
        Sample to patient, for ``own_neighbours``; each sample is a patient of its own when not given.

    Returns
    -------
    DataFrame with columns sample, barcode, cluster, umap_1, umap_2, cluster_uncorrected, own_neighbours, in the order
    of the input. The last two are of the components before Harmony: clusters, and the share of a cell's neighbours
    (weighted as in the graph) that are of its own patient.

    Raises
    ------
    OhmicsError
        When igraph or harmonypy is not installed, or there is nothing to embed.
    """
    result = embedding(
        adatas,
        n_top_genes=n_top_genes,
        n_pcs=n_pcs,
        n_neighbors=n_neighbors,
        resolution=resolution,
        harmony=harmony,
        umap=umap,
        seed=seed,
        patients=patients,
    )
    return result.cells


def embedding(
    adatas: Iterable[Source],
    *,
    n_top_genes: int = 2000,
    n_pcs: int = 30,
    n_neighbors: int = 15,
    resolution: float = 1.0,
    harmony: bool = True,
    umap: bool | Literal["auto"] = True,
    seed: int = 0,
    patients: Mapping[str, str] | None = None,
) -> Embedding:
    """Do what `embed` does and return the components, the variable genes and the parameters as well."""
    sources = list([adatas] if isinstance(adatas, AnnData) else adatas)
    if not sources:
        raise OhmicsError(Fault("no sample was given to embed", remedy="give at least one AnnData with kept cells"))
    _require("igraph")
    if harmony and len(sources) > 1:
        _require("harmonypy")
    # One BLAS thread: the last bits of a product depend on how many share it, and clusters hang on them.
    with threadpool_limits(limits=1, user_api="blas"):
        return _embedding(
            sources,
            n_top_genes=n_top_genes,
            n_pcs=n_pcs,
            n_neighbors=n_neighbors,
            resolution=resolution,
            harmony=harmony,
            umap=umap,
            seed=seed,
            patients=patients or {},
        )


def _embedding(
    sources: Sequence[Source],
    *,
    n_top_genes: int,
    n_pcs: int,
    n_neighbors: int,
    resolution: float,
    harmony: bool,
    umap: bool | Literal["auto"],
    seed: int,
    patients: Mapping[str, str],
) -> Embedding:
    genes = variable_genes(sources, n_top_genes=n_top_genes)
    matrix, cells = _collect(sources, genes)
    if len(cells) < 3:
        raise OhmicsError(
            Fault(f"{len(cells)} cells are too few to embed", legal="at least 3", remedy="see the QC table")
        )
    components = _components(matrix, n_pcs=n_pcs)
    del matrix
    corrected = harmony and len(set(cells["sample"])) > 1
    graph = _neighbours(components, n_neighbors=n_neighbors, seed=seed)
    uncorrected = _cluster(graph, resolution=resolution, seed=seed)
    owners = cells["sample"].map(lambda sample: patients.get(sample, sample))
    own = _own_share(sp.csr_matrix(graph.obsp["connectivities"]), owners)
    if corrected:
        components = _harmonise(components, cells, seed=seed)
        del graph  # two graphs of a million cells are not held at once
        graph = _neighbours(components, n_neighbors=n_neighbors, seed=seed)
    cells["cluster"] = _cluster(graph, resolution=resolution, seed=seed) if corrected else uncorrected
    wanted = len(cells) <= UMAP_UP_TO if umap == "auto" else bool(umap)
    drawn = wanted and len(cells) >= LEAST_FOR_UMAP
    layout = umap_layout(graph, seed=seed) if drawn else np.full((len(cells), 2), np.nan)
    cells["umap_1"], cells["umap_2"] = layout[:, 0].astype(float), layout[:, 1].astype(float)
    # The prefix tells the two clusterings apart wherever a cluster is named alone.
    cells["cluster_uncorrected"] = [f"u{name}" for name in uncorrected]
    cells["own_neighbours"] = own
    parameters = {
        "n_cells": len(cells), "n_samples": len(set(cells["sample"])), "n_genes": len(genes),
        "n_pcs": int(components.shape[1]), "n_neighbors": n_neighbors, "resolution": resolution,
        "harmony": bool(corrected), "umap": drawn, "seed": seed,
        "neighbours": "exact" if len(cells) < EXACT_NEIGHBOURS_BELOW else "approximate",
    }  # fmt: skip
    return Embedding(cells=cells, components=components, genes=tuple(genes), parameters=parameters)


def variable_genes(adatas: Iterable[Source], *, n_top_genes: int = 2000) -> list[str]:
    """Return the genes that vary most within samples, the most variable first.

    Per sample the normalised dispersion of Seurat's first method (Satija 2015, doi:10.1038/nbt.3192); over
    samples a gene is ranked by how many samples selected it, then by its mean normalised dispersion. Segments
    of T-cell and B-cell receptors, mitochondrial and ribosomal genes and transgenes never take part.
    """
    import scanpy as sc

    frames: list[tuple[int, pd.DataFrame]] = []
    shared: pd.Index | None = None
    for source in adatas:
        adata = _open(source)
        _check(adata)
        names = adata.var_names[_allowed(adata)]
        shared = names if shared is None else shared.intersection(names, sort=False)
        if adata.n_obs < 3:
            continue
        normal = AnnData(X=log_normalise(adata)[:, _allowed(adata)], var=pd.DataFrame(index=names))
        expressed = np.asarray(normal.X.getnnz(axis=0)).ravel() > 0
        normal = normal[:, expressed].copy()
        if normal.n_vars < 3:
            continue
        frame = sc.pp.highly_variable_genes(
            normal, n_top_genes=min(n_top_genes, normal.n_vars), flavor="seurat", inplace=False
        )
        frame.index = normal.var_names
        frames.append((adata.n_obs, frame[list(HVG_COLUMNS)]))
    if not frames or shared is None or shared.empty:
        raise OhmicsError(
            Fault(
                "the samples share no gene that could be used to embed them",
                remedy="check that all samples were read with the same gene identifiers",
            )
        )
    voting = [frame for n_cells, frame in frames if n_cells >= FEW_CELLS] or [frame for _, frame in frames]
    return _rank_genes(voting, shared)[:n_top_genes]


def _rank_genes(frames: Sequence[pd.DataFrame], shared: pd.Index) -> list[str]:
    stacked = pd.concat(frames)
    stacked = stacked[stacked.index.isin(shared)]
    ranked = pd.DataFrame(
        {
            "votes": stacked["highly_variable"].astype(int).groupby(level=0).sum(),
            "dispersion": stacked["dispersions_norm"].astype(float).groupby(level=0).mean(),
        }
    ).sort_index()
    ranked = ranked.sort_values(["votes", "dispersion"], ascending=False, na_position="last", kind="stable")
    return [str(name) for name in ranked.index]


def _open(source: Source) -> AnnData:
    return source if isinstance(source, AnnData) else source()


def _allowed(adata: AnnData) -> NDArray[np.bool_]:
    names = adata.var_names
    apart = mitochondrial(names) | ribosomal(names) | receptor_segments(names) | transgenes(adata)
    return np.asarray(~apart & ~names.duplicated(), dtype=bool)


def _check(adata: AnnData) -> None:
    faults = Faults()
    if "sample" not in adata.obs:
        faults.add("obs has no column `sample`", remedy="set obs['sample'] to the sample's name")
    if not sp.issparse(adata.X):
        faults.add("X is dense", legal="a sparse (CSR) matrix of raw counts", remedy="convert X to CSR")
    faults.raise_if_any()


def _require(package: str) -> None:
    if find_spec(package) is None:
        raise OhmicsError(
            Fault(
                f"clustering needs the package {package}, which is not installed",
                remedy='run: pip install "ohmics[embed]" (igraph and harmonypy are GPL-licensed, so they are an extra)',
            )
        )


def _collect(sources: Sequence[Source], genes: Sequence[str]) -> tuple[sp.csr_matrix, pd.DataFrame]:
    blocks: list[sp.csr_matrix] = []
    frames: list[pd.DataFrame] = []
    for source in sources:
        adata = _open(source)
        position = adata.var_names.get_indexer(pd.Index(genes))
        blocks.append(sp.csr_matrix(log_normalise(adata)[:, position]))
        frames.append(
            pd.DataFrame({"sample": adata.obs["sample"].astype(str).to_numpy(), "barcode": adata.obs_names.astype(str)})
        )
    cells = pd.concat(frames, ignore_index=True)
    repeated = cells.duplicated(["sample", "barcode"])
    if repeated.any():
        first = cells[repeated].iloc[0]
        raise OhmicsError(
            Fault(
                f"{int(repeated.sum())} cells were given twice, the first is {first['barcode']}",
                where=f"sample {first['sample']}",
                remedy="give each sample once",
            )
        )
    return _stacked(blocks), cells


def _stacked(blocks: list[sp.csr_matrix]) -> sp.csr_matrix:
    """Put the blocks below each other and let each go once it is copied: they are never all there twice."""
    shape = (sum(block.shape[0] for block in blocks), blocks[0].shape[1])
    total = sum(block.nnz for block in blocks)
    wide = np.int64 if total > np.iinfo(np.int32).max else np.int32
    data, indices = np.empty(total, dtype=np.float32), np.empty(total, dtype=wide)
    lengths, start = [np.zeros(1, dtype=wide)], 0
    while blocks:
        block = blocks.pop(0)
        data[start : start + block.nnz], indices[start : start + block.nnz] = block.data, block.indices
        lengths.append(np.diff(block.indptr).astype(wide))
        start += block.nnz
    return sp.csr_matrix((data, indices, np.cumsum(np.concatenate(lengths), dtype=wide)), shape=shape)


def _components(matrix: sp.csr_matrix, *, n_pcs: int) -> NDArray[np.float32]:
    import scanpy as sc

    adata = AnnData(X=matrix.astype(np.float32, copy=False))
    sc.pp.pca(adata, n_comps=max(1, min(n_pcs, min(matrix.shape) - 1)), random_state=0)
    return np.ascontiguousarray(adata.obsm["X_pca"], dtype=np.float32)


def _harmonise(components: NDArray[np.float32], cells: pd.DataFrame, *, seed: int) -> NDArray[np.float32]:
    harmonypy = importlib.import_module("harmonypy")
    labels = cells[["sample"]].astype(str)
    # One thread: the result may not depend on how many there are.
    fit = harmonypy.run_harmony(
        components.astype(np.float64), labels, ["sample"], random_state=seed, verbose=False, ncores=1
    )
    return np.ascontiguousarray(fit.Z_corr, dtype=np.float32)


def _neighbours(components: NDArray[np.float32], *, n_neighbors: int, seed: int) -> AnnData:
    """Return an AnnData that holds the components and the graph where scanpy looks for them."""
    n_cells = len(components)
    neighbours = max(2, min(n_neighbors, n_cells - 1))
    adata = AnnData(X=sp.csr_matrix((n_cells, 1), dtype=np.float32), obsm={"components": components})
    if n_cells >= EXACT_NEIGHBOURS_BELOW:
        import scanpy as sc

        sc.pp.neighbors(adata, n_neighbors=neighbours, use_rep="components", random_state=seed)
        return adata
    adata.obsp["connectivities"] = fuzzy_graph(components, n_neighbors=neighbours)
    parameters = {"n_neighbors": neighbours, "method": "umap", "use_rep": "components", "metric": "euclidean"}
    adata.uns["neighbors"] = {"connectivities_key": "connectivities", "params": parameters}
    return adata


def _cluster(graph: AnnData, *, resolution: float, seed: int) -> NDArray[np.str_]:
    import scanpy as sc

    if graph.n_obs >= EXACT_NEIGHBOURS_BELOW:
        found = leiden(sp.csr_matrix(graph.obsp["connectivities"]), resolution=resolution, seed=seed)
        labels = pd.Series(found, index=graph.obs_names, name="leiden").astype(str)
    else:
        sc.tl.leiden(graph, resolution=resolution, flavor="igraph", n_iterations=2, directed=False, random_state=seed)
        labels = graph.obs["leiden"].astype(str)
    sizes = labels.value_counts().reset_index()
    # Largest first; of two of one size the one found first, so that names never depend on how pandas sorts ties.
    sizes["found"] = sizes["leiden"].astype(int)
    ordered = sizes.sort_values(["count", "found"], ascending=[False, True])["leiden"]
    names = {old: str(new) for new, old in enumerate(ordered)}
    return np.asarray(labels.map(names), dtype=str)


def _own_share(graph: sp.csr_matrix, owners: pd.Series) -> NDArray[np.float64]:
    """Return the weighted share of each cell's neighbours that have its own owner; empty where it has none."""
    codes = pd.factorize(owners)[0]
    member = sp.csr_matrix((np.ones(len(codes)), (np.arange(len(codes)), codes)))
    to_owner = np.asarray((graph @ member)[np.arange(len(codes)), codes], dtype=float).ravel()
    total = np.asarray(graph.sum(axis=1), dtype=float).ravel()
    share = np.full(len(codes), np.nan)
    share[total > 0] = to_owner[total > 0] / total[total > 0]
    return share
