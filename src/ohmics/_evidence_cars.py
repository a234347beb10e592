"""CAR and PAIRS come in; what they say of a patient in a contrast goes out: CAR+ cells lost, or tumour cells masked.

CAR calls are made of one sample at a time and have no error rate as calls of a change, so that they never support or
contradict a mechanism for a patient: they are consistent with it, opposite, or within the range of their intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ohmics._evidence_run import Run

MASKED = "masking_candidate"
ABSENT = "not_detected"
_Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientCall:
    """What the calls of one patient in one contrast say together of one mechanism."""

    patient: str
    verdict: str
    call: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """CAR+ share of one side's T cells: the mean over its samples, and an interval that holds all of theirs."""

    estimate: float
    low: float
    high: float
    samples: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def told(self) -> str:
        """The share as a sentence part."""
        without = f"no CAR beyond ambient RNA in {' and '.join(self.absent)}"
        if not self.samples:
            return without
        high = f"to {self.high:.0%}" if np.isfinite(self.high) else "and no upper limit"
        told = f"{self.estimate:.0%} ({self.low:.0%} {high}) in {' and '.join(self.samples)}"
        return f"{told} and {without}" if self.absent else told


def car_patients(run: Run, contrast: str, *, cell_type: str, direction: str) -> list[PatientCall]:
    """Return one call a patient: masking of tumour cells, or the change of the CAR+ share of T cells.

    Parameters
    ----------
    run, contrast
        The run's tables, and the contrast whose pairs are read.
    cell_type
        ``malignant``: do tumour cells of the later sample hold the CAR. Else: the CAR+ share of T cells.
    direction
        Direction of the share when the mechanism operates.
    """
    frame, pairs = run.tables.get("car"), run.pairs(contrast, complete=cell_type != "malignant")
    if frame is None or pairs is None or "sample" not in frame:
        return []
    rows: dict[str, _Row] = {
        str(row["sample"]): {str(k): v for k, v in row.items()} for row in frame.to_dict("records")
    }
    found = []
    for patient, own in pairs.groupby("subject", sort=True):
        test, reference = (_samples(own, side, rows) for side in ("test", "reference"))
        if cell_type == "malignant":
            one = _masking(str(patient), [rows[name] for name in test])
        else:
            one = _change(str(patient), _share(test, rows), _share(reference, rows), direction)
            one = one or _untold(str(patient), [rows[name] for name in (*reference, *test)])
        if one is not None:
            found.append(one)
    return found


def _samples(pairs: Any, side: str, rows: dict[str, _Row]) -> list[str]:
    names = {name for text in pairs[f"{side}_samples"].dropna() for name in str(text).split("|")}
    return sorted(names & set(rows))


def _masking(patient: str, rows: list[_Row]) -> PatientCall | None:
    if not rows:
        return None
    masked = [row for row in rows if row["call"] == MASKED]
    told = " ".join(f"{row['sample']}: {_text(row)}" for row in (masked or rows))
    if masked:
        return PatientCall(patient=patient, verdict="consistent", call=MASKED, reason=told)
    if all(row["call"] == "not_assessable" for row in rows):
        return PatientCall(patient=patient, verdict="not_assessable", call="not_assessable", reason=told)
    reason = "No tumour cell was seen to hold the CAR beyond ambient RNA, where there were tumour cells to look at."
    return PatientCall(patient=patient, verdict="open", call="not_seen", reason=reason)


def _text(row: _Row) -> str:
    value = row.get("reason")
    return value if isinstance(value, str) else ""


def _share(names: list[str], rows: dict[str, _Row]) -> _Share | None:
    """Return the share of one side; None when no sample tells it."""
    given = [name for name in names if _number(rows[name], "estimate")]
    absent = [name for name in names if rows[name]["call"] == ABSENT]
    if not given and not absent:
        return None
    ends = {key: [float(rows[name][key]) for name in given] for key in ("estimate", "low", "high")}
    # A sample without a detected CAR has an upper limit only where the table gives one.
    limits = [float(rows[name]["high"]) if _number(rows[name], "high") else np.nan for name in absent]
    return _Share(
        estimate=float(np.mean(ends["estimate"])) if given else np.nan,
        low=float(np.min(ends["low"])) if given and not absent else 0.0,
        high=float(np.max([*ends["high"], *limits])),
        samples=tuple(given),
        absent=tuple(absent),
    )


def _number(row: _Row, key: str) -> bool:
    value = row.get(key)
    return isinstance(value, (int, float)) and bool(np.isfinite(value))


def _change(patient: str, after: _Share | None, before: _Share | None, direction: str) -> PatientCall | None:
    if after is None or before is None:
        return None
    told = f"CAR+ share of T cells: {before.told} before, {after.told} after."
    moved = -1 if after.high < before.low else 1 if after.low > before.high else 0
    if not before.samples and not after.samples:
        reason = f"{told} CAR+ cells that show no transcript cannot be excluded."
        return PatientCall(patient=patient, verdict="open", call="inconclusive", reason=reason)
    if not moved and not (np.isfinite(after.high) and np.isfinite(before.high)):
        # Too few T cells or too little depth would look the same as no CAR+ cell.
        reason = f"{told} CAR+ cells that show no transcript cannot be excluded, so the change has no limit."
        return PatientCall(patient=patient, verdict="open", call=ABSENT, reason=reason)
    wanted = -1 if direction == "down" else 1
    if not moved:
        return PatientCall(
            patient=patient, verdict="within_technical_range", call="unchanged", reason=f"{told} The intervals overlap."
        )
    verdict, call = "consistent" if moved == wanted else "opposite", "fell" if moved < 0 else "rose"
    reason = f"{told} The intervals do not overlap; one patient is no test."
    return PatientCall(patient=patient, verdict=verdict, call=call, reason=reason)


def _untold(patient: str, rows: list[_Row]) -> PatientCall | None:
    if not rows:
        return None
    told = " ".join(f"{row['sample']}: {_text(row)}" for row in rows if not _number(row, "estimate"))
    reason = told or "The CAR+ share is known on one side only."
    return PatientCall(patient=patient, verdict="not_assessable", call="not_assessable", reason=reason)


def car_groups(run: Run, contrast: str) -> str:
    """Return the CAR+ shares on the two sides of a contrast without pairs, as a sentence part; empty without any."""
    frame = run.tables.get("car")
    if frame is None or "sample" not in frame:
        return ""
    medians, shown = [], []
    silent = 0
    for side in ("test", "reference"):
        mine = frame[frame["sample"].astype(str).isin(run.samples_of(contrast, side))]
        shares = mine["estimate"].dropna().astype("float64")
        absent = int((mine["estimate"].isna() & (mine["call"] == ABSENT)).sum())
        if not len(shares) + absent:
            return ""
        silent += absent
        medians.append(f"{shares.median():.0%} in {len(shares)} samples on the {side} side")
        shown.append(f"{len(shares)} of {len(shares) + absent} samples on the {side} side")
    # Where samples show no CAR+ cell, a median over the others would speak of those alone.
    if silent:
        return f"CAR+ T cells seen in {' and in '.join(shown)}; no test compares them"
    return f"median CAR+ share of T cells {' and '.join(medians)}; no test compares them"
