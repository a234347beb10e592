"""A folder as tools for single cells leave it in; its counts out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ohmics.errors import Fault, OhmicsError, listing
from ohmics.genes import GeneTable
from ohmics.intake.alevin_fry import alevin_folder, read_alevin
from ohmics.intake.h5ad import read_h5ad_counts
from ohmics.intake.raw import RawCounts, readable
from ohmics.intake.store import is_zarr
from ohmics.intake.tenx_h5 import read_tenx_h5
from ohmics.intake.tenx_mtx import is_tenx_folder, read_tenx_mtx

# Where the filtered matrix lies in what STARsolo and Cell Ranger leave, the first that is there.
_FILTERED = (
    "Gene/filtered", "Solo.out/Gene/filtered", "GeneFull/filtered", "Solo.out/GeneFull/filtered", "filtered",
    "filtered_feature_bc_matrix", "outs/filtered_feature_bc_matrix", "sample_filtered_feature_bc_matrix",
    "count/sample_filtered_feature_bc_matrix", "outs/filtered_gene_bc_matrices/GRCh38",
    "filtered_gene_bc_matrices/GRCh38",
)  # fmt: skip
_FILTERED_H5 = (
    "filtered_feature_bc_matrix.h5", "outs/filtered_feature_bc_matrix.h5", "sample_filtered_feature_bc_matrix.h5",
    "count/sample_filtered_feature_bc_matrix.h5",
)  # fmt: skip


def read_cell_folder(
    path: Path,
    table: GeneTable,
    *,
    layer: str | None = None,
    rows: int | None = None,
    log_allowed: bool = False,
    of_sample: tuple[str, str] | None = None,
) -> RawCounts:
    """Read a Zarr store, an alevin-fry folder, a 10x matrix folder, or the filtered matrix of STARsolo or Cell Ranger.

    Parameters
    ----------
    path
        The folder, or one that holds it under the name its tool gives it (``Solo.out``, ``outs``, ``af_quant``).
    table
        Tells gene ids from other text.
    layer, log_allowed, of_sample
        Zarr: as for `read_h5ad_counts`.
    rows
        Read the first cells only.

    Raises
    ------
    OhmicsError
        When the folder holds no matrix, or it is damaged.
    """
    with readable(path, "readable folder"):
        if is_zarr(path):
            return read_h5ad_counts(path, table, layer=layer, rows=rows, log_allowed=log_allowed, of_sample=of_sample)
        alevin, is_tenx = alevin_folder(path), is_tenx_folder(path)
        inside = [path / name for name in _FILTERED if not is_tenx and is_tenx_folder(path / name)]
        packed = [path / name for name in _FILTERED_H5 if (path / name).is_file()]
        held = sorted(item.name for item in path.iterdir())
    if is_tenx:
        return read_tenx_mtx(path, rows=rows)
    if alevin is not None:
        return read_alevin(alevin, rows=rows)
    if inside or packed:
        chosen = inside[0] if inside else packed[0]
        raw = read_tenx_mtx(chosen, rows=rows) if inside else read_tenx_h5(chosen, rows=rows)
        return replace(raw, taken_from=str(chosen.relative_to(path)))
    raise OhmicsError(
        Fault(
            "the folder holds no matrix.mtx",
            str(path),
            "a 10x matrix folder, STARsolo's or Cell Ranger's output, alevin-fry's folder or a Zarr store",
            f"it holds {listing(held)}" if held else "it is empty",
        )
    )
