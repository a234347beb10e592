"""SAMPLES and an outcome come in; each patient's event, time and the reason to leave it out go out, or every fault."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from ohmics.differences import as_text, contrast_sides
from ohmics.errors import Fault, Faults, did_you_mean, listing
from ohmics.model import Contrast
from ohmics.outcomes import EVENT_WORDS, Outcome, baseline_contrast


def outcome_faults(samples: pd.DataFrame, outcome: Outcome, *, contrast: Contrast | None) -> list[Fault]:
    """Return everything that keeps an outcome from being read: columns, values, patients with two outcomes.

    Parameters
    ----------
    samples
        SAMPLES.
    outcome
        The outcome.
    contrast
        The contrast it names, where it names one.
    """
    faults = Faults()
    where = f"outcome {outcome.name}"
    filled = [str(name) for name in samples.columns if bool((as_text(samples[name]) != "").any())]
    for name in outcome.columns:
        if name not in filled:
            what = "is empty in every row of the sheet" if name in samples else "is no column of the sheet"
            faults.add(f"`{name}` {what}", where=where, legal=", ".join(filled), remedy=did_you_mean(name, filled))
    if len(faults):
        return list(faults)
    unit = contrast.unit if contrast is not None else "patient"
    for column in (outcome.column, outcome.time, outcome.event):
        if column and unit in samples:
            _one_value(samples, column, unit, where, faults)
    if outcome.kind == "response":
        _response_values(samples, outcome, where, faults)
    else:
        _survival_values(samples, outcome, where, faults)
    _sample_choice(samples, outcome, contrast, where, faults)
    return list(faults)


def patient_outcomes(
    samples: pd.DataFrame, outcome: Outcome, *, unit: str = "patient", sides: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the outcome of each patient.

    Parameters
    ----------
    samples
        SAMPLES; `outcome_faults` finds nothing in them.
    outcome
        The outcome.
    unit
        The column whose values are the patients.
    sides
        The contrast's samples (see `ohmics.differences.contrast_sides`), for a landmark that is a column.

    Returns
    -------
    pandas.DataFrame
        Indexed by unit: ``event`` (0, 1 or missing), ``time`` (from the landmark on, where there is one; missing for
        a response) and ``left_out``: why the patient takes no part, empty when it does.
    """
    names = [name for name in (outcome.column, outcome.time, outcome.event) if name]
    text = pd.DataFrame({name: as_text(samples[name]) for name in names}).assign(unit=as_text(samples[unit]))
    text = text[text["unit"] != ""]
    own = text.groupby("unit")[names].agg(_first_given)
    frame = pd.DataFrame({"event": float("nan"), "time": float("nan"), "left_out": ""}, index=own.index)
    if outcome.column:
        values = own[outcome.column]
        frame["event"] = values.map(lambda value: _event(value, outcome)).astype(float)
        frame["left_out"] = [_no_response(value, outcome) for value in values]
        return frame
    frame["time"] = pd.to_numeric(own[outcome.time].replace("", None)).astype(float)
    frame["event"] = own[outcome.event].map(lambda value: _event(value, outcome)).astype(float)
    absent = f"no {outcome.time} or {outcome.event}"
    frame["left_out"] = [absent if missing else "" for missing in frame[["time", "event"]].isna().any(axis=1)]
    if outcome.landmark is not None:
        _count_from_landmark(frame, outcome, sides)
    return frame


def _first_given(values: pd.Series) -> str:
    return next((str(value) for value in values if value), "")


def _count_from_landmark(frame: pd.DataFrame, outcome: Outcome, sides: pd.DataFrame | None) -> None:
    if isinstance(outcome.landmark, str):
        days = pd.Series(dtype=float) if sides is None else _sample_days(sides, outcome.landmark)
        start = days.reindex(frame.index).astype(float)
    else:
        start = pd.Series(float(outcome.landmark or 0), index=frame.index)
    told = frame["left_out"] == ""
    frame.loc[told & start.isna(), "left_out"] = f"no {outcome.landmark} of the later sample"
    early = told & (frame["time"] <= start)
    frame.loc[early & (frame["event"] == 1), "left_out"] = "event before the landmark"
    frame.loc[early & (frame["event"] == 0), "left_out"] = "last seen before the landmark"
    frame["time"] = frame["time"] - start


def _sample_days(sides: pd.DataFrame, column: str) -> pd.Series:
    """Return the day of each unit's last test sample."""
    later = sides[sides["side"] == "test"]
    return pd.to_numeric(later[column], errors="coerce").groupby(later["unit"]).max()


def _event(value: str, outcome: Outcome) -> float | None:
    """Return 1 for an event, 0 for none, and nothing for a value that is neither."""
    if not value:
        return None
    if not outcome.positive:
        known = EVENT_WORDS.get(value.lower())
        return None if known is None else float(known)
    if value in outcome.positive:
        return 1.0
    return 0.0 if not outcome.negative or value in outcome.negative else None


def _no_response(value: str, outcome: Outcome) -> str:
    if not value:
        return f"no {outcome.column}"
    return f"{outcome.column} {value}, neither positive nor negative" if _event(value, outcome) is None else ""


def _one_value(samples: pd.DataFrame, name: str, unit: str, where: str, faults: Faults) -> None:
    values = as_text(samples[name])
    several = values[values != ""].groupby(as_text(samples[unit])).agg(lambda own: sorted(set(own)))
    mixed = [f"{patient} ({' and '.join(own)})" for patient, own in several.items() if len(own) > 1]
    if mixed:
        faults.add(
            f"`{name}` differs between samples of {unit} {listing(mixed)}",
            where=where,
            legal=f"one outcome a {unit}, repeated in each of its rows",
        )


def _response_values(samples: pd.DataFrame, outcome: Outcome, where: str, faults: Faults) -> None:
    held = _held(samples, outcome.column)
    for value in (*outcome.positive, *outcome.negative):
        if value not in held:
            faults.add(
                f"no sample has {outcome.column} `{value}`",
                where=where,
                legal=", ".join(held),
                remedy=did_you_mean(value, held),
            )


def _survival_values(samples: pd.DataFrame, outcome: Outcome, where: str, faults: Faults) -> None:
    times = [name for name in (outcome.time, outcome.landmark) if isinstance(name, str)]
    for name in times:
        held = _held(samples, name)
        numbers = pd.to_numeric(pd.Series(held, dtype=object), errors="coerce")
        wrong = [value for value, number in zip(held, numbers, strict=True) if pd.isna(number) or math.isinf(number)]
        if wrong:
            faults.add(f"`{name}` holds {listing(wrong)}", where=where, legal=f"numbers, in {outcome.unit}")
        elif name == outcome.time and (numbers <= 0).any():
            faults.add(
                f"`{name}` is not above 0 in {int((numbers <= 0).sum())} values",
                where=where,
                legal=f"the {outcome.unit} from the origin to the event or to when the patient was last seen",
            )
    held = _held(samples, outcome.event)
    if outcome.positive:
        for value in (*outcome.positive, *outcome.negative):
            if value not in held:
                faults.add(f"no sample has {outcome.event} `{value}`", where=where, legal=", ".join(held))
        return
    wrong = [value for value in held if value.lower() not in EVENT_WORDS]
    if wrong:
        faults.add(
            f"`{outcome.event}` holds {listing(wrong)}",
            where=where,
            legal="1 or 0, true or false, yes or no",
            remedy="name the values that are events with `positive`",
        )


def _held(samples: pd.DataFrame, name: str | None) -> list[str]:
    return list(dict.fromkeys(value for value in as_text(samples[name]) if value)) if name else []


def _sample_choice(
    samples: pd.DataFrame, outcome: Outcome, contrast: Contrast | None, where: str, faults: Faults
) -> None:
    if outcome.score == "change":
        if contrast is not None and (not contrast.blocks or contrast.test is None):
            faults.add(
                f"contrast {contrast.label} is not paired, so that no patient has a change",
                where=where,
                legal="a contrast with test, reference and pair_by",
            )
        return
    chosen = baseline_contrast(outcome, contrast)
    if any(name not in samples for name in (*chosen.columns, *(contrast.columns if contrast is not None else ()))):
        return  # the contrast's own faults name the column
    sides = contrast_sides(samples, chosen)
    if sides.empty:
        faults.add("no sample is chosen as the baseline", where=where, remedy="see `where` or the contrast's reference")
    elif contrast is not None and contrast.test is not None:
        sampled = contrast_sides(samples, contrast)
        values = sampled.groupby("unit")["side"].nunique()
        both = [str(name) for name in values.index[values > 1]]
        if both and not contrast.blocks and not contrast.random_by:
            faults.add(
                f"{contrast.unit} {listing(both)} has samples on both sides of contrast {contrast.label}, "
                "so that neither is the baseline",
                where=where,
                remedy="give pair_by in the contrast, or name the samples with `where` instead of `contrast`",
            )


def all_outcome_faults(
    samples: pd.DataFrame, outcomes: Sequence[Outcome], contrasts: Sequence[Contrast], *, where: str
) -> list[Fault]:
    """Return the faults of every outcome of a config, an unknown contrast among them."""
    faults = Faults()
    known = {contrast.label: contrast for contrast in contrasts}
    for outcome in outcomes:
        if outcome.contrast and outcome.contrast not in known:
            faults.add(
                f"no contrast is named `{outcome.contrast}`",
                where=f"{where}, outcome {outcome.name}",
                legal=", ".join(known) or "none is given",
                remedy=did_you_mean(outcome.contrast, known),
            )
            continue
        for fault in outcome_faults(samples, outcome, contrast=known.get(outcome.contrast or "")):
            faults.add(fault.what, where=f"{where}, {fault.where}", legal=fault.legal, remedy=fault.remedy)
    return list(faults)
