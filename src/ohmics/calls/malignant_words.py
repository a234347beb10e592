"""A cluster's lines of evidence come in; its row of MALIGNANT, in words a reader can follow, goes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ohmics.calls.malignant_lines import Line


@dataclass(frozen=True, slots=True)
class ClusterCall:
    """What the evidence says of one cluster of one sample: lines, their sum with its range (log-odds), the call."""

    sample: str
    cluster: str
    n_cells: int
    lines: tuple[Line, ...]
    total: float
    low: float
    high: float
    call: str
    why: str

    @property
    def probability(self) -> float:
        """Probability that the cluster is malignant; missing where nothing was weighed."""
        return chance(self.total) if self.lines else float("nan")


def chance(log_odds: float) -> float:
    """Return the probability of log-odds."""
    return float(1 / (1 + np.exp(-log_odds)))


def cluster_row(call: ClusterCall) -> dict[str, Any]:
    """Return the row of MALIGNANT of a cluster that the evidence decides."""
    told = bool(call.lines)
    return {
        "sample": call.sample,
        "cluster": call.cluster,
        "estimate": call.probability,
        "low": chance(call.low) if told else np.nan,
        "high": chance(call.high) if told else np.nan,
        "evidence": evidence_text(call),
        "call": call.call,
        "reason": reason_text(call),
    }


def evidence_text(call: ClusterCall) -> str:
    """Return the lines as ``name +1.2 (0.3 to 2.0)``, joined by semicolons."""
    return "; ".join(
        f"{line.name} {line.value:+.1f}" + (f" ({line.low:+.1f} to {line.high:+.1f})" if line.high > line.low else "")
        for line in call.lines
    )


def reason_text(call: ClusterCall) -> str:
    """Return what speaks for a tumour, what against, and what tells nothing, with the numbers."""
    if not call.lines:
        return f"Undetermined: {call.why}."
    parts = [f"{call.call.capitalize()} (probability {call.probability:.2f}, {call.n_cells} cells)."]
    groups = (
        ("For a tumour", [line for line in call.lines if line.value >= 0.2]),
        ("Against", [line for line in call.lines if line.value <= -0.2]),
        ("Telling nothing", [line for line in call.lines if abs(line.value) < 0.2]),
    )
    for title, lines in groups:
        if lines:
            ordered = sorted(lines, key=lambda line: -abs(line.value))
            parts.append(f"{title}: " + "; ".join(f"{line.words} ({line.name})" for line in ordered) + ".")
    return " ".join(parts)


def declared_row(sample: str, cluster: str, told: pd.Series, found: ClusterCall | None, how: str) -> dict[str, Any]:
    """Return the row of MALIGNANT of a cluster that the user's declaration decides, with the evidence beside it."""
    known = told.dropna()
    share = float(known.mean()) if len(known) else float("nan")
    call = "undetermined" if not len(known) else "malignant" if share > 0.5 else "normal"
    said = f"{share:.0%} of {len(known)} cells" if len(known) else "no cell"
    reason = f"Declared by {how}: {said} malignant."
    row = {"sample": sample, "cluster": cluster, "call": call}
    if found is None or not found.lines:
        return row | {"evidence": f"declared by {how}", "reason": reason}
    beside = cluster_row(found)
    agrees = "agrees" if found.call == call else "would say otherwise" if found.call != "undetermined" else "is open"
    return row | {
        "estimate": beside["estimate"],
        "low": beside["low"],
        "high": beside["high"],
        "evidence": f"declared by {how}; {beside['evidence']}",
        "reason": f"{reason} The evidence alone {agrees}: {beside['reason']}",
    }
