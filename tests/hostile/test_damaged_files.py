"""Files cut short or with bytes changed are read or refused, and never end in another error."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.errors import OhmicsError
from ohmics.intake import gene_table, read

CELLS, GENES = 12, 40


def _tenx(path: Path, counts: np.ndarray, genes: list[str]) -> None:
    matrix = sp.csr_matrix(counts)
    with h5py.File(path, "w") as handle:
        group = handle.create_group("matrix")
        group["data"], group["indices"], group["indptr"] = matrix.data, matrix.indices, matrix.indptr
        group["shape"] = np.array([GENES, CELLS])
        group["barcodes"] = np.array([f"C{number}" for number in range(CELLS)], dtype="S")
        for name in ("id", "name"):
            group[f"features/{name}"] = np.array(genes, dtype="S")


def _h5ad(path: Path, counts: np.ndarray, genes: list[str]) -> None:
    cells = pd.DataFrame(index=[f"C{number}" for number in range(CELLS)])
    ad.AnnData(sp.csr_matrix(counts.astype(np.float32)), obs=cells, var=pd.DataFrame(index=genes)).write_h5ad(path)


def _table(path: Path, counts: np.ndarray, genes: list[str]) -> None:
    frame = pd.DataFrame(counts.T, index=genes, columns=[f"S{number}" for number in range(CELLS)])
    path.write_bytes(gzip.compress(frame.to_csv().encode()))


def _refused(path: Path, modality: str) -> bool:
    """Whether the file is refused; any error but `OhmicsError` fails the test."""
    try:
        read(path, modality=modality)
    except OhmicsError:
        return True
    return False


@pytest.mark.parametrize(
    ("name", "writer", "modality"),
    [("a.h5", _tenx, "single_cell"), ("a.h5ad", _h5ad, "single_cell"), ("a.csv.gz", _table, "bulk")],
)
def test_damage_is_told_in_one_sentence(tmp_path: Path, name: str, writer, modality: str) -> None:
    counts = np.random.default_rng(1).poisson(2.0, size=(CELLS, GENES))
    path = tmp_path / name
    writer(path, counts, gene_table().frame["symbol"].head(GENES).tolist())
    assert read(path, modality=modality).shape == (CELLS, GENES)
    whole, damage = path.read_bytes(), random.Random(7)
    refused = 0
    for number in range(60):
        data = bytearray(whole)
        if number % 3 == 0:
            data = data[: damage.randrange(len(data))]
        else:
            for _ in range(damage.choice([1, 5, 50])):
                data[damage.randrange(len(data))] = damage.randrange(256)
        path.write_bytes(bytes(data))
        refused += _refused(path, modality)
    # A changed byte of a count or of padding cannot be told; a file cut short always can.
    assert refused >= 20
