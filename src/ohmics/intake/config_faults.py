"""Violations of a JSON schema in, one sentence each out: the key, what was found, what is legal, what was meant."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from ohmics.errors import Fault, did_you_mean, listing

_MOST = 20
_TYPES = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "keys with values",
    "null": "null",
}


def schema_faults(validator: Draft202012Validator, data: Mapping[str, Any], where: str) -> list[Fault]:
    """Return one `Fault` for each way in which ``data`` breaks the schema, in the order of the file."""
    errors = sorted(validator.iter_errors(data), key=lambda error: [str(step) for step in error.absolute_path])
    # The schema tells each missing key in an error of its own, all of which name all of them.
    return list(dict.fromkeys(fault for error in errors for fault in _translate(error, where)))


def _translate(error: ValidationError, where: str) -> Iterator[Fault]:
    keys = _key(error)
    place = f"{where}, key {keys}" if keys else where
    schema: Any = error.schema
    rule: Any = error.validator_value
    value: Any = error.instance
    about = str(schema.get("description", ""))
    match str(error.validator):
        case "additionalProperties":
            legal = list(schema.get("properties", {}))
            unknown = [str(key) for key in value if key not in legal]
            if len(unknown) > _MOST:
                yield Fault(f"{len(unknown):,} unknown keys: {listing(unknown)}", place, ", ".join(legal))
                return
            for key in unknown:
                meant = did_you_mean(key, legal)
                yield Fault(f"unknown key `{key}`", place, "" if meant else ", ".join(legal), meant)
        case "required":
            for key in rule:
                if key not in value:
                    meaning = schema.get("properties", {}).get(key, {}).get("description", "")
                    yield Fault(f"key `{key}` is missing", place, remedy=meaning)
        case "enum":
            legal = [str(option) for option in rule]
            yield Fault(
                f"`{_show(value)}` is not a value of this key",
                place,
                ", ".join(legal),
                did_you_mean(str(value)[:100], legal),
            )
        case "type":
            yield Fault(
                f"`{_show(value)}` is not {_expected(rule)}",
                place,
                remedy=_type_remedy(value, rule, about),
            )
        case "oneOf":
            options = [_expected(option["type"]) for option in rule]
            yield Fault(f"`{_show(value)}` is not {' or '.join(options)}", place, remedy=about)
        case "pattern":
            yield Fault(f"`{_show(value)}` holds a character that is not allowed", place, f"the pattern {rule}")
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" as bound:
            sign = {
                "minimum": "at least",
                "exclusiveMinimum": "above",
                "maximum": "at most",
                "exclusiveMaximum": "below",
            }
            yield Fault(f"{_show(value)} is out of range", place, f"{sign[bound]} {rule}", about)
        case "minLength" | "minItems":
            yield Fault("the value is empty", place, remedy=about)
        case "maxLength":
            yield Fault(f"`{_show(value)}` is too long", place, f"at most {rule} characters")
        case "uniqueItems":
            yield Fault(f"{_show(value)} holds a value twice", place)
        case _:
            yield Fault(error.message.splitlines()[0], place, remedy=about)


def _key(error: ValidationError) -> str:
    text = ""
    for step in error.absolute_path:
        if isinstance(step, int):
            text += f", entry {step + 1}"
        else:
            text += f".{step}" if text and not text[-1].isdigit() else (f", key {step}" if text else str(step))
    return text


def _expected(types: Any) -> str:
    names = [types] if isinstance(types, str) else list(types)
    return " or ".join(_TYPES[name] for name in names)


def _type_remedy(value: Any, types: Any, about: str) -> str:
    if isinstance(value, bool) and "string" in types:
        return f"put it in quotes if the text {_show(value)} is meant"
    if value is None:
        return "give a value, or leave the key out to use its default"
    return about


def _show(value: Any) -> str:
    if isinstance(value, str):
        return value if len(value) <= 200 else f"{value[:197]}..."
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
