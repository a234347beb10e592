"""`ohmics catalog`: list, show, export or check the mechanism catalogue."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ohmics import model
from ohmics._catalog_text import line_text, primary_text
from ohmics.catalog import Catalog, catalog
from ohmics.errors import Faults
from ohmics.intake.list_files import list_file_faults
from ohmics.model import Mechanism

_WIDTH = 110


def add_parser(commands: Any) -> None:
    """Add the verb with its four actions."""
    verb = commands.add_parser("catalog", help="list, show, export or check the mechanism catalogue")
    actions = verb.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="one line a mechanism")
    listing.add_argument("--tier", choices=model.TIERS, action="append", help="only this tier (may be repeated)")
    listing.add_argument("--therapy", choices=model.THERAPIES, help="only mechanisms of this therapy")
    listing.add_argument("--compartment", choices=model.COMPARTMENTS, action="append", help="only this compartment")
    listing.set_defaults(func=run, action=_list)
    show = actions.add_parser("show", help="all that is known of one mechanism")
    show.add_argument("id", help="id of the mechanism, as `list` prints it")
    show.set_defaults(func=run, action=_show)
    export = actions.add_parser("export", help="write the gene lists to a file")
    export.add_argument("--gmt", type=Path, required=True, metavar="PATH", help="GMT file to write")
    export.add_argument("--large-sets", action="store_true", help="add the large published sets")
    export.set_defaults(func=run, action=_export)
    check = actions.add_parser("check", help="check the shipped files, and files or folders of your own")
    check.add_argument("files", nargs="*", type=Path, metavar="PATH", help="mechanism YAML, GMT, or a folder of them")
    check.set_defaults(func=run, action=_check)
    for action in (listing, show, export):
        action.add_argument(
            "--with", dest="files", type=Path, nargs="+", default=[], metavar="PATH", help="your own files or folders"
        )


def run(arguments: argparse.Namespace) -> int:
    """Read the catalogue and run the action on it."""
    faults = Faults()
    faults.extend(list_file_faults(arguments.files))
    faults.raise_if_any()
    return int(arguments.action(catalog(*arguments.files), arguments))


def _list(mechanisms: Catalog, arguments: argparse.Namespace) -> int:
    chosen = mechanisms.select(tiers=arguments.tier, therapy=arguments.therapy, compartments=arguments.compartment)
    if not chosen.mechanisms:
        print("No mechanism fits.")
        return 0
    rows = [
        (entry.id, entry.tier, ", ".join(entry.therapies), entry.compartment, primary_text(entry))
        for entry in chosen.mechanisms.values()
    ]
    print("\n".join(columns(("MECHANISM", "TIER", "THERAPIES", "COMPARTMENT", "PRIMARY LINE"), rows)))
    print(f"\n{len(rows)} mechanisms. `ohmics catalog show MECHANISM` says more.")
    return 0


def _show(mechanisms: Catalog, arguments: argparse.Namespace) -> int:
    print("\n".join(describe(mechanisms.mechanism(arguments.id), mechanisms)))
    return 0


def _export(mechanisms: Catalog, arguments: argparse.Namespace) -> int:
    mechanisms.to_gmt(arguments.gmt, large_sets=arguments.large_sets)
    n_sets = len(mechanisms.lists) + (len(mechanisms.large_sets) if arguments.large_sets else 0)
    print(f"{arguments.gmt}: {n_sets} gene lists; the direction stands in the second field.")
    return 0


def _check(mechanisms: Catalog, _arguments: argparse.Namespace) -> int:
    mine = [entry for entry in mechanisms.lists.values() if not entry.mechanism]
    for note in mechanisms.notes:
        print(f"note: {note}", file=sys.stderr)
    print(
        f"{len(mechanisms.mechanisms)} mechanisms, {len(mechanisms.lists)} gene lists"
        + (f" ({len(mine)} of them your own)" if mine else "")
        + f", {len(mechanisms.antigens)} antigens, {len(mechanisms.markers)} cell types: no fault."
    )
    return 0


def columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return rows as lines with aligned columns; the last column is not padded."""
    table = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(row[number]) for row in table) for number in range(len(header))]
    widths[-1] = 0
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def describe(mechanism: Mechanism, mechanisms: Catalog) -> Iterator[str]:
    """Yield the lines of a mechanism's description, wrapped to 110 characters."""
    yield f"{mechanism.name} ({mechanism.id})"
    therapies, reviews = ", ".join(mechanism.therapies), ", ".join(mechanism.reviews) or "none"
    yield f"{mechanism.compartment} · {therapies} · {mechanism.tier} · reviews: {reviews}"
    yield ""
    yield from _wrapped(mechanism.claim)
    yield from _block("Expression shows", [mechanism.visible])
    yield from _block("Expression cannot show", [mechanism.not_visible])
    yield from _block("Not assessable because", [mechanism.not_assessable_reason])
    yield from _block("Observed at", [mechanism.observed_at])
    yield from _block("Measured as", [f"{', '.join(mechanism.measurement)}; on {', '.join(mechanism.score_on)}"])
    yield from _block("Primary line", [_with_margin(mechanism)])
    yield from _block("Further lines", [line_text(line, mechanism) for line in mechanism.further_lines])
    yield from _block("Lines against", [line_text(line, mechanism) for line in mechanism.lines_against])
    yield from _gene_lists(mechanism, mechanisms)
    yield from _block("Large sets", [", ".join(mechanism.large_sets)])
    yield from _block("Confounders", mechanism.confounders)
    yield from _block("Expected", [f"{when.replace('_', ' ')}: {what}" for when, what in mechanism.expected.items()])
    yield from _block("Citations", mechanism.citations)
    yield from _block("Notes", [f"{about.replace('_', ' ')}: {text}" for about, text in mechanism.note.items()])


def _with_margin(mechanism: Mechanism) -> str:
    line = mechanism.primary_line
    text = primary_text(mechanism)
    if line is None or line.nature in ("call", "association", "external"):
        return text
    return f"{text}; a change within {line.margin:g} between-patient sd counts as no relevant change"


def _gene_lists(mechanism: Mechanism, mechanisms: Catalog) -> Iterator[str]:
    if not mechanism.gene_lists:
        return
    yield "\nGene lists (alternatives, never pooled)"
    default = mechanisms.default_list(mechanism.id)
    if default:
        yield f"  default: {default}"
    for entry in mechanism.gene_lists:
        n_genes = len(entry.genes)
        yield f"  {entry.name} · {entry.direction} · {n_genes} gene{'' if n_genes == 1 else 's'} · {entry.kind}"
        pmid = f" (PMID {entry.pmid})" if entry.pmid else ""
        yield from _wrapped(f"{entry.source}{pmid}; licence: {entry.licence}; checked: {entry.checked}", "      ")
        yield from _wrapped(", ".join(entry.genes), "      ")


def _block(title: str, texts: Sequence[str]) -> Iterator[str]:
    given = [text for text in texts if text]
    if given:
        yield f"\n{title}"
    for text in given:
        yield from _wrapped(text, "  - " if len(texts) > 1 else "  ")


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent), break_on_hyphens=False
    )
