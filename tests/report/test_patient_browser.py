"""Pages of patients in a real browser with the network off: widths, print to A4, names as text, accessibility."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ohmics.report import ReportInputs, patient_pages
from ohmics.report.patient_names import page_names

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = os.environ.get("OHMICS_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium found; install Debian's chromium or set OHMICS_CHROMIUM"),
]
LONG = "x" * 200
HOSTILE = "=P2<script>alert(1)</script>"


@pytest.fixture(scope="module")
def folder(
    make: Callable[..., ReportInputs], more: ModuleType, patients: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    made = make(n_patients=5, n_cells=600, n_mechanisms=30, rename={"P2": HOSTILE, "P3": LONG})
    inputs = patients.compared(more.fuller(made))
    place = tmp_path_factory.mktemp("patients")
    for name, page in patient_pages(inputs):
        (place / name).write_text(page, encoding="utf-8")
    single = replace(
        inputs, samples=inputs.samples[inputs.samples["sample"] != "P4_relapse"], pairs=None, evidence=None
    )
    page = dict(patient_pages(replace(single, patient_comparison=None, effects=None)))["P4.html"]
    (place / "single.html").write_text(page, encoding="utf-8")
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

    def go(name: str, width: int = 1280) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, bypass_csp=False)
        contexts.append(context)
        tab = context.new_page()
        tab.on(
            "console", lambda message: troubles.append(message.text) if message.type in ("error", "warning") else None
        )
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.on("dialog", lambda dialog: troubles.append(f"dialog {dialog.message}"))
        tab.on("request", lambda request: troubles.append(request.url) if request.url.startswith("http") else None)
        tab.goto((folder / name).as_uri())
        return tab

    yield go
    for context in contexts:
        context.close()
    assert troubles == []


def name_of(patient: str) -> str:
    """Return the file of a patient's page."""
    return f"{page_names([patient])[patient]}.html"


PAGES = ("P1.html", "single.html", "index.html", name_of(HOSTILE), name_of(LONG))


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_overflows_sideways(visit: Callable[..., Any], name: str, width: int) -> None:
    tab = visit(name, width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate("Array.from(document.images).every(i => i.complete && i.naturalWidth > 0)")


@pytest.mark.parametrize("patient", [HOSTILE, LONG])
def test_hostile_names_are_text_and_their_links_lead_to_their_page(visit: Callable[..., Any], patient: str) -> None:
    tab = visit("index.html")
    tab.get_by_role("link", name=patient, exact=True).click()
    assert f"Patient {patient}" in tab.text_content("h1")
    assert tab.evaluate("document.querySelectorAll('main script').length") == 0
    assert tab.url.endswith(name_of(patient))
    tab.get_by_role("link", name="All patients", exact=True).click()
    assert tab.url.endswith("index.html")


@pytest.mark.parametrize(("name", "fewest", "most"), [("P1.html", 2, 9), ("single.html", 1, 2), ("index.html", 1, 2)])
def test_a_page_prints_on_a_few_sheets_of_a4(
    visit: Callable[..., Any], tmp_path: Path, name: str, fewest: int, most: int
) -> None:
    written = tmp_path / "page.pdf"
    visit(name).pdf(path=str(written), prefer_css_page_size=True, print_background=True)
    data = written.read_bytes()
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", data)
    assert fewest <= len(boxes) <= most
    if name != "index.html":
        assert {(round(float(wide)), round(float(high))) for wide, high in boxes} <= {(595, 842), (596, 842)}


@pytest.mark.parametrize("name", ["P1.html", name_of(LONG)])
def test_on_paper_nothing_is_cut_off(visit: Callable[..., Any], name: str) -> None:
    # The width of A4 without its margins.
    tab = visit(name, 703)
    tab.emulate_media(media="print")
    wide = tab.evaluate(
        "Array.from(document.querySelectorAll('main table, main figure svg, main img'))"
        ".filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.id || e.tagName)"
    )
    assert wide == []
    assert tab.locator(".back").is_visible() is False


@pytest.mark.parametrize("name", ["P1.html", "index.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(visit: Callable[..., Any], name: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    tab = visit(name)
    tab.emulate_media(color_scheme=scheme)
    found = axe.Axe().run(tab).response["violations"]
    serious = {fault["id"]: [node["html"] for node in fault["nodes"][:2]] for fault in found
               if fault["impact"] in ("serious", "critical")}  # fmt: skip
    assert serious == {}
