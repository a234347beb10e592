"""The tables of a run come in, one page a patient and their index go out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import pandas as pd
from markupsafe import Markup

from ohmics.report import patient_beside, patient_figures, patient_panels, patient_summary, select, words
from ohmics.report.figures import FigureView
from ohmics.report.inputs import ReportInputs
from ohmics.report.methods import Methods
from ohmics.report.page_parts import Section, common
from ohmics.report.patient_view import Cohort, PatientView
from ohmics.report.render import render
from ohmics.report.tables import Head, TableView, table_view

INDEX = "index.html"
_NO_METHODS = Methods()


@dataclass(frozen=True, slots=True)
class ContrastPart:
    """What the page shows of one comparison."""

    id: str
    view: select.ContrastView
    sentence: str
    called: TableView
    changes: TableView
    quiet: TableView
    unseen: TableView
    next: TableView
    strip: FigureView | None
    shares: tuple[FigureView, ...]
    share_table: TableView | None
    exhaustion: TableView | None
    quality: TableView | None
    title: str


def patient_pages(inputs: ReportInputs) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each patient's page, then of the index.

    Parameters
    ----------
    inputs
        Tables of a run; what is None is said to be absent, never shown as empty.

    Yields
    ------
    tuple of str
        File name and HTML; a page fetches nothing, runs no script, and is the same bytes for the same tables.

    Raises
    ------
    OhmicsError
        When a table lacks a column a figure needs, or a page would be larger than 10 MB.
    """
    cohort = Cohort(inputs)
    for patient in cohort.patients:
        view = cohort.view(patient)
        yield f"{view.name}.html", _page(cohort, view)
    yield INDEX, _index(cohort)


def _page(cohort: Cohort, view: PatientView) -> str:
    inputs = cohort.inputs
    marks = patient_summary.sample_marks(cohort, view)
    parts = [_part(cohort, view, contrast) for contrast in view.contrasts]
    antigens = patient_beside.antigen_table(cohort, view)
    figures = patient_figures.antigen_figures(cohort, view)
    quality = patient_beside.samples_table(cohort, view)
    cells = patient_figures.map_view(cohort, view)
    sections = [
        Section("summary", "Summary"),
        *[Section(part.id, _short(part.title.partition(", paired by")[0], 60)) for part in parts],
        *([Section("antigens", "Antigens and lineage")] if antigens or figures else []),
        *([Section("quality", "Quality")] if quality else []),
        *([Section("map", "Map of cells")] if cells else []),
    ]
    title = f"{inputs.unit.capitalize()} {view.patient}"
    return render(
        "patient.html.j2",
        **_shared(cohort, title=title, sections=sections),
        alone=cohort.alone,
        page_head=_page_head(f"{inputs.project} · {title}", version=_version(inputs)),
        sentence=patient_summary.sample_sentence(cohort, view, marks),
        marks=marks,
        answers=patient_summary.antigen_answers(cohort, view),
        lineage=patient_summary.lineage_sentence(view),
        found=patient_summary.found_lines(cohort, view),
        parts=parts,
        antigens=antigens,
        antigen_figures=figures,
        quality=quality,
        map=cells,
        listed=None,
    )


def _part(cohort: Cohort, view: PatientView, contrast: select.ContrastView) -> ContrastPart:
    return ContrastPart(
        id=words.anchor("contrast", contrast.name),
        view=contrast,
        sentence=patient_summary.counted_sentence(cohort, view, contrast.name),
        called=patient_panels.called_table(cohort, view, contrast.name),
        changes=patient_panels.changes_table(cohort, view, contrast.name),
        quiet=patient_panels.quiet_table(cohort, view, contrast.name),
        unseen=patient_panels.unseen_table(cohort, view, contrast.name),
        next=patient_panels.next_table(cohort, view, contrast.name),
        strip=patient_figures.strip_view(cohort, view, contrast),
        shares=tuple(patient_figures.share_views(cohort, view, contrast)),
        share_table=patient_beside.shares_table(cohort, view, contrast.name),
        exhaustion=patient_beside.exhaustion_table(cohort, view, contrast.name),
        quality=patient_beside.quality_table(cohort, view, contrast.name),
        title=contrast.text[:1].upper() + contrast.text[1:],
    )


def _index(cohort: Cohort) -> str:
    """Return the page that lists the patients with what was called."""
    unit = cohort.inputs.unit
    rows = [_index_row(cohort, cohort.view(patient)) for patient in cohort.patients]
    heads = [
        Head("patient", unit.capitalize()),
        Head("samples", "Samples"),
        Head("quality", "Not plainly usable"),
        Head("antigen", "Target antigen after treatment"),
        Head("lineage", "Lineage"),
        Head("found", "Supported by a call", "list"),
        Head("changed", "Scores as predicted", "whole"),
        Head("other", "Opposite", "whole"),
    ]
    frame = pd.DataFrame(rows, columns=[head.column for head in heads])
    listed = table_view(
        frame,
        id="patients-table",
        caption=f"{unit.capitalize()}s of this run",
        # A column that says nothing of anybody is left out.
        heads=[head for head in heads if head.column == "patient" or select.any_given(frame, head.column)],
        source="samples.tsv, tables/qc.tsv, tables/antigen.tsv, tables/lineage.tsv and tables/evidence.tsv",
    )
    title = f"{unit.capitalize()}s"
    named = tuple(
        (replace(row[0], outer=f"{cohort.pages[patient]}.html"), *row[1:])
        for patient, row in zip(cohort.patients, listed.rows, strict=False)
    )
    return render(
        "patient.html.j2",
        **_shared(cohort, title=title, sections=[]),
        page_head=_page_head(f"{cohort.inputs.project} · {title}", version=_version(cohort.inputs)),
        listed=replace(listed, rows=named),
    )


def _index_row(cohort: Cohort, view: PatientView) -> dict[str, object]:
    marks = patient_summary.sample_marks(cohort, view)
    verdicts = view.of("evidence")
    own = verdicts[verdicts["level"] == "patient"] if len(verdicts) else pd.DataFrame(columns=["verdict", "mechanism"])
    found = own.loc[own["verdict"] == "supported", "mechanism"]
    lineage = view.of("lineage")
    return {
        "patient": view.patient,
        "samples": ", ".join(mark.timepoint for mark in marks),
        "quality": "; ".join(f"{mark.sample}: {mark.verdict_words}" for mark in marks if mark.verdict != "use") or None,
        "antigen": "; ".join(dict.fromkeys(answer.badge for answer in patient_summary.antigen_answers(cohort, view))),
        "lineage": words.phrase(lineage["call"].iloc[0]) if len(lineage) else None,
        "found": "|".join(dict.fromkeys(cohort.names.get(str(name), str(name)) for name in found)) or None,
        "changed": int((own["verdict"] == "consistent").sum()) if len(own) else None,
        "other": int((own["verdict"] == "opposite").sum()) if len(own) else None,
    }


def _shared(cohort: Cohort, *, title: str, sections: list[Section]) -> dict[str, object]:
    values = common(cohort.inputs, title=title, sections=sections, methods=_NO_METHODS)
    return values | {"print_sheet": Markup(_print_sheet())}


def _version(inputs: ReportInputs) -> str:
    return str((inputs.provenance.get("versions") or {}).get("ohmics") or "")


@cache
def _print_sheet() -> str:
    return (files("ohmics.report") / "templates" / "print.css").read_text(encoding="utf-8")


def _page_head(text: str, *, version: str) -> Markup:
    """Return the style rule that writes a heading on every printed page."""
    left, right = _css_text(_short(text, 90)), _css_text(f"ohmics {version}".strip())
    return Markup(f"@page {{ @top-left {{ content:{left}; }} @top-right {{ content:{right}; }} }}")


def _short(text: str, most: int) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"


def _css_text(text: str) -> str:
    """Return text as a CSS string: everything but letters, digits and spaces is told by its code point."""
    plain = (sign if sign.isascii() and (sign.isalnum() or sign == " ") else None for sign in text)
    # The space that ends an escape is no part of the text.
    written = "".join(f"\\{ord(sign):x} " if kept is None else kept for sign, kept in zip(text, plain, strict=True))
    return f'"{written}"'
