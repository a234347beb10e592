"""Scores and the depth of the same observations come in; how far each score follows depth goes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ohmics.errors import OhmicsError
from ohmics.score.expression import Data, open_source
from ohmics.score.methods import METHODS
from ohmics.score.run import score


def depth_correlations(
    data: Data,
    gene_lists: Any,
    *,
    methods: Sequence[str] | None = None,
    reference: pd.DataFrame | None = None,
    layer: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Report the rank correlation of each score with the observations' total counts.

    Within one kind of cell, without a programme that goes with cell size, a score that follows depth
    measures depth. Cells of several types differ in depth and in biology: give one type at a time.

    Parameters
    ----------
    data
        Raw counts, observations × genes; AnnData may be backed.
    gene_lists
        As for `ohmics.score.score`.
    methods
        Scoring methods; None: all that score single cells.
    reference
        GENE_REFERENCE of the cohort, for methods that compare with it.
    layer
        Layer of AnnData to read instead of ``X``.
    seed
        As for `ohmics.score.score`.

    Returns
    -------
    pandas.DataFrame
        ``method``, ``gene_list``, ``spearman``: |Spearman's rho| of score and depth, 0 to 1; missing where
        the score or the depth does not vary.

    Raises
    ------
    OhmicsError
        When the data are no counts, or as `ohmics.score.score`.
    """
    source = open_source(data, layer=layer, scale="counts")
    totals = np.concatenate([part.totals for part in source.chunks()])
    chosen = [name for name, one in METHODS.items() if one.per_cell] if methods is None else list(methods)
    if not chosen:
        raise OhmicsError("no method is given; legal: " + ", ".join(METHODS))
    rows = []
    depth = pd.Series(totals).rank()
    for name in chosen:
        scores = score(data, gene_lists, method=name, reference=reference, layer=layer, input="counts", seed=seed)
        for gene_list in scores:
            rows.append({"method": name, "gene_list": str(gene_list), "spearman": _spearman(scores[gene_list], depth)})
    return pd.DataFrame(rows, columns=["method", "gene_list", "spearman"])


def _spearman(values: pd.Series, depth_ranks: pd.Series) -> float:
    ranks = values.rank().to_numpy(dtype=np.float64)
    depth = depth_ranks.to_numpy(dtype=np.float64)
    if not np.isfinite(ranks).all() or ranks.std() == 0 or depth.std() == 0:
        return float("nan")
    return float(abs(np.corrcoef(ranks, depth)[0, 1]))
