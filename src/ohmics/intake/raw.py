"""What every reader hands over: a matrix as it stands in its file, and one clear error when the file is damaged."""

from __future__ import annotations

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from ohmics.errors import Fault, OhmicsError, listing


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


@contextmanager
def readable(path: Path, form: str) -> Iterator[None]:
    """Turn what h5py, gzip and numpy raise on a damaged file into one `OhmicsError`."""
    try:
        yield
    except OhmicsError:
        raise
    except PermissionError as error:
        raise OhmicsError(Fault("the file may not be read by this user", str(path))) from error
    except KeyError as error:
        raise OhmicsError(Fault(f"the file is not a whole {form}: it lacks {error.args[0]}", str(path))) from error
    except (OSError, EOFError, zlib.error, RuntimeError, ValueError, IndexError, TypeError) as error:
        raise OhmicsError(
            Fault(
                f"the file is truncated or damaged, or is no {form}",
                str(path),
                remedy="copy or download it again and compare its size or checksum",
            )
        ) from error


def open_text(path: Path) -> io.TextIOWrapper:
    """Open a text file, unpacking gzip by its first bytes rather than by its name."""
    with path.open("rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    if packed:
        return io.TextIOWrapper(gzip.GzipFile(path), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def decode(values: object) -> list[str]:
    """Return the strings of an HDF5 dataset."""
    return [v.decode("utf-8") if isinstance(v, bytes) else str(v) for v in np.asarray(values).tolist()]


def csr(data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, shape: tuple[int, int]) -> sp.csr_matrix:
    """Return a checked CSR matrix with 32-bit indices where they suffice.

    Raises
    ------
    ValueError
        When the parts do not belong together, as in a damaged file.
    """
    if len(indices) and (int(indices.max()) >= shape[1] or int(indices.min()) < 0):
        raise ValueError("index beyond the matrix")
    if np.any(np.diff(indptr) < 0):
        raise ValueError("row pointers fall")
    kind = np.int32 if len(data) < 2**31 else np.int64
    return sp.csr_matrix((data, indices.astype(kind, copy=False), indptr.astype(kind, copy=False)), shape=shape)


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
