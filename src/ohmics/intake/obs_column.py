"""An h5ad file and a column's name in, that column of ``obs`` by barcode out; no counts are read."""

from __future__ import annotations

from pathlib import Path

import h5py
import pandas as pd
from anndata.io import read_elem

from ohmics.errors import Fault, OhmicsError, listing


def read_obs_column(path: str | Path, column: str) -> pd.Series:
    """Return one column of ``obs`` of an h5ad file, indexed by barcode.

    Raises
    ------
    OhmicsError
        When the file is no h5ad file or lacks the column.
    """
    source = Path(path)
    if source.suffix != ".h5ad":
        raise OhmicsError(
            Fault(
                f"column `{column}` of obs cannot be read from this file",
                where=str(path),
                legal="h5ad files",
                remedy="write the samples as h5ad, or declare cell types instead",
            )
        )
    try:
        with h5py.File(source, "r") as handle:
            obs = read_elem(handle["obs"])
    except (OSError, KeyError) as error:
        raise OhmicsError(Fault("the file is no readable h5ad file", where=str(path))) from error
    if not isinstance(obs, pd.DataFrame) or column not in obs:
        held = listing([str(name) for name in obs.columns]) if isinstance(obs, pd.DataFrame) else "none"
        raise OhmicsError(Fault(f"obs has no column `{column}`", where=str(path), legal=held or "none"))
    values = obs[column]
    values.index = values.index.astype(str)
    return values
