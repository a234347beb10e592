"""Methods, references, MultiQC's sections and the crate of a small run."""

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ohmics import cli
from ohmics.cli import export
from ohmics.errors import OhmicsError
from ohmics.export.bibliography import Entry, bibtex, people, references_in
from ohmics.export.crate import RunFacts, write_crate
from ohmics.export.multiqc import multiqc_sections, write_multiqc
from ohmics.provenance import file_digest
from ohmics.shipped import shipped
from ohmics.tables import QC

LEFT = re.compile(r"\b(TODO|TBD|FIXME|XXX|None|nan|NaN|lorem)\b|\{\w*\}|<NA>|\?\?")


@pytest.fixture
def exported(cell_results: Path, tmp_path: Path) -> Callable[..., Path]:
    def call(*formats: str, out: str = "export") -> Path:
        words = [word for one in formats for word in ("--format", one)]
        status = cli.main(["export", "--results", str(cell_results), "--out", str(tmp_path / out), *words])
        assert status == 0
        return tmp_path / out

    return call


def test_methods_cite_exactly_what_the_references_hold(exported: Callable[..., Path]) -> None:
    folder = exported("methods")
    text = (folder / "methods.md").read_text(encoding="utf-8")
    references = (folder / "references.bib").read_text(encoding="utf-8")
    cited = {
        key for group in re.findall(r"(?<!\\)\[((?:@\w+(?:; )?)+)\]", text) for key in re.findall(r"@(\w+)", group)
    }
    held = re.findall(r"^@\w+\{(\w+),$", references, flags=re.M)
    assert len(cited) > 10
    assert sorted(cited) == held, "sorted, and each once"
    assert "scikit_image" not in cited or "doublets" in text.lower()


def test_methods_hold_the_numbers_of_the_run_and_no_gap(exported: Callable[..., Path]) -> None:
    text = (exported("methods") / "methods.md").read_text(encoding="utf-8")
    assert "The sheet lists 2 single-cell samples of 1 patient (pre 1, relapse 1)." in text
    assert "therapy CAR T cells" in text
    assert "No sample was excluded. 1 sample was used with care: `S_relapse` (+1 \\<b\\>odd\\</b\\>)." in text
    assert "Of 80 cells, 60 were kept in the samples used (per sample 30; median UMI 1,000 to 1,001)." in text
    assert "relapse against pre, paired by patient. 1 of 1 patient had usable samples on both sides." in text
    assert "In this run counts were thinned to depths of 800 UMI a cell." in text
    assert "| `qc.min_umi` | `300` |" in text
    assert "min_library_size" not in text
    assert "| `de` | 1 | 0 patients, 3 are needed |" in text
    assert not LEFT.findall(text.replace("::: {#refs}", ""))


def test_no_text_of_a_user_is_markup_or_a_citation(exported: Callable[..., Path]) -> None:
    text = (exported("methods") / "methods.md").read_text(encoding="utf-8")
    assert "\\<script\\>alert(1)\\</script\\>" in text
    assert "<script>" not in text
    head = text.split("---\n")[1]
    assert json.loads(head.split("title: ")[1].split("\n")[0]).endswith("\\*\\*bold\\*\\* \\[\\@key\\]")
    assert "somebody" not in text
    assert "@SUM" not in text.replace("\\@SUM", "")


def test_multiqc_sections_are_as_its_custom_content_asks(exported: Callable[..., Path]) -> None:
    folder = exported("multiqc")
    files = sorted(path.name for path in folder.glob("*_mqc.json"))
    assert files == [f"ohmics_{name}_mqc.json" for name in ("cells", "depth", "qc", "verdicts")]
    for name in files:
        text = (folder / name).read_text(encoding="utf-8")
        section = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
        assert section["id"] == name.removesuffix("_mqc.json")
        assert section["plot_type"] in ("table", "bargraph")
        assert section["pconfig"]["id"] != section["id"], "MultiQC wants them unlike each other"
        assert section["pconfig"]["title"].startswith("ohmics: ")
        assert "<b>" not in text
        assert "somebody" not in text
        if section["plot_type"] == "table":
            known = {"title", "description", "scale", "bgcols", "suffix", "min", "max", "format"}
            assert all(set(header) <= known for header in section["headers"].values())
            assert all(set(row) <= set(section["headers"]) for row in section["data"].values())
        else:
            assert all(value >= 0 for row in section["data"].values() for value in row.values())
    held = json.loads((folder / "ohmics_qc_mqc.json").read_text(encoding="utf-8"))["data"]
    assert held["S_relapse"]["verdict"] == "use with care"
    assert held["S_relapse"]["flags"] == "+1 &lt;b&gt;odd&lt;/b&gt;"
    cells = json.loads((folder / "ohmics_cells_mqc.json").read_text(encoding="utf-8"))["data"]
    assert cells["S_pre"] == {"Kept": 30, "Removed": 10}


def test_a_section_that_is_no_longer_made_goes(tmp_path: Path) -> None:
    qc = QC.conform([{"sample": "a", "median_umi": 10.0, "cells_in": 2, "cells_kept": 1, "verdict": "use"}])
    write_multiqc(multiqc_sections(qc), tmp_path)
    (tmp_path / "other_mqc.json").write_text("{}", encoding="utf-8")
    write_multiqc(multiqc_sections(qc, bulk=True), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ohmics_depth_mqc.json", "ohmics_qc_mqc.json", "other_mqc.json"
    ]  # fmt: skip


def test_without_quality_there_is_nothing_for_multiqc(cell_results: Path, tmp_path: Path) -> None:
    (cell_results / "tables" / "qc.tsv").unlink()
    arguments = argparse.Namespace(results=cell_results, out=tmp_path / "o", format=["multiqc"], settings={}, input=[])
    with pytest.raises(OhmicsError, match="nothing for MultiQC"):
        export.run(arguments)


def crate_of(folder: Path, facts: RunFacts) -> Path:
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    (folder / "tables" / "qc.tsv").write_text("sample\n", encoding="utf-8")
    rules = sorted((shipped("workflow") / "rules").glob("*.smk"))
    return write_crate(folder, facts, snakefile=shipped("Snakefile"), rules=rules)


def facts_of(tmp_path: Path) -> RunFacts:
    read = tmp_path / "somebody" / "counts"
    read.mkdir(parents=True, exist_ok=True)
    (read / "matrix.mtx").write_text("1", encoding="utf-8")
    return RunFacts(
        config={"project": "a <b>", "outdir": "/home/somebody/results", "input": {"samples": "/home/somebody/s.tsv"}},
        inputs=(read,), versions={"ohmics": "9.9", "snakemake": "9.27"}, digest="0123",
        titles={"tables/qc.tsv": "Quality"},
    )  # fmt: skip


def test_the_crate_is_read_back_with_what_was_read_and_made(tmp_path: Path) -> None:
    from rocrate.rocrate import ROCrate

    folder = tmp_path / "export"
    crate_of(folder, facts_of(tmp_path))
    crate = ROCrate(folder)
    assert crate.mainEntity.id == "workflow/Snakefile"
    assert crate.root_dataset["datePublished"].startswith("1980-01-01")
    file = crate.dereference("tables/qc.tsv")
    assert file["sha256"] == file_digest(folder / "tables" / "qc.tsv")
    assert file["description"] == "Quality"
    action = crate.dereference("#run")
    assert [one["name"] for one in action["object"]][:1] == ["counts/matrix.mtx"]
    assert action["object"][0]["sha256"] == file_digest(tmp_path / "somebody" / "counts" / "matrix.mtx")
    assert {one.id for one in action["result"]} == {"tables/qc.tsv"}
    listed = {entity.id for entity in crate.data_entities}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert listed == there - {"ro-crate-metadata.json"}
    for part in crate.mainEntity["hasPart"]:
        assert (folder / part.id).is_file()


def test_the_crate_tells_no_path_and_is_the_same_twice(tmp_path: Path) -> None:
    facts = facts_of(tmp_path)
    first = crate_of(tmp_path / "a", facts).read_bytes()
    assert crate_of(tmp_path / "a", facts).read_bytes() == first, "written over itself"
    assert crate_of(tmp_path / "b", facts).read_bytes() == first
    assert b"somebody" not in first
    assert str(tmp_path).encode() not in first


def test_references_are_found_in_free_text_and_hold_no_markup() -> None:
    found = references_in(
        "Sade-Feldman M et al. 2018 Cell 175:998, CD8_G; Lynn 2019; Fry TJ 2018 Nat Med 24:20, doi 10.1/x."
    )
    assert [entry.key for entry in found] == ["sadefeldman2018cell175", "fry2018natmed24"]
    assert found[1].fields["author"] == "Fry, T. J. and others"
    assert found[1].fields["doi"] == "10.1/x"
    text = bibtex([Entry(key="b", kind="misc", fields={"title": "a {b} 5 % \\x & y_z"}), Entry(key="a", kind="misc")])
    assert text.index("@misc{a,") < text.index("@misc{b,")
    assert r"title = {{a \{b\} 5 \% \textbackslash{}x \& y\_z}}" in text
    assert people("van Eck NJ") == "van Eck, N. J."
