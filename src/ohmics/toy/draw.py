"""Expected profiles in, sparse counts out: overdispersed, correlated by module, in time that follows the counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DENSE_ABOVE = 0.1
"""Expected counts a cell from which a gene's overdispersion is drawn gene by gene and cell by cell.

Below it the gamma's part of the variance (dispersion × mean²) is under 5 % of the Poisson's.
"""
_CHUNK = 1024


@dataclass(frozen=True, slots=True)
class Population:
    """Cells that share one expected profile.

    Parameters
    ----------
    profile
        Expected share of each gene, length genes, sums to 1.
    sizes
        Expected UMI of each cell, length cells.
    factors
        Multiplier of each module in each cell, cells × modules, mean 1.
    """

    profile: Floats
    sizes: Floats
    factors: Floats


def draw(rng: np.random.Generator, population: Population, module: Ints, dispersion: Floats) -> sparse.coo_array:
    """Draw counts, cells × genes, of one population.

    Genes with an expected count above `DENSE_ABOVE` are gamma-Poisson (negative binomial); the others are Poisson
    given the cell's size and module factors, drawn as single molecules, so that their cost is the number of
    molecules and not cells × genes.

    Parameters
    ----------
    rng
        Random generator.
    population
        The cells.
    module
        Module of each gene, an index into the columns of ``population.factors``.
    dispersion
        Negative-binomial dispersion of each gene (variance = mean + dispersion × mean²).
    """
    n_cells, n_genes = len(population.sizes), len(population.profile)
    if n_cells == 0:
        return sparse.coo_array((0, n_genes), dtype=np.int32)
    dense = population.profile * population.sizes.mean() > DENSE_ABOVE
    parts = [*_rich(rng, population, module, dispersion, np.flatnonzero(dense)), _poor(rng, population, module, ~dense)]
    rows, columns, values = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    return sparse.coo_array((values, (rows, columns)), shape=(n_cells, n_genes))


def _rich(
    rng: np.random.Generator, population: Population, module: Ints, dispersion: Floats, genes: Ints
) -> list[tuple[Ints, Ints, npt.NDArray[np.int32]]]:
    shape = 1.0 / dispersion[genes]
    scale = population.profile[genes] * dispersion[genes]
    parts = []
    for start in range(0, len(population.sizes), _CHUNK):
        stop = min(start + _CHUNK, len(population.sizes))
        mean = rng.standard_gamma(np.broadcast_to(shape, (stop - start, len(genes))))
        mean *= scale
        mean *= population.sizes[start:stop, None]
        mean *= population.factors[start:stop][:, module[genes]]
        counts = rng.poisson(mean)
        row, column = np.nonzero(counts)
        parts.append((row + start, genes[column], counts[row, column].astype(np.int32)))
    return parts


def _poor(
    rng: np.random.Generator, population: Population, module: Ints, poor: npt.NDArray[np.bool_]
) -> tuple[Ints, Ints, npt.NDArray[np.int32]]:
    rows: list[Ints] = []
    columns: list[Ints] = []
    cells = np.arange(len(population.sizes))
    for number in range(population.factors.shape[1]):
        genes = np.flatnonzero(poor & (module == number) & (population.profile > 0))
        if not len(genes):
            continue
        share = population.profile[genes]
        totals = rng.poisson(population.sizes * population.factors[:, number] * share.sum())
        rows.append(np.repeat(cells, totals))
        columns.append(genes[pick(rng, share, int(totals.sum()))])
    row = np.concatenate([*rows, np.empty(0, dtype=np.int64)])
    column = np.concatenate([*columns, np.empty(0, dtype=np.int64)])
    return row, column, np.ones(len(row), dtype=np.int32)


def pick(rng: np.random.Generator, weights: Floats, size: int) -> Ints:
    """Draw ``size`` indices with probabilities proportional to ``weights``."""
    edges = np.cumsum(weights)
    found: Ints = np.searchsorted(edges, rng.random(size) * edges[-1], side="right").astype(np.int64)
    return np.minimum(found, len(weights) - 1)


def draw_ambient(rng: np.random.Generator, profile: Floats, expected: Floats) -> sparse.coo_array:
    """Draw ambient counts, cells × genes: ``expected`` UMI in each cell from one profile."""
    totals = rng.poisson(expected)
    row = np.repeat(np.arange(len(expected)), totals)
    column = pick(rng, profile, int(totals.sum()))
    ones = np.ones(len(row), dtype=np.int32)
    return sparse.coo_array((ones, (row, column)), shape=(len(expected), len(profile)))


def lognormal(rng: np.random.Generator, sd: float | Floats, size: int | tuple[int, ...]) -> Floats:
    """Draw log-normal multipliers with mean 1 and the given sd of the logarithm."""
    spread = np.asarray(sd, dtype=np.float64)
    multipliers: Floats = np.exp(rng.standard_normal(size) * spread - spread**2 / 2)
    return multipliers
