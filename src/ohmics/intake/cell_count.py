"""A file or folder of single-cell counts comes in; how many cells it holds goes out, and no count is read for it."""

from __future__ import annotations

from pathlib import Path

import h5py

from ohmics.intake.files import open_text
from ohmics.intake.hdf5 import open_hdf5


def count_cells(path: str | Path) -> int | None:
    """Return the number of cells in a 10x HDF5 file, an h5ad file or a 10x matrix folder; None of any other.

    Raises
    ------
    OhmicsError
        When an HDF5 file has parts that no reader would follow.
    """
    source = Path(path)
    if source.is_dir():
        # Names may carry a prefix, as GEO adds.
        found = sorted(item for item in source.iterdir() if "barcodes.tsv" in item.name)
        if not found:
            return None
        with open_text(found[0]) as lines:
            return sum(1 for _ in lines)
    if not source.is_file() or not h5py.is_hdf5(source):
        return None
    with open_hdf5(source) as handle:
        return _in_hdf5(handle)


def _in_hdf5(handle: h5py.File) -> int | None:
    for group in handle.values():
        if isinstance(group, h5py.Group) and "barcodes" in group and isinstance(group["barcodes"], h5py.Dataset):
            return int(group["barcodes"].shape[0])
    matrix = handle.get("X")
    if isinstance(matrix, h5py.Dataset) and len(matrix.shape) == 2:
        return int(matrix.shape[0])
    if isinstance(matrix, h5py.Group) and len(matrix.attrs.get("shape", ())) == 2:
        return int(matrix.attrs["shape"][0])
    return None
