"""Planted truth and an analysis' tables in; what was planted beside what was found, out."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ohmics.errors import Fault, OhmicsError
from ohmics.toy.cohort import FOLD, TRUTH_COLUMNS

FOUND_COLUMNS = ("level", "subject", "mechanism", "planted", "expected", "result", "says")
RESULTS = ("found", "not found", "not called")

_FOUND = {"cohort": ("supported",), "patient": ("supported", "consistent")}
_SILENT = ("", "not_assessable")
_ALPHA = 0.05


def planted_and_found(
    truth: pd.DataFrame, evidence: pd.DataFrame | None = None, effects: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Set every planted change, and every planted absence of change, beside what the tables say.

    Parameters
    ----------
    truth
        ``Cohort.truth``, or ``truth.tsv`` read back.
    evidence
        EVIDENCE; None or a table without the row is no error.
    effects
        EFFECTS; read for a mechanism that EVIDENCE does not speak of.

    Returns
    -------
    DataFrame
        One row a row of ``truth``: ``level, subject, mechanism, planted, expected, result, says``. ``result`` is
        ``found`` (the tables say what was planted; for nothing planted, that they do not claim it), ``not found``
        (they say otherwise) or ``not called`` (they do not speak of it). ``says`` quotes the tables.

    Raises
    ------
    OhmicsError
        When ``truth`` lacks a column.

    Examples
    --------
    >>> truth = pd.DataFrame([["patient", "P01", "cd19_loss", "CD19 lost", 1.0, "fraction", True, "lost"]],
    ...                      columns=list(TRUTH_COLUMNS))
    >>> planted_and_found(truth)["result"].item()
    'not called'
    """
    missing = [name for name in TRUTH_COLUMNS if name not in truth]
    if missing:
        raise OhmicsError([Fault(f"column `{name}` is missing", where="truth table") for name in missing])
    rows = []
    for record in truth.to_dict("records"):
        row = {str(name): value for name, value in record.items()}
        result, says = _from_evidence(row, evidence)
        if result == "not called" and not says:
            result, says = _from_effects(row, effects)
        rows.append({**{name: row[name] for name in FOUND_COLUMNS[:5]}, "result": result, "says": says or "no row"})
    return pd.DataFrame(rows, columns=list(FOUND_COLUMNS))


def _rows_of(row: dict[str, Any], table: pd.DataFrame | None) -> pd.DataFrame:
    keys = ("level", "subject", "mechanism")
    if table is None or not set(keys) <= set(table.columns):
        return pd.DataFrame()
    hit = pd.Series(True, index=table.index)
    for key in keys:
        hit &= table[key].astype(str) == str(row[key])
    return table[hit]


def _changes(row: dict[str, Any]) -> bool:
    # Read back from a file the column may be text.
    return str(row["change"]).lower() == "true"


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def _from_evidence(row: dict[str, Any], evidence: pd.DataFrame | None) -> tuple[str, str]:
    rows = _rows_of(row, evidence)
    if rows.empty:
        return "not called", ""
    said = {name: _text(rows.iloc[0].get(name)) for name in ("verdict", "sub_reason", "grade")}
    says = ", ".join(part for part in said.values() if part)
    if said["verdict"] in _SILENT:
        return "not called", says or "no verdict"
    claimed = said["verdict"] in _FOUND[str(row["level"])]
    return ("found" if claimed == _changes(row) else "not found"), says


def _from_effects(row: dict[str, Any], effects: pd.DataFrame | None) -> tuple[str, str]:
    rows = _rows_of(row, effects)
    if rows.empty or not {"q", "effect"} <= set(rows.columns):
        return "not called", ""
    tested = rows[rows["q"].notna()]
    if tested.empty:
        return "not called", "an effect without a test"
    best = tested.sort_values("q", kind="stable").iloc[0]
    where = " ".join(_text(best.get(name)) for name in ("cell_type", "gene_list", "method") if _text(best.get(name)))
    says = f"effect {float(best['effect']):.3g}, q {float(best['q']):.2g} ({where})"
    claimed = float(best["q"]) < _ALPHA
    if claimed and _changes(row) and row["unit"] == FOLD:
        # A change the other way is not the planted one.
        claimed = (float(best["effect"]) > 0) == (float(row["value"]) > 1)
    return ("found" if claimed == _changes(row) else "not found"), says
