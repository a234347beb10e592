"""Malignant cells of two samples and an antigen's call come in; detection by depth, seen and expected, goes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.optimize import brentq

from ohmics.calls.populations import Floats, Population

BINS = 4
_NORMAL = 1.959963984540054


def expected_range(row: Mapping[str, Any], *, min_null_sd: float) -> tuple[float, float]:
    """Return the 95 % range of the cells with a count after, had nothing changed.

    Parameters
    ----------
    row
        A row of ANTIGEN: expected_detected, n_cells_post, detected_pre, null_sd.
    min_null_sd
        Least sd of the log ratio with which an unchanged gene is believed to move.

    Returns
    -------
    tuple
        On the scale of the log rate a cell: it moves by the null's sd, by what counting left open before, and by
        counting after. NaN where nothing was to be expected.
    """
    n, expected = float(row["n_cells_post"]), float(row["expected_detected"])
    if not np.isfinite(expected) or n <= 0 or expected <= 0:
        return float("nan"), float("nan")
    rate = -float(np.log1p(-min(expected / n, 1 - 1e-9)))
    moves = max(float(row["null_sd"]) if np.isfinite(row["null_sd"]) else 0.0, min_null_sd)
    sd = float(np.sqrt(moves**2 + 1.0 / max(float(row["detected_pre"]), 1.0) + 1.0 / expected))
    low, high = (n * -float(np.expm1(-rate * np.exp(side * _NORMAL * sd))) for side in (-1, 1))
    return low, high


def by_depth(pre: Population, post: Population, genes: tuple[str, ...], row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return rows of ANTIGEN_DEPTH without patient: each sample's cells in fourths by depth.

    What is to be expected of a fourth after is the row's expected_detected shared out by depth: one rate per UMI
    gives each cell its chance of a count.
    """
    rows = []
    for side, cells in (("before", pre), ("after", post)):
        counts, depth = cells.of(genes), cells.depth
        chance = _chances(depth, float(row["expected_detected"])) if side == "after" else None
        edges = np.quantile(depth, np.linspace(0, 1, BINS + 1)[1:-1]) if cells.n else np.zeros(BINS - 1)
        place = np.searchsorted(edges, depth)
        for number in range(BINS):
            inside = place == number
            if not inside.any():
                continue
            rows.append(
                {
                    "antigen": row["antigen"],
                    "sample": row["pre_sample"] if side == "before" else row["post_sample"],
                    "side": side,
                    "bin": number + 1,
                    "umi": float(np.median(depth[inside])),
                    "n_cells": int(inside.sum()),
                    "detected": int(np.count_nonzero(counts[inside])),
                    "counts": float(counts[inside].mean()),
                    "expected": float(chance[inside].sum()) if chance is not None else float("nan"),
                }
            )
    return rows


def _chances(depth: Floats, expected: float) -> Floats | None:
    """Return each cell's chance of a count at the one rate per UMI that gives the expected number of cells."""
    if not np.isfinite(expected) or expected <= 0 or expected >= len(depth):
        return None
    scaled = depth / depth.mean()

    def beyond(log_rate: float) -> float:
        return float(np.sum(-np.expm1(-np.exp(log_rate) * scaled))) - expected

    rate = float(np.exp(brentq(beyond, -30.0, 12.0)))
    return np.asarray(-np.expm1(-rate * scaled), dtype=np.float64)
