"""A toy cohort in; a folder that the workflow can run on, with the planted truth beside it, out."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from ohmics.errors import Fault, OhmicsError
from ohmics.io import write_atomic, write_text
from ohmics.toy.cohort import CAR, CONTRAST, Cohort

FORMATS: dict[str, tuple[str, ...]] = {"single_cell": ("10x_h5", "h5ad"), "bulk": ("csv",)}
B_LINEAGE = ("B cell", "germinal-centre B", "pro/pre-B (hematogone)")
"""Annotated types that blasts of B-ALL fall into; a config declares them to be the tumour."""
_SUFFIX = {"10x_h5": ".h5", "h5ad": ".h5ad"}
_GZIP_LEVEL = 1

_SINGLE_CELL_CONFIG = f"""\
# A simulated cohort of B-ALL under CD19 CAR T cells. What was planted is in truth.tsv and truth_cells.tsv.gz.
project: Toy cohort, B-ALL under CD19 CAR T cells
outdir: results
seed: 0

input:
  samples: samples.tsv
  modality: single_cell
  # The CAR is a feature of the count matrix; it is kept apart from the genes.
  transgenes: [{CAR}]

# The relapse samples are about half as deep as the ones before; small resting T cells have 400 to 800 UMI there.
qc:
  min_umi: 300
  min_genes: 200
  max_pct_mito: 20

# Which annotated types are the tumour is the user's declaration, not a finding. Here: every B-lineage cell, because
# the CAR T cells have removed normal B cells (B-cell aplasia) and leukaemic blasts look like B-cell precursors.
malignant:
  cell_types: [{", ".join(B_LINEAGE)}]

score:
  tiers: [core]

contrasts:
  - name: {CONTRAST}
    variable: timepoint
    test: relapse
    reference: pre
    pair_by: patient
"""

_BULK_CONFIG = f"""\
# A simulated cohort of melanoma under checkpoint inhibitors. What was planted is in truth.tsv.
project: Toy cohort, melanoma under checkpoint inhibitors
outdir: results
seed: 0

input:
  samples: samples.tsv
  modality: bulk
  matrix: counts.csv.gz
  gene_ids: symbol
  orientation: genes_by_samples

score:
  tiers: [core]

contrasts:
  - name: {CONTRAST}
    variable: timepoint
    test: relapse
    reference: pre
    pair_by: patient
"""


def write(cohort: Cohort, folder: str | Path, *, format: str | None = None) -> Path:
    """Write a cohort as a project folder and return the path of its ``config.yaml``.

    The folder holds ``config.yaml``, ``samples.tsv``, the counts (``counts/{sample}.h5`` or ``.h5ad``; bulk:
    ``counts.csv.gz``, genes × samples), ``truth.tsv`` and, for single cells, ``truth_cells.tsv.gz``. The same cohort
    gives the same bytes.

    Parameters
    ----------
    cohort
        What `single_cell` or `bulk` returned.
    folder
        Made when absent; files of the same name are replaced, each whole or not at all.
    format
        ``10x_h5`` (Cell Ranger 3, the default) or ``h5ad`` for single cells, ``csv`` for bulk.

    Raises
    ------
    OhmicsError
        When the format does not fit the cohort.
    """
    legal = FORMATS[cohort.modality]
    chosen = legal[0] if format is None else format
    if chosen not in legal:
        what = f"format `{chosen}` does not fit a {cohort.modality} cohort"
        raise OhmicsError(Fault(what, where="toy cohort", legal=", ".join(legal)))
    root = Path(folder)
    samples = cohort.samples.copy()
    if cohort.modality == "single_cell":
        samples["path"] = [f"counts/{sample}{_SUFFIX[chosen]}" for sample in samples["sample"]]
        for sample, path in zip(samples["sample"], samples["path"], strict=True):
            writer = write_10x_h5 if chosen == "10x_h5" else _write_h5ad
            writer(cohort.adatas[sample], root / path)
        _write_gz(_tsv(cohort.truth_cells), root / "truth_cells.tsv.gz")
    else:
        # The matrix is one file for all samples; the config names it.
        samples = samples.drop(columns="path")
        _write_gz(_matrix_csv(cohort), root / "counts.csv.gz")
    write_text(_tsv(samples.dropna(axis=1, how="all")), root / "samples.tsv")
    write_text(_tsv(cohort.truth), root / "truth.tsv")
    write_text(_SINGLE_CELL_CONFIG if cohort.modality == "single_cell" else _BULK_CONFIG, root / "config.yaml")
    return root / "config.yaml"


def write_10x_h5(adata: ad.AnnData, path: str | Path) -> None:
    """Write raw counts (cells × features) as Cell Ranger 3 does: features × barcodes, with Ensembl ids.

    A transgene is a feature of type Gene Expression whose id is its name, as a custom reference makes it.
    """
    counts = sparse.csr_matrix(adata.X)
    with write_atomic(path) as temporary, h5py.File(temporary, "w") as file:
        matrix = file.create_group("matrix", track_order=False)
        _put(matrix, "barcodes", _fixed(adata.obs_names))
        _put(matrix, "data", counts.data.astype(np.int32))
        _put(matrix, "indices", counts.indices.astype(np.int32))
        _put(matrix, "indptr", counts.indptr.astype(np.int64))
        _put(matrix, "shape", np.asarray(adata.shape[::-1], dtype=np.int32))
        features = matrix.create_group("features", track_order=False)
        _put(features, "id", _fixed(adata.var["original_id"]))
        _put(features, "name", _fixed(adata.var_names))
        _put(features, "feature_type", _fixed(["Gene Expression"] * adata.n_vars))
        _put(features, "genome", _fixed(["GRCh38"] * adata.n_vars))
        _put(features, "_all_tag_keys", _fixed(["genome"]))


def _fixed(texts: pd.Series | pd.Index | list[str]) -> npt.NDArray[np.bytes_]:
    return np.asarray([str(text).encode() for text in texts], dtype=np.bytes_)


def _put(group: h5py.Group, name: str, values: npt.NDArray[np.generic]) -> None:
    # No time stamps: the same counts must give the same bytes.
    group.create_dataset(
        name, data=values, compression="gzip", compression_opts=_GZIP_LEVEL, shuffle=True, track_times=False
    )


def _write_h5ad(adata: ad.AnnData, path: Path) -> None:
    with write_atomic(path) as temporary:
        adata.write_h5ad(temporary, compression="gzip", compression_opts=_GZIP_LEVEL)


def _matrix_csv(cohort: Cohort) -> str:
    counts = cohort.counts
    matrix = np.asarray(sparse.csr_matrix(counts.X).todense()).T.astype(np.int64)
    frame = pd.DataFrame(matrix, index=counts.var_names, columns=counts.obs_names)
    text = io.StringIO()
    frame.to_csv(text, index_label="gene", lineterminator="\n")
    return text.getvalue()


def _tsv(frame: pd.DataFrame) -> str:
    return str(frame.to_csv(sep="\t", index=False, na_rep="", lineterminator="\n"))


def _write_gz(text: str, path: Path) -> None:
    packed = io.BytesIO()
    # Neither a time nor the temporary file's name goes into the header.
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0, compresslevel=4) as stream:
        stream.write(text.encode())
    with write_atomic(path) as temporary:
        temporary.write_bytes(packed.getvalue())
