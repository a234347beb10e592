"""A matrix in, the evidence for and against its being raw counts out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp

from ohmics.errors import Fault, listing

NON_INTEGER_SHARE = 0.01
LOG_MAXIMUM = 30.0
EQUAL_SUMS = 1e-3
"""Largest coefficient of variation of row sums that are called equal."""
LARGEST = 2**53
"""Counts beyond it are not held to the last one by a 64-bit number."""
SMALL_LIBRARY = 1_000_000
"""Bulk libraries of estimated counts are larger than this, FPKM and subsets of TPM smaller."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What the values of a matrix look like.

    ``share_non_integer`` is over the non-zero values; ``row_sum_cv`` is the coefficient of variation of
    the sums of observations that are not empty (NaN below three of them).
    """

    n_observations: int
    n_values: int
    share_non_integer: float
    minimum: float
    maximum: float
    n_nan: int
    n_infinite: int
    n_negative: int
    median_row_sum: float
    row_sum_cv: float
    n_empty: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that JSON can hold."""
        return asdict(self)

    @property
    def estimated(self) -> bool:
        """Whether values are fractions, as RSEM and salmon estimate them."""
        return self.share_non_integer > 0

    @property
    def may_be_log(self) -> bool:
        """Whether values are what log-normalised expression is: fractions from 0 to below 30."""
        broken = self.n_nan + self.n_infinite + self.n_negative
        return not broken and self.share_non_integer > NON_INTEGER_SHARE and self.maximum < LOG_MAXIMUM


def examine(matrix: sp.csr_matrix) -> Scale:
    """Measure an observations × features matrix."""
    return examine_blocks([matrix])


def examine_blocks(blocks: Iterable[sp.csr_matrix]) -> Scale:
    """Measure an observations × features matrix that comes as blocks of observations."""
    totals: list[np.ndarray] = [np.zeros(0)]
    n_values = n_fractions = n_nan = n_infinite = n_negative = 0
    lowest, highest = np.inf, -np.inf
    for matrix in blocks:
        data = np.asarray(matrix.data, dtype=np.float64)
        good = data[np.isfinite(data)]
        values = good[good != 0]
        totals.append(np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel())
        n_values += len(values)
        n_fractions += int((values != np.round(values)).sum())
        n_nan += int(np.isnan(data).sum())
        n_infinite += int(np.isinf(data).sum())
        n_negative += int((values < 0).sum())
        if len(values):
            lowest, highest = min(lowest, float(values.min())), max(highest, float(values.max()))
    sums = np.concatenate(totals)
    filled = sums[np.isfinite(sums) & (sums != 0)]
    # Sums of absurd values are refused by their largest value, so their spread may be infinite.
    with np.errstate(over="ignore", invalid="ignore"):
        spread = float(np.std(filled) / abs(np.mean(filled))) if len(filled) >= 3 and np.mean(filled) else float("nan")
    return Scale(
        n_observations=len(sums),
        n_values=n_values,
        share_non_integer=n_fractions / n_values if n_values else 0.0,
        minimum=lowest if n_values else 0.0,
        maximum=highest if n_values else 0.0,
        n_nan=n_nan,
        n_infinite=n_infinite,
        n_negative=n_negative,
        median_row_sum=float(np.median(filled)) if len(filled) else 0.0,
        row_sum_cv=spread,
        n_empty=int((sums == 0).sum()),
    )


def scale_faults(
    scale: Scale,
    matrix: sp.csr_matrix,
    *,
    observations: Sequence[str],
    features: Sequence[str],
    modality: Literal["single_cell", "bulk"],
    where: str,
) -> list[Fault]:
    """Return why the matrix cannot be raw counts, with the evidence; an empty list when it can.

    Refused are missing, infinite and negative values; more than 1 % fractions with a maximum below 30
    (log-transformed); observations that all sum to the same (normalised); in bulk, more than 1 %
    fractions in libraries of a median below 1,000,000 (FPKM, or part of a TPM matrix) and samples
    without a single count; in single-cell a matrix without a single count.
    """
    raw = "give the raw counts"
    found: list[Fault] = []
    for count, mask, what in (
        (scale.n_nan, np.isnan, "missing (NaN or an empty field)"),
        (scale.n_infinite, np.isinf, "infinite"),
        (scale.n_negative, lambda data: data < 0, "negative"),
    ):
        if count:
            place = _first(matrix, mask, observations, features)
            found.append(
                Fault(f"{count:,} values are {what}, the first at {place}", where, "counts from 0 upwards", raw)
            )
    if scale.maximum > LARGEST:
        place = _first(matrix, lambda data: data > LARGEST, observations, features)
        found.append(
            Fault(
                f"the value {scale.maximum:.3g} is too large to be a count, the first such at {place}",
                where,
                "counts up to 2^53",
                raw,
            )
        )
    if not found:
        found += _normalised(scale, modality, where, raw)
    if modality == "bulk":
        sums = np.asarray(matrix.sum(axis=1)).ravel()
        empty = [name for name, total in zip(observations, sums, strict=True) if total == 0]
        if empty:
            found.append(
                Fault(f"samples without a single count: {listing(empty)}", where, remedy="leave them out of the sheet")
            )
    elif not scale.n_values and not found:
        found.append(
            Fault(f"no cell of {scale.n_observations:,} has a single count", where, remedy="leave the sample out")
        )
    return found


def _normalised(scale: Scale, modality: str, where: str, raw: str) -> list[Fault]:
    share = f"{scale.share_non_integer:.0%} of the values are no whole numbers"
    fractions = scale.share_non_integer > NON_INTEGER_SHARE
    if fractions and scale.maximum < LOG_MAXIMUM:
        return [
            Fault(f"the values look log-transformed: {share} and the largest is {scale.maximum:.1f}", where, remedy=raw)
        ]
    if scale.row_sum_cv < EQUAL_SUMS:
        return [
            Fault(
                f"the values look normalised: all {scale.n_observations - scale.n_empty:,} "
                f"{'samples' if modality == 'bulk' else 'cells'} sum to {scale.median_row_sum:,.0f}",
                where,
                remedy=raw,
            )
        ]
    if modality == "bulk" and fractions and scale.median_row_sum < SMALL_LIBRARY:
        return [
            Fault(
                f"the values look like FPKM or part of a TPM matrix: {share} and the samples' median sum is "
                f"{scale.median_row_sum:,.0f}",
                where,
                remedy=raw,
            )
        ]
    return []


def _first(matrix: sp.csr_matrix, mask: Any, observations: Sequence[str], features: Sequence[str]) -> str:
    position = int(np.flatnonzero(mask(np.asarray(matrix.data, dtype=np.float64)))[0])
    row = int(np.searchsorted(matrix.indptr, position, side="right")) - 1
    return f"{features[int(matrix.indices[position])]} in {observations[row]}"
