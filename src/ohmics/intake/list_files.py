"""Paths of gene lists and mechanisms in; a fault for each file that no reader should be given, out."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ohmics.errors import Fault, OhmicsError
from ohmics.intake.files import odd_letter, open_text, refuse_unless_file
from ohmics.intake.raw import readable
from ohmics.intake.yaml_text import refuse_bombs

_YAML = (".yaml", ".yml")
_LISTS = (".gmt", ".grp", ".json", ".csv", ".tsv")
_MOST_DIGITS = 300
_MOST_DEPTH = 50
_STEERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def list_file_faults(paths: Iterable[str | Path]) -> list[Fault]:
    """Return why files of lists and mechanisms cannot be read, before a reader takes them into memory.

    Parameters
    ----------
    paths
        Files, or folders that are searched for YAML, GMT and GRP. What lists they hold is told by
        `ohmics.catalog.catalog`; here only what would hang or fill the memory, and what is no text.
    """
    found: list[Fault] = []
    for path in (Path(given) for given in paths):
        try:
            with readable(path, "file of lists"):
                for file in _searched(path):
                    _look(file)
        except OhmicsError as error:
            found += error.faults
    return found


def _searched(path: Path) -> list[Path]:
    if not path.is_dir():
        refuse_unless_file(path, what="file or folder")
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix in (*_YAML, ".gmt", ".grp") and file.is_file())


def _look(path: Path) -> None:
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    if path.suffix in _YAML:
        refuse_bombs(path, where=str(path))
        return
    if name.suffix.lower() not in _LISTS:
        return  # refused by its ending when it is read
    with readable(path, "file of lists"), open_text(path) as handle:
        if name.suffix.lower() == ".json":
            _look_at_json(handle.read(), path)
            return
        limit = csv.field_size_limit()
        for number, line in enumerate(handle, start=1):
            where = f"{path}, line {number}"
            odd = _STEERS.search(line)
            if odd:
                raise OhmicsError(Fault(f"the line holds a control character (U+{ord(odd[0]):04X})", where))
            if name.suffix.lower() in (".csv", ".tsv") and len(line) > limit:
                raise OhmicsError(Fault(f"the line holds more than {limit:,} characters", where))


def _look_at_json(text: str, path: Path) -> None:
    bare = re.sub(r'"(?:\\.|[^"\\])*"', "", text)
    depth = 0
    for mark in re.finditer(r"[\[\]{}]", bare):
        depth += 1 if mark[0] in "[{" else -1
        if depth > _MOST_DEPTH:
            raise OhmicsError(Fault("lists are nested too deeply", str(path), f"at most {_MOST_DEPTH} deep"))
    if re.search(rf"\d{{{_MOST_DIGITS},}}", bare):
        raise OhmicsError(Fault(f"a number has more than {_MOST_DIGITS} digits", str(path)))
    try:
        stack: list[Any] = [json.loads(text)]
    except ValueError:
        return  # named when it is read
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += [*value, *value.values()]
        elif isinstance(value, list):
            stack += value
        elif isinstance(value, str) and (odd := odd_letter(value)):
            raise OhmicsError(Fault(f"a name holds a control character (U+{ord(odd):04X})", str(path)))
