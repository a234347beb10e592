"""The table of measured rates comes in; an overview and one page a measurement go out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from markdown import code, plain, table, toctree

_KINDS = {
    "error": "share of p at most 0.05, or of wrong calls",
    "family": "share of families with any false finding",
    "coverage": "share of 95 % intervals that hold the truth",
    "found": "share of planted changes found",
}


def pages(path: Path) -> dict[str, str]:
    """Return the pages by their name below ``calibration/``."""
    rates = pd.read_csv(path, sep="\t", keep_default_na=False, dtype=str)
    sources = list(dict.fromkeys(rates["source"]))
    made = {"index": _index(rates, sources)}
    return made | {_name(source): _page(source, rates[rates["source"] == source]) for source in sources}


def _name(source: str) -> str:
    return source.removesuffix(".json")


def _index(rates: pd.DataFrame, sources: list[str]) -> str:
    rows = []
    for source in sources:
        chosen = rates[rates["source"] == source]
        bound = chosen[chosen["within"] != ""]
        outside = str((bound["within"] == "no").sum())
        rows.append([f"[{plain(_name(source))}]({_name(source)}.md)", str(len(chosen)), str(len(bound)), outside])
    return "\n\n".join(
        [
            "# Calibration: how often it errs",
            f"Every p value and every call, measured on data whose truth is known: {len(rates):,} rates. A rate with a "
            "bound must lie within it, chance allowed for; one without is shown for comparison (mostly a method that "
            "ohmics does not rest on, or the power to find a planted change). The measurements are repeated by "
            "`make calibration`, which takes hours.",
            table(["measurement", "rates", "with a bound", "outside it"], rows),
            table(["kind of rate", "meaning"], [[code(kind), meaning] for kind, meaning in _KINDS.items()]),
            toctree([_name(source) for source in sources], hidden=True),
        ]
    )


def _page(source: str, rates: pd.DataFrame) -> str:
    rows = []
    for row in rates.to_dict("records"):
        bound = f"{_percent(row['least'])} to {_percent(row['most'])}" if row["within"] else ""
        within = {"no": "**no**"}.get(row["within"], row["within"])
        words = [plain(row["measured"]), plain(row["setting"]), row["patients"], row["replicates"], row["kind"]]
        rows.append([*words, _percent(row["rate"]), bound, within])
    heads = ["measured", "setting", "patients", "replicates", "kind", "rate", "bound", "within"]
    return "\n\n".join([f"# {plain(_name(source))}", f"From `benchmarks/{source}`.", table(heads, rows)])


def _percent(text: str) -> str:
    return f"{100 * float(text):.1f} %" if text else ""
