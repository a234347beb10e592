"""Gene identifiers in (symbols, aliases, Ensembl, Entrez), approved symbols and an account of each mapping out."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from ohmics.errors import OhmicsError, listing

IdKind = Literal["symbol", "ensembl", "entrez"]
KINDS: tuple[IdKind, ...] = ("symbol", "ensembl", "entrez")
_LABELS = {"symbol": "gene symbols", "ensembl": "Ensembl ids", "entrez": "Entrez ids"}
COLUMNS = ("symbol", "ensembl_ids", "entrez_ids", "chromosome", "aliases")
MIXED_SHARE = 0.05
"""A second kind of id above this share of the recognised ids makes a matrix mixed."""
KNOWN_SHARE = 0.05
"""Below this share of known ids a matrix is not taken for a human gene matrix."""
EXAMPLES = 20

_ENSEMBL = re.compile(r"^(ENSG\d{11})(?:\.\d+)?(?:_PAR_Y)?$")
_ENTREZ = re.compile(r"^\d+$")
_OTHER_SPECIES = re.compile(r"^ENS([A-Z]{3,4})G\d{11}(?:\.\d+)?$")
_SPECIES = {"MUS": "mouse", "RNO": "rat", "DAR": "zebrafish", "MMU": "macaque", "SSC": "pig", "CAF": "dog"}
_MOUSE_SYMBOL = re.compile(r"^(?:mt-)?[A-Z][a-z0-9]*[a-z][A-Za-z0-9-]*$")
_SPREADSHEET_DATE = re.compile(r"^\d{1,2}-(?:Mar|Sep|Dec|MAR|SEP|DEC|Mrz|Dez)$")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What became of the ids of one matrix: counts, and up to 20 examples of each fate.

    Every id has one fate: ``n_ids = n_exact + n_alias + n_by_name + n_unmapped + n_ambiguous``.

    Parameters
    ----------
    n_exact, n_alias, n_by_name
        Ids mapped by their own kind, as a previous or alias symbol, and by the feature's name because
        its id is unknown.
    n_unmapped, n_ambiguous
        Ids kept under their own name: unknown ones, and ones that belong to several genes.
    n_summed
        Approved symbols on which several different ids met; their counts are summed.
    aliases, unmapped, ambiguous, summed
        Examples: alias to symbol, ids, id to its candidates, symbol to its ids.
    """

    kind: str
    n_ids: int
    n_exact: int = 0
    n_alias: int = 0
    n_by_name: int = 0
    n_unmapped: int = 0
    n_ambiguous: int = 0
    n_summed: int = 0
    aliases: dict[str, str] = field(default_factory=dict)
    unmapped: list[str] = field(default_factory=list)
    ambiguous: dict[str, list[str]] = field(default_factory=dict)
    summed: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that JSON and h5ad can hold; pairs are text, because keys of h5ad bear no slash."""
        plain = asdict(self)
        plain["aliases"] = [f"{alias}: {symbol}" for alias, symbol in self.aliases.items()]
        for name in ("ambiguous", "summed"):
            plain[name] = [f"{key}: {', '.join(members)}" for key, members in getattr(self, name).items()]
        return plain

    def sentence(self) -> str:
        """Return the account in one line, for example for ``ohmics check``."""
        mapped = self.n_exact + self.n_alias + self.n_by_name
        text = f"{mapped:,} of {self.n_ids:,} {_LABELS[self.kind]} map to approved symbols"
        fates = [
            (self.n_alias, "through an alias", list(self.aliases)),
            (self.n_by_name, "by name because the id is unknown", []),
            (self.n_ambiguous, "ambiguous and kept under their own name", list(self.ambiguous)),
            (self.n_unmapped, "unknown and kept under their own name", self.unmapped),
            (self.n_summed, "symbols summed over several ids", list(self.summed)),
        ]
        parts = []
        for count, what, examples in fates:
            shown = ", ".join(examples[:3]) + (", ..." if count > 3 else "")
            if count:
                parts.append(f"{count:,} {what}" + (f" ({shown})" if examples else ""))
        return f"{text}; {'; '.join(parts)}" if parts else text


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """The names a matrix's features get, in the order of the ids given.

    Parameters
    ----------
    symbols
        One name an id: the approved symbol where it maps, else a name of its own. Ids that share an
        approved symbol are to be summed; no two unmapped ids share a name.
    mapped
        Whether each id reached an approved symbol.
    """

    symbols: np.ndarray
    mapped: np.ndarray
    kind: IdKind
    report: Report


class GeneTable:
    """Human genes: approved symbols, their ids, chromosomes and aliases.

    Parameters
    ----------
    frame
        Columns ``symbol, ensembl_ids, entrez_ids, chromosome, aliases``; several values of a field are
        joined by ``|`` and an absent one is empty. Sources: HGNC (CC0) and GENCODE.

    Raises
    ------
    OhmicsError
        When a column is missing or a symbol stands in two rows.

    Examples
    --------
    >>> frame = pd.DataFrame([["CD19", "ENSG00000177455", "930", "16", "B4"]], columns=COLUMNS)
    >>> list(GeneTable(frame).resolve(["B4"], kind="symbol").symbols)
    ['CD19']
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        """Index the table."""
        absent = [name for name in COLUMNS if name not in frame]
        if absent:
            raise OhmicsError(f"the gene table lacks the columns {listing(absent)}")
        self.frame = frame[list(COLUMNS)].fillna("").astype(str).reset_index(drop=True)
        repeated = self.frame["symbol"][self.frame["symbol"].duplicated()]
        if len(repeated):
            raise OhmicsError(f"the gene table holds symbols twice: {listing(repeated)}")
        self.symbols: frozenset[str] = frozenset(self.frame["symbol"])
        self._upper = {symbol.upper() for symbol in self.symbols}
        exact = {symbol: (symbol,) for symbol in self.frame["symbol"]}
        aliases = {key: value for key, value in self._column("aliases").items() if key not in exact}
        self._aliases = aliases
        self._maps: dict[IdKind, dict[str, tuple[str, ...]]] = {
            "symbol": exact | aliases,
            "ensembl": self._column("ensembl_ids"),
            "entrez": self._column("entrez_ids"),
        }

    @property
    def aliases(self) -> dict[str, str]:
        """Each alias of exactly one gene to that gene's approved symbol."""
        known = self._maps["symbol"]
        return {name: found[0] for name, found in known.items() if name not in self.symbols and len(found) == 1}

    @classmethod
    def from_frames(cls, *frames: pd.DataFrame) -> GeneTable:
        """Build one table from several, later ones correcting earlier ones.

        An Ensembl or Entrez id that a later frame gives to a gene is taken from every other gene; a symbol
        in two frames has the ids and aliases of both.
        """
        parts = [frame[list(COLUMNS)].fillna("").astype(str).reset_index(drop=True) for frame in frames]
        for position, later in enumerate(parts[1:], start=1):
            for column in ("ensembl_ids", "entrez_ids"):
                claimed = {value for text in later[column] if text for value in text.split("|")}
                for earlier in parts[:position]:
                    earlier[column] = [
                        "|".join(value for value in text.split("|") if value not in claimed) if text else ""
                        for text in earlier[column]
                    ]
        joined = pd.concat(parts, ignore_index=True)
        if not joined["symbol"].is_unique:
            joined = joined.groupby("symbol", sort=False, as_index=False).agg(_union)
        return cls(joined[list(COLUMNS)])

    def _column(self, name: str) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = defaultdict(list)
        for symbol, text in zip(self.frame["symbol"], self.frame[name], strict=True):
            for value in text.split("|") if text else ():
                if symbol not in found[value]:
                    found[value].append(symbol)
        return {value: tuple(symbols) for value, symbols in found.items()}

    def approved(self, name: str) -> str | None:
        """Return the approved symbol of one symbol or alias; None when unknown or ambiguous."""
        candidates = self._maps["symbol"].get(name, ())
        return candidates[0] if len(candidates) == 1 else None

    def chromosomes(self) -> pd.Series:
        """Return the chromosome of each approved symbol (index), empty where unknown."""
        return self.frame.set_index("symbol")["chromosome"]

    def recognised(self, ids: Iterable[str]) -> dict[IdKind, int]:
        """Return how many ids of each kind the table knows; what it does not know is not counted."""
        counts: dict[IdKind, int] = dict.fromkeys(KINDS, 0)
        for identifier in ids:
            kind, key = _classify(identifier)
            if key in self._maps[kind]:
                counts[kind] += 1
        return counts

    def detect(self, ids: Sequence[str]) -> IdKind:
        """Return the kind of id, or refuse ids that are mixed, not human or not genes.

        Raises
        ------
        OhmicsError
            With the shares and examples it rests on.
        """
        self.refuse_other_species(ids)
        counts = self.recognised(ids)
        total = sum(counts.values())
        if not ids or total < max(1, KNOWN_SHARE * len(ids)):
            raise OhmicsError(
                f"{total:,} of {len(ids):,} gene ids are known human genes (the first ids are {listing(ids, most=3)}); "
                "give approved symbols, Ensembl or Entrez ids of human genes"
            )
        ranked = sorted(KINDS, key=lambda kind: -counts[kind])
        if counts[ranked[1]] > MIXED_SHARE * total:
            parts = [
                f"{counts[kind]:,} are {_LABELS[kind]} ({self._example(ids, kind)})" for kind in ranked if counts[kind]
            ]
            raise OhmicsError(
                f"the gene ids are of mixed kinds: {' and '.join(parts)}; give ids of one kind, "
                "or set gene_ids to the kind that is meant and the others stay unmapped"
            )
        return ranked[0]

    def _example(self, ids: Iterable[str], wanted: IdKind) -> str:
        for identifier in ids:
            kind, key = _classify(identifier)
            if kind == wanted and key in self._maps[kind]:
                return identifier
        return ""

    def refuse_other_species(self, ids: Sequence[str]) -> None:
        """Raise `OhmicsError` when most ids are those of another species (ENSMUSG..., or Actb for ACTB)."""
        codes = Counter(match[1] for match in map(_OTHER_SPECIES.match, ids) if match)
        if codes:
            code, count = codes.most_common(1)[0]
            if 2 * count > len(ids):
                species = _SPECIES.get(code, f"another species, code {code}")
                raise OhmicsError(
                    f"{count:,} of {len(ids):,} gene ids are Ensembl ids of {species} (ENS{code}G...); "
                    "ohmics reads human data only, map them to human orthologues first"
                )
        mouse = [name for name in ids if _MOUSE_SYMBOL.match(name) and name.upper() in self._upper]
        if 2 * len(mouse) > len(ids):
            raise OhmicsError(
                f"{len(mouse):,} of {len(ids):,} gene ids are written as mouse symbols ({listing(mouse, most=3)}); "
                "ohmics reads human data only, map them to human orthologues first"
            )

    def resolve(self, ids: Sequence[str], kind: str = "auto", *, names: Sequence[str] | None = None) -> Resolution:
        """Map ids to approved symbols; unknown and ambiguous ones keep a name of their own.

        An exact symbol is taken first, an alias second; the version of an Ensembl id is ignored.
        Different ids that reach one symbol share its name, to be summed. Each id stands at most once.

        Parameters
        ----------
        names
            The features' names, where a file gives names beside ids (10x): used to name, and where
            possible to map, a feature whose id is unknown.

        Raises
        ------
        OhmicsError
            When an id stands twice, or `detect` refuses the ids.
        """
        ids = [str(identifier) for identifier in ids]
        _refuse_repeated(ids)
        if kind == "auto":
            found = self.detect(ids)
        else:
            if kind not in KINDS:
                raise OhmicsError(f"`{kind}` is no kind of gene id; legal: auto, {', '.join(KINDS)}")
            self.refuse_other_species(ids)
            found = kind
        return self._resolve(ids, found, list(map(str, names)) if names is not None else ids)

    def _resolve(self, ids: list[str], kind: IdKind, names: list[str]) -> Resolution:
        table = self._maps[kind]
        symbols: list[str | None] = []
        fates: Counter[str] = Counter()
        aliases: dict[str, str] = {}
        ambiguous: dict[str, list[str]] = {}
        for identifier, name in zip(ids, names, strict=True):
            key = _strip(identifier) if kind == "ensembl" else identifier
            candidates = table.get(key, ())
            by_name = self._maps["symbol"].get(name, ()) if kind != "symbol" and name != identifier else ()
            if len(candidates) == 1:
                symbol: str | None = candidates[0]
                via_alias = kind == "symbol" and key in self._aliases
                fates["alias" if via_alias else "exact"] += 1
                if via_alias and symbol is not None:
                    aliases[identifier] = symbol
            elif candidates:
                symbol, ambiguous[identifier] = None, list(candidates)
            elif len(by_name) == 1:
                symbol = by_name[0]
                fates["by_name"] += 1
            else:
                symbol = None
            symbols.append(symbol)
        return _account(ids, names, symbols, kind, fates, aliases, ambiguous)


def _account(
    ids: list[str],
    names: list[str],
    symbols: list[str | None],
    kind: IdKind,
    fates: Counter[str],
    aliases: dict[str, str],
    ambiguous: dict[str, list[str]],
) -> Resolution:
    mapped = np.array([symbol is not None for symbol in symbols], dtype=bool)
    groups: dict[str, list[str]] = defaultdict(list)
    for identifier, symbol in zip(ids, symbols, strict=True):
        if symbol is not None:
            groups[symbol].append(identifier)
    taken = set(groups)
    final: list[str] = []
    for identifier, name, symbol in zip(ids, names, symbols, strict=True):
        label = symbol if symbol is not None else _free_name((name, identifier), taken)
        taken.add(label)
        final.append(label)
    unmapped = [i for i, known in zip(ids, mapped, strict=True) if not known and i not in ambiguous]
    summed = {symbol: members for symbol, members in groups.items() if len(members) > 1}
    dates = [identifier for identifier in unmapped if _SPREADSHEET_DATE.match(identifier)]
    notes = []
    if dates:
        notes.append(
            f"{len(dates)} gene ids look like symbols that a spreadsheet turned into dates ({listing(dates, most=3)}); "
            "they stay unmapped"
        )
    report = Report(
        kind=kind,
        n_ids=len(ids),
        n_exact=fates["exact"],
        n_alias=fates["alias"],
        n_by_name=fates["by_name"],
        n_unmapped=len(unmapped),
        n_ambiguous=len(ambiguous),
        n_summed=len(summed),
        aliases=dict(list(aliases.items())[:EXAMPLES]),
        unmapped=unmapped[:EXAMPLES],
        ambiguous=dict(list(ambiguous.items())[:EXAMPLES]),
        summed=dict(list(summed.items())[:EXAMPLES]),
        notes=notes,
    )
    return Resolution(symbols=np.array(final, dtype=object), mapped=mapped, kind=kind, report=report)


def _union(texts: pd.Series) -> str:
    return "|".join(dict.fromkeys(value for text in texts if text for value in text.split("|")))


def _classify(identifier: str) -> tuple[IdKind, str]:
    match = _ENSEMBL.match(identifier)
    if match:
        return "ensembl", match[1]
    if _ENTREZ.match(identifier):
        return "entrez", identifier
    return "symbol", identifier


def _strip(identifier: str) -> str:
    match = _ENSEMBL.match(identifier)
    return match[1] if match else identifier


def _free_name(candidates: Sequence[str], taken: set[str]) -> str:
    for name in candidates:
        if name and name not in taken:
            return name
    # A construct may bear a gene's symbol in a file of Ensembl ids: it must not be summed with the gene.
    name = f"{candidates[0]}_unmapped"
    while name in taken:
        name += "_"
    return name


def _refuse_repeated(ids: Sequence[str]) -> None:
    repeated = [f"{identifier} ({count} times)" for identifier, count in Counter(ids).items() if count > 1]
    if repeated:
        raise OhmicsError(
            f"{len(repeated):,} gene ids stand more than once: {listing(repeated, most=3)}; "
            "keep one row a gene, or give ids that tell the rows apart"
        )
