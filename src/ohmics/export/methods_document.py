"""The tables, config and versions of a run come in; a Methods section in Markdown and its BibTeX file go out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from ohmics.export.bibliography import Entry, bibtex, cited_entry, software_entry
from ohmics.export.list_sources import list_sources
from ohmics.export.markdown import code, escaped, table
from ohmics.export.run_numbers import (
    contrast_sentences,
    sample_sentences,
    skipped_rows,
    thinning_sentence,
    threshold_rows,
)
from ohmics.report.citations import citation, is_known
from ohmics.report.inputs import ReportInputs
from ohmics.report.methods import Paragraph, qc_methods, signature_methods

_PAPERS = {"scikit-learn": "scikit_learn", "scikit-image": "scikit_image", "umap-learn": "umap", "harmonypy": "harmony"}
"""Package to the key of its paper, where the two names differ."""
_KINDS = {"published_subset": "published, a part"}


def methods_document(inputs: ReportInputs, *, versions: Mapping[str, str]) -> tuple[str, str]:
    """Return the Methods section and the text of ``references.bib``, which holds exactly what the section cites.

    The section is Markdown that pandoc turns into a Word file with its references:
    ``pandoc methods.md --citeproc -o methods.docx``. It says what this run did and nothing else.

    Parameters
    ----------
    inputs
        The tables and the config of a run, with its catalogue.
    versions
        Package to version: those that this run used.
    """
    works: dict[str, Entry] = {}
    blocks = [*_front(inputs), *_samples(inputs)]
    for part in _paragraphs(inputs):
        works.update({key: cited_entry(key, citation(key)) for key in part.keys})
        blocks += [f"## {part.heading}", part.text.strip() + _cites(part.keys)]
        if part.heading == "Scores":
            blocks += thinning_sentence(inputs)
    blocks += _thresholds(inputs)
    lists, entries = _lists(inputs)
    works.update({entry.key: entry for entry in entries})
    software, programs = _software(versions)
    works.update({entry.key: entry for entry in programs})
    blocks += [*_left_out(inputs), *software, *_references(), *lists]
    return "\n\n".join(blocks) + "\n", bibtex(works.values())


def _front(inputs: ReportInputs) -> list[str]:
    title = json.dumps(f"Methods: {escaped(inputs.project)}", ensure_ascii=True)
    head = f"---\ntitle: {title}\nbibliography: references.bib\n---"
    return [
        head,
        "Written by ohmics from the tables, the config and the versions of this run. Research use only, never a "
        "diagnosis. Read it before it goes into a paper: how samples were taken, treated and sequenced is not known "
        "here.",
    ]


def _samples(inputs: ReportInputs) -> list[str]:
    return ["## Samples", *sample_sentences(inputs), "## Contrasts", *contrast_sentences(inputs)]


def _paragraphs(inputs: ReportInputs) -> list[Paragraph]:
    """Return the paragraphs of both pages, each heading once."""
    found: dict[str, Paragraph] = {}
    for part in (*qc_methods(inputs).paragraphs, *signature_methods(inputs).paragraphs):
        found.setdefault(part.heading, part)
    workflow = found.pop("Workflow", None)
    return [*found.values(), *([workflow] if workflow else [])]


def _cites(keys: Iterable[str]) -> str:
    named = list(dict.fromkeys(keys))
    return f" [{'; '.join(f'@{key}' for key in named)}]" if named else ""


def _thresholds(inputs: ReportInputs) -> list[str]:
    rows = threshold_rows(inputs)
    if not rows:
        return []
    return ["## Thresholds", "As set in the config of this run:", table(("key", "value", "what it is"), rows)]


def _left_out(inputs: ReportInputs) -> list[str]:
    rows = skipped_rows(inputs)
    if not rows:
        return []
    return [
        "## What was not computed",
        "Every comparison that could not be made is a row of the table SKIPPED with its reason:",
        table(("stage", "rows", "first reason"), rows),
    ]


def _lists(inputs: ReportInputs) -> tuple[list[str], list[Entry]]:
    if inputs.scores is None or inputs.catalog is None:
        return [], []
    rows, entries = list_sources(inputs.scores["gene_list"].dropna().unique(), inputs.catalog)
    bare = sum(not row.keys for row in rows)
    text = (
        f"{len(rows)} gene lists were scored. {bare} of them have no complete reference of their own: for these the "
        "source stands as the catalogue has it."
        if bare
        else f"{len(rows)} gene lists were scored."
    )
    shown = [
        (code(row.gene_list), f"{row.genes:,}" if row.genes else "", escaped(_KINDS.get(row.kind, row.kind)),
         escaped(row.source), escaped(_licence(row.licence)), _cites(row.keys).strip())
        for row in rows
    ]  # fmt: skip
    heads = ("gene list", "genes", "kind", "source", "licence as found", "reference")
    return ["## Supplementary table: gene lists", text, table(heads, shown)], entries


def _licence(found: str) -> str:
    """Return a licence as found; a list that ohmics put together itself was taken from no file, and has none."""
    return "not applicable" if found.startswith("n/a") else found


def _software(versions: Mapping[str, str]) -> tuple[list[str], list[Entry]]:
    entries: list[Entry] = []
    rows: list[Sequence[str]] = []
    for name, version in versions.items():
        key = _PAPERS.get(name, name)
        entry = cited_entry(key, citation(key)) if is_known(key) else None
        if entry is None and name == "ohmics":
            entry = software_entry(name, version)
        if entry is not None:
            entries.append(entry)
        rows.append((escaped(name), escaped(version), _cites([entry.key] if entry else []).strip()))
    return ["## Software", table(("package", "version", "reference"), rows)], entries


def _references() -> list[str]:
    return ["## References", "::: {#refs}\n:::"]
