"""Cells that cannot express a gene come in; the ambient counts of that gene in each droplet go out, and how sure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv

from ohmics.calls.populations import Floats, Population

MAX_SHARE = 0.3
"""A droplet whose RNA is ambient beyond this share is no cell worth calling; it also bounds what a lost antigen, which
no longer tells how much soup there is, can make of the ambient share."""


@dataclass(frozen=True, slots=True)
class Ambient:
    """Ambient RNA of one sample, as its background cells show it.

    Parameters
    ----------
    counts
        Counts of the antigen in all background cells.
    shape
        Effective number of independent counts (below ``counts`` when a few cells hold most of them).
    cells
        Number of background cells; 0 when ambient is unknown.
    share
        Estimated share of ambient RNA in the malignant cells' UMI.
    soup
        Share of each gene in the ambient RNA, length genes.
    transfer_sd
        Log sd of what carries over from background to malignant cells, which hold another amount of RNA: droplets
        share the soup evenly, or in proportion to their RNA, or in between.
    most
        Ambient counts a droplet were `MAX_SHARE` of its RNA ambient and the soup as rich in the antigen as the
        richest cells: no draw goes beyond, so that few background cells leave no more open than that.
    """

    counts: float
    shape: float
    cells: int
    share: float
    soup: Floats
    transfer_sd: float
    most: float

    @property
    def known(self) -> bool:
        """Whether background cells tell the ambient rate."""
        return self.cells > 0

    @property
    def per_cell(self) -> float:
        """Ambient counts of the antigen a droplet."""
        return self.counts / self.cells if self.cells else 0.0

    def draw(self, uniform: Floats, normal: Floats, prior: float) -> Floats:
        """Return draws of the ambient counts a droplet; ``prior`` counts are added (1: upper, 0: lower belief)."""
        if not self.known:
            return np.zeros_like(uniform)
        counts = self.counts + prior
        if counts <= 0:
            return np.zeros_like(uniform)
        shape = max(self.shape, 0.0) * counts / self.counts if self.counts > 0 else counts
        rate = np.asarray(gammaincinv(shape, uniform), dtype=np.float64) * counts / shape / self.cells
        return np.minimum(rate * np.exp(self.transfer_sd * normal), max(self.most, self.per_cell))


def ambient(
    cells: Population,
    background: Population | None,
    genes: tuple[str, ...],
    *,
    richest: float,
    soup: Floats | None = None,
) -> Ambient:
    """Estimate ambient RNA from cells that cannot express ``genes``.

    Parameters
    ----------
    cells, background
        Malignant and background cells of one sample; ``None``: ambient is unknown, which is not the same as none.
    genes
        Genes of the antigen.
    richest
        Antigen counts per UMI of the cells that express it most.
    soup
        Counts of each gene over the whole sample; the two populations together stand for it when not given.
    """
    none = np.zeros(len(cells.genes))
    if background is None:
        return Ambient(0.0, 0.0, 0, 0.0, none, 0.0, 0.0)
    inside = background.of(genes)
    total = float(inside.sum())
    spread = max(total, float(np.sum((inside - inside.mean()) ** 2)))
    profile = cells.sums + background.sums if soup is None else soup
    whole = float(profile[cells.counted].sum())
    profile = profile / whole if whole > 0 else none
    of_antigen = float(profile[cells.named(genes)].sum())
    share = 0.0
    if of_antigen > 0 and cells.mean_depth > 0:
        share = total / background.n / of_antigen / cells.mean_depth
    ratio = cells.mean_depth / background.mean_depth if background.mean_depth > 0 else 1.0
    return Ambient(
        counts=total,
        shape=total * total / spread if spread > 0 else 0.0,
        cells=background.n,
        share=min(share, MAX_SHARE),
        soup=profile,
        transfer_sd=0.5 * abs(float(np.log(ratio))) if ratio > 0 else 0.0,
        most=MAX_SHARE * cells.mean_depth * richest,
    )
