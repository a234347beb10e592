"""The parts of a catalogue in; every contradiction between them out: lists, lines, cell types, genes, antigens."""

from __future__ import annotations

from collections.abc import Iterable

from ohmics import model
from ohmics._catalog_load import Parts
from ohmics.errors import did_you_mean, listing
from ohmics.model import EvidenceLine, GeneList, Mechanism, PrimaryLine

_EXPRESSION = ("score", "ratio", "single_gene")
_CALLS_OF_ANTIGENS = ("antigen",)


def check_parts(parts: Parts) -> None:
    """Add the faults between the parts to ``parts.faults``, and remarks on the user's files to ``parts.notes``."""
    nodes = cell_type_nodes(parts)
    _check_markers(parts)
    _check_genes(parts)
    for mechanism in parts.mechanisms.values():
        _Check(parts, mechanism, nodes).run()
    known = set(parts.mechanisms)
    for entry in parts.effect_directions:
        for identifier in entry.get("mechanisms", ()):
            if identifier not in known:
                parts.faults.add(f"no mechanism `{identifier}`", where=f"effect_directions.yaml, {entry.get('paper')}")


def cell_type_nodes(parts: Parts) -> frozenset[str]:
    """Return every word `score_on` may hold: cell types, the groups they stand in, malignant, car_positive, bulk."""
    groups = {entry.parent for entry in parts.markers.values() if entry.parent}
    return frozenset(parts.markers) | groups | frozenset(model.SPECIAL_CELL_TYPES)


def _check_markers(parts: Parts) -> None:
    for name, entry in parts.markers.items():
        seen = [name]
        while entry.parent in parts.markers:
            if entry.parent in seen:
                chain = " > ".join([*seen, entry.parent])
                parts.faults.add(f"the parents of `{name}` form a circle: {chain}", where="cell_markers.tsv")
                break
            seen.append(entry.parent)
            entry = parts.markers[entry.parent]
        if not parts.markers[name].positive:
            parts.faults.add(f"the cell type `{name}` has no positive marker", where="cell_markers.tsv")


def _check_genes(parts: Parts) -> None:
    def shipped(genes: Iterable[str], where: str) -> None:
        unknown = [gene for gene in genes if gene not in parts.symbols]
        if unknown:
            parts.faults.add(f"unknown genes: {listing(unknown)}", where=where, remedy="use the approved symbol")

    def mine(genes: Iterable[str], where: str) -> None:
        unknown = [gene for gene in genes if gene not in parts.symbols]
        if unknown:
            parts.notes.append(f"{where}: {len(unknown)} genes are no approved symbols: {listing(unknown)}.")

    for name, marker in parts.markers.items():
        shipped((*marker.positive, *marker.negative), f"cell_markers.tsv, {name}")
    for name, antigen in parts.antigens.items():
        if not antigen.genes:
            parts.faults.add(f"the antigen `{name}` has no gene", where="antigens.tsv")
        shipped((*antigen.genes, *antigen.alternatives), f"antigens.tsv, {name}")
    for name, panel in parts.lineages.items():
        shipped(panel.genes, f"lineages.yaml, {name}")
    for name, disease in parts.diseases.items():
        shipped(disease.genes, f"malignant_panels.yaml, {name}")
    for mechanism in parts.mechanisms.values():
        judge = shipped if mechanism.id in parts.shipped else mine
        for gene_list in mechanism.gene_lists:
            judge(gene_list.genes, f"{parts.places[mechanism.id]}, list `{gene_list.name}`")
    for gene_list in parts.user_lists.values():
        mine(gene_list.genes, f"list `{gene_list.name}` ({gene_list.source})")
    for name, sides in parts.user_signed.items():
        mine(tuple(gene for genes in sides.values() for gene in genes), f"list `{name}`")
    for gene_list in parts.large_sets.values():
        # Published sets hold micro-RNAs and retired names that no reference carries; they count as missing genes.
        if not any(gene in parts.symbols for gene in gene_list.genes):
            parts.faults.add("no gene of the set is known", where=f"large_sets.gmt, {gene_list.name}")


class _Check:
    """Checks of one mechanism against everything else."""

    def __init__(self, parts: Parts, mechanism: Mechanism, nodes: frozenset[str]) -> None:
        self.parts, self.mechanism, self.nodes = parts, mechanism, nodes
        self.where = parts.places[mechanism.id]
        self.lists = {entry.name: entry for entry in mechanism.gene_lists}

    def fault(self, what: str, *, legal: str = "", remedy: str = "") -> None:
        self.parts.faults.add(what, where=self.where, legal=legal, remedy=remedy)

    def run(self) -> None:
        mechanism = self.mechanism
        if len(self.lists) < len(mechanism.gene_lists):
            names = [entry.name for entry in mechanism.gene_lists]
            self.fault(f"list names stand twice: {listing(sorted({n for n in names if names.count(n) > 1}))}")
        for key in ("therapies", "measurement"):
            if not getattr(mechanism, key):
                self.fault(f"`{key}` is empty", remedy="name at least one")
        for name in mechanism.score_on:
            self.cell_type(name, "score_on")
        for direction in ("up", "down"):
            self.recommended(direction)
        for name in mechanism.large_sets:
            if name not in self.parts.large_sets:
                self.fault(f"no large set `{name}`", remedy=did_you_mean(name, self.parts.large_sets))
        self.assessable()
        if mechanism.primary_line is not None:
            self.primary(mechanism.primary_line)
        for line in mechanism.further_lines:
            self.line(line, "further_lines")
        for line in mechanism.lines_against:
            self.line(line, "lines_against")

    def cell_type(self, name: str, key: str) -> None:
        if name not in self.nodes:
            self.fault(
                f"`{name}` in `{key}` is no cell type",
                legal="a cell type or group of cell_markers.tsv, malignant, car_positive, bulk",
                remedy=did_you_mean(name, self.nodes),
            )

    def recommended(self, direction: str) -> None:
        name = str(getattr(self.mechanism, f"recommended_{direction}"))
        if not name:
            return
        if name not in self.lists:
            self.fault(f"recommended {direction}: no list `{name}`", remedy=did_you_mean(name, self.lists))
        elif self.lists[name].direction != direction:
            self.fault(f"recommended {direction}: the list `{name}` has direction {self.lists[name].direction}")

    def assessable(self) -> None:
        mechanism, line = self.mechanism, self.mechanism.primary_line
        if mechanism.tier == "not_assessable":
            if line is not None:
                self.fault("a mechanism that is not assessable has a primary line", remedy="delete one of the two")
        elif line is None:
            self.fault("the primary line is missing", remedy="declare `primary_line`, or tier not_assessable")
        elif not mechanism.score_on:
            self.fault("`score_on` is empty", remedy="name the cells that are measured")
        if mechanism.tier != "not_assessable" and not mechanism.lines_against:
            self.fault("no line against", remedy="name at least one rival explanation in `lines_against`")
        unseen = mechanism.tier == "not_assessable" or (line is not None and line.nature == "external")
        if unseen and not mechanism.not_assessable_reason:
            self.fault("`not_assessable_reason` is missing", remedy="say why expression cannot show it")
        if mechanism.not_assessable_reason and not unseen:
            self.fault("`not_assessable_reason` is given for a mechanism that expression shows")

    def primary(self, line: PrimaryLine) -> None:
        place = "primary_line"
        self.cell_type(line.cell_type, place)
        fits = _EXPRESSION if line.nature in model.READ_FROM_LISTS else (line.nature,)
        if line.nature in model.NATURES and not set(fits) & set(self.mechanism.measurement):
            self.fault(f"{place}: nature {line.nature} is not in `measurement`", legal=", ".join(fits))
        self.call(line, place)
        if line.nature not in model.READ_FROM_LISTS:
            if line.gene_list:
                self.fault(f"{place}: nature {line.nature} reads no gene list", remedy="delete `gene_list`")
            return
        if line.cell_type not in self.mechanism.score_on:
            self.fault(f"{place}: `{line.cell_type}` is not in `score_on`", legal=", ".join(self.mechanism.score_on))
        if not line.method:
            self.fault(f"{place}: `method` is missing", remedy="name a scoring method, for example ucell")
        found = self.find(self.mechanism, line.gene_list, place)
        if found is not None and found.direction != line.direction:
            self.fault(
                f"{place}: the list `{found.name}` has direction {found.direction}, the line says {line.direction}",
                remedy="the score of an `up` list rises with resistance, that of a `down` list falls",
            )

    def line(self, line: EvidenceLine, place: str) -> None:
        if line.cell_type or line.nature in (*model.READ_FROM_LISTS, "composition"):
            self.cell_type(line.cell_type, place)
        if not line.note:
            self.fault(f"{place}: a line has an empty `note`", remedy="say what the line shows")
        self.call(line, place)
        target: Mechanism | None = self.mechanism
        if line.mechanism:
            target = self.parts.mechanisms.get(line.mechanism)
            if target is None:
                remedy = did_you_mean(line.mechanism, self.parts.mechanisms)
                self.fault(f"{place}: no mechanism `{line.mechanism}`", remedy=remedy)
        if line.nature in model.READ_FROM_LISTS and target is not None:
            self.find(target, line.gene_list, place)
        elif line.nature not in model.READ_FROM_LISTS and line.gene_list:
            self.fault(f"{place}: nature {line.nature} reads no gene list", remedy="delete `gene_list`")

    def call(self, line: PrimaryLine | EvidenceLine, place: str) -> None:
        if line.nature != "call":
            if line.antigen:
                self.fault(f"{place}: only a call of an antigen reads `antigen`")
            return
        if line.method not in model.CALLS:
            self.fault(
                f"{place}: `{line.method}` is no call",
                legal=", ".join(model.CALLS),
                remedy=did_you_mean(line.method, model.CALLS),
            )
        legal = (*self.parts.antigens, model.ANTIGEN_OF_THE_SAMPLE)
        if line.method in _CALLS_OF_ANTIGENS and line.antigen not in legal:
            self.fault(
                f"{place}: `{line.antigen}` is no antigen",
                legal="an antigen of antigens.tsv, or target for the sample's own",
                remedy=did_you_mean(line.antigen, legal),
            )

    def find(self, mechanism: Mechanism, name: str, place: str) -> GeneList | None:
        """Return the list of that name; None for a signature, or with a fault when there is none."""
        lists = {entry.name: entry for entry in mechanism.gene_lists}
        if name == model.SIGNATURE:
            if not (mechanism.recommended_up and mechanism.recommended_down):
                self.fault(
                    f"{place}: `{mechanism.id}` has no signature",
                    remedy="recommend an up and a down list, or name a list",
                )
            return None
        if name not in lists:
            remedy = did_you_mean(name, [*lists, model.SIGNATURE])
            self.fault(f"{place}: `{mechanism.id}` has no list `{name}`", legal=", ".join(lists), remedy=remedy)
            return None
        return lists[name]
