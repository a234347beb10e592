"""A sample sheet in (TSV or CSV with anybody's headings), the SAMPLES table out."""

from __future__ import annotations

import difflib
import io
import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ohmics.errors import Fault, Faults, OhmicsError, did_you_mean, listing
from ohmics.intake.files import exists, read_rows
from ohmics.model import MODALITIES
from ohmics.tables import SAMPLES

SAMPLE_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
LONGEST_ID = 100
"""Characters of a sample id; with what files add to it, their names stay within what file systems allow."""
_REQUIRED = ("sample", "patient", "timepoint")
# Near enough to one of our own optional columns to be a slip of the pen rather than a covariate.
_SLIP = 0.85
_MOST_NAMED = 30


def read_samples(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
    modality: str | None = None,
    matrix: str | Path | None = None,
    pooled: bool = False,
) -> pd.DataFrame:
    """Read a sample sheet and return it as SAMPLES, in the order of the sheet.

    Parameters
    ----------
    path
        The sheet: TSV, or CSV with commas or semicolons, UTF-8, one row a sample.
    columns
        Our column name to the sheet's name, where they differ; ``""`` is an unnamed first column. Where
        the sheet has a column of our name already, that one is kept as ``{name}_in_sheet``.
    defaults
        Values for columns that the sheet lacks or leaves empty.
    modality
        ``single_cell`` or ``bulk``, for sheets without that column.
    matrix
        The one matrix that holds every sample; becomes `path` of every row.
    pooled
        Several single-cell samples may share a file, in which a column tells them apart.

    Returns
    -------
    DataFrame
        SAMPLES: text columns with None where empty, `path` absolute (in the sheet it is relative to the
        sheet's folder). Further columns are kept as covariates; all-numeric ones become numbers.

    Raises
    ------
    OhmicsError
        With every fault and its row; rows are numbered as in a spreadsheet, the headings being row 1.
    """
    source = Path(path)
    faults = Faults()
    frame = _parse(source, faults)
    frame = _rename(frame, columns or {}, source.name, faults)
    frame = _fill(frame, {**({"modality": modality} if modality else {}), **(defaults or {})})
    if matrix is not None:
        frame["path"] = str(Path(matrix).absolute())
    _check_columns(frame, source.name, faults)
    _check_ids(frame, source.name, faults)
    _check_values(frame, source.name, faults)
    mixed = modality is not None and _is_mixed(frame, modality, source.name, faults)
    if "path" in frame:
        _check_paths(frame, source, faults, may_share=mixed or pooled)
    faults.raise_if_any()
    return SAMPLES.conform(_numbers(frame.drop(columns="_row")))


def _parse(source: Path, faults: Faults) -> pd.DataFrame:
    rows = read_rows(source, what="sheet", missing="sample sheet")
    if not rows or not any(rows[0]):
        raise OhmicsError(Fault("the sheet is empty", source.name, remedy="its first row holds the headings"))
    if "_row" in rows[0]:
        raise OhmicsError(Fault("no column may be named `_row`", f"{source.name}, row 1", remedy="rename it"))
    header, body = rows[0], [(number, row) for number, row in enumerate(rows[1:], start=2) if any(row)]
    repeated = [name for name, count in Counter(header).items() if count > 1]
    if repeated:
        raise OhmicsError(Fault(f"columns stand twice: {listing(repeated)}", f"{source.name}, row 1"))
    for number, row in body:
        if len(row) > len(header) and any(row[len(header) :]):
            faults.add(f"{len(row)} cells under {len(header)} headings", where=f"{source.name}, row {number}")
    if not body:
        raise OhmicsError(Fault("the sheet names no sample", source.name))
    cells = [(row + [""] * len(header))[: len(header)] for _, row in body]
    frame = pd.DataFrame(cells, columns=header, dtype=object)
    frame["_row"] = [number for number, _ in body]
    return frame


def _rename(frame: pd.DataFrame, columns: Mapping[str, str], where: str, faults: Faults) -> pd.DataFrame:
    headings = [name for name in frame.columns if name != "_row"]
    taken: dict[str, pd.Series] = {}
    for ours, theirs in columns.items():
        if theirs not in headings:
            faults.add(
                f"`{theirs}`, mapped to `{ours}`, is no column of the sheet",
                where=f"{where}, row 1",
                legal=listing((f"`{name}`" for name in headings), most=_MOST_NAMED),
                remedy=did_you_mean(theirs, headings),
            )
        else:
            taken[ours] = frame[theirs]
    kept = frame.drop(columns=[theirs for theirs in columns.values() if theirs in headings])
    # `timepoint: timepoint_bin` must not lose the sheet's own `timepoint`.
    kept = kept.rename(columns={ours: f"{ours}_in_sheet" for ours in taken if ours in kept})
    return pd.concat([pd.DataFrame(taken, index=frame.index), kept], axis=1)


def _fill(frame: pd.DataFrame, values: Mapping[str, str]) -> pd.DataFrame:
    frame = frame.copy()
    for name, value in values.items():
        frame[name] = frame[name].where(frame[name] != "", value) if name in frame else str(value)
    return frame


def _check_columns(frame: pd.DataFrame, where: str, faults: Faults) -> None:
    headings = [name for name in frame.columns if name != "_row"]
    ours = SAMPLES.names
    shown = listing((f"`{heading}`" for heading in headings), most=_MOST_NAMED)
    for name in (*_REQUIRED, "modality", "path"):
        if name not in frame:
            others = [heading for heading in headings if heading not in ours][:_MOST_NAMED]
            faults.add(
                f"column `{name}` is missing",
                where=f"{where}, row 1",
                legal=f"{SAMPLES.column(name).meaning}; the sheet has {shown}",
                remedy=did_you_mean(name, others) or _map_it(name),
            )
    held = set(headings)
    absent = [name for name in ours if name not in held and name not in _REQUIRED]
    for heading in headings:
        meant = did_you_mean(heading, [name for name in absent if _close(heading, name)])
        if heading not in ours and meant:
            faults.add(f"unknown column `{heading}`", where=f"{where}, row 1", remedy=meant)


def _map_it(name: str) -> str:
    mapped = f"map it with input.columns, as `{name}: your heading`"
    return f"{mapped}, or name one matrix of all samples as input.matrix" if name == "path" else mapped


def _close(word: str, name: str) -> bool:
    return difflib.SequenceMatcher(None, word.lower(), name).ratio() >= _SLIP


def _check_ids(frame: pd.DataFrame, where: str, faults: Faults) -> None:
    for name in _REQUIRED:
        if name in frame:
            for row in frame.loc[frame[name] == "", "_row"]:
                faults.add(f"`{name}` is empty", where=f"{where}, row {row}")
    if "sample" not in frame:
        return
    rows: dict[str, list[int]] = defaultdict(list)
    for sample, row in zip(frame["sample"], frame["_row"], strict=True):
        rows[sample].append(row)
        if sample and (len(sample) > LONGEST_ID or not SAMPLE_ID.match(sample)):
            faults.add(
                f"sample id `{sample}` cannot name a folder",
                where=f"{where}, row {row}",
                legal="letters, digits, dot, dash and underscore, a letter or digit first"
                + (f"; at most {LONGEST_ID}" if len(sample) > LONGEST_ID else ""),
            )
    for sample, where_rows in rows.items():
        if sample and len(where_rows) > 1:
            faults.add(f"sample `{sample}` stands {len(where_rows)} times, in rows {listing(where_rows)}", where=where)


def _check_values(frame: pd.DataFrame, where: str, faults: Faults) -> None:
    for column in SAMPLES.columns:
        if not column.values or column.name not in frame:
            continue
        for value in dict.fromkeys(frame[column.name]):
            rows = frame.loc[frame[column.name] == value, "_row"]
            if value and value not in column.values:
                faults.add(
                    f"`{value}` is not a value of column `{column.name}`",
                    where=f"{where}, row {listing(rows)}",
                    legal=", ".join(column.values),
                    remedy=did_you_mean(value, column.values),
                )


def _is_mixed(frame: pd.DataFrame, modality: str, where: str, faults: Faults) -> bool:
    """Return whether rows are of another modality than the run, and add the fault."""
    if "modality" not in frame:
        return False
    other = frame["modality"].isin(MODALITIES) & (frame["modality"] != modality)
    for name, rows in frame.loc[other].groupby("modality")["_row"]:
        faults.add(
            f"`modality` is {name}, but the run is {modality}",
            where=f"{where}, row {listing(rows)}",
            legal="one modality a run",
            remedy="make a sheet and a config for each",
        )
    return bool(other.any())


def _check_paths(frame: pd.DataFrame, source: Path, faults: Faults, *, may_share: bool = False) -> None:
    base = source.resolve().parent
    given = frame["path"].copy()
    frame["path"] = [os.path.normpath(base / text) if text else "" for text in given]
    seen: dict[str, int] = {}
    missing: dict[str, list[int]] = defaultdict(list)
    places: dict[str, tuple[bool, str]] = {}
    for text, full, row, modality in zip(
        given, frame["path"], frame["_row"], frame.get("modality", given), strict=True
    ):
        if not text:
            faults.add("`path` is empty", where=f"{source.name}, row {row}")
            continue
        if full not in places:
            places[full] = (exists(full), os.path.realpath(full))
        there, real = places[full]
        if not there:
            missing[text].append(row)
        # In a sheet of both modalities a shared path follows from that fault.
        if modality == "single_cell" and not may_share and real in seen:
            faults.add(
                f"rows {seen[real]} and {row} share one path, {text}",
                where=source.name,
                legal="one single-cell file a sample",
                remedy="of one file with many samples, name the column of obs that tells them as input.sample_column",
            )
        seen.setdefault(real, row)
    for text, rows in missing.items():
        faults.add(
            f"no such file: {text}", where=f"{source.name}, row {listing(rows)}", remedy=f"paths are relative to {base}"
        )


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Make covariates numbers as `io.read_table` would, so that a table read back is the same."""
    extra = [name for name in frame.columns if name not in SAMPLES.names]
    if not extra:
        return frame
    buffer = io.StringIO()
    frame[extra].to_csv(buffer, sep="\t", index=False)
    buffer.seek(0)
    inferred = pd.read_csv(buffer, sep="\t", keep_default_na=False, na_values=[""], skip_blank_lines=False)
    inferred.index = frame.index
    return pd.concat([frame.drop(columns=extra), inferred], axis=1)
