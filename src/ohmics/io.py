"""Reading and writing of tables and AnnData files: empty means missing, and nothing is ever half-written."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from ohmics.errors import OhmicsError
from ohmics.tables import Table

if TYPE_CHECKING:
    from anndata import AnnData

_RANDOM_PART = "?" * 8
"""What ``tempfile`` puts between prefix and suffix."""


@contextmanager
def write_atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that replaces it when the block ends without an error.

    A writer that was killed cannot clean up after itself, so the next writer of the same path does.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    for left in final.parent.glob(f".{glob.escape(final.name)}.{_RANDOM_PART}{glob.escape(final.suffix)}"):
        left.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{final.name}.", suffix=final.suffix, dir=final.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def write_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path`` that takes its place, whole, when the block ends without an error.

    What stood there before stays until then, and is removed after. The next writer of the same path removes what a
    killed one left.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    for left in final.parent.glob(f".{glob.escape(final.name)}.{_RANDOM_PART}"):
        shutil.rmtree(left, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o777 & ~umask)
        if final.is_dir() and not final.is_symlink():
            # A folder with content cannot be replaced in one step: the old one is moved aside, then removed.
            old = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
            final.replace(old)
            temporary.replace(final)
            shutil.rmtree(old)
        else:
            temporary.replace(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_table(frame: pd.DataFrame, table: Table, path: str | Path) -> None:
    """Check ``frame`` against ``table`` and write it as TSV or Parquet, by the path's suffix."""
    conformed = table.conform(frame)
    with write_atomic(path) as temporary:
        if Path(path).suffix == ".parquet":
            conformed.to_parquet(temporary, index=False)
        else:
            conformed.to_csv(temporary, sep="\t", index=False, na_rep="", lineterminator="\n")


def read_table(path: str | Path, table: Table, *, exact: bool = False) -> pd.DataFrame:
    """Read a table that ohmics wrote and check it; an empty field is missing, "NA" is a value.

    ``exact`` reads each number to its last bit, so that it is written again as it stood; it takes a little longer.
    """
    source = Path(path)
    if not source.is_file():
        raise OhmicsError(f"{source}: no such file; the stage that writes table {table.name} has not run")
    if source.suffix == ".parquet":
        return table.conform(pd.read_parquet(source))
    text = {column.name: str for column in table.columns if column.kind == "str"}
    precision: Literal["round_trip"] | None = "round_trip" if exact else None
    return table.conform(
        pd.read_csv(source, sep="\t", dtype=text, keep_default_na=False, na_values=[""], float_precision=precision)
    )


def write_text(text: str, path: str | Path) -> None:
    """Write text so that the file is either whole or absent."""
    with write_atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_h5ad(adata: AnnData, path: str | Path) -> None:
    """Write an AnnData file whole, the same bytes for the same content."""
    with write_atomic(path) as temporary:
        adata.write_h5ad(temporary, compression="gzip", compression_opts=1)
