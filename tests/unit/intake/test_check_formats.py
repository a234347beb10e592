"""`ohmics check` on a config of every format: what it was taken for is said, and the genes are those of the data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.cli import main
from ohmics.intake import check as check_module
from ohmics.intake.check import check_run
from ohmics.intake.config import load_config
from ohmics.plan import load_plan

SAMPLES = ("P1_pre", "P1_relapse")
_WRITES_ZARR = pytest.mark.filterwarnings(
    "ignore:Writing zarr v2:UserWarning",
    "ignore:zarr v3 autosharding:UserWarning",
    "ignore:Consolidated metadata is:UserWarning",
)


def study(folder: Path, *, modality: str, paths: list[str] | None = None, more: str = "") -> Path:
    """Write a sheet of two samples and a config."""
    rows = [f"{name}\tP1\t{name.split('_')[1]}" for name in SAMPLES]
    head = "sample\tpatient\ttimepoint"
    if paths is not None:
        head, rows = f"{head}\tpath", [f"{row}\t{path}" for row, path in zip(rows, paths, strict=True)]
    (folder / "samples.tsv").write_text("\n".join([head, *rows]) + "\n")
    (folder / "config.yaml").write_text(f"project: S\ninput: {{samples: samples.tsv, modality: {modality}{more}}}\n")
    return folder / "config.yaml"


def write_alevin(path: Path, made) -> None:
    (path / "alevin").mkdir(parents=True)
    coo = made.counts.tocoo()
    lines = ["%%MatrixMarket matrix coordinate real general", f"{coo.shape[0]} {coo.shape[1]} {coo.nnz}"]
    lines += [f"{i + 1} {j + 1} {n}" for i, j, n in zip(coo.row, coo.col, coo.data, strict=True)]
    for name, content in (("mtx", lines), ("rows", made.barcodes), ("cols", made.ids)):
        file = "quants_mat.mtx" if name == "mtx" else f"quants_mat_{name}.txt"
        (path / "alevin" / file).write_text("\n".join(content) + "\n")


def write_loom(path: Path, made) -> None:
    with h5py.File(path, "w") as handle:
        handle["matrix"] = made.counts.T.toarray()
        handle["col_attrs/CellID"] = np.array(made.barcodes, dtype="S")
        handle["row_attrs/Accession"] = np.array(made.ids, dtype="S")


def write_zarr(path: Path, made) -> None:
    ad.AnnData(
        made.counts.astype(np.float32), pd.DataFrame(index=made.barcodes), pd.DataFrame(index=made.ids)
    ).write_zarr(path)


def write_dense(path: Path, made) -> None:
    pd.DataFrame(made.counts.toarray(), index=made.barcodes, columns=made.ids).to_csv(path)


def write_long(path: Path, made) -> None:
    coo = made.counts.tocoo()
    pd.DataFrame(
        {"cell": np.array(made.barcodes)[coo.row], "gene": np.array(made.ids)[coo.col], "count": coo.data}
    ).to_csv(path, index=False)


@_WRITES_ZARR
@pytest.mark.parametrize(
    ("ending", "write", "form"),
    [
        ("", write_alevin, "alevin-fry folder"),
        (".loom", write_loom, "loom"),
        (".zarr", write_zarr, "zarr"),
        (".csv", write_dense, "table of cells"),
        (".long.csv", write_long, "long table of counts"),
    ],
)
def test_single_cell_formats(
    tmp_path: Path, made, capsys, monkeypatch, ending: str, write: Callable, form: str
) -> None:
    for name in SAMPLES:
        write(tmp_path / f"{name}{ending}", made)
    config = study(tmp_path, modality="single_cell", paths=[f"{name}{ending}" for name in SAMPLES])
    assert main(["check", str(config)]) == 0
    told = capsys.readouterr().out
    assert f"{form}: 40 of 40 Ensembl ids map to approved symbols (every sample)" in told
    assert "24 cells in 2 matrices" in told
    result = check_run(load_config(config))
    assert all(info.genes == frozenset(made.names) for info in result.matrices)
    # Of a large cohort only the first cells are looked at.
    monkeypatch.setattr(check_module, "FULL_READ", 10)
    monkeypatch.setattr(check_module, "PROBE_CELLS", 5)
    part = check_run(load_config(config))
    if form != "long table of counts":  # which is read from its beginning, by rows
        assert [info.observations for info in part.matrices] == [5, 5]


def test_one_file_of_many_samples(tmp_path: Path, made, capsys) -> None:
    obs = pd.DataFrame({"donor": ["P1 pre", "P1_relapse"] * 6}, index=made.barcodes)
    ad.AnnData(sp.csr_matrix(made.counts, dtype=np.float32), obs, pd.DataFrame(index=made.ids)).write_h5ad(
        tmp_path / "all.h5ad"
    )
    config = study(tmp_path, modality="single_cell", more=", matrix: all.h5ad, sample_column: donor")
    assert main(["check", str(config)]) == 0
    assert "12 cells in 2 matrices" in capsys.readouterr().out
    in_sheet = study(tmp_path, modality="single_cell", paths=["all.h5ad"] * 2, more=", sample_column: donor")
    assert main(["check", str(in_sheet)]) == 0
    config = study(tmp_path, modality="single_cell", more=", matrix: all.h5ad")
    assert main(["check", str(config)]) == 2
    assert "name the column of obs that tells its samples apart as input.sample_column" in capsys.readouterr().err


@pytest.fixture
def bulk(made) -> pd.DataFrame:
    """Counts of two samples, Ensembl ids × samples."""
    values = np.random.default_rng(5).integers(1, 90_000, size=(len(made.ids), 2))
    return pd.DataFrame(values, index=made.ids, columns=list(SAMPLES))


def star(path: Path, values: pd.Series) -> None:
    lines = [f"N_{name}\t1\t1\t1" for name in ("unmapped", "multimapping", "noFeature", "ambiguous")]
    lines += [f"{gene}\t{n}\t{n // 50}\t{n - n // 50}" for gene, n in values.items()]
    path.write_text("\n".join(lines) + "\n")


def rsem(path: Path, values: pd.Series) -> None:
    lines = ["gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM"]
    lines += [f"{gene}\tENST1\t900.00\t750.00\t{n + 0.5:.2f}\t1.00\t1.00" for gene, n in values.items()]
    path.write_text("\n".join(lines) + "\n")


def salmon(path: Path, values: pd.Series) -> None:
    path.mkdir()
    lines = ["Name\tLength\tEffectiveLength\tTPM\tNumReads"]
    lines += [f"ENST{gene[4:]}\t900\t750.000\t{n / values.sum() * 1e6:.6f}\t{n}.000" for gene, n in values.items()]
    (path / "quant.sf").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("ending", "write", "more", "told"),
    [
        (".tab", star, "", "matrix: counts of the reverse column: P1_pre, told by 2% forward reads"),
        (".tab", star, ", strandedness: forward", "matrix: counts of the forward column: P1_pre, P1_relapse"),
        (".genes.results", rsem, "", "matrix: 100% of the values are estimated counts with fractions; they are kept"),
        (".genes.results", rsem, ", fractions: round", "estimated counts with fractions; they are rounded"),
        ("", salmon, ", transcripts: tx2gene.tsv", "matrix: counts are TPM scaled by length"),
    ],
)
def test_bulk_formats(tmp_path: Path, bulk, made, capsys, ending: str, write: Callable, more: str, told: str) -> None:
    for name in SAMPLES:
        write(tmp_path / f"{name}{ending}", bulk[name])
    (tmp_path / "tx2gene.tsv").write_text("".join(f"ENST{gene[4:]}\t{gene}\n" for gene in bulk.index))
    config = study(tmp_path, modality="bulk", paths=[f"{name}{ending}" for name in SAMPLES], more=more)
    assert main(["check", str(config)]) == 0
    assert told in capsys.readouterr().out
    (info,) = check_run(load_config(config)).matrices
    assert info.genes == frozenset(made.names)
    assert info.samples == SAMPLES


def test_feature_counts_as_the_matrix(tmp_path: Path, bulk, capsys) -> None:
    head = "\t".join(["Geneid", "Chr", "Start", "End", "Strand", "Length", *(f"bam/{name}.bam" for name in SAMPLES)])
    rows = [f"{gene}\tchr1\t1\t9\t+\t9\t{a}\t{b}" for gene, (a, b) in zip(bulk.index, bulk.to_numpy(), strict=True)]
    (tmp_path / "counts.txt").write_text("\n".join(["# Program:featureCounts v2.0.6", head, *rows]) + "\n")
    config = study(tmp_path, modality="bulk", more=", matrix: counts.txt")
    assert main(["check", str(config)]) == 0
    assert "matrix: featureCounts, orientation genes_by_samples, 40 of 40 Ensembl ids" in capsys.readouterr().out


def test_every_fault_of_every_file_is_said(tmp_path: Path, bulk, capsys) -> None:
    star(tmp_path / "a.tab", bulk["P1_pre"])
    (tmp_path / "a.tab").write_text((tmp_path / "a.tab").read_text()[:-9] + "x\n")
    (tmp_path / "b.tab").write_text("N_unmapped\t1\t1\t1\n")
    assert main(["check", str(study(tmp_path, modality="bulk", paths=["a.tab", "b.tab"]))]) == 2
    told = capsys.readouterr().err
    assert "2 faults" in told
    assert "a.tab: `" in told
    assert "b.tab: the file holds no row of counts" in told


def test_a_bulk_sheet_without_paths_and_matrix(tmp_path: Path, capsys) -> None:
    assert main(["check", str(study(tmp_path, modality="bulk"))]) == 2
    assert "column `path` is missing" in (told := capsys.readouterr().err)
    assert "or name one matrix of all samples as input.matrix" in told


def stage(plan, verb: str, name: str, *words: str) -> None:
    assert main([verb, "--settings", plan.settings(name), *words]) == 0


def bulk_counts(config: Path, out: Path) -> ad.AnnData:
    """Run the stages that read counts, as the workflow does."""
    with config.open("a") as handle:
        handle.write("qc: {min_library_size: 1, min_genes_bulk: 1}\n")
    plan = load_plan(config)
    stage(plan, "samples", "samples", "--out", str(out / "samples.tsv"))
    names = ("counts", "qc", "pca", "identity", "reference", "skipped")
    endings = {"counts": "h5ad", "reference": "parquet"}
    words = [f"--out-{name}={out / name}.{endings.get(name, 'tsv')}" for name in names]
    stage(plan, "bulk-qc", "bulk_qc", f"--samples={out / 'samples.tsv'}", *words)
    return ad.read_h5ad(out / "counts.h5ad")


def test_the_stages_read_what_check_read(tmp_path: Path, bulk) -> None:
    bulk.to_csv(tmp_path / "plain.csv")
    plain = bulk_counts(study(tmp_path, modality="bulk", more=", matrix: plain.csv"), tmp_path / "a")
    lines = {name: [f"{gene}\t{n}\t{n // 50}\t{n}" for gene, n in bulk[name].items()] for name in SAMPLES}
    for name in SAMPLES:
        (tmp_path / f"{name}.tab").write_text("\n".join(["N_unmapped\t1\t1\t1", *lines[name]]) + "\n")
    paths = [f"{name}.tab" for name in SAMPLES]
    starry = bulk_counts(study(tmp_path, modality="bulk", paths=paths), tmp_path / "b")
    np.testing.assert_array_equal(starry.X.toarray(), plain.X.toarray())
    assert list(starry.var_names) == list(plain.var_names)
    assert list(starry.obs_names) == list(plain.obs_names)
    (tmp_path / "tx2gene.tsv").write_text("".join(f"ENST{gene[4:]}\t{gene}\n" for gene in bulk.index))
    for name in SAMPLES:
        salmon(tmp_path / name, bulk[name])
    config = study(tmp_path, modality="bulk", paths=list(SAMPLES), more=", transcripts: tx2gene.tsv, fractions: round")
    scaled = bulk_counts(config, tmp_path / "c")
    # Every transcript is as long as the others, so that its reads are its counts.
    np.testing.assert_array_equal(scaled[:, plain.var_names].X.toarray(), plain.X.toarray())
    assert str(tmp_path / "tx2gene.tsv") in load_plan(config).matrices


def test_each_sample_of_one_file_is_a_job(tmp_path: Path, made) -> None:
    obs = pd.DataFrame({"donor": ["P1_pre", "P1_relapse"] * 6}, index=made.barcodes)
    ad.AnnData(sp.csr_matrix(made.counts, dtype=np.float32), obs, pd.DataFrame(index=made.ids)).write_h5ad(
        tmp_path / "all.h5ad"
    )
    config = study(tmp_path, modality="single_cell", more=", matrix: all.h5ad, sample_column: donor")
    with config.open("a") as handle:
        handle.write("qc: {min_umi: 1, min_genes: 1, max_pct_mito: 100, n_mads: 99, min_cells: 1, doublets: false}\n")
    plan = load_plan(config)
    assert plan.matrices == [str(tmp_path / "all.h5ad")]
    for first, name in enumerate(SAMPLES):
        stage(plan, "qc", "qc", f"--sample={name}", f"--matrix={plan.matrix(name)}", f"--out={tmp_path / name}")
        kept = ad.read_h5ad(tmp_path / name / "counts.h5ad")
        own = [number for number in range(first, 12, 2) if made.barcodes[number] in set(kept.obs_names)]
        assert own
        assert [made.barcodes[number] for number in own] == list(kept.obs_names)
        np.testing.assert_array_equal(kept.X.toarray(), made.counts.toarray()[own])
