"""Reading and writing of tables and AnnData files: empty means missing, and nothing is ever half-written."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

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


def write_table(frame: pd.DataFrame, table: Table, path: str | Path) -> None:
    """Check ``frame`` against ``table`` and write it as TSV or Parquet, by the path's suffix."""
    conformed = table.conform(frame)
    with write_atomic(path) as temporary:
        if Path(path).suffix == ".parquet":
            conformed.to_parquet(temporary, index=False)
        else:
            conformed.to_csv(temporary, sep="\t", index=False, na_rep="", lineterminator="\n")


def read_table(path: str | Path, table: Table) -> pd.DataFrame:
    """Read a table that ohmics wrote and check it; an empty field is missing, "NA" is a value."""
    source = Path(path)
    if not source.is_file():
        raise OhmicsError(f"{source}: no such file; the stage that writes table {table.name} has not run")
    if source.suffix == ".parquet":
        return table.conform(pd.read_parquet(source))
    text = {column.name: str for column in table.columns if column.kind == "str"}
    return table.conform(pd.read_csv(source, sep="\t", dtype=text, keep_default_na=False, na_values=[""]))


def write_text(text: str, path: str | Path) -> None:
    """Write text so that the file is either whole or absent."""
    with write_atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_h5ad(adata: AnnData, path: str | Path) -> None:
    """Write an AnnData file whole, the same bytes for the same content."""
    with write_atomic(path) as temporary:
        adata.write_h5ad(temporary, compression="gzip", compression_opts=1)
