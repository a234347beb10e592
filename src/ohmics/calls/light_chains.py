"""Counts of immunoglobulin light chains come in; which chain each cell makes, beyond ambient RNA, goes out.

A B cell makes kappa or lambda, never both; whatever it holds of the other chain floated in. So two hypotheses are
weighed in every cell: all beyond ambient RNA is kappa, or all of it is lambda.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, gammaln
from scipy.stats import betabinom, nbinom

from ohmics.calls.malignant_rules import MalignantRules
from ohmics.calls.populations import Floats, Population

KAPPA = ("IGKC",)
LAMBDA = ("IGLC1", "IGLC2", "IGLC3", "IGLC4", "IGLC5", "IGLC6", "IGLC7")
TOLD = float(np.log(20.0))
"""Log ratio from which a cell's chain is told."""
LEAST_COUNTS = 3.0
"""Counts beyond ambient RNA that a cell needs for its chain to be told."""
MOST_COUNTS = 500.0
AMBIENT_SIZE = 2.0
"""Size of the negative binomial of ambient counts: droplets differ."""
AMBIENT_REACH = 0.999
"""Ambient counts above this quantile of their distribution are another cell's."""
AMBIENT_STEPS = 20
LEAST_AMBIENT = 0.02
FEW_REFERENCE = 20


@dataclass(frozen=True)
class LightChains:
    """Light chains of a sample's cells, length cells.

    Parameters
    ----------
    kappa, lambda_
        Counts.
    ratio
        Log likelihood of a kappa cell over that of a lambda cell.
    chain
        1 kappa, -1 lambda, 0 not told.
    ambient
        Ambient kappa and lambda, counts a droplet.
    """

    kappa: Floats
    lambda_: Floats
    ratio: Floats
    chain: npt.NDArray[np.int64]
    ambient: tuple[float, float]

    def told(self, rows: npt.NDArray[np.int64]) -> tuple[int, int]:
        """Return how many of some cells make kappa and how many lambda."""
        return int((self.chain[rows] == 1).sum()), int((self.chain[rows] == -1).sum())


def light_chains(whole: Population, outside: npt.NDArray[np.bool_]) -> LightChains:
    """Tell the light chain of each cell.

    Parameters
    ----------
    whole
        All cells of one sample.
    outside
        Which cells make no immunoglobulin (T, NK, myeloid cells): they tell ambient RNA; with fewer than 20 of them the
        lower half of the counts does.
    """
    kappa, lambda_ = whole.of(KAPPA), whole.of(LAMBDA)
    ambient = _ambient(kappa, outside), _ambient(lambda_, outside)
    ratio = _ratio(kappa, lambda_, ambient)
    enough = kappa + lambda_ - sum(ambient) >= _least(ambient)
    chain = np.where(enough & (ratio >= TOLD), 1, np.where(enough & (ratio <= -TOLD), -1, 0)).astype(np.int64)
    return LightChains(kappa, lambda_, ratio, chain, ambient)


def _ratio(kappa: Floats, lambda_: Floats, ambient: tuple[float, float]) -> Floats:
    """Return the log likelihood of a kappa cell over that of a lambda cell."""
    own = np.maximum(kappa + lambda_ - sum(ambient), 1.0)
    as_kappa = _log_nb(kappa, ambient[0] + own) + _log_nb(lambda_, np.full_like(own, ambient[1]))
    as_lambda = _log_nb(kappa, np.full_like(own, ambient[0])) + _log_nb(lambda_, ambient[1] + own)
    return np.asarray(as_kappa - as_lambda)


def _least(ambient: tuple[float, float]) -> float:
    """Return the counts beyond ambient RNA at which a cell of either chain is told.

    The clone's RNA floats in every droplet, so that its chain needs more counts to be told than the other. Without one
    bar for both, cells of the other chain would be counted that cells of the clone's chain are not.
    """
    steps = np.arange(1.0, MOST_COUNTS)
    as_kappa = _ratio(ambient[0] + steps, np.full_like(steps, ambient[1]), ambient) >= TOLD
    as_lambda = _ratio(np.full_like(steps, ambient[0]), ambient[1] + steps, ambient) <= -TOLD
    told = np.flatnonzero(as_kappa & as_lambda)
    return max(float(steps[told[0]]) if len(told) else MOST_COUNTS, LEAST_COUNTS)


def _ambient(counts: Floats, outside: npt.NDArray[np.bool_]) -> float:
    """Return the ambient counts a droplet.

    Cells that make no immunoglobulin hold more than soup where they are doublets with a B or plasma cell, or where one
    sticks to them, and those cells may be many. So the share of cells without any count gives a first mean, and what
    soup of that mean does not reach is left out before the mean is taken again, until nothing changes.
    """
    if int(outside.sum()) < FEW_REFERENCE:
        taken = np.sort(counts)[: max(1, len(counts) // 2)]
        return max(float(taken.mean()) if len(taken) else 0.0, LEAST_AMBIENT)
    seen = counts[outside]
    # The highest are doublets; cut off, they would take the rare counts of soup with them.
    most = float(np.minimum(seen, max(float(np.quantile(seen, 0.98)), 1.0)).mean())
    empty = float((seen == 0).mean())
    mean = min(most, AMBIENT_SIZE * (empty ** (-1 / AMBIENT_SIZE) - 1)) if empty > 0 else most
    for _ in range(AMBIENT_STEPS):
        mean = max(mean, LEAST_AMBIENT)
        reach = float(nbinom.ppf(AMBIENT_REACH, AMBIENT_SIZE, AMBIENT_SIZE / (AMBIENT_SIZE + mean)))
        again = min(float(seen[seen <= reach].mean()), most)
        if abs(again - mean) <= 1e-9:
            break
        mean = again
    return max(mean, LEAST_AMBIENT)


def _log_nb(counts: Floats, mean: Floats) -> Floats:
    size = AMBIENT_SIZE
    return np.asarray(
        gammaln(counts + size)
        - gammaln(size)
        - gammaln(counts + 1)
        + size * np.log(size / (size + mean))
        + counts * np.log(mean / (size + mean))
    )


def normal_share(told: list[tuple[int, int]], rules: MalignantRules) -> tuple[float, float, int]:
    """Return the Beta parameters of the kappa share of normal cells, and how many of the sample's own cells tell it.

    Parameters
    ----------
    told
        Kappa and lambda cells of the sample's other clusters of B or plasma cells; the polyclonal ones are the
        sample's own normal cells.
    rules
        Thresholds.
    """
    first = rules.normal_kappa * rules.normal_kappa_weight, (1 - rules.normal_kappa) * rules.normal_kappa_weight
    # A cluster with a clone among normal cells would carry the clone's share into what normal cells are taken to have.
    own = [
        pair
        for pair in told
        if sum(pair) >= rules.min_light_cells
        and restriction(*pair, first, rules) < 0
        and normal_tail(*pair, first) >= rules.odd_share
    ]
    kappa, lambda_ = first[0] + sum(pair[0] for pair in own), first[1] + sum(pair[1] for pair in own)
    shrink = min(1.0, rules.normal_spread / (kappa + lambda_))
    return kappa * shrink, lambda_ * shrink, sum(sum(pair) for pair in own)


def restriction(kappa: float, lambda_: float, normal: tuple[float, float], rules: MalignantRules) -> float:
    """Return the log ratio of one clone (of either chain) over polyclonal cells, for told cells of a cluster."""
    clone = rules.clone_purity
    of_kappa = betaln(kappa + clone, lambda_ + 1) - betaln(clone, 1)
    of_lambda = betaln(kappa + 1, lambda_ + clone) - betaln(1, clone)
    polyclonal = betaln(kappa + normal[0], lambda_ + normal[1]) - betaln(*normal)
    return float(np.logaddexp(of_kappa, of_lambda) - np.log(2.0) - polyclonal)


def normal_tail(kappa: int, lambda_: int, normal: tuple[float, float]) -> float:
    """Return the two-sided chance that a cluster of normal cells has a kappa share as far off as this one."""
    spread = betabinom(kappa + lambda_, *normal)
    return float(min(1.0, 2 * min(spread.cdf(kappa), spread.sf(kappa - 1))))


def excess(kappa: int, lambda_: int, normal: tuple[float, float]) -> tuple[int, float]:
    """Return the dominant chain of told cells (1 or -1) and the share of its cells that normal cells do not explain.

    The other chain's cells are normal, and bring as many normal cells of the dominant chain as normal cells have.
    """
    share = normal[0] / (normal[0] + normal[1])
    if kappa >= lambda_ * share / (1 - share):
        return 1, max(0.0, 1 - lambda_ * share / (1 - share) / kappa) if kappa else 0.0
    return -1, max(0.0, 1 - kappa * (1 - share) / share / lambda_)
