"""`ohmics share`: what it refuses, what it leaves, and that nothing stays where an id is found."""

import argparse
import stat
from pathlib import Path

import pandas as pd
import pytest
import yaml

from ohmics import tables
from ohmics.cli import main, share
from ohmics.io import write_table
from ohmics.manifest import make_manifest
from ohmics.run_lock import hold_folder


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small finished run; pages and exports are as small: one file each, made from the tables they are given."""
    folder = tmp_path / "study" / "results"
    (folder / "tables").mkdir(parents=True)
    sheet = tmp_path / "study" / "sheet.tsv"
    sheet.write_text("sheet", encoding="utf-8")
    config = {"input": {"samples": str(sheet), "modality": "bulk"}, "contrasts": [{"name": "a"}], "outdir": str(folder)}
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    rows = [
        {"sample": f"PT-0{number}_{time}", "patient": f"PT-0{number}", "timepoint": time, "modality": "bulk",
         "path": str(sheet), "ward": "C4"}
        for number in (1, 2)
        for time in ("pre", "post")
    ]  # fmt: skip
    write_table(tables.SAMPLES.conform(rows), tables.SAMPLES, folder / "samples.tsv")
    said = [{"stage": "de", "subject": "PT-01", "reason": "PT-01_pre has 3 cells"}]
    write_table(tables.SKIPPED.conform(said), tables.SKIPPED, folder / "tables" / "skipped.tsv")
    write_table(make_manifest(folder, stages={}), tables.MANIFEST, folder / "manifest.tsv")

    def page(arguments: argparse.Namespace) -> int:
        made = Path(getattr(arguments, "what", None) or arguments.results)
        arguments.out.mkdir()
        (arguments.out / "a.html").write_text((made / "tables" / "skipped.tsv").read_text(), encoding="utf-8")
        return 0

    for module in (share.report, share.figures, share.export):
        monkeypatch.setattr(module, "run", page)
    monkeypatch.setattr(share, "_machine_names", lambda: ["somebody", "root"])
    monkeypatch.chdir(tmp_path)
    return folder


def all_text(folder: Path) -> str:
    return "\n".join(f"{path}\n{path.read_text(encoding='utf-8')}" for path in folder.rglob("*") if path.is_file())


def test_no_id_no_path_and_no_unused_column_is_left(results: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["share", str(results), "--out", "shared", "--pseudonymise"]) == 0
    told = capsys.readouterr().out
    text = all_text(Path("shared"))
    for word in ("PT-01", "PT-02", "ward", "C4", "study", "sheet.tsv"):
        assert word not in text, word
    assert {path.name for path in Path("shared").iterdir()} == {
        "config.yaml", "samples.tsv", "tables", "reports", "figures", "export", "manifest.tsv",
    }  # fmt: skip
    assert "6 ids replaced" in told
    assert "columns left out, since no analysis names them: ward" in told
    assert main(["verify", "shared"]) == 0
    assert sorted(path.name for path in Path().iterdir()) == ["shared", "shared.key", "shared.key.ids.tsv", "study"]


def test_the_key_is_for_its_owner_alone_and_gives_the_same_names_again(results: Path) -> None:
    assert main(["share", str(results), "--out", "one", "--pseudonymise", "--key", "our.key"]) == 0
    assert main(["share", str(results), "--out", "two", "--pseudonymise", "--key", "our.key"]) == 0
    assert main(["share", str(results), "--out", "three", "--pseudonymise"]) == 0
    for name in ("our.key", "our.key.ids.tsv"):
        assert stat.S_IMODE(Path(name).stat().st_mode) == 0o600
    sheets = [(Path(name) / "samples.tsv").read_text(encoding="utf-8") for name in ("one", "two", "three")]
    assert sheets[0] == sheets[1] != sheets[2]
    named = pd.read_csv("our.key.ids.tsv", sep="\t")
    assert named["id"].tolist() == ["PT-01", "PT-02", "PT-01_post", "PT-01_pre", "PT-02_post", "PT-02_pre"]
    assert set(named["name"]) <= set(sheets[0].split())


def test_modes_are_those_of_the_umask(results: Path, capsys: pytest.CaptureFixture) -> None:
    import os

    before = os.umask(0o027)
    try:
        assert main(["share", str(results), "--out", "shared", "--pseudonymise"]) == 0
    finally:
        os.umask(before)
    assert not [path for path in (Path("shared"), *Path("shared").rglob("*")) if path.stat().st_mode & 0o027]


def test_nothing_is_left_where_an_id_is_found(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def leaks(arguments: argparse.Namespace) -> int:
        arguments.out.mkdir()
        (arguments.out / "a.html").write_text("<p>of PT-02_post</p>", encoding="utf-8")
        return 0

    monkeypatch.setattr(share.report, "run", leaks)
    assert main(["share", str(results), "--out", "shared", "--pseudonymise"]) == 2
    told = capsys.readouterr().err
    assert "reports/a.html: would tell `PT-02_post`" in told
    assert "nothing was left" in told
    assert [path.name for path in Path().iterdir()] == ["study"]


@pytest.mark.parametrize("told", ["<p>somebody</p>", "<p>{study}/counts.h5</p>"])
def test_nothing_is_left_where_a_user_or_a_path_is_found(
    results: Path, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def leaks(arguments: argparse.Namespace) -> int:
        arguments.out.mkdir()
        (arguments.out / "a.html").write_text(told.format(study=results.parent), encoding="utf-8")
        return 0

    monkeypatch.setattr(share.figures, "run", leaks)
    assert main(["share", str(results), "--out", "shared"]) == 2
    assert "figures/a.html: would tell" in capsys.readouterr().err
    assert not Path("shared").exists()
    accepted = main(["share", str(results), "--out", "shared", "--not-searched", "somebody"])
    assert accepted == (0 if "somebody" in told else 2)


def test_without_new_names_the_ids_stay_and_paths_do_not(results: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["share", str(results), "--out", "shared"]) == 0
    text = all_text(Path("shared"))
    assert "PT-01_pre" in text
    assert str(results.parent) not in text
    assert "--pseudonymise replaces them" in capsys.readouterr().out
    assert sorted(path.name for path in Path().iterdir()) == ["shared", "study"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--out", "study/results/shared"], "exists, or lies in the results"),
        (["--out", "study"], "exists, or lies in the results"),
        (["--out", "shared", "--pseudonymise", "--key", "shared/key"], "the key may not lie in shared"),
        (["--out", "shared", "--pseudonymise", "--key", "study/results/key"], "the key may not lie in"),
        (["--out", "shared", "--pseudonymise", "--key", "open.key"], "others may read this key; chmod 600 open.key"),
        (["--out", "shared", "--pseudonymise", "--key", "bad.key"], "holds no key; legal: 64 hexadecimal digits"),
        (["--out", "shared", "--pseudonymise", "--keep", "wart"], "no column `wart`"),
        (["--out", "shared", "--key", "a.key"], "--key says how ids are replaced; add --pseudonymise"),
    ],
)
def test_what_is_refused(results: Path, words: list[str], why: str, capsys: pytest.CaptureFixture) -> None:
    Path("open.key").write_text("00" * 32)
    Path("open.key").chmod(0o644)
    Path("bad.key").write_text("nothing")
    Path("bad.key").chmod(0o600)
    assert main(["share", str(results), *words]) == 2
    assert why in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["bad.key", "open.key", "study"]


def test_an_unfinished_run_is_not_shared(results: Path, capsys: pytest.CaptureFixture) -> None:
    (results / "manifest.tsv").unlink()
    assert main(["share", str(results), "--out", "shared"]) == 2
    assert "holds no manifest.tsv, so it is no finished run; let the run finish" in capsys.readouterr().err


def test_an_id_that_is_a_word_of_the_catalogue_is_told(results: Path, capsys: pytest.CaptureFixture) -> None:
    sheet = pd.read_csv(results / "samples.tsv", sep="\t")
    sheet["patient"] = sheet["patient"].replace("PT-01", "CD19")
    write_table(tables.SAMPLES.conform(sheet), tables.SAMPLES, results / "samples.tsv")
    assert main(["share", str(results), "--out", "shared", "--pseudonymise"]) == 0
    assert "too short or too common to be searched for in sentences: CD19" in capsys.readouterr().out
    assert "CD19" not in (Path("shared") / "samples.tsv").read_text(encoding="utf-8")


def test_what_an_earlier_run_left_is_refused_or_left_out(results: Path, capsys: pytest.CaptureFixture) -> None:
    old = [{"sample": "PT-77_pre", "verdict": "use"}]
    (results / "samples" / "PT-77_pre").mkdir(parents=True)
    write_table(tables.QC.conform(old), tables.QC, results / "samples" / "PT-77_pre" / "qc.tsv")
    assert main(["share", str(results), "--out", "shared", "--pseudonymise"]) == 0
    assert "PT-77" not in all_text(Path("shared"))
    write_table(tables.QC.conform(old), tables.QC, results / "tables" / "qc.tsv")
    assert main(["share", str(results), "--out", "again", "--pseudonymise"]) == 2
    assert "tables/qc.tsv: names PT-77_pre, which the sheet does not" in capsys.readouterr().err
    assert not Path("again").exists()


def test_a_run_that_is_still_writing_is_not_shared(results: Path, capsys: pytest.CaptureFixture) -> None:
    with hold_folder(results):
        assert main(["share", str(results), "--out", "shared"]) == 2
    assert "another run is writing here" in capsys.readouterr().err
