"""A user's file of gene lists in (GMT, GRP, JSON, CSV or TSV); lists by name, remarks and every fault out."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ohmics.errors import Faults, OhmicsError, did_you_mean, listing

Genes: TypeAlias = list[str] | dict[str, list[str]]
"""Genes of an unsigned list, or ``{"up": [...], "down": [...]}``."""

FORMATS = (".gmt", ".grp", ".json", ".csv", ".tsv")
_COLUMNS = {
    "gene": ("gene", "genes", "symbol", "gene_symbol", "gene_name", "gene_id"),
    "direction": ("direction", "sign"),
    "list": ("list", "gene_list", "list_name", "name", "signature", "set"),
    "weight": ("weight", "weights"),
}
_DIRECTIONS = {"up": "up", "down": "down", "dn": "down"}
_ENDINGS = {"_UP": "up", "_DN": "down", "_DOWN": "down"}


@dataclass(slots=True)
class UserLists:
    """What one file holds.

    ``lists`` is name -> genes, or name -> up and down genes. ``weights`` (list -> gene -> weight) is kept for
    methods that take weights; none of the scoring methods does. ``descriptions`` is the second field of a GMT.
    """

    lists: dict[str, Genes] = field(default_factory=dict)
    weights: dict[str, dict[str, float]] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_gene_lists(path: str | Path, *, pair_signed: bool = False) -> tuple[dict[str, Genes], list[str]]:
    """Read gene lists of a user's own; the format is told by the file's ending, gzip by its content.

    Parameters
    ----------
    path
        ``.gmt``: name, description and genes, separated by tabs only, so that a description never becomes a
        gene. ``.grp``: one gene a line, ``#`` opens a comment; the list has the
        file's name. ``.json``: MSigDB's export (``{name: {"geneSymbols": [...]}}``), ``{name: [genes]}`` or
        ``{name: {"up": [...], "down": [...]}}``. ``.csv``, ``.tsv``: columns gene, direction (up or down),
        and, where given, list and weight.
    pair_signed
        Make one signed list NAME of two lists NAME_UP and NAME_DN (or NAME_DOWN).

    Returns
    -------
    lists : dict
        Name -> genes, or -> ``{"up": [...], "down": [...]}``, as `ohmics.score` takes them.
    notes : list of str
        Genes that stand twice in a list (kept once), weights (not used by any scoring method), and lists that
        hold only genes that fall.

    Raises
    ------
    OhmicsError
        With every fault: no such file, no text, an unknown format, empty or repeated lists, unknown directions.
    """
    faults = Faults()
    found = load_gene_lists(Path(path), faults, pair_signed=pair_signed)
    faults.raise_if_any()
    return found.lists, found.notes


def load_gene_lists(path: Path, faults: Faults, *, pair_signed: bool = False) -> UserLists:
    """Return what a file holds, with weights and descriptions; what is wrong is added to ``faults``."""
    found, before = UserLists(), len(faults)
    suffix = _suffix(path)
    if suffix not in FORMATS:
        faults.add(f"`{suffix or path.name}` is no format of gene lists", where=str(path), legal=", ".join(FORMATS))
        return found
    text = read_text(path, str(path), faults)
    if len(faults) > before:
        return found
    if suffix == ".gmt":
        for name, (description, genes) in parse_gmt(text, str(path), faults, notes=found.notes).items():
            found.lists[name], found.descriptions[name] = list(genes), description
    elif suffix == ".json":
        _json(text, path, found, faults)
    elif suffix in (".csv", ".tsv"):
        _table(text, "," if suffix == ".csv" else "\t", path, found, faults)
    else:
        _grp(text, path, found, faults)
    if not found.lists and len(faults) == before:
        faults.add("the file holds no gene list", where=str(path))
    if pair_signed:
        _pair(found, path, faults)
    return found


def read_gmt(path: Path, faults: Faults) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the sets of a GMT file: name to description and genes; fields are split at tabs only."""
    return parse_gmt(read_text(path, str(path), faults), str(path), faults)


def read_text(path: Path, where: str, faults: Faults) -> str:
    """Return a file's UTF-8 text, unpacked; a file that cannot be read is a fault and gives no text."""
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        faults.add("no such file", where=where)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        faults.add(f"cannot be read as text ({error})", where=where, legal="UTF-8 text")
    return ""


def parse_gmt(
    text: str, where: str, faults: Faults, *, notes: list[str] | None = None
) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the sets of a GMT's text; repeated genes are kept once and named in ``notes``."""
    sets: dict[str, tuple[str, tuple[str, ...]]] = {}
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if lines and not any("\t" in line for _, line in lines):
        # Told once: every line of such a file is wrong in the same way.
        faults.add(
            "the line is no gene set",
            where=f"{where}, line {lines[0][0]}",
            legal="name, description and genes, each separated by a tab",
            remedy="no line of the file has a tab",
        )
        return sets
    for number, line in lines:
        place = f"{where}, line {number}"
        name, *rest = (part.strip() for part in line.split("\t"))
        genes = [gene for gene in rest[1:] if gene]
        if not name or not genes:
            faults.add(
                "the line is no gene set", where=place, legal="name, description and genes, each separated by a tab"
            )
        elif name in sets:
            faults.add(f"the set `{name}` stands twice", where=place, remedy="give each set its own name")
        else:
            sets[name] = (rest[0], tuple(_once(genes, name, [] if notes is None else notes)))
    return sets


def _suffix(path: Path) -> str:
    return Path(path.stem if path.suffix.lower() == ".gz" else path.name).suffix.lower()


def _stem(path: Path) -> str:
    return Path(path.stem if path.suffix.lower() == ".gz" else path.name).stem


def _once(genes: Iterable[str], name: str, notes: list[str]) -> list[str]:
    """Return each gene once; what stood twice is noted."""
    given = list(genes)
    kept = list(dict.fromkeys(given))
    if len(kept) < len(given):
        twice = [gene for gene in kept if given.count(gene) > 1]
        notes.append(f"list `{name}`: {listing(twice)} stand{'s' if len(twice) == 1 else ''} more than once; kept once")
    return kept


def _add(name: str, genes: Genes, path: Path, found: UserLists, faults: Faults) -> None:
    """Add one list: genes once, no empty list, no gene on both sides."""
    where = f"{path}, list `{name}`"
    sides = genes if isinstance(genes, dict) else {"": genes}
    kept = {side: _once((gene.strip() for gene in given), name, found.notes) for side, given in sides.items()}
    kept = {side: [gene for gene in given if gene] for side, given in kept.items()}
    kept = {side: given for side, given in kept.items() if given}
    both = sorted(set(kept.get("up", ())) & set(kept.get("down", ())))
    if not kept:
        faults.add("the list is empty", where=where, legal="at least one gene")
    elif both:
        faults.add(
            f"{listing(both)} stand in both the up and the down genes", where=where, remedy="keep one of the two"
        )
    elif name in found.lists:
        faults.add("the list stands twice", where=where, remedy="give each list its own name")
    elif set(kept) <= {"", "up"}:
        found.lists[name] = next(iter(kept.values()))
    else:
        found.lists[name] = kept
        if "up" not in kept:
            found.notes.append(f"list `{name}` holds only genes that fall: its score is minus that of its genes")


def _grp(text: str, path: Path, found: UserLists, faults: Faults) -> None:
    genes = [line.split("#", 1)[0].strip() for line in text.splitlines()]
    spaced = [gene for gene in genes if len(gene.split()) > 1]
    if spaced:
        faults.add(f"a line holds more than a gene: `{spaced[0]}`", where=str(path), legal="one gene a line")
    else:
        _add(_stem(path), [gene for gene in genes if gene], path, found, faults)


def _json(text: str, path: Path, found: UserLists, faults: Faults) -> None:
    try:
        content = json.loads(text, object_pairs_hook=_Pairs)
    except (json.JSONDecodeError, RecursionError) as error:
        faults.add(f"not JSON: {error}", where=str(path))
        return
    if not isinstance(content, _Pairs):
        faults.add("the file holds no named lists", where=str(path), legal='{"NAME": {"geneSymbols": ["CD8A", ...]}}')
        return
    for name, value in content.pairs:
        genes = _json_genes(value)
        if genes is None:
            faults.add(
                "no genes are found",
                where=f"{path}, list `{name}`",
                legal='{"geneSymbols": [...]}, [...], or {"up": [...], "down": [...]}',
            )
        else:
            _add(str(name), genes, path, found, faults)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """A JSON object with its keys in order, repeated ones included."""

    pairs: list[tuple[str, Any]]


def _json_genes(value: Any) -> Genes | None:
    if isinstance(value, list):
        return value if all(isinstance(gene, str) for gene in value) else None
    if not isinstance(value, _Pairs):
        return None
    held = dict(value.pairs)
    if "geneSymbols" in held:
        return _json_genes(held["geneSymbols"])
    plain: dict[str, list[str]] = {}
    for side in ("up", "down"):
        genes = _json_genes(held.get(side, []))
        if not isinstance(genes, list):
            return None
        plain[side] = genes
    return plain if plain["up"] or plain["down"] else None


def _table(text: str, separator: str, path: Path, found: UserLists, faults: Faults) -> None:
    rows = list(csv.reader(text.splitlines(), delimiter=separator))
    header = [word.strip().lower() for word in rows[0]] if rows else []
    place = {what: next((header.index(w) for w in words if w in header), -1) for what, words in _COLUMNS.items()}
    if place["gene"] < 0:
        faults.add(
            f"there is no column `gene`; the columns are {listing(header) or 'none'}",
            where=str(path),
            legal="gene, direction (up or down), list, weight",
            remedy=next((hint for hint in (did_you_mean(word, ["gene"]) for word in header) if hint), ""),
        )
        return
    lists: dict[str, dict[str, list[str]]] = {}
    for entry in _rows(rows[1:], place, path, faults):
        name = entry.name or _stem(path)
        lists.setdefault(name, {}).setdefault(entry.direction, []).append(entry.gene)
        if entry.weight is not None:
            found.weights.setdefault(name, {})[entry.gene] = entry.weight
    for name, sides in lists.items():
        _add(name, sides[""] if set(sides) == {""} else sides, path, found, faults)
    if found.weights:
        found.notes.append(f"{path.name}: weights are kept, but no scoring method uses them")


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    gene: str
    direction: str
    weight: float | None


def _rows(rows: list[list[str]], place: dict[str, int], path: Path, faults: Faults) -> Iterator[_Row]:
    for number, row in enumerate(rows, start=2):
        values = {what: row[column].strip() if 0 <= column < len(row) else "" for what, column in place.items()}
        if not any(word.strip() for word in row):
            continue
        where, direction, weight = f"{path}, line {number}", "", None
        if not values["gene"]:
            faults.add("the gene is missing", where=where)
            continue
        if place["direction"] >= 0:
            direction = _DIRECTIONS.get(values["direction"].lower(), "")
            if not direction:
                faults.add(f"`{values['direction']}` is no direction", where=where, legal="up, down")
                continue
        if values["weight"]:
            try:
                weight = float(values["weight"])
            except ValueError:
                faults.add(f"`{values['weight']}` is no weight", where=where, legal="a number")
                continue
        yield _Row(values["list"], values["gene"], direction, weight)


def _pair(found: UserLists, path: Path, faults: Faults) -> None:
    """Make one signed list of NAME_UP and NAME_DN."""
    halves: dict[str, dict[str, str]] = {}
    for name, genes in found.lists.items():
        for ending, side in _ENDINGS.items():
            if name.upper().endswith(ending) and isinstance(genes, list):
                halves.setdefault(name[: -len(ending)], {}).setdefault(side, name)
    for base, sides in halves.items():
        if set(sides) == {"up", "down"}:
            up, down = (found.lists.pop(sides[side]) for side in ("up", "down"))
            if isinstance(up, list) and isinstance(down, list):
                _add(base, {"up": up, "down": down}, path, found, faults)


def merge(parts: Iterable[tuple[Path, UserLists]]) -> UserLists:
    """Return the lists of several files together.

    Raises
    ------
    OhmicsError
        When two files hold a list of one name.
    """
    faults, whole, home = Faults(), UserLists(), dict[str, Path]()
    for path, part in parts:
        for name, genes in part.lists.items():
            if name in home:
                faults.add(
                    f"the list `{name}` stands in {home[name]} too", where=str(path), remedy="give each its own name"
                )
            home.setdefault(name, path)
            whole.lists[name] = genes
        whole.weights |= part.weights
        whole.descriptions |= part.descriptions
        whole.notes += part.notes
    if len(faults):
        raise OhmicsError(faults)
    return whole
