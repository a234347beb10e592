"""What may not be told is found wherever it stands: packed, encoded, in names of files, columns and figures."""

import base64
import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from ohmics.plots import style
from ohmics.report.charts import squeezed
from ohmics.sharing.search import hits

WORD = "PT-0042"


def table(place: Path) -> None:
    pd.DataFrame({"n": [1], "who": [f"of {WORD}."]}).to_csv(place / "a.tsv", sep="\t")


def heading(place: Path) -> None:
    pd.DataFrame({WORD: [1]}).to_parquet(place / "a.parquet")


def parquet(place: Path) -> None:
    pd.DataFrame({"n": [1, 2], "who": ["x", WORD]}).to_parquet(place / "a.parquet")


def categories(place: Path) -> None:
    pd.DataFrame({"who": pd.Categorical([WORD])}).to_parquet(place / "a.parquet")


def obs(place: Path) -> None:
    held = ad.AnnData(np.ones((1, 1)), obs=pd.DataFrame({"who": pd.Categorical([WORD])}, index=["c"]))
    held.write_h5ad(place / "a.h5ad", compression="gzip")


def obs_names(place: Path) -> None:
    ad.AnnData(np.ones((1, 1)), obs=pd.DataFrame(index=[f"{WORD}:AAAC"])).write_h5ad(place / "a.h5ad")


def uns(place: Path) -> None:
    held = ad.AnnData(np.ones((1, 1)))
    held.uns["ohmics"] = {"config": json.dumps({"where": {"patient": [WORD]}})}
    held.write_h5ad(place / "a.h5ad")


def workbook(place: Path) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(place / "a.xlsx", {"constant_memory": True}) as book:
        book.add_worksheet("a").write_string(0, 0, WORD)


def sheet_name(place: Path) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(place / "a.xlsx") as book:
        book.add_worksheet(WORD)


def pdf(place: Path) -> None:
    (place / "a.pdf").write_bytes(style.to_pdf(style.blank(f"cells of {WORD}")))


def pdf_title(place: Path) -> None:
    (place / "a.pdf").write_bytes(style.to_pdf(style.blank("cells"), title=WORD))


def svg(place: Path) -> None:
    (place / "a.svg").write_text(style.to_svg(style.blank(f"cells of {WORD}")), encoding="utf-8")


def page(place: Path) -> None:
    (place / "a.html").write_text(f'<p id="row-{WORD}">x</p>', encoding="utf-8")


def page_escaped(place: Path) -> None:
    (place / "a.html").write_text("<p>PT&#45;0042</p>", encoding="utf-8")


def page_cut(place: Path) -> None:
    (place / "a.html").write_text("<p>PT-<b>0042</b></p>", encoding="utf-8")


def chart(place: Path) -> None:
    packed = squeezed(json.dumps({"levels": [WORD], "fill": list(range(400))}))
    (place / "a.html").write_text(f"<script>draw('{packed}')</script>", encoding="utf-8")


def encoded(place: Path) -> None:
    text = base64.b64encode((" " * 200 + WORD).encode()).decode()
    (place / "a.html").write_text(f"<script>{text}</script>", encoding="utf-8")


def zipped(place: Path) -> None:
    with zipfile.ZipFile(place / "a.zip", "w") as packed:
        packed.writestr(f"{WORD}.txt", "")


def gzipped(place: Path) -> None:
    (place / "a.tsv.gz").write_bytes(gzip.compress(WORD.encode()))


def file_name(place: Path) -> None:
    (place / f"{WORD}.html").write_text("", encoding="utf-8")


def other_case(place: Path) -> None:
    (place / "a.md").write_text("of pt-0042", encoding="utf-8")


@pytest.mark.parametrize(
    "write",
    [table, heading, parquet, categories, obs, obs_names, uns, workbook, sheet_name, pdf, pdf_title, svg, page,
     page_escaped, page_cut, chart, encoded, zipped, gzipped, file_name, other_case],
)  # fmt: skip
def test_a_word_is_found(write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path)
    assert {hit.word for hit in hits(tmp_path, words=[WORD, "PT-0043", "PT-004"])} == {WORD}


def test_only_whole_words_count(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("PT-00421, xPT-0042 and M11", encoding="utf-8")
    assert not list(hits(tmp_path, words=[WORD, "M1"]))
    (tmp_path / "b.txt").write_text("PT-0042_pre", encoding="utf-8")
    assert [hit.file for hit in hits(tmp_path, words=[WORD])] == ["b.txt"]


def test_places_of_cells_in_a_workbook_are_no_words(tmp_path: Path) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        book.add_worksheet("a").write_number(10, 12, 1)
    assert not list(hits(tmp_path, words=["M11"]))


def test_what_every_page_carries_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<script>var T01 = 1;</script><p>x</p>", encoding="utf-8")
    assert list(hits(tmp_path, words=["T01"]))
    assert not list(hits(tmp_path, words=["T01"], ignored=["var T01 = 1;"]))


def test_a_path_is_found_as_the_beginning_of_one(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("matrix: /data/trial/counts.h5\nother: /data/trials/x", encoding="utf-8")
    assert [hit.word for hit in hits(tmp_path, words=[], paths=["/data/trial", "/data/tri", "/home/me"])] == [
        "/data/trial"
    ]
