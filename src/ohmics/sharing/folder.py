"""A results folder and new names for its ids come in; the tables, config and counts a report needs, renamed, go out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata as ad
import pandas as pd
import yaml

from ohmics.errors import Fault, OhmicsError, listing
from ohmics.export.run_tables import read_config
from ohmics.io import read_table, write_h5ad, write_table, write_text
from ohmics.shareable import last_name, shareable_config
from ohmics.sharing.ids import Renamer
from ohmics.tables import SAMPLES, Table

_NOTHING_BUT_IDS = ("sample", "patient", "nearest", "pre_sample", "post_sample")
_LISTS_OF_IDS = ("test_samples", "reference_samples")
_ID_COLUMNS = frozenset({*_NOTHING_BUT_IDS, *_LISTS_OF_IDS, "subject", "block"})
_ID_COLUMNS_OF = {"DESIGN": "unit", "SAMPLE_CORRELATION": "other"}
"""Columns that hold ids in one table, and something else in others."""
_DATE = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}")
_PER_SAMPLE_PATHS = ("samples", "matrix", "cells", "junctions", "transcripts", "gene_positions")
NOT_TOLD = "not told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What becomes of the columns of a sheet: those whose values are ids, kept as they stand, left out, with dates."""

    ids: tuple[str, ...]
    kept: tuple[str, ...]
    left_out: tuple[str, ...]
    dates: tuple[str, ...]


def sheet_columns(
    samples: pd.DataFrame, config: Mapping[str, Any], *, keep: Iterable[str] = (), also: Iterable[str] = ()
) -> Sheet:
    """Return what becomes of each column of SAMPLES.

    The ids are those of sample, patient and whatever column a contrast counts as its unit. Kept are the columns that
    the schema or the config names and those of ``keep``; others are nobody's business but the user's.

    Raises
    ------
    OhmicsError
        When ``keep`` or ``also`` names a column the sheet does not have.
    """
    wanted, more = list(dict.fromkeys(keep)), list(dict.fromkeys(also))
    absent = [name for name in (*wanted, *more) if name not in samples.columns]
    if absent:
        legal = ", ".join(map(str, samples.columns))
        raise OhmicsError([Fault(f"no column `{name}`", where="the sheet", legal=legal) for name in absent])
    units = [str(one.get("unit") or "patient") for one in config.get("contrasts") or []]
    ids = [name for name in dict.fromkeys(("sample", "patient", *units, *more)) if name in samples.columns]
    used = {*SAMPLES.names, *_words(config.get("contrasts")), *_words(config.get("outcomes")), *wanted}
    told = [name for name in samples.columns if name not in ids and name != "path" and samples[name].notna().any()]
    kept = tuple(str(name) for name in told if name in used)
    return Sheet(
        ids=tuple(ids),
        kept=kept,
        left_out=tuple(str(name) for name in samples.columns if name not in used and name not in ids),
        dates=tuple(name for name in kept if samples[name].dropna().astype(str).map(_DATE.search).notna().any()),
    )


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _words(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _words(inner)


def ids_of(samples: pd.DataFrame, sheet: Sheet) -> dict[str, list[str]]:
    """Return the ids of a sheet by kind, see `ohmics.sharing.ids.KINDS`."""

    def of(names: Sequence[str]) -> list[str]:
        return [str(one) for name in names for one in samples[name].dropna().unique()]

    others = [name for name in sheet.ids if name not in ("sample", "patient")]
    return {"patient": of(["patient"]), "sample": of(["sample"]), "other": of(others)}


def renamed_config(config: Mapping[str, Any], renamer: Renamer | None) -> dict[str, Any]:
    """Return the config without where anything lay; with new names, no name of a file with counts is told either."""
    told = shareable_config(config)
    return told if renamer is None else _renamed(told, renamer)


def _renamed(value: Any, renamer: Renamer, *keys: str) -> Any:
    """Return a part of the config, which stands under ``keys``, with the new names."""
    of_samples = any(key in _PER_SAMPLE_PATHS for key in keys)
    if isinstance(value, Mapping):
        rename = renamer.value if of_samples else str
        return {rename(str(name)): _renamed(inner, renamer, *keys, str(name)) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_renamed(inner, renamer, *keys) for inner in value]
    if isinstance(value, str):
        if of_samples and value:
            return NOT_TOLD
        return renamer.value(value) if "where" in keys and keys[-1] in _ID_COLUMNS else renamer.text(value)
    return value


def copy_tables(
    results: Path, target: Path, *, found: Iterable[tuple[Path, Table]], sheet: Sheet, renamer: Renamer | None
) -> None:
    """Write the tables of a results folder, and the config, into another folder under the new names.

    ``found`` are the tables with their schemas. Without a renamer only paths are cut, and no column is left out.

    Raises
    ------
    OhmicsError
        When a table names a sample or patient that the sheet does not: an earlier run left it, and nothing would
        rename it.
    """
    for path, table in found:
        inner = path.relative_to(results)
        frame = read_table(path, table, exact=True)
        if renamer is not None:
            _refuse_strangers(frame, inner, renamer)
            frame = renamed_table(frame, table, renamer=renamer, sheet=sheet)
            inner = Path(*(renamer.names.get(part, part) for part in inner.parts))
        elif table.name == "SAMPLES":
            frame = frame.assign(path=[last_name(one) for one in frame["path"]])
        write_table(frame, table, target / inner)
    config = renamed_config(read_config(results), renamer)
    write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=True), target / "config.yaml")


def _refuse_strangers(frame: pd.DataFrame, inner: Path, renamer: Renamer) -> None:
    columns = [frame[name] for name in (*_NOTHING_BUT_IDS, *_LISTS_OF_IDS) if name in frame]
    if "subject" in frame and "level" in frame:
        columns.append(frame.loc[frame["level"] == "patient", "subject"])
    named = {part for one in columns for value in one.dropna().unique() for part in _parts(one.name, str(value))}
    strangers = sorted(named - renamer.names.keys())
    if strangers:
        raise OhmicsError(
            Fault(
                f"names {listing(strangers)}, which the sheet does not",
                where=inner.as_posix(),
                remedy="an earlier run left it: move the results folder away and run the workflow again",
            )
        )


def _parts(column: object, value: str) -> list[str]:
    return value.split("|") if column in _LISTS_OF_IDS else [value]


def renamed_table(frame: pd.DataFrame, table: Table, *, renamer: Renamer, sheet: Sheet) -> pd.DataFrame:
    """Return a table with the new names; of SAMPLES without the columns that are left out and the names of files."""
    made = frame.copy()
    exact = {*_ID_COLUMNS, _ID_COLUMNS_OF.get(table.name, "sample")}
    if table.name == "SAMPLES":
        made = made.drop(columns=[name for name in sheet.left_out if name in made])
        made["path"] = [renamer.value(str(sample)) for sample in made["sample"]]
        exact |= set(sheet.ids)
    for name in made.columns:
        if made[name].dtype == object and name != "path":
            replace = renamer.value if name in exact else renamer.text
            known = {value: replace(value) for value in made[name].dropna().unique() if isinstance(value, str)}
            made[name] = made[name].map(lambda value, known=known: known.get(value, value))
    return made


def copy_counts(results: Path, target: Path, samples: Iterable[str], renamer: Renamer | None) -> None:
    """Put the counts that ``ohmics export`` reads where it looks for them.

    Counts of single cells are linked, not copied: nothing of them but their matrix and genes goes into an export.
    Barcodes that hold an id are the exception.
    """
    bulk = results / "counts" / "bulk.h5ad"
    if bulk.is_file():
        _write_renamed(bulk, target / "counts" / "bulk.h5ad", renamer)
    for sample in samples:
        counts = results / "samples" / sample / "counts.h5ad"
        if counts.is_file():
            name = sample if renamer is None else renamer.names[sample]
            place = target / "samples" / name / "counts.h5ad"
            place.parent.mkdir(parents=True, exist_ok=True)
            if renamer is None or not _has_ids(counts, renamer):
                place.symlink_to(counts.resolve())
            else:
                _write_renamed(counts, place, renamer)


def _has_ids(counts: Path, renamer: Renamer) -> bool:
    names = ad.read_h5ad(counts, backed="r").obs_names
    text = "\n".join(map(str, names))
    return renamer.text(text) != text


def _write_renamed(source: Path, place: Path, renamer: Renamer | None) -> None:
    adata = ad.read_h5ad(source)
    if renamer is not None:
        adata.obs_names = [renamer.value(str(name)) for name in adata.obs_names]
    write_h5ad(adata, place)
