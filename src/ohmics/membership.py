"""The samples sheet and a contrast come in; which samples take part, on which side and in which block, goes out.

The one place that chooses a contrast's samples: pairing, models of genes and comparisons of scores all ask it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from ohmics.model import Contrast

COMPARABLE = ("tissue", "enrichment", "chemistry")
"""Columns of SAMPLES in which the two sides of a comparison should agree."""


def text_values(values: pd.Series) -> pd.Series:
    """Return a column as text, to compare it with a config's values: missing is empty, 1.0 is ``1``.

    ``NA`` and ``NE`` are values like any other.
    """

    def text(value: Any) -> str:
        if pd.isna(value):
            return ""
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)

    return values.map(text).astype(object)


def matches(values: pd.Series, wanted: object) -> pd.Series:
    """Say which values equal ``wanted``, or are among them when it holds several; an empty one never is."""
    several = isinstance(wanted, Iterable) and not isinstance(wanted, (str, bytes))
    options = {str(option) for option in wanted} if several else {str(wanted)}  # type: ignore[attr-defined]  # several says so
    text = text_values(values)
    return text.isin(options) & (text != "")


def membership(samples: pd.DataFrame, contrast: Contrast) -> pd.DataFrame:
    """Return who takes part in a contrast.

    Parameters
    ----------
    samples
        SAMPLES, with every column of the contrast.
    contrast
        What is compared.

    Returns
    -------
    pandas.DataFrame
        One row a sample, with the sheet's index. ``allowed``: ``where`` keeps it. ``side``: ``test`` or
        ``reference`` (``value`` of a continuous variable), empty when its value is on neither side. ``unit``.
        ``block``: values of ``pair_by`` joined by ``|``, else of ``random_by``, else the unit; empty when one of
        them is. ``chosen``: allowed, on a side, with a unit and a block.
    """
    allowed = pd.Series(True, index=samples.index)
    for name, wanted in (contrast.where or {}).items():
        allowed &= matches(samples[name], wanted)
    value = text_values(samples[contrast.variable])
    side = pd.Series("", index=samples.index, dtype=object)
    if contrast.test is None:
        side[value != ""] = "value"
    else:
        side[matches(value, contrast.reference_values)] = "reference"
        side[matches(value, contrast.test_values)] = "test"
    unit = text_values(samples[contrast.unit])
    names = contrast.blocks or ((contrast.random_by,) if contrast.random_by else (contrast.unit,))
    parts = pd.concat([text_values(samples[str(name)]) for name in names], axis=1)
    block = parts.agg("|".join, axis=1) if len(parts) else pd.Series(dtype=object)
    block = block.astype(object).where((parts != "").all(axis=1), "")
    chosen = allowed & (side != "") & (unit != "") & (block != "")
    return pd.DataFrame({"allowed": allowed, "side": side, "unit": unit, "block": block, "chosen": chosen})


def group_flags(sides: pd.DataFrame, contrast: Contrast) -> dict[str, str]:
    """Return in what two groups of samples differ beside the contrast: column -> sentence.

    Parameters
    ----------
    sides
        The contrast's samples with the columns of SAMPLES and ``side``.
    contrast
        An unpaired contrast; a continuous one has no groups and no flags.

    Returns
    -------
    dict
        Only columns of `COMPARABLE` whose values are not the same in both groups. An empty value is none. Where
        the groups share no value the sentence says that the difference cannot be told from the contrast's.
    """
    found: dict[str, str] = {}
    for name in COMPARABLE if contrast.test is not None else ():
        if name not in sides:
            continue
        values = text_values(sides[name])
        counts = {
            side: values[(sides["side"] == side) & (values != "")].value_counts() for side in ("test", "reference")
        }
        both = [set(one.index) for one in counts.values()]
        if not all(both) or both[0] == both[1]:
            continue
        told = [
            f"{label}: " + ", ".join(f"{counts[side][value]} {value}" for value in sorted(counts[side].index))
            for side, label in (("test", contrast.test), ("reference", contrast.reference))
        ]
        apart = "cannot be told from the comparison" if not both[0] & both[1] else "differs between the groups"
        found[name] = f"{name} {apart} ({', against '.join(told)})"
    return found


def uses_mixed_model(members: pd.DataFrame, contrast: Contrast) -> bool:
    """Say whether patients are a random effect: asked for, or unpaired and some units stand on both sides.

    Parameters
    ----------
    members
        The chosen rows of `membership`.
    contrast
        The same contrast.
    """
    if contrast.blocks:
        return False
    if contrast.random_by:
        return True
    if contrast.test is None:
        return bool(members["unit"].duplicated().any())
    sides = members.drop_duplicates(["unit", "side"])
    return bool(sides["unit"].duplicated().any())
