"""The scored gene lists and the catalogue come in; where each list comes from, and what to cite for it, goes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ohmics.catalog import Catalog
from ohmics.export.bibliography import Entry, pubmed_entry, references_in
from ohmics.model import SIGNATURE, GeneList


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSource:
    """One scored list, its source as the catalogue has it, and the keys of the works that source names in full."""

    gene_list: str
    genes: int
    kind: str
    source: str
    licence: str
    keys: tuple[str, ...]


def list_sources(scored: Iterable[str], catalog: Catalog) -> tuple[list[ListSource], list[Entry]]:
    """Return the source of every scored list, and the works to cite, each once.

    A signed list stands for its up and its down list. A list whose source names no work in full and has no PubMed
    number keeps its words and gets no key; a user's own list is named as such.

    Parameters
    ----------
    scored
        Keys of the lists, as in the tables.
    catalog
        The catalogue the run read.
    """
    lists = dict(catalog.large_sets) | dict(catalog.lists)
    wanted: dict[str, None] = {}
    for key in scored:
        halves = catalog.signatures.get(key, (key,)) if key.endswith(f"/{SIGNATURE}") else (key,)
        wanted.update(dict.fromkeys(halves))
    by_pmid = _works_by_pmid(lists[key] for key in lists)
    entries: dict[str, Entry] = {}
    rows: list[ListSource] = []
    for key in sorted(wanted):
        known = lists.get(key)
        if known is None:
            own = ListSource(gene_list=key, genes=0, kind="user", source="the user's own list", licence="", keys=())
            rows.append(own)
            continue
        works = _works(known, by_pmid)
        entries.update({work.key: work for work in works})
        rows.append(
            ListSource(
                gene_list=key,
                genes=len(known.genes),
                kind=known.kind,
                source=known.source,
                licence=known.licence,
                keys=tuple(work.key for work in works),
            )
        )
    return rows, list(entries.values())


def _works(known: GeneList, by_pmid: Mapping[str, Entry]) -> list[Entry]:
    named = references_in(known.source)
    if known.pmid and len(named) <= 1:
        return [by_pmid[known.pmid]]
    return named


def _works_by_pmid(lists: Iterable[GeneList]) -> dict[str, Entry]:
    """Return one work a PubMed number: in full where any list's source names it so, else by its number."""
    full: dict[str, Entry] = {}
    short: dict[str, Entry] = {}
    for entry in lists:
        if not entry.pmid:
            continue
        named = references_in(entry.source)
        if len(named) == 1:
            fields = dict(named[0].fields) | {"note": f"PubMed {entry.pmid}"}
            full.setdefault(entry.pmid, replace(named[0], fields=fields))
        elif not named:
            short.setdefault(entry.pmid, pubmed_entry(entry.pmid, entry.source))
        else:
            short.setdefault(entry.pmid, pubmed_entry(entry.pmid, f"PubMed {entry.pmid}"))
    return short | full
