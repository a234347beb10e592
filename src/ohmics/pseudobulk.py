"""Raw counts of cells come in, one sum of raw counts a sample and cell type goes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from ohmics.errors import Faults, OhmicsError, did_you_mean, listing

Mask = npt.NDArray[np.bool_]
FLAGS = {"malignant": "malignant", "car_positive": "car_positive"}
"""Special cell types and the column of CELLS that says who belongs to them."""


def group_cells(
    obs: pd.DataFrame,
    types: Iterable[str],
    descendants: Mapping[str, Iterable[str]] | None = None,
    *,
    by: str = "cell_type",
) -> dict[str, Mask]:
    """Return which cells belong to each type: those of the type itself or of a descendant.

    Parameters
    ----------
    obs
        One row a cell.
    types
        Cell types; ``malignant`` and ``car_positive`` are read from the boolean columns of these names
        (a missing column or value: no member), unless cells are annotated so in ``by``.
    descendants
        Type -> its descendants. Groups may overlap: a CD8 T cell is a T cell too.
    by
        Column with the cell type.

    Returns
    -------
    dict
        Type -> mask of shape (cells,), in the order of ``types``.
    """
    kinds = obs[by].astype(object) if by in obs else pd.Series(None, index=obs.index, dtype=object)
    groups: dict[str, Mask] = {}
    for name in types:
        mask = kinds.isin({name, *(descendants or {}).get(name, ())}).to_numpy(dtype=bool)
        if name in FLAGS and FLAGS[name] in obs:
            flags = obs[FLAGS[name]].astype("boolean")
            mask = mask | flags.fillna(False).to_numpy(dtype=bool)
        groups[name] = mask
    return groups


def pseudobulk(adata: AnnData, by: str | Sequence[str] = ("sample", "cell_type")) -> AnnData:
    """Sum raw counts over the cells of each group.

    Parameters
    ----------
    adata
        Raw counts in ``X``, cells × genes; it is not changed.
    by
        Columns of ``obs``; cells with an empty value in one of them are left out.

    Returns
    -------
    AnnData
        Groups × genes, sorted by group: sums in ``X`` (CSR, int64), the columns of ``by`` and
        ``n_cells`` in ``obs``, names joined by ``|``; ``var`` as given.

    Raises
    ------
    OhmicsError
        When a column is absent or ``X`` holds anything but whole numbers from 0 on.
    """
    columns = [by] if isinstance(by, str) else list(by)
    counts = sp.csr_matrix(adata.X)
    faults = Faults()
    if not columns:
        faults.add("no column to sum by", where="by", legal=listing(adata.obs.columns))
    for name in columns:
        if name not in adata.obs:
            faults.add(
                f"column `{name}` is not in obs", where="by", legal=listing(adata.obs.columns) or "none",
                remedy=did_you_mean(name, adata.obs.columns),
            )  # fmt: skip
    if counts.data.size and not np.all((counts.data >= 0) & (counts.data == np.floor(counts.data))):
        faults.add("values are no raw counts", where="X", legal="whole numbers from 0 on", remedy="give the raw counts")
    faults.raise_if_any()
    keys = adata.obs[columns].astype(object)
    known = np.flatnonzero(keys.notna().all(axis=1).to_numpy())
    grouped = keys.iloc[known].astype(str).groupby(columns, sort=True, observed=True)
    numbers, sizes = grouped.ngroup().to_numpy(), grouped.size()
    indicator = sp.csr_matrix(
        (np.ones(known.size, dtype=np.int64), (numbers, known)), shape=(len(sizes), adata.n_obs), dtype=np.int64
    )
    sums = sp.csr_matrix(indicator @ counts.astype(np.int64))
    sums.sort_indices()
    obs = sizes.index.to_frame(index=False).astype(object)
    obs["n_cells"] = sizes.to_numpy(dtype=np.int64)
    obs.index = pd.Index(["|".join(row) for row in obs[columns].to_numpy(dtype=str)], dtype=object)
    if obs.index.has_duplicates:
        raise OhmicsError(f"group names clash: {listing(obs.index[obs.index.duplicated()])}; drop `|` from the values")
    return AnnData(X=sums, obs=obs, var=adata.var.copy())


def pseudobulk_groups(
    adata: AnnData, types: Iterable[str], descendants: Mapping[str, Iterable[str]] | None = None
) -> AnnData:
    """Sum raw counts of one sample over cell types that may overlap: a CD8 T cell counts as a T cell too.

    Parameters
    ----------
    adata
        One sample, cells × genes, raw counts in ``X``; ``obs`` with ``sample``, ``cell_type`` and the flags of CELLS.
    types, descendants
        As in `group_cells`; a type without cells has no row.

    Returns
    -------
    AnnData
        Types × genes, in the order of ``types`` (int64; float64 where counts hold fractions); ``obs``: sample,
        cell_type, n_cells.
    """
    groups = {name: mask for name, mask in group_cells(adata.obs, types, descendants).items() if mask.any()}
    counts = sp.csr_matrix(adata.X)
    # Counts of estimators may hold fractions, which are summed as they are.
    kind = np.int64 if bool((counts.data == np.floor(counts.data)).all()) else np.float64
    counts = counts.astype(kind)
    rows = np.array(list(groups.values()), dtype=kind).reshape(len(groups), adata.n_obs)
    sums = sp.csr_matrix(sp.csr_matrix(rows) @ counts)
    sums.sort_indices()
    samples = sorted(set(adata.obs["sample"].astype(str)))
    if len(samples) > 1:
        raise OhmicsError(f"one sample at a time is summed; these are {listing(samples)}")
    obs = pd.DataFrame({"sample": samples * len(groups) if samples else [], "cell_type": list(groups)}, dtype=object)
    obs["n_cells"] = [int(mask.sum()) for mask in groups.values()]
    obs.index = pd.Index([f"{row.sample}|{row.cell_type}" for row in obs.itertuples()], dtype=object)
    return AnnData(X=sums, obs=obs, var=adata.var.copy())
