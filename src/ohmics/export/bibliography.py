"""Works that a run rests on come in, a BibTeX file goes out: each work once, under the key that Methods cites."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ohmics.report.citations import Citation

_WHERE = re.compile(r"^(?P<journal>.+?) (?P<volume>\d+):(?P<pages>\S+?)(?: \((?P<note>.*)\))?$")
_REFERENCE = re.compile(
    r"(?P<author>(?:de |van |von |Di |van der )?[A-Z][\w'’]+(?:-[A-Z]\w+)*)(?P<initials> [A-Z]{1,3})?"
    r"(?P<others> et al\.?)?,? (?P<year>(?:19|20)\d\d),? (?P<journal>[A-Z][A-Za-z&. ]*?) (?P<volume>\d+):"
    r"(?P<pages>[\w-]+)(?:, doi (?P<doi>10\.[^\s,;]+))?"
)
_SPECIAL = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "%": r"\%", "#": r"\#", "&": r"\&", "$": r"\$",
            "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a BibTeX file; ``fields`` hold plain text, in the order they are written."""

    key: str
    kind: str
    fields: Mapping[str, str] = field(default_factory=dict)


def bibtex(entries: Iterable[Entry]) -> str:
    """Return the text of a ``.bib`` file, sorted by key.

    Examples
    --------
    >>> print(bibtex([Entry(key="holm", kind="article", fields={"author": "Holm, S.", "year": "1979"})]))
    @article{holm,
      author = {Holm, S.},
      year = {1979}
    }
    <BLANKLINE>
    """
    blocks = []
    for entry in sorted(entries, key=lambda one: one.key):
        lines = [f"  {name} = {{{_escaped(name, text)}}}" for name, text in entry.fields.items() if text]
        blocks.append(f"@{entry.kind}{{{entry.key},\n" + ",\n".join(lines) + "\n}\n")
    return "\n".join(blocks)


def _escaped(name: str, text: str) -> str:
    """Return a value as BibTeX reads it; addresses stay as they are, capitals of a title are kept."""
    if name in ("doi", "url"):
        return re.sub(r"[{}\\\s]", "", text)
    plain = "".join(_SPECIAL.get(sign, sign) for sign in " ".join(text.split()))
    return f"{{{plain}}}" if name == "title" else plain


def cited_entry(key: str, work: Citation) -> Entry:
    """Return the entry of a work of ``templates/citations.tsv``."""
    found = _WHERE.match(work.where)
    if found:
        place = {"journal": found["journal"], "volume": found["volume"], "pages": found["pages"]}
        place["note"] = found["note"] or ""
        return Entry(key=key, kind="article", fields=_head(work) | place | {"doi": work.doi})
    kind = "book" if "ISBN" in work.where else "misc"
    where = "publisher" if kind == "book" else "howpublished"
    return Entry(key=key, kind=kind, fields=_head(work) | {where: work.where, "doi": work.doi})


def _head(work: Citation) -> dict[str, str]:
    return {"author": people(work.authors), "title": work.title, "year": str(work.year)}


def people(authors: str) -> str:
    """Return authors as BibTeX writes them.

    Examples
    --------
    >>> people("Wolf FA, Angerer P, Theis FJ"), people("Badia-i-Mompel P et al.")
    ('Wolf, F. A. and Angerer, P. and Theis, F. J.', 'Badia-i-Mompel, P. and others')
    """
    others = authors.rstrip(". ").endswith("et al")
    named = re.sub(r",? et al\.?$", "", authors.strip())
    return " and ".join([_person(one) for one in named.split(", ")] + (["others"] if others else []))


def _person(name: str) -> str:
    surname, _, initials = name.strip().rpartition(" ")
    if not surname or not re.fullmatch(r"[A-Z]{1,4}", initials):
        return name.strip()
    return f"{surname}, {' '.join(f'{letter}.' for letter in initials)}"


def references_in(text: str) -> list[Entry]:
    """Return the works that a line of free text names in full: author, year, journal, volume and page.

    Examples
    --------
    >>> [entry.key for entry in references_in("Good CR et al. 2021 Cell 184:6081 (30 genes); Lynn 2019")]
    ['good2021cell184']
    """
    found = []
    for match in _REFERENCE.finditer(text):
        initials = (match["initials"] or "").strip()
        # A short reference names the first author only, with or without "et al.".
        author = people(f"{match['author']} {initials}".strip() + " et al.")
        key = f"{_plain(match['author'])}{match['year']}{_plain(match['journal'])}{match['volume']}"
        fields = {"author": author, "year": match["year"], "journal": match["journal"].strip()}
        fields |= {"volume": match["volume"], "pages": match["pages"], "doi": (match["doi"] or "").rstrip(".")}
        found.append(Entry(key=key, kind="article", fields=fields))
    return found


def pubmed_entry(pmid: str, source: str) -> Entry:
    """Return the entry of a work known by its PubMed number and how the catalogue names it."""
    fields = {"title": source, "howpublished": f"PubMed {pmid}", "url": f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/"}
    return Entry(key=f"pmid{pmid}", kind="misc", fields=fields)


def software_entry(name: str, version: str) -> Entry:
    """Return the entry of a program by its name and version."""
    fields = {"author": f"The {name} authors", "title": name, "version": version}
    return Entry(key=f"software_{_plain(name)}", kind="software", fields=fields)


def _plain(text: str) -> str:
    """Return text as a key holds it: lower-case ASCII letters and digits."""
    split = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in split.lower() if sign.isascii() and sign.isalnum())
