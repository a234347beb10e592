"""A file of the cells of many samples and one sample's name in, the positions and counts of its cells out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ohmics.errors import Fault, OhmicsError, did_you_mean, listing
from ohmics.intake.matrices import by_columns, dense_rows, shape_of, stored_by_columns
from ohmics.intake.raw import csr, whole_numbers

IntArray = npt.NDArray[np.int64]


def as_sample_id(value: str) -> str:
    """Return a value as a sample's id: what cannot stand in one becomes an underscore."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", value.strip())


def cells_of(values: Sequence[str], sample: str, *, column: str, path: Path) -> IntArray:
    """Return the positions of a sample's cells, rising.

    Parameters
    ----------
    values
        The sample of each cell, as the file names it; a value such as ``P1 pre`` is the sample ``P1_pre``.
    sample
        The sample of the sheet.
    column, path
        Where the values come from.

    Raises
    ------
    OhmicsError
        When no cell is of the sample.
    """
    held = np.asarray(values, dtype=object)
    found = np.flatnonzero(held == sample)
    if not len(found):
        known = list(dict.fromkeys(str(value) for value in held))
        as_ids = {as_sample_id(name): name for name in known}
        if sample not in as_ids:
            raise OhmicsError(
                Fault(
                    f"no cell is of sample {sample}: column `{column}` of obs does not hold it",
                    str(path),
                    f"it holds {listing(known)}",
                    did_you_mean(sample, as_ids),
                )
            )
        found = np.flatnonzero(held == as_ids[sample])
    return found.astype(np.int64)


def rows_at(item: Any, chosen: IntArray) -> sp.csr_matrix:
    """Read some rows of a dense or sparse matrix of an h5ad file or Zarr store; the others are not read.

    Parameters
    ----------
    item
        An array, or a group of data, indices and indptr. One that is stored by columns is read whole.
    chosen
        Positions, rising.
    """
    runs = np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1) if len(chosen) else []
    if hasattr(item, "dtype"):
        parts = [dense_rows(item, int(run[0]), int(run[-1]) + 1) for run in runs]
        return sp.csr_matrix(sp.vstack(parts)) if parts else sp.csr_matrix((0, int(item.shape[1])))
    shape = shape_of(item)
    if stored_by_columns(item):
        return sp.csr_matrix(by_columns(item, shape)[chosen])
    pointers = whole_numbers(item["indptr"][:])
    if len(pointers) != shape[0] + 1:
        raise ValueError("counts are missing at the end")
    data, indices = [np.zeros(0, dtype=item["data"].dtype)], [np.zeros(0, dtype=np.int64)]
    for run in runs:
        low, high = int(pointers[run[0]]), int(pointers[run[-1] + 1])
        data.append(np.asarray(item["data"][low:high]))
        indices.append(np.asarray(item["indices"][low:high]))
        if len(data[-1]) != high - low or len(indices[-1]) != high - low:
            raise ValueError("counts are missing at the end")
    lengths = np.diff(pointers)[chosen]
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return csr(np.concatenate(data), np.concatenate(indices), ends, (len(chosen), shape[1]))
