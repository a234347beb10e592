"""How many cells a file holds, without reading them; and what `ohmics check` predicts from that."""

from __future__ import annotations

import re
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import ohmics.intake.check as check_module
from ohmics.cli import main
from ohmics.intake.cell_count import count_cells


def write_h5ad(path: Path, counts: sp.csr_matrix | np.ndarray, genes: list[str]) -> Path:
    names = pd.DataFrame(index=[f"CELL{number}-1" for number in range(counts.shape[0])])
    ad.AnnData(counts.astype(np.float32), names, pd.DataFrame(index=genes)).write_h5ad(path)
    return path


def test_an_h5ad_file_sparse_or_dense(tmp_path: Path, made) -> None:
    assert count_cells(write_h5ad(tmp_path / "a.h5ad", made.counts, made.ids)) == 12
    assert count_cells(write_h5ad(tmp_path / "b.h5ad", made.counts.toarray(), made.ids)) == 12


@pytest.mark.parametrize("version", [2, 3])
def test_a_10x_file(tmp_path: Path, made, writers: dict, version: int) -> None:
    assert count_cells(writers["tenx"](tmp_path / "counts.h5", made, version=version)) == 12


def test_a_10x_folder(tmp_path: Path) -> None:
    (tmp_path / "GSM1_barcodes.tsv").write_text("A-1\nC-1\nG-1\n")
    assert count_cells(tmp_path) == 3


def test_of_another_file_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text("gene,a,b\nCD19,1,2\n")
    (tmp_path / "empty").mkdir()
    assert count_cells(tmp_path / "counts.csv") is None
    assert count_cells(tmp_path / "empty") is None
    assert count_cells(tmp_path / "absent.h5ad") is None


@pytest.mark.parametrize("whole", [True, False])
def test_check_predicts_from_all_cells_also_where_the_first_were_read(
    tmp_path: Path, made, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    counts = sp.csr_matrix(sp.vstack([made.counts] * 50))
    for name in ("P1_pre", "P1_relapse"):
        write_h5ad(tmp_path / f"{name}.h5ad", counts, made.ids)
    (tmp_path / "samples.tsv").write_text(
        "sample\tpatient\ttimepoint\tpath\nP1_pre\tP1\tpre\tP1_pre.h5ad\nP1_relapse\tP1\trelapse\tP1_relapse.h5ad\n"
    )
    (tmp_path / "config.yaml").write_text("project: t\ninput: {samples: samples.tsv, modality: single_cell}\n")
    if not whole:
        monkeypatch.setattr(check_module, "FULL_READ", 10)
        monkeypatch.setattr(check_module, "PROBE_CELLS", 5)
    assert main(["check", str(tmp_path / "config.yaml")]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("prediction for 1,200 cells in 2 samples")
    assert re.search(r"largest job \(`\w+`\) takes about \d+\.\d GiB of memory, the run about \d+ minutes", last)
