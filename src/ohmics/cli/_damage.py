"""The options of a stage come in; files that earlier stages made and that are cut off or damaged are named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ohmics.errors import Fault, OhmicsError

_NOT_OURS = frozenset(("matrix", "own_cells", "junctions", "config", "collection", "calibration"))
"""Options that name files of the user's, or shipped ones; each has a reader with words of its own."""
_IN_RESULTS = ("*.tsv", "*.json", "tables/*", "counts/*", "samples/*/*")
_REMEDY = "delete it and give the same command again: the stage that writes it runs anew"


def refuse_cut_off(options: Mapping[str, object]) -> None:
    """Look at both ends of each file that a stage reads; a file that is not whole is refused before it misleads.

    A table cut off between two columns still reads as a table, with missing values where it ends.

    Raises
    ------
    OhmicsError
        With every file that lacks its end.
    """
    error = _damage(options, _LACKS_END)
    if error is not None:
        raise error


def find_damage(options: Mapping[str, object]) -> OhmicsError | None:
    """Read every file of a stage that has failed from end to end, and name those that cannot be read."""
    return _damage(options, _CANNOT_BE_READ)


def _damage(options: Mapping[str, object], looks: Mapping[str, Callable[[Path], bool]]) -> OhmicsError | None:
    bad = []
    for path in made_files(options):
        try:
            if path.suffix in looks and looks[path.suffix](path):
                bad.append(path)
        except (FileNotFoundError, PermissionError):
            # Not damaged: another stage makes it anew just now, or the stage itself will say why it may not be read.
            continue
    if not bad:
        return None
    return OhmicsError(Fault("the file is cut off or damaged", str(path), remedy=_REMEDY) for path in bad)


def made_files(options: Mapping[str, object]) -> list[Path]:
    """Return the files among a stage's options that earlier stages made, each once; those of its folders too."""
    found: dict[Path, None] = {}
    for name, value in options.items():
        if name in _NOT_OURS or name.startswith("out"):
            continue
        for path in value if isinstance(value, list) else [value]:
            if isinstance(path, Path):
                found |= dict.fromkeys(_files(name, path))
    # A hidden file is one that is being written.
    return [path for path in found if path.is_file() and not path.name.startswith(".")]


def _files(option: str, path: Path) -> Iterator[Path]:
    if option == "results":
        for pattern in _IN_RESULTS:
            yield from sorted(path.glob(pattern))
    elif option == "folder":
        yield from sorted(path.glob("*/*"))
    else:
        yield path


def _ends(path: Path, size: int) -> tuple[bytes, bytes]:
    with path.open("rb") as file:
        first = file.read(size)
        file.seek(max(0, path.stat().st_size - size))
        return first, file.read(size)


def _table_lacks_end(path: Path) -> bool:
    return _ends(path, 1)[1] != b"\n"


def _json_lacks_end(path: Path) -> bool:
    return _ends(path, 64)[1].rstrip()[-1:] not in (b"}", b"]")


def _parquet_lacks_end(path: Path) -> bool:
    return _ends(path, 4) != (b"PAR1", b"PAR1") or path.stat().st_size < 12


def _h5_lacks_end(path: Path) -> bool:
    import h5py

    # HDF5 keeps the size that a file has to have at its beginning, and holds it against the file when it opens it.
    try:
        h5py.File(path, "r").close()
    except (FileNotFoundError, PermissionError):
        raise
    except OSError:
        return True
    return False


def _text_cannot_be_read(path: Path) -> bool:
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return True
    return _table_lacks_end(path)


def _json_cannot_be_read(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return True
    return False


def _parquet_cannot_be_read(path: Path) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                file.read_row_group(group)
    except (OSError, pa.ArrowException):
        return True
    return False


def _h5_cannot_be_read(path: Path) -> bool:
    import h5py

    def read(name: str, item: object) -> None:  # noqa: ARG001  # what h5py calls
        if isinstance(item, h5py.Dataset):
            for chunk in item.iter_chunks() if item.chunks else ():
                item[chunk]
            if not item.chunks:
                item[()]

    try:
        with h5py.File(path, "r") as file:
            file.visititems(read)
    except (FileNotFoundError, PermissionError):
        raise
    except (OSError, RuntimeError, KeyError):
        return True
    return False


_LACKS_END: Mapping[str, Callable[[Path], bool]] = {
    ".tsv": _table_lacks_end,
    ".json": _json_lacks_end,
    ".parquet": _parquet_lacks_end,
    ".h5ad": _h5_lacks_end,
}
_CANNOT_BE_READ: Mapping[str, Callable[[Path], bool]] = {
    ".tsv": _text_cannot_be_read,
    ".json": _json_cannot_be_read,
    ".parquet": _parquet_cannot_be_read,
    ".h5ad": _h5_cannot_be_read,
}
