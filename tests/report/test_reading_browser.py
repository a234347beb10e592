"""Every page of a run as people meet it: read aloud, by night, on a phone, on paper, and with hostile names."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ohmics.report import ReportInputs, qc_page, signatures_page
from ohmics.report.patient_page import patient_pages

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe_api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
CHROMIUM = os.environ.get("OHMICS_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium found; install Debian's chromium or set OHMICS_CHROMIUM"),
]
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=cmd()|' /C calc'!A0",
    "🙂" * 5,
    "x" * 200,
    "שלום עולם",
    "a&b$c$",
)
COHORTS = ("single_cell", "bulk")
PAGES = ("qc", "signatures", "patients/index", "patients/first")


@pytest.fixture(scope="module")
def folder(make: Callable[..., ReportInputs], more: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the pages of both kinds of run; patients are named to do harm."""
    place = tmp_path_factory.mktemp("reports")
    rename = {f"P{number}": bad for number, bad in enumerate(HOSTILE, start=1)}
    for kind in COHORTS:
        made = make(n_patients=len(HOSTILE) + 1, n_cells=600, n_mechanisms=16, bulk=kind == "bulk", rename=rename)
        made = more.fuller(made)
        (place / kind / "patients").mkdir(parents=True)
        for name, page in (("qc", qc_page(made)), ("signatures", signatures_page(made))):
            (place / kind / f"{name}.html").write_text(page, encoding="utf-8")
        for number, (name, page) in enumerate(patient_pages(made)):
            (place / kind / "patients" / name).write_text(page, encoding="utf-8")
            if number == 0:
                (place / kind / "patients" / "first.html").write_text(page, encoding="utf-8")
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

    def told(message: Any) -> None:
        if message.type in ("error", "warning"):
            troubles.append(message.text)

    def go(kind: str, name: str, *, width: int = 1280, scheme: str = "light") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, offline=True, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", told)
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.on("dialog", lambda dialog: troubles.append(f"dialog {dialog.message}"))
        tab.on("request", lambda request: troubles.append(request.url) if request.url[:4] in ("http", "ws:/") else None)
        tab.goto((folder / kind / f"{name}.html").as_uri())
        return tab

    yield go
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("kind", COHORTS)
def test_no_serious_fault_of_access(visit: Callable[..., Any], kind: str, name: str, scheme: str) -> None:
    tab = visit(kind, name, scheme=scheme)
    tab.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    found = axe_api.Axe().run(tab).response["violations"]
    grave = [
        (fault["id"], [node["html"][:160] for node in fault["nodes"][:3]])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]
    assert grave == []


@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("kind", COHORTS)
def test_no_page_overflows_sideways_whatever_the_names(
    visit: Callable[..., Any], kind: str, name: str, width: int
) -> None:
    tab = visit(kind, name, width=width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["qc", "signatures", "patients/index"])
@pytest.mark.parametrize("kind", COHORTS)
def test_hostile_names_are_read_as_text(visit: Callable[..., Any], kind: str, name: str) -> None:
    tab = visit(kind, name)
    read = tab.evaluate("document.body.textContent")
    assert [bad for bad in HOSTILE if bad not in read] == []
    assert tab.locator("img[src='x'], body script:not(:last-of-type)").count() == 0


def test_patient_pages_of_hostile_names_say_them_and_lie_in_their_folder(
    visit: Callable[..., Any], folder: Path
) -> None:
    names = [path.stem for path in (folder / "bulk" / "patients").glob("*.html")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", name) and len(name) < 100 for name in names)
    titles = [visit("bulk", f"patients/{name}").text_content("h1") for name in names if name not in ("index", "first")]
    assert [bad for bad in HOSTILE if not any(bad in title for title in titles)] == []


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("kind", COHORTS)
def test_every_page_prints(visit: Callable[..., Any], kind: str, name: str) -> None:
    pdf = visit(kind, name).pdf(format="A4", prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 1


@pytest.mark.parametrize("name", ["qc", "signatures"])
def test_links_to_patients_lead_to_their_pages(visit: Callable[..., Any], name: str, folder: Path) -> None:
    tab = visit("single_cell", name)
    links = set(tab.eval_on_selector_all("a[href^='patients/']", "all => all.map(a => a.getAttribute('href'))"))
    assert len(links - {"patients/index.html"}) == len(HOSTILE) + 1
    assert [link for link in links if not (folder / "single_cell" / link).is_file()] == []
