"""Annotated cells and groups of cell types come in; the change of each group's share goes out, as rows of COMPOSITION.

A line of evidence may read all T cells, or all malignant cells, whatever subtypes the annotation told apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics.fractions import LEAST_UNITS, STAGE, compare_composition
from ohmics.model import WITH_SUBTYPES, Contrast
from ohmics.pseudobulk import group_cells
from ohmics.stats.paired import Flips, step_down
from ohmics.tables import COMPOSITION, skipped

MALIGNANT = "malignant"
MOST_UNTOLD = 0.1
"""Share of a sample's cells that may not be known to be malignant or not."""
_REST = "all other cells"


def compare_shares(
    cells: pd.DataFrame,
    samples: pd.DataFrame,
    contrasts: Sequence[Contrast],
    *,
    shares: Collection[str],
    descendants: Mapping[str, Collection[str]],
    exclude: Collection[str] = ("unassigned",),
    n_draws: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Test how the shares of groups of cells change, each against all other cells.

    Parameters
    ----------
    cells, samples, contrasts, exclude, n_draws, seed
        As in `ohmics.compare_composition`.
    shares
        Cell types, and ``malignant``, whose share lines of evidence read.
    descendants
        Type -> its subtypes. A type without cells of a subtype stands in the composition itself and has no row here.

    Returns
    -------
    pandas.DataFrame
        COMPOSITION: rows of ``malignant`` and of ``TYPE (with subtypes)``. The effect is that of two parts, the group
        and all other cells; q is the step-down max-|T| adjusted p over the groups of a contrast.
        ``attrs["skipped"]`` holds rows of SKIPPED for groups that were not tested.
    """
    typed = cells["cell_type"].notna() & ~cells["cell_type"].isin(list(exclude))
    found, skips = [COMPOSITION.empty()], list[dict[str, str]]()
    for name in sorted(set(shares)):
        kept = _told_malignant(cells, skips) if name == MALIGNANT else cells[typed]
        label, inside = _group(kept, name, descendants)
        if not label:
            continue
        two = kept.assign(cell_type=np.where(inside, label, _REST))
        part = compare_composition(two, samples, contrasts, n_draws=n_draws, seed=seed)
        found.append(part[part["cell_type"] == label])
        skips += [row for row in part.attrs["skipped"] if row["cell_type"] == label]
    frame = COMPOSITION.conform(
        [{str(key): value for key, value in row.items()} for part in found for row in part.to_dict("records")]
    )
    for contrast in contrasts:
        _adjust(frame, contrast, n_draws, seed)
    frame = frame.sort_values(list(COMPOSITION.key), kind="stable").reset_index(drop=True)
    frame.attrs = {"skipped": skips}
    return frame


def _told_malignant(cells: pd.DataFrame, skips: list[dict[str, str]]) -> pd.DataFrame:
    """Return the cells known to be malignant or not, of samples in which nearly all are known."""
    if "malignant" not in cells:
        return cells.iloc[:0]
    untold = cells["malignant"].isna()
    share = untold.groupby(cells["sample"]).mean()
    for sample, value in share[share > MOST_UNTOLD].items():
        reason = f"{value:.0%} of the cells of {sample} cannot be told to be malignant or not; {MOST_UNTOLD:.0%} may be"
        skips.append(skipped(STAGE, reason, cell_type=MALIGNANT, subject=str(sample)))
    return cells[~untold & cells["sample"].map(share <= MOST_UNTOLD)]


def _group(
    cells: pd.DataFrame, name: str, descendants: Mapping[str, Collection[str]]
) -> tuple[str, npt.NDArray[np.bool_]]:
    """Return the name of a group's rows and its cells; no name where it is no more than one annotated type."""
    inside = group_cells(cells, [name], descendants)[name]
    if name == MALIGNANT:
        return name if inside.any() else "", inside
    held = set(cells.loc[inside, "cell_type"].astype(str))
    return f"{name}{WITH_SUBTYPES}" if held - {name} else "", inside


def _adjust(frame: pd.DataFrame, contrast: Contrast, n_draws: int, seed: int) -> None:
    """Write the q of a contrast's groups: all were looked at together."""
    mine = frame["contrast"] == contrast.label
    whole = frame.index[mine & (frame["subject"] == contrast.label)]
    each = frame[mine & (frame["subject"] != contrast.label)]
    units = each.set_index(["subject", "cell_type"])["effect"].unstack()  # noqa: PD010 - the key is unique
    tested = frame.loc[whole, "cell_type"].tolist()
    if len(units) < LEAST_UNITS or not tested:
        return
    flips = Flips(len(units), n_draws, seed, f"{contrast.label}/{STAGE}/groups")
    adjusted = step_down(units[tested].to_numpy(dtype=np.float64), flips)
    frame.loc[whole, "q"] = np.maximum(adjusted, frame.loc[whole, "p"].to_numpy(dtype=np.float64))
