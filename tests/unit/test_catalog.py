"""The catalogue as a library and on the command line: look-ups, selections, exports, a user's own files."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import yaml

from ohmics import model, tables
from ohmics.catalog import Catalog, catalog
from ohmics.cli import main
from ohmics.cli.catalog import columns, describe
from ohmics.errors import OhmicsError

MINE = {
    "id": "my_mechanism",
    "name": "Mine",
    "claim": "A claim.",
    "therapies": ["ici"],
    "compartment": "tumour",
    "tier": "core",
    "measurement": ["score"],
    "score_on": ["malignant"],
    "gene_lists": [{"name": "mine", "direction": "up", "genes": ["TOX", "NOTAGENE"]}],
    "primary_line": {
        "nature": "expression", "gene_list": "mine", "method": "ucell", "cell_type": "malignant", "direction": "up",
    },
    "lines_against": [
        {"nature": "composition", "cell_type": "T cell", "direction": "up", "note": "More T cells."},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def shipped_catalog() -> Catalog:
    return catalog()


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_keys_are_mechanism_and_list(shipped_catalog: Catalog) -> None:
    assert shipped_catalog.gene_lists["low_cytotoxic_effector/rooney_cyt"] == ["PRF1", "GZMA"]
    # One name, two mechanisms: the key tells them apart.
    assert {key for key in shipped_catalog.gene_lists if key.endswith("/chu2023_treg")} == {
        "car_treg/chu2023_treg", "treg_tme/chu2023_treg",
    }  # fmt: skip


def test_a_signature_is_the_recommended_up_list_minus_the_down_list(shipped_catalog: Catalog) -> None:
    mechanism = shipped_catalog.mechanisms["mdsc"]
    signature = shipped_catalog.gene_lists["mdsc/signature"]
    assert isinstance(signature, dict)
    assert signature["up"] == shipped_catalog.gene_lists[f"mdsc/{mechanism.recommended_up}"]
    assert signature["down"] == ["HLA-DRA", "HLA-DRB1", "HLA-DPA1", "HLA-DPB1", "CD74", "CIITA"]
    assert shipped_catalog.default_list("mdsc") == "mdsc/signature"


def test_without_two_recommended_lists_there_is_no_signature(shipped_catalog: Catalog) -> None:
    assert "hypoxia/signature" not in shipped_catalog.gene_lists
    assert shipped_catalog.default_list("hypoxia") == "hypoxia/buffa_hypoxia15"
    assert shipped_catalog.default_list("cd22_low_density") == "cd22_low_density/cd22"
    assert shipped_catalog.default_list("impres_pairs") == ""


def test_descendants(shipped_catalog: Catalog) -> None:
    assert shipped_catalog.descendants("CD8 Tex") == {"CD8 Tex"}
    assert {"T cell", "CD8 T", "CD8 Tex", "Treg", "CAR+ T"} <= shipped_catalog.descendants("T cell")
    assert "NK" not in shipped_catalog.descendants("T cell")
    assert {"T cell", "NK", "CD8 Tex"} <= shipped_catalog.descendants("lymphoid")
    assert {"malignant", "B-ALL blast", "melanoma"} <= shipped_catalog.descendants("malignant")
    assert shipped_catalog.descendants("bulk") == {"bulk"}
    assert shipped_catalog.descendants("car_positive") == {"car_positive"}


def test_ancestors_begin_with_the_nearest(shipped_catalog: Catalog) -> None:
    assert shipped_catalog.ancestors("CD8 Tex") == ("CD8 T", "T cell", "lymphoid")
    assert shipped_catalog.ancestors("SPP1/TREM2 TAM") == ("macrophage", "myeloid")
    assert shipped_catalog.ancestors("immune (pan)") == ()
    assert shipped_catalog.ancestors("bulk") == ()


@pytest.mark.parametrize("call", ["descendants", "ancestors"])
def test_an_unknown_cell_type_is_refused(shipped_catalog: Catalog, call: str) -> None:
    with pytest.raises(
        OhmicsError, match=re.escape("`T cells` is no cell type of cell_markers.tsv; did you mean `T cell`?")
    ):
        getattr(shipped_catalog, call)("T cells")


def test_select_by_tier_and_therapy(shipped_catalog: Catalog) -> None:
    chosen = shipped_catalog.select(tiers=["core"], therapy="ici")
    assert all(m.tier == "core" and "ici" in m.therapies for m in chosen.mechanisms.values())
    assert "antigen_presentation_loss" in chosen.mechanisms
    assert "cd19_loss" not in chosen.mechanisms
    assert shipped_catalog.select(therapy=["car_t", "ici"]).mechanisms == shipped_catalog.mechanisms
    assert set(shipped_catalog.select(compartments="systemic").mechanisms) == {
        "anti_car_immunogenicity", "gut_microbiome", "host_germline_factors",
    }  # fmt: skip


def test_select_keeps_the_lists_of_rivals(shipped_catalog: Catalog) -> None:
    chosen = shipped_catalog.select(mechanisms=["solid_antigen_heterogeneity", "wnt_bcatenin_exclusion"])
    assert "emt_mesenchymal" not in chosen.mechanisms
    # Its signature is a rival of the first, and a signature is scored from its two halves.
    assert "emt_mesenchymal/signature" in chosen.gene_lists
    assert "tumour_burden/pabla_proliferation" in chosen.gene_lists
    assert "emt_mesenchymal/emt_tf" not in chosen.gene_lists


def test_select_refuses_words_it_does_not_know(shipped_catalog: Catalog) -> None:
    with pytest.raises(OhmicsError, match=re.escape("`cor` is no tier; did you mean `core`?")):
        shipped_catalog.select(tiers=["cor"])
    with pytest.raises(OhmicsError, match=re.escape("`chemo` is no therapy; legal: car_t, ici")):
        shipped_catalog.select(therapy="chemo")
    with pytest.raises(OhmicsError, match=re.escape("`cd19_los` is no mechanism; did you mean `cd19_loss`?")):
        shipped_catalog.select(mechanisms=["cd19_los"])


def test_primary_lines_carry_full_keys(shipped_catalog: Catalog) -> None:
    lines = shipped_catalog.primary_lines().set_index("mechanism")
    assert lines.loc["tcell_exhaustion_terminal", "gene_list"] == "tcell_exhaustion_terminal/tex_consensus_2of3"
    assert list(lines.loc["cd19_loss", ["nature", "gene_list", "method", "antigen"]]) == ["call", "", "antigen", "CD19"]
    assert lines.loc["target_antigen_loss", "antigen"] == model.ANTIGEN_OF_THE_SAMPLE
    assert list(lines.loc["tumour_burden", ["nature", "cell_type", "direction"]]) == ["composition", "malignant", "up"]
    assert (lines["margin"] == 0.5).all()
    expression = lines[lines["nature"] == "expression"]
    assert set(expression["gene_list"]) <= set(shipped_catalog.gene_lists)
    assert not set(lines.loc[lines["nature"] != "expression", "gene_list"]) - {""}


def test_primary_lines_of_a_modality(shipped_catalog: Catalog) -> None:
    bulk = shipped_catalog.primary_lines(modality="bulk")
    assert set(bulk["cell_type"]) == {"bulk"}
    assert {"low_cytotoxic_effector", "ipres", "hypoxia"} <= set(bulk["mechanism"])
    assert "antigen_presentation_loss" not in set(bulk["mechanism"])
    single = shipped_catalog.primary_lines(modality="single_cell")
    assert "bulk" not in set(single["cell_type"])
    assert {"antigen_presentation_loss", "hypoxia"} <= set(single["mechanism"])
    assert "ipres" not in set(single["mechanism"])
    # Declared on bulk; endothelial cells are where single-cell data show it.
    assert single.set_index("mechanism").loc["angiogenesis_vegf", "cell_type"] == "endothelial"
    with pytest.raises(OhmicsError, match=re.escape("`spatial` is no modality")):
        shipped_catalog.primary_lines(modality="spatial")


def test_primary_lines_of_nothing_keep_their_columns(shipped_catalog: Catalog) -> None:
    lines = shipped_catalog.select(mechanisms=["gut_microbiome"]).primary_lines()
    assert len(lines) == 0
    assert list(lines) == list(shipped_catalog.primary_lines())


def test_to_table_has_one_row_a_mechanism(shipped_catalog: Catalog) -> None:
    table = shipped_catalog.to_table()
    assert list(table["mechanism"]) == list(shipped_catalog.mechanisms)
    row = table.set_index("mechanism").loc["antigen_presentation_loss"]
    assert row["primary_line"] == "score of wang_aps18 by ucell in malignant falls"
    assert (row["n_lists"], row["n_further_lines"], row["n_lines_against"]) == (7, 2, 3)
    told = table.set_index("mechanism").loc["gut_microbiome"]
    assert told["primary_line"] == "not assessable from expression"
    assert "metagenomics" in told["not_assessable_reason"]


def test_gmt_holds_every_list_and_reads_back(shipped_catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "lists.gmt"
    shipped_catalog.to_gmt(path)
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    assert {key: tuple(genes) for key, _, *genes in lines} == {k: e.genes for k, e in shipped_catalog.lists.items()}
    about = dict(line[:2] for line in lines)["low_cytotoxic_effector/rooney_cyt"]
    assert about == "direction: down | Rooney MS et al. 2015 Cell 160:48 (CYT) | MIT"
    shipped_catalog.to_gmt(path, large_sets=True)
    assert len(path.read_text(encoding="utf-8").splitlines()) == 167 + 92


def test_a_catalogue_cannot_be_changed(shipped_catalog: Catalog) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        shipped_catalog.mechanisms = {}  # type: ignore[misc]  # that it is refused is the test


def test_users_mechanism(tmp_path: Path) -> None:
    written(tmp_path / "mine.yaml", yaml.safe_dump(MINE))
    both = catalog(tmp_path)
    assert both.gene_lists["my_mechanism/mine"] == ["TOX", "NOTAGENE"]
    assert len(both.mechanisms) == 79
    assert list(both.mechanisms)[-1] == "my_mechanism"
    assert both.files[-1] == tmp_path / "mine.yaml"
    assert len(both.notes) == 1
    assert "1 genes are no approved symbols: NOTAGENE" in both.notes[0]


def test_users_mechanism_meets_the_same_rules(tmp_path: Path) -> None:
    broken = MINE | {"id": "cd19_loss", "tiers": "core"}
    path = written(tmp_path / "mine.yaml", yaml.safe_dump(broken))
    with pytest.raises(OhmicsError) as caught:
        catalog(path)
    text = str(caught.value)
    assert "unknown key `tiers`; did you mean `tier`?" in text
    assert "the id `cd19_loss` is taken by mechanisms/tumour/cd19_loss.yaml" in text
    assert len(caught.value.faults) == 2


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.yml", yaml.safe_dump(MINE) + "tier: additional\n")
    with pytest.raises(OhmicsError, match="the key `tier` stands twice"):
        catalog(path)


def test_users_gmt_is_split_at_tabs_only(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.gmt", "MY SET\ta description of words\tTOX\tLAG3\tTOX\t\n\nNEXT\t\tB2M\n")
    mine = catalog(path)
    assert mine.gene_lists["MY SET"] == ["TOX", "LAG3"]
    assert mine.lists["MY SET"].source == "a description of words"
    assert mine.lists["NEXT"].source == "mine.gmt"
    assert mine.lists["NEXT"].key == "NEXT"
    # A user's list belongs to no mechanism, so no selection drops it.
    assert "NEXT" in mine.select(tiers=["core"], therapy="car_t").gene_lists


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "A TOX LAG3\n",
            "line 1: the line is no gene set; legal: name, description and genes, each separated by a tab",
        ),
        ("A\tnone\n", "the line is no gene set"),
        ("A\tx\tTOX\nA\tx\tLAG3\n", "line 2: the set `A` stands twice"),
    ],
)
def test_a_broken_gmt_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    path = written(tmp_path / "mine.gmt", text)
    with pytest.raises(OhmicsError) as caught:
        catalog(path)
    assert sentence in str(caught.value)


def test_the_same_set_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("a.gmt", "b.gmt"):
        written(tmp_path / name, "A\tx\tTOX\n")
    with pytest.raises(OhmicsError, match="the set `A` stands in another file too"):
        catalog(tmp_path)


def test_paths_that_hold_nothing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    text = written(tmp_path / "lists.txt", "x")
    with pytest.raises(OhmicsError) as caught:
        catalog(tmp_path / "empty", tmp_path / "gone.yaml", text)
    assert [fault.what for fault in caught.value.faults] == [
        "the folder holds no mechanism and no gene set", "no such file or folder", "`.txt` is no mechanism or gene set",
    ]  # fmt: skip


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OhmicsError, match="cannot be read as text"):
        catalog(path)


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.yaml", yaml.safe_dump(MINE))
    assert len(catalog(path, tmp_path).mechanisms) == 79


def test_evidence_lines_use_calls_that_have_a_table(shipped_catalog: Catalog) -> None:
    for mechanism in shipped_catalog.mechanisms.values():
        for line in (*mechanism.further_lines, *mechanism.lines_against):
            if line.nature == "call":
                assert line.method.upper() in tables.TABLES, mechanism.id


def test_columns_are_aligned() -> None:
    lines = columns(("A", "B"), [("long word", "x"), ("y", "long word")])
    assert lines == ["A          B", "long word  x", "y          long word"]


def test_describe_says_what_argues_for_and_against(shipped_catalog: Catalog) -> None:
    text = "\n".join(describe(shipped_catalog.mechanisms["cd19_loss"], shipped_catalog))
    assert text.startswith("CD19-negative / CD19-low relapse (cd19_loss)\ntumour · car_t · core · reviews: S1, S2, S3")
    assert "Primary line\n  antigen call of CD19 in malignant: down\n" in text
    assert "cd19 · down · 1 gene · curated" in text
    assert "default: cd19_loss/cd19" in text
    for title in ("Expression shows", "Expression cannot show", "Lines against", "Confounders", "Citations"):
        assert f"\n{title}\n" in text
    assert max(map(len, text.splitlines())) <= 110


@pytest.mark.parametrize("identifier", sorted(catalog().mechanisms))
def test_every_mechanism_can_be_described(identifier: str, shipped_catalog: Catalog) -> None:
    mechanism = shipped_catalog.mechanisms[identifier]
    text = "\n".join(describe(mechanism, shipped_catalog))
    assert ("Not assessable because" in text) == bool(mechanism.not_assessable_reason)
    assert all(entry.name in text for entry in mechanism.gene_lists)


def test_cli_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "list", "--tier", "core", "--therapy", "ici", "--compartment", "myeloid"]) == 0
    header, *rows, blank, total = capsys.readouterr().out.splitlines()
    assert header.split() == ["MECHANISM", "TIER", "THERAPIES", "COMPARTMENT", "PRIMARY", "LINE"]
    assert [row.split()[0] for row in rows] == ["ido_kynurenine", "mdsc", "tam_m2"]
    assert len({row.index("score of") for row in rows}) == 1
    assert blank == ""
    assert total.startswith("3 mechanisms.")


def test_cli_list_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "list", "--tier", "core", "--compartment", "systemic"]) == 0
    assert capsys.readouterr().out == "No mechanism fits.\n"


def test_cli_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "show", "hypoxia"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Tumour hypoxia (hypoxia)")
    assert "score of buffa_hypoxia15 by ucell in malignant rises" in out


def test_cli_show_of_an_unknown_mechanism(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "show", "hypoxa"]) == 2
    assert "no mechanism `hypoxa`; did you mean `hypoxia`?" in capsys.readouterr().err


def test_cli_export(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "out.gmt"
    mine = written(tmp_path / "mine.gmt", "A\tx\tTOX\n")
    assert main(["catalog", "export", "--gmt", str(path), "--with", str(mine)]) == 0
    assert "168 gene lists" in capsys.readouterr().out
    assert path.read_text(encoding="utf-8").splitlines()[-1] == "A\tx\tTOX"


def test_cli_check(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    written(tmp_path / "mine.yaml", yaml.safe_dump(MINE))
    assert main(["catalog", "check", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("79 mechanisms, 168 gene lists, 55 antigens, 53 cell types: no fault.")
    assert "NOTAGENE" in captured.err


def test_cli_check_names_every_fault(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = written(tmp_path / "mine.yaml", yaml.safe_dump(MINE | {"tier": "cor", "compartment": "tumor"}))
    assert main(["catalog", "check", str(path)]) == 2
    err = capsys.readouterr().err
    assert "2 faults:" in err
    assert "did you mean `core`?" in err
