"""An h5ad file (or Zarr store) and a column's name in, that column of ``obs`` by barcode out; no counts are read."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd
from anndata import OldFormatWarning
from anndata._io.specs.registry import IORegistryError
from anndata._io.utils import AnnDataReadError
from anndata.io import read_elem

from ohmics.errors import Fault, OhmicsError, listing
from ohmics.intake.raw import readable
from ohmics.intake.store import is_zarr, opened


def read_obs_column(path: str | Path, column: str) -> pd.Series:
    """Return one column of ``obs`` of an h5ad file or Zarr store, indexed by barcode.

    Raises
    ------
    OhmicsError
        When the file is no h5ad file or lacks the column.
    """
    source = Path(path)
    if source.suffix != ".h5ad" and not is_zarr(source):
        raise OhmicsError(
            Fault(
                f"column `{column}` of obs cannot be read from this file",
                where=str(path),
                legal="h5ad files and Zarr stores",
                remedy="write the samples as h5ad, or declare cell types instead",
            )
        )
    with readable(source, "readable h5ad file"), opened(source) as handle:
        try:
            # Files of older versions are read as well, which is nothing to tell users.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", OldFormatWarning)
                obs = read_elem(handle["obs"])
        except (AnnDataReadError, IORegistryError, ValueError, IndexError, TypeError) as error:
            damaged = Fault(f"obs, and so its column `{column}`, is damaged", str(path), remedy="write the file again")
            raise OhmicsError(damaged) from error
    if not isinstance(obs, pd.DataFrame) or column not in obs:
        held = listing([str(name) for name in obs.columns]) if isinstance(obs, pd.DataFrame) else "none"
        raise OhmicsError(Fault(f"obs has no column `{column}`", where=str(path), legal=held or "none"))
    values = obs[column]
    values.index = values.index.astype(str)
    return values
