"""A named question of the field and the sample sheet come in; the ordinary `Contrast` that asks it goes out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ohmics.errors import Fault, Faults, OhmicsError, did_you_mean, listing
from ohmics.membership import text_values
from ohmics.model import Contrast

_BEFORE = frozenset(
    ("pre", "pretreatment", "pretherapy", "baseline", "before", "screening", "untreated", "leukapheresis", "apheresis")
)
_RELAPSE = frozenset(
    ("relapse", "relapsed", "progression", "progressed", "progressive", "recurrence", "recurrent", "resistance")
)
_RESPONDERS = frozenset(["cr", "pr", "crpr", "prcr", "r", "responder", "responders", "response", "complete", "partial"])
_OTHERS = frozenset(["pd", "nr", "nonresponder", "nonresponders", "nonresponse", "progressive"])
_POSITIVE = frozenset(["positive", "pos", "antigenpositive", "cd19positive", "cd19pos"])
_NEGATIVE = frozenset(["negative", "neg", "antigennegative", "cd19negative", "cd19neg"])
_SHARED = ("name", "where", "covariates", "unit", "pair_by", "random_by")
_ORDINARY = ("variable", "test", "reference", "interact_with")
_DAYS = {"d": 1.0, "day": 1.0, "w": 7.0, "wk": 7.0, "week": 7.0, "m": 30.4, "month": 30.4, "y": 365.0, "year": 365.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Preset:
    """What a preset asks, the therapy it makes sense in (empty: any), and the keys it reads."""

    says: str
    therapy: str
    keys: tuple[str, ...]
    build: Callable[[_Sheet, Mapping[str, Any]], dict[str, Any]]


class _Sheet:
    """Looks columns and values up in the sheet; what is missing is a fault with its place."""

    def __init__(self, samples: pd.DataFrame, preset: str, place: str) -> None:
        self.samples, self.preset, self.place = samples, preset, place
        self.faults = Faults()

    def column(self, name: str, key: str, why: str) -> list[str]:
        """Return the column's values in the order of the sheet."""
        filled = [str(one) for one in self.samples if bool((text_values(self.samples[one]) != "").any())]
        if name not in filled:
            what = "is empty in the sheet" if name in self.samples else "is no column of the sheet"
            self.faults.add(
                f"preset {self.preset} needs to know {why}, and `{name}` {what}",
                where=self.place,
                legal=listing(filled, most=20),
                remedy=did_you_mean(name, filled) or f"name the column with `{key}`",
            )
            return []
        return [value for value in dict.fromkeys(text_values(self.samples[name])) if value]

    def values(
        self, given: Mapping[str, Any], key: str, column: str, legal: list[str], words: frozenset[str], what: str
    ) -> tuple[str, ...]:
        """Return the values that ``key`` names, else those that the words tell."""
        if not legal:
            return ()
        if key in given:
            named = given[key] if isinstance(given[key], (list, tuple)) else [given[key]]
            for value in map(str, named):
                if value not in legal:
                    self.faults.add(
                        f"no sample has {column} `{value}` ({key})",
                        where=self.place,
                        legal=listing(legal, most=20),
                        remedy=did_you_mean(value, legal),
                    )
            return tuple(map(str, named))
        guessed = tuple(value for value in legal if _plain(value) in words)
        if not guessed:
            self.faults.add(
                f"preset {self.preset}: which values of `{column}` are {what} cannot be told",
                where=self.place,
                legal=listing(legal, most=20),
                remedy=f"name them with `{key}`",
            )
        return guessed


def _plain(value: str) -> str:
    return re.sub(r"[^a-z0-9]", "", value.lower())


def _time(given: Mapping[str, Any]) -> str:
    return str(given.get("timepoint_column", "timepoint"))


def _primary(sheet: _Sheet, given: Mapping[str, Any]) -> dict[str, Any]:
    time, response = _time(given), str(given.get("response_column", "response"))
    times = sheet.column(time, "timepoint_column", "which samples were taken before therapy")
    responses = sheet.column(response, "response_column", "who responded")
    before = sheet.values(given, "before", time, times, _BEFORE, "before therapy")
    bad = sheet.values(given, "non_responders", response, responses, _OTHERS, "non-responders")
    good = sheet.values(given, "responders", response, responses, _RESPONDERS, "responders")
    return {"variable": response, "test": bad, "reference": good, "where": {time: before}}


def _acquired(sheet: _Sheet, given: Mapping[str, Any]) -> dict[str, Any]:
    time, response = _time(given), str(given.get("response_column", "response"))
    times = sheet.column(time, "timepoint_column", "when samples were taken")
    responses = sheet.column(response, "response_column", "who had responded: what never worked was not lost")
    after = sheet.values(given, "after", time, times, _RELAPSE, "at relapse or progression")
    before = sheet.values(given, "before", time, times, _BEFORE, "before therapy")
    good = sheet.values(given, "responders", response, responses, _RESPONDERS, "responders")
    return {
        "variable": time, "test": after, "reference": before, "where": {response: good}, "pair_by": _pairs(given),
    }  # fmt: skip


def _antigen(sheet: _Sheet, given: Mapping[str, Any]) -> dict[str, Any]:
    time, status = _time(given), str(given.get("status_column", "antigen_status"))
    times = sheet.column(time, "timepoint_column", "which samples are relapses")
    states = sheet.column(status, "status_column", "which relapses still carry the antigen")
    after = sheet.values(given, "after", time, times, _RELAPSE, "at relapse")
    positive = sheet.values(given, "positive", status, states, _POSITIVE, "antigen-positive")
    negative = sheet.values(given, "negative", status, states, _NEGATIVE, "antigen-negative")
    return {"variable": status, "test": positive, "reference": negative, "where": {time: after}}


def _persistence(sheet: _Sheet, given: Mapping[str, Any]) -> dict[str, Any]:
    time = _time(given)
    times = sheet.column(time, "timepoint_column", "when samples were taken")
    days = {value: day for value in times if (day := _day(value)) is not None and day > 0}
    order = sorted(days, key=lambda value: days[value])
    # Two dated timepoints leave no choice; of more the user says which are meant.
    guess = order if len(order) == 2 else []
    early = sheet.values(given, "early", time, times, frozenset(map(_plain, guess[:1])), "early")
    late = sheet.values(given, "late", time, times, frozenset(map(_plain, guess[1:])), "late")
    for low in early:
        for high in late:
            if low in days and high in days and days[low] >= days[high]:
                sheet.faults.add(f"`{low}` (early) is not before `{high}` (late)", where=sheet.place)
    return {"variable": time, "test": late, "reference": early, "pair_by": _pairs(given)}


def _pairs(given: Mapping[str, Any]) -> Any:
    return None if given.get("random_by") else given.get("pair_by", given.get("unit", "patient"))


def _day(value: str) -> float | None:
    """Return a timepoint such as ``day 28``, ``D28``, ``4w``, ``month3`` or ``28`` in days."""
    found = re.fullmatch(r"([a-z]*?)s?[ _-]*([0-9]+(?:\.[0-9]+)?)[ _-]*([a-z]*?)s?", value.strip().lower())
    if found is None:
        return None
    unit = found[1] or found[3]
    return None if unit and unit not in _DAYS else float(found[2]) * _DAYS.get(unit, 1.0)


PRESETS: dict[str, _Preset] = {
    "primary_resistance": _Preset(
        says="non-responders against responders, before therapy", therapy="",
        keys=("before", "responders", "non_responders", "timepoint_column", "response_column"), build=_primary,
    ),
    "acquired_resistance": _Preset(
        says="relapse against before, in patients who had responded", therapy="",
        keys=("before", "after", "responders", "timepoint_column", "response_column"), build=_acquired,
    ),
    "antigen_relapse": _Preset(
        says="antigen-positive against antigen-negative relapse", therapy="car_t",
        keys=("after", "positive", "negative", "timepoint_column", "status_column"), build=_antigen,
    ),
    "persistence": _Preset(
        says="late against early CAR T cells", therapy="car_t",
        keys=("early", "late", "timepoint_column"), build=_persistence,
    ),
}  # fmt: skip
"""The questions DESIGN names, by name."""


def preset_keys() -> tuple[str, ...]:
    """Return every key that some preset reads beside those of a contrast."""
    return tuple(dict.fromkeys(key for preset in PRESETS.values() for key in preset.keys))


def resolve_preset(samples: pd.DataFrame, entry: Mapping[str, Any], *, where: str = "preset") -> Contrast:
    """Return the contrast of a preset for this sheet.

    Parameters
    ----------
    samples
        SAMPLES.
    entry
        ``preset`` (one of `PRESETS`), the keys of the preset where its values cannot be told from the sheet, and
        ``name``, ``where``, ``covariates``, ``unit``, ``pair_by`` or ``random_by`` as in a `Contrast`.
    where
        What a fault says of its place.

    Returns
    -------
    Contrast
        Named as the preset unless ``name`` is given. Values of a response that are neither (stable disease) take
        no part unless they are named. Of a sheet with both therapies a preset of one takes its samples only.

    Raises
    ------
    OhmicsError
        With every fault: an unknown preset or key, columns or values that are missing or cannot be told, and a
        therapy for which the question makes no sense.
    """
    name = str(entry.get("preset"))
    if name not in PRESETS:
        raise OhmicsError(Fault(f"unknown preset `{name}`", where, ", ".join(PRESETS), did_you_mean(name, PRESETS)))
    preset, sheet = PRESETS[name], _Sheet(samples, name, where)
    legal = ("preset", *preset.keys, *_SHARED)
    for key in entry:
        if key not in legal:
            sheet.faults.add(
                f"key `{key}` is none of preset {name} ({preset.says})", where=where, legal=", ".join(legal),
                remedy="an ordinary contrast takes no `preset`" if key in _ORDINARY else did_you_mean(key, legal),
            )  # fmt: skip
    fields = preset.build(sheet, entry)
    only = _therapy(sheet, preset)
    sheet.faults.raise_if_any()
    chosen = {**fields.pop("where", {}), **only, **dict(entry.get("where") or {})}
    shared = {key: entry[key] for key in ("covariates", "unit", "random_by") if key in entry}
    if "pair_by" in entry:
        shared["pair_by"] = entry["pair_by"]
    return Contrast(**{**fields, **shared, "name": entry.get("name", name), "where": chosen or None})


def _therapy(sheet: _Sheet, preset: _Preset) -> dict[str, str]:
    """Refuse a therapy the question makes no sense in; of a sheet with several keep the one that fits."""
    if not preset.therapy or "therapy" not in sheet.samples:
        return {}
    given = set(text_values(sheet.samples["therapy"])) - {""}
    if not given or given == {preset.therapy}:
        return {}
    if preset.therapy not in given:
        sheet.faults.add(
            f"preset {sheet.preset} ({preset.says}) makes no sense for therapy {listing(sorted(given))}",
            where=sheet.place,
            legal=preset.therapy,
        )
    return {"therapy": preset.therapy}
