"""Gene lists of a user's own: each format read for what it says, and each fault told once."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from ohmics.catalog import catalog
from ohmics.cli import main
from ohmics.errors import Faults, OhmicsError
from ohmics.intake.gene_lists import load_gene_lists, merge, read_gene_lists


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_gmt_is_split_at_tabs_and_a_description_is_no_gene(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gmt", "T CELL\tsee CD4 and CD8A\tCD3D\tCD3E\tCD3D\nB\t\tCD19\n")
    lists, notes = read_gene_lists(path)
    assert lists == {"T CELL": ["CD3D", "CD3E"], "B": ["CD19"]}
    assert notes == ["list `T CELL`: CD3D stands more than once; kept once"]


def test_up_and_dn_pair_only_when_asked(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gmt", "X_UP\t-\tTOX\nX_DN\t-\tTCF7\nY_UP\t-\tCD8A\n")
    assert set(read_gene_lists(path)[0]) == {"X_UP", "X_DN", "Y_UP"}
    paired, _ = read_gene_lists(path, pair_signed=True)
    assert paired == {"Y_UP": ["CD8A"], "X": {"up": ["TOX"], "down": ["TCF7"]}}


def test_grp_takes_comments_and_the_name_of_its_file(tmp_path: Path) -> None:
    path = written(tmp_path / "My list.grp", "# made by hand\nTOX\nLAG3  # a receptor\n\n")
    assert read_gene_lists(path) == ({"My list": ["TOX", "LAG3"]}, [])


def test_json_of_msigdb(tmp_path: Path) -> None:
    content = {"HALLMARK": {"systematicName": "M1", "pmid": "1", "geneSymbols": ["JUN", "FOS"]}, "PLAIN": ["TOX"]}
    path = written(tmp_path / "a.json", json.dumps(content | {"S": {"up": ["A1BG"], "down": ["TCF7"]}}))
    lists, _ = read_gene_lists(path)
    assert lists == {"HALLMARK": ["JUN", "FOS"], "PLAIN": ["TOX"], "S": {"up": ["A1BG"], "down": ["TCF7"]}}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_table_with_direction_list_and_weight(tmp_path: Path, packed: bool) -> None:
    text = "Gene,Direction,list,weight\nTOX,up,X,2\nTCF7,DOWN,X,-1.5\nCD8A,up,Y,\n"
    path = tmp_path / ("a.csv.gz" if packed else "a.csv")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    found = load_gene_lists(path, Faults())
    assert found.lists == {"X": {"up": ["TOX"], "down": ["TCF7"]}, "Y": ["CD8A"]}
    assert found.weights == {"X": {"TOX": 2.0, "TCF7": -1.5}}
    assert found.notes == [f"{path.name}: weights are kept, but no scoring method uses them"]


def test_a_table_without_direction_is_unsigned_and_takes_the_name_of_its_file(tmp_path: Path) -> None:
    assert read_gene_lists(written(tmp_path / "mine.tsv", "symbol\tp\nTOX\t1\nLAG3\t2\n"))[0] == {
        "mine": ["TOX", "LAG3"]
    }


def test_a_list_of_falling_genes_says_so(tmp_path: Path) -> None:
    lists, notes = read_gene_lists(written(tmp_path / "a.csv", "gene,direction\nTOX,down\n"))
    assert lists == {"a": {"down": ["TOX"]}}
    assert notes == ["list `a` holds only genes that fall: its score is minus that of its genes"]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.gmt", "A see CD4 TOX\nB see CD8A LAG3\n", "line 1: the line is no gene set"),
        ("a.gmt", "A\tx\tTOX\nB\tx\n", "line 2: the line is no gene set"),
        ("a.gmt", "A\tx\tTOX\nA\tx\tLAG3\n", "the set `A` stands twice"),
        ("a.gmt", "", "the file holds no gene list"),
        ("a.grp", "# nothing\n", "list `a`: the list is empty"),
        ("a.grp", "TOX LAG3\n", "a line holds more than a gene"),
        ("a.json", "{", "not JSON"),
        ("a.json", '["TOX"]', "the file holds no named lists"),
        ("a.json", '{"A": {"genes": ["TOX"]}}', "list `A`: no genes are found"),
        ("a.json", '{"A": ["TOX"], "A": ["LAG3"]}', "list `A`: the list stands twice"),
        ("a.json", '{"A": {"geneSymbols": []}}', "list `A`: the list is empty"),
        ("a.csv", "genee,direction\nTOX,up\n", "there is no column `gene`"),
        ("a.csv", "gene,direction\nTOX,sideways\n", "line 2: `sideways` is no direction; legal: up, down"),
        ("a.csv", "gene,direction\nTOX,up\nTOX,down\n", "TOX stand in both the up and the down genes"),
        ("a.csv", "gene,weight\nTOX,heavy\n", "`heavy` is no weight"),
        ("a.csv", "gene,direction\n,up\n", "line 2: the gene is missing"),
        ("a.xlsx", "x", "`.xlsx` is no format of gene lists; legal: .gmt, .grp, .json, .csv, .tsv"),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    with pytest.raises(OhmicsError) as caught:
        read_gene_lists(written(tmp_path / name, text))
    assert len(caught.value.faults) == 1
    assert sentence in str(caught.value)


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "gene,direction\nTOX,x\n,up\nCD8A,y\n")
    with pytest.raises(OhmicsError) as caught:
        read_gene_lists(path)
    assert [fault.where.rsplit(", ", 1)[1] for fault in caught.value.faults] == ["line 2", "line 3", "line 4"]


def test_a_file_that_is_absent_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(OhmicsError, match="no such file"):
        read_gene_lists(tmp_path / "gone.gmt")
    (tmp_path / "a.gmt").write_bytes(b"\xff\xfe\x00A")
    with pytest.raises(OhmicsError, match="cannot be read as text"):
        read_gene_lists(tmp_path / "a.gmt")


def test_two_files_with_a_list_of_one_name_are_refused(tmp_path: Path) -> None:
    paths = [written(tmp_path / name, "A\tx\tTOX\n") for name in ("a.gmt", "b.gmt")]
    with pytest.raises(OhmicsError, match=r"the list `A` stands in .*a\.gmt too"):
        merge((path, load_gene_lists(path, Faults())) for path in paths)


def test_the_catalogue_takes_every_format(tmp_path: Path) -> None:
    paths = [
        written(tmp_path / "one.grp", "TOX\nLAG3\n"),
        written(tmp_path / "two.json", '{"TWO": {"geneSymbols": ["CD8A", "NOGENE1"]}}'),
        written(tmp_path / "three.csv", "gene,direction\nTOX,up\nTCF7,down\n"),
    ]
    mine = catalog(*paths)
    assert mine.gene_lists["one"] == ["TOX", "LAG3"]
    assert mine.gene_lists["TWO"] == ["CD8A", "NOGENE1"]
    assert mine.gene_lists["three"] == {"up": ["TOX"], "down": ["TCF7"]}
    assert "three" in mine.select(tiers=["core"]).gene_lists
    assert any("NOGENE1" in note for note in mine.notes)
    mine.to_gmt(tmp_path / "out.gmt")
    assert read_gene_lists(tmp_path / "out.gmt", pair_signed=True)[0]["three"] == {"up": ["TOX"], "down": ["TCF7"]}


@pytest.mark.parametrize(("modality", "score_on"), [("bulk", ["bulk"]), ("single_cell", ["*"])])
def test_a_run_scores_lists_of_every_format(tmp_path: Path, capsys, modality: str, score_on: list[str]) -> None:
    paths = [
        written(tmp_path / "one.grp", "TOX\nLAG3\n"),
        written(tmp_path / "three.tsv", "gene\tdirection\nTOX\tup\nTCF7\tdown\n"),
    ]
    sheet = f"sample\tpatient\ttimepoint\tmodality\tpath\ttherapy\na\tP\tpre\t{modality}\tx.h5\tici\n"
    settings = {"catalog_paths": [], "score_gene_lists": [str(path) for path in paths], "score_tiers": ["core"]}
    out = tmp_path / "lists.json"
    samples = written(tmp_path / "samples.tsv", sheet)
    assert main(["lists", "--settings", json.dumps(settings), "--samples", str(samples), "--out", str(out)]) == 0
    content = json.loads(out.read_text(encoding="utf-8"))
    assert content["lists"]["one"] == ["TOX", "LAG3"]
    assert content["lists"]["three"] == {"up": ["TOX"], "down": ["TCF7"]}
    assert content["score_on"]["three"] == content["score_on"]["one"] == score_on
    assert content["mechanism"]["three"] == ""
    capsys.readouterr()
