"""Numbers of an antigen call come in; the sentences a reader sees go out."""

from __future__ import annotations

from dataclasses import dataclass

from ohmics.calls.matched import Null
from ohmics.calls.negative import Negative
from ohmics.calls.ratio import Side
from ohmics.calls.rules import AntigenRules

CANNOT_TELL = "A lower mean cannot tell fewer positive cells from dimmer ones"
CANNOT_EXCLUDE = (
    "RNA counts cannot exclude loss of the epitope: exon skipping, point mutation, impaired trafficking, masking, "
    "trogocytosis"
)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of an antigen: remaining fraction with limits, p of loss and gain, and detections."""

    remaining: float
    low: float
    high: float
    low_one_sided: float
    high_one_sided: float
    p_loss: float
    p_gain: float
    expected: float


def number(value: float) -> str:
    """Return a number as a reader wants it: two significant digits, ``no limit`` when it is infinite."""
    if value == float("inf"):
        return "no limit"
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


def p_text(p: float) -> str:
    """Return a p value as text."""
    return f"{p:.2g}" if p >= 1e-4 else "below 0.0001"


def detections(antigen: str, pre: Side, post: Side, expected: float) -> str:
    """Say how many cells had a count, and how many were to be expected."""
    return (
        f"{antigen} is detected in {pre.detected} of {pre.cells.n} malignant cells before and {post.detected} of "
        f"{post.cells.n} after, where {number(expected)} were to be expected had nothing changed"
    )


def comparison(found: Found, null: Null, rules: AntigenRules, *, ambient_known: bool) -> str:
    """Say what remains, with its interval, and against what."""
    corrected = "beyond ambient RNA, and" if ambient_known else "not corrected for ambient RNA, but"
    level = number(100 * (1 - rules.alpha))
    floor = f", taken as {rules.min_null_sd:g}" if null.sd < rules.min_null_sd else ""
    text = (
        f"{corrected} against {null.n} genes of like expression (sd of their log ratio {null.sd:.2f}{floor}), "
        f"{number(found.remaining)} of it remains ({level} % interval {number(found.low)} to {number(found.high)}; "
        f"p of loss {p_text(found.p_loss)}, of gain {p_text(found.p_gain)})"
    )
    if not ambient_known:
        text += (
            f"; fewer than {rules.min_background} cells that cannot express it were given, so limits and p hold for "
            f"up to {100 * rules.unknown_ambient:.0f} % of its counts being ambient"
        )
    return text


def decided(call: str, rules: AntigenRules) -> str:
    """Say by which thresholds the call was made."""
    return {
        "lost": f"lost: the one-sided upper limit is below {rules.lost_below:g} and p of loss below {rules.alpha:g}",
        "reduced": f"reduced: p of loss is below {rules.alpha:g}, but the one-sided upper limit is not below "
        f"{rules.lost_below:g}",
        "gained": f"gained: p of gain is below {rules.alpha:g}",
        "retained": f"retained: the one-sided lower limit is above {rules.retained_above:g} and neither p is below "
        f"{rules.alpha:g}",
        "inconclusive": f"inconclusive: neither p is below {rules.alpha:g}, and the one-sided lower limit is not above "
        f"{rules.retained_above:g}",
    }[call]


def caveats(call: str, negative: Negative) -> list[str]:
    """Say what the call cannot tell."""
    sentences = []
    if call in ("lost", "reduced", "inconclusive") or negative.reason == "":
        sentences.append(CANNOT_TELL if negative.reason else _fractions(negative))
    if negative.reason:
        sentences.append(f"No negative fraction: {negative.reason}")
    if call in ("retained", "gained", "inconclusive"):
        sentences.append(CANNOT_EXCLUDE)
    return sentences


def _fractions(negative: Negative) -> str:
    text = (
        f"Taking positive cells to differ from each other as much after as before, {negative.share:.0%} of the cells "
        f"after are negative ({negative.low:.0%} to {negative.high:.0%})"
    )
    if negative.before >= 0.05:
        text += f"; about {negative.before:.0%} were before, so negative cells may have been selected, not made"
    return f"{text}; without that, {CANNOT_TELL[0].lower()}{CANNOT_TELL[1:]}"


def lineage_text(panel: str, fractions: list[float]) -> str:
    """Say how the other genes of the antigen's lineage fared beside it."""
    if not fractions:
        return ""
    ordered = sorted(fractions)
    middle = ordered[len(ordered) // 2]
    fell = sum(value < 0.5 for value in ordered)
    text = f"Of {len(ordered)} other {panel} genes {fell} fell below half; at the median {number(middle)} remains"
    if fell > len(ordered) / 2:
        text += ": the lineage falls as a whole, which is a lineage switch or other cells, not loss of one antigen"
    return text


def sentences(parts: list[str]) -> str:
    """Join sentences: each begins with a capital and ends with a full stop."""
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in parts if part)
