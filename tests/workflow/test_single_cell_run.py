"""The whole single-cell workflow on a small toy cohort with one empty sample: it goes on, and finds what is planted."""

import gzip
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from workflow_calls import call

from ohmics.io import read_table
from ohmics.tables import CELLS, EFFECTS, EVIDENCE, IDENTITY, QC, SKIPPED

EMPTY = "P99_relapse"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run whose sheet names one sample of nearly empty droplets."""
    folder = tmp_path_factory.mktemp("sc")
    call(folder, "demo", "--only", "single_cell", "--small", "--write-only", "--out", "d")
    cohort = folder / "d" / "single_cell"
    _add_empty_sample(cohort)
    call(cohort, "run", "config.yaml", "--cores", "2")
    return cohort / "results"


def _add_empty_sample(cohort: Path) -> None:
    sheet = pd.read_csv(cohort / "samples.tsv", sep="\t")
    with h5py.File(cohort / sheet["path"][0]) as file:
        genes = file["matrix/features/name"][:].astype(str)
    random = np.random.default_rng(0)
    counts = sp.csr_matrix((random.random((400, genes.size)) < 2 / genes.size).astype(np.float32))
    names = [f"CELL{i}" for i in range(400)]
    ad.AnnData(counts, obs=pd.DataFrame(index=names), var=pd.DataFrame(index=genes)).write_h5ad(cohort / "empty.h5ad")
    row = sheet.iloc[1].to_dict() | {"sample": EMPTY, "patient": "P99", "timepoint": "relapse", "path": "empty.h5ad"}
    pd.concat([sheet, pd.DataFrame([row])]).to_csv(cohort / "samples.tsv", sep="\t", index=False)


@pytest.mark.slow
def test_an_empty_sample_is_excluded_with_its_reason_and_listed_in_every_report(results: Path) -> None:
    qc = read_table(results / "tables" / "qc.tsv", QC).set_index("sample")
    assert qc.loc[EMPTY, "verdict"] == "excluded"
    assert "empty" in qc.loc[EMPTY, "flags"]
    assert (qc.drop(EMPTY)["verdict"] != "excluded").all()
    for page in ("qc.html", "signatures.html"):
        assert EMPTY in (results / "reports" / page).read_text()
    skipped = read_table(results / "tables" / "skipped.tsv", SKIPPED)
    assert skipped.loc[skipped["subject"] == EMPTY, "reason"].str.contains("excluded").any()


@pytest.mark.slow
def test_cells_are_what_they_were_made_as(results: Path) -> None:
    cells = read_table(results / "tables" / "cells.parquet", CELLS)
    with gzip.open(results.parent / "truth_cells.tsv.gz") as handle:
        truth = pd.read_csv(handle, sep="\t")
    both = cells.merge(truth, on=["sample", "barcode"], suffixes=("", "_true"))
    both = both[~both["doublet"].astype(bool)]
    blasts = both[both["true_type"] == "B-ALL blast"]
    assert blasts["malignant"].astype(bool).mean() > 0.95
    monocytes = both[both["true_type"] == "CD14 monocyte"]
    assert (monocytes["cell_type"].isin(["CD14 monocyte", "CD16 monocyte", "myeloid"])).mean() > 0.95


@pytest.mark.slow
def test_planted_exhaustion_is_supported_and_unchanged_mechanisms_are_not(results: Path) -> None:
    evidence = (
        read_table(results / "tables" / "evidence.tsv", EVIDENCE).query("level == 'cohort'").set_index("mechanism")
    )
    effects = read_table(results / "tables" / "effects.tsv", EFFECTS)
    exhaustion = effects.query(
        "level == 'cohort' and gene_list == 'tcell_exhaustion_terminal/tex_consensus_2of3'"
        " and method == 'ucell' and depth == 'thinned' and cell_type == 'CD8 T'"
    ).iloc[0]
    assert exhaustion["n_positive"] == exhaustion["n_units"] == 6
    assert evidence.loc["tcell_exhaustion_terminal", "verdict"] == "supported"
    for unchanged in ("impaired_death_receptor", "mdsc"):
        assert evidence.loc[unchanged, "verdict"] in ("open", "not_assessable")


@pytest.mark.slow
def test_samples_of_a_patient_belong_together_and_tables_fit(results: Path) -> None:
    identity = read_table(results / "tables" / "identity.tsv", IDENTITY)
    assert "mismatch" not in set(identity["verdict"])
    assert "tables, every one as its schema says" in call(results.parent, "verify", "results").stdout
