"""Annotated cells, samples and contrasts come in; the change of cell-type fractions goes out (COMPOSITION)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ohmics.differences import contrast_sides, pair_flags, spanning_blocks
from ohmics.errors import OhmicsError, listing
from ohmics.model import Contrast
from ohmics.stats.composition import clr_change
from ohmics.stats.overdispersed import binomial_change
from ohmics.stats.paired import Flips, flip_test, step_down
from ohmics.tables import COMPOSITION, skipped

STAGE = "composition"
LEAST_UNITS = 2


def compare_composition(
    cells: pd.DataFrame,
    samples: pd.DataFrame,
    contrasts: Contrast | Sequence[Contrast],
    *,
    exclude: Collection[str] = ("unassigned",),
    n_draws: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Test how the fractions of cell types change, each relative to the other types.

    Pairs whose sides differ in tissue, enrichment or chemistry are refused: what changed between them is
    the gate or the organ. Cells of several samples on one side are summed.

    Parameters
    ----------
    cells
        CELLS: one row a cell with ``sample`` and ``cell_type``.
    samples
        SAMPLES.
    contrasts
        One or more contrasts; only paired ones are compared.
    exclude
        Types that are left out of the composition.
    n_draws, seed
        Sign flips when they are too many to enumerate.

    Returns
    -------
    pandas.DataFrame
        COMPOSITION: one row a type for the contrast (mean change of the centred log ratio over units,
        interval and p by sign flips, q by step-down max-|T| over the types; beside it, as a second view without a
        q, the change of the type's log odds by an overdispersed binomial model) and one for each unit (its
        own change; the interval is what counting cells alone gives; no p).
        Both are relative to the other types. ``attrs["skipped"]`` holds rows of SKIPPED.
    """
    absent = [name for name in ("sample", "cell_type") if name not in cells]
    if absent:
        raise OhmicsError(f"cells lack column {listing(absent)}; legal: CELLS")
    kept = cells[cells["cell_type"].notna() & ~cells["cell_type"].isin(list(exclude))]
    counts = pd.crosstab(kept["sample"].astype(str), kept["cell_type"].astype(str))
    rows: list[dict[str, Any]] = []
    skips: list[dict[str, str]] = []
    for contrast in [contrasts] if isinstance(contrasts, Contrast) else contrasts:
        sides = contrast_sides(samples, contrast)
        if contrast.test is None or not contrast.blocks or contrast.interact_with:
            reason = "composition is compared within pairs only: give test, reference and pair_by, no interact_with"
            skips.append(skipped(STAGE, reason, contrast=contrast.label))
        elif spanning_blocks(sides):
            reason = f"blocks {listing(spanning_blocks(sides))} hold samples of more than one {contrast.unit}"
            skips.append(skipped(STAGE, reason, contrast=contrast.label))
        else:
            pairs = _pairs(counts, sides, contrast, skips)
            types = [str(name) for name in counts.columns]
            _unit_rows(pairs, types, contrast, rows)
            _cohort_rows(pairs, types, contrast, n_draws, seed, rows, skips)
    frame = COMPOSITION.conform(rows) if rows else COMPOSITION.empty()
    frame = frame.sort_values(list(COMPOSITION.key), kind="stable").reset_index(drop=True)
    frame.attrs = {"skipped": skips}
    return frame


_Pairs = dict[str, list[dict[str, Any]]]


def _pairs(counts: pd.DataFrame, sides: pd.DataFrame, contrast: Contrast, skips: list[dict[str, str]]) -> _Pairs:
    """Return, per unit, fractions and change of each of its pairs that may be compared."""
    flags, refused = pair_flags(sides), set()
    pairs: _Pairs = {}
    for block, rows in sides.groupby("block", sort=True):
        unit = str(rows["unit"].iloc[0])
        side = {
            name: counts.reindex(rows.loc[rows["side"] == name, "sample"]).fillna(0).sum().to_numpy(dtype=np.float64)
            for name in ("test", "reference")
        }
        if flags[str(block)]:
            refused.add(unit)
            what = "; ".join(f"{name} {text}" for name, text in flags[str(block)].items())
            reason = f"the pair differs in {what}: its composition cannot be compared"
        elif not side["test"].sum() or not side["reference"].sum():
            reason = f"no cells on the {'test' if not side['test'].sum() else 'reference'} side"
        else:
            change, variance = clr_change(side["test"], side["reference"])
            pairs.setdefault(unit, []).append({
                "change": change, "variance": variance,
                "pre": side["reference"] / side["reference"].sum(), "post": side["test"] / side["test"].sum(),
                "counts": np.stack([side["reference"], side["test"]], axis=1),
            })  # fmt: skip
            continue
        item = "" if str(block) == unit else str(block)
        skips.append(skipped(STAGE, reason, contrast=contrast.label, subject=unit, item=item))
    return pairs


def _mean(pairs: list[dict[str, Any]], name: str) -> Any:
    """Return the mean over a unit's pairs of those that have the type."""
    values = np.array([pair[name] for pair in pairs])
    given = ~np.isnan(values)
    count = given.sum(axis=0)
    total = np.where(given, values, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _unit_rows(pairs: _Pairs, types: list[str], contrast: Contrast, rows: list[dict[str, Any]]) -> None:
    for unit, own in pairs.items():
        change, pre, post = _mean(own, "change"), _mean(own, "pre"), _mean(own, "post")
        given = np.sum([~np.isnan(pair["change"]) for pair in own], axis=0)
        margin = 1.96 * np.sqrt(_mean(own, "variance") / np.maximum(given, 1))
        for j in np.flatnonzero(~np.isnan(change)):
            rows.append({
                "contrast": contrast.label, "subject": unit, "cell_type": types[j], "fraction_pre": pre[j],
                "fraction_post": post[j], "effect": change[j], "low": change[j] - margin[j],
                "high": change[j] + margin[j], "n_pairs": int(given[j]),
            })  # fmt: skip


def _cohort_rows(
    pairs: _Pairs, types: list[str], contrast: Contrast, n_draws: int, seed: int, rows: list[dict[str, Any]],
    skips: list[dict[str, str]],
) -> None:  # fmt: skip
    if len(pairs) < LEAST_UNITS:
        reason = f"{len(pairs)} ({contrast.unit}) with a pair that can be compared; at least {LEAST_UNITS} are needed"
        skips.append(skipped(STAGE, reason, contrast=contrast.label))
        return
    units = np.array([_mean(own, "change") for own in pairs.values()])
    enough = np.count_nonzero(~np.isnan(units), axis=0) >= LEAST_UNITS
    for name in [name for name, some in zip(types, enough, strict=True) if not some]:
        reason = f"fewer than {LEAST_UNITS} ({contrast.unit}) have the type on either side of a pair"
        skips.append(skipped(STAGE, reason, contrast=contrast.label, cell_type=name))
    if not enough.any():
        return
    flips = Flips(len(units), n_draws, seed, f"{contrast.label}/{STAGE}")
    test = flip_test(units[:, enough], flips)
    q = np.maximum(step_down(units[:, enough], flips), test.p)
    every = [pair for own in pairs.values() for pair in own]
    # Types × units × sides; several pairs of one unit are one pair of its cells.
    counts = np.stack([np.sum([pair["counts"] for pair in own], axis=0) for own in pairs.values()], axis=1)
    for place, j in enumerate(np.flatnonzero(enough)):
        given = [pair for pair in every if not np.isnan(pair["change"][j])]
        rows.append({
            "contrast": contrast.label, "subject": contrast.label, "cell_type": types[j],
            "fraction_pre": float(np.mean([pair["pre"][j] for pair in given])),
            "fraction_post": float(np.mean([pair["post"][j] for pair in given])),
            "effect": test.effect[place], "low": test.low[place], "high": test.high[place], "p": test.p[place],
            "q": q[place], "n_pairs": len(given),
            **_second_view(counts[j], counts.sum(axis=0), n_draws, seed, f"{contrast.label}/{STAGE}"),
        })  # fmt: skip


def _second_view(cells: Any, totals: Any, n_draws: int, seed: int, name: str) -> dict[str, Any]:
    """Return the change of a type's log odds by the overdispersed binomial model."""
    model = binomial_change(cells, totals, n_draws=n_draws, seed=seed, name=name)
    return {
        "log_odds": model.effect, "log_odds_low": model.low, "log_odds_high": model.high, "log_odds_p": model.p,
        "overdispersion": model.overdispersion,
    }  # fmt: skip
