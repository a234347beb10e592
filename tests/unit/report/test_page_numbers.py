"""Every number on the pages stands in a table, and pages from saved tables are those from memory, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from ohmics.report import ReportInputs, load_inputs, qc_page, signatures_page

PAGES = {"qc": qc_page, "signatures": signatures_page}


@pytest.fixture(scope="module", params=["single_cell", "bulk"])
def cohort(request, make: Callable[..., ReportInputs], more: ModuleType) -> ReportInputs:
    return more.fuller(make(n_patients=4, n_cells=400, n_mechanisms=30, bulk=request.param == "bulk"))


@pytest.fixture(scope="module")
def folder(cohort: ReportInputs, walk: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("results")
    walk.save(cohort, place)
    return place


@pytest.fixture(scope="module")
def pages(cohort: ReportInputs) -> dict[str, str]:
    return {name: page(cohort) for name, page in PAGES.items()}


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_number_stands_in_a_table(
    name: str, pages: dict[str, str], folder: Path, walk: ModuleType, cohort: ReportInputs
) -> None:
    read = {number for text, _ in walk.texts_of(pages[name]) for number in walk.numbers_in(text)}
    assert len(read) > (50 if cohort.bulk else 100)
    assert walk.strangers(pages[name], folder) == {}


def test_a_changed_digit_is_noticed(pages: dict[str, str], folder: Path, walk: ModuleType) -> None:
    whole = pages["qc"]
    start = whole.index('id="samples-table"')
    cells = set(re.findall(r'<td class="num">(\d\.\d\d)</td>', whole[start : whole.index("</table>", start)]))
    assert len(cells) >= 5
    # Few of the numbers beside a true one are true ones of the same table.
    changed = {text[:-1] + str((int(text[-1]) + 4) % 10) for text in cells}
    shown = "".join(f"<td>{text}</td>" for text in sorted(changed))
    note = "Whole table: samples.tsv and tables/qc.tsv."
    table = f'<div class="table"><table><tr>{shown}</tr></table><p class="note">{note}</p></div>'
    assert len(walk.strangers(f"<main>{table}</main>", folder)) > 0.6 * len(changed)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_saved_tables_give_the_same_bytes(name: str, pages: dict[str, str], folder: Path, cohort: ReportInputs) -> None:
    loaded = load_inputs(folder, catalog=cohort.catalog, provenance=cohort.provenance)
    assert PAGES[name](loaded) == pages[name]
