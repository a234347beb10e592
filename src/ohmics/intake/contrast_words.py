"""SAMPLES and contrasts in, what each contrast asks in plain words, its design and its direction, out."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ohmics.errors import OhmicsError, listing
from ohmics.membership import membership, text_values, uses_mixed_model
from ohmics.model import Contrast
from ohmics.stats.design import design_matrix
from ohmics.tables import DESIGN


def describe_contrast(samples: pd.DataFrame, contrast: Contrast) -> list[str]:
    """Return what a contrast compares, what an effect above zero means, and who takes no part, as sentences."""
    name = contrast.label
    where = "; ".join(f"{column} is {_values(wanted)}" for column, wanted in (contrast.where or {}).items())
    among = f" among samples whose {where}" if where else ""
    members = membership(samples, contrast)
    if contrast.test is None:
        lines = [f"{name}: along `{contrast.variable}`{among}{_matched(contrast, members)}"]
        return [*lines, f"{name}: positive = rises with {contrast.variable}"]
    test, reference = _values(contrast.test_values[1:] or contrast.test), _values(
        contrast.reference_values[1:] or contrast.reference
    )  # fmt: skip
    if contrast.interact_with:
        groups = sorted(set(text_values(samples.loc[members["chosen"], contrast.interact_with])) - {""})
        meaning = f"the change from {reference} to {test} is larger in {groups[-1] if groups else 'the second group'}"
        meaning += f" than in {groups[0] if groups else 'the first'}"
    else:
        meaning = f"higher in {test} than in {reference}"
    lines = [
        f"{name}: {contrast.variable} {test} against {reference}{among}{_matched(contrast, members)}",
        f"{name}: positive = {meaning}",
    ]
    other = text_values(samples.loc[members["allowed"] & (members["side"] == ""), contrast.variable])
    counts = other[other != ""].value_counts()
    if len(counts) and contrast.variable != "timepoint":
        told = ", ".join(f"{value} ({count})" for value, count in sorted(counts.items()))
        lines.append(f"{name}: samples with another {contrast.variable} take no part: {told}")
    return lines


def _matched(contrast: Contrast, members: pd.DataFrame) -> str:
    if contrast.blocks:
        how = f", within {' and '.join(contrast.blocks)}"
    elif uses_mixed_model(members[members["chosen"]], contrast):
        how = f", {contrast.random_by or contrast.unit} as a random effect"
    else:
        how = f", each {contrast.unit} on one side"
    return how + (f", beyond {listing(contrast.covariates)}" if contrast.covariates else "")


def _values(wanted: object) -> str:
    several = wanted if isinstance(wanted, (list, tuple, set, frozenset)) else (wanted,)
    return " or ".join(map(str, several))


def design_rows(samples: pd.DataFrame, contrasts: Sequence[Contrast]) -> tuple[pd.DataFrame, list[str]]:
    """Return DESIGN, the model matrices of all contrasts one value a row, and their sentences.

    A contrast whose comparison cannot be estimated has no rows; its sentence says which columns and whose samples
    are the reason.
    """
    parts: list[pd.DataFrame] = []
    lines: list[str] = []
    for contrast in contrasts:
        try:
            design = design_matrix(samples, contrast)
        except OhmicsError as error:
            lines += [str(fault.what) for fault in error.faults]
            continue
        lines.append(f"{design.message}; asked about: {design.coefficient}")
        long = design.matrix.rename_axis("sample").reset_index().melt("sample", var_name="coefficient")
        parts.append(
            long.assign(
                contrast=contrast.label,
                unit=long["sample"].map(design.units),
                block=long["sample"].map(design.blocks),
                asked=long["coefficient"] == design.coefficient,
            )[list(DESIGN.names)]
        )
    frame = DESIGN.conform(pd.concat(parts, ignore_index=True)) if parts else DESIGN.empty()
    return frame, lines


def design_text(design: pd.DataFrame) -> str:
    """Return DESIGN as text to read: one matrix a contrast, samples × coefficients."""
    blocks: list[str] = []
    for name, rows in design.groupby("contrast", sort=False):
        wide = rows.pivot_table(index="sample", columns="coefficient", values="value", sort=False)
        blocks.append(f"{name}\n{wide.to_string(float_format=lambda value: f'{value:g}', index_names=False)}")
    return "\n\n".join(blocks)
