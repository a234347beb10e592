"""Cells with raw counts and gene positions come in; how far each cluster departs from normal copy number goes out.

Copy number is inferred from expression by infercnvpy (the extra ``cnv``), with cells that cannot be the tumour as
reference. Cell types differ along the genome too, because their genes do: the departure of a cluster is compared with
that of the reference's own clusters, which are of several types.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from ohmics.errors import Fault, Faults, OhmicsError

WINDOW, STEP = 100, 10
"""Genes of a window along a chromosome, and the step between windows."""
FEW_REFERENCE = 50
FEW_IN_PART, LEAST_PARTS = 20, 3
"""Fewest cells of a cluster, and fewest clusters of reference cells that tell how far normal types depart."""
LEAST_SPREAD = 0.25
"""Least sd of the reference clusters' departure, as a share of its mean: they are few."""
LEAST_GENES = 1000


def copy_number_signal(
    adata: AnnData,
    gene_positions: pd.DataFrame,
    *,
    reference: npt.NDArray[np.bool_],
    cluster: pd.Series,
) -> pd.DataFrame:
    """Return how far the mean profile of each cluster departs from normal copy number.

    Parameters
    ----------
    adata
        Cells × genes, raw counts in ``X``, not changed.
    gene_positions
        Index gene; chromosome, start, end.
    reference
        Which cells are normal for certain, length cells; with fewer than 50 nothing is told.
    cluster
        Cluster of each cell, length cells.

    Returns
    -------
    DataFrame indexed by cluster: ``departure`` (root mean square of the cluster's mean profile, natural log), ``z`` (in
    standard deviations of clusters of reference cells), ``n`` cells. Empty when nothing can be told.

    Raises
    ------
    OhmicsError
        When infercnvpy is not installed or too few genes have a position.
    """
    _require()
    if int(reference.sum()) < FEW_REFERENCE:
        return pd.DataFrame(columns=["departure", "z", "n"])
    profile = _profiles(adata, gene_positions, reference)
    names = cluster.to_numpy(dtype=object)
    told = sorted(set(names), key=str)
    normal = [np.flatnonzero((names == name) & reference) for name in told]
    departures = [_departure(profile[rows]) for rows in normal if len(rows) >= FEW_IN_PART]
    if len(departures) < LEAST_PARTS:
        return pd.DataFrame(columns=["departure", "z", "n"])
    mean = float(np.mean(departures))
    spread = max(float(np.std(departures, ddof=1)), LEAST_SPREAD * mean, 1e-6)
    rows = []
    for name in told:
        inside = np.flatnonzero((names == name) & ~reference)
        if len(inside) >= FEW_IN_PART:
            departure = _departure(profile[inside])
            rows.append({"cluster": name, "departure": departure, "z": (departure - mean) / spread, "n": len(inside)})
    return pd.DataFrame(rows, columns=["cluster", "departure", "z", "n"]).set_index("cluster")


def _require() -> None:
    if find_spec("infercnvpy") is None:
        raise OhmicsError(
            Fault(
                "copy number needs the package infercnvpy, which is not installed",
                remedy='run: pip install "ohmics[cnv]", or leave gene positions out',
            )
        )


def _profiles(
    adata: AnnData, gene_positions: pd.DataFrame, reference: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    faults = Faults()
    for name in ("chromosome", "start", "end"):
        if name not in gene_positions:
            faults.add(f"column `{name}` is missing", where="gene positions")
    faults.raise_if_any()
    autosomes = gene_positions[gene_positions["chromosome"].astype(str).str.removeprefix("chr").str.isdigit()]
    shared = [gene for gene in adata.var_names if gene in autosomes.index]
    if len(shared) < LEAST_GENES:
        raise OhmicsError(
            Fault(
                f"{len(shared)} genes have a position",
                where="gene positions",
                legal=f"at least {LEAST_GENES} of the data's genes",
                remedy="give the GTF of the reference the counts were made with",
            )
        )
    places = autosomes.loc[shared]
    counts = sp.csr_matrix(adata[:, shared].X, dtype=np.float64)
    depth = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1.0)
    logged = sp.csr_matrix(sp.diags(1e4 / depth) @ counts)
    logged.data = np.log1p(logged.data)
    names = ["chr" + str(c).removeprefix("chr") for c in places["chromosome"]]
    var = pd.DataFrame(
        {"chromosome": names, "start": places["start"].to_numpy(), "end": places["end"].to_numpy()}, index=shared
    )
    obs = pd.DataFrame({"kind": np.where(reference, "reference", "other")}, index=adata.obs_names.astype(str))
    work = AnnData(X=logged, obs=obs, var=var)
    tools = import_module("infercnvpy").tl
    tools.infercnv(work, reference_key="kind", reference_cat="reference", window_size=WINDOW, step=STEP, n_jobs=1)
    found = work.obsm["X_cnv"]
    return np.asarray(found.toarray() if sp.issparse(found) else found, dtype=np.float64)


def _departure(profiles: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(profiles.mean(axis=0) ** 2)))
