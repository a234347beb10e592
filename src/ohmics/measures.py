"""CELLS and SAMPLES come in; how many CAR+ cells and normal B cells each sample holds (CELL_MEASURES) goes out.

CAR+ expansion and B-cell aplasia are measures of a CAR T therapy at work. Fractions are always given; numbers a
microlitre only where the sheet says how many cells a microlitre of the sample held.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ohmics.differences import as_text
from ohmics.tables import CELL_MEASURES

PER_UL = ("cells_per_ul", "alc_per_ul")
"""Columns of the sheet: cells of all kinds a microlitre, and lymphocytes a microlitre."""
_SORTED = "sorted sample: the share is that of the gate, so no number a microlitre follows"
_NO_COUNT = "the sheet gives no cells_per_ul or alc_per_ul"
_MIXED = "malignant cells are not called: normal and malignant B cells are counted together"


def cell_measures(
    cells: pd.DataFrame,
    samples: pd.DataFrame,
    *,
    t_cells: Collection[str],
    b_cells: Collection[str],
    lymphocytes: Collection[str],
) -> pd.DataFrame:
    """Return the CAR+ cells and normal B cells of every sample of a CAR T therapy.

    Parameters
    ----------
    cells
        CELLS.
    samples
        SAMPLES; ``cells_per_ul`` (nucleated or mononuclear cells, whatever was sequenced) or ``alc_per_ul`` (absolute
        lymphocyte count) are read where the sheet has them. A sorted sample (``enrichment``) gets none.
    t_cells, b_cells, lymphocytes
        Names of cell types, with their descendants.

    Returns
    -------
    pandas.DataFrame
        CELL_MEASURES: ``car_positive`` of kept cells and of T cells, and ``b_cell`` (without malignant cells) of kept
        cells and of lymphocytes. The interval is Wilson's and that of counting cells alone: it says nothing of how
        samples of one patient differ. A sample whose CAR could not be told has no row of it.
    """
    sheet = samples[samples["therapy"] == "car_t"] if "therapy" in samples else samples.iloc[:0]
    by_sample = dict(iter(cells.groupby("sample", sort=False)))
    rows: list[dict[str, Any]] = []
    for sample in sheet.to_dict("records"):
        own = by_sample.get(sample["sample"])
        if own is None or own.empty:
            continue
        kind = own["cell_type"]
        is_t, is_b, is_lymphocyte = (kind.isin(list(names)) for names in (t_cells, b_cells, lymphocytes))
        every = pd.Series(True, index=own.index)
        if own["car_positive"].notna().any():
            positive = own["car_positive"].fillna(False).astype(bool)
            rows += [_row(sample, "car_positive", name, positive, of, is_lymphocyte)
                     for name, of in (("kept cells", every), ("T cells", is_t))]  # fmt: skip
        malignant = own["malignant"].fillna(False).astype(bool)
        note = "" if own["malignant"].notna().any() or not is_b.any() else _MIXED
        rows += [_row(sample, "b_cell", name, is_b & ~malignant, of, is_lymphocyte, note)
                 for name, of in (("kept cells", every), ("lymphocytes", is_lymphocyte & ~malignant))]  # fmt: skip
    frame = CELL_MEASURES.conform([row for row in rows if row]) if rows else CELL_MEASURES.empty()
    return frame.sort_values(list(CELL_MEASURES.key), kind="stable").reset_index(drop=True)


def _row(
    sample: dict[Any, Any], measure: str, of: str, chosen: pd.Series, among: pd.Series, lymphocytes: pd.Series,
    note: str = "",
) -> dict[str, Any]:  # fmt: skip
    n, total = int((chosen & among).sum()), int(among.sum())
    if not total:
        return {}
    low, high = _wilson(n, total)
    per_ul, why = _per_ul(
        sample, int(chosen.sum()), len(among), int((chosen & lymphocytes).sum()), int(lymphocytes.sum())
    )
    return {
        "sample": sample["sample"], "patient": sample["patient"], "timepoint": sample["timepoint"],
        "measure": measure, "of": of, "n_cells": n, "n_of": total, "fraction": n / total, "low": low, "high": high,
        "per_ul": per_ul, "note": ";".join(text for text in (note, why) if text),
    }  # fmt: skip


def _per_ul(
    sample: dict[Any, Any], n: int, total: int, n_lymphocytes: int, lymphocytes: int
) -> tuple[float | None, str]:
    """Return cells a microlitre, or why there is no such number."""
    given = {name: _number(sample.get(name)) for name in PER_UL}
    if np.isnan(list(given.values())).all():
        return None, _NO_COUNT
    if as_text(pd.Series([sample.get("enrichment")], dtype=object)).iloc[0]:
        return None, _SORTED
    if not np.isnan(given["cells_per_ul"]):
        return n / total * given["cells_per_ul"], ""
    if not lymphocytes:
        return None, "no lymphocyte was annotated, so alc_per_ul cannot be shared out"
    return n_lymphocytes / lymphocytes * given["alc_per_ul"], ""


def _number(value: Any) -> float:
    """Return a number of the sheet; missing when it is none."""
    return float(pd.to_numeric(pd.Series([value], dtype=object), errors="coerce").iloc[0])


def _wilson(n: int, total: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share (1927, doi 10.1080/01621459.1927.10502953)."""
    z = float(stats.norm.isf(0.025))
    share = n / total
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * float(np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2)))
    # Rounding must not leave 0 or 1 outside.
    return (0.0 if n == 0 else middle - half), (1.0 if n == total else middle + half)
