"""EFFECTS and ENRICHMENT of a contrast come in; where the methods agree on a mechanism and where not goes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ohmics.model import BEYOND_CONTENT
from ohmics.report import findings, select, words
from ohmics.report.inputs import ReportInputs
from ohmics.report.tables import Head, TableView, table_view

WHAT = (
    "Each row asks every method the same question: the primary gene list of a mechanism, in the same cells, after both "
    "sides were brought to one depth. The methods read the same genes, so their agreement is no independent evidence; "
    "their disagreement is a warning. Arrows: the direction of the change; a star: p below 0.05 by that method alone."
)
_TESTS = ("flip", "camera", "fry")


@dataclass(frozen=True, slots=True)
class Concordance:
    """What the methods say of one contrast: a sentence and a table."""

    sentence: str
    table: TableView


def concordance_panel(inputs: ReportInputs, view: select.ContrastView) -> Concordance | None:
    """Return the panel; None when no primary line was compared over the cohort."""
    primary = select.primary_effects(inputs, view.name, "cohort")
    if primary.empty or inputs.effects is None:
        return None
    rows = [_row(inputs, view, effect) for effect in primary.to_dict("records")]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    frame = pd.DataFrame(rows, columns=columns).sort_values("_rank", kind="stable")
    methods = [name for name in columns if name not in ("mechanism", "cell_type", "said", "_rank")]
    heads = [
        Head("mechanism", "Mechanism", "mechanism"),
        *([] if inputs.bulk else [Head("cell_type", "Cells")]),
        Head("said", "Do they agree?"),
        *[Head(name, _label(name)) for name in methods],
    ]
    return Concordance(
        sentence=_sentence(frame),
        table=table_view(
            frame,
            id=f"concordance-{view.name}",
            caption=f"Methods side by side, {view.text}",
            heads=heads,
            source="tables/effects.tsv and tables/enrichment.tsv",
            names=select.names(inputs),
            link_to=f"verdicts-{view.name}",
        ),
    )


def _label(method: str) -> str:
    known = {"flip": "gene set, patient flips", "camera": "gene set, camera", "fry": "gene set, fry"}
    return known.get(method, f"score, {words.method(method)}")


def _row(inputs: ReportInputs, view: select.ContrastView, effect: dict[Any, Any]) -> dict[str, Any]:
    votes: dict[str, tuple[float, float]] = {}
    for row in _scores(inputs, view, effect).to_dict("records"):
        votes[str(row["method"])] = (_float(row["effect"]), _float(row["p"]))
    for row in _sets(inputs, view, effect).to_dict("records"):
        size = row["nes"] if not words.is_missing(row["nes"]) else row.get("statistic")
        votes[str(row["method"])] = (_float(size), _float(row["p"]))
    rank, said = _verdict(votes)
    return {
        "mechanism": effect["mechanism"],
        "cell_type": words.cells(effect["cell_type"]),
        "said": said,
        "_rank": rank,
        **{method: _vote(size, p) for method, (size, p) in votes.items()},
    }


def _float(value: object) -> float:
    return float("nan") if words.is_missing(value) else float(str(value))


def _scores(inputs: ReportInputs, view: select.ContrastView, effect: dict[Any, Any]) -> pd.DataFrame:
    rows = inputs.effects if inputs.effects is not None else pd.DataFrame()
    beyond = str(effect["method"]).endswith(BEYOND_CONTENT)
    same = (rows["contrast"] == view.name) & (rows["level"] == "cohort") & (rows["depth"] == "thinned")
    for key in ("gene_list", "cell_type"):
        same &= rows[key] == effect[key]
    # A score beyond content is another quantity, not another method.
    same &= rows["method"].astype(str).str.endswith(BEYOND_CONTENT) == beyond
    return rows[same]


def _sets(inputs: ReportInputs, view: select.ContrastView, effect: dict[Any, Any]) -> pd.DataFrame:
    rows = inputs.enrichment
    if rows is None or str(effect["method"]).endswith(BEYOND_CONTENT):
        return pd.DataFrame()
    same = (rows["contrast"] == view.name) & rows["method"].isin(_TESTS)
    for key in ("gene_list", "cell_type"):
        same &= rows[key] == effect[key]
    return rows[same]


def _vote(size: float, p: float) -> str:
    if size != size:
        return "" if p != p else f"p {words.p_value(p)}"
    arrow = "↑" if size > 0 else "↓" if size < 0 else "="
    if p != p:
        return arrow
    return f"{arrow} p {words.p_value(p)}{' *' if p < findings.ALPHA else ''}"


def _verdict(votes: dict[str, tuple[float, float]]) -> tuple[int, str]:
    """Return what the methods say together; those that disagree on a clear change come first."""
    clear = {method: size for method, (size, p) in votes.items() if p < findings.ALPHA and size == size}
    if len(votes) < 2:
        return 3, "only one method could be used"
    if len({size > 0 for size in clear.values()}) > 1:
        return 0, "no: they see opposite changes"
    if not clear:
        return 4, "yes: none sees a change"
    if len(clear) == len([1 for size, _ in votes.values() if size == size]):
        return 2, "yes: all see the change"
    unsure = [_label(method) for method in votes if method not in clear]
    return 1, f"in part: not seen by {words.series(unsure)}"


def _sentence(frame: pd.DataFrame) -> str:
    counted = frame["_rank"].value_counts()
    told = (
        (2, "all methods see a change"),
        (4, "none does"),
        (1, "only some do"),
        (0, "they see opposite changes"),
        (3, "only one method could be used"),
    )
    parts = [f"in {counted[rank]} {text}" for rank, text in told if rank in counted.index]
    return f"Of {words.count(len(frame), 'mechanism')} read by a score: {words.series(parts)}."
