"""A file or folder of counts in; its format is told by its content, and the matrix as it stands goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ohmics.errors import Fault, OhmicsError, listing
from ohmics.genes import GeneTable
from ohmics.intake.bulk_text import read_bulk_text
from ohmics.intake.cell_folders import read_cell_folder
from ohmics.intake.cellbender import is_cellbender, read_cellbender
from ohmics.intake.cells_text import read_cells_text
from ohmics.intake.files import packing_of, refuse_unless_file
from ohmics.intake.h5ad import read_h5ad_counts
from ohmics.intake.hdf5 import open_hdf5
from ohmics.intake.loom import is_loom, read_loom
from ohmics.intake.raw import RawCounts, readable
from ohmics.intake.store import is_zarr
from ohmics.intake.tenx_h5 import is_tenx_h5, read_tenx_h5

_HDF5_ENDINGS = (".h5", ".h5ad", ".hdf5", ".loom")
_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the caller of `ohmics.intake.read` said of the file."""

    bulk: bool
    orientation: str
    layer: str | None
    rows: int | None
    log_allowed: bool
    of_sample: tuple[str, str] | None
    samples: Sequence[str] | None
    strandedness: str | Mapping[str, str]
    transcripts: Path | None


def read_raw(source: Path, table: GeneTable, asked: Asked) -> RawCounts:
    """Read a file or folder of counts as it stands.

    Parameters
    ----------
    source
        What to read; it exists.
    table
        Tells gene ids from other text.
    asked
        What the caller said of it.

    Raises
    ------
    OhmicsError
        When it is of no known format, or as the format's reader.
    """
    h5ad: dict[str, Any] = {
        "layer": asked.layer, "rows": asked.rows, "log_allowed": asked.log_allowed, "of_sample": asked.of_sample,
    }  # fmt: skip
    if source.is_dir() and (not asked.bulk or is_zarr(source)):
        return read_cell_folder(source, table, **h5ad)
    if not source.is_dir():
        start = _start(source)
        _refuse_packed(source, start)
        if start == _HDF5 or source.suffix in _HDF5_ENDINGS:
            return _read_hdf5(source, table, asked, h5ad)
        if start[:4] == b"PK\x03\x04":
            what = "the file is a workbook or zip archive"
            raise OhmicsError(Fault(what, str(source), remedy="save it as CSV or TSV"))
    _refuse_of_sample(source, asked)
    if not asked.bulk:
        return read_cells_text(source, table, orientation=asked.orientation, rows=asked.rows)
    return read_bulk_text(
        source, table, orientation=asked.orientation, samples=asked.samples, strandedness=asked.strandedness,
        transcripts=asked.transcripts,
    )  # fmt: skip


def _refuse_packed(source: Path, start: bytes) -> None:
    """Refuse what no reader unpacks; text is read from gzip."""
    packing = packing_of(start)
    held = source.with_suffix("").suffix if source.suffix in (".gz", ".bz2", ".xz", ".zst") else source.suffix
    if packing and (packing != "gzip" or held in _HDF5_ENDINGS):
        raise OhmicsError(Fault(f"the file is packed with {packing}", str(source), remedy="unpack it first"))


def _start(source: Path) -> bytes:
    refuse_unless_file(source)
    with readable(source, "readable file"), source.open("rb") as handle:
        start = handle.read(8)
    if not start:
        raise OhmicsError(Fault("the file is empty", str(source), remedy="copy or download it again"))
    return start


def _read_hdf5(source: Path, table: GeneTable, asked: Asked, h5ad: dict[str, Any]) -> RawCounts:
    with readable(source, "HDF5 file"), open_hdf5(source) as handle:
        loom, cellbender = is_loom(handle), is_cellbender(handle)
        held, known = listing(handle), "obs" in handle and "var" in handle
    with readable(source, "HDF5 file"):
        tenx = not loom and is_tenx_h5(source)
    if not tenx and not loom and known:
        return read_h5ad_counts(source, table, **h5ad)
    _refuse_of_sample(source, asked)
    if loom:
        return read_loom(source, table, layer=asked.layer, rows=asked.rows)
    if not tenx:
        raise OhmicsError(Fault("neither a 10x nor an h5ad file", str(source), remedy=f"it holds {held}"))
    return read_cellbender(source, rows=asked.rows) if cellbender else read_tenx_h5(source, rows=asked.rows)


def _refuse_of_sample(source: Path, asked: Asked) -> None:
    if asked.of_sample is not None:
        what = f"column `{asked.of_sample[0]}` of obs cannot be read from this file"
        raise OhmicsError(Fault(what, str(source), "an h5ad file or Zarr store", "give each sample a file of its own"))
