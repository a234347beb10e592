"""An HDF5 file of CellBender's remove-background in, its counts of what CellBender calls cells out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ohmics.intake.hdf5 import open_hdf5
from ohmics.intake.raw import RawCounts, readable
from ohmics.intake.tenx_h5 import read_tenx_h5

CELL = 0.5
"""Probability above which CellBender calls a droplet a cell."""
# CellBender 0.3 keeps what it found of droplets in a group of its own, earlier versions beside the counts.
_GROUPS = ("droplet_latents", "matrix", "background_removed")
_PROBABILITY = ("cell_probability", "latent_cell_probability")
_PLACES = "barcode_indices_for_latents"


def is_cellbender(handle: h5py.File) -> bool:
    """Whether CellBender wrote a file of 10x layout."""
    return _latents(handle) is not None


def read_cellbender(path: Path, *, rows: int | None = None) -> RawCounts:
    """Read the counts; of a file with every droplet only those CellBender calls cells are kept.

    Parameters
    ----------
    path
        ``output.h5`` or ``output_filtered.h5``.
    rows
        Read the first droplets only.

    Raises
    ------
    OhmicsError
        As `read_tenx_h5`.
    """
    raw = read_tenx_h5(path, rows=rows)
    with readable(path, "CellBender file"), open_hdf5(path) as handle:
        found = _latents(handle)
        probability = np.zeros(0) if found is None else np.asarray(found[0][:], dtype=np.float64)
        places = None if found is None or found[1] is None else np.asarray(found[1][:]).astype(np.int64)
        n_droplets = int(_counts(handle)["barcodes"].shape[0])
    note = "CellBender has taken ambient RNA out of these counts"
    raw = replace(raw, form="CellBender h5", notes=(*raw.notes, note), counted=True)
    # In the filtered file every droplet is a cell, and the places are those of the raw matrix.
    filtered = len(probability) == n_droplets and bool((probability > CELL).all())
    if filtered or places is None or len(places) != len(probability) or int(places.max(initial=0)) >= n_droplets:
        return raw
    is_cell = np.zeros(n_droplets, dtype=bool)
    is_cell[places[probability > CELL]] = True
    kept = np.flatnonzero(is_cell[: len(raw.observations)])
    if len(kept) == len(raw.observations):
        return raw
    left = f"{len(raw.observations) - len(kept):,} droplets are no cells by CellBender and are left out"
    return replace(
        raw, matrix=raw.matrix[kept], observations=[raw.observations[i] for i in kept], notes=(*raw.notes, left)
    )


def _counts(handle: h5py.File) -> h5py.Group:
    held = [item for item in handle.values() if isinstance(item, h5py.Group) and "barcodes" in item]
    if not held:
        raise KeyError("`barcodes`")
    return held[0]


def _latents(handle: h5py.File) -> tuple[Any, Any] | None:
    """Return the droplets' cell probabilities and their places among the barcodes (None: not said)."""
    for name in _GROUPS:
        group = handle.get(name)
        if not isinstance(group, h5py.Group):
            continue
        for probability in _PROBABILITY:
            if probability in group:
                return group[probability], group.get(_PLACES)
    return None
