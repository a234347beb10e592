"""No data come in; the parts of a config that the calls of tumour cells, antigens and lineage read go out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AntigenConfig:
    """Thresholds of the antigen call; see `ohmics.calls.AntigenRules`."""

    min_cells: int = 20
    min_expected: float = 10.0
    min_matched: int = 100
    min_background: int = 20
    alpha: float = 0.05
    lost_below: float = 0.20
    retained_above: float = 0.5
    unknown_ambient: float = 0.2
    min_null_sd: float = 0.1
    negative_width: float = 0.4
    n_matched: int = 200


@dataclass(frozen=True, kw_only=True)
class LineageConfig:
    """Column with the clone's mark, and fewest candidate cells; see `ohmics.calls.LineageRules`."""

    clonal_column: str | None = None
    min_cells: int = 20


@dataclass(frozen=True, kw_only=True)
class MalignantConfig:
    """What tells malignant cells: a declaration, a column of the user's h5ad files, or the disease's evidence.

    ``gene_positions`` is an absolute path (GTF); ``disease`` overrules the sheet's.
    """

    disease: str | None = None
    cell_types: tuple[str, ...] = ()
    column: str | None = None
    certain: float = 0.9
    gene_positions: str | None = None
