"""Results folders of pipelines: their samples, and a sheet and config made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ohmics.cli import main
from ohmics.errors import OhmicsError
from ohmics.intake.results_folder import find_samples
from ohmics.intake.sheet import read_samples


def made(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return folder


@pytest.mark.parametrize(
    ("files", "modality", "wanted"),
    [
        (
            [
                f"cellranger/count/{s}/outs/{kind}_feature_bc_matrix.h5"
                for s in ("P1_pre", "P1_rel")
                for kind in ("filtered", "raw")
            ],
            "single_cell",
            {s: f"cellranger/count/{s}/outs/filtered_feature_bc_matrix.h5" for s in ("P1_pre", "P1_rel")},
        ),
        (
            [f"star/{s}/{s}.Solo.out/Gene/{kind}/matrix.mtx.gz" for s in ("a", "b") for kind in ("filtered", "raw")],
            "single_cell",
            {s: f"star/{s}/{s}.Solo.out/Gene/filtered" for s in ("a", "b")},
        ),
        (
            [f"simpleaf/{s}/simpleaf_quant/af_quant/alevin/quants_mat.mtx" for s in ("a", "b")],
            "single_cell",
            {s: f"simpleaf/{s}/simpleaf_quant/af_quant/alevin" for s in ("a", "b")},
        ),
        (
            ["alevin/mtx_conversions/a/a_raw_matrix.h5ad", "alevin/mtx_conversions/combined_raw_matrix.h5ad"],
            "single_cell",
            {"a": "alevin/mtx_conversions/a/a_raw_matrix.h5ad"},
        ),
        (
            ["star/mtx_conversions/a/a_cellbender_filter_matrix.h5ad", "star/mtx_conversions/a/a_filtered_matrix.h5ad"],
            "single_cell",
            {"a": "star/mtx_conversions/a/a_cellbender_filter_matrix.h5ad"},
        ),
        (
            ["preprocess/a/doublet_detection/a.h5ad", "preprocess/a/unified/a.h5ad", "finalize/merged.h5ad"],
            "single_cell",
            {"a": "preprocess/a/doublet_detection/a.h5ad"},
        ),
        (
            ["run1/outs/per_sample_outs/S1/count/sample_filtered_feature_bc_matrix.h5"],
            "single_cell",
            {"S1": "run1/outs/per_sample_outs/S1/count/sample_filtered_feature_bc_matrix.h5"},
        ),
        (["star_rsem/a.genes.results", "star_rsem/a.isoforms.results"], "bulk", {"a": "star_rsem/a.genes.results"}),
        (["salmon/a/quant.sf", "salmon/b/quant.sf"], "bulk", {"a": "salmon/a/quant.sf", "b": "salmon/b/quant.sf"}),
        (["star/a.ReadsPerGene.out.tab", "star/b_ReadsPerGene.out.tab"], "bulk",
         {"a": "star/a.ReadsPerGene.out.tab", "b": "star/b_ReadsPerGene.out.tab"}),
        (["a.cellbender_filtered.h5", "a.cellbender.h5"], "single_cell", {"a.cellbender": "a.cellbender_filtered.h5"}),
        (["out/S 1/ReadsPerGene.out.tab"], "bulk", {"S_1": "out/S 1/ReadsPerGene.out.tab"}),
    ],
)  # fmt: skip
def test_samples_are_found(tmp_path: Path, files: list[str], modality: str, wanted: dict[str, str]) -> None:
    found = find_samples(made(tmp_path, *files, "pipeline_info/params.json", "multiqc/multiqc_report.html"))
    assert found.modality == modality
    assert {name: path.relative_to(tmp_path).as_posix() for name, path in found.samples.items()} == wanted


def test_work_folders_are_not_looked_into(tmp_path: Path) -> None:
    made(tmp_path, "work/3f/salmon/a/quant.sf", "notes.txt")
    with pytest.raises(OhmicsError, match=r"no counts of samples were found; legal: .*it holds notes.txt, work"):
        find_samples(tmp_path)


def test_a_sample_of_two_tools_is_not_guessed(tmp_path: Path) -> None:
    made(tmp_path, "one/a/quant.sf", "two/a/quant.sf")
    with pytest.raises(OhmicsError, match=r"samples are found twice: a \(one/a/quant.sf and two/a/quant.sf\)"):
        find_samples(tmp_path)


def test_init_writes_a_sheet_that_lacks_only_what_no_folder_knows(tmp_path: Path, capsys) -> None:
    made(tmp_path / "results", "salmon/P1_pre/quant.sf", "salmon/P1_rel/quant.sf")
    assert main(["init", str(tmp_path / "study"), "--from", str(tmp_path / "results")]) == 0
    assert "2 samples of salmon: P1_pre, P1_rel" in capsys.readouterr().out
    sheet = tmp_path / "study" / "samples.tsv"
    assert sheet.read_text().splitlines()[0] == "sample\tpatient\ttimepoint\tpath"
    assert "\n  modality: bulk " in (tmp_path / "study" / "config.yaml").read_text()
    with pytest.raises(OhmicsError) as error:
        read_samples(sheet, modality="bulk")
    assert [fault.what for fault in error.value.faults] == ["`patient` is empty"] * 2 + ["`timepoint` is empty"] * 2
    filled = (
        sheet.read_text().replace("P1_pre\t\t\t", "P1_pre\tP1\tpre\t").replace("P1_rel\t\t\t", "P1_rel\tP1\trelapse\t")
    )
    sheet.write_text(filled)
    read = read_samples(sheet, modality="bulk")
    assert [Path(path) for path in read["path"]] == [
        tmp_path / f"results/salmon/{s}/quant.sf" for s in ("P1_pre", "P1_rel")
    ]


def test_init_names_a_merged_matrix(tmp_path: Path, capsys) -> None:
    made(tmp_path / "r", "star_salmon/P1_pre/quant.sf", "star_salmon/salmon.merged.gene_counts.tsv")
    path = tmp_path / "r" / "star_salmon" / "salmon.merged.gene_counts_length_scaled.tsv"
    path.write_text("gene_id\tgene_name\tP1_pre\tP1_rel\nENSG00000000003\tTSPAN6\t1.5\t2\n")
    assert main(["init", str(tmp_path / "study"), "--from", str(tmp_path / "r")]) == 0
    config = (tmp_path / "study" / "config.yaml").read_text()
    assert "\n  matrix: ../r/star_salmon/salmon.merged.gene_counts_length_scaled.tsv" in config
    assert (tmp_path / "study" / "samples.tsv").read_text() == "sample\tpatient\ttimepoint\nP1_pre\t\t\nP1_rel\t\t\n"
    assert main(["init", str(tmp_path / "other"), "--from", str(tmp_path / "none")]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
