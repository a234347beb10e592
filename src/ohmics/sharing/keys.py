"""The file of a key comes in, the key goes out, made where there is none; and the table of what was renamed to what."""

from __future__ import annotations

import csv
import io
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ohmics.errors import Fault, OhmicsError
from ohmics.io import write_text
from ohmics.sharing.ids import KEY_BYTES

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_key(path: Path, *, apart_from: tuple[Path, ...]) -> bytes | None:
    """Return the key a file holds; None where there is no such file yet.

    Raises
    ------
    OhmicsError
        When the file lies in a folder that is handed on, others may read it, or it holds no key.
    """
    for folder in apart_from:
        if path.resolve().is_relative_to(folder.resolve()):
            raise OhmicsError(
                Fault(f"the key may not lie in {folder}", str(path), remedy="keep it apart from what is handed on")
            )
    if not path.exists():
        return None
    if path.stat().st_mode & _OTHERS:
        raise OhmicsError(Fault("others may read this key", str(path), remedy=f"chmod 600 {path}"))
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError:
        key = b""
    if len(key) < KEY_BYTES:
        raise OhmicsError(
            Fault("holds no key", str(path), legal=f"{2 * KEY_BYTES} hexadecimal digits", remedy="give another --key")
        )
    return key


def new_key() -> bytes:
    """Return a random key."""
    return secrets.token_bytes(KEY_BYTES)


def table_of(path: Path) -> Path:
    """Return where the table of ids and new names of a key lies."""
    return path.with_name(f"{path.name}.ids.tsv")


def write_key(path: Path, key: bytes, named: Mapping[tuple[str, str], str]) -> None:
    """Write the key and the table of ids, both for their owner alone; what the table told of other ids stays.

    ``named`` holds the new name by kind and id.
    """
    place = table_of(path)
    known: dict[tuple[str, str], str] = {}
    if place.is_file():
        for row in csv.DictReader(io.StringIO(place.read_text(encoding="utf-8")), delimiter="\t"):
            known[row["kind"], row["id"]] = row["name"]
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(("kind", "id", "name"))
    writer.writerows((*key_, name) for key_, name in sorted((known | dict(named)).items()))
    with _for_owner_alone():
        if not path.exists():
            write_text(key.hex() + "\n", path)
        write_text(text.getvalue(), place)


@contextmanager
def _for_owner_alone() -> Iterator[None]:
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
