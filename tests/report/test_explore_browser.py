"""Exploring the pages in a real browser with the network off: charts, tables behind them, search, deep links."""

from __future__ import annotations

import csv
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from ohmics.report import ReportInputs, qc_page, signatures_page

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = os.environ.get("OHMICS_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium found; install Debian's chromium or set OHMICS_CHROMIUM"),
]
HOSTILE = "=P2<img src=x onerror=alert(1)>"
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def folder(make: Callable[..., ReportInputs], more: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = more.fuller(make(n_patients=5, n_cells=1_500, n_mechanisms=30, rename={"P2": HOSTILE}))
    place = tmp_path_factory.mktemp("explore")
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

    def go(name: str, *, width: int = 1280, fragment: str = "", scheme: str = "light") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, offline=True, accept_downloads=True, color_scheme=scheme
        )
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda said: troubles.append(said.text) if said.type in ("error", "warning") else None)
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.on("dialog", lambda dialog: troubles.append(f"dialog {dialog.message}"))
        # A file made on the page for a download is neither: its address begins with blob.
        tab.on(
            "request",
            lambda asked: troubles.append(asked.url) if not asked.url.startswith(("file:", "data:", "blob:")) else None,
        )
        tab.goto(f"file://{folder / name}.html{fragment}")
        return tab

    yield go
    for context in contexts:
        context.close()
    assert troubles == []


def _drawn(tab: Any, kind: str) -> Any:
    """Scroll to the first figure of a kind and wait until its chart is drawn."""
    figure = tab.locator(f"figure[id*='{kind}']:has(.chart)").first
    figure.evaluate(
        "e => { for (let n = e; n; n = n.parentElement) { if (n.nodeName === 'DETAILS') { n.open = true; } } }"
    )
    figure.evaluate("e => e.scrollIntoView()")
    tab.wait_for_function("e => e.classList.contains('live')", arg=figure.element_handle())
    return figure


def _saved(tab: Any, button: Any, target: Path) -> list[list[str]]:
    with tab.expect_download() as waiting:
        button.click()
    waiting.value.save_as(target)
    with target.open(encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle))


def test_charts_are_drawn_only_when_they_come_near(visit: Callable[..., Any]) -> None:
    tab = visit("signatures")
    tab.wait_for_load_state("load")
    tab.wait_for_timeout(500)
    assert tab.locator("figure:has(.chart)").count() > 1
    assert tab.locator("figure.live").count() == 0
    assert tab.evaluate("window.ohmicsEmbed === undefined")
    figure = _drawn(tab, "fig-2d-heat")
    assert figure.locator(".figure").is_visible() is False
    assert tab.locator("figure.live").count() < tab.locator("figure:has(.chart)").count()


def test_heat_map_tells_of_a_cell_and_leads_to_its_row(visit: Callable[..., Any]) -> None:
    tab = visit("signatures")
    figure = _drawn(tab, "fig-2d-heat")
    place = figure.locator(".host .mark-rect path").first.bounding_box()
    tab.mouse.move(place["x"] + 5, place["y"] + 5)
    tip = tab.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    said = tip.inner_text()
    assert all(word in said for word in ("Mechanism", "Verdict", "Change"))
    tab.mouse.click(place["x"] + 5, place["y"] + 5)
    tab.wait_for_function("/^#(patients|verdicts)-/.test(location.hash)")
    assert tab.locator("tbody tr:target").is_visible()


def test_a_hostile_name_in_a_tooltip_is_text(visit: Callable[..., Any]) -> None:
    tab = visit("signatures")
    figure = _drawn(tab, "fig-2d-heat")
    for place in figure.locator(".host .mark-rect path").all():
        box = place.bounding_box()
        tab.mouse.move(box["x"] + 5, box["y"] + 5)
        if HOSTILE in "".join(tab.locator("#vg-tooltip-element").all_inner_texts()):
            break
    assert HOSTILE in tab.locator("#vg-tooltip-element").inner_text()
    assert tab.locator("#vg-tooltip-element img").count() == 0


def _coloured_pixels(figure: Any) -> int:
    return int(
        figure.locator("canvas").evaluate(
            "c => { const copy = document.createElement('canvas'); copy.width = c.width; copy.height = c.height;"
            " const pen = copy.getContext('2d', { willReadFrequently: true }); pen.drawImage(c, 0, 0);"
            " const d = pen.getImageData(0, 0, c.width, c.height).data; let n = 0;"
            " for (let i = 0; i < d.length; i += 4) {"
            " if (Math.max(d[i], d[i+1], d[i+2]) - Math.min(d[i], d[i+1], d[i+2]) > 40) { n += 1; } } return n; }"
        )
    )


def test_legend_hides_and_shows_groups_from_the_keyboard(visit: Callable[..., Any]) -> None:
    tab = visit("qc")
    figure = _drawn(tab, "fig-umap")
    every = _coloured_pixels(figure)
    assert every > 0
    first = figure.locator(".legend button.level").first
    first.focus()
    tab.keyboard.press("Enter")
    assert first.get_attribute("aria-pressed") == "false"
    tab.wait_for_timeout(300)
    fewer = _coloured_pixels(figure)
    assert fewer < every
    figure.get_by_role("button", name="Hide all").click()
    tab.wait_for_timeout(300)
    assert _coloured_pixels(figure) == 0
    figure.get_by_role("button", name="Show all").click()
    tab.wait_for_timeout(300)
    assert _coloured_pixels(figure) == every
    assert figure.locator("[aria-pressed=false].level").count() == 0


def test_map_takes_another_colouring_and_says_what_it_shows(visit: Callable[..., Any]) -> None:
    tab = visit("qc")
    figure = _drawn(tab, "fig-umap")
    before = figure.locator(".legend button.level").all_inner_texts()
    figure.locator("select").select_option(label="by timepoint")
    tab.wait_for_function(
        "([e, old]) => e.querySelector('.legend') && e.querySelector('.legend button').textContent !== old",
        arg=[figure.element_handle(), before[0]],
    )
    told = figure.locator(".host [aria-label^='Map of']")
    told.wait_for(state="attached")
    assert "Coloured by timepoint" in told.get_attribute("aria-label")


def test_table_behind_a_chart_holds_every_mark(visit: Callable[..., Any], tmp_path: Path) -> None:
    tab = visit("qc")
    figure = _drawn(tab, "fig-umap")
    opener = figure.get_by_role("button", name="Table behind the chart")
    opener.focus()
    tab.keyboard.press("Enter")
    assert opener.get_attribute("aria-expanded") == "true"
    table = figure.locator("table.data")
    assert table.locator("tbody tr").count() == 500
    rows = _saved(tab, figure.get_by_role("button", name=re.compile("Download all")), tmp_path / "map.csv")
    # Every cell kept that has coordinates: below the limit none is left out.
    shown = re.search(r"All ([\d,]+) cells", figure.locator("figcaption").inner_text())
    assert shown is not None
    assert len(rows) - 1 == int(shown.group(1).replace(",", ""))
    assert rows[0][0] == "Sample"
    assert any(row[0].startswith("'=P2<img") for row in rows)
    opener.click()
    assert figure.locator("table.data").count() == 0


def test_a_gene_is_marked_in_the_volcano_plot(visit: Callable[..., Any]) -> None:
    tab = visit("signatures")
    figure = _drawn(tab, "fig-2d-volcano")
    figure.get_by_role("button", name="Table behind the chart").click()
    gene = figure.locator("table.data tbody tr td").first.inner_text()
    box = figure.get_by_label("Mark a gene")
    box.fill(gene.lower())
    assert "log2 fold change" in figure.locator(".legend .status").first.inner_text()
    box.fill("NOSUCHGENE")
    assert figure.locator(".legend .status").first.inner_text() == "not among those drawn"


def test_running_sum_opens_on_request_and_gives_the_focus_back(visit: Callable[..., Any]) -> None:
    tab = visit("signatures")
    link = tab.locator("a.curve").first
    wanted = link.get_attribute("data-pick")
    link.focus()
    tab.keyboard.press("Enter")
    dialog = tab.locator("dialog.walk")
    dialog.locator(".plot svg").wait_for()
    assert wanted in dialog.get_attribute("aria-label")
    assert wanted in dialog.locator(".plot svg").text_content()
    tab.keyboard.press("Escape")
    assert dialog.count() == 0
    assert tab.evaluate("document.activeElement.className") == "curve"


def test_still_picture_comes_back_on_request_and_on_paper(visit: Callable[..., Any]) -> None:
    tab = visit("signatures")
    figure = _drawn(tab, "fig-2d-forest")
    still = figure.get_by_role("button", name="Still picture")
    still.click()
    assert still.get_attribute("aria-pressed") == "true"
    assert figure.locator(".figure").is_visible()
    still.click()
    tab.emulate_media(media="print")
    assert figure.locator(".figure").is_visible()
    assert figure.locator(".chart").is_visible() is False


def test_gene_search_shows_where_a_gene_appears(visit: Callable[..., Any]) -> None:
    tab = visit("signatures")
    box = tab.get_by_label("Gene symbol")
    box.press_sequentially("cd19")
    found = tab.locator("#find-gene .gene")
    found.wait_for()
    titles = found.locator("h3").all_inner_texts()
    assert "Gene lists" in titles
    assert "Antigens and their calls" in titles
    link = found.locator("a[href^='#lists-']").first
    target = link.get_attribute("href")
    link.click()
    row = tab.locator(f"[id='{target[1:]}']")
    assert row.is_visible()
    assert "CD19" in row.inner_text() or "CD19" in row.text_content()
    assert found.locator("a[rel=noreferrer][href^='https://pubmed.ncbi.nlm.nih.gov/']").count() > 0
    box.fill("NOSUCHGENE")
    assert "No list" in tab.locator("#find-gene .status").inner_text()


def test_a_gene_of_a_table_leads_to_the_search(visit: Callable[..., Any]) -> None:
    tab = visit("signatures")
    link = tab.locator("td.gene a").first
    gene = link.text_content()
    link.evaluate("e => e.click()")
    tab.locator("#find-gene .gene").wait_for()
    assert tab.get_by_label("Gene symbol").input_value() == gene
    again = visit("signatures", fragment=f"#find-gene?{gene}")
    again.locator("#find-gene .gene").wait_for()
    assert again.locator("#find-gene .gene .lead").inner_text() == gene


def test_a_link_holds_filter_and_order(visit: Callable[..., Any]) -> None:
    tab = visit("signatures")
    table = tab.locator("table[id^='genes-']").first
    name = table.get_attribute("id")
    outer = tab.locator(f".table:has(#{name})")
    outer.locator("input[type=search]").fill("q<0.5")
    head = table.locator("th", has_text="log2 fold change").locator("button")
    head.click()
    head.click()
    link = outer.get_by_role("link", name="Link to these rows").get_attribute("href")
    shown = table.locator("tbody tr:visible").all_inner_texts()
    fresh = visit("signatures", fragment=link)
    again = fresh.locator(f"#{name}")
    again.locator("tbody tr:visible").first.wait_for()
    assert again.locator("tbody tr:visible").all_inner_texts() == shown
    place = [text.rstrip() for text in again.locator("th").all_inner_texts()].index("log2 fold change") + 1
    values = pd.to_numeric(
        pd.Series(again.locator(f"tbody tr:visible td:nth-child({place})").all_inner_texts()), errors="raise"
    )
    assert len(values) > 1
    assert values.is_monotonic_decreasing
    assert 0 <= outer.bounding_box()["x"] < 1280


def test_a_link_to_a_folded_row_opens_and_marks_it(visit: Callable[..., Any]) -> None:
    tab = visit("signatures")
    row = tab.locator("#lists tbody tr").last.get_attribute("id")
    assert tab.locator(f"[id='{row}']").is_visible() is False
    tab = visit("signatures", fragment=f"#{row}")
    found = tab.locator(f"[id='{row}']")
    assert found.is_visible()
    box = found.bounding_box()
    assert 0 <= box["y"] < 900
    plain, marked = (
        tab.eval_on_selector(rows, "r => getComputedStyle(r).backgroundColor")
        for rows in ("#lists tbody tr:first-child", "#lists tbody tr:target")
    )
    assert plain != marked


def test_settings_behind_a_table_are_one_step_away(visit: Callable[..., Any]) -> None:
    tab = visit("signatures")
    link = tab.locator(".note a[href^='#setting-']").first
    target = link.get_attribute("href")
    link.evaluate("e => e.click()")
    assert tab.locator(f"[id='{target[1:]}']").is_visible()


@pytest.mark.parametrize("broken", ["#%E0%A4%A", "#no-such-row", "#lists?sort=Nothing&filter=%3Cscript%3E", "#?"])
def test_a_broken_link_does_no_harm(visit: Callable[..., Any], broken: str) -> None:
    tab = visit("signatures", fragment=broken)
    assert tab.locator("h1").is_visible()
    assert tab.locator("table.data th button").count() > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out_from_what_lies_behind(visit: Callable[..., Any], scheme: str) -> None:
    tab = visit("signatures", scheme=scheme)
    _drawn(tab, "fig-2d-heat")
    ratios = tab.evaluate(
        """() => {
          const rgb = t => t.match(/[\\d.]+/g).map(Number);
          const light = c => { const [r, g, b] = c.slice(0, 3).map(v => { v /= 255;
            return v <= 0.03928 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
          const paper = e => { for (let n = e; n; n = n.parentElement) {
            const c = rgb(getComputedStyle(n).backgroundColor); if (c.length < 4 || c[3] > 0) { return c; } }
            return [255, 255, 255]; };
          return Array.from(document.querySelectorAll("p, td, th, button, a, figcaption, summary, .status, caption"))
            .filter(e => e.textContent.trim() && e.getClientRects().length && !e.closest(".skip, svg"))
            .map(e => { const a = light(rgb(getComputedStyle(e).color)), b = light(paper(e));
              return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.nodeName + " " + e.className]; })
            .sort((x, y) => x[0] - y[0]).slice(0, 5); }"""
    )
    assert ratios[0][0] >= 4.5, ratios


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_drawn_charts_stay_within_the_page_and_names_apart(visit: Callable[..., Any], width: int) -> None:
    tab = visit("signatures", width=width)
    for kind in ("fig-2d-heat", "fig-2d-forest", "fig-2d-volcano"):
        _drawn(tab, kind)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    meeting = tab.evaluate(
        """() => { const found = [];
          document.querySelectorAll("figure.live .host svg").forEach(svg => {
            const boxes = Array.from(svg.querySelectorAll("text")).filter(t => t.textContent.trim().length > 1)
              .map(t => [t.getBoundingClientRect(), t.textContent]).filter(b => b[0].width > 0);
            boxes.forEach((one, i) => boxes.slice(i + 1).forEach(other => {
              const a = one[0], b = other[0];
              if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1.5 &&
                  Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4) { found.push([one[1], other[1]]); } }));
          }); return found; }"""
    )
    assert meeting == []


def test_everything_that_acts_is_reached_by_tab(visit: Callable[..., Any]) -> None:
    tab = visit("qc")
    figure = _drawn(tab, "fig-umap")
    wanted = figure.locator("button, select, input").count()
    figure.locator("select").focus()
    seen = 1
    for _ in range(wanted - 1):
        tab.keyboard.press("Tab")
        seen += int(tab.evaluate("e => e.contains(document.activeElement)", figure.element_handle()))
    assert seen == wanted
