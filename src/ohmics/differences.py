"""SCORES, samples and a contrast come in; differences of pairs and of units, as matrices, go out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics.errors import Faults, did_you_mean, listing
from ohmics.membership import COMPARABLE, membership, text_values
from ohmics.model import Contrast

FloatArray = npt.NDArray[np.float64]
as_text = text_values
TEST_KEY = ["cell_type", "mechanism", "gene_list", "method"]


def contrast_sides(samples: pd.DataFrame, contrast: Contrast) -> pd.DataFrame:
    """Return the samples of a contrast with their unit, block and side.

    Parameters
    ----------
    samples
        SAMPLES, with or without ``sample`` as its index.
    contrast
        The contrast. ``where`` keeps samples whose column holds the value (or one of the values).

    Returns
    -------
    pandas.DataFrame
        ``sample``, ``unit``, ``block`` (values of pair_by joined by ``|``, or of random_by; else the sample),
        ``side`` (``test`` or ``reference``; empty for a continuous variable) and the columns of SAMPLES.
        Samples without a unit, a block value or a value of the variable take no part.

    Raises
    ------
    OhmicsError
        When a column of the contrast is not in the sheet.
    """
    sheet = samples if "sample" in samples else samples.reset_index(names="sample")
    faults = Faults()
    for name in contrast.columns:
        if name not in sheet:
            faults.add(
                f"column `{name}` is not in the samples sheet", where=f"contrast {contrast.label}",
                legal=listing(sheet.columns, most=20), remedy=did_you_mean(name, sheet.columns),
            )  # fmt: skip
    faults.raise_if_any()
    members = membership(sheet, contrast)
    chosen = members["chosen"]
    result, members = sheet[chosen].reset_index(drop=True), members[chosen].reset_index(drop=True)
    result["sample"] = result["sample"].astype(str)
    result["unit"] = members["unit"]
    # Columns of the sheet may be named like these.
    result["block"] = members["block"] if contrast.blocks or contrast.random_by else result["sample"]
    result["side"] = members["side"].where(members["side"] != "value", "")
    return result


def spanning_blocks(sides: pd.DataFrame) -> list[str]:
    """Return the blocks that hold samples of more than one unit: they cannot be averaged to units."""
    units = sides.groupby("block")["unit"].nunique()
    return [str(name) for name in units.index[units > 1]]


def pair_flags(sides: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Return, per block, what differs between its two sides: column -> ``reference value against test value``.

    A value that is empty on one side is no difference that could be told.
    """
    found: dict[str, dict[str, str]] = {}
    for block, rows in sides.groupby("block", sort=True):
        found[str(block)] = {}
        for name in COMPARABLE:
            if name not in rows or set(rows["side"]) != {"test", "reference"}:
                continue
            values = as_text(rows[name])
            before, after = (sorted(set(values[rows["side"] == side]) - {""}) for side in ("reference", "test"))
            if before and after and before != after:
                found[str(block)][name] = f"{'/'.join(before)} against {'/'.join(after)}"
    return found


@dataclass(frozen=True)
class Differences:
    """Differences test minus reference for every test (cell type, mechanism, list, method) of one depth.

    ``tests`` has one row a test. ``pairs`` is blocks × tests, ``units`` units × tests; NaN where one
    side is missing. ``technical`` is the technical variance of a unit's difference, ``cells`` the cells
    behind it. ``block_units`` gives each block's unit.
    """

    tests: pd.DataFrame
    pairs: FloatArray
    blocks: list[str]
    block_units: list[str]
    units: FloatArray
    unit_names: list[str]
    technical: FloatArray
    cells: FloatArray

    def of_units(self, units: npt.NDArray[np.bool_]) -> Differences:
        """Return some of the units, with their pairs."""
        names = [name for name, kept in zip(self.unit_names, units, strict=True) if kept]
        blocks = np.isin(np.array(self.block_units, dtype=object), names)
        return Differences(
            tests=self.tests,
            pairs=self.pairs[blocks],
            blocks=[name for name, kept in zip(self.blocks, blocks, strict=True) if kept],
            block_units=[name for name, kept in zip(self.block_units, blocks, strict=True) if kept],
            units=self.units[units],
            unit_names=names,
            technical=self.technical[units],
            cells=self.cells[units],
        )

    def of_tests(self, tests: npt.NDArray[np.bool_], *, all_units: bool = False) -> Differences:
        """Return some of the tests, and only the units that have one of them unless ``all_units``."""
        part = replace(
            self,
            tests=self.tests[tests].reset_index(drop=True),
            pairs=self.pairs[:, tests],
            units=self.units[:, tests],
            technical=self.technical[:, tests],
            cells=self.cells[:, tests],
        )
        return part if all_units else part.of_units(np.asarray(~np.isnan(part.units).all(axis=1), dtype=bool))


def common_depth(scores: pd.DataFrame, sides: pd.DataFrame, within: list[str]) -> pd.DataFrame:
    """Keep, per group of samples and cell type, thinned scores of the largest depth that all its samples have.

    Parameters
    ----------
    scores
        Thinned rows of SCORES.
    sides
        The contrast's samples (see `contrast_sides`).
    within
        Columns of ``sides`` that say which samples are compared with each other; empty: all.
    """
    rows = scores.merge(sides[["sample", "block", "unit", "side"]], on="sample")
    keys = [*within, "cell_type"]
    if rows.empty:
        return rows
    held = rows.groupby([*keys, "thinned_to"])["sample"].nunique().rename("held").reset_index()
    all_of = rows.groupby(keys)["sample"].nunique().rename("samples").reset_index()
    held = held.merge(all_of, on=keys)
    best = held[held["held"] == held["samples"]].groupby(keys, as_index=False)["thinned_to"].max()
    return rows.merge(best, on=[*keys, "thinned_to"])


def side_means(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return scores averaged with cell weights over the samples of each group.

    Parameters
    ----------
    rows
        Rows of SCORES with the columns of ``keys``.
    keys
        Columns that name a group and a test.

    Returns
    -------
    pandas.DataFrame
        ``keys`` with ``score``, ``variance`` (technical; missing when unknown) and ``n_cells``.
    """
    weight = rows["n_cells"].astype("float64").clip(lower=1)
    square = weight**2 * rows["technical_sd"].astype("float64") ** 2
    parts = rows[keys].assign(weight=weight, sum=weight * rows["score"], square=square, known=square.notna())
    parts["mechanism"] = parts["mechanism"].astype(object).where(parts["mechanism"].notna(), "")
    grouped = parts.groupby(keys, sort=True)
    total = grouped[["weight", "sum", "square"]].sum()
    known = grouped["known"].all()
    means = pd.DataFrame(
        {
            "score": total["sum"] / total["weight"],
            "variance": (total["square"] / total["weight"] ** 2).where(known),
            "n_cells": total["weight"],
        }
    )
    return means.reset_index()


def paired_differences(scores: pd.DataFrame, sides: pd.DataFrame, depth: str) -> Differences:
    """Return the differences of a paired contrast at one depth.

    Several samples on one side of a block are averaged with cell weights; a unit's difference is the
    mean of its blocks' differences.

    Parameters
    ----------
    scores
        SCORES.
    sides
        The contrast's samples; no block spans two units.
    depth
        ``raw`` or ``thinned``; thinned pairs are compared at the largest depth all their samples have.
    """
    rows = scores[scores["depth"] == depth]
    if depth == "thinned":
        rows = common_depth(rows, sides, ["block"])
    else:
        rows = rows.merge(sides[["sample", "block", "unit", "side"]], on="sample")
    blocks = sorted(set(sides["block"]))
    unit_of: Mapping[str, str] = dict(zip(sides["block"], sides["unit"], strict=True))
    means = side_means(rows, ["block", "side", *TEST_KEY])
    tests = means[TEST_KEY].drop_duplicates().sort_values(TEST_KEY).reset_index(drop=True)
    wide = {}
    for side in ("test", "reference"):
        part = means[means["side"] == side]
        places = part[TEST_KEY].merge(tests.reset_index(names="test"), on=TEST_KEY, how="left")["test"].to_numpy()
        lines = pd.Index(blocks).get_indexer(part["block"])
        for name in ("score", "variance", "n_cells"):
            matrix = np.full((len(blocks), len(tests)), np.nan)
            matrix[lines, places] = part[name]
            wide[side, name] = matrix
    pairs = wide["test", "score"] - wide["reference", "score"]
    missing = np.isnan(pairs)
    variance = np.where(missing, np.nan, wide["test", "variance"] + wide["reference", "variance"])
    cells = np.where(missing, 0.0, wide["test", "n_cells"] + wide["reference", "n_cells"])
    unit_names = sorted(set(unit_of.values()))
    owner = pd.Index(unit_names).get_indexer(pd.Index([unit_of[block] for block in blocks]))
    units, technical, totals = (np.full((len(unit_names), len(tests)), np.nan) for _ in range(3))
    for number in range(len(unit_names)):
        own = owner == number
        count = np.count_nonzero(~missing[own], axis=0)
        some = count > 0
        units[number, some] = np.nansum(pairs[own], axis=0)[some] / count[some]
        unknown = (np.isnan(variance[own]) & ~missing[own]).any(axis=0)
        total = np.nansum(variance[own], axis=0)
        technical[number, some & ~unknown] = total[some & ~unknown] / count[some & ~unknown] ** 2
        totals[number] = cells[own].sum(axis=0)
    return Differences(tests, pairs, blocks, [unit_of[b] for b in blocks], units, unit_names, technical, totals)


def unit_slopes(scores: pd.DataFrame, sides: pd.DataFrame, depth: str, variable: str) -> Differences:
    """Return, per unit, the slope of each score on a continuous variable within its blocks (``pairs``: the blocks').

    A unit's slope is the mean of its blocks'; a block needs two values of the variable. The variance is technical.
    """
    each = group_values(scores, sides.assign(unit=sides["sample"]), depth)
    of = sides.set_index("sample").reindex(each.unit_names)
    x = pd.to_numeric(of[variable]).to_numpy(dtype=np.float64)
    blocks = sorted(set(sides["block"]))
    unit_of = dict(zip(sides["block"], sides["unit"], strict=True))
    shape = (len(blocks), len(each.tests))
    slopes, variance, cells = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape)
    for number, block in enumerate(blocks):
        own = np.flatnonzero((of["block"] == block).to_numpy())
        y = each.units[own]
        given = ~np.isnan(y)
        count = np.maximum(given.sum(axis=0), 1)
        centred = np.where(given, x[own, None] - np.where(given, x[own, None], 0.0).sum(axis=0) / count, 0.0)
        spread = (centred**2).sum(axis=0)
        known = spread > 0
        total = (centred * np.nan_to_num(y)).sum(axis=0)
        slopes[number, known] = total[known] / spread[known]
        variance[number, known] = (centred**2 * np.where(given, each.technical[own], 0.0)).sum(axis=0)[known] / spread[
            known
        ] ** 2
        cells[number, known] = np.where(given, each.cells[own], 0.0).sum(axis=0)[known]
    names = sorted(set(unit_of.values()))
    member = np.array([[unit_of[block] == name for block in blocks] for name in names], dtype=np.float64)
    held = member @ (~np.isnan(slopes)).astype(np.float64)
    units = np.divide(member @ np.nan_to_num(slopes), held, out=np.full(held.shape, np.nan), where=held > 0)
    unknown = member @ (np.isnan(variance) & ~np.isnan(slopes)).astype(np.float64)
    known = (held > 0) & (unknown == 0)
    spread = np.divide(member @ np.nan_to_num(variance), held**2, out=np.full(held.shape, np.nan), where=known)
    owners = [unit_of[block] for block in blocks]
    return Differences(each.tests, slopes, blocks, owners, units, names, spread, member @ cells)


def covariate_differences(sides: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return, per unit, by how much covariates differ between its sides: units × columns that differ anywhere.

    Numbers differ by their means, others by the share of each level but the first. A unit that lacks a value has
    missing ones.
    """
    columns: dict[str, pd.Series] = {}
    for name in names:
        numbers = pd.to_numeric(sides[name], errors="coerce")
        text = as_text(sides[name])
        if bool((numbers.notna() | (text == "")).all()):
            parts = {name: numbers.astype("float64")}
        else:
            levels = sorted(set(text) - {""})[1:]
            parts = {f"{name}[{level}]": (text == level).astype("float64").where(text != "") for level in levels}
        for label, values in parts.items():
            means = {
                side: values[sides["side"] == side].groupby(sides["block"]).agg(lambda own: own.mean(skipna=False))
                for side in ("test", "reference")
            }
            gap = (means["test"] - means["reference"]).dropna()
            if len(gap):
                unit = sides.drop_duplicates("block").set_index("block")["unit"]
                columns[label] = gap.groupby(unit.reindex(gap.index)).mean()
    frame = pd.DataFrame(columns)
    return frame.loc[:, (frame.fillna(0.0).abs() > 1e-12).any()] if len(frame.columns) else frame


def group_values(scores: pd.DataFrame, sides: pd.DataFrame, depth: str) -> Differences:
    """Return one value a unit and test for a contrast of two groups of units (``pairs`` equals ``units``).

    Several samples of a unit are averaged with cell weights. Thinned scores are compared at the largest
    depth that all samples of the contrast have.
    """
    rows = scores[scores["depth"] == depth]
    rows = common_depth(rows, sides, []) if depth == "thinned" else rows.merge(
        sides[["sample", "block", "unit", "side"]], on="sample"
    )  # fmt: skip
    means = side_means(rows, ["unit", *TEST_KEY])
    tests = means[TEST_KEY].drop_duplicates().sort_values(TEST_KEY).reset_index(drop=True)
    unit_names = sorted(set(sides["unit"]))
    places = means[TEST_KEY].merge(tests.reset_index(names="test"), on=TEST_KEY, how="left")["test"].to_numpy()
    lines = pd.Index(unit_names).get_indexer(means["unit"])
    parts = []
    for name in ("score", "variance", "n_cells"):
        matrix = np.full((len(unit_names), len(tests)), np.nan)
        matrix[lines, places] = means[name]
        parts.append(matrix)
    values, variance, cells = parts
    return Differences(tests, values, unit_names, unit_names, values, unit_names, variance, np.nan_to_num(cells))
