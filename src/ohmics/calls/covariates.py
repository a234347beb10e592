"""A score and its noisy covariates come in; slopes within groups, corrected for that noise, go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]

LOWEST_RELIABILITY = 0.2
"""Below it a covariate is mostly noise; correcting further would make its slope arbitrary."""
ILL_CONDITIONED = 30.0
"""Condition number from which covariates cannot be told apart (Belsley, Kuh and Welsch 1980)."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Slopes of a score on covariates.

    ``coefficients``, ``vif`` (variance inflation: how far the other covariates explain this one), ``reliability``
    (share of its variance within groups that is no noise; 1 where unknown) and ``means`` (over the fitted
    observations, groups weighing the same) have one value a covariate. ``condition_number`` is that of the
    correlation matrix: square root of the largest over the smallest eigenvalue.
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    means: FloatArray
    vif: FloatArray
    reliability: FloatArray
    condition_number: float
    n: int
    n_groups: int
    notes: list[str] = field(default_factory=list)


def fit_covariates(
    score: FloatArray,
    covariates: FloatArray,
    *,
    groups: npt.NDArray[Any],
    halves: Mapping[int, tuple[FloatArray, FloatArray]] | None = None,
    names: Sequence[str] = (),
) -> Fit:
    """Fit ``score`` on ``covariates`` with an intercept a group; groups weigh the same.

    Parameters
    ----------
    score
        Shape (observations,).
    covariates
        Shape (observations, covariates).
    groups
        Group (patient) of each observation.
    halves
        Position of a covariate -> two measurements of it with independent errors, on its own scale. Their
        covariance is its variance without noise, which takes the place of the observed one in the normal equations.
    names
        Names of the covariates.

    Notes
    -----
    Errors in variables: Fuller 1987, doi 10.1002/9780470316665. A covariate that does not vary has slope 0.
    """
    labels, codes = np.unique(groups.astype(str), return_inverse=True)
    weights = 1.0 / np.bincount(codes)[codes] / len(labels)
    x, y = _centred(covariates, codes), _centred(score[:, None], codes)[:, 0]
    cross = x.T @ (weights[:, None] * x)
    observed = np.diag(cross).copy()
    varies = observed > 1e-12 * (1 + (covariates**2).mean(axis=0))
    reliability = np.ones(len(observed))
    for position, (first, second) in (halves or {}).items():
        if varies[position]:
            parts = _centred(np.column_stack([first, second]), codes)
            shared = float(np.sum(weights * parts[:, 0] * parts[:, 1]))
            reliability[position] = np.clip(shared / observed[position], LOWEST_RELIABILITY, 1.0)
    notes: list[str] = []
    scale = np.sqrt(np.where(varies, observed * reliability, 1.0))
    correlation = _correlation(cross, scale)
    if not _solvable(correlation[np.ix_(varies, varies)]):
        reliability = np.ones(len(observed))
        scale = np.sqrt(np.where(varies, observed, 1.0))
        correlation = _correlation(cross, scale)
        if _solvable(correlation[np.ix_(varies, varies)]):
            notes.append("the covariates' noise is too large to correct the slopes for, so they are too flat")
    inside = correlation[np.ix_(varies, varies)]
    slopes, vif, condition = np.zeros(len(observed)), np.ones(len(observed)), 1.0
    if varies.any():
        target = (x.T @ (weights * y) / scale)[varies]
        eigenvalues = np.linalg.eigvalsh(inside)
        condition = float(np.sqrt(eigenvalues[-1] / max(eigenvalues[0], 1e-12)))
        # The least-squares solution of smallest norm: two copies of a covariate share its slope.
        inverse = np.linalg.pinv(inside, rcond=1e-8, hermitian=True)
        slopes[varies] = inverse @ target / scale[varies]
        vif[varies] = np.maximum(np.diag(inverse), 1.0)
    if condition > ILL_CONDITIONED:
        notes.append(f"the covariates are collinear (condition number {condition:.0f}): single slopes mean little")
    return Fit(
        names=tuple(names) or tuple(f"x{number}" for number in range(len(observed))),
        coefficients=slopes,
        means=weights @ covariates,
        vif=vif,
        reliability=reliability,
        condition_number=condition,
        n=len(score),
        n_groups=len(labels),
        notes=notes,
    )


def _centred(values: FloatArray, codes: npt.NDArray[Any]) -> FloatArray:
    """Return the values less the mean of their group."""
    frame = pd.DataFrame(values)
    centred: FloatArray = (frame - frame.groupby(codes).transform("mean")).to_numpy(dtype=np.float64)
    return centred


def _correlation(cross: FloatArray, scale: FloatArray) -> FloatArray:
    result: FloatArray = cross / np.outer(scale, scale)
    np.fill_diagonal(result, 1.0)
    return result


def _solvable(correlation: FloatArray) -> bool:
    return not correlation.size or float(np.linalg.eigvalsh(correlation)[0]) > 0.01
