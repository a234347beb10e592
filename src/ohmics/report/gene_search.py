"""Gene lists, tested genes and calls of a run come in, the index that a page's gene search reads goes out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ohmics.report import gene_lists, select, words
from ohmics.report.charts import squeezed
from ohmics.report.inputs import ReportInputs
from ohmics.report.pair_labels import with_labels
from ohmics.report.tables import LISTS, TableView

MOST_TESTED = 300
"""Of each contrast, cell type and method the index keeps this many tested genes of smallest p, and all of a list."""
MOST_PATIENTS = 12
"""A call names this many patients; the table holds the others."""
_ANTIGEN_TABLES = (
    ("antigen", "antigen-targets"),
    ("antigen", "antigen-alternatives"),
    ("presentation", "antigen-presentation"),
)


@dataclass(frozen=True, slots=True)
class GeneSearch:
    """The search of a page: what it covers in words, and its index as compressed JSON."""

    what: str
    index: str


def gene_search(
    inputs: ReportInputs, *, tested: Mapping[str, TableView], shown: Iterable[TableView | None] = ()
) -> GeneSearch | None:
    """Return the index of where each gene appears: lists with their source, tests, antigens; None when it is empty.

    Parameters
    ----------
    inputs
        Tables of a run.
    tested
        Contrast to the page's table of tested genes; a hit leads to its row there, or to the table where the row is
        further down than the page shows.
    shown
        Further tables of the page; antigens lead to those of them that hold their calls.
    """
    on_page = {view.id: view for view in (*tested.values(), *shown) if view is not None}
    genes: dict[str, dict[str, list[Any]]] = {}

    def entry(gene: str) -> dict[str, list[Any]]:
        return genes.setdefault(gene, {"l": [], "d": [], "a": []})

    lists = _lists(inputs)
    for number, one in enumerate(gene_lists.listed(inputs)):
        for gene in one.genes:
            entry(gene)["l"].append(number)
    for names, call in _antigens(inputs, on_page):
        for gene in names:
            entry(gene)["a"].append(call)
    tests, rows = _tests(inputs, tested, set(genes))
    for gene, row in rows:
        entry(gene)["d"].append(row)
    if not genes:
        return None
    rule = (
        f"Of each contrast and cell type the {MOST_TESTED} tested genes of smallest p are kept here, and every gene of "
        "a list; all others stand in tables/de.tsv."
    )
    content = {
        "genes": {gene: genes[gene] for gene in sorted(genes)},
        "lists": lists,
        "tests": tests,
        "table": "tables/de.tsv",
        "rule": rule if tests else "",
    }
    what = f"Type a symbol to see its gene lists with their source{', its tests' if tests else ''} and its calls. "
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return GeneSearch(what + (rule if tests else ""), squeezed(text))


def _lists(inputs: ReportInputs) -> list[dict[str, Any]]:
    names = select.names(inputs)
    verdicts = _verdicts(inputs)
    return [
        {
            "name": f"{names[one.mechanism]}: {one.name}" if one.mechanism in names else one.key,
            "direction": {"up": "higher", "down": "lower"}.get(one.direction, ""),
            "source": one.source,
            "pmid": one.pmid,
            "target": words.row_id(LISTS, one.key),
            "verdicts": verdicts.get(one.mechanism, []),
        }
        for one in gene_lists.listed(inputs)
    ]


def _verdicts(inputs: ReportInputs) -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    for view in select.contrasts(inputs):
        rows = select.cohort_evidence(inputs, view.name)
        if rows is None:
            continue
        for mechanism, verdict in zip(rows["mechanism"].astype(str), rows["verdict"], strict=True):
            target = words.row_id(f"verdicts-{view.name}", mechanism)
            found.setdefault(mechanism, []).append([f"{words.phrase(verdict)} ({view.name})", target])
    return found


def _tests(
    inputs: ReportInputs, tested: Mapping[str, TableView], wanted: set[str]
) -> tuple[list[dict[str, str]], list[tuple[str, list[Any]]]]:
    """Return the tests by name, and of each gene kept: its test, change, p, q and row on the page."""
    if inputs.de is None or inputs.de.empty:
        return [], []
    tests, kept = [], []
    keys = ["contrast", "cell_type", "method"]
    for key, rows in inputs.de.groupby(keys, sort=False, observed=True):
        contrast, cell_type, method = (str(part) for part in _parts(key))
        table = tested.get(contrast)
        if table is None:
            continue
        anchors = set(table.anchors)
        what = contrast if inputs.bulk else f"{contrast}, {cell_type}"
        tests.append({"name": f"{what} ({method})", "target": table.id})
        ordered = rows.sort_values(["p", "gene"], kind="stable")
        near = ordered["gene"].isin(wanted) | (pd.Series(range(len(ordered)), index=ordered.index) < MOST_TESTED)
        for row in ordered[near].to_dict("records"):
            anchor = words.row_id(table.id, cell_type, row["gene"], method)
            numbers = [words.number(row["log2_fc"]), words.p_value(row["p"]), words.p_value(row["q"])]
            kept.append((str(row["gene"]), [len(tests) - 1, *numbers, anchor if anchor in anchors else ""]))
    return tests, kept


def _parts(key: Any) -> Sequence[Any]:
    return key if isinstance(key, tuple) else (key,)


def _antigens(inputs: ReportInputs, on_page: Mapping[str, TableView]) -> list[tuple[tuple[str, ...], list[Any]]]:
    """Return each antigen and call: the antigen's genes; what was called, the patients and their rows, and how many."""
    known = {} if inputs.catalog is None else inputs.catalog.antigens
    found: list[tuple[tuple[str, ...], list[Any]]] = []
    for field, table in _ANTIGEN_TABLES:
        frame, view = getattr(inputs, field), on_page.get(table)
        if frame is None or frame.empty or view is None:
            continue
        anchors = set(view.anchors)
        for key, rows in with_labels(frame).groupby(["antigen", "role", "call"], sort=False, observed=True):
            antigen, role, call = (str(part) for part in _parts(key))
            who = rows["label"].drop_duplicates()
            links = [[name, words.row_id(table, name, antigen)] for name in who]
            links = [link for link in links if link[1] in anchors]
            if links:
                what = f"{antigen} as {words.phrase(role)}: {words.phrase(call)} in {len(who)}"
                genes = tuple(known[antigen].genes) if antigen in known else (antigen,)
                found.append((genes, [what, links[:MOST_PATIENTS], len(who) - len(links[:MOST_PATIENTS])]))
    return found
