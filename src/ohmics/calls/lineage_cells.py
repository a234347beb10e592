"""Cells and lineage panels come in; which cells left their lineage and which took another goes out, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from ohmics.calls.populations import Floats, Population

Mask = npt.NDArray[np.bool_]
Genes = Mapping[str, tuple[str, ...]]
RIVALS: Mapping[str, tuple[str, ...]] = {
    "b_lymphoid": (
        "monocytic", "myeloid_progenitor", "macrophage_histiocytic", "plasma_cell", "t_lymphoid",
        "erythroid_megakaryocytic",
    ),
    "melanocytic": ("neural_crest_undifferentiated",),
    "luminal_prostate": ("neuroendocrine", "mesenchymal_nonNE"),
    "neuroendocrine": ("mesenchymal_nonNE",),
}  # fmt: skip
"""Home panel to the panels a tumour of it may take; names of lineages.yaml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageRules:
    """Thresholds of `call_lineage`; proposals of this project, not published values.

    Parameters
    ----------
    min_cells
        Fewest candidate cells before and after.
    min_genes
        Fewest genes of the home panel among the data.
    tail
        A cell has left its lineage below this lower tail, and taken another above this upper tail (shared by the
        rival panels).
    fold
        A cell that has taken a lineage has at least this many times the counts to be expected, one that has left
        its own at most this part of them.
    max_ambient
        Share of a droplet's RNA that is granted to be ambient.
    least
        ``no_switch``: the upper limit of the switched fraction is below this; a switch's lower limit is above it.
    most
        ``dedifferentiation``: more than this share of cells left their lineage and took no other.
    linked
        Share of the switched cells with a known clonal mark that must carry it.
    min_linked
        Fewest such cells.
    """

    min_cells: int = 20
    min_genes: int = 5
    tail: float = 0.05
    fold: float = 3.0
    max_ambient: float = 0.3
    least: float = 0.1
    most: float = 0.5
    linked: float = 0.5
    min_linked: int = 5


@dataclass(frozen=True, slots=True)
class Level:
    """A panel's counts per UMI in the cells before, and its dispersion between them."""

    genes: tuple[str, ...]
    rate: float
    dispersion: float


@dataclass(frozen=True, slots=True)
class Positions:
    """Where cells stand between their home lineage and its rivals.

    Parameters
    ----------
    left
        The home panel's count is too low for the cell's depth.
    took
        Rival panel to whether its count is too high.
    home
        log2 of the home panel's count over what the cells before lead to expect, half a count added to both.
    away
        The same of the rival panel that is highest.
    """

    left: Mask
    took: Mapping[str, Mask]
    home: Floats
    away: Floats

    @property
    def switched(self) -> Mask:
        """Cells that left their lineage and took another."""
        found = np.zeros(len(self.left), dtype=bool)
        for mask in self.took.values():
            found |= mask
        return np.asarray(self.left & found, dtype=bool)


def level(cells: Population, genes: tuple[str, ...]) -> Level:
    """Return a panel's counts per UMI and its negative-binomial dispersion between cells, by moments.

    The twentieth of the cells with the most counts for their depth is left out: a few doublets would otherwise make
    any count unsurprising.
    """
    counts, depth = cells.of(genes), cells.depth
    density = np.divide(counts, depth, out=np.zeros_like(depth), where=depth > 0)
    kept = density <= np.quantile(density, 0.95)
    counts, depth = counts[kept], depth[kept]
    rate = float(counts.sum()) / float(depth.sum()) if depth.sum() > 0 else 0.0
    mean = rate * depth
    square = float(np.sum(mean**2))
    beyond = float(np.sum((counts - mean) ** 2) - counts.sum())
    return Level(genes, rate, float(np.clip(beyond / square, 0.02, 2.0)) if square > 0 else 0.02)


def at_most(counts: Floats, mean: Floats, dispersion: float) -> Floats:
    """Return the probability of at most each count; a count of -1 gives 0."""
    size = 1.0 / dispersion
    tail = betainc(size, np.maximum(counts, 0.0) + 1.0, size / (size + np.maximum(mean, 1e-12)))
    return np.where(counts < 0, 0.0, tail)


def positions(
    cells: Population, home: Level, rivals: Mapping[str, Level], rules: LineageRules, *, soup: Mapping[str, float]
) -> Positions:
    """Return where cells stand, against the cells before at the cells' own depth.

    Parameters
    ----------
    cells
        The cells.
    home, rivals
        Panels as the cells before show them.
    rules
        Thresholds.
    soup
        Rival panel to its share of ambient RNA, at most `LineageRules.max_ambient` of which is granted; none where it
        is absent.
    """
    counts, mean = cells.of(home.genes), home.rate * cells.depth
    # A doublet with a normal cell halves the home panel's share; it has not left.
    left = (at_most(counts, mean, home.dispersion) < rules.tail) & (rules.fold * counts <= mean)
    away = np.full(cells.n, -np.inf)
    took: dict[str, Mask] = {}
    for name, rival in rivals.items():
        of_rival = cells.of(rival.genes)
        expected = (rival.rate + rules.max_ambient * soup.get(name, 0.0)) * cells.depth
        high = 1.0 - at_most(of_rival - 1, expected, rival.dispersion) < rules.tail / len(rivals)
        took[name] = np.asarray(high & (of_rival >= rules.fold * expected), dtype=bool)
        away = np.maximum(away, np.log2((of_rival + 0.5) / (expected + 0.5)))
    return Positions(np.asarray(left, dtype=bool), took, np.log2((counts + 0.5) / (mean + 0.5)), away)
