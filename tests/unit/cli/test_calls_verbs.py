"""The verbs that call antigens, lineage and junctions, on files as a run lays them out."""

import numpy as np
import pandas as pd
import pytest

from ohmics.cli import main
from ohmics.intake.config import Config, InputConfig
from ohmics.io import read_table, write_h5ad, write_table
from ohmics.tables import (
    ANTIGEN,
    ANTIGEN_DEPTH,
    ANTIGEN_PRESENTATION,
    CELLS,
    JUNCTIONS,
    LINEAGE,
    LINEAGE_CELLS,
    PAIRS,
    QC,
    SAMPLES,
    SKIPPED,
)
from ohmics.toy import bulk, single_cell


def settings(**more):
    """Return the part of a config that the calls read, as the plan hands it on."""
    import json

    plain = Config(project="x", input=InputConfig(samples="s", modality="single_cell")).to_dict()
    plain["antigen"] |= more.pop("antigen", {})
    plain["lineage"] |= more.pop("lineage", {})
    return json.dumps({key: plain[key] for key in ("seed", "antigen", "lineage", "catalog_paths")})


def written(folder, samples, pairs):
    write_table(samples, SAMPLES, folder / "samples.tsv")
    write_table(pairs, PAIRS, folder / "pairs.tsv")
    qc = QC.conform([{"sample": name, "verdict": "use", "cells_in": 1, "cells_kept": 1} for name in samples["sample"]])
    write_table(qc, QC, folder / "qc.tsv")
    return [f"--{name}={folder / name}.tsv" for name in ("samples", "qc", "pairs")]


def paired(patients):
    return PAIRS.conform(
        [{"contrast": "c", "subject": p, "block": p, "test_samples": f"{p}_relapse", "reference_samples": f"{p}_pre",
          "complete": True} for p in patients]
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Four patients: P04 switches lineage; its switched blasts lie among monocytes in the corrected clusters."""
    folder = tmp_path_factory.mktemp("calls")
    cohort = single_cell(n_patients=4, n_cells=250, n_genes=4000, seed=3)
    truth = cohort.truth_cells.set_index(["sample", "barcode"])
    frames = []
    for sample, adata in cohort.adatas.items():
        write_h5ad(adata, folder / "samples" / sample / "counts.h5ad")
        mine = truth.loc[sample].loc[adata.obs_names]
        kinds = mine["true_type"].astype(object).to_numpy()
        switched = kinds == "AML / switched myeloid blast"
        named = np.where(switched, "CD14 monocyte", kinds)
        frames.append(pd.DataFrame({
            "sample": sample, "barcode": adata.obs_names, "cluster": named, "cell_type": named,
            "cell_type_confidence": 1.0, "malignant": pd.array(kinds == "B-ALL blast", dtype="boolean"),
            "clone": mine["malignant"].to_numpy(),
        }))  # fmt: skip
    cells = pd.concat(frames, ignore_index=True)
    write_table(CELLS.conform(cells.drop(columns="clone")), CELLS, folder / "cells.parquet")
    cells[["sample", "barcode", "clone"]].to_csv(folder / "own.tsv", sep="\t", index=False)
    base = written(folder, cohort.samples, paired(["P01", "P03", "P04"]))
    return folder, [*base, f"--cells={folder / 'cells.parquet'}", f"--folder={folder / 'samples'}"]


def called(run, out, given, *more):
    _, base = run
    names = {"antigen": ANTIGEN, "presentation": ANTIGEN_PRESENTATION, "depth": ANTIGEN_DEPTH, "lineage": LINEAGE,
             "lineage-cells": LINEAGE_CELLS, "skipped": SKIPPED}  # fmt: skip
    paths = {name: out / f"{name}.{table.storage}" for name, table in names.items()}
    outs = [f"--out-{name}={path}" for name, path in paths.items()]
    assert main(["calls", f"--settings={given}", *base, *more, *outs]) == 0
    return {name: read_table(path, names[name]) for name, path in paths.items()}


def test_the_run_writes_antigens_and_lineage(run, tmp_path):
    tables = called(run, tmp_path, settings(antigen={"min_cells": 25}))
    targets = tables["antigen"][tables["antigen"]["role"] == "target"].set_index("patient")
    assert targets.loc["P01", "call"] == "lost"
    assert targets["thresholds"].str.contains("min_cells=25").all()
    lineage = tables["lineage"].set_index("patient")["call"]
    # Nothing tells the switched blasts from monocytes here, so that no_switch must not be said of P04.
    assert lineage["P04"] in ("candidate", "not_assessable")
    assert set(tables["presentation"]["role"]) == {"presentation", "ifn_gamma"}
    assert set(tables["depth"]["side"]) == {"before", "after"}


def test_a_clonal_column_of_the_table_of_cells_makes_it_a_switch(run, tmp_path):
    folder, _ = run
    given = settings(lineage={"clonal_column": "clone"})
    tables = called(run, tmp_path, given, f"--own-cells={folder / 'own.tsv'}")
    found = tables["lineage"].set_index("patient")
    assert found["call"].to_dict() == {"P01": "no_switch", "P03": "no_switch", "P04": "switch"}
    switched = tables["lineage-cells"].query("patient == 'P04' and side == 'after'")
    assert (switched["state"] == "switched").mean() > 0.5


def test_a_bulk_run_calls_antigens_beside_their_lineage(tmp_path):
    cohort = bulk(n_patients=2, n_genes=4000, seed=1)
    write_h5ad(cohort.counts, tmp_path / "bulk.h5ad")
    patients = [p for p, n in cohort.samples["patient"].value_counts(sort=False).items() if n == 2]
    base = written(tmp_path, cohort.samples.assign(target_antigen="PMEL"), paired(patients))
    outs = [f"--out-antigen={tmp_path / 'antigen.tsv'}", f"--out-skipped={tmp_path / 'skipped.tsv'}"]
    given = [f"--settings={settings()}", f"--counts={tmp_path / 'bulk.h5ad'}"]
    assert main(["bulk-antigen", *given, *base, *outs]) == 0
    rows = read_table(tmp_path / "antigen.tsv", ANTIGEN)
    assert set(rows["patient"]) == set(patients)
    assert rows["reason"].str.contains("melanocytic").all()
    assert not rows["call"].isin(["lost", "reduced"]).any()


def test_junction_reads_become_a_table_and_faults_are_said(tmp_path, capsys):
    samples = SAMPLES.conform([{"sample": "a", "patient": "p", "timepoint": "pre", "modality": "bulk", "path": "x"}])
    write_table(samples, SAMPLES, tmp_path / "samples.tsv")
    reads = tmp_path / "reads.tsv"
    reads.write_text("sample\tevent\tupstream\tdownstream\tskipping\na\tCD19 exon 2\t2\t3\t40\n")
    base = ["junctions", f"--samples={tmp_path / 'samples.tsv'}", f"--junctions={reads}", f"--out={tmp_path / 'j.tsv'}"]
    assert main(base) == 0
    assert read_table(tmp_path / "j.tsv", JUNCTIONS)["call"].tolist() == ["skipping"]
    reads.write_text("sample\tevent\tupstream\tdownstream\tskipping\nb\tCD19 exon 2\t2\t3\t40\n")
    assert main(base) == 2
    assert "no sample `b`" in capsys.readouterr().err
