"""Reads over an exon's junctions come in; which share of transcripts holds the exon, and how sure, goes out.

An exon that is kept gives reads over two junctions, one that is skipped over one. With the share ψ of transcripts that
hold it, a read is one of inclusion with probability 2ψ / (1 + ψ): the counts are binomial, and ψ and its interval
follow from theirs (Wang et al. 2008, doi:10.1038/nature07509; Katz et al. 2010, doi:10.1038/nmeth.1528).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta

from ohmics.tables import JUNCTIONS

CANNOT_TELL = (
    "reads of one sample share their cells and their amplification, so that the interval is too narrow where molecules "
    "were not counted once"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JunctionRules:
    """Thresholds of `call_junctions`; proposals of this project, not published values.

    Parameters
    ----------
    min_reads
        Fewest reads over the three junctions.
    skipping_below
        ``skipping``: the upper limit of the share with the exon is below this.
    included_above
        ``included``: its lower limit is above this.
    """

    min_reads: int = 10
    skipping_below: float = 0.5
    included_above: float = 0.8


def spliced_in(included: int, skipped: int, *, level: float = 0.95) -> tuple[float, float, float]:
    """Return the share of transcripts that hold an exon, and its interval (Jeffreys).

    Parameters
    ----------
    included
        Reads over the two junctions of the exon, together.
    skipped
        Reads over the junction past it.
    level
        Level of the interval.
    """
    if included + skipped == 0:
        return float("nan"), float("nan"), float("nan")
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, included + 0.5, skipped + 0.5)) if included else 0.0
    high = float(beta.ppf(1 - tail, included + 0.5, skipped + 0.5)) if skipped else 1.0
    estimate, low, high = (share / (2 - share) for share in (included / (included + skipped), low, high))
    return estimate, low, high


def call_junctions(
    junctions: pd.DataFrame, samples: pd.DataFrame, *, rules: JunctionRules | None = None
) -> pd.DataFrame:
    """Say of each event and sample whether an exon is skipped.

    Parameters
    ----------
    junctions
        sample, event, upstream, downstream, skipping (see `ohmics.intake.extra_tables.read_junctions`).
    samples
        SAMPLES: names the patient of a sample.
    rules
        Thresholds.

    Returns
    -------
    DataFrame
        JUNCTIONS. ``call`` is ``skipping``, ``included``, ``inconclusive`` or ``not_assessable``.
    """
    rules = rules or JunctionRules()
    patients = samples.set_index("sample")["patient"]
    rows = []
    for row in junctions.to_dict("records"):
        included, skipped = int(row["upstream"]) + int(row["downstream"]), int(row["skipping"])
        rows.append(
            {
                "sample": row["sample"],
                "patient": patients.get(row["sample"]),
                "event": row["event"],
                "included": included,
                "skipped": skipped,
                **_call(str(row["event"]), included, skipped, rules),
            }
        )
    return JUNCTIONS.conform(rows)


def _call(event: str, included: int, skipped: int, rules: JunctionRules) -> dict[str, Any]:
    share, low, high = spliced_in(included, skipped)
    found: dict[str, Any] = {"psi": share, "psi_low": low, "psi_high": high}
    if included + skipped < rules.min_reads:
        why = f"Not assessable: {included + skipped} reads over the junctions of {event}, fewer than {rules.min_reads}."
        return {"psi": np.nan, "psi_low": np.nan, "psi_high": np.nan, "call": "not_assessable", "reason": why}
    said = (
        f"{event}: {included} reads over its two junctions and {skipped} past it; {share:.0%} of transcripts hold it "
        f"({low:.0%} to {high:.0%})."
    )
    if high < rules.skipping_below:
        call, by = "skipping", f"Skipping: the upper limit is below {rules.skipping_below:.0%}."
    elif low > rules.included_above:
        call, by = "included", f"Included: the lower limit is above {rules.included_above:.0%}."
    else:
        call, by = (
            "inconclusive",
            (
                f"Inconclusive: neither is the upper limit below {rules.skipping_below:.0%} nor the lower one above "
                f"{rules.included_above:.0%}."
            ),
        )
    return found | {"call": call, "reason": f"{said} {by} {CANNOT_TELL[0].upper()}{CANNOT_TELL[1:]}."}
