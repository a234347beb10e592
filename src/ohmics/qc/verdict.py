"""What quality control measured of one sample comes in; a verdict and its reasons, as sentences, go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

USE, CARE, EXCLUDED = "use", "use_with_care", "excluded"
FEW_CELLS = 100
SHALLOW_UMI = 1000.0
LEAST_KEPT_SHARE = 0.5
HIGH_MITO = 10.0
HIGH_AMBIENT = 0.2
HIGH_DOUBLETS = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a verdict rests on; missing numbers are NaN."""

    cells_in: int
    cells_kept: int
    median_umi_in: float
    median_umi: float
    pct_mito: float
    doublet_rate: float
    ambient_fraction: float
    min_cells: int
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """``use``, ``use_with_care`` or ``excluded``, and its reasons as sentences joined by ``;``."""

    verdict: str
    flags: str


def judge(measured: Measured) -> Verdict:
    """Return the verdict on one single-cell sample.

    A sample is excluded only when fewer than ``min_cells`` cells pass; everything else is a reason for care.
    """
    if measured.cells_kept < measured.min_cells:
        what = "essentially empty" if measured.median_umi_in < 100 or measured.cells_in == 0 else "too few good cells"
        reason = (
            f"{what}: {measured.cells_kept} of {measured.cells_in} barcodes pass every filter and "
            f"{measured.min_cells} are needed; the median barcode holds {_number(measured.median_umi_in)} UMI"
        )
        return Verdict(EXCLUDED, reason)
    flags: list[str] = []
    if measured.cells_kept < FEW_CELLS:
        flags.append(f"only {measured.cells_kept} cells pass every filter")
    if measured.median_umi < SHALLOW_UMI:
        flags.append(f"shallow: the median cell holds {_number(measured.median_umi)} UMI")
    if measured.cells_kept < LEAST_KEPT_SHARE * measured.cells_in:
        share = 100 * measured.cells_kept / measured.cells_in
        flags.append(f"{share:.0f} % of {measured.cells_in} barcodes pass every filter")
    if measured.pct_mito > HIGH_MITO:
        flags.append(f"the median cell holds {measured.pct_mito:.1f} % mitochondrial RNA")
    if measured.ambient_fraction > HIGH_AMBIENT:
        flags.append(f"up to {100 * measured.ambient_fraction:.0f} % of the RNA may be ambient")
    if measured.doublet_rate > HIGH_DOUBLETS:
        flags.append(f"{100 * measured.doublet_rate:.0f} % of the cells were called doublets")
    verdict = CARE if flags else USE
    return Verdict(verdict, ";".join([*flags, *(note for note in measured.notes if note)]))


def _number(value: float) -> str:
    return "no" if np.isnan(value) else f"{value:,.0f}"
