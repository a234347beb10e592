from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from ohmics import tables
from ohmics.export.run_tables import RunTable, run_tables
from ohmics.export.workbook import EXCEL_ROWS, EXCEL_TEXT, cell_text, planned, shortened, write_workbook
from ohmics.io import write_table

PROJECT = '=HYPERLINK("http://a.example","x")'


def written(results: Path, path: Path, **more: int) -> openpyxl.Workbook:
    write_workbook(run_tables(results), path, project=PROJECT, version="9.9", **more)
    return openpyxl.load_workbook(path)


def cells_of(book: openpyxl.Workbook) -> list:
    return [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]


def test_no_cell_is_a_formula_and_no_address_of_a_user_a_link(cell_results: Path, tmp_path: Path) -> None:
    book = written(cell_results, tmp_path / "a.xlsx")
    cells = cells_of(book)
    assert not [cell.coordinate for cell in cells if cell.data_type == "f"]
    texts = {cell.value for cell in cells if isinstance(cell.value, str)}
    assert {PROJECT, "=cmd|' /C calc'!A0", "@SUM(1)", "-2 patients", "+1 <b>odd</b>"} <= texts
    links = [cell.hyperlink for cell in cells if cell.hyperlink]
    assert links
    assert all(link.target is None and link.location for link in links)


def test_the_first_sheet_tells_of_every_table_and_every_column(cell_results: Path, tmp_path: Path) -> None:
    book = written(cell_results, tmp_path / "a.xlsx")
    assert book.sheetnames[:2] == ["readme", "evidence"]
    rows = [[cell for cell in row if cell is not None] for row in book["readme"].iter_rows(values_only=True)]
    first = {row[0] for row in rows if row}
    assert {place.name for place in run_tables(cell_results)} <= first
    told = {(row[0], row[1]) for row in rows if len(row) > 4}
    for name in book.sheetnames[1:]:
        known = tables.TABLES[name.upper()].names
        heads = [cell.value for cell in book[name][1]]
        assert set(heads[: len(known)]) == set(known)
        assert {(name, column) for column in known} <= told
    assert [
        "junctions",
        "Exon skipping of antigens from junction counts: the config gives no `input.junctions`",
    ] in rows


def test_values_are_those_of_the_tables_and_missing_is_empty(cell_results: Path, tmp_path: Path) -> None:
    sheet = written(cell_results, tmp_path / "a.xlsx")["qc"]
    heads, first, second = sheet.iter_rows(values_only=True)
    told = dict(zip(heads, first, strict=True))
    assert told["cells_kept"] == 30
    assert told["pct_mito"] == 4.25
    assert told["flags"] is None
    assert told["ambient_fraction"] is None
    assert dict(zip(heads, second, strict=True))["verdict"] == "use_with_care"


def test_no_path_of_a_machine_is_told(cell_results: Path, tmp_path: Path) -> None:
    texts = [cell.value for cell in cells_of(written(cell_results, tmp_path / "a.xlsx")) if isinstance(cell.value, str)]
    assert "S_pre.h5" in texts
    assert not [text for text in texts if "somebody" in text]


def test_the_same_tables_give_the_same_bytes(cell_results: Path, tmp_path: Path) -> None:
    written(cell_results, tmp_path / "a.xlsx")
    written(cell_results, tmp_path / "b.xlsx")
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_a_table_too_long_for_excel_is_cut_and_says_so(cell_results: Path, tmp_path: Path) -> None:
    book = written(cell_results, tmp_path / "a.xlsx", most_rows=3)
    assert book["scores"].max_row == 4
    lines = [
        " ".join(str(cell) for cell in row if cell is not None) for row in book["readme"].iter_rows(values_only=True)
    ]
    assert any(
        "cut: 3 of 8 rows (the first ones); all of them in export/tables/scores.parquet" in line for line in lines
    )


def test_more_rows_than_excel_holds_are_never_asked_for() -> None:
    long = RunTable(name="de", table=tables.DE, title="DE", parts=(), rows=EXCEL_ROWS + 5)
    sheet = planned(long, 10 * EXCEL_ROWS)
    assert sheet.rows == EXCEL_ROWS - 1
    assert "cut: 1,048,575 of 1,048,581 rows (those with the smallest p" in sheet.note


def test_what_is_cut_keeps_the_smallest_p_in_the_order_of_the_table() -> None:
    frame = pd.DataFrame({"gene": list("abcd"), "p": [0.5, None, 0.01, 0.2]})
    assert shortened(frame, 2)["gene"].tolist() == ["c", "d"]
    assert shortened(frame, 3)["gene"].tolist() == ["a", "c", "d"]
    assert shortened(frame.drop(columns="p"), 2)["gene"].tolist() == ["a", "b"]


@pytest.mark.parametrize("text", ["x" * 40_000, "\U0001f9ec" * 20_000])
def test_text_too_long_for_a_cell_is_cut_and_says_so(text: str) -> None:
    short = cell_text(text)
    assert len(short.encode("utf-16-le")) // 2 <= EXCEL_TEXT
    assert short.endswith("[cut: Excel's cells end here]")


def test_infinite_numbers_and_forbidden_characters_are_words(cell_results: Path, tmp_path: Path) -> None:
    effects = tables.EFFECTS.conform(
        [
            {"contrast": "c", "level": "cohort", "subject": "c", "cell_type": "bulk", "mechanism": "m",
             "gene_list": "m/l", "method": "ucell", "depth": "raw", "effect": float("inf"), "low": float("-inf"),
             "scheme": "a\x01b"}
        ]
    )  # fmt: skip
    write_table(effects, tables.EFFECTS, cell_results / "tables" / "effects.tsv")
    heads, row = written(cell_results, tmp_path / "a.xlsx")["effects"].iter_rows(values_only=True)
    told = dict(zip(heads, row, strict=True))
    assert (told["effect"], told["low"], told["scheme"]) == ("Inf", "-Inf", "a\ufffdb")
