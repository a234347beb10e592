"""What every reader hands over: a matrix as it stands in its file, and one clear error when the file is damaged."""

from __future__ import annotations

import csv
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp

from ohmics.errors import Fault, OhmicsError, listing
from ohmics.intake.files import open_text as open_text  # the readers' one way to a text file


@dataclass(frozen=True, kw_only=True)
class RawCounts:
    """A matrix before its ids are mapped.

    Parameters
    ----------
    matrix
        Observations × features, CSR, as stored.
    observations
        Barcodes, or sample names of a bulk matrix.
    ids
        The best identifier of each feature (an Ensembl id where the file has one).
    names
        The features' names, where the file has both.
    form
        The format, for people: for example ``10x h5 (v3)``.
    taken_from
        Which of several matrices of the file this is, for example ``layers["counts"]``.
    orientation
        Of a bulk matrix: genes_by_samples or samples_by_genes.
    truncated
        Only the first observations were read.
    notes
        What was left out, as sentences.
    counted
        The format holds nothing but counts, so that values need not look like counts to be taken for them.
    """

    matrix: sp.csr_matrix
    observations: list[str]
    ids: list[str]
    form: str
    names: list[str] | None = None
    taken_from: str = ""
    orientation: str = ""
    truncated: bool = False
    notes: tuple[str, ...] = field(default_factory=tuple)
    counted: bool = False


@contextmanager
def readable(path: Path, form: str) -> Iterator[None]:
    """Turn what h5py, gzip, numpy and pandas raise on a damaged file into one `OhmicsError`; name its file."""
    try:
        yield
    except OhmicsError as error:
        if all(fault.where for fault in error.faults):
            raise
        placed = [fault if fault.where else replace(fault, where=str(path)) for fault in error.faults]
        raise OhmicsError(placed) from error
    except PermissionError as error:
        raise OhmicsError(Fault("the file may not be read by this user", str(path))) from error
    except KeyError as error:
        raise OhmicsError(Fault(f"the file is not a whole {form}: it lacks {_lacking(error)}", str(path))) from error
    except MemoryError as error:
        raise OhmicsError(
            Fault("what the file declares does not fit into memory", str(path), remedy="is it damaged?")
        ) from error
    except UnicodeDecodeError as error:
        raise OhmicsError(
            Fault("text in the file is not UTF-8 text", str(path), remedy="save it as UTF-8; is it damaged?")
        ) from error
    # h5py gives an AttributeError where a name leads to another kind of part than a sound file has there.
    except (
        OSError, EOFError, zlib.error, RuntimeError, ValueError, IndexError, TypeError, ArithmeticError, AttributeError,
        csv.Error, pd.errors.ParserWarning,
    ) as error:  # fmt: skip
        raise OhmicsError(
            Fault(
                f"the file is truncated or damaged, or is no {form}",
                str(path),
                remedy="copy or download it again and compare its size or checksum",
            )
        ) from error


def _lacking(error: KeyError) -> str:
    """Return what a file lacks: our own words, or the name within those of h5py."""
    told = str(error.args[0]) if error.args else "a part"
    named = re.findall(r"(?<!\w)'([^']+)'", told)
    if named or told.startswith("`"):
        return f"`{named[-1]}`" if named else told
    return "a part" if " " in told else f"`{told}`"


def decode(values: object) -> list[str]:
    """Return the strings of an HDF5 dataset.

    Raises
    ------
    ValueError
        When it is no list of texts or whole numbers.
    """
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "SOUTiu":
        raise ValueError("no list of names")
    return [v.decode("utf-8") if isinstance(v, bytes) else str(v) for v in array.tolist()]


def csr(data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, shape: tuple[int, int]) -> sp.csr_matrix:
    """Return a checked CSR matrix with 32-bit indices where they suffice.

    Raises
    ------
    ValueError
        When the parts do not belong together, as in a damaged file.
    OhmicsError
        Without a place, when the values are no numbers.
    """
    data = numbers(data)
    if indices.dtype.kind not in "iu" or indices.ndim != 1:
        raise ValueError("indices are whole numbers")
    indptr = whole_numbers(indptr)
    if min(shape) < 0 or len(indptr) != shape[0] + 1 or int(indptr[0]) != 0 or int(indptr[-1]) != len(data):
        raise ValueError("row pointers do not fit")
    if len(indices) and (int(indices.max()) >= shape[1] or int(indices.min()) < 0):
        raise ValueError("index beyond the matrix")
    if np.any(np.diff(indptr) < 0):
        raise ValueError("row pointers fall")
    kind = np.int32 if len(data) < 2**31 else np.int64
    return sp.csr_matrix((data, indices.astype(kind, copy=False), indptr.astype(kind, copy=False)), shape=shape)


def numbers(values: np.ndarray) -> np.ndarray:
    """Return values as numbers that can be summed; what are no numbers is refused, without a place."""
    if values.dtype.kind not in "biuf":
        raise OhmicsError(Fault("the counts are not numbers", legal="counts from 0 upwards"))
    if values.dtype.kind == "b":
        return values.astype(np.int8)
    if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8):
        return values.astype(np.float32 if values.dtype.itemsize < 4 else np.float64)
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))


def whole_numbers(values: np.ndarray) -> np.ndarray:
    """Return row pointers as numbers that can be subtracted.

    Raises
    ------
    ValueError
        When they are no list of whole numbers.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise ValueError("no list of whole numbers")
    # Numbers without a sign never fall below 0 when they are subtracted, so that a fall would not be seen.
    return array.astype(np.int64)


def refuse_fields_beyond(values: pd.Series, headings: int, *, path: Path, before: int) -> None:
    """Refuse a table whose rows have more fields than there are headings, which pandas would cut in silence.

    Parameters
    ----------
    values
        What was read as one column more than there are headings.
    headings
        How many there are.
    path, before
        The file, and the rows before the values, for the message.
    """
    beyond = np.flatnonzero(values.notna() & (values.astype(str).str.strip() != ""))
    if len(beyond):
        row = int(values.index[beyond[0]]) + before + 1
        told = f"more than {headings:,} fields under {headings:,} headings"
        raise OhmicsError(Fault(told, f"{path}, row {row}", "a field under each heading"))


def refuse_unfitting(raw: RawCounts, where: str) -> None:
    """Refuse a matrix whose names are more or fewer than its rows or columns."""
    numbers(raw.matrix.data)
    for what, names, count in (
        ("observations", raw.observations, raw.matrix.shape[0]),
        ("gene ids", raw.ids, raw.matrix.shape[1]),
        ("gene names", raw.names, raw.matrix.shape[1]),
    ):
        if names is not None and len(names) != count:
            raise OhmicsError(
                Fault(
                    f"the file is truncated or damaged: there are {len(names):,} {what} for {count:,} rows or columns",
                    where,
                    remedy="copy or download it again and compare its size or checksum",
                )
            )


def refuse_repeated(values: list[str], *, what: str, where: str) -> None:
    """Refuse observations of one name."""
    if len(set(values)) != len(values):
        repeated = [value for value, count in Counter(values).items() if count > 1]
        raise OhmicsError(
            Fault(
                f"{len(repeated):,} {what} stand more than once: {listing(repeated, most=3)}",
                where,
                f"{what} that differ",
            )
        )
