"""A dense or sparse matrix of an h5ad file or Zarr store in; its shape and its rows, checked, out."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from ohmics.errors import Fault, OhmicsError
from ohmics.intake.raw import csr, numbers

_AT_ONCE = 64 * 2**20
"""Bytes of a dense matrix that are held at once."""


def shape_of(item: Any) -> tuple[int, int]:
    """Return rows and columns.

    Raises
    ------
    ValueError
        When it is no matrix.
    """
    held = item.shape if hasattr(item, "dtype") else item.attrs.get("shape", item.attrs.get("h5sparse_shape"))
    sizes = np.asarray(held)
    if sizes.shape != (2,) or sizes.dtype.kind not in "iu" or int(sizes.min()) < 0:
        raise ValueError("no matrix")
    return int(sizes[0]), int(sizes[1])


def stored_by_columns(item: Any) -> bool:
    """Return whether a sparse matrix is stored by columns.

    Raises
    ------
    OhmicsError
        Without a place, when it is stored in a way anndata does not know.
    """
    kind = str(item.attrs.get("encoding-type", item.attrs.get("h5sparse_format", "csr")))
    if not kind.startswith(("csr", "csc")):
        raise OhmicsError(Fault(f"a matrix is stored as `{kind}`", legal="array, csr_matrix, csc_matrix"))
    return kind.startswith("csc")


def by_columns(item: Any, shape: tuple[int, int]) -> sp.csr_matrix:
    """Read a whole sparse matrix that is stored by columns."""
    data, indices, indptr = (np.asarray(item[name][:]) for name in ("data", "indices", "indptr"))
    # Columns of the matrix are rows of its transpose, which are checked as rows are.
    return sp.csr_matrix(csr(data, indices, indptr, (shape[1], shape[0])).T)


def dense_rows(item: Any, start: int, stop: int) -> sp.csr_matrix:
    """Read rows of a dense matrix, never more than a few megabytes of zeros at once."""
    _, width = shape_of(item)
    step = max(1, _AT_ONCE // max(1, width * item.dtype.itemsize))
    parts = [
        sp.csr_matrix(numbers(np.asarray(item[first : min(first + step, stop)]))) for first in range(start, stop, step)
    ]
    return sp.csr_matrix(sp.vstack(parts)) if parts else sp.csr_matrix((0, width))
