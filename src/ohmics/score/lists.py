"""Gene lists by name and the genes of the data come in; indices, coverage and what is missing go out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics.errors import Faults, listing
from ohmics.score.id_kinds import why_all_missing

IndexArray = npt.NDArray[np.int64]
SIDES = ("up", "down")


@dataclass(frozen=True, slots=True)
class ResolvedList:
    """One gene list against one data set.

    ``up`` and ``down`` are positions in the data's genes, sorted by gene name, so that neither the
    order of the list nor that of the data matters. ``down`` is empty for an unsigned list. ``why_missing`` says, of
    a list none of whose genes is in the data, whether the names are of another kind.
    """

    key: str
    up: IndexArray
    down: IndexArray
    n_genes: int
    n_up: int
    missing: tuple[str, ...]
    by_alias: tuple[str, ...]
    sides: tuple[str, ...]
    why_missing: str = ""

    @property
    def n_present(self) -> int:
        """Genes of the list that the data hold."""
        return self.n_genes - len(self.missing)

    @property
    def coverage(self) -> float:
        """Share of the list's genes that the data hold."""
        return self.n_present / self.n_genes if self.n_genes else 0.0

    @property
    def mechanism(self) -> str:
        """The mechanism of ``mechanism/list``; empty for a user's own list."""
        return self.key.split("/", 1)[0] if "/" in self.key else ""

    def coverage_row(self, sample: str) -> dict[str, Any]:
        """Return the list's row of COVERAGE."""
        return {
            "sample": sample,
            "gene_list": self.key,
            "n_genes": self.n_genes,
            "n_present": self.n_present,
            "coverage": self.coverage,
            "missing": "|".join(self.missing),
            "by_alias": "|".join(self.by_alias),
        }

    def refusal(self, min_coverage: float) -> str:
        """Return why the list is not scored, or an empty string."""
        absent = f"missing: {listing(self.missing)}"
        if self.n_present == 0:
            return f"{self.why_missing}: {listing(self.missing)}"
        if self.coverage < min_coverage:
            share = f"{self.n_present} of {self.n_genes} genes ({self.coverage:.0%}) are in the data"
            return f"{share}, at least {min_coverage:.0%} are needed; {absent}"
        for side in self.sides:
            if not len(self.up if side == "up" else self.down):
                return f"none of the list's {side} genes is in the data; {absent}"
        return ""


def resolve_lists(
    gene_lists: Any, genes: pd.Index, *, aliases: Mapping[str, str] | None = None
) -> dict[str, ResolvedList]:
    """Return every list against the data's genes; unknown names are no error.

    Parameters
    ----------
    gene_lists
        ``{name: [genes]}``, ``{name: {"up": [...], "down": [...]}}``, or a catalogue with ``gene_lists``.
    genes
        Names of the data's genes.
    aliases
        Other name of a gene -> approved symbol. Names match exactly first and by alias second (a
        list's alias to the data's symbol, and the reverse).

    Raises
    ------
    OhmicsError
        When a list is not a list of names, has another side than up and down, or is empty.
    """
    sides = _check(getattr(gene_lists, "gene_lists", gene_lists))
    position = {name: place for place, name in enumerate(genes)}
    reached = _reached(position, aliases or {})
    return {key: _resolve(key, lists, position, reached) for key, lists in sides.items()}


def _reached(position: Mapping[str, int], aliases: Mapping[str, str]) -> dict[str, str]:
    """Return other name -> name in the data, for names the data lack; an ambiguous one reaches nothing."""
    found: dict[str, str] = {}
    ambiguous: set[str] = set()
    for alias, approved in aliases.items():
        for name, other in ((alias, approved), (approved, alias)):
            if name not in position and other in position and found.setdefault(name, other) != other:
                ambiguous.add(name)
    return {name: other for name, other in found.items() if name not in ambiguous}


def _resolve(
    key: str, lists: Mapping[str, list[str]], position: Mapping[str, int], reached: Mapping[str, str]
) -> ResolvedList:
    chosen: dict[str, IndexArray] = {side: np.zeros(0, dtype=np.int64) for side in SIDES}
    missing: list[str] = []
    by_alias: list[str] = []
    total = n_up = 0
    for side, names in lists.items():
        hits: set[str] = set()
        for name in names:
            target = name if name in position else reached.get(name)
            if target is None:
                missing.append(name)
            elif target in hits:
                continue  # two names of one gene count once
            elif target != name:
                by_alias.append(f"{name}>{target}")
            if target is not None:
                hits.add(target)
            total += 1
            n_up += side == "up"
        chosen[side] = np.array([position[name] for name in sorted(hits)], dtype=np.int64)
    why = why_all_missing(missing, position) if len(missing) == total else ""
    counted = (total, n_up, tuple(missing), tuple(by_alias), tuple(lists))
    return ResolvedList(key, chosen["up"], chosen["down"], *counted, why_missing=why)


def _check(gene_lists: Any) -> dict[str, dict[str, list[str]]]:
    """Return ``{key: {side: names, sorted and unique}}``, or raise with every fault."""
    faults = Faults()
    if not isinstance(gene_lists, Mapping):
        faults.add(f"gene lists are {type(gene_lists).__name__}", legal="{name: [genes]} or a catalogue")
        faults.raise_if_any()
    result: dict[str, dict[str, list[str]]] = {}
    for key, value in gene_lists.items():
        given = value if isinstance(value, Mapping) else {"up": value}
        wrong = [str(side) for side in given if side not in SIDES]
        if wrong:
            faults.add(f"unknown side {listing(wrong)}", where=f"gene list `{key}`", legal="up, down")
        names = {side: _names(given[side], str(key), faults) for side in SIDES if side in given}
        names = {side: found for side, found in names.items() if found}
        if not wrong and not names:
            faults.add("the list is empty", where=f"gene list `{key}`", legal="at least one gene")
        result[str(key)] = names
    faults.raise_if_any()
    return result


def _names(value: Any, key: str, faults: Faults) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        faults.add(f"genes are {type(value).__name__}", where=f"gene list `{key}`", legal="a list of gene names")
        return []
    return sorted({str(name) for name in value})
