"""SAMPLES and contrasts in, what makes a contrast impossible out: absent columns, values no sample has, no pair."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ohmics.errors import Fault, Faults, did_you_mean, listing
from ohmics.intake.pairing import in_contrast, resolve_pairs
from ohmics.membership import membership, text_values
from ohmics.model import Contrast


def check_contrasts(samples: pd.DataFrame, contrasts: Sequence[Contrast], *, where: str = "contrasts") -> None:
    """Raise one `OhmicsError` with every reason why a contrast cannot be computed on these samples."""
    faults = Faults()
    faults.extend(contrast_faults(samples, contrasts, where=where))
    faults.raise_if_any()


def contrast_faults(samples: pd.DataFrame, contrasts: Sequence[Contrast], *, where: str = "contrasts") -> list[Fault]:
    """Return every reason why a contrast cannot be computed on these samples, in the order of the contrasts."""
    faults = Faults()
    for contrast in contrasts:
        place = f"{where}, contrast {contrast.label}"
        before = len(faults)
        _columns(samples, contrast, place, faults)
        if len(faults) == before:
            _values(samples, contrast, place, faults)
        if len(faults) == before:
            _design(samples, contrast, place, faults)
    return list(faults)


def _columns(samples: pd.DataFrame, contrast: Contrast, place: str, faults: Faults) -> None:
    filled = [str(name) for name in samples.columns if bool((text_values(samples[name]) != "").any())]
    for column in contrast.columns:
        if column not in filled:
            what = "is empty in every row of the sheet" if column in samples else "is no column of the sheet"
            faults.add(f"`{column}` {what}", where=place, legal=", ".join(filled), remedy=did_you_mean(column, filled))


def _values(samples: pd.DataFrame, contrast: Contrast, place: str, faults: Faults) -> None:
    for column, wanted in (contrast.where or {}).items():
        for value in [wanted] if isinstance(wanted, str) or not isinstance(wanted, Sequence) else wanted:
            _value(samples, column, str(value), place, faults)
    if contrast.test is None:
        return
    chosen = samples[in_contrast(samples, contrast)]
    held = set(text_values(samples[contrast.variable]))
    for values in (contrast.test_values, contrast.reference_values):
        # Text with | is several values, unless the column holds just that text.
        named = values[:1] if values[0] in held or len(values) == 1 else values[1:]
        known = [_value(samples, contrast.variable, value, place, faults) for value in named]
        if all(known) and not set(named) & set(text_values(chosen[contrast.variable])):
            limited = " among the samples that `where` keeps"
            _value(chosen, contrast.variable, " or ".join(named), place, faults, limited=limited)


def _value(samples: pd.DataFrame, column: str, value: str, place: str, faults: Faults, *, limited: str = "") -> bool:
    legal = list(dict.fromkeys(text for text in text_values(samples[column]) if text))
    if value in legal:
        return True
    faults.add(
        f"no sample has {column} `{value}`{limited}",
        where=place,
        legal=", ".join(legal) or "none is left",
        remedy=did_you_mean(value, legal),
    )
    return False


def _design(samples: pd.DataFrame, contrast: Contrast, place: str, faults: Faults) -> None:
    chosen = samples[in_contrast(samples, contrast)]
    variable = text_values(chosen[contrast.variable])
    if contrast.test is None:
        numbers = pd.to_numeric(variable[variable != ""], errors="coerce")
        if numbers.isna().any() or numbers.nunique() < 2:
            faults.add(
                f"`{contrast.variable}` is no number that varies ({listing(dict.fromkeys(variable))})",
                where=place,
                legal="a numeric column, or give test and reference",
            )
        return
    chosen = chosen[membership(chosen, contrast)["side"] != ""]
    before = len(faults)
    for column in dict.fromkeys((contrast.unit, *contrast.blocks, *contrast.covariates, contrast.random_by)):
        if column:
            empty = chosen.loc[text_values(chosen[column]) == "", "sample"]
            if len(empty):
                faults.add(
                    f"`{column}` is empty for {listing(empty)}",
                    where=place,
                    remedy="fill it in, or leave them out with `where`",
                )
    if len(faults) > before:
        return
    if contrast.blocks:
        _blocks(samples, contrast, place, faults)
    if contrast.interact_with:
        _groups(chosen, contrast, place, faults)


def _blocks(samples: pd.DataFrame, contrast: Contrast, place: str, faults: Faults) -> None:
    pairs = resolve_pairs(samples, contrast)
    if not pairs["complete"].astype(bool).any():
        by = " and ".join(contrast.blocks)
        faults.add(
            f"there is no pair: none of {len(pairs)} blocks ({by}) has both {contrast.test} and {contrast.reference}",
            where=place,
            remedy=f"check `{contrast.blocks[0]}` in the sheet, or leave pair_by out to compare groups",
        )


def _groups(chosen: pd.DataFrame, contrast: Contrast, place: str, faults: Faults) -> None:
    column = str(contrast.interact_with)
    groups = text_values(chosen[column])
    found = [value for value in dict.fromkeys(groups) if value]
    if len(found) != 2:
        faults.add(
            f"interact_with `{column}` has {len(found)} groups ({listing(found)})",
            where=place,
            legal="two groups; `where` can choose them",
        )
    mixed = [str(name) for name, values in groups.groupby(text_values(chosen[contrast.unit])) if len(set(values)) > 1]
    if mixed:
        faults.add(f"`{column}` changes within {contrast.unit} {listing(mixed)}", where=place, legal="one group a unit")
