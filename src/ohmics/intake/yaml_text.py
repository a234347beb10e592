"""A YAML file in; its content without the traps of YAML 1.1, or one clear fault, out."""

from __future__ import annotations

import math
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from ohmics.errors import Fault, OhmicsError
from ohmics.intake.files import odd_letter, read_small_text

MOST_BYTES = 500_000
MOST_VALUES = 100_000
"""Values a file may hold, each alias counted as what it stands for."""
MOST_DEPTH = 50
_MOST_DIGITS = 300
_TAG = "tag:yaml.org,2002:"
_TAGS = frozenset(f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq"))
# The C parser reads a file ten times faster; PyYAML lacks it where libyaml was absent when it was built.
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ConfigLoader(yaml.SafeLoader):
    """Safe YAML without the traps of YAML 1.1: `On` and `No` stay text, keys stand once, 011 is no octal."""


# YAML 1.1 reads the timepoint `On` as true and 1:30 as 90; YAML 1.2's core schema does not.
ConfigLoader.yaml_implicit_resolvers = {}
for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+0123456789."),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    ConfigLoader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(f"^(?:{_pattern})$"), list(_first))


def _refused(told: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, told, node.start_mark)


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[str, Any]:
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _refused("a key is a list or a mapping, and must be text", key)
    # A key is text whatever it looks like: `7: x` names the column 7.
    keys = [str(key.value) for key, _ in node.value]
    repeated = [key for key, count in Counter(keys).items() if count > 1]
    if repeated:
        raise _refused(f"key `{repeated[0]}` stands twice", node)
    return {key: loader.construct_object(value, deep=True) for key, (_, value) in zip(keys, node.value, strict=True)}


def _number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float | int:
    text = loader.construct_scalar(node)
    whole = node.tag == f"{_TAG}int"
    try:
        value = int(text) if whole else float(text)
    except ValueError as error:
        raise _refused(f"`{text[:40]}` is not a {'whole ' if whole else ''}number", node) from error
    if len(text) > _MOST_DIGITS or not math.isfinite(value):
        raise _refused(f"`{text[:40]}` is not a number that can be held", node)
    return value


def _bool(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> bool:
    text = loader.construct_scalar(node)
    if text.lower() not in ("true", "false"):
        raise _refused(f"`{text[:40]}` is not true or false", node)
    return text.lower() == "true"


def _text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    text = loader.construct_scalar(node)
    odd = odd_letter(text.replace("\n", "").replace("\t", ""))
    if odd:
        raise _refused(f"the text holds a control character (U+{ord(odd):04X})", node)
    return str(text)


ConfigLoader.add_constructor(f"{_TAG}map", _mapping)
ConfigLoader.add_constructor(f"{_TAG}int", _number)
ConfigLoader.add_constructor(f"{_TAG}float", _number)
ConfigLoader.add_constructor(f"{_TAG}bool", _bool)
ConfigLoader.add_constructor(f"{_TAG}str", _text)


def read_yaml(path: str | Path) -> Any:
    """Return the content of a YAML file.

    Raises
    ------
    OhmicsError
        When it is no YAML, with line and column, a key stands twice, or `refuse_bombs` refuses it.
    """
    source = Path(path)
    text = refuse_bombs(source)
    try:
        loader = ConfigLoader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        remedy = "YAML is indented by spaces, never by tabs" if "'\\t'" in str(error.problem) else ""
        what = f"{error.problem or 'not readable as YAML'}"
        raise OhmicsError(Fault(what, f"{source.name}{place}", remedy=remedy)) from error
    except yaml.YAMLError as error:
        raise OhmicsError(Fault(f"not readable as YAML: {str(error).splitlines()[0]}", source.name)) from error
    except (ValueError, RecursionError) as error:
        raise OhmicsError(Fault("not readable as YAML", source.name)) from error


def refuse_bombs(source: Path, *, where: str | None = None) -> str:
    """Return the text of a YAML file that no reader can choke on; only its outline is looked at.

    Raises
    ------
    OhmicsError
        When it is no ordinary text file, too large, nested too deeply, has tags of its own, or aliases that stand
        for very many values or for what they are part of.
    """
    place = source.name if where is None else where
    advice = "`ohmics init` makes a commented one"
    text = read_small_text(source, what="config file", where=place, most=MOST_BYTES, remedy=advice)
    # What is no YAML is named, with its place, by whoever reads the file.
    with suppress(yaml.YAMLError):
        _look(text, place)
    return text


def _look(text: str, place: str) -> None:
    # Values below each open list or mapping with the name it can be repeated by, and what comes next in a mapping.
    open_parts: list[tuple[str | None, int]] = [(None, 0)]
    key_next: list[bool | None] = [None]
    sizes: dict[str, int | None] = {}
    for event in yaml.parse(text, Loader=_PARSER):
        where = f"{place}, line {event.start_mark.line + 1}" if event.start_mark else place
        size = 1
        is_value = isinstance(event, (yaml.AliasEvent, yaml.ScalarEvent, yaml.CollectionStartEvent))
        if is_value and key_next[-1] is not None:
            if key_next[-1] and not isinstance(event, yaml.ScalarEvent):
                raise OhmicsError(Fault("a key is no text but a list, a mapping or an alias", where, "keys of text"))
            key_next[-1] = not key_next[-1]
        if isinstance(event, yaml.AliasEvent):
            known = sizes.get(str(event.anchor), 1)
            if known is None:
                what = f"`*{event.anchor}` is part of what it stands for"
                raise OhmicsError(Fault(what, where, "no loops of aliases"))
            size = known
        elif isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
            if event.tag not in (None, "!") and event.tag not in _TAGS:
                shown = event.tag.removeprefix(_TAG).split(":")[0]
                raise OhmicsError(Fault(f"the tag `{shown}` is not allowed", where, "text, numbers, lists and keys"))
            if isinstance(event, yaml.CollectionStartEvent):
                open_parts.append((event.anchor, 1))
                key_next.append(True if isinstance(event, yaml.MappingStartEvent) else None)
                if event.anchor:
                    sizes[event.anchor] = None
                if len(open_parts) > MOST_DEPTH:
                    legal = f"at most {MOST_DEPTH} deep"
                    raise OhmicsError(Fault("lists and keys are nested too deeply", where, legal))
                continue
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_parts.pop()
            key_next.pop()
            if anchor:
                sizes[anchor] = size
        else:
            continue
        anchor, total = open_parts[-1]
        open_parts[-1] = (anchor, total + size)
        if total + size > MOST_VALUES:
            what = f"the file holds more than {MOST_VALUES:,} values, aliases counted as what they stand for"
            raise OhmicsError(Fault(what, where, remedy="write out fewer, or make several configs"))
