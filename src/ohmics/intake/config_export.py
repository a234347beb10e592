"""No data come in; the part of a config that the exports read goes out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """Cells beyond which ohmics.h5ad is not made, and rows beyond which a table of cells or genes is Parquet only."""

    h5ad_max_cells: int = 500_000
    max_tsv_rows: int = 100_000
