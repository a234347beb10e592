"""The samples sheet and a contrast come in; the samples that take part and their model matrix go out.

The patient is the unit: samples of one block are compared with each other, blocks are additive fixed
factors, and what cannot be estimated is said in words, with the columns and the patients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics.errors import Faults, OhmicsError, did_you_mean, listing
from ohmics.membership import matches, membership, text_values, uses_mixed_model
from ohmics.model import Contrast
from ohmics.tables import SAMPLES

Array = npt.NDArray[np.float64]
text_of = text_values
_TEXT = frozenset(column.name for column in SAMPLES.columns)
_RANK_TOLERANCE = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Who takes part in a contrast, and the model.

    Parameters
    ----------
    matrix
        Samples × coefficients of full column rank; the coefficient asked about is the last column.
    coefficient
        Name of that column.
    blocks
        Block of each sample (values of ``pair_by`` joined by ``|``; of ``random_by``; else the unit).
    units
        Unit of each sample, the independent replicate.
    groups
        Value of the contrast's variable for `ohmics.normalize.filter_by_expr`; one group when continuous.
    value
        The contrast's variable as a number: 1 for test and 0 for reference, or the continuous value.
    interaction
        Group of each sample when changes of two groups are compared, else None.
    random
        Whether blocks are a random effect.
    formula, message, notes
        The model in words; the sentence for a report; each sample left out, and why.
    """

    matrix: pd.DataFrame
    coefficient: str
    blocks: pd.Series
    units: pd.Series
    groups: pd.Series
    value: pd.Series
    interaction: pd.Series | None
    random: bool
    formula: str
    message: str
    notes: tuple[str, ...]

    @property
    def samples(self) -> list[str]:
        """Names of the samples that take part, in sheet order."""
        return [str(name) for name in self.matrix.index]

    @property
    def residual_df(self) -> int:
        """Samples minus coefficients."""
        return len(self.matrix) - self.matrix.shape[1]


def is_missing(values: pd.Series) -> pd.Series:
    """Say which values are missing: None, NaN or an empty text. ``NE`` and ``NA`` are values."""
    return text_of(values) == ""


def select_samples(samples: pd.DataFrame, contrast: Contrast) -> pd.DataFrame:
    """Return the rows of ``where`` that hold a value of the contrast's variable, indexed by sample.

    A side of several values has one name in the variable's column, that of the contrast.

    Raises
    ------
    OhmicsError
        When a column is missing, or no row has a value that the contrast names: all faults at once.
    """
    sheet = by_sample(samples)
    faults = Faults()
    place = f"contrast {contrast.label}"
    for name in contrast.columns:
        if name not in sheet:
            faults.add(
                f"the samples sheet has no column `{name}`",
                where=place,
                legal=listing(sheet.columns, most=12),
                remedy=did_you_mean(name, sheet.columns),
            )
    faults.raise_if_any()
    chosen = sheet
    for name, wanted in (contrast.where or {}).items():
        chosen = chosen[matches(chosen[name], wanted)]
        if chosen.empty:
            legal = listing(sorted(set(text_of(sheet[name][~is_missing(sheet[name])]))))
            faults.add(f"no sample has `{wanted}` in `{name}` (where)", where=place, legal=legal)
            break
    faults.raise_if_any()
    members = membership(sheet, contrast).loc[chosen.index]
    if contrast.test is None:
        return chosen[members["side"] != ""]
    present = sorted(set(text_of(chosen[contrast.variable])) - {""})
    for name, value, values in (
        ("test", contrast.test, contrast.test_values), ("reference", contrast.reference, contrast.reference_values),
    ):  # fmt: skip
        if not (members["side"] == name).any():
            faults.add(
                f"no sample has `{value}` in `{contrast.variable}`",
                where=place,
                legal=listing(present, most=12),
                remedy=did_you_mean(values[0], present),
            )
    faults.raise_if_any()
    # Several values of one side are one group from here on.
    named = members["side"].map({"test": str(contrast.test), "reference": str(contrast.reference)})
    return chosen.assign(**{contrast.variable: named})[members["side"] != ""]


def by_sample(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the sheet indexed by sample, whether ``sample`` was a column or the index already."""
    sheet = samples.set_index("sample", drop=False) if "sample" in samples else samples
    sheet = sheet.set_axis(sheet.index.astype(str), axis=0)
    repeated = sheet.index[sheet.index.duplicated()].unique()
    if len(repeated):
        raise OhmicsError(f"samples occur twice in the sheet: {listing(repeated)}")
    return sheet


def design_matrix(samples: pd.DataFrame, contrast: Contrast) -> Design:
    """Return the samples of a contrast and its model matrix.

    Parameters
    ----------
    samples
        SAMPLES, or any frame indexed by sample with the contrast's columns.
    contrast
        What is compared. With ``pair_by`` the first sample in sheet order of a block and side is kept and
        incomplete blocks are left out; with ``random_by`` every sample is kept, and so with neither when units
        stand on both sides (the unit is then a random effect); else the first sample of a unit is kept.

    Raises
    ------
    OhmicsError
        When columns or values are missing, no complete block is left, nothing is left to estimate the
        residual variance from, or the comparison cannot be told from other columns; in words.
    """
    chosen = select_samples(samples, contrast)
    notes: list[str] = []
    chosen = _with_values(chosen, contrast, notes)
    members = membership(chosen, contrast)
    blocks = members["block"]
    random = uses_mixed_model(members, contrast)
    if random and not contrast.random_by:
        what = "several samples" if contrast.test is None else "samples on both sides"
        notes.append(f"some {contrast.unit}s have {what} of an unpaired contrast: {contrast.unit} is a random effect")
    if not random:
        chosen, blocks = _first_of_each(chosen, blocks, contrast, notes)
    if contrast.blocks:
        chosen, blocks = _complete(chosen, blocks, contrast, notes)
    value = _value(chosen, contrast)
    terms, interaction = _terms(chosen, contrast, value)
    matrix, formula = _full_rank(chosen, contrast, terms, notes)
    if len(matrix) <= matrix.shape[1]:
        raise OhmicsError(
            f"contrast {contrast.label}: {len(matrix)} samples and {matrix.shape[1]} coefficients ({formula}) leave no "
            "residual degree of freedom; more pairs or fewer covariates are needed"
        )
    grouped = text_of(chosen[contrast.variable]) if contrast.test is not None else value.map(lambda _: "all")
    units = text_of(chosen[contrast.unit])
    return Design(
        matrix=matrix,
        coefficient=str(matrix.columns[-1]),
        blocks=blocks,
        units=units,
        groups=grouped,
        value=value,
        interaction=interaction,
        random=random,
        formula=formula,
        message=_message(matrix, blocks, units, contrast, formula, notes, random=random),
        notes=tuple(notes),
    )


def _with_values(chosen: pd.DataFrame, contrast: Contrast, notes: list[str]) -> pd.DataFrame:
    """Leave out samples that lack the unit, a block or a covariate."""
    further = (contrast.random_by, contrast.interact_with)
    for name in dict.fromkeys([contrast.unit, *contrast.blocks, *contrast.covariates, *(n for n in further if n)]):
        missing = is_missing(chosen[name])
        if missing.any():
            notes.append(f"{int(missing.sum())} samples left out, `{name}` is empty: {listing(chosen.index[missing])}")
            chosen = chosen[~missing]
    if chosen.empty:
        raise OhmicsError(f"contrast {contrast.label}: no sample is left; {'; '.join(notes)}")
    return chosen


def _first_of_each(
    chosen: pd.DataFrame, blocks: pd.Series, contrast: Contrast, notes: list[str]
) -> tuple[pd.DataFrame, pd.Series]:
    """Keep one sample of a block (unpaired: of a unit) and side."""
    if contrast.test is None and contrast.blocks:
        return chosen, blocks
    side = text_of(chosen[contrast.variable]) if contrast.test is not None else pd.Series("", index=chosen.index)
    again = pd.DataFrame({"block": blocks, "side": side}).duplicated()
    if again.any():
        where = listing(dict.fromkeys(blocks[again]))
        whose = "block" if contrast.blocks else contrast.unit
        notes.append(
            f"{int(again.sum())} further samples of a {whose} and side left out, the first in sheet order is kept "
            f"({where}): {listing(chosen.index[again])}"
        )
    return chosen[~again], blocks[~again]


def _complete(
    chosen: pd.DataFrame, blocks: pd.Series, contrast: Contrast, notes: list[str]
) -> tuple[pd.DataFrame, pd.Series]:
    """Keep blocks with both sides (continuous: with two values)."""
    whole = text_of(chosen[contrast.variable]).groupby(blocks).transform("nunique") >= 2
    if (~whole).any():
        lost = list(dict.fromkeys(blocks[~whole]))
        notes.append(f"{len(lost)} incomplete blocks left out ({int((~whole).sum())} samples): {listing(lost)}")
    if not whole.any():
        both = (
            f"both `{contrast.test}` and `{contrast.reference}`"
            if contrast.test
            else f"two values of `{contrast.variable}`"
        )
        raise OhmicsError(f"contrast {contrast.label}: no block of {', '.join(contrast.blocks)} has {both}")
    return chosen[whole], blocks[whole]


def _value(chosen: pd.DataFrame, contrast: Contrast) -> pd.Series:
    if contrast.test is not None:
        return (text_of(chosen[contrast.variable]) == str(contrast.test)).astype("float64")
    numbers = pd.to_numeric(chosen[contrast.variable], errors="coerce").astype("float64")
    if numbers.isna().any():
        wrong = chosen[contrast.variable][numbers.isna()].iloc[0]
        raise OhmicsError(
            f"contrast {contrast.label}: `{wrong}` in `{contrast.variable}` is no number; "
            "give test and reference to compare groups"
        )
    return numbers


def _columns(values: pd.Series, name: str) -> pd.DataFrame:
    """Return a column of numbers, or one column a level but the first (levels sorted as text)."""
    if pd.api.types.is_bool_dtype(values):
        values = values.astype(str)
    numbers = pd.to_numeric(values, errors="coerce")
    if name not in _TEXT and numbers.notna().all():
        return numbers.astype("float64").to_frame(name)
    return _levels(values, name)


def _levels(values: pd.Series, name: str) -> pd.DataFrame:
    text = text_of(values)
    levels = sorted(set(text))[1:]
    return pd.DataFrame({f"{name}[{level}]": (text == level).astype("float64") for level in levels}, index=values.index)


def _terms(
    chosen: pd.DataFrame, contrast: Contrast, value: pd.Series
) -> tuple[dict[str, pd.DataFrame], pd.Series | None]:
    """Return the terms of the model in order; the last one is asked about."""
    terms = {name: _levels(chosen[name], name) for name in contrast.blocks}
    terms |= {name: _columns(chosen[name], name) for name in contrast.covariates if name not in terms}
    label = contrast.variable if contrast.test is None else f"{contrast.variable}[{contrast.test}]"
    if not contrast.interact_with:
        return {**terms, contrast.variable: value.to_frame(label)}, None
    groups = text_of(chosen[contrast.interact_with])
    levels = sorted(set(groups))
    if len(levels) != 2:
        raise OhmicsError(
            f"contrast {contrast.label}: interact_with `{contrast.interact_with}` has {len(levels)} groups "
            f"({listing(levels)}); two are compared, restrict them with `where`"
        )
    member = (groups == levels[1]).astype("float64")
    terms.setdefault(contrast.interact_with, member.to_frame(f"{contrast.interact_with}[{levels[1]}]"))
    terms[contrast.variable] = value.to_frame(label)
    product = (value * member).to_frame(f"{label}:{contrast.interact_with}[{levels[1]}]")
    return {**terms, f"{contrast.variable}:{contrast.interact_with}": product}, groups


def _full_rank(
    chosen: pd.DataFrame, contrast: Contrast, terms: Mapping[str, pd.DataFrame], notes: list[str]
) -> tuple[pd.DataFrame, str]:
    """Leave out nuisance columns that others already say, and refuse when the comparison is among them."""
    asked = list(terms)[-1]
    kept = pd.DataFrame({"(Intercept)": 1.0}, index=chosen.index)
    basis = _extend(np.empty((len(chosen), 0)), np.ones(len(chosen)))
    formula: list[str] = []
    for name, columns in terms.items():
        told: list[str] = []
        for label in map(str, columns):
            wider = _extend(basis, columns[label].to_numpy())
            if wider.shape[1] == basis.shape[1]:
                told.append(label)
                continue
            basis = wider
            kept[label] = columns[label]
        if told and name == asked:
            raise OhmicsError(_cannot_tell(chosen, contrast, terms))
        if told:
            notes.append(f"`{name}` says nothing that the terms before it do not: left out {listing(told)}")
        if len(told) < columns.shape[1]:
            formula.append(name)
    return kept, "~ " + " + ".join(formula)


def _extend(basis: Array, column: Array) -> Array:
    """Return the orthonormal basis with ``column`` added, or as it was when it spans the column already."""
    rest = column - basis @ (basis.T @ column)
    rest = rest - basis @ (basis.T @ rest)
    length = float(np.linalg.norm(rest))
    if length <= _RANK_TOLERANCE * max(float(np.linalg.norm(column)), 1.0):
        return basis
    return np.column_stack([basis, rest / length])


def _cannot_tell(chosen: pd.DataFrame, contrast: Contrast, terms: Mapping[str, pd.DataFrame]) -> str:
    """Say which column, or which columns together, the comparison cannot be told from."""
    asked = list(terms)[-1]
    value = terms[asked].iloc[:, -1].to_numpy()
    start = _extend(np.empty((len(chosen), 0)), np.ones(len(chosen)))
    head = f"contrast {contrast.label}: `{asked}` cannot be estimated"
    if _extend(start, value).shape[1] == 1:
        return f"{head}, it is the same in all {len(chosen)} samples"
    guilty = _determining(terms, start, value)
    patients = f"{contrast.unit} {listing(dict.fromkeys(text_of(chosen[contrast.unit])), most=12)}"
    if len(guilty) > 1:
        names = " and ".join(f"`{name}`" for name in guilty)
        return (
            f"{head}: {names} together determine it in all {len(chosen)} samples ({patients}); "
            "leave one of them out of the model"
        )
    name = guilty[0]
    remedy = f"leave `{name}` out of the model"
    if contrast.test is None or name not in chosen or asked != contrast.variable:
        return f"{head}: `{name}` alone determines it ({patients}); {remedy}"
    side, given = text_of(chosen[contrast.variable]), text_of(chosen[name])
    parts = [f"`{s}` only with {listing(sorted(set(given[side == s])))}" for s in sorted(set(side))]
    return f"{head}: it cannot be told from `{name}` ({'; '.join(parts)}; {patients}); {remedy}"


def _determining(terms: Mapping[str, pd.DataFrame], start: Array, value: Array) -> list[str]:
    """Return the fewest terms, found by leaving out one after the other, that determine the comparison."""

    def determined(names: list[str]) -> bool:
        basis = start
        for name in names:
            for label in terms[name]:
                basis = _extend(basis, terms[name][label].to_numpy())
        return bool(_extend(basis, value).shape[1] == basis.shape[1])

    *others, _ = terms
    alone = [name for name in others if determined([name])]
    if alone:
        return alone[:1]
    kept = list(others)
    for name in others:
        less = [other for other in kept if other != name]
        if determined(less):
            kept = less
    return kept


def _message(
    matrix: pd.DataFrame, blocks: pd.Series, units: pd.Series, contrast: Contrast, formula: str, notes: list[str],
    *, random: bool,
) -> str:  # fmt: skip
    if contrast.blocks:
        what = "pairs" if contrast.test is not None else "blocks"
        who = f"{blocks.nunique()} {what} of {units.nunique()} {contrast.unit}s"
    else:
        who = f"{units.nunique()} {contrast.unit}s"
    effect = f", {contrast.random_by or contrast.unit} as random effect" if random else ""
    text = (
        f"{contrast.label}: {who} ({len(matrix)} samples), model {formula}{effect}, "
        f"{len(matrix) - matrix.shape[1]} residual degrees of freedom"
    )
    return "; ".join([text, *notes])
