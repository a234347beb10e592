"""Rows of benchmarks/antigen_grid.json come in; the tables people read go out as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from scipy import stats

Row = dict[str, Any]
FEW_EXPECTED = 4.0
"""Below this a patient can hardly be taken for one where 10 detections are to be expected."""


def limit(n: int, share: float = 0.05) -> float:
    """Return the 99.9 % limit of a binomial share over n."""
    return float(stats.binom.ppf(0.999, n, share)) / n if n else float("nan")


def zones(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the null rows by what is to be expected of them: told (10 detections and more), between, untold."""
    found: dict[str, list[Row]] = {"told": [], "between": [], "untold": []}
    for row in rows:
        if row["kind"] == "null":
            expected = row["expected"]
            found["told" if expected >= 10 else "untold" if expected < FEW_EXPECTED else "between"].append(row)
    return found


def pooled(rows: list[Row], *names: str) -> float:
    """Return the share of the named calls over all assessable replicates of some rows."""
    told = sum(row["assessable"] for row in rows)
    return (
        sum(sum(row[name] or 0.0 for name in names) * row["assessable"] for row in rows) / told
        if told
        else float("nan")
    )


def text(rows: list[Row]) -> str:
    """Return all tables."""
    return "\n".join([*_null(zones(rows)), *_power([row for row in rows if row["kind"] == "loss"])]) + "\n"


def _null(zone: dict[str, list[Row]]) -> list[str]:
    told = zone["told"]
    if not told:
        return ["Nothing is measured yet."]
    worst = max(told, key=lambda row: row["lost"] + row["reduced"])
    above = [row for row in told if row["lost"] + row["reduced"] > limit(row["assessable"])]
    least = min(row["covers"] for row in told)
    abstained = [row for row in zone["untold"] if row["assessable"] > 0.01 * row["replicates"]]
    lines = [
        "### Patients in whom nothing changed",
        "",
        f"{len(told)} cells of the grid where 10 detections or more are to be expected, "
        f"{sum(row['assessable'] for row in told):,} assessable replicates (fewest in a cell "
        f"{min(row['assessable'] for row in told):,}).",
        "",
        "| | found | limit |",
        "|---|---|---|",
        f"| called lost or reduced, pooled | {pooled(told, 'lost', 'reduced'):.2%} | 5.5 % |",
        f"| called lost or reduced, worst cell ({worst['case']}) | {worst['lost'] + worst['reduced']:.1%} | "
        f"{limit(worst['assessable']):.1%} |",
        f"| cells above the 99.9 % binomial limit of 5 % | {len(above)} | 0 |",
        f"| called gained, pooled | {pooled(told, 'gained'):.2%} | 5.5 % |",
        f"| interval covers, pooled | {pooled(told, 'covers'):.2%} | at least 94.5 % |",
        f"| interval covers, worst cell | {least:.1%} | at least 92.5 % |",
        f"| fewer than {FEW_EXPECTED:g} expected ({len(zone['untold'])} cells): cells with more than 1 % assessable | "
        f"{len(abstained)} | 0 |",
        "",
        "Lost or reduced by depth, and what tests in use call a loss on the same patients:",
        "",
        "| depth after / before | cells of the grid | ohmics | Fisher, non-zero cells | Wilcoxon, log values | "
        "score_genes, Wilcoxon |",
        "|---|---|---|---|---|---|",
    ]
    for depth in sorted({row["truth"]["depth"] for row in told}):
        part = [row for row in told if row["truth"]["depth"] == depth]
        others = " | ".join(_mean(part, name) for name in ("fisher", "wilcoxon", "score_genes"))
        lines.append(f"| {depth:g} | {len(part)} | {pooled(part, 'lost', 'reduced'):.1%} | {others} |")
    lines += ["", "Every cell of the grid (ambient RNA before and after; batch sd drawn from 0 to 0.3):", "",
              "| cells | detection | ambient | depth | expected | assessable | lost or reduced | gained | covers |",
              "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for row in [*told, *zone["between"], *zone["untold"]]:
        truth = row["truth"]
        ambient = row["case"].split("ambient ")[1]
        shares = (
            f"{row['lost'] + row['reduced']:.1%} | {row['gained']:.1%} | {row['covers']:.1%}"
            if row["assessable"]
            else "| | "
        )
        patient = f"{truth['n_cells']:,} | {truth['detection']:.0%} | {ambient} | {truth['depth']:g}"
        assessable = f"{row['assessable']:,} of {row['replicates']:,}"
        lines.append(f"| {patient} | {row['expected']:.1f} | {assessable} | {shares} |")
    return [*lines, ""]


def _mean(rows: list[Row], name: str) -> str:
    values = [row[name] for row in rows if row[name] is not None]
    return f"{sum(values) / len(values):.0%}" if values else ""


def _power(rows: list[Row]) -> list[str]:
    if not rows:
        return []
    lines = [
        "### Patients who lost the antigen",
        "",
        "Shares are of the assessable patients; the oracle knows depth, ambient RNA, dispersion and the null's sd, "
        "and decides by the same thresholds. Fisher, Wilcoxon and score_genes are shown at equal depth only: at a "
        "lower one they call a loss in patients without one.",
        "",
        "| lost in | cells | detection | ambient | depth | expected | assessable | lost | lost or reduced | "
        "oracle: lost | oracle: lost or reduced | covers | Fisher | Wilcoxon | score_genes |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        truth = row["truth"]
        ours = f"{row['lost']:.0%} | {row['lost'] + row['reduced']:.0%}" if row["assessable"] else " | "
        oracle = f"{row['oracle_lost']:.0%} | {row['oracle_lost'] + row['oracle_reduced']:.0%}"
        covers = "" if row["covers"] is None else f"{row['covers']:.0%}"
        peers = [_mean([row], name) if truth["depth"] >= 1 else "" for name in ("fisher", "wilcoxon", "score_genes")]
        patient = (
            f"{1 - truth['kept']:.0%} | {truth['n_cells']:,} | {truth['detection']:.0%} | {truth['ambient'][0]:.0%}"
        )
        told = f"{row['expected']:.0f} | {row['assessable'] / row['replicates']:.0%} | {ours}"
        known = oracle if row["oracle_assessable"] else " | "
        lines.append(f"| {patient} | {truth['depth']:g} | {told} | {known} | {covers} | {' | '.join(peers)} |")
    return [*lines, ""]
