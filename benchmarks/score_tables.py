"""Measured lines of the scoring benchmark come in, Markdown goes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass
class Line:
    """One line of the table; ``against`` names the line of ours that it is compared with."""

    name: str
    task: Callable[[], pd.DataFrame] | None
    against: str = ""
    seconds: float = float("nan")
    processor: float = float("nan")
    memory: float = float("nan")
    difference: float = float("nan")


def table(lines: list[Line]) -> str:
    """Return the lines as a Markdown table."""
    of = {line.name: line for line in lines}
    rows = [
        "| | seconds | processor seconds | MiB beyond the matrix | times ohmics' seconds"
        " | greatest difference (compat) |",
        "|---|---|---|---|---|---|",
    ]
    for line in lines:
        if line.task is None:
            rows.append(f"| {line.name} | not installed | | | | |")
            continue
        ratio = f"{line.seconds / of[line.against].seconds:.1f}×" if line.against in of else ""
        off = "" if np.isnan(line.difference) else f"{line.difference:.1e}"
        rows.append(
            f"| {line.name} | {line.seconds:.2f} | {line.processor:.2f} | {line.memory:.0f} | {ratio} | {off} |"
        )
    return "\n".join(rows)


def scaling_table(rows: list[dict[str, Any]]) -> str:
    """Return the comparison of many with few cells as a Markdown table."""
    if not rows:
        return ""
    few, many = f"{rows[0]['few']:,}", f"{rows[0]['many']:,}"
    text = [
        f"| method | seconds, {few} | seconds, {many} | a cell, ratio | ratio of processor seconds"
        f" | MiB, {few} | MiB, {many} |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        text.append(
            f"| {row['method']} | {row['seconds_few']:.2f} | {row['seconds_many']:.2f} | {row['ratio']:.2f} |"
            f" {row['ratio_processor']:.2f} | {row['memory_few']:.0f} | {row['memory_many']:.0f} |"
        )
    return "\n".join(text)


def target_table(rows: list[dict[str, Any]]) -> str:
    """Return the targets as a Markdown table."""
    text = ["| target | bound | measured | met |", "|---|---|---|---|"]
    for row in rows:
        text.append(f"| {row['target']} | {row['bound']} | {row['measured']:.2f} | {'yes' if row['met'] else 'no'} |")
    return "\n".join(text)


NOTES = """gseapy breaks ties by the order of genes (here thousands of genes without a count), ours share ranks;
without ties they agree (`tests/golden`). decoupler's ulm drops genes without counts, ours keeps the data's number of
genes. decoupler's zscore compares genes within a cell, `mean_z` with the cohort's reference: another quantity, so no
difference is given. scanpy's and decoupler's normalisation is not timed, ours is. `score_samples` makes the mean score,
its sd and `null_z` of one sample and type by all five methods."""


def written(
    manual_text: str, said: str, *, lines: list[Line], scaled: list[dict[str, Any]], met: list[dict[str, Any]]
) -> str:
    """Return benchmarks/score.md."""
    manual = manual_text.split("\n\n")
    parts = [
        "# Scoring beside its peers",
        f"`{manual[1].strip()}`",
        manual[2].strip(),
        said,
        target_table(met),
        table(lines),
        NOTES,
        *([scaling_table(scaled)] if scaled else []),
    ]
    return "\n\n".join(parts) + "\n"
