"""SAMPLES and contrasts in, PAIRS out: who is compared with whom, and what stands in the way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from ohmics.errors import listing
from ohmics.membership import COMPARABLE, membership, text_values
from ohmics.model import Contrast
from ohmics.tables import PAIRS

MATCHED = COMPARABLE
LEVEL = 0.05


def in_contrast(samples: pd.DataFrame, contrast: Contrast) -> pd.Series:
    """Return which samples a contrast's ``where`` lets take part, as a boolean column aligned to ``samples``."""
    allowed: pd.Series = membership(samples, contrast)["allowed"]
    return allowed


def resolve_pairs(
    samples: pd.DataFrame,
    contrasts: Sequence[Contrast] | Contrast,
    *,
    excluded: Mapping[str, str] | Iterable[str] = (),
) -> pd.DataFrame:
    """Return PAIRS: one row a contrast and block, with the samples of both sides in sheet order.

    With ``pair_by`` a block is a combination of its columns' values and is complete when both sides
    have a sample. Without it a block is a unit; it is complete only when the unit has both values
    itself (as with ``random_by``). A continuous contrast has all samples of a unit on the test side.

    Parameters
    ----------
    samples
        SAMPLES, with every column the contrasts read.
    contrasts
        One or several.
    excluded
        Samples left out, for example by QC, with or without the reason.

    Returns
    -------
    DataFrame
        PAIRS. ``differs_in`` compares the sets of values of tissue, enrichment and chemistry on the two
        sides of a complete pair; a value that is empty on one side only is no difference, but noted. Of a unit
        on one side of an unpaired contrast it names the columns whose value nobody on the other side has.
    """
    reasons = dict(excluded) if isinstance(excluded, Mapping) else dict.fromkeys(excluded, "")
    rows: list[dict[str, Any]] = []
    for contrast in [contrasts] if isinstance(contrasts, Contrast) else contrasts:
        rows += _contrast_rows(samples, contrast, reasons)
    return PAIRS.conform(rows)


def _contrast_rows(samples: pd.DataFrame, contrast: Contrast, reasons: Mapping[str, str]) -> list[dict[str, Any]]:
    members = membership(samples, contrast)
    members = members[members["chosen"]]
    chosen, side, unit, block = samples.loc[members.index], members["side"], members["unit"], members["block"]
    if contrast.random_by:
        block = unit
    apart = {} if contrast.blocks else _set_apart(chosen, side, reasons)
    rows = []
    for key in dict.fromkeys(block):
        members = chosen[block == key]
        left_out = [name for name in members["sample"] if name in reasons]
        used = members[~members["sample"].isin(left_out)]
        on_test = side[used.index] != "reference"
        rows.append(
            {
                "contrast": contrast.label,
                "subject": "|".join(dict.fromkeys(unit[members.index])),
                "block": key,
                **_sides(contrast, used[on_test], used[~on_test]),
            }
        )
        if not rows[-1]["complete"]:
            _flag_alone(rows[-1], {column: values & set(used["sample"]) for column, values in apart.items()})
        rows[-1]["note"] = "; ".join(filter(None, [rows[-1]["note"], *_left_out(left_out, reasons)])) or None
    return rows


def _set_apart(chosen: pd.DataFrame, side: pd.Series, reasons: Mapping[str, str]) -> dict[str, set[str]]:
    """Return, per column two groups should agree in, the samples whose value no sample of the other group has."""
    used = ~chosen["sample"].isin(list(reasons))
    found: dict[str, set[str]] = {}
    for column in MATCHED:
        if column not in chosen or set(side[used]) != {"test", "reference"}:
            continue
        values = text_values(chosen[column])
        held = {name: set(values[used & (side == name)]) - {""} for name in ("test", "reference")}
        other = side.map({"test": "reference", "reference": "test"})
        alone = [
            bool(here and value and held[there] and value not in held[there])
            for here, value, there in zip(used, values, other, strict=True)
        ]
        found[column] = set(chosen.loc[alone, "sample"])
    return found


def _flag_alone(row: dict[str, Any], apart: Mapping[str, set[str]]) -> None:
    columns = [column for column, samples in apart.items() if samples]
    row["differs_in"] = "|".join(columns)
    told = [f"no sample of the other group has the {column} of {listing(sorted(apart[column]))}" for column in columns]
    row["note"] = "; ".join(filter(None, [row["note"], *told]))


def _sides(contrast: Contrast, test: pd.DataFrame, reference: pd.DataFrame) -> dict[str, Any]:
    complete = bool(len(test) and len(reference))
    notes: list[str] = []
    if contrast.test is not None:
        for frame, value in ((test, contrast.test), (reference, contrast.reference)):
            if len(frame) > 1:
                notes.append(f"{len(frame)} samples are {_said(value)}: {listing(frame['sample'], most=20)}")
        if not complete and contrast.blocks:
            notes.append(f"no sample is {_said(contrast.reference if len(test) else contrast.test)}")
            if not len(test) and not len(reference):
                notes[-1] = "no usable sample"
    differs = []
    for column in MATCHED if complete and contrast.test is not None else ():
        if column in test:
            left, right = set(text_values(test[column])), set(text_values(reference[column]))
            if left - {""} and right - {""} and left - {""} != right - {""}:
                differs.append(column)
            elif ("" in left) != ("" in right):
                notes.append(f"{column} is not given for every sample")
    return {
        "test_samples": "|".join(test["sample"]),
        "reference_samples": "|".join(reference["sample"]),
        "complete": complete,
        "differs_in": "|".join(differs),
        "note": "; ".join(notes),
    }


def _said(value: object) -> str:
    return str(value).replace("|", " or ")


def _left_out(names: Sequence[str], reasons: Mapping[str, str]) -> list[str]:
    return [f"{name} is left out" + (f" ({reasons[name]})" if reasons[name] else "") for name in names]


def smallest_p(n: int) -> float:
    """Return the smallest two-sided p of a sign-flip test with ``n`` subjects: 2 / 2^n."""
    return min(1.0, 2.0 / 2.0**n)


def smallest_permutation_p(n_test: int, n_reference: int) -> float:
    """Return the smallest two-sided p of permuting two groups; equal groups have a mirror image as extreme."""
    ways = math.comb(n_test + n_reference, n_test)
    return min(1.0, (2.0 if n_test == n_reference else 1.0) / ways)


def describe_pairs(pairs: pd.DataFrame, contrasts: Sequence[Contrast] = ()) -> list[str]:
    """Return what a user should know of PAIRS, as sentences: complete pairs, gaps, differences, what p can be reached.

    Parameters
    ----------
    pairs
        PAIRS.
    contrasts
        The contrasts they come from; without them every contrast is described as a paired one.
    """
    known = {contrast.label: contrast for contrast in contrasts}
    lines: list[str] = []
    names = list(dict.fromkeys([*known, *pairs["contrast"]]))
    for name in names:
        rows = pairs[pairs["contrast"] == name]
        contrast = known.get(name)
        if contrast is not None and contrast.test is None:
            lines.append(
                f"{name}: continuous, {_count(rows['test_samples'])} samples of {rows['subject'].nunique()} units"
            )
        elif contrast is not None and not contrast.blocks:
            lines += _describe_groups(name, rows, contrast)
        else:
            lines += _describe_paired(name, rows)
    return lines


def _count(joined: pd.Series) -> int:
    return sum(len(text.split("|")) for text in joined.dropna())


def _describe_groups(name: str, rows: pd.DataFrame, contrast: Contrast) -> list[str]:
    sides = {
        "test": rows[rows["test_samples"].notna()]["subject"].nunique(),
        "reference": rows[rows["reference_samples"].notna()]["subject"].nunique(),
    }
    both = int(rows["complete"].sum())
    text = (
        f"{name}: {sides['test']} units with {_said(contrast.test)} against {sides['reference']} with "
        f"{_said(contrast.reference)}" + (f", {both} of them with both" if both else "")
    )
    lines = [text]
    reachable = smallest_permutation_p(sides["test"], sides["reference"])
    if not both and not contrast.random_by and reachable > LEVEL:
        lines.append(f"{name}: the smallest reachable p of permuting these groups is {reachable:.3g}")
    if both and not contrast.random_by:
        lines.append(
            f"{name}: {both} units stand on both sides of an unpaired contrast: {contrast.unit} is a random effect; "
            "pair_by compares within them only"
        )
    alone = rows[~rows["complete"].astype(bool)]
    for column in MATCHED:
        found = alone[alone["differs_in"].fillna("").str.split("|").map(lambda parts, c=column: c in parts)]
        if len(found) == len(alone) and not both:
            lines.append(f"{name}: the groups share no {column}, so what it does cannot be told from the comparison")
        elif len(found):
            lines.append(
                f"{name}: {len(found)} of {len(alone)} units on one side have a {column} that nobody on the other has"
            )
    return lines


def _describe_paired(name: str, rows: pd.DataFrame) -> list[str]:
    complete = rows[rows["complete"].astype(bool)]
    subjects = list(dict.fromkeys(complete["subject"]))
    count = _plural(len(complete), "complete pair")
    if len(complete) != len(subjects):
        count += f" of {_plural(len(subjects), 'unit')}"
    lines = [f"{name}: {count}" + (f" ({listing(subjects)})" if subjects else "")]
    single = rows[~rows["complete"].astype(bool)]
    if len(single):
        lines.append(f"{name}: {_plural(len(single), 'block')} without a partner: {listing(single['block'], most=8)}")
    joined = rows[["test_samples", "reference_samples"]].fillna("").agg(" ".join, axis=1)
    several = rows[joined.str.contains("|", regex=False)]
    if len(several):
        lines.append(f"{name}: several samples on one side in {listing(several['block'], most=8)}")
    for column in MATCHED:
        found = complete[complete["differs_in"].fillna("").str.split("|").map(lambda parts, c=column: c in parts)]
        if len(found):
            where = listing(found["block"], most=8)
            lines.append(
                f"{name}: the sides differ in {column} in {len(found)} of {len(complete)} ({where}); "
                "their cell composition is not compared"
            )
    for note in rows.loc[rows["note"].fillna("").str.contains("left out"), ["block", "note"]].itertuples(index=False):
        lines.append(f"{name}, {note.block}: {note.note}")
    if subjects and len(subjects) < 6:
        lines.append(
            f"{name}: {count}: the smallest reachable p of a sign-flip test is "
            f"{smallest_p(len(subjects)):.3g}, so flips can support nothing"
        )
    return lines


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
