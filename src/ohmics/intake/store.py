"""An h5ad file or Zarr store in, one handle on its groups and arrays out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ohmics.errors import Fault, OhmicsError
from ohmics.intake.hdf5 import NOT_READ, open_hdf5, refuse_declared


def is_zarr(path: Path) -> bool:
    """Whether the path is a Zarr store."""
    return path.is_dir() and any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zattrs"))


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open an h5ad file or Zarr store for reading; both are groups of arrays with attributes."""
    if is_zarr(path):
        import zarr  # not needed for the other formats

        _refuse_no_files(path)
        # What was gathered of the metadata in one place may say otherwise than the parts themselves.
        store = zarr.open_group(str(path), mode="r", use_consolidated=False)
        for name, item in store.members(max_depth=None):
            if name.split("/")[0] not in NOT_READ and isinstance(item, zarr.Array):
                chunk = int(np.prod(item.chunks, dtype=object)) * item.dtype.itemsize
                folder = path / name
                held = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
                refuse_declared(name, max(int(item.nbytes), chunk), held, path)
        yield store
        return
    with open_hdf5(path) as handle:
        yield handle


def _refuse_no_files(path: Path) -> None:
    """Refuse a store of which a part is a pipe or a device, which would be waited for."""
    for item in path.rglob("*"):
        if not item.is_dir() and not item.is_file():
            raise OhmicsError(Fault("this part of the store is no regular file", str(item), "files on disk"))
