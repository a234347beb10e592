"""One page a patient: what was found in order, beside the cohort, and what would settle the rest; safe and whole."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from ohmics import tables
from ohmics.report import ReportInputs, load_inputs, patient_pages, qc_page, signatures_page
from ohmics.report.patient_names import page_names
from ohmics.report.patient_view import Cohort, in_time

_VOID = {"meta", "img", "br", "hr", "input", "col"}


class Read(HTMLParser):
    """Collects ids, links, what is fetched, headings, texts and tags closed out of order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.headings: list[int] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags[tag] += 1
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "a":
            self.links.append(str(found.get("href")))
        else:
            self.fetched += [str(found[name]) for name in ("src", "href", "srcset", "data") if found.get(name)]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if not {"script", "style", "svg"} & set(self.open):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def build(
    make: Callable[..., ReportInputs], more: ModuleType, patients: ModuleType, *, bulk: bool = False, n: int = 3
) -> ReportInputs:
    """Return a made cohort with everything a patient's page shows."""
    return patients.compared(more.fuller(make(n_patients=n, n_cells=300, n_mechanisms=30, bulk=bulk)))


def plain(inputs: ReportInputs) -> ReportInputs:
    """Return the inputs without what figures are made of: their pages are made at once."""
    names = ("cells", "effects", "composition", "antigen", "lineage", "car")
    return replace(inputs, **dict.fromkeys(names), patient_comparison=None)


def page_of(inputs: ReportInputs, patient: str = "P1") -> str:
    """Return the page of one patient."""
    return next(page for name, page in patient_pages(inputs) if name == f"{patient}.html")


@pytest.fixture(scope="module", params=["single_cell", "bulk"])
def cohort(request, make, more, patients) -> ReportInputs:
    return build(make, more, patients, bulk=request.param == "bulk")


@pytest.fixture(scope="module")
def pages(cohort: ReportInputs) -> dict[str, str]:
    return dict(patient_pages(cohort))


@pytest.fixture(scope="module")
def cells(make, more, patients) -> ReportInputs:
    return build(make, more, patients)


def test_there_is_a_page_for_each_patient_and_an_index_that_links_to_it(pages: dict[str, str]) -> None:
    assert list(pages) == ["P1.html", "P2.html", "P3.html", "index.html"]
    assert [link for link in Read(pages["index.html"]).links if link in pages] == list(pages)[:-1]


def test_pages_are_whole_and_fetch_nothing(pages: dict[str, str]) -> None:
    for name, page in pages.items():
        read = Read(page)
        assert read.wrong == [], name
        assert read.open == [], name
        assert [one for one, number in Counter(read.ids).items() if number > 1] == [], name
        assert [place for place in read.fetched if not place.startswith(("data:image/png;base64,", "#"))] == []
        assert "default-src 'none'; img-src data:" in html.unescape(page)
        steps = [later - earlier for earlier, later in zip(read.headings, read.headings[1:], strict=False)]
        assert max(steps, default=0) <= 1
        assert read.tags["script"] == (name == "index.html")
        inner = {link[1:] for link in read.links if link.startswith("#")}
        assert inner - set(read.ids) == set()
        assert "Research use only; never a diagnosis." in read.text


def test_a_page_leads_back_to_the_cohort(pages: dict[str, str]) -> None:
    assert {"../qc.html", "../signatures.html", "index.html"} <= set(Read(pages["P1.html"]).links)
    assert {"../qc.html", "../signatures.html"} <= set(Read(pages["index.html"]).links)


@pytest.mark.parametrize("page", [qc_page, signatures_page])
def test_the_cohorts_pages_lead_to_the_patients(page: Callable[[ReportInputs], str], cells: ReportInputs) -> None:
    links = Read(page(cells)).links
    assert "patients/index.html" in links
    assert "patients/P1.html" in links


def test_every_number_stands_in_a_table(
    pages: dict[str, str], cohort: ReportInputs, walk: ModuleType, tmp_path: Path
) -> None:
    walk.save(cohort, tmp_path)
    for name, page in pages.items():
        read = [number for text, _ in walk.texts_of(page) for number in walk.numbers_in(text)]
        assert len(read) > (3 if name == "index.html" else 10), name
        assert walk.strangers(page, tmp_path) == {}, name


def test_saved_tables_give_the_same_bytes(
    pages: dict[str, str], cohort: ReportInputs, walk: ModuleType, tmp_path: Path
) -> None:
    walk.save(cohort, tmp_path)
    loaded = load_inputs(tmp_path, catalog=cohort.catalog, provenance=cohort.provenance)
    assert dict(patient_pages(loaded)) == pages


def test_a_page_names_no_other_patient(pages: dict[str, str]) -> None:
    read = Read(pages["P1.html"])
    assert re.search(r"\bP1\b", read.text)
    assert re.findall(r"\bP[23](?:_pre|_relapse)?\b", read.text) == []


def test_what_was_found_stands_in_order_of_grade(cells: ReportInputs) -> None:
    verdicts = ["opposite", "consistent", "open", "contradicted", "supported"]
    own = cells.evidence[(cells.evidence["level"] == "patient") & (cells.evidence["subject"] == "P1")].head(5)
    evidence = tables.EVIDENCE.conform(own.assign(verdict=verdicts))
    page = page_of(plain(replace(cells, evidence=evidence)))
    found = page[page.index('class="found"') : page.index("</dl>")]
    order = re.findall(r'<dt class="v-(\w+)">', found)
    assert order == ["supported", "contradicted", "open", "consistent", "opposite"]
    body = page[page.index('id="called-relapse_vs_pre"') :]
    assert re.findall(r"badge v-(\w+)", body)[:3] == ["supported", "contradicted", "open"]


def test_next_measurements_are_those_the_verdicts_name(cells: ReportInputs) -> None:
    own = (cells.evidence["level"] == "patient") & (cells.evidence["subject"] == "P1")
    first = own & (own.cumsum() == 1)
    evidence = cells.evidence.assign(
        verdict=cells.evidence["verdict"].mask(first, "open"),
        would_change=cells.evidence["would_change"]
        .astype(object)
        .mask(first, "CD19 by flow cytometry|a second biopsy"),
    )
    page = page_of(plain(replace(cells, evidence=evidence)))
    table = page[page.index('id="next-relapse_vs_pre"') :]
    table = table[: table.index("</table>")]
    assert "<li>CD19 by flow cytometry</li><li>a second biopsy</li>" in table
    assert "badge v-open" in table


def test_the_value_stands_beside_the_cohorts(cells: ReportInputs) -> None:
    page = Read(page_of(cells)).text
    rows = cells.patient_comparison
    row = rows[(rows["patient"] == "P1") & (rows["item"] == "median_umi") & (rows["side"] == "before")].iloc[0]
    assert f"{row['value']:,.0f} {row['median']:,.0f} ({row['lowest']:,.0f} to {row['highest']:,.0f})" in page


def test_a_call_is_shown_with_how_often_it_is_wrong(cells: ReportInputs) -> None:
    own = cells.evidence[(cells.evidence["level"] == "patient") & (cells.evidence["subject"] == "P1")].head(1)
    evidence = tables.EVIDENCE.conform(own.assign(verdict="supported", sub_reason="lost"))
    page = Read(page_of(plain(replace(cells, evidence=evidence)))).text
    assert (
        "Called lost or reduced in 4.4 % of 2,000 pairs in which nothing was lost (2.6 to 5 % over 2 settings" in page
    )
    unknown = page_of(plain(replace(cells, evidence=evidence, call_errors=None)))
    assert "Not measured." in Read(unknown).text


def test_hostile_names_appear_as_text_in_files_with_safe_names(make, more, patients) -> None:
    rename = {f"P{place}": name for place, name in enumerate(patients.HOSTILE, start=2)}
    hostile = plain(more.fuller(make(n_patients=len(rename) + 1, n_cells=300, n_mechanisms=30, rename=rename)))
    pages = dict(patient_pages(hostile))
    names = page_names(hostile.samples["patient"])
    assert set(pages) == {*(f"{name}.html" for name in names.values()), "index.html"}
    for patient, name in names.items():
        page = pages[f"{name}.html"]
        assert f"Patient {html.escape(patient, quote=False)}" in page.replace("&#34;", '"').replace("&#39;", "'")
        assert "<script" not in page
        assert Read(page).wrong == []
    assert set(Read(pages["index.html"]).links) >= {f"{name}.html" for name in names.values()}


def test_the_printed_heading_cannot_leave_its_style_rule(make, more, patients) -> None:
    name = '"} body{display:none} </style><b>'
    inputs = plain(more.fuller(make(n_patients=3, n_cells=200, n_mechanisms=30, rename={"P2": name})))
    page = page_of(inputs, page_names([name])[name])
    style = page[
        page.index("@page { @top-left { content:") : page.index("</style>", page.index("@top-left { content:"))
    ]
    assert style.count("}") == style.count("{")
    assert "body" in style
    assert "display:none" not in style


def test_one_patient_is_compared_with_nobody(cells: ReportInputs) -> None:
    compared = cells.patient_comparison
    samples = cells.samples[cells.samples["patient"] == "P1"]
    page = page_of(replace(cells, samples=samples, patient_comparison=compared[compared["patient"] == "P1"]))
    assert "This run holds no other patient to compare with." in page
    assert "median (range)" not in page
    assert 'id="fig-strip' not in page


def test_a_patient_with_one_sample_has_a_page_that_says_what_is_missing(cells: ReportInputs) -> None:
    def less(frame: pd.DataFrame, column: str) -> pd.DataFrame:
        return frame[frame[column] != "P2"].reset_index(drop=True)

    single = replace(
        cells,
        samples=cells.samples[cells.samples["sample"] != "P2_relapse"],
        pairs=less(cells.pairs, "subject"),
        evidence=less(cells.evidence, "subject"),
        patient_comparison=less(cells.patient_comparison, "patient"),
        antigen=less(cells.antigen, "patient"),
        lineage=less(cells.lineage, "patient"),
    )
    text = Read(page_of(plain(single), "P2")).text
    assert "P2 has 1 sample: pre" in text
    assert "No comparison of this run includes this patient." in text
    assert "To compare relapse with pre, a usable sample of each is needed." in text
    assert "Antigen: not assessable." in text
    assert "Quality of this patient's samples" in text


@pytest.mark.parametrize("edge", ["nothing_assessable", "mismatched", "one_timepoint"])
def test_cohorts_at_the_edge_have_pages(edge: str, cells: ReportInputs, more: ModuleType, patients: ModuleType) -> None:
    pages = dict(patient_pages(plain(patients.compared(getattr(more, edge)(cells)))))
    text = Read(pages["P1.html"]).text
    assert len(pages) == 4
    assert ("Supported by a call" in text) == (edge == "mismatched")
    if edge == "nothing_assessable":
        assert "Fewer than 20 cells of the type in every pair." in text
    if edge == "mismatched":
        assert "differ in more than time" in text


def test_the_bare_tables_are_enough() -> None:
    sample = {"sample": "s1", "patient": "A", "timepoint": "pre", "modality": "bulk", "path": "x"}
    inputs = ReportInputs(config={}, samples=tables.SAMPLES.conform([sample]))
    pages = dict(patient_pages(inputs))
    assert list(pages) == ["A.html", "index.html"]
    assert "A has 1 sample: pre." in Read(pages["A.html"]).text


def test_samples_stand_in_the_order_they_were_taken(cells: ReportInputs) -> None:
    samples = cells.samples.assign(timepoint=cells.samples["timepoint"].map({"pre": "Late", "relapse": "Product"}))
    view = Cohort(replace(cells, samples=samples, config={**cells.config, "contrasts": []})).view("P1")
    assert view.samples["timepoint"].tolist() == ["Product", "Late"]
    assert in_time(["week 2", "baseline"]) == ["week 2", "baseline"]


def test_the_sex_genes_of_a_sample_are_told_with_the_cells_that_disagree(cells: ReportInputs) -> None:
    rows = [
        {"patient": "P1", "sample": "P1_pre", "cell_type": kind, "sex": "female", "verdict": verdict, "reason": "x"}
        for kind, verdict in (("NK", "consistent"), ("CD8 T", "mismatch"), ("pDC", "not_assessable"))
    ]
    page = Read(page_of(plain(replace(cells, identity=tables.IDENTITY.conform(rows))))).text
    assert "mismatch: CD8 T cells consistent: NK cells" in page
