"""The config's ``qc`` block comes in, checked thresholds go out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ohmics.errors import Faults, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class QCSettings:
    """Thresholds of quality control.

    Parameters
    ----------
    min_umi, min_genes
        Least UMI and least genes detected of a kept cell.
    max_pct_mito
        Highest share of mitochondrial UMI of a kept cell, in percent.
    n_mads
        A cell is also removed when its log UMI or log genes lie more than this many scaled median absolute
        deviations from the sample's median; 0 switches this off.
    min_cells
        A sample with fewer kept cells is excluded.
    doublets
        Whether doublets are looked for and removed.
    min_library_size, min_genes_bulk
        Reads and genes detected below which a bulk sample is to be used with care.
    """

    min_umi: float = 500
    min_genes: float = 250
    max_pct_mito: float = 15
    n_mads: float = 5
    min_cells: int = 20
    doublets: bool = True
    min_library_size: float = 1_000_000
    min_genes_bulk: float = 5000

    @classmethod
    def of(cls, settings: Mapping[str, Any] | QCSettings | None) -> QCSettings:
        """Return settings from a mapping; unknown keys and negative thresholds are refused."""
        if settings is None or isinstance(settings, QCSettings):
            return settings or cls()
        names = [field.name for field in fields(cls)]
        faults = Faults()
        for key, value in settings.items():
            if key not in names:
                faults.add(f"unknown key `{key}`", where="qc", legal=", ".join(names), remedy=did_you_mean(key, names))
            elif key != "doublets" and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
                faults.add(f"`{value}` is no number from 0 on", where=f"qc.{key}")
        faults.raise_if_any()
        return cls(**settings)
