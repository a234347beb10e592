"""Parsed YAML of one mechanism in; a `Mechanism` out, with every fault of its shape and vocabulary collected."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ohmics import model
from ohmics.errors import Faults, did_you_mean, listing
from ohmics.model import EvidenceLine, GeneList, Mechanism, PrimaryLine

MECHANISM_KEYS = (
    "id", "name", "claim", "therapies", "compartment", "reviews", "tier", "measurement", "score_on", "visible",
    "not_visible", "observed_at", "not_assessable_reason", "primary_line", "further_lines", "lines_against",
    "confounders", "expected", "recommended", "gene_lists", "large_sets", "citations", "note",
)  # fmt: skip
REQUIRED_KEYS = ("id", "name", "claim", "therapies", "compartment", "tier", "measurement", "score_on")
LIST_KEYS = ("name", "direction", "kind", "genes", "source", "pmid", "licence", "checked", "checked_at", "note")
PRIMARY_KEYS = ("nature", "gene_list", "method", "cell_type", "direction", "margin", "antigen")
LINE_KEYS = ("nature", "mechanism", "gene_list", "method", "cell_type", "direction", "note", "antigen")
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9_]*")
_SIGNS = ("up", "down")


@dataclass(frozen=True, slots=True)
class Entry:
    """One mapping of a YAML file, with the place it stands at and the faults it adds to."""

    raw: Mapping[str, Any]
    where: str
    faults: Faults

    def known(self, keys: Sequence[str], required: Sequence[str] = ()) -> None:
        """Name unknown and missing keys."""
        for key in self.raw:
            if key not in keys:
                remedy = did_you_mean(str(key), keys)
                self.faults.add(
                    f"unknown key `{key}`", where=self.where, legal="" if remedy else ", ".join(keys), remedy=remedy
                )
        for key in required:
            if key not in self.raw:
                self.faults.add(f"`{key}` is missing", where=self.where, remedy=f"add `{key}:`")

    def text(self, key: str, legal: Sequence[str] = (), *, default: str = "") -> str:
        """Return a text, one of ``legal`` when that is given."""
        value = self.raw.get(key, default)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.faults.add(f"`{key}` is no text: {value!r}", where=self.where, remedy="put it in quotes")
            return default
        if legal and (value or key in self.raw):
            self._vocabulary(key, [value], legal)
        return value

    def texts(self, key: str, legal: Sequence[str] = ()) -> tuple[str, ...]:
        """Return a list of texts without repeats, each one of ``legal`` when that is given."""
        value = self.raw.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.faults.add(f"`{key}` is no list of texts", where=self.where, remedy=f"write `{key}: [a, b]`")
            return ()
        repeated = [item for item in dict.fromkeys(value) if value.count(item) > 1]
        if repeated:
            self.faults.add(f"`{key}` names {listing(repeated)} more than once", where=self.where)
        if legal:
            self._vocabulary(key, value, legal)
        return tuple(value)

    def mapping(self, key: str) -> dict[str, str]:
        """Return a mapping of texts."""
        value = self.raw.get(key) or {}
        if not isinstance(value, dict) or not all(isinstance(part, str) for pair in value.items() for part in pair):
            self.faults.add(f"`{key}` is no mapping of texts", where=self.where, remedy=f"write `{key}: {{a: text}}`")
            return {}
        return dict(value)

    def entries(self, key: str) -> list[Entry]:
        """Return a list of mappings, each with its own place."""
        value = self.raw.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.faults.add(f"`{key}` is no list of mappings", where=self.where, remedy="begin each item with `- `")
            return []
        return [
            Entry(item, f"{self.where}, {key} `{item.get('name') or number}`", self.faults)
            for number, item in enumerate(value, start=1)
        ]

    def entry(self, key: str) -> Entry | None:
        """Return a mapping, None when it is not given."""
        value = self.raw.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.faults.add(f"`{key}` is no mapping", where=self.where)
            return None
        return Entry(value, f"{self.where}, {key}", self.faults)

    def _vocabulary(self, key: str, values: Sequence[str], legal: Sequence[str]) -> None:
        for value in values:
            if value not in legal:
                self.faults.add(
                    f"`{value}` is no value of `{key}`",
                    where=self.where,
                    legal=", ".join(legal),
                    remedy=did_you_mean(value, legal),
                )


def read_mechanism(raw: object, where: str, faults: Faults) -> Mechanism | None:
    """Return the mechanism of a parsed YAML file; None when it is no mapping or has no usable id.

    Parameters
    ----------
    raw
        What the YAML parser returned.
    where
        The file, for the faults.
    faults
        Collects unknown and missing keys, wrong types and words outside the closed vocabularies.
    """
    if not isinstance(raw, dict):
        faults.add("the file holds no mapping", where=where, legal=", ".join(MECHANISM_KEYS))
        return None
    entry = Entry(raw, where, faults)
    entry.known(MECHANISM_KEYS, REQUIRED_KEYS)
    identifier = entry.text("id")
    if not _IDENTIFIER.fullmatch(identifier):
        if "id" in raw:
            faults.add(f"`{identifier}` is no id", where=where, legal="small letters, digits and underscore")
        return None
    recommended = entry.entry("recommended")
    if recommended is not None:
        recommended.known(_SIGNS)
    primary = entry.entry("primary_line")
    return Mechanism(
        id=identifier,
        therapies=entry.texts("therapies", model.THERAPIES),
        compartment=entry.text("compartment", model.COMPARTMENTS),
        tier=entry.text("tier", model.TIERS),
        measurement=entry.texts("measurement", model.MEASUREMENTS),
        score_on=entry.texts("score_on"),
        gene_lists=tuple(_gene_list(item, identifier) for item in entry.entries("gene_lists")),
        recommended_up=recommended.text("up") if recommended else "",
        recommended_down=recommended.text("down") if recommended else "",
        primary_line=_primary(primary) if primary else None,
        further_lines=tuple(_line(item) for item in entry.entries("further_lines")),
        lines_against=tuple(_line(item) for item in entry.entries("lines_against")),
        expected=entry.mapping("expected"),
        note=entry.mapping("note"),
        name=entry.text("name"),
        claim=entry.text("claim"),
        visible=entry.text("visible"),
        not_visible=entry.text("not_visible"),
        observed_at=entry.text("observed_at"),
        not_assessable_reason=entry.text("not_assessable_reason"),
        reviews=entry.texts("reviews"),
        confounders=entry.texts("confounders"),
        citations=entry.texts("citations"),
        large_sets=entry.texts("large_sets"),
    )


def _gene_list(entry: Entry, mechanism: str) -> GeneList:
    entry.known(LIST_KEYS, ("name", "direction", "genes"))
    name = entry.text("name")
    if name == model.SIGNATURE or not _IDENTIFIER.fullmatch(name):
        entry.faults.add(
            f"`{name}` is no name for a list",
            where=entry.where,
            legal=f"small letters, digits and underscore; `{model.SIGNATURE}` is taken",
        )
    genes = entry.texts("genes")
    if not genes and "genes" in entry.raw:
        entry.faults.add("the list holds no gene", where=entry.where)
    return GeneList(
        mechanism=mechanism,
        name=name,
        direction=entry.text("direction", model.DIRECTIONS),  # type: ignore[arg-type]  # checked against the vocabulary
        genes=genes,
        kind=entry.text("kind", default="user"),
        **{key: entry.text(key) for key in ("source", "pmid", "licence", "checked", "checked_at", "note")},
    )


def _primary(entry: Entry) -> PrimaryLine:
    entry.known(PRIMARY_KEYS, ("nature", "cell_type", "direction"))
    margin = entry.raw.get("margin", 0.5)
    if not isinstance(margin, int | float) or isinstance(margin, bool) or not margin > 0:
        entry.faults.add(f"`margin` is {margin!r}", where=entry.where, legal="a number above 0")
        margin = 0.5
    return PrimaryLine(
        nature=entry.text("nature", model.NATURES),  # type: ignore[arg-type]  # checked against the vocabulary
        direction=entry.text("direction", _SIGNS),  # type: ignore[arg-type]  # checked against the vocabulary
        margin=float(margin),
        **{key: entry.text(key) for key in ("gene_list", "method", "cell_type", "antigen")},
    )


def _line(entry: Entry) -> EvidenceLine:
    entry.known(LINE_KEYS, ("nature", "direction", "note"))
    return EvidenceLine(
        nature=entry.text("nature", model.NATURES),  # type: ignore[arg-type]  # checked against the vocabulary
        direction=entry.text("direction", _SIGNS),  # type: ignore[arg-type]  # checked against the vocabulary
        **{key: entry.text(key) for key in ("mechanism", "gene_list", "method", "cell_type", "antigen", "note")},
    )
