"""A number of cells and samples comes in; a toy cohort of that size lies in a folder, ready for `ohmics run`."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from ohmics import toy
from ohmics.io import write_text
from ohmics.tables import SAMPLES
from ohmics.toy.write_cohort import write_10x_h5

GENES = 20_000
MEDIAN_UMI = 5_000.0
"""About 2,150 genes a cell before relapse and 1,050 at relapse, where samples are half as deep."""


def make_cohort(folder: Path, *, cells: int, samples: int, seed: int = 0, workers: int = 2) -> Path:
    """Write the cohort, one patient at a time, unless it is there already; return the path of its config.

    Parameters
    ----------
    folder
        Where config.yaml, samples.tsv and ``counts/*.h5`` (10x HDF5) go.
    cells, samples
        Cells of the whole cohort, samples they come in; a patient has two.
    seed
        Seed of the cohort.
    workers
        Processes.
    """
    mark = folder / ".made"
    wanted = f"cells={cells} samples={samples} genes={GENES} umi={MEDIAN_UMI:g} seed={seed}"
    if mark.is_file() and mark.read_text(encoding="utf-8") == wanted:
        return folder / "config.yaml"
    if samples % 2 or cells % samples:
        raise ValueError("samples must be even and divide the cells")
    (folder / "counts").mkdir(parents=True, exist_ok=True)
    # The first patient brings the config; the sheet is then written for all.
    jobs = [(folder, position, cells // samples, seed) for position in range(samples // 2)]
    sheets = []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for done, sheet in enumerate(pool.map(_make_patient, jobs), start=1):
            sheets.append(sheet)
            print(f"made {2 * done} of {samples} samples", file=sys.stderr, flush=True)
    sheet = SAMPLES.conform(pd.concat(sheets, ignore_index=True)).dropna(axis=1, how="all")
    write_text(str(sheet.to_csv(sep="\t", index=False, na_rep="", lineterminator="\n")), folder / "samples.tsv")
    write_text(wanted, mark)
    return folder / "config.yaml"


def _make_patient(job: tuple[Path, int, int, int]) -> pd.DataFrame:
    folder, position, n_cells, seed = job
    cohort = toy.single_cell(
        n_patients=1, first_patient=position, n_cells=n_cells, n_genes=GENES, median_umi=MEDIAN_UMI, seed=seed
    )
    if position == 0:
        toy.write(cohort, folder)
    else:
        for sample, path in zip(cohort.samples["sample"], cohort.samples["path"], strict=True):
            write_10x_h5(cohort.adatas[sample], folder / path)
    return cohort.samples
