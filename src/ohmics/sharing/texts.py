"""A file of any kind that a run makes comes in, all text in it goes out, also what is packed or encoded."""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

_MOST_UNPACKED = 1 << 30
"""Bytes that one packed part may unfold to."""
_ENCODED = re.compile(r"[A-Za-z0-9+/]{120,}={0,2}")
_TAG = re.compile(r"<[^>]*>")
_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_TEXT = re.compile(rb"\bBT\b(.*?)\bET\b", re.DOTALL)
_SHOW = re.compile(rb"\bT[jJ]\b")
_STRING = re.compile(rb"\(((?:[^)\\]|\\.)*)\)")
_PNG = b"\x89PNG\r\n\x1a\n"


def texts_in(path: Path, *, ignored: Iterable[str] = ()) -> Iterator[str]:
    """Yield the text a file holds, piece by piece.

    Parameters
    ----------
    path
        A table, page, figure, workbook, h5ad, Parquet or text file; any other is read as Latin-1.
    ignored
        Text of our own that pages carry whole (scripts, styles): left out before anything is looked for.
    """
    read = _READERS.get(path.suffix.lower())
    if read is not None:
        yield from read(path)
    elif path.suffix.lower() == ".html":
        yield from _page(path, ignored)
    else:
        yield from _of_bytes(path.read_bytes())


def _of_bytes(content: bytes) -> Iterator[str]:
    if content[:2] == b"\x1f\x8b":
        yield from _of_bytes(_unpacked(content))
    elif content.startswith(_PNG):
        yield from _picture(content)
    else:
        yield content.decode("utf-8", errors="replace") if b"\0" not in content else content.decode("latin-1")


def _unpacked(content: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=47).decompress(content, _MOST_UNPACKED)
    except zlib.error:
        return b""


def _page(path: Path, ignored: Iterable[str]) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    for own in ignored:
        text = text.replace(own, " ")
    for encoded in _ENCODED.findall(text):
        try:
            yield from _of_bytes(base64.b64decode(encoded + "=" * (-len(encoded) % 4)))
        except binascii.Error:
            yield encoded
    plain = _ENCODED.sub(" ", text)
    yield plain
    yield html.unescape(_TAG.sub("", plain))


def _marked_up(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    plain = _ENCODED.sub(" ", text)
    yield plain
    yield html.unescape(_TAG.sub("\n", plain))


def _picture(content: bytes) -> Iterator[str]:
    """Yield the text beside the points of a PNG: its names and comments."""
    place = len(_PNG)
    while place + 8 <= len(content):
        length, kind = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        if kind != b"IDAT":
            yield content[place + 8 : place + 8 + length].decode("latin-1")
        place += 12 + length


def _png(path: Path) -> Iterator[str]:
    yield from _picture(path.read_bytes())


def _pdf(path: Path) -> Iterator[str]:
    content = path.read_bytes()
    yield _STREAM.sub(b" ", content).decode("latin-1")
    for found in _STREAM.finditer(content):
        stream = _unpacked(found.group(1)) or found.group(1)
        for shown in _TEXT.findall(stream):
            for line in _SHOW.split(shown):
                # Letters of one word are moved a little against each other: [ (P) 20 (01) ] TJ.
                yield b"".join(_STRING.findall(line)).replace(b"\0", b"").decode("latin-1")


def _zip(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as packed:
        yield "\n".join(packed.namelist())
        for name in packed.namelist():
            with packed.open(name) as member:
                text = member.read(_MOST_UNPACKED).decode("utf-8", errors="replace")
            if not name.startswith("xl/worksheets/"):
                yield text
            # The marks of a sheet hold places such as M11 and no text.
            yield html.unescape(_TAG.sub("\n", text))


def _gzip(path: Path) -> Iterator[str]:
    with gzip.open(path, "rb") as packed:
        yield from _of_bytes(packed.read(_MOST_UNPACKED))


def _parquet(path: Path) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    schema = file.schema_arrow
    yield "\n".join(schema.names)
    yield "\n".join(f"{key!r} {value!r}" for key, value in (schema.metadata or {}).items())
    words = [one.name for one in schema if pa.types.is_string(one.type) or pa.types.is_large_string(one.type)
             or pa.types.is_dictionary(one.type)]  # fmt: skip
    for batch in file.iter_batches(columns=words) if words else ():
        for column in batch.columns:
            yield "\n".join(str(value) for value in column.unique().to_pylist() if value is not None)


def _h5(path: Path) -> Iterator[str]:
    import h5py

    pieces: list[str] = []

    def look(name: str, held: Any) -> None:
        pieces.append(name)
        pieces.extend(f"{key}\n{value!s}" for key, value in held.attrs.items())
        if isinstance(held, h5py.Dataset) and (h5py.check_string_dtype(held.dtype) or held.dtype.kind == "S"):
            values = held[()]
            flat = values.ravel().tolist() if hasattr(values, "ravel") else [values]
            pieces.extend(one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in flat)

    with h5py.File(path, "r") as handle:
        pieces.extend(f"{key}\n{value!s}" for key, value in handle.attrs.items())
        handle.visititems(look)
    yield "\n".join(pieces)


_READERS: Mapping[str, Callable[[Path], Iterator[str]]] = {
    ".svg": _marked_up, ".xml": _marked_up, ".png": _png, ".pdf": _pdf, ".xlsx": _zip, ".zip": _zip, ".gz": _gzip,
    ".parquet": _parquet, ".h5ad": _h5, ".h5": _h5,
}  # fmt: skip
