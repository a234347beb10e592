"""Correction for multiple testing: p values or statistics and their shared null in, adjusted p values out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ohmics.errors import OhmicsError

FloatArray = npt.NDArray[np.float64]

TIE = 1e-9
"""Relative difference below which two statistics tie: the same sum in another order must not move p."""


def primary_family(contrast: str) -> str:
    """Return the family of every mechanism's primary line in one contrast."""
    return f"{contrast}/primary"


def method_family(contrast: str, method: str) -> str:
    """Return the family of all further lines of one method in one contrast."""
    return f"{contrast}/{method}"


def benjamini_hochberg(p: Sequence[float] | FloatArray) -> FloatArray:
    """Return Benjamini-Hochberg adjusted p values; a missing p stays missing and is not counted.

    Parameters
    ----------
    p
        P values, shape (tests,); NaN where a test could not be made.

    Returns
    -------
    numpy.ndarray
        False discovery rates, shape (tests,), never below ``p``.

    Notes
    -----
    Benjamini and Hochberg 1995, doi 10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> benjamini_hochberg([0.01, float("nan"), 0.04]).tolist()
    [0.02, nan, 0.04]
    """
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1:
        raise OhmicsError(f"p values have {values.ndim} dimensions; one is expected")
    _check_p(values)
    result = np.full(values.shape, np.nan)
    given = np.flatnonzero(~np.isnan(values))
    if given.size == 0:
        return result
    order = given[np.argsort(-values[given], kind="stable")]
    ranks = np.arange(given.size, 0, -1)
    result[order] = np.minimum(1.0, np.minimum.accumulate(values[order] * given.size / ranks))
    return result


def holm(p: Sequence[float] | FloatArray) -> FloatArray:
    """Return Holm adjusted p values; a missing p stays missing and is not counted.

    Holds the chance of one false finding in the family under any dependence, as step-down max-|T| does where
    there is a shared randomisation.

    Parameters
    ----------
    p
        P values, shape (tests,); NaN where a test could not be made.

    Notes
    -----
    Holm 1979, Scandinavian Journal of Statistics 6:65.

    Examples
    --------
    >>> holm([0.01, float("nan"), 0.04]).tolist()
    [0.02, nan, 0.04]
    """
    values = np.asarray(p, dtype=np.float64)
    _check_p(values)
    result = np.full(values.shape, np.nan)
    given = np.flatnonzero(~np.isnan(values))
    order = given[np.argsort(values[given], kind="stable")]
    left = np.arange(given.size, 0, -1)
    result[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * left)) if given.size else []
    return result


def model_q_by_family(p: Sequence[float] | FloatArray, families: Sequence[str]) -> FloatArray:
    """Return adjusted p of tests without a shared randomisation: Holm in primary families, else Benjamini-Hochberg.

    Parameters
    ----------
    p, families
        P value and family of each test, shape (tests,).
    """
    values, names = np.asarray(p, dtype=np.float64), np.asarray(families, dtype=object)
    result = np.full(values.shape, np.nan)
    for family in dict.fromkeys(families):
        mine = names == family
        result[mine] = (holm if family.endswith("/primary") else benjamini_hochberg)(values[mine])
    return result


def benjamini_hochberg_by_family(p: Sequence[float] | FloatArray, families: Sequence[str | None]) -> FloatArray:
    """Return Benjamini-Hochberg adjusted p values, each family by itself.

    Parameters
    ----------
    p
        P values, shape (tests,); NaN where a test could not be made.
    families
        Family of each test, shape (tests,); a test whose family is empty gets no adjusted p (NaN).
    """
    values = np.asarray(p, dtype=np.float64)
    names = np.asarray([name or "" for name in families], dtype=object)
    if names.shape != values.shape:
        raise OhmicsError(f"{values.size} p values have {names.size} families; one each is expected")
    result = np.full(values.shape, np.nan)
    for name in dict.fromkeys(names):
        if name:
            member = names == name
            result[member] = benjamini_hochberg(values[member])
    return result


def step_down_max_t(
    observed: Sequence[float] | FloatArray,
    null: FloatArray | Iterable[FloatArray],
    *,
    identity_included: bool = False,
) -> FloatArray:
    """Return Westfall-Young step-down max-|T| adjusted p values of one family.

    Every test of the family must have been randomised with the same draws, so that a row of ``null``
    is one draw seen by all tests: that is what lets correlated tests share the burden.

    Parameters
    ----------
    observed
        Observed statistics, shape (tests,); their absolute value is used. NaN: the test is missing,
        it gets no p and does not weigh on the others.
    null
        Statistics under the null, shape (draws, tests), or an iterable of such blocks of rows, which
        keeps memory bounded. NaN counts as no evidence (it never exceeds anything).
    identity_included
        True when ``null`` enumerates every randomisation, the observed one among them: p is then the
        exact share (its floor is the number of randomisations that tie with the observed one).
        False for random draws: one is added to count and number, so that p is never 0.

    Returns
    -------
    numpy.ndarray
        Adjusted p, shape (tests,), in [1 / draws, 1], monotone in ``|observed|``.

    Notes
    -----
    Westfall and Young 1993, algorithm 4.1; the add-one rule is Phipson and Smyth 2010,
    doi 10.2202/1544-6115.1585.

    Examples
    --------
    >>> step_down_max_t([3.0, 1.0], np.array([[0.5, 0.4], [1.2, 2.0], [0.1, 0.2]])).tolist()
    [0.25, 0.5]
    """
    target = np.abs(np.asarray(observed, dtype=np.float64))
    if target.ndim != 1:
        raise OhmicsError(f"observed statistics have {target.ndim} dimensions; one is expected")
    given = np.flatnonzero(~np.isnan(target))
    result = np.full(target.shape, np.nan)
    # From the least to the most extreme: the running maximum of a draw over that order is, at each
    # test, the maximum over the tests that are not more extreme than it.
    ascending = given[np.argsort(target[given], kind="stable")]
    limits = target[ascending] * (1.0 - TIE)
    counts = np.zeros(ascending.size, dtype=np.int64)
    draws = 0
    for block in (null,) if isinstance(null, np.ndarray) else null:
        if block.ndim != 2 or block.shape[1] != target.size:
            raise OhmicsError(f"null statistics have shape {block.shape}; (draws, {target.size}) is expected")
        draws += block.shape[0]
        if ascending.size:
            running = np.nan_to_num(np.abs(block[:, ascending]), nan=-1.0, posinf=np.inf)
            np.maximum.accumulate(running, axis=1, out=running)
            counts += np.count_nonzero(running >= limits, axis=0)
    if draws == 0:
        raise OhmicsError("the null holds no draw; at least one is needed")
    extra = 0 if identity_included else 1
    p = (counts + extra) / (draws + extra)
    result[ascending] = np.maximum.accumulate(p[::-1])[::-1]
    return result


def _check_p(p: FloatArray) -> None:
    wrong = p[(p < 0) | (p > 1)]
    if wrong.size:
        raise OhmicsError(f"{wrong[0]:g} is no p value; legal: 0 to 1, or missing")
