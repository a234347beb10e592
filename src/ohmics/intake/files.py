"""A path in; the text of an ordinary file, or one clear fault when it is none or was made to fill the memory, out."""

from __future__ import annotations

import csv
import gzip
import io
import os
import stat
import unicodedata
from pathlib import Path

from ohmics.errors import Fault, Faults, OhmicsError

FREE = 8 * 2**20
"""Bytes a text file may unpack to, whatever its size."""
RATIO = 100
"""Beyond that, how many times its size text may unpack to; counts reach about 50."""
MOST_SHEET = 200 * 2**20
MOST_COLUMNS = 1_000
"""Columns of a sheet; one with more is a matrix."""
_MOST_FAULTS = 10
_CONTROL = ("Cc", "Cs")
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_GZIP = b"\x1f\x8b"
_MAGIC = {_GZIP: "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd"}
_WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_NUL = "the file holds a NUL byte, a control character that no text has"
_DAMAGED = "copy or download it again"


def exists(path: str | Path) -> bool:
    """Whether a path leads to something; one that no system allows leads nowhere."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def size_of(path: str | Path) -> int:
    """Return the bytes of a file, or of all files in a folder; one that may not be looked at is refused when read."""
    path = Path(path)
    try:
        held = path.rglob("*") if path.is_dir() else [path]
        return sum(item.stat().st_size for item in held if item.is_file())
    except OSError:
        return 0


def refuse_unless_file(path: Path, *, what: str = "file", where: str | None = None, remedy: str = "") -> None:
    """Refuse what is no ordinary file that may be read: a folder, a pipe, a device, nothing at all.

    Parameters
    ----------
    path
        The path.
    what
        What was looked for, as ``sample sheet``.
    where, remedy
        Of the fault; the path when ``where`` is not given.

    Raises
    ------
    OhmicsError
        With one fault. A pipe would otherwise be waited for, a device be read for ever.
    """
    place = str(path) if where is None else where
    try:
        mode = path.stat().st_mode
    except PermissionError as error:
        raise OhmicsError(Fault("the file may not be read by this user", place)) from error
    except (OSError, ValueError) as error:
        raise OhmicsError(Fault(f"no such {what}", place, remedy=remedy)) from error
    if stat.S_ISDIR(mode):
        raise OhmicsError(Fault(f"a folder stands where the {what} should", place, "a file", remedy))
    if not stat.S_ISREG(mode):
        raise OhmicsError(Fault("this is no regular file but a pipe, a device or a socket", place, "a file on disk"))
    if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        raise OhmicsError(Fault("the file may not be read by this user", place))


def packing_of(start: bytes) -> str:
    """Return how a file is packed by its first bytes: gzip, bzip2, xz, zstd, or empty."""
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "")


class _Bounded(io.RawIOBase):
    """Bytes of a text file as they are read, refused when they cannot be text or unpack to too much."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")
        self._packed = self._file.read(2) == _GZIP
        self._file.seek(0)
        self._unpacked = gzip.GzipFile(fileobj=self._file) if self._packed else None
        self._taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # RawIOBase names a wider type
        block = (self._unpacked or self._file).read(len(buffer))
        where = str(self._path)
        if not self._taken:
            _check_start(block, where)
        self._taken += len(block)
        # Judged by what was taken from the file so far, so that little is unpacked before it is seen.
        if self._packed and self._taken > max(FREE, RATIO * self._file.tell()):
            raise OhmicsError(
                Fault(
                    f"the file unpacks to more than {RATIO} times its size",
                    where,
                    remedy="it is damaged or was made to fill the memory; unpack it and look at it",
                )
            )
        if b"\0" in block:
            raise OhmicsError(Fault(_NUL, where, remedy=_DAMAGED))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        if self._unpacked is not None:
            self._unpacked.close()
        self._file.close()
        super().close()


def _check_start(block: bytes, where: str) -> None:
    packing = packing_of(block)
    if packing == "gzip":
        raise OhmicsError(Fault("the file is gzipped twice", where, remedy="unpack it once"))
    if packing:
        raise OhmicsError(Fault(f"the file is packed with {packing}", where, "plain text or gzip", "unpack it"))
    if _is_utf16(block):
        raise OhmicsError(Fault("the file is not UTF-8 text but UTF-16", where, remedy="save it as UTF-8"))


def _is_utf16(block: bytes) -> bool:
    head = block[:64]
    return head[:2] in (b"\xff\xfe", b"\xfe\xff") or any(
        len(head) > 3 and not any(head[odd::2]) and all(head[1 - odd :: 2]) for odd in (0, 1)
    )


def open_text(path: Path) -> io.TextIOWrapper:
    """Open a text file, unpacking gzip by its first bytes rather than by its name.

    What is read is refused when it holds NUL bytes or unpacks to more than `RATIO` times the file's size.
    """
    refuse_unless_file(path)
    return io.TextIOWrapper(io.BufferedReader(_Bounded(path), 2**17), encoding="utf-8-sig", newline="")


def read_small_text(
    path: Path, *, what: str, where: str, most: int = MOST_SHEET, missing: str = "", remedy: str = ""
) -> str:
    """Return the text of a sheet, config or table, with line ends as ``\\n``.

    Parameters
    ----------
    path
        The file; it is not unpacked.
    what, where, remedy
        For the fault: what the file should be, its name, and what to do when it is not there.
    most
        Bytes it may hold.
    missing
        What it is called when it is not there, ``what`` if not given.

    Raises
    ------
    OhmicsError
        When it is no ordinary file, too large, packed, a workbook, or no UTF-8 text.
    """
    refuse_unless_file(path, what=missing or what, where=where if exists(path) else str(path), remedy=remedy)
    size = path.stat().st_size
    with path.open("rb") as handle:
        start = handle.read(4096)
        if start.startswith(_WORKBOOK):
            told = f"the {what} is not UTF-8 text but a workbook or zip archive"
            raise OhmicsError(Fault(told, where, remedy="save it as TSV or CSV"))
        if packing_of(start):
            raise OhmicsError(
                Fault(f"not UTF-8 text: the {what} is packed with {packing_of(start)}", where, remedy="unpack it")
            )
        _check_start(start, where)
        if b"\0" in start:
            raise OhmicsError(Fault(_NUL, where, remedy=_DAMAGED))
        if size > most:
            raise OhmicsError(Fault(f"{size:,} bytes are too many for a {what}", where, f"at most {most:,}"))
        content = start + handle.read()
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise OhmicsError(Fault(_NUL, f"{where}, line {line}", remedy=_DAMAGED))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        advice = "save it as UTF-8 text, not as a workbook"
        raise OhmicsError(Fault(f"the {what} is not UTF-8 text", where, remedy=advice)) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_rows(path: Path, *, what: str, missing: str = "") -> list[list[str]]:
    """Return the cells of a TSV or CSV (commas or semicolons), without the spaces around them.

    Raises
    ------
    OhmicsError
        As `read_small_text`, and when a cell is too long, holds a control character, or a row has too many cells.
    """
    where = path.name
    text = read_small_text(path, what=what, where=where, missing=missing)
    first = text.split("\n", 1)[0]
    delimiter = next((mark for mark in "\t,;" if mark in first), "\t")
    width = first.count(delimiter) + 1
    if width > MOST_COLUMNS:
        raise OhmicsError(
            Fault(f"the {what} has {width:,} columns", f"{where}, row 1", f"at most {MOST_COLUMNS:,}", "a matrix?")
        )
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=delimiter)]
    except csv.Error as error:
        limit = f"a cell holds more than {csv.field_size_limit():,} characters"
        raise OhmicsError(Fault(limit, where, remedy="is a quote opened and never closed?")) from error
    _refuse_control(rows, where)
    return rows


def _refuse_control(rows: list[list[str]], where: str) -> None:
    faults = Faults()
    for number, row in enumerate(rows, start=1):
        for cell in row:
            # Nearly every cell is printable, which is told without looking at each letter.
            if not cell.isprintable() and (odd := odd_letter(cell)) and len(faults) < _MOST_FAULTS:
                advice = "is a quote opened and never closed?" if odd == "\n" else ""
                shown = "".join(letter if letter.isprintable() else "?" for letter in cell[:40])
                told = f"`{shown}` holds a control character (U+{ord(odd):04X})"
                faults.add(told, where=f"{where}, row {number}", remedy=advice)
    faults.raise_if_any()


def odd_letter(text: str) -> str:
    """Return the first letter that steers a terminal or turns the reading direction, or nothing."""
    return next((one for one in text if one in _OVERRIDES or unicodedata.category(one) in _CONTROL), "")
