"""The catalogue comes in; one page a mechanism and one a compartment go out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from markdown import code, facts, plain, sentence, table, toctree

from ohmics.catalog import Catalog
from ohmics.model import COMPARTMENTS, EvidenceLine, GeneList, Mechanism, PrimaryLine

COMPARTMENT_NAMES = {
    "car_t_product": "CAR T product",
    "t_cell": "T cells",
    "tumour": "Tumour",
    "myeloid": "Myeloid cells",
    "stroma": "Stroma",
    "systemic": "Systemic",
}
_THERAPIES = {"car_t": "CAR T cells", "ici": "immune checkpoint inhibitors"}
_TIERS = {
    "core": "core: in every report",
    "additional": "additional: on request",
    "not_assessable": "not assessable from expression: the report says why",
}
_EMPTY = "–"


def pages(catalog: Catalog) -> dict[str, str]:
    """Return the pages by their name below ``catalogue/``."""
    by_compartment = {
        name: [one for one in catalog.mechanisms.values() if one.compartment == name] for name in COMPARTMENTS
    }
    made = {"index": _index(catalog, by_compartment), "not_visible": _not_visible(by_compartment)}
    for name, mechanisms in by_compartment.items():
        made[name] = _compartment(name, mechanisms)
        made |= {f"{name}/{one.id}": _mechanism(one, catalog) for one in mechanisms}
    return made


def _index(catalog: Catalog, by_compartment: Mapping[str, list[Mechanism]]) -> str:
    rows = []
    for name, mechanisms in by_compartment.items():
        tiers = [sum(one.tier == tier for one in mechanisms) for tier in _TIERS]
        lists = sum(len(one.gene_lists) for one in mechanisms)
        rows.append([f"[{COMPARTMENT_NAMES[name]}]({name}.md)", *map(str, [len(mechanisms), *tiers, lists])])
    heads = ["compartment", "mechanisms", "core", "additional", "not assessable", "gene lists"]
    return "\n\n".join(
        [
            "# The catalogue of mechanisms",
            f"The {len(catalog.mechanisms)} ways of resisting that ohmics looks for, by the compartment that resists. "
            "Each page holds the claim, the one line a verdict rests on (declared before any data are seen), what "
            "argues against it, what expression shows and cannot show, and every gene list with its source.",
            table(heads, rows),
            "A page is made from the mechanism's file in `resources/mechanisms`; "
            "[](../../howto/add_a_mechanism.md) says how to write one.",
            toctree([*by_compartment, "not_visible"], hidden=True),
        ]
    )


def _not_visible(by_compartment: Mapping[str, list[Mechanism]]) -> str:
    parts = [
        "# What expression cannot show, by mechanism",
        "From the same files as the catalogue. In bold: mechanisms that no expression data decide at all.",
    ]
    for name, mechanisms in by_compartment.items():
        rows = []
        for one in mechanisms:
            link = f"[{plain(one.name)}]({name}/{one.id}.md)"
            reason = f" {sentence(one.not_assessable_reason)}" if one.not_assessable_reason else ""
            bold = f"**{link}**" if one.tier == "not_assessable" else link
            rows.append([bold, (sentence(one.not_visible) + reason).strip() or _EMPTY])
        parts += [f"## {COMPARTMENT_NAMES[name]}", table(["mechanism", "cannot show"], rows)]
    return "\n\n".join(parts)


def _compartment(name: str, mechanisms: Iterable[Mechanism]) -> str:
    found = list(mechanisms)
    rows = [
        [f"[{plain(one.name)}]({name}/{one.id}.md)", _therapies(one), _TIERS[one.tier].split(":")[0], plain(one.claim)]
        for one in found
    ]
    return "\n\n".join(
        [
            f"# {COMPARTMENT_NAMES[name]}",
            table(["mechanism", "therapies", "tier", "claim"], rows),
            toctree([f"{name}/{one.id}" for one in found], hidden=True),
        ]
    )


def _therapies(mechanism: Mechanism) -> str:
    return ", ".join(_THERAPIES[one] for one in mechanism.therapies)


def _mechanism(one: Mechanism, catalog: Catalog) -> str:
    told = [
        ("identifier", code(one.id)),
        ("therapies", _therapies(one)),
        ("compartment", f"[{COMPARTMENT_NAMES[one.compartment]}](../{one.compartment}.md)"),
        ("tier", _TIERS[one.tier]),
        ("measured as", plain(", ".join(word.replace("_", " ") for word in one.measurement))),
        ("read in", plain(", ".join(word.replace("_", " ") for word in one.score_on)) or _EMPTY),
        ("observed at", sentence(one.observed_at) or _EMPTY),
    ]
    parts = [f"# {plain(one.name)}", f"**{plain(one.claim)}**", facts(told)]
    parts += ["## What expression shows, and what it cannot"]
    parts += [f"Shows: {sentence(one.visible) or _EMPTY}", f"Cannot show: {sentence(one.not_visible) or _EMPTY}"]
    if one.not_assessable_reason:
        parts += [":::{important}", sentence(one.not_assessable_reason), ":::"]
    parts += ["## The line the verdict rests on", _primary(one.primary_line)]
    parts += _lines("Further lines", one.further_lines, one.id)
    parts += _lines("Lines against", one.lines_against, one.id)
    parts += _bullets("What else moves the same genes", one.confounders)
    parts += _gene_lists(one, catalog)
    parts += _bullets("Published directions", [f"{key}: {value}" for key, value in one.expected.items()])
    parts += _bullets("Sources", one.citations)
    return "\n\n".join(parts)


def _primary(line: PrimaryLine | None) -> str:
    if line is None:
        return "None: nothing in an expression data set decides this mechanism."
    words = [f"{line.nature}: {_what(line)}"]
    if line.nature == "expression":
        words.append(f"method {code(line.method)}")
    words.append(f"resistance moves it **{line.direction}**")
    if line.nature in ("expression", "association", "composition"):
        words.append(f"margin {line.margin:g} between-patient sd of the change")
    return "; ".join(words) + "."


def _what(line: PrimaryLine | EvidenceLine) -> str:
    cells = f" in {plain(line.cell_type)}" if line.cell_type else ""
    if line.nature == "call":
        antigen = f" of {'the target antigen' if line.antigen == 'target' else plain(line.antigen)}"
        return f"the {plain(line.method.replace('_', ' '))} call{antigen if line.antigen else ''}"
    if line.nature == "composition":
        return f"the share of {plain(line.cell_type)}"
    if not line.gene_list:
        return f"a column of the sample sheet{cells}" if line.nature == "external" else plain(line.cell_type)
    return f"{code(line.gene_list)}{cells}"


def _lines(title: str, lines: Iterable[EvidenceLine], own: str) -> list[str]:
    rows = []
    for line in lines:
        mechanism = line.mechanism if line.mechanism not in ("", own) else ""
        what = _what(line) + (f", list of {code(mechanism)}" if mechanism else "")
        rows.append([line.nature, what, line.direction, sentence(line.note)])
    return [f"## {title}", table(["nature", "what", "direction", "why"], rows)] if rows else []


def _bullets(title: str, words: Iterable[str]) -> list[str]:
    found = [f"- {sentence(one)}" for one in words]
    return [f"## {title}", "\n".join(found)] if found else []


def _gene_lists(one: Mechanism, catalog: Catalog) -> list[str]:
    parts = ["## Gene lists"] if one.gene_lists or one.large_sets else []
    if one.recommended_up and one.recommended_down:
        parts += [
            f"`{one.id}/signature` is {code(one.recommended_up)} minus {code(one.recommended_down)}. "
            "Lists are alternatives and are never pooled."
        ]
    for entry in one.gene_lists:
        parts += _gene_list(entry, one)
    for name in one.large_sets:
        count = len(catalog.large_sets[name].genes)
        parts.append(f"On request, with {count} genes: {code(name)} ({sentence(catalog.large_sets[name].source)}).")
    return parts


def _gene_list(entry: GeneList, one: Mechanism) -> list[str]:
    default = entry.name in (one.recommended_up, one.recommended_down)
    pmid = [f"PMID {number}" for number in entry.pmid.replace(";", ",").split(",") if number.strip().isdigit()]
    told = [
        ("direction", entry.direction + (", recommended" if default else "")),
        ("kind", plain(entry.kind.replace("_", " "))),
        ("source", sentence("; ".join([entry.source, *(" ".join(one.split()) for one in pmid)]))),
        ("licence", sentence(entry.licence) or _EMPTY),
        ("checked", sentence(f"{entry.checked} {entry.checked_at}") if entry.checked else _EMPTY),
        *([("note", sentence(entry.note))] if entry.note else []),
    ]
    genes = ", ".join(f"*{plain(gene)}*" for gene in entry.genes)
    count = f"{len(entry.genes)} gene" + ("s" if len(entry.genes) > 1 else "")
    return [f"### {plain(entry.name)}", f"{count}: {genes}", facts(told)]
