"""The catalogue's gene lists come in, the table that names their genes, source and licence goes out."""

from __future__ import annotations

import pandas as pd

from ohmics.model import GeneList
from ohmics.report import select
from ohmics.report.inputs import ReportInputs
from ohmics.report.tables import LISTS, Head, TableView, table_view

_FIRST = ("gene_list", "direction", "n_genes", "genes", "source", "pmid", "licence", "note")


def listed(inputs: ReportInputs) -> list[GeneList]:
    """Return the gene lists of the run, those of the mechanisms first, in the catalogue's order of compartments."""
    if inputs.catalog is None:
        return []
    place = {name: number for number, name in enumerate(select.mechanisms(inputs))}
    return sorted(inputs.catalog.lists.values(), key=lambda one: place.get(one.mechanism, len(place)))


def gene_list_table(inputs: ReportInputs) -> TableView | None:
    """Return the gene lists with their genes, source, PubMed number and licence; None without a catalogue.

    Cells of kind ``gene_list`` in the other tables of the page link to its rows.
    """
    lists = listed(inputs)
    if not lists:
        return None
    rows = pd.DataFrame(
        [
            {
                "gene_list": one.key,
                "direction": one.direction or None,
                "n_genes": len(one.genes),
                "genes": "|".join(one.genes),
                "source": one.source or None,
                "pmid": one.pmid or None,
                "licence": one.licence or None,
                "note": one.note or None,
            }
            for one in lists
        ],
        columns=list(_FIRST),
    )
    return table_view(
        rows,
        id=LISTS,
        caption="Gene lists, their genes and where they come from",
        heads=[
            Head("gene_list", "Gene list", "list_name"),
            Head("direction", "Direction", meaning="how the list's genes change when the mechanism operates"),
            Head("n_genes", "Genes in list", "whole"),
            Head("genes", "Genes", "genes"),
            Head("source", "Source", "long"),
            Head("pmid", "PubMed", "pmid"),
            Head("licence", "Licence", "long", meaning="licence as found at the source"),
            Head("note", "Note", "long"),
        ],
        anchor=("gene_list",),
        names=select.names(inputs),
        fold_from=1,
    )
