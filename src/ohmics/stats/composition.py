"""Cell counts of two sides come in, centred log ratios and their change go out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ohmics.errors import OhmicsError

FloatArray = npt.NDArray[np.float64]
PSEUDOCOUNT = 0.5


def clr_change(test: FloatArray, reference: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the change of each type's centred log ratio between two samples, and its counting variance.

    A type's fraction can only rise when others fall: the change is relative to the geometric mean of
    all types. Types absent on both sides are dropped (missing in the result); 0.5 is added to every
    other count.

    Parameters
    ----------
    test, reference
        Cells of each type, shape (types,).

    Returns
    -------
    tuple of numpy.ndarray
        Change, test minus reference, natural log; and the variance that counting cells alone gives it
        (delta method, Poisson counts). Both have shape (types,) and are missing with fewer than two types.

    Notes
    -----
    Aitchison 1982, doi 10.1111/j.2517-6161.1982.tb01195.x.
    """
    first, second = np.asarray(test, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise OhmicsError(f"counts have shapes {first.shape} and {second.shape}; one count a type is expected")
    if (first < 0).any() or (second < 0).any() or not np.isfinite(first + second).all():
        raise OhmicsError("counts of cells are negative or missing; legal: 0 and above")
    change, variance = np.full(first.shape, np.nan), np.full(first.shape, np.nan)
    present = (first + second) > 0
    n = int(present.sum())
    if n < 2 or first.sum() == 0 or second.sum() == 0:
        return change, variance
    logs = [np.log(side[present] + PSEUDOCOUNT) for side in (first, second)]
    change[present] = (logs[0] - logs[0].mean()) - (logs[1] - logs[1].mean())
    noise = sum(1.0 / (side[present] + PSEUDOCOUNT) for side in (first, second))
    variance[present] = noise * (1 - 2 / n) + np.sum(noise) / n**2
    return change, variance
