"""A page and the folder of its tables come in, the numbers on the page that no table holds go out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import yaml

from ohmics.flip_levels import flip_level
from ohmics.io import write_table
from ohmics.report import ReportInputs
from ohmics.report.charts import unpacked
from ohmics.report.inputs import _PLACES
from ohmics.tables import CELL_QC, SAMPLES

_VOID = {"meta", "link", "img", "br", "hr", "input", "col", "wbr"}
_UNREAD = ("script", "style", "pre", "svg", "title")
_STATED = ("methods", "glossary", "run", "cannot", "lists")
"""What holds the methods' own numbers, versions, the configuration, and the catalogue's words and citations."""
_PER_CELL = ("cells.parquet", "cell_qc.parquet", "gene_reference.parquet", "lineage_cells.parquet")
"""Tables of which no single value is written on a page: their rows are counted."""
_NUMBER = re.compile(
    r"(?<![\w.,'\u2019-])[-+\u2212]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?(?![\w'\u2019]|\.\d|,\d|-[A-Za-z])"
)
FIXED = {
    "95": "level of every interval that is not said to be another",
    "0.05": "limit of every q",
    "10,000": "XIST and Y genes are given per 10,000 UMI",
    "2,000": "genes that vary most, as the components are made; genes a volcano holds",
    "3,000": "genes a volcano holds on screen",
    "300": "genes kept for the search",
    "400": "cells a side in the plane of lineages",
    "50": "genes shown of each cell type",
    "3": "sd at which colours of the heat map end",
    "1": "one sd, one depth, one row",
    "2": "as in log2; the second of two",
    "10": "as in log10",
    "0": "a count of zero is no loss",
    **{f"{100 * flip_level(n):.3g}": "level that flips of so few patients can reach" for n in range(2, 21)},
}
"""Numbers that the pages' own sentences state, and what they are."""
_PLACE = re.compile(r"(?:tables/)?[a-z_]+\.(?:tsv|parquet)")
Read = tuple[str, tuple[str, ...]]
"""A text, and the tables of which the page says that it shows them; none said: any table."""
_FEW = 60
_MOST_LEVELS = 400


class _Text(HTMLParser):
    """Collects the texts of a page that hold results, and the data of its charts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.table: list[str] | None = None
        self.texts: list[Read] = []
        self.charts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("data-gz") and found.get("id") != "chart-library":
            self.charts.append(str(found["data-gz"]))
        if tag not in _VOID:
            hidden = tag in _UNREAD or (tag in ("section", "table") and found.get("id") in _STATED)
            hidden |= found.get("id", "") == "chart-library" or tag in ("nav", "header", "footer")
            self.open.append((tag, hidden))
        if tag == "div" and found.get("class") == "table":
            self.table, self.depth = [], len(self.open)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1][0] == tag:
            if self.table is not None and len(self.open) == self.depth:
                self._end_table(self.table)
                self.table = None
            self.open.pop()

    def _end_table(self, texts: list[str]) -> None:
        # The last text is the note that says where the whole table lies.
        note = texts[-1] if texts and texts[-1].rstrip().endswith(".") else ""
        places = tuple(_PLACE.findall(note))
        self.texts += [(text, places) for text in texts]

    def handle_data(self, data: str) -> None:
        if not data.strip() or any(hidden for _, hidden in self.open):
            return
        if self.table is None:
            self.texts.append((data, ()))
        else:
            self.table.append(data)


def texts_of(page: str) -> Iterator[Read]:
    """Yield what a reader reads as a result: texts of the page, and texts its charts show when pointed at."""
    parsed = _Text(page)
    yield from parsed.texts
    for packed in parsed.charts:
        content = unpacked(packed)
        rows = content.get("rows", {}) if isinstance(content, dict) else {}
        for name, column in rows.items():
            # Positions are numbers; what is read is text.
            levels = column["levels"] if isinstance(column, dict) else column
            if name != "link":
                yield from ((value, ()) for value in levels if isinstance(value, str))


def numbers_in(text: str) -> list[str]:
    """Return each number of a text as it is written, without its sign."""
    return [match.group().lstrip("+-\u2212") for match in _NUMBER.finditer(text)]


def strangers(page: str, folder: Path) -> dict[str, str]:
    """Return the numbers on the page that stand in no table of the folder, count no rows of one, and are not stated."""
    allowed = _allowed(folder)
    stated = {*FIXED, *numbers_in((folder / "config.yaml").read_text(encoding="utf-8"))}
    found: dict[str, str] = {}
    for text, places in texts_of(page):
        of = [allowed[place] for place in places if place in allowed] or list(allowed.values())
        for number in numbers_in(text):
            value = float(number.replace(",", ""))
            if number not in stated and not any(number in told or value in known for known, told in of):
                found.setdefault(number, text.strip())
    return found


def _allowed(folder: Path) -> dict[str, tuple[set[float], set[str]]]:
    """Return of each table its numbers as pages write them and counts of its rows; and those within its texts."""
    found: dict[str, tuple[set[float], set[str]]] = {}
    for path in sorted([*folder.glob("*.tsv"), *folder.glob("tables/*"), *folder.glob("samples/*/cell_qc.parquet")]):
        frame = _read(path)
        known, told = _counts(frame), set()
        for column in [] if path.name in _PER_CELL else frame.columns:
            values = frame[column].dropna()
            if pd.api.types.is_bool_dtype(values):
                continue
            if pd.api.types.is_numeric_dtype(values):
                known |= _written(values.to_numpy(dtype=float))
            else:
                told |= {number for text in values.astype(str).unique() for number in numbers_in(text)}
        found[path.relative_to(folder).as_posix()] = (known, told)
    return found


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pandas()
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""], low_memory=False)


def _written(values: np.ndarray) -> set[float]:
    """Return the values as pages round them: two or three digits, whole, as a share in per cent."""
    found: set[float] = set()
    for value in np.unique(np.abs(values)):
        for one in (value, 100 * value):
            found |= {float(f"{one:.{digits}g}") for digits in (2, 3)} | {float(round(one)), round(one, 1)}
            # Nearly all is not written as all.
            found |= {float(f"{one:.4g}")} if 99 < one < 100 else set()
    return found


def _counts(frame: pd.DataFrame) -> set[float]:
    """Return how many rows there are, of each level, of every two levels, how many levels, and what is left."""
    found = {float(len(frame))}
    texts = [name for name in frame if not pd.api.types.is_float_dtype(frame[name])]
    levels = {name: frame[name].nunique() for name in texts}
    found |= {float(number) for number in levels.values()}
    few = [name for name in texts if levels[name] <= _MOST_LEVELS]
    for names in [*[(name,) for name in few], *combinations([n for n in few if levels[n] <= _FEW], 2)]:
        own = frame.groupby(list(names), observed=True, dropna=False).size().to_numpy(dtype=float)
        found |= set(own) | set(len(frame) - own)
        if len(names) == 1 and len(own) <= 12:
            found |= {float(one + other) for one, other in combinations(own, 2)}
    return found


def save(inputs: ReportInputs, folder: Path) -> None:
    """Write the tables of the inputs as a run leaves them."""
    write_table(inputs.samples, SAMPLES, folder / "samples.tsv")
    (folder / "config.yaml").write_text(yaml.safe_dump(dict(inputs.config), sort_keys=False), encoding="utf-8")
    for name, (place, table) in _PLACES.items():
        frame: Any = getattr(inputs, name)
        if frame is not None:
            write_table(frame, table, folder / place)
    if inputs.cell_qc is not None:
        for sample, own in inputs.cell_qc.groupby("sample"):
            write_table(own, CELL_QC, folder / "samples" / str(sample) / "cell_qc.parquet")
