"""The files of resources/ and a user's own in; the `Catalog` of mechanisms, lists, antigens and cell types out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ohmics import model
from ohmics._catalog_check import check_parts
from ohmics._catalog_load import load
from ohmics._catalog_text import primary_text
from ohmics.errors import OhmicsError, did_you_mean
from ohmics.io import write_text
from ohmics.model import Antigen, CellMarkers, DiseasePanel, EvidenceLine, GeneList, LineagePanel, Mechanism
from ohmics.shipped import shipped

PRIMARY_COLUMNS = ("mechanism", "nature", "gene_list", "method", "cell_type", "direction", "margin", "antigen")


def catalog(*paths: str | Path, resources: str | Path | None = None) -> Catalog:
    """Read the shipped mechanisms, then mechanisms and gene sets of the user's own.

    Parameters
    ----------
    *paths
        YAML files of mechanisms, files of gene lists (GMT, GRP, JSON, CSV, TSV), or folders, which are searched
        for YAML, GMT and GRP. A list keeps its own name as key.
    resources
        Another folder than the shipped ``resources``, laid out alike.

    Returns
    -------
    Catalog
        Genes of the user's lists that are no approved symbols are no error; they stand in ``.notes``.

    Raises
    ------
    OhmicsError
        With every fault of every file: unknown keys and words, unknown lists, genes and cell types, duplicate
        ids, a missing primary line.

    Examples
    --------
    >>> mechanisms = catalog()
    >>> mechanisms.mechanisms["cd19_loss"].compartment
    'tumour'
    """
    parts = load(Path(resources) if resources is not None else shipped("resources"), paths)
    check_parts(parts)
    parts.faults.raise_if_any()
    lists = {entry.key: entry for mechanism in parts.mechanisms.values() for entry in mechanism.gene_lists}
    signatures = {
        f"{mechanism.id}/{model.SIGNATURE}": (
            f"{mechanism.id}/{mechanism.recommended_up}",
            f"{mechanism.id}/{mechanism.recommended_down}",
        )
        for mechanism in parts.mechanisms.values()
        if mechanism.recommended_up and mechanism.recommended_down
    }
    return Catalog(
        mechanisms=parts.mechanisms,
        lists=lists | parts.user_lists,
        signatures=signatures,
        signed=parts.user_signed,
        large_sets=parts.large_sets,
        antigens=parts.antigens,
        markers=parts.markers,
        lineages=parts.lineages,
        lineage_rule=parts.lineage_rule,
        diseases=parts.diseases,
        effect_directions=parts.effect_directions,
        files=parts.files,
        notes=tuple(parts.notes),
    )


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """What is known of resistance mechanisms: their lists, lines, antigens, cell types and lineages.

    Parameters
    ----------
    mechanisms
        Mechanism id to `Mechanism`, in the order of compartment and id; the user's last.
    lists
        Key (``mechanism/list``, or the name of a user's list) to `GeneList`.
    signatures
        Key ``mechanism/signature`` to the keys of its up and its down list. A mechanism has a signature when
        it recommends both; with one recommended list that list is its default (see `default_list`).
    large_sets
        Name to published set, mostly over 60 genes. They are scored on request only.
    antigens, markers, lineages
        Antigens of antigens.tsv, cell types of cell_markers.tsv, lineage panels of lineages.yaml, by name.
    lineage_rule
        How the panels are read.
    diseases
        What malignant cells and their normal counterparts express, from malignant_panels.yaml, by disease.
    effect_directions
        Published directions a validation can check.
    files
        The mechanism and GMT files that were read, in reading order.
    notes
        Remarks on the user's files, as sentences.
    signed
        Name to up and down genes of the user's signed lists.
    """

    mechanisms: Mapping[str, Mechanism]
    lists: Mapping[str, GeneList]
    signatures: Mapping[str, tuple[str, str]]
    large_sets: Mapping[str, GeneList]
    antigens: Mapping[str, Antigen]
    markers: Mapping[str, CellMarkers]
    lineages: Mapping[str, LineagePanel]
    lineage_rule: Mapping[str, str] = field(default_factory=dict)
    diseases: Mapping[str, DiseasePanel] = field(default_factory=dict)
    effect_directions: tuple[Mapping[str, Any], ...] = ()
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    signed: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)

    @cached_property
    def gene_lists(self) -> dict[str, list[str] | dict[str, list[str]]]:
        """Every list and signature as `score` takes them: key to genes, or to ``{"up": [...], "down": [...]}``."""
        plain: dict[str, list[str] | dict[str, list[str]]] = {
            key: list(entry.genes) for key, entry in self.lists.items()
        }
        signed: dict[str, list[str] | dict[str, list[str]]] = {
            key: {"up": list(self.lists[up].genes), "down": list(self.lists[down].genes)}
            for key, (up, down) in self.signatures.items()
        }
        return plain | signed | {name: dict(sides) for name, sides in self.signed.items()}

    @cached_property
    def cell_types(self) -> frozenset[str]:
        """Cell types, the groups they stand in, and malignant, car_positive and bulk."""
        return frozenset(self.markers) | frozenset(self._children) | frozenset(model.SPECIAL_CELL_TYPES)

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        children: dict[str, list[str]] = {}
        for entry in self.markers.values():
            if entry.parent:
                children.setdefault(entry.parent, []).append(entry.cell_type)
        return children

    def descendants(self, cell_type: str) -> frozenset[str]:
        """Return a cell type or group with everything below it; itself included."""
        found, waiting = set(), [self._node(cell_type)]
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting += self._children.get(node, ())
        return frozenset(found)

    def ancestors(self, cell_type: str) -> tuple[str, ...]:
        """Return the parents of a cell type up to its group, nearest first; itself not included."""
        above: list[str] = []
        node = self._node(cell_type)
        while (entry := self.markers.get(node)) is not None and entry.parent:
            node = entry.parent
            above.append(node)
        return tuple(above)

    def _node(self, cell_type: str) -> str:
        if cell_type not in self.cell_types:
            guess = did_you_mean(cell_type, self.cell_types)
            raise OhmicsError(f"`{cell_type}` is no cell type of cell_markers.tsv" + (f"; {guess}" if guess else ""))
        return cell_type

    def mechanism(self, identifier: str) -> Mechanism:
        """Return the mechanism of that id."""
        if identifier not in self.mechanisms:
            guess = did_you_mean(identifier, self.mechanisms)
            raise OhmicsError(f"no mechanism `{identifier}`; {guess or 'see `ohmics catalog list`'}")
        return self.mechanisms[identifier]

    def default_list(self, identifier: str) -> str:
        """Return the key of a mechanism's default list: its signature, else its one recommended list, else empty."""
        mechanism = self.mechanism(identifier)
        signature = f"{identifier}/{model.SIGNATURE}"
        if signature in self.signatures:
            return signature
        name = mechanism.recommended_up or mechanism.recommended_down
        return f"{identifier}/{name}" if name else ""

    def select(
        self,
        *,
        tiers: Iterable[str] | None = None,
        therapy: str | Iterable[str] | None = None,
        compartments: Iterable[str] | None = None,
        mechanisms: Iterable[str] | None = None,
    ) -> Catalog:
        """Return a catalogue with the mechanisms that fit; None lets everything pass.

        The lists that the lines of a kept mechanism read stay too, also those of a mechanism that is left out: a
        rival explanation must be scored. The user's own lists always stay.

        Parameters
        ----------
        tiers
            core, additional, not_assessable.
        therapy
            car_t or ici, or several: a mechanism of any of them is kept.
        compartments
            car_t_product, t_cell, tumour, myeloid, stroma, systemic.
        mechanisms
            Mechanism ids.
        """
        therapies = (therapy,) if isinstance(therapy, str) else therapy
        wanted = (
            _legal(tiers, model.TIERS, "tier"),
            _legal(therapies, model.THERAPIES, "therapy"),
            _legal(compartments, model.COMPARTMENTS, "compartment"),
            _legal(mechanisms, tuple(self.mechanisms), "mechanism"),
        )
        kept = {
            entry.id: entry
            for entry in self.mechanisms.values()
            if all(
                choice is None or not choice.isdisjoint(values)
                for choice, values in zip(
                    wanted, ((entry.tier,), entry.therapies, (entry.compartment,), (entry.id,)), strict=True
                )
            )
        }
        keys = {gene_list.key for entry in kept.values() for gene_list in entry.gene_lists}
        keys |= {key for entry in kept.values() for key in line_keys(entry)}
        signatures = {
            key: halves for key, halves in self.signatures.items() if key in keys or key.split("/")[0] in kept
        }
        keys |= {half for halves in signatures.values() for half in halves}
        lists = {key: entry for key, entry in self.lists.items() if key in keys or not entry.mechanism}
        return replace(self, mechanisms=kept, lists=lists, signatures=signatures)

    def primary_lines(self, *, modality: str | None = None) -> pd.DataFrame:
        """Return the primary lines, one row a mechanism that has one.

        Parameters
        ----------
        modality
            ``bulk`` keeps the lines that bulk shows: expression lines of mechanisms with bulk in `score_on`, with
            cell type bulk. ``single_cell`` reads a line declared on bulk in the first other cell type of
            `score_on`, and leaves it out when there is none. None: as declared.

        Returns
        -------
        DataFrame
            Columns mechanism, nature (expression, composition, call, external), gene_list (full key, empty for
            other natures), method, cell_type, direction of the measured value when resistance operates, margin
            (between-patient sd of the change), antigen (of an antigen call; ``target``: the sample's own).
        """
        if modality is not None and modality not in model.MODALITIES:
            raise OhmicsError(f"`{modality}` is no modality; legal: {', '.join(model.MODALITIES)}")
        rows = []
        for entry in self.mechanisms.values():
            line = entry.primary_line
            if line is None:
                continue
            cell_type = line.cell_type
            if modality == "bulk":
                if line.nature not in model.READ_FROM_LISTS or "bulk" not in entry.score_on:
                    continue
                cell_type = "bulk"
            elif modality == "single_cell" and cell_type == "bulk":
                cell_type = next((other for other in entry.score_on if other != "bulk"), "")
                if not cell_type:
                    continue
            key = f"{entry.id}/{line.gene_list}" if line.gene_list else ""
            values = (entry.id, line.nature, key, line.method, cell_type, line.direction, line.margin, line.antigen)
            rows.append(dict(zip(PRIMARY_COLUMNS, values, strict=True)))
        return pd.DataFrame(rows, columns=list(PRIMARY_COLUMNS))

    def to_table(self) -> pd.DataFrame:
        """Return one row a mechanism: what it claims, where and how it is measured, and with which lists."""
        columns = ["mechanism", "name", "tier", "therapies", "compartment", "reviews", "measurement", "score_on",
                   "primary_line", "n_lists", "n_further_lines", "n_lines_against", "claim", "visible", "not_visible",
                   "not_assessable_reason"]  # fmt: skip
        rows = [
            (
                entry.id, entry.name, entry.tier, "|".join(entry.therapies), entry.compartment, "|".join(entry.reviews),
                "|".join(entry.measurement), "|".join(entry.score_on), primary_text(entry), len(entry.gene_lists),
                len(entry.further_lines), len(entry.lines_against), entry.claim, entry.visible, entry.not_visible,
                entry.not_assessable_reason,
            )
            for entry in self.mechanisms.values()
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=columns)

    def to_gmt(self, path: str | Path, *, large_sets: bool = False) -> None:
        """Write the lists as GMT: key, direction with source and licence, genes.

        Parameters
        ----------
        path
            File to write; it is replaced as a whole.
        large_sets
            Write the large published sets below the lists.
        """
        halves = [
            GeneList(mechanism="", name=f"{name}_{'UP' if side == 'up' else 'DN'}", direction="", genes=tuple(genes))
            for name, sides in self.signed.items()
            for side, genes in sides.items()
        ]
        entries = [*self.lists.values(), *halves, *(self.large_sets.values() if large_sets else ())]
        write_text("".join(f"{line}\n" for line in _gmt_lines(entries)), path)


def line_keys(mechanism: Mechanism) -> Iterator[str]:
    """Yield the keys of the lists that a mechanism's primary, further and contrary lines read."""
    lines: tuple[EvidenceLine, ...] = (*mechanism.further_lines, *mechanism.lines_against)
    if mechanism.primary_line is not None and mechanism.primary_line.gene_list:
        yield f"{mechanism.id}/{mechanism.primary_line.gene_list}"
    for line in lines:
        if line.gene_list:
            yield f"{line.mechanism or mechanism.id}/{line.gene_list}"


def _legal(choice: Iterable[str] | None, legal: tuple[str, ...], what: str) -> frozenset[str] | None:
    if choice is None:
        return None
    chosen = [choice] if isinstance(choice, str) else list(choice)
    for word in chosen:
        if word not in legal:
            hint = did_you_mean(word, legal) or f"legal: {', '.join(legal[:8])}"
            raise OhmicsError(f"`{word}` is no {what}; {hint}")
    return frozenset(chosen)


def _gmt_lines(entries: Iterable[GeneList]) -> Iterator[str]:
    for entry in entries:
        about = [f"direction: {entry.direction}" if entry.direction else "", entry.source, entry.licence]
        description = " | ".join(" ".join(part.split()) for part in about if part)
        yield "\t".join([entry.key, description or "-", *entry.genes])
