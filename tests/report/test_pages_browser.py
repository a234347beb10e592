"""Pages in a real browser with the network off: widths, sorting, filtering, download, deep links, no error."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ohmics.report import ReportInputs, qc_page, signatures_page

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = os.environ.get("OHMICS_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium found; install Debian's chromium or set OHMICS_CHROMIUM"),
]


@pytest.fixture(scope="module")
def folder(make: Callable[..., ReportInputs], tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make(n_patients=8, n_cells=2_000, n_mechanisms=30, rename={"P2": "=P2<script>alert(1)</script>"})
    place = tmp_path_factory.mktemp("pages")
    (place / "qc.html").write_text(qc_page(made), encoding="utf-8")
    (place / "signatures.html").write_text(signatures_page(made), encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any, folder: Path) -> Iterator[Callable[..., Any]]:
    contexts, troubles = [], []

    def go(name: str, width: int = 1280, fragment: str = "") -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, accept_downloads=True)
        contexts.append(context)
        tab = context.new_page()
        tab.on(
            "console", lambda message: troubles.append(message.text) if message.type in ("error", "warning") else None
        )
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.on("dialog", lambda dialog: troubles.append(f"dialog {dialog.message}"))
        tab.on("request", lambda request: troubles.append(request.url) if request.url.startswith("http") else None)
        tab.goto(f"file://{folder / name}.html{fragment}")
        return tab

    yield go
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.mark.parametrize("name", ["qc", "signatures"])
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_no_page_overflows_sideways(visit: Callable[..., Any], name: str, width: int) -> None:
    tab = visit(name, width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate("Array.from(document.images).every(i => { i.loading = 'eager'; return true; })")
    tab.wait_for_function("Array.from(document.images).every(i => i.complete && i.naturalWidth > 0)")


def _column(tab: Any, table: str, place: int) -> list[str]:
    return list(
        tab.eval_on_selector_all(f"#{table} tbody tr td:nth-child({place})", "cells => cells.map(c => c.textContent)")
    )


def test_a_number_column_sorts_as_numbers_both_ways(visit: Callable[..., Any]) -> None:
    tab = visit("qc")
    heads = tab.eval_on_selector_all("#samples-table th", "heads => heads.map(h => h.textContent)")
    place = heads.index("Median UMI") + 1
    button = tab.locator(f"#samples-table th:nth-child({place}) button")
    for direction, backwards in (("ascending", False), ("descending", True)):
        button.click()
        shown = [float(text.replace(",", "")) for text in _column(tab, "samples-table", place) if text]
        assert shown == sorted(shown, reverse=backwards)
        assert tab.get_attribute(f"#samples-table th:nth-child({place})", "aria-sort") == direction


def test_missing_values_sort_last_both_ways(visit: Callable[..., Any]) -> None:
    tab = visit("qc")
    place = tab.eval_on_selector_all("#samples-table th", "heads => heads.map(h => h.textContent)").index("Why") + 1
    for _ in range(2):
        tab.locator(f"#samples-table th:nth-child({place}) button").click()
        empty = [text == "" for text in _column(tab, "samples-table", place)]
        assert any(empty)
        assert empty == sorted(empty)


def test_sorting_works_from_the_keyboard(visit: Callable[..., Any]) -> None:
    tab = visit("qc")
    tab.locator("#samples-table th:nth-child(1) button").focus()
    tab.keyboard.press("Enter")
    assert tab.get_attribute("#samples-table th:nth-child(1)", "aria-sort") == "ascending"


def test_filter_hides_rows_and_says_how_many_are_left(visit: Callable[..., Any]) -> None:
    tab = visit("qc")
    box = tab.locator(".table:has(#samples-table) input[type=search]")
    box.fill("relapse care")
    shown = tab.locator("#samples-table tbody tr:visible")
    total = tab.locator("#samples-table tbody tr").count()
    assert 0 < shown.count() < total
    assert tab.locator(".table:has(#samples-table) .status").text_content() == f"{shown.count()} of {total} rows"
    box.fill("")
    assert shown.count() == total


def test_download_holds_the_rows_shown_and_runs_no_formula(visit: Callable[..., Any], tmp_path: Path) -> None:
    tab = visit("qc")
    tab.locator(".table:has(#samples-table) input[type=search]").fill("=P2")
    with tab.expect_download() as waiting:
        tab.locator(".table:has(#samples-table) .tools button").click()
    target = tmp_path / "got.csv"
    waiting.value.save_as(target)
    assert waiting.value.suggested_filename == "samples-table.csv"
    with target.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.reader(handle))
    assert rows[0][:2] == ["Sample", "Verdict"]
    assert len(rows) == 3
    assert all(row[0].startswith("'=P2<script>") for row in rows[1:])


def test_a_deep_link_shows_its_row(visit: Callable[..., Any]) -> None:
    tab = visit("signatures")
    target = tab.eval_on_selector("#summary a[href^='#verdicts-']", "link => link.getAttribute('href')")
    tab = visit("signatures", fragment=target)
    assert tab.locator(target).is_visible()
    box = tab.locator(target).bounding_box()
    assert 0 <= box["y"] < 900


@pytest.mark.parametrize("name", ["qc", "signatures"])
def test_page_prints_every_row_and_column(visit: Callable[..., Any], name: str) -> None:
    # The width of A4 landscape without its margins.
    tab = visit(name, 1030)
    tab.emulate_media(media="print")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 1030
    assert tab.locator(".tools").first.is_visible() is False
    assert tab.eval_on_selector(".scroll", "box => getComputedStyle(box).maxHeight") == "none"
