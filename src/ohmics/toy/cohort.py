"""What every toy function hands back: samples, counts and the truth that was planted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

CONTRAST = "relapse_vs_pre"
"""Name of the contrast that every toy cohort is made for."""
CAR = "FMC63-CAR"
"""Name of the transgene feature of the single-cell cohort."""

FOLD = "fold of expression"
"""Unit of a planted value that multiplies expression; 1 is no change."""

TRUTH_COLUMNS = ("level", "subject", "mechanism", "planted", "value", "unit", "change", "expected")
TRUTH_CELLS_COLUMNS = (
    "sample",
    "barcode",
    "true_type",
    "malignant",
    "car",
    "antigen_negative",
    "doublet",
    "partner_type",
    "low_quality",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """A simulated cohort and its planted truth.

    Attributes
    ----------
    modality
        ``single_cell`` or ``bulk``.
    samples
        One row a sample with the columns of SAMPLES; ``path`` is where `ohmics.toy.write` puts the file,
        relative to the sheet.
    adatas
        Sample -> AnnData, observations (cells; one row for a bulk sample) × genes, raw counts as CSR in X.
    truth
        What was planted: ``level`` (cohort or patient), ``subject`` (the contrast or the patient),
        ``mechanism`` (of the catalogue), ``planted`` (in words), ``value`` with its ``unit``, ``change``
        (True when the subject differs between the timepoints, False when it must be found unchanged)
        and ``expected`` (what an analysis should say).
    truth_cells
        One row a cell: ``sample, barcode, true_type, malignant, car, antigen_negative, doublet, partner_type,
        low_quality``; no rows for bulk. ``partner_type`` is the type of a doublet's second cell.
    """

    modality: str
    samples: pd.DataFrame
    adatas: Mapping[str, ad.AnnData]
    truth: pd.DataFrame
    truth_cells: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def counts(self) -> ad.AnnData:
        """Every observation of every sample in the order of ``samples``: observations × genes, raw counts.

        The index is the sample (bulk) or ``{sample}_{barcode}`` (single-cell).
        """
        parts = [self.adatas[sample] for sample in self.samples["sample"]]
        stacked = sparse.vstack([part.X for part in parts], format="csr")
        obs = pd.concat([part.obs for part in parts])
        if self.modality == "single_cell":
            obs.index = (obs["sample"].astype(str) + "_" + obs.index.astype(str)).to_numpy()
        return ad.AnnData(
            stacked, obs=obs, var=parts[0].var.copy(), uns={"ohmics": {"toy": True, "modality": self.modality}}
        )


def truth_frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Return the rows as a truth table; missing texts are None, a missing value is NaN."""
    frame = pd.DataFrame(rows, columns=list(TRUTH_COLUMNS))
    frame["value"] = frame["value"].astype(np.float64)
    frame["change"] = frame["change"].astype(bool)
    return frame
