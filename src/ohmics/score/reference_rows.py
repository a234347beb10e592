"""GENE_REFERENCE comes in, one mean and sd a gene go out: those of the cell types that are scored together."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numba
import numpy as np
import pandas as pd

from ohmics.errors import OhmicsError
from ohmics.score.expression import Expression, FloatArray

ALL = "all"
MIN_REFERENCE_CELLS = 100
"""With fewer cells of a type in the whole cohort, its sds are too uncertain and all cells are used."""


def reference_rows(
    reference: pd.DataFrame, cell_type: str | None = None, descendants: Collection[str] = ()
) -> pd.DataFrame:
    """Return ``mean``, ``sd`` and ``n_cells``, indexed by gene.

    Parameters
    ----------
    reference
        GENE_REFERENCE, or a frame indexed by gene with ``mean`` and ``sd``.
    cell_type
        The type whose rows are used: they count its subtypes' cells already. Without them its descendants
        are pooled; with fewer than
        100 cells in the cohort, and for None, all cells are used. Which it is depends on the reference
        alone, so it is the same in every sample.
    descendants
        Types whose cells belong to the type.
    """
    if "gene" not in reference or "cell_type" not in reference:
        absent = [name for name in ("mean", "sd") if name not in reference]
        if absent:
            raise OhmicsError(f"reference lacks {', '.join(absent)}; make it with gene_reference")
        return reference
    own = reference["cell_type"] == cell_type
    if cell_type is not None and not own.any():
        own = reference["cell_type"].isin(list(descendants))
    chosen = reference[own]
    if chosen.empty or int(chosen.groupby("cell_type")["n_cells"].max().sum()) < _enough(reference):
        total = reference["cell_type"] == ALL
        chosen = reference[total] if total.any() else reference
    return _pool(chosen)


def _enough(reference: pd.DataFrame) -> int:
    # A bulk reference holds samples, not cells, and has one type only.
    return 1 if set(reference["cell_type"]) == {"bulk"} else MIN_REFERENCE_CELLS


def _pool(rows: pd.DataFrame) -> pd.DataFrame:
    n = rows["n_cells"].to_numpy(dtype=np.float64)
    mean, sd = rows["mean"].to_numpy(dtype=np.float64), rows["sd"].to_numpy(dtype=np.float64)
    if not rows["gene"].duplicated().any():
        result = pd.DataFrame({"mean": mean, "sd": sd, "n_cells": n}, index=pd.Index(rows["gene"], name="gene"))
    else:
        square = n * (sd**2 + mean**2)
        parts = pd.DataFrame({"gene": rows["gene"].to_numpy(), "n": n, "sum": n * mean, "square": square})
        total = parts.groupby("gene", sort=True).sum()
        middle = total["sum"] / total["n"]
        spread = np.sqrt(np.maximum(total["square"] / total["n"] - middle**2, 0.0))
        result = pd.DataFrame({"mean": middle, "sd": spread, "n_cells": total["n"]})
    # A variance that is rounding only is none.
    result["sd"] = result["sd"].where(result["sd"] > 1e-9 * (1 + result["mean"].abs()), 0.0)
    return result


def columns_for(reference: pd.DataFrame | None, genes: pd.Index) -> tuple[FloatArray, FloatArray]:
    """Return mean and sd of the data's genes; missing where the reference lacks a gene.

    Raises
    ------
    OhmicsError
        Without a reference.
    """
    if reference is None:
        raise OhmicsError("the method needs a reference; make it with gene_reference")
    aligned = reference.reindex(genes)
    mean, sd = (aligned[name].to_numpy(dtype=np.float64) for name in ("mean", "sd"))
    return mean, sd


def own_reference(parts: Iterable[Expression]) -> pd.DataFrame:
    """Return mean and sd of each gene over all observations given: right only when these are the whole cohort.

    Blocks of observations of the same genes in the same order are added up as they come, one at a time.
    """
    frames: list[tuple[pd.Index, FloatArray]] = []
    for part in parts:
        if not frames or frames[-1][0] is not part.genes:
            frames.append((part.genes, np.zeros((3, len(part.genes)))))
        logged, totals = part.log, frames[-1][1]
        totals[0] += logged.shape[0]
        _add_up(logged.indices, logged.data, totals[1], totals[2])
    rows = [pd.DataFrame({"gene": genes, "n": t[0], "sum": t[1], "square": t[2]}) for genes, t in frames]
    total = pd.concat(rows).groupby("gene", sort=True).sum()
    mean = total["sum"] / total["n"].clip(lower=1)
    # The same divisor, n - 1, as the sd of GENE_REFERENCE.
    variance = (total["square"] - total["n"] * mean**2).clip(lower=0.0) / (total["n"] - 1).clip(lower=1)
    sd = variance**0.5
    sd = sd.where(sd > 1e-9 * (1 + mean.abs()), 0.0)
    return pd.DataFrame({"mean": mean, "sd": sd, "n_cells": total["n"]})


@numba.njit(cache=True)
def _add_up(indices: Any, values: Any, sums: Any, squares: Any) -> None:
    """Add values in the order of the observations: blocks of any size give the same bytes."""
    for k in range(len(values)):
        value = np.float64(values[k])
        sums[indices[k]] += value
        squares[indices[k]] += value * value
