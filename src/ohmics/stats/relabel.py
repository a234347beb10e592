"""Units (patients) of a contrast come in; the ways to flip their signs or to permute their groups go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics.errors import OhmicsError
from ohmics.seeds import generator

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Randomisation:
    """How units are re-labelled: ``rows`` @ values is the effect of each re-labelling, the observed one first.

    Parameters
    ----------
    rows
        Re-labellings × units.
    scale
        The effect times the root of this has the residual variance.
    df
        Residual degrees of freedom.
    exact
        Whether the rows are all re-labellings (mirror images, which give the same |score|, once).
    smallest_p
        The smallest p that can be reached.
    scheme
        In words, for the table.
    """

    rows: Array
    scale: float
    df: int
    exact: bool
    smallest_p: float
    scheme: str


def sign_flips(units: Sequence[str], *, n_draws: int, seed: int, shared: Sequence[str] | None = None) -> Randomisation:
    """Return flips of the units' signs: all of them while half their number is within ``n_draws``, else draws.

    A flip and its mirror image turn the ranking around and give the same |score|: one of them is computed.

    Parameters
    ----------
    units
        Names of the units (patients).
    n_draws
        Draws when not all flips are computed.
    seed
        Seed of the draws.
    shared
        Names of all units of the family (cell types may lack some), so that a unit has the same sign in
        every test of a draw.
    """
    everyone = sorted(set(shared if shared is not None else units) | set(units))
    n, n_here = len(everyone), len(units)
    _enough(n_here, 2, "units")
    exact = n <= 62 and 2 ** (n - 1) <= n_draws
    if exact:
        bits = (np.arange(2 ** (n - 1))[:, None] << 1 >> np.arange(n)) & 1
    else:
        drawn = generator(seed, "flips", *everyone).integers(0, 2, size=(n_draws, n), dtype=np.int8)
        bits = np.vstack([np.zeros((1, n), np.int8), drawn])
    column = {unit: i for i, unit in enumerate(everyone)}
    signs = 1.0 - 2.0 * bits[:, [column[unit] for unit in units]]
    return Randomisation(
        rows=signs / n_here,
        scale=float(n_here),
        df=n_here - 1,
        exact=exact,
        smallest_p=max(2.0 ** (1 - n_here), 0.0 if exact else 1 / (n_draws + 1)),
        scheme=f"sign flips of {n_here} units, all 2^{n_here}" if exact
        else f"sign flips of {n_here} units, {n_draws} draws, seed {seed}",
    )  # fmt: skip


def label_permutations(units: Sequence[str], test: npt.NDArray[np.bool_], *, n_draws: int, seed: int) -> Randomisation:
    """Return permutations of two groups' labels over units: all while their number is within ``n_draws``, else draws.

    Parameters
    ----------
    units
        Names of the units.
    test
        Whether each unit is in the test group.
    n_draws, seed
        As in `sign_flips`.
    """
    n, n_test = len(units), int(test.sum())
    _enough(min(n_test, n - n_test), 1, "units in each group")
    _enough(n, 3, "units")
    number = comb(n, n_test)
    exact = number <= n_draws
    if exact:
        labels = np.zeros((number, n))
        for row, chosen in enumerate(combinations(range(n), n_test)):
            labels[row, list(chosen)] = 1
        first = int(np.flatnonzero((labels == test).all(axis=1))[0])
        labels[[0, first]] = labels[[first, 0]]
    else:
        random = generator(seed, "permutations", *units)
        labels = np.vstack([test[None, :], random.permuted(np.tile(test, (n_draws, 1)), axis=1)]).astype(np.float64)
    return Randomisation(
        rows=labels / n_test - (1 - labels) / (n - n_test),
        scale=n_test * (n - n_test) / n,
        df=n - 2,
        exact=exact,
        smallest_p=max((2 if 2 * n_test == n else 1) / number, 0.0 if exact else 1 / (n_draws + 1)),
        scheme=f"permutations of {n_test} and {n - n_test} units, all {number}" if exact
        else f"permutations of {n_test} and {n - n_test} units, {n_draws} draws, seed {seed}",
    )  # fmt: skip


def _enough(n: int, needed: int, what: str) -> None:
    if n < needed:
        raise OhmicsError(f"{n} {what}, at least {needed} are needed to randomise; use camera or more patients")


def paired_differences(logs: pd.DataFrame, *, value: pd.Series, blocks: pd.Series, units: pd.Series) -> pd.DataFrame:
    """Return test minus reference of each unit, the mean over its blocks.

    Parameters
    ----------
    logs
        Samples × genes, log2 CPM; each block has one sample of each side.
    value
        1 for test and 0 for reference.
    blocks, units
        Labels of the samples.

    Raises
    ------
    OhmicsError
        When a block holds samples of two units: its difference is no unit's change.
    """
    owner = units.groupby(blocks, sort=False).nunique()
    shared = owner[owner > 1]
    if len(shared):
        raise OhmicsError(
            f"block {shared.index[0]} holds samples of {shared.iloc[0]} units; pair by the unit to flip its sign"
        )
    sign = pd.Series(np.where(value > 0.5, 1.0, -1.0), index=logs.index)
    change = logs.mul(sign, axis=0).groupby(blocks, sort=False).sum()
    return change.groupby(units.groupby(blocks, sort=False).first().reindex(change.index), sort=False).mean()
