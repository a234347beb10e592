"""Raw counts of one sample's good cells come in; a doublet score and a call per cell go out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData
from threadpoolctl import threadpool_limits

from ohmics.qc.features import transgenes
from ohmics.qc.scrublet import Scrubbed, scrublet
from ohmics.seeds import generator

LEAST_CELLS = 100
"""Scrublet simulates doublets from pairs of cells; with fewer cells its threshold is noise."""
RATE_PER_CELL = 8e-6
"""10x Genomics states about 0.8 % doublets per 1,000 cells recovered."""
LEAST_RATE = 0.01
MOST_CALLED = 0.25
"""A larger called share means that the threshold fell among the singlets; then no cell is called."""


@dataclass(frozen=True, slots=True)
class Doublets:
    """Score and call of each cell, in the order given; ``reason`` says why there are none, or is empty."""

    scores: pd.Series
    called: pd.Series
    reason: str = ""

    @property
    def rate(self) -> float:
        """Share of cells called; missing when doublets could not be looked for."""
        return float("nan") if self.reason else float(self.called.astype(bool).mean())


def find_doublets(adata: AnnData, *, sample: str = "", seed: int = 0) -> Doublets:
    """Find doublets with Scrublet (Wolock 2019, doi:10.1016/j.cels.2018.11.005) with scanpy's steps and settings.

    Neighbours are exact: the approximate index would be compiled in every process.

    Parameters
    ----------
    adata
        Cells × genes of one sample, raw counts in ``X``, after the other filters; not changed.
    sample, seed
        Name and seed the simulation is drawn from.
    """
    n_cells = adata.n_obs
    empty = pd.Series(np.nan, index=adata.obs_names, dtype=float)
    unknown = pd.Series(pd.NA, index=adata.obs_names, dtype="boolean")
    if n_cells < LEAST_CELLS:
        return Doublets(empty, unknown, f"doublets were not looked for: {n_cells} cells, at least {LEAST_CELLS} needed")
    genes = ~transgenes(adata) & ~np.asarray(adata.var_names.duplicated())
    copy = AnnData(X=adata.X[:, genes].astype(np.float32), obs=pd.DataFrame(index=adata.obs_names),
                   var=pd.DataFrame(index=adata.var_names[genes]))  # fmt: skip
    if int((np.asarray((copy.X > 0).sum(axis=0)).ravel() >= 3).sum()) < LEAST_CELLS:
        return Doublets(empty, unknown, "doublets were not looked for: too few genes are detected in three cells")
    found = _scrublet(copy, expected=max(LEAST_RATE, RATE_PER_CELL * n_cells), seed=_seed(seed, sample))
    if found is None:
        return Doublets(empty, unknown, "doublets were not looked for: next to no gene varies between cells")
    if found.threshold is None:
        reason = "no doublet was called: simulated doublets have no second mode of scores"
        return Doublets(found.scores, unknown, reason)
    scores = found.scores
    called = (scores > found.threshold).astype("boolean")
    share = float(called.mean())
    if share > MOST_CALLED:
        return Doublets(
            scores,
            unknown,
            f"no doublet was called: Scrublet's threshold would remove {100 * share:.0f} % of the cells",
        )
    return Doublets(scores, called)


def _seed(seed: int, sample: str) -> int:
    return int(generator(seed, "doublets", sample).integers(2**31 - 1))


def _scrublet(adata: AnnData, *, expected: float, seed: int) -> Scrubbed | None:
    # One BLAS thread, so that the result does not depend on how many there are.
    with threadpool_limits(limits=1, user_api="blas"):
        return scrublet(adata, expected=expected, n_components=max(2, min(30, adata.n_obs - 1)), seed=seed)
