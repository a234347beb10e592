"""What a run read and wrote, by sha256, and what differs from it later."""

from pathlib import Path

import pytest
import yaml

from ohmics import tables
from ohmics.cli import main
from ohmics.errors import OhmicsError
from ohmics.io import write_table
from ohmics.manifest import differences, inputs_of, make_manifest
from ohmics.provenance import file_digest

STAGES = {"de": "ohmics.cli.de"}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder, given = tmp_path / "results", tmp_path / "given"
    for sample in ("S1", "S2"):
        (given / sample / "mtx").mkdir(parents=True)
        (given / sample / "mtx" / "matrix.mtx").write_text(sample, encoding="utf-8")
        (folder / "samples" / sample).mkdir(parents=True)
        (folder / "samples" / sample / "part.txt").write_text(sample, encoding="utf-8")
    (given / "sheet.tsv").write_text("sheet", encoding="utf-8")
    (given / "mine.gmt").write_text("gmt", encoding="utf-8")
    for name in ("logs", "benchmarks", "tables", ".snakemake"):
        (folder / name).mkdir()
        (folder / name / "x.txt").write_text(name, encoding="utf-8")
    config = {
        "input": {"samples": str(given / "sheet.tsv"), "modality": "single_cell"},
        "score": {"gene_lists": [str(given / "mine.gmt")]},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    rows = [
        {"sample": sample, "patient": "P", "timepoint": "pre", "modality": "single_cell",
         "path": str(given / sample / "mtx")}
        for sample in ("S1", "S2")
    ]  # fmt: skip
    write_table(tables.SAMPLES.conform(rows), tables.SAMPLES, folder / "samples.tsv")
    return folder


def seal(results: Path) -> None:
    write_table(make_manifest(results, stages=STAGES), tables.MANIFEST, results / "manifest.tsv")


def test_it_lists_outputs_inputs_catalogue_and_code(results: Path) -> None:
    made = make_manifest(results, stages=STAGES)
    by_kind = {kind: dict(zip(rows["name"], rows["digest"], strict=True)) for kind, rows in made.groupby("kind")}
    assert set(by_kind["output"]) == {
        "config.yaml", "samples.tsv", "tables/x.txt", "samples/S1/part.txt", "samples/S2/part.txt"
    }  # fmt: skip
    assert by_kind["output"]["tables/x.txt"] == file_digest(results / "tables" / "x.txt")
    assert set(by_kind["input"]) == {
        "sheet/sheet.tsv", "counts/S1/mtx/matrix.mtx", "counts/S2/mtx/matrix.mtx", "score.gene_lists/mine.gmt"
    }  # fmt: skip
    assert set(by_kind["code"]) == {"de"}
    assert "antigens.tsv" in by_kind["catalogue"]
    assert not made["name"].str.contains(results.parent.name).any(), "no folder of a machine is told"


def test_the_folder_of_a_sample_that_left_the_sheet_is_no_output(results: Path) -> None:
    (results / "samples" / "OLD").mkdir()
    (results / "samples" / "OLD" / "part.txt").write_text("old", encoding="utf-8")
    seal(results)
    assert differences(results, stages=STAGES).added == ("samples/OLD/part.txt",)


def test_an_untouched_folder_differs_in_nothing(results: Path) -> None:
    seal(results)
    seen = differences(results, stages=STAGES)
    assert seen.files == 5
    assert not (seen.changed or seen.missing or seen.added or seen.inputs or seen.absent_inputs)
    assert not (seen.catalogue or seen.code)


def test_what_was_changed_missing_or_added_is_named(results: Path) -> None:
    seal(results)
    (results / "tables" / "x.txt").write_text("other", encoding="utf-8")
    (results / "samples" / "S1" / "part.txt").unlink()
    (results / "tables" / "new.txt").write_text("new", encoding="utf-8")
    (results / "logs" / "later.txt").write_text("a log is no result", encoding="utf-8")
    (results.parent / "given" / "S2" / "mtx" / "matrix.mtx").write_text("other", encoding="utf-8")
    (results.parent / "given" / "mine.gmt").unlink()
    seen = differences(results, stages=STAGES)
    assert seen.changed == ("tables/x.txt",)
    assert seen.missing == ("samples/S1/part.txt",)
    assert seen.added == ("tables/new.txt",)
    assert seen.inputs == ("counts/S2/mtx/matrix.mtx",)
    assert seen.absent_inputs == ("score.gene_lists/mine.gmt",)


def test_other_code_and_another_catalogue_are_named(results: Path) -> None:
    made = make_manifest(results, stages=STAGES)
    made.loc[(made["kind"] == "code") | (made["name"] == "antigens.tsv"), "digest"] = "0"
    write_table(made, tables.MANIFEST, results / "manifest.tsv")
    seen = differences(results, stages={**STAGES, "ora": "ohmics.cli.ora"})
    assert seen.code == ("de", "ora")
    assert seen.catalogue == ("antigens.tsv",)


def test_an_input_that_is_gone_cannot_be_sealed(results: Path) -> None:
    (results.parent / "given" / "mine.gmt").unlink()
    with pytest.raises(OhmicsError, match=r"score\.gene_lists/mine\.gmt: an input file of the run is gone"):
        make_manifest(results, stages=STAGES)


def test_two_inputs_of_one_name_are_told_apart(results: Path) -> None:
    other = results.parent / "given" / "deeper"
    other.mkdir()
    (other / "mine.gmt").write_text("another", encoding="utf-8")
    config = yaml.safe_load((results / "config.yaml").read_text(encoding="utf-8"))
    config["score"]["gene_lists"].append(str(other / "mine.gmt"))
    (results / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    names = [name for name, _ in inputs_of(results) if name.endswith("mine.gmt")]
    assert names == ["score.gene_lists/2/mine.gmt", "score.gene_lists/mine.gmt"]


def test_verify_ends_with_2_and_names_each_file(results: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["manifest", "--results", str(results), "--out", str(results / "manifest.tsv")]) == 0
    assert main(["verify", str(results)]) == 0
    assert "5 files, every one as the manifest has it, and none beside them" in capsys.readouterr().out
    (results / "tables" / "x.txt").write_text("other", encoding="utf-8")
    (results / "samples" / "S1" / "part.txt").unlink()
    (results / "notes.docx").write_text("mine", encoding="utf-8")
    assert main(["verify", str(results)]) == 2
    told = capsys.readouterr().err
    assert "tables/x.txt: was changed after the run" in told
    assert "samples/S1/part.txt: is missing; the run wrote it" in told
    assert "notes.docx: was added; the last run did not write it" in told


def test_verify_names_a_table_that_no_longer_fits_and_still_checks_the_rest(
    results: Path, capsys: pytest.CaptureFixture
) -> None:
    seal(results)
    sheet = results / "samples.tsv"
    sheet.write_text(sheet.read_text(encoding="utf-8").replace("single_cell", "single_cells"), encoding="utf-8")
    assert main(["verify", str(results)]) == 2
    told = capsys.readouterr().err
    assert "did you mean `single_cell`?" in told
    assert "samples.tsv: was changed after the run" in told


def test_verify_without_a_manifest_says_that_nothing_can_be_told(results: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["verify", str(results)]) == 2
    assert "holds no manifest.tsv, so nothing says what the run wrote" in capsys.readouterr().err


def test_verify_names_inputs_that_were_changed_and_a_catalogue_of_ones_own(
    results: Path, capsys: pytest.CaptureFixture
) -> None:
    own = results.parent / "given" / "mechanisms"
    own.mkdir()
    (own / "mine.yaml").write_text("id: mine", encoding="utf-8")
    config = yaml.safe_load((results / "config.yaml").read_text(encoding="utf-8"))
    (results / "config.yaml").write_text(yaml.safe_dump({**config, "catalog_paths": [str(own)]}), encoding="utf-8")
    seal(results)
    assert main(["verify", str(results)]) == 0
    (own / "mine.yaml").write_text("id: other", encoding="utf-8")
    (results.parent / "given" / "sheet.tsv").write_text("another", encoding="utf-8")
    assert main(["verify", str(results)]) == 2
    told = capsys.readouterr().err
    assert "catalog_paths/mechanisms/mine.yaml: is an input that was changed after the run" in told
    assert "sheet/sheet.tsv: is an input that was changed after the run" in told


def test_verify_tells_of_another_catalogue_and_code_without_blaming_the_results(
    results: Path, capsys: pytest.CaptureFixture
) -> None:
    made = make_manifest(results, stages=STAGES)
    made.loc[made["name"].isin(["antigens.tsv", "de"]), "digest"] = "0"
    write_table(made, tables.MANIFEST, results / "manifest.tsv")
    assert main(["verify", str(results)]) == 0
    told = capsys.readouterr().out
    assert "1 resource files that differ between the ohmics that made this and the one installed: antigens.tsv" in told
    assert "stages whose code differs" in told


def test_results_handed_on_without_their_input_are_sealed_without_it(results: Path) -> None:
    (results.parent / "given" / "mine.gmt").unlink()
    made = make_manifest(results, stages=STAGES, with_inputs=False)
    assert set(made["kind"]) == {"output", "catalogue", "code"}
    write_table(made, tables.MANIFEST, results / "manifest.tsv")
    assert main(["verify", str(results)]) == 0
