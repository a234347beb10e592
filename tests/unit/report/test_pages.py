"""Pages: one file that fetches nothing, escapes everything, says what is absent, and is the same twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest

from ohmics import tables
from ohmics.errors import OhmicsError
from ohmics.qc.imbalance import depth_notes
from ohmics.report import ReportInputs, qc_page, select, signatures_page, summary
from ohmics.report import render as rendering

PAGES = {"qc": qc_page, "signatures": signatures_page}
_VOID = {"meta", "link", "img", "br", "hr", "input", "area", "base", "col", "embed", "source", "track", "wbr"}


class Page(HTMLParser):
    """Collects what the tests ask about, and every tag that is closed out of order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.headings: list[int] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags[tag] += 1
        self.attributes.append((tag, found))
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "a":
            self.links.append(str(found.get("href")))
        else:
            self.fetched += [
                str(found[name]) for name in ("src", "href", "xlink:href", "srcset", "data") if found.get(name)
            ]
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
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def faults(self) -> list[str]:
        """Return tags closed out of order and links within the page that lead nowhere."""
        return self.wrong + sorted({link for link in self.links if link[:1] == "#"} - {f"#{name}" for name in self.ids})


@pytest.fixture(scope="module", params=sorted(PAGES))
def page(request: pytest.FixtureRequest, inputs: ReportInputs) -> str:
    return PAGES[request.param](inputs)


def test_tags_close_in_order_and_ids_are_unique(page: str) -> None:
    parsed = Page(page)
    assert parsed.faults == []
    assert parsed.open == []
    assert [name for name, number in Counter(parsed.ids).items() if number > 1] == []


def test_page_has_title_language_landmarks_and_headings_in_order(page: str) -> None:
    parsed = Page(page)
    assert dict(parsed.attributes)["html"]["lang"] == "en"
    for tag in ("title", "main", "header", "footer", "h1"):
        assert parsed.tags[tag] == 1, tag
    assert parsed.tags["nav"] >= 1
    steps = [later - earlier for earlier, later in zip(parsed.headings, parsed.headings[1:], strict=False)]
    assert max(steps) <= 1


def test_nothing_is_fetched(page: str) -> None:
    parsed = Page(page)
    assert parsed.fetched
    assert [place for place in parsed.fetched if not place.startswith(("data:image/png;base64,", "#"))] == []
    assert "@import" not in page
    assert [m for m in re.findall(r"url\(([^)]*)\)", page) if not m.strip("'\"").startswith("#")] == []
    assert {"link", "iframe", "object", "embed"} & set(parsed.tags) == set()


def test_policy_forbids_everything_but_what_is_in_the_page(page: str) -> None:
    metas = [
        a for tag, a in Page(page).attributes if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    ]
    policy = str(metas[0]["content"])
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert "script-src 'unsafe-inline'" not in policy


def test_links_within_the_page_lead_somewhere(page: str) -> None:
    parsed = Page(page)
    assert [link for link in parsed.links if link.startswith("#")]
    assert parsed.faults == []


def test_links_lead_somewhere_where_nothing_limits_a_comparison(
    inputs: ReportInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary, "cautions", lambda *_: [])
    parsed = Page(signatures_page(inputs))
    assert parsed.faults == []
    assert "No check of this run found a limit" in parsed.text


def test_outer_links_are_publications_and_send_no_referrer(page: str) -> None:
    outer = [a for tag, a in Page(page).attributes if tag == "a" and not str(a.get("href")).startswith("#")]
    # Pages of patients lie beside this one; everything else is a publication.
    beside = [a for a in outer if re.fullmatch(r"patients/[A-Za-z0-9_.-]+\.html", str(a["href"]))]
    publications = [a for a in outer if a not in beside]
    assert beside
    assert publications
    for link in publications:
        assert str(link["href"]).startswith(("https://doi.org/10.", "https://pubmed.ncbi.nlm.nih.gov/"))
        assert link["rel"] == "noreferrer"


def test_figures_and_tables_say_what_they_are(page: str) -> None:
    parsed = Page(page)
    assert [a for tag, a in parsed.attributes if tag == "img" and not a.get("alt")] == []
    assert [
        a for tag, a in parsed.attributes if tag == "svg" and not (a.get("role") == "img" and a.get("aria-label"))
    ] == []
    assert parsed.tags["table"] == parsed.tags["caption"] > 0
    assert parsed.tags["figure"] == parsed.tags["figcaption"] > 0


def test_research_use_is_stated(page: str) -> None:
    assert "Research use only; never a diagnosis." in Page(page).text


@pytest.mark.parametrize("name", sorted(PAGES))
def test_same_inputs_give_the_same_bytes(name: str, make: Callable[..., ReportInputs]) -> None:
    one, two = make(n_patients=3, n_cells=300, n_mechanisms=12), make(n_patients=3, n_cells=300, n_mechanisms=12)
    assert PAGES[name](one) == PAGES[name](two)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_bulk_pages_are_made_too(name: str, make: Callable[..., ReportInputs]) -> None:
    parsed = Page(PAGES[name](make(n_patients=4, n_mechanisms=12, bulk=True)))
    assert parsed.faults == []
    assert "Bulk expression" in parsed.text
    # The configuration explains every setting; a map there is none.
    assert not [name for name in parsed.ids if "umap" in name]


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=cmd()|' /C calc'!A0",
    "🙂" * 5,
    "x" * 200,
    "שלום",
    "a&b$c$",
)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_hostile_names_appear_as_text(name: str, make: Callable[..., ReportInputs]) -> None:
    rename = {f"P{number}": bad for number, bad in enumerate(HOSTILE, start=1)}
    parsed = Page(PAGES[name](make(n_patients=len(HOSTILE) + 1, n_cells=200, n_mechanisms=8, rename=rename)))
    assert parsed.faults == []
    assert parsed.tags["script"] == 1
    assert [a for _, a in parsed.attributes if any(key.startswith("on") for key in a)] == []
    assert [bad for bad in HOSTILE if bad not in parsed.text] == []


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_run_with_samples_only_says_what_is_absent(name: str, inputs: ReportInputs) -> None:
    bare = ReportInputs(config={}, samples=inputs.samples)
    parsed = Page(PAGES[name](bare))
    assert parsed.faults == []
    assert "This run did not make this table." in parsed.text


@pytest.mark.parametrize("name", sorted(PAGES))
def test_empty_tables_make_a_page(name: str, inputs: ReportInputs) -> None:
    empty = replace(
        inputs,
        **{
            field: tables.TABLES[field.upper()].empty()
            for field in ("pairs", "qc", "cell_qc", "identity", "cells", "effects", "enrichment", "composition")
        },
        **{field: tables.TABLES[field.upper()].empty() for field in ("evidence", "skipped", "coverage", "de")},
    )
    parsed = Page(PAGES[name](empty))
    assert parsed.faults == []
    assert "No row." in parsed.text or "Nothing was skipped." in parsed.text


@pytest.mark.parametrize("name", sorted(PAGES))
def test_pages_without_a_catalogue_show_identifiers(name: str, inputs: ReportInputs) -> None:
    assert Page(PAGES[name](replace(inputs, catalog=None))).faults == []


def test_qc_page_names_excluded_samples_with_their_reason(inputs: ReportInputs) -> None:
    text = Page(qc_page(inputs)).text
    assert "7 of 8 samples of 4 patients are usable, 2 of them with care." in text
    assert "P4_relapse : 4 cells kept, fewer than 20" in text


def test_qc_page_shows_depth_of_both_sides(inputs: ReportInputs) -> None:
    assert inputs.qc is not None
    depth = inputs.qc.set_index("sample")["median_umi"]
    parsed = Page(qc_page(inputs))
    assert "Both sides of every complete pair, pre → relapse" in parsed.text
    assert f"{depth['P1_pre']:,.0f} → {depth['P1_relapse']:,.0f}" in parsed.text


def test_signatures_page_counts_and_names_verdicts(inputs: ReportInputs) -> None:
    assert inputs.evidence is not None
    cohort = inputs.evidence[inputs.evidence["level"] == "cohort"]
    counts = cohort["verdict"].value_counts()
    text = Page(signatures_page(inputs)).text
    verb = "is" if counts["supported"] == 1 else "are"
    expected = (
        f"Of {len(cohort)} mechanisms, {counts['supported']} {verb} supported, {counts['contradicted']} contradicted,"
        f" {counts['open']} open and {counts['not_assessable']} not assessable."
    )
    assert expected in text
    for mechanism in cohort.loc[cohort["verdict"] == "contradicted", "mechanism"]:
        assert inputs.catalog is not None
        assert inputs.catalog.mechanisms[mechanism].name in text


def test_signatures_page_says_what_limits_it(inputs: ReportInputs) -> None:
    text = Page(signatures_page(inputs)).text
    assert "Few patients: with 3 patients no sign-flip p below 0.25 exists" in text
    assert "Only the moderated model over all genes could support anything, at most weakly" in text
    assert "1 of 3 pairs differs in more than the contrast: P3 (tissue)." in text
    assert "Composition, not tested" in text
    assert "1 sample left out: P4_relapse" in text
    assert "not calibrated" in text


def test_every_cohort_verdict_is_on_the_page_once_with_its_reasons(inputs: ReportInputs) -> None:
    assert inputs.evidence is not None
    parsed = Page(signatures_page(inputs))
    cohort = inputs.evidence[inputs.evidence["level"] == "cohort"]
    for row in cohort.itertuples(index=False):
        assert parsed.ids.count(f"verdicts-relapse_vs_pre-{row.mechanism}") == 1
        assert inputs.catalog is not None
        reason = str(row.reasons).removeprefix(f"{inputs.catalog.mechanisms[row.mechanism].name}: ")
        assert reason[0].upper() + reason[1:] in parsed.text


def test_lines_for_and_against_stand_side_by_side_in_every_decided_mechanism(inputs: ReportInputs) -> None:
    assert inputs.evidence is not None
    page = signatures_page(inputs)
    cohort = inputs.evidence[inputs.evidence["level"] == "cohort"]
    decided = cohort[cohort["verdict"].isin(["supported", "contradicted"])]
    assert len(decided) > 1
    assert page.count("<h5>What argues for</h5>") == page.count("<h5>What argues against</h5>") == len(decided)
    # The first screen says only what argues against: it must not be easier to miss than what argues for.
    summary = page[page.index('id="summary"') : page.index('id="contradictions"')]
    for line in decided["lines_against"].dropna().str.split("|").explode():
        assert line in summary


def test_first_screen_says_in_how_many_units_and_pairs_a_change_was_seen(inputs: ReportInputs) -> None:
    assert inputs.effects is not None
    three = inputs.effects["n_pairs"].where(inputs.effects["level"] != "cohort", 9)
    donors = replace(
        inputs,
        effects=inputs.effects.assign(n_pairs=three, n_positive=3, n_positive_pairs=9),
        config={**inputs.config, "input": {"modality": "single_cell", "columns": {"patient": "Donor"}}},
    )
    text = Page(signatures_page(donors)).text
    assert "higher in 3 of 3 donors, 9 of 9 pairs" in text
    assert "Few donors: with 3 donors no sign-flip p below 0.25 exists" in text


def test_supported_mechanisms_that_share_genes_are_not_counted_as_so_many_findings(inputs: ReportInputs) -> None:
    assert inputs.evidence is not None
    line = "shares 12 of 20 genes with Terminal T-cell exhaustion, which is supported too"
    own = (inputs.evidence["verdict"] == "supported") & (inputs.evidence["level"] == "cohort")
    sharing = replace(
        inputs, evidence=inputs.evidence.assign(lines_against=inputs.evidence["lines_against"].where(~own, line))
    )
    assert f"{own.sum()} of the {own.sum()} supported mechanisms share genes" in Page(signatures_page(sharing)).text
    assert "supported mechanisms share genes" not in Page(signatures_page(inputs)).text


def test_first_screen_names_the_patients_of_a_call(inputs: ReportInputs) -> None:
    assert inputs.evidence is not None
    rows = inputs.evidence
    own = rows["mechanism"] == "antigen_loss"
    cohort = own & (rows["level"] == "cohort")
    calls = rows["sub_reason"].mask(cohort, "called_per_patient")
    patient = own & (rows["level"] == "patient")
    calls = calls.mask(patient & (rows["verdict"] == "supported"), "lost")
    calls = calls.mask(patient & (rows["verdict"] == "contradicted"), "retained")
    verdict = rows["verdict"].mask(cohort, "open").mask(patient & (rows["subject"] == "P3"), "open")
    calls = calls.mask(patient & (rows["subject"] == "P3"), "inconclusive")
    text = Page(signatures_page(replace(inputs, evidence=rows.assign(verdict=verdict, sub_reason=calls)))).text
    assert "called: 1 lost, 1 retained and 1 inconclusive" in text
    assert "found in 1 of 3 patients: P1" in text
    assert "~ called: inconclusive" in text.replace("~  ", "~ ")
    assert "Antigen calls." in text


def test_mechanisms_that_could_not_be_assessed_are_in_no_figure(inputs: ReportInputs) -> None:
    assert inputs.evidence is not None
    assert inputs.catalog is not None
    own = (inputs.evidence["level"] == "cohort") & (inputs.evidence["mechanism"] == "tcell_senescence")
    verdicts = inputs.evidence["verdict"].mask(own, "not_assessable")
    hidden = replace(inputs, evidence=inputs.evidence.assign(verdict=verdicts))
    before = select.primary_effects(inputs, "relapse_vs_pre", "cohort")["mechanism"]
    after = select.primary_effects(hidden, "relapse_vs_pre", "cohort")["mechanism"]
    assert set(before) - set(after) == {"tcell_senescence"}


def test_pairs_of_unequal_depth_are_on_both_first_screens(inputs: ReportInputs) -> None:
    assert inputs.pairs is not None
    assert inputs.qc is not None
    qc = inputs.qc.assign(median_umi=[2840.0, 1016.0, *[2000.0] * (len(inputs.qc) - 2)])
    noted = replace(inputs, qc=qc, pairs=depth_notes(inputs.pairs, qc))
    for make_page in PAGES.values():
        page = make_page(noted)
        first_screen = page[: page.index("<h2", page.index("<h2") + 5)]
        assert "Depth: 1 of 3 pairs has one side much deeper" in first_screen
        assert "P1: median UMI 2,840 against 1,016 (2.8-fold)" in first_screen


def test_bulk_samples_are_placed_in_two_dimensions(make: Callable[..., ReportInputs]) -> None:
    bulk = make(n_patients=4, n_mechanisms=12, bulk=True)
    assert "This run holds no principal components of its samples." in Page(qc_page(bulk)).text
    places = [float(number) for number in range(len(bulk.samples))]
    rows = {"sample": bulk.samples["sample"], "pc1": places, "pc2": places[::-1], "share_1": 0.41, "share_2": 0.1}
    page = qc_page(replace(bulk, pca=tables.PCA.conform(pd.DataFrame(rows))))
    assert "component 1 (41 % of the variance)" in page
    assert 'id="fig-pca"' in page


def test_a_page_that_is_too_large_is_refused(inputs: ReportInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "MOST_BYTES", 1_000)
    with pytest.raises(OhmicsError, match="would be"):
        qc_page(inputs)


def test_pages_stay_small_with_many_rows(make: Callable[..., ReportInputs]) -> None:
    made = make(n_patients=3, n_cells=200, n_mechanisms=8)
    assert made.enrichment is not None
    parts = [made.enrichment.assign(gene_list=made.enrichment["gene_list"] + f"_{number}") for number in range(500)]
    many = replace(made, enrichment=pd.concat(parts, ignore_index=True))
    page = signatures_page(many)
    assert "Shown are the first 1,000 of 4,000 rows." in page
    assert len(page.encode()) < 2_000_000
