"""`ohmics share`: a results folder comes in; reports, figures, tables and exports that can be handed on go out."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import io
import os
import re
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ohmics.cli import export, figures, report
from ohmics.cli.manifest import stages
from ohmics.cli.verify import tables_in
from ohmics.errors import Fault, OhmicsError, listing
from ohmics.export.run_tables import read_config
from ohmics.io import read_table, write_folder, write_table
from ohmics.manifest import NAME, inputs_of, make_manifest
from ohmics.run_lock import hold_folder
from ohmics.sharing.folder import Sheet, copy_counts, copy_tables, ids_of, sheet_columns
from ohmics.sharing.ids import Renamer, hard_to_find, new_names
from ohmics.sharing.keys import new_key, read_key, table_of, write_key
from ohmics.sharing.search import files_in, hits
from ohmics.shipped import shipped
from ohmics.tables import MANIFEST, SAMPLES

_LEFT_IN_RESULTS = ("samples", "counts")
"""Folders with parts of single samples; the exports hold what others can use of them."""
_PLAIN_NAMES = {"root", "user", "admin", "localhost", "ubuntu", "home", "host", "server", "node", "login"}
_ROW_ENDINGS = (".tsv", ".gmt")
_TEXT_ENDINGS = (".yaml", *_ROW_ENDINGS)
_MOST_TOLD = 20


def add_parser(commands: Any) -> None:
    """Add the verb."""
    text = (
        "Make a copy of a results folder that can be handed on: no path, user or host name in it, and with "
        "--pseudonymise no id of a patient or sample. Pages, figures and exports are made again from the renamed "
        "tables, then every file is searched; nothing is left where an id is found."
    )
    parser = commands.add_parser("share", help="make a copy of the results that can be handed on", description=text)
    parser.add_argument("results", metavar="RESULTS", type=Path, help="the results folder of a finished run")
    parser.add_argument("--out", type=Path, required=True, help="the folder to make; it may not exist yet")
    parser.add_argument(
        "--pseudonymise", action="store_true", help="replace the ids of patients and samples by names made with a key"
    )
    parser.add_argument(
        "--key", type=Path, help="file of the key, made where there is none (default OUT.key, beside the folder)"
    )
    parser.add_argument(
        "--also", action="append", default=[], metavar="COLUMN", help="a further column of the sheet that holds ids"
    )
    parser.add_argument(
        "--keep", action="append", default=[], metavar="COLUMN",
        help="a column of the sheet that no analysis names; such columns are left out otherwise",
    )  # fmt: skip
    parser.add_argument(
        "--not-searched",
        action="append",
        default=[],
        metavar="WORD",
        help="an id, or the name of the user or host, that is also another word of the pages",
    )
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Copy and rename the tables, make everything else from them, search it, and only then let it stand."""
    _refuse(arguments)
    samples = read_table(arguments.results / "samples.tsv", SAMPLES)
    config = read_config(arguments.results)
    sheet = sheet_columns(samples, config, keep=arguments.keep, also=arguments.also)
    ids = ids_of(samples, sheet)
    key_file = arguments.key or arguments.out.with_name(f"{arguments.out.name}.key")
    key, renamer = b"", None
    if arguments.pseudonymise:
        key = read_key(key_file, apart_from=(arguments.out, arguments.results)) or new_key()
        renamer = _renamer(new_names(ids, key=key), arguments.not_searched)
    # A folder that nobody may write to needs no lock.
    locked = hold_folder(arguments.results) if os.access(arguments.results, os.W_OK) else contextlib.nullcontext()
    with locked, write_folder(arguments.out) as target:
        _make(arguments.results, target, sheet=sheet, renamer=renamer)
        searched = _search(target, arguments.results, renamer, set(arguments.not_searched))
        if renamer is not None:
            named = {(kind, one): renamer.names[one] for kind, found in ids.items() for one in found}
            write_key(key_file, key, named)
    for line in _told(sheet, renamer, key_file):
        print(line)
    print(f"{searched} files in {arguments.out}, each searched: none tells what it should not")
    return 0


def _refuse(arguments: argparse.Namespace) -> None:
    if not (arguments.results / NAME).is_file():
        raise OhmicsError(
            Fault(f"holds no {NAME}, so it is no finished run", str(arguments.results), remedy="let the run finish")
        )
    if arguments.out.exists() or arguments.out.resolve().is_relative_to(arguments.results.resolve()):
        raise OhmicsError(
            Fault(
                "exists, or lies in the results", str(arguments.out), remedy="give the name of a new folder elsewhere"
            )
        )
    needless = [name for name in ("key", "also", "keep") if getattr(arguments, name)]
    if needless and not arguments.pseudonymise:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in needless)
        raise OhmicsError(Fault(f"{options} says how ids are replaced", remedy="add --pseudonymise, or leave it out"))


def _renamer(names: Mapping[str, str], not_searched: list[str]) -> Renamer:
    common = {*_common_words(), *not_searched}
    return Renamer(names, frozenset(one for one in names if hard_to_find(one, common)))


def _common_words() -> Iterator[str]:
    """Yield the words of the catalogue: genes, cell types, mechanisms. An id that is one cannot be told from it.

    Of tables only what a row is named by counts: a gene's former names stand on no page.
    """
    for path in sorted(shipped("resources").rglob("*")):
        if path.suffix in _TEXT_ENDINGS:
            text = path.read_text(encoding="utf-8")
            if path.suffix in _ROW_ENDINGS:
                text = "\n".join(line.split("\t", 1)[0] for line in text.splitlines())
            yield from re.findall(r"[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]", text)


def _make(results: Path, target: Path, *, sheet: Sheet, renamer: Renamer | None) -> None:
    """Make the shared folder: tables, then pages, figures and exports from them."""
    samples = read_table(results / "samples.tsv", SAMPLES)
    known = set(map(str, samples["sample"]))
    found = [
        (path, table)
        for path, table in tables_in(results)
        if table.name not in ("FIGURES", "MANIFEST")
        # What an earlier run left of a sample that is no longer in the sheet is nobody's.
        and (path.parent.parent.name != "samples" or path.parent.name in known)
    ]
    settings = {"catalog_paths": list(read_config(results).get("catalog_paths") or [])}
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as made:
        renamed = Path(made)
        copy_tables(results, renamed, found=found, sheet=sheet, renamer=renamer)
        copy_counts(results, renamed, map(str, samples["sample"]), renamer)
        report.run(argparse.Namespace(what=made, results=None, out=target / "reports", settings=settings))
        with contextlib.redirect_stderr(io.StringIO()):
            # It tells of each figure as it is drawn, for the log of a run.
            figures.run(argparse.Namespace(results=renamed, out=target / "figures", settings=settings))
        export.run(argparse.Namespace(results=renamed, out=target / "export", format=None, settings=settings))
        for path in sorted(renamed.iterdir()):
            if path.name not in _LEFT_IN_RESULTS:
                path.rename(target / path.name)
    write_table(make_manifest(target, stages=stages(), with_inputs=False), MANIFEST, target / NAME)


def _search(target: Path, results: Path, renamer: Renamer | None, left_out: set[str]) -> int:
    """Search every file; return their number, or raise with what was found where."""
    words = [] if renamer is None else [one for one in renamer.names if one not in renamer.hard]
    machine = [name for name in _machine_names() if name.lower() not in _PLAIN_NAMES | left_out and len(name) > 3]
    found = list(hits(target, words=[*words, *machine], paths=_paths(results), ignored=_own_parts()))
    if found:
        faults = [Fault(f"would tell `{hit.word}`", where=hit.file) for hit in found[:_MOST_TOLD]]
        if len(found) > _MOST_TOLD:
            faults.append(Fault(f"and {len(found) - _MOST_TOLD} more"))
        remedy = "nothing was left; where a name is also another word, say so with --not-searched WORD"
        raise OhmicsError([*faults, Fault("what may not be told was found", remedy=remedy)])
    return len(files_in(target))


def _machine_names() -> list[str]:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = ""
    return [name for name in (user, socket.gethostname()) if name]


def _paths(results: Path) -> list[str]:
    """Return the folders whose names may not be told: the results, the inputs and the home of the user."""
    read = {str(path.absolute().parent) for _, path in inputs_of(results)}
    return sorted({str(results.resolve()), str(Path.cwd()), str(Path.home()), *read} - {"/"})


def _own_parts() -> list[str]:
    from ohmics.report.charts import squeezed_library
    from ohmics.report.render import own_parts

    return [*own_parts(), squeezed_library()]


def _told(sheet: Sheet, renamer: Renamer | None, key_file: Path) -> Iterator[str]:
    if renamer is None:
        yield "ids of patients and samples stand as they are: --pseudonymise replaces them"
        return
    yield f"{len(renamer.names)} ids replaced; keep these apart from the folder, they lead back to the ids:"
    yield f"  {key_file}  (the key)"
    yield f"  {table_of(key_file)}  (each id and its new name)"
    if sheet.kept:
        yield f"columns of the sheet that stand as you wrote them: {listing(sheet.kept, most=50)}"
    if sheet.dates:
        yield f"  with dates among them: {listing(sheet.dates, most=50)}"
    if sheet.left_out:
        yield f"columns left out, since no analysis names them: {listing(sheet.left_out, most=50)}"
    yield "names of the project, of contrasts and of gene lists stand as you wrote them"
    if renamer.hard:
        hard = listing(sorted(renamer.hard), most=50)
        yield f"replaced in tables, but too short or too common to be searched for in sentences: {hard}"
