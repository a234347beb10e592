"""An HDF5 file in; a handle on it whose every part lies in the file and is no larger than the file can hold, out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from ohmics.errors import Fault, OhmicsError
from ohmics.intake.files import refuse_unless_file

NOT_READ = ("uns", "obsm", "varm", "obsp", "varp")
"""Parts of an h5ad file that no reader looks at; they may be anything."""
_MOST_PARTS = 100_000
_FREE = 64 * 2**20
"""Bytes an array may declare, whatever the file holds for it."""
_RATIO = 200
"""Beyond that, how many times what the file holds; arrays of counts reach about 30."""


@contextmanager
def open_hdf5(path: Path, *, without: Collection[str] = NOT_READ) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading after a look at its parts, none of which is read for it.

    Parameters
    ----------
    path
        The file.
    without
        Top-level names that will not be read and are not looked at.

    Raises
    ------
    OhmicsError
        When a part is a link into another file, to nothing or to itself, is kept in another file, or declares far
        more values than the file can hold.
    """
    refuse_unless_file(path)
    with h5py.File(path, "r") as handle:
        _look(handle, path, without)
        yield handle


def _look(handle: h5py.File, path: Path, without: Collection[str]) -> None:
    state = path.stat()
    # A file with holes takes fewer blocks of the disk than its size says.
    held = min(state.st_size, state.st_blocks * 512) if state.st_blocks else state.st_size
    seen: set[tuple[int, int]] = set()
    stack: list[tuple[str, h5py.Group]] = [("", handle)]
    while stack:
        place, group = stack.pop()
        for name in group:
            if not place and name in without:
                continue
            address = f"{place}{name}"
            item = _followed(group, name, address, path)
            about = h5py.h5o.get_info(item.id)
            key = (about.fileno, about.addr)
            if key in seen:
                continue
            seen.add(key)
            if len(seen) > _MOST_PARTS:
                raise OhmicsError(Fault(f"the file has more than {_MOST_PARTS:,} parts", str(path)))
            if isinstance(item, h5py.Group):
                stack.append((f"{address}/", item))
            elif isinstance(item, h5py.Dataset):
                _check_array(item, address, path, held)


def _followed(group: h5py.Group, name: str, address: str, path: Path) -> h5py.Group | h5py.Dataset | h5py.Datatype:
    """Return what a name leads to, within this file."""
    elsewhere = Fault(
        f"`{address}` leads into another file", str(path), remedy="write the matrix into one file, without links"
    )
    link = group.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        raise OhmicsError(elsewhere)
    try:
        item = group[name]
    except (KeyError, OSError, RuntimeError) as error:
        if not isinstance(link, h5py.SoftLink):
            raise
        told = Fault(f"`{address}` is a link that leads nowhere or to itself", str(path))
        raise OhmicsError(told) from error
    if item.file.id.id != group.file.id.id and item.file.filename != group.file.filename:
        raise OhmicsError(elsewhere)
    return item


def _check_array(item: h5py.Dataset, address: str, path: Path, held: int) -> None:
    if item.external or item.is_virtual:
        raise OhmicsError(
            Fault(f"the values of `{address}` are kept in another file", str(path), remedy="write them into one file")
        )
    size = item.dtype.itemsize
    declared = (item.size or 0) * size
    chunk = size
    for side in item.chunks or (0,):
        chunk *= side
    declared = max(declared, chunk)
    refuse_declared(address, declared, min(item.id.get_storage_size(), held), path)


def refuse_declared(address: str, declared: int, stored: int, path: Path) -> None:
    """Refuse an array that declares far more bytes than are stored for it."""
    if declared > max(_FREE, _RATIO * stored):
        raise OhmicsError(
            Fault(
                f"`{address}` declares {declared:,} bytes, and the file holds {stored:,} for it",
                str(path),
                remedy="it is damaged or was made to fill the memory; copy or download it again",
            )
        )
