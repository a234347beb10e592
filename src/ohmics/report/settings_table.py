"""The config of a run and its schema come in, the table of settings that other tables point to goes out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from ohmics.intake.config import config_schema
from ohmics.report import words
from ohmics.report.tables import Head, TableView, table_view

SETTINGS = "setting"
"""Id of the table; its rows are ``words.row_id(SETTINGS, "part")`` and ``words.row_id(SETTINGS, "part.name")``."""
_CELLS_ONLY = frozenset({"embed", "annotate"})
_COLUMNS = ("setting", "value", "default", "meaning")


def settings_table(config: Mapping[str, Any], *, bulk: bool = False) -> TableView:
    """Return every setting of the run with its value, the value it has when none is given, and its meaning.

    Parameters
    ----------
    config
        The config as it was run.
    bulk
        Leave out the parts that only runs of single cells read.
    """
    parts = config_schema()["properties"]
    used = {name: value for name, value in config.items() if not (bulk and name in _CELLS_ONLY)}
    rows = [row for name, value in used.items() for row in _rows(str(name), value, parts.get(str(name), {}))]
    return table_view(
        pd.DataFrame(rows, columns=list(_COLUMNS)),
        id=SETTINGS,
        caption="Settings of the run",
        heads=[
            Head("setting", "Setting", meaning="its place in config.yaml"),
            Head("value", "Value", "long", meaning="what this run used"),
            Head("default", "When not given", meaning="the value of a config that does not name it"),
            Head("meaning", "What it decides", "long"),
        ],
        anchor=("setting",),
        empty="no setting was recorded.",
        fold_from=1,
    )


def _rows(name: str, value: Any, schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row for a setting, and below it one for each of its own."""
    known = schema.get("properties", {})
    deeper = isinstance(value, dict) and bool(known)
    yield {
        "setting": name,
        "value": None if deeper else _written(value),
        "default": _written(schema["default"]) if "default" in schema and not deeper else None,
        "meaning": schema.get("description"),
    }
    if deeper:
        for own, inner in value.items():
            yield from _rows(f"{name}.{own}", inner, known.get(str(own), {}))


def _written(value: Any) -> str | None:
    """Return a value as one line of text; None for one that is empty."""
    if value is None or value in ({}, []):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return words.number(value)
    if isinstance(value, list) and all(isinstance(one, (str, int)) for one in value):
        return ", ".join(str(one) for one in value)
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return "; ".join(
            ", ".join(f"{key} {_written(own)}" for key, own in one.items() if _written(own)) for one in value
        )
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
