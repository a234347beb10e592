"""Gene identifiers: every id ends in exactly one fate, and what cannot be told is refused."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from ohmics.errors import OhmicsError
from ohmics.genes import COLUMNS, GeneTable

ROWS = [
    ["CD19", "ENSG00000177455", "930", "16", "B4|CVID3"],
    ["MS4A1", "ENSG00000156738", "931", "11", "CD20|B1"],
    ["SEPTIN9", "ENSG00000184640", "10801", "17", "SEPT9|MSF"],
    ["ACTB", "ENSG00000075624", "60", "7", "BRWS1"],
    ["GAPDH", "ENSG00000111640", "2597", "12", "GAPD"],
    ["PTPRC", "ENSG00000081237", "5788", "1", "CD45"],
    ["TBCE", "ENSG00000284770|ENSG00000285053", "6905", "1", ""],
    ["TWICE1", "ENSG00000999901", "7001", "1", "SHARED"],
    ["TWICE2", "ENSG00000999902", "7001", "2", "SHARED"],
]


@pytest.fixture(scope="module")
def table() -> GeneTable:
    return GeneTable(pd.DataFrame(ROWS, columns=COLUMNS))


@pytest.mark.parametrize(
    ("ids", "kind", "symbols"),
    [
        (["CD19", "CD20", "SEPT9"], "symbol", ["CD19", "MS4A1", "SEPTIN9"]),
        (["ENSG00000177455.14", "ENSG00000156738"], "ensembl", ["CD19", "MS4A1"]),
        (["930", "931", "60"], "entrez", ["CD19", "MS4A1", "ACTB"]),
    ],
)
def test_each_kind_is_detected_and_mapped(table: GeneTable, ids: list[str], kind: str, symbols: list[str]) -> None:
    resolution = table.resolve(ids)
    assert resolution.kind == kind
    assert list(resolution.symbols) == symbols
    assert resolution.mapped.all()


def test_an_exact_symbol_is_taken_before_an_alias() -> None:
    rows = [["A", "", "", "1", ""], ["B", "", "", "1", "A"]]
    resolution = GeneTable(pd.DataFrame(rows, columns=COLUMNS)).resolve(["A"], kind="symbol")
    assert list(resolution.symbols) == ["A"]
    assert resolution.report.n_ambiguous == 0


def test_unknown_and_ambiguous_ids_stay_under_their_own_name_and_are_reported(table: GeneTable) -> None:
    resolution = table.resolve(["CD19", "B1", "AC012345.1", "SHARED"])
    assert list(resolution.symbols) == ["CD19", "MS4A1", "AC012345.1", "SHARED"]
    assert list(resolution.mapped) == [True, True, False, False]
    report = resolution.report
    assert (report.n_exact, report.n_alias, report.n_unmapped, report.n_ambiguous) == (1, 1, 1, 1)
    assert report.unmapped == ["AC012345.1"]
    assert report.ambiguous == {"SHARED": ["TWICE1", "TWICE2"]}


def test_every_id_has_one_fate(table: GeneTable) -> None:
    ids = ["ENSG00000177455", "ENSG00000284770", "ENSG00000285053", "ENSG00000000999", "GFP", "CLONE"]
    names = ["CD19", "TBCE", "TBCE", "GAPD", "GFP", "CLONE"]
    report = table.resolve(ids, names=names).report
    fates = (report.n_exact, report.n_alias, report.n_by_name, report.n_unmapped, report.n_ambiguous)
    assert fates == (3, 0, 1, 2, 0)
    assert sum(fates) == report.n_ids


def test_different_ids_of_one_symbol_are_summed_and_named(table: GeneTable) -> None:
    resolution = table.resolve(["SEPT9", "SEPTIN9", "CD19"])
    assert list(resolution.symbols) == ["SEPTIN9", "SEPTIN9", "CD19"]
    assert resolution.report.summed == {"SEPTIN9": ["SEPT9", "SEPTIN9"]}


def test_the_same_id_twice_is_refused(table: GeneTable) -> None:
    with pytest.raises(OhmicsError, match=r"1 gene ids stand more than once: CD19 \(2 times\)"):
        table.resolve(["CD19", "ACTB", "CD19"])


def test_the_copy_on_chromosome_y_is_summed_with_its_twin(table: GeneTable) -> None:
    resolution = table.resolve(["ENSG00000177455.1", "ENSG00000177455.1_PAR_Y"])
    assert list(resolution.symbols) == ["CD19", "CD19"]


def test_duplicated_names_with_distinct_ids_do_not_collide(table: GeneTable) -> None:
    ids = ["ENSG00000177455", "ENSG00000000111", "ENSG00000000222"]
    resolution = table.resolve(ids, names=["CD19", "CLONE", "CLONE"])
    assert list(resolution.symbols) == ["CD19", "CLONE", "ENSG00000000222"]


def test_a_construct_named_as_a_gene_is_not_summed_with_it(table: GeneTable) -> None:
    ids = ["ENSG00000177455", "ENSG00000156738", "ENSG00000075624", "ENSG00000111640"]
    ids += [identifier for _, text, *_ in ROWS[4:] for identifier in text.split("|") if identifier not in ids]
    resolution = table.resolve([*ids, "CD19"], kind="ensembl")
    assert resolution.symbols[-1] == "CD19_unmapped"
    assert not resolution.mapped[-1]


def test_mixed_kinds_are_refused_with_examples_of_both(table: GeneTable) -> None:
    with pytest.raises(OhmicsError) as caught:
        table.resolve(["CD19", "ACTB", "GAPDH", "ENSG00000156738.3", "ENSG00000081237"])
    assert "mixed kinds: 3 are gene symbols (CD19) and 2 are Ensembl ids (ENSG00000156738.3)" in str(caught.value)


def test_unknown_ids_of_another_kind_do_not_make_a_matrix_mixed(table: GeneTable) -> None:
    # Annotations name a gene by its Ensembl id where it has no symbol.
    resolution = table.resolve(["CD19", "ACTB", "GAPDH", "ENSG00000000555", "ENSG00000000556"])
    assert resolution.kind == "symbol"
    assert resolution.report.n_unmapped == 2


def test_a_stated_kind_leaves_the_others_unmapped(table: GeneTable) -> None:
    resolution = table.resolve(["CD19", "ENSG00000156738"], kind="symbol")
    assert list(resolution.symbols) == ["CD19", "ENSG00000156738"]
    with pytest.raises(OhmicsError, match="`refseq` is no kind of gene id; legal: auto, symbol, ensembl, entrez"):
        table.resolve(["CD19"], kind="refseq")


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        (["Cd19", "Actb", "Gapdh"], "3 of 3 gene ids are written as mouse symbols (Cd19, Actb, Gapdh)"),
        (["ENSMUSG00000030724", "ENSMUSG00000029580.3"], "2 of 2 gene ids are Ensembl ids of mouse (ENSMUSG...)"),
        (["ENSRNOG00000034254", "ENSRNOG00000018630"], "2 of 2 gene ids are Ensembl ids of rat (ENSRNOG...)"),
        (["probe_1", "probe_2"], "0 of 2 gene ids are known human genes"),
    ],
)
def test_what_is_not_human_is_refused(table: GeneTable, ids: list[str], sentence: str) -> None:
    with pytest.raises(OhmicsError) as caught:
        table.resolve(ids)
    assert sentence in str(caught.value)
    assert len(caught.value.faults) == 1


def test_dates_of_a_spreadsheet_are_noted(table: GeneTable) -> None:
    report = table.resolve(["CD19", "ACTB", "2-Sep", "1-Mar"]).report
    assert report.notes == [
        "2 gene ids look like symbols that a spreadsheet turned into dates (2-Sep, 1-Mar); they stay unmapped"
    ]


def test_a_later_frame_corrects_an_earlier_one() -> None:
    first = pd.DataFrame([["PDE10A", "ENSG00000112541", "90632|10846", "6", ""]], columns=COLUMNS)
    second = pd.DataFrame([["LINC00473", "ENSG00000223414", "90632", "6", ""]], columns=COLUMNS)
    joined = GeneTable.from_frames(first, second)
    assert list(joined.resolve(["90632", "10846"], kind="entrez").symbols) == ["LINC00473", "PDE10A"]
    more = pd.DataFrame([["PDE10A", "", "", "6", "OLD"]], columns=COLUMNS)
    assert list(GeneTable.from_frames(first, more).resolve(["OLD", "PDE10A"]).symbols) == ["PDE10A", "PDE10A"]


def test_approved_tells_alias_from_ambiguity(table: GeneTable) -> None:
    assert table.approved("CD20") == "MS4A1"
    assert table.approved("MS4A1") == "MS4A1"
    assert table.approved("SHARED") is None
    assert table.approved("nothing") is None


def test_the_report_is_plain_data_and_one_sentence(table: GeneTable) -> None:
    report = table.resolve(["CD19", "CD20", "SHARED", "X1"]).report
    assert json.loads(json.dumps(report.to_dict()))["aliases"] == ["CD20: MS4A1"]
    assert report.sentence() == (
        "2 of 4 gene symbols map to approved symbols; 1 through an alias (CD20); "
        "1 ambiguous and kept under their own name (SHARED); 1 unknown and kept under their own name (X1)"
    )


def test_a_broken_table_is_refused() -> None:
    frame = pd.DataFrame(ROWS, columns=COLUMNS)
    with pytest.raises(OhmicsError, match="lacks the columns aliases"):
        GeneTable(frame.drop(columns="aliases"))
    with pytest.raises(OhmicsError, match="symbols twice: CD19"):
        GeneTable(pd.concat([frame, frame.head(1)]))
