"""Gather the error rates of benchmarks/*.json into docs/calibration.tsv: every p and every call, beside its bound.
The table in docs/verdicts.md is written with it.

python tools/calibration_table.py [--check]

Columns: what was measured, its setting, number of patients (where one number says it), replicates, the kind of rate
(error: share of p at most 0.05, or of wrong calls; family: share of families with any false finding; coverage: share
of 95 % intervals that hold the truth; found: share of planted changes found), the rate, the least and the most it may
be, whether it is inside, the file it comes from and the digest of the code it was measured on. A rate without a bound
is shown for comparison. ``--check`` writes nothing and fails when the table is not what the files say.

Bounds of an error rate at 5 % are 3 and 7 %, wider where few replicates leave more to chance; where only some levels
can be attained, the largest attainable level up to 5 %, within chance.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from scipy import stats

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"
TABLE = ROOT / "docs" / "calibration.tsv"
COLUMNS = ("measured", "setting", "patients", "replicates", "kind", "rate", "least", "most", "within", "source", "code")
PAGE = ROOT / "docs" / "verdicts.md"
START, END = "<!-- evidence.json -->", "<!-- end -->"
LEVEL = 0.05
CHANCE = 2.5e-4
Row = dict[str, Any]


def most(rate: float, replicates: int) -> float:
    """Return the rate that chance lets a true one exceed once in 4,000 measurements."""
    return float(stats.binom.isf(CHANCE, replicates, rate)) / replicates if replicates and 0 < rate < 1 else rate


def least(rate: float, replicates: int) -> float:
    """Return the rate that chance lets a true one stay below once in 4,000 measurements."""
    return float(stats.binom.ppf(CHANCE, replicates, rate)) / replicates if replicates and 0 < rate < 1 else rate


def around(level: float, replicates: int, *, low: bool = True, exact: bool = False) -> tuple[float, float]:
    """Return the bounds of an error rate whose nominal or attainable level is given.

    ``exact``: chance alone; else 3 to 7 % are allowed at 5 %. Without ``low`` a test may find less.
    """
    lowest, highest = least(level, replicates), most(level, replicates)
    if level >= LEVEL - 1e-3 and not exact:
        lowest, highest = min(lowest, 0.03), max(highest, 0.07)
    return (lowest if low else 0.0), highest


def line(measured: str, setting: str, replicates: int, rate: float | None, *, kind: str = "error",
         bounds: tuple[float, float] | None = None, patients: int | str = "") -> Row:  # fmt: skip
    """Return one line of the table; without ``bounds`` the rate is for comparison."""
    lowest, highest = bounds if bounds is not None else ("", "")
    inside = ""
    if bounds is not None and rate is not None:
        inside = "yes" if bounds[0] - 1e-12 <= rate <= bounds[1] + 1e-12 else "no"
    return {"measured": measured, "setting": setting, "patients": patients, "replicates": replicates, "kind": kind,
            "rate": rate, "least": lowest, "most": highest, "within": inside}  # fmt: skip


def of_calibration(rows: list[Row]) -> Iterator[Row]:
    """Sign flips, groups, families, composition, scores of unequal depth."""
    for row in rows:
        n = int(row["replicates"])
        exact = bool(row.get("exact"))
        bounds = None
        if ", raw" not in row["measurement"]:
            bounds = around(row["attainable"], n, low=exact, exact=exact)
        kind = (
            "family" if "family" in row["measurement"] + row["case"] or "composition" in row["measurement"] else "error"
        )
        yield line(row["measurement"], row["case"], n, row["rate"], kind=kind, bounds=bounds)
        if row.get("exact_zeros"):
            yield line(f"{row['measurement']}: exact 0", row["case"], n, row["exact_zeros"] / n, bounds=(0.0, 0.0))


def of_mixed(rows: list[Row]) -> Iterator[Row]:
    """Mixed models, whose singular fits fall back to few pairs that find less, and further randomisations."""
    for row in rows:
        n = int(row["replicates"])
        if "singular" not in row:
            bounds = around(LEVEL, n, low=row["patients"] >= 10)
            yield line(str(row["case"]), "randomised", n, row["rate"], bounds=bounds, patients=row["patients"])
            continue
        low = row["patients"] >= 10 and row["tested"] == n and row["singular"] < 0.2
        setting = f"{row['case']}, sd between patients {row['spread']:g} within"
        yield line("mixed model", setting, n, row["rate"], bounds=around(LEVEL, n, low=low), patients=row["patients"])


def of_expression(rows: list[Row]) -> Iterator[Row]:
    """Genes and gene sets."""
    for row in rows:
        n = int(row["replicates"])
        # camera of four pairs finds next to nothing in lists whose genes do not move together: that harms no one.
        low = not row["measurement"].startswith("camera")
        bounds = around(row["attainable"], n, low=low) if row.get("bound") else None
        yield line(row["measurement"], row["case"], n, row["rate"], bounds=bounds)


def of_association(rows: list[Row]) -> Iterator[Row]:
    """Response and survival: p, families and intervals."""
    for row in rows:
        n, kind = int(row["replicates"]), str(row["kind"])
        # A permutation test of few ranks has few levels: it is held to the largest it can attain.
        level = float(row.get("attainable", LEVEL))
        bounds: tuple[float, float] | None = around(level, n, low=kind == "error")
        if kind == "coverage":
            bounds = (min(0.93, least(0.95, n)), 1.0)
        yield line(row["measurement"], row["case"], n, row["rate"], kind=kind, bounds=bounds)


def of_antigen(rows: list[Row]) -> Iterator[Row]:
    """Antigen calls of simulated patients and of halves of real tumours."""
    for row in rows:
        setting = str(row.get("case") or f"{row.get('antigen', '')}, planted: {row.get('planted', '')}")
        n = int(row.get("assessable") or row.get("splits") or 0)
        changed = row.get("changed", (row.get("lost") or 0.0) + (row.get("reduced") or 0.0))
        given = row.get("setting") or {}
        planted = str(row.get("planted", ""))
        unchanged = planted.startswith("none") or " lost in 0%" in planted
        null = row.get("kind") == "null" or unchanged or ("kind" not in row and given.get("kept") == 1)
        if not n:
            continue
        # Genes of heavy tails are more than the call promises to withstand; they are shown.
        bounds = around(LEVEL, n, low=False) if null and given.get("tails", "normal") == "normal" else None
        yield line(
            "antigen called lost or reduced", setting, n, changed, kind="error" if null else "found", bounds=bounds
        )
        if null and row.get("gained") is not None:
            yield line("antigen called gained", setting, n, row["gained"], bounds=bounds)


def of_depth(rows: list[Row]) -> Iterator[Row]:
    """Scores where one side is a quarter as deep; the lists of one cohort share its samples, so that none is bound."""
    for row in rows:
        what = "induced" if row["planted"] else "unchanged list"
        setting = f"{row['method']}, {row['depth']}, {what} {row['kind']}"
        kind = "found" if row["planted"] else "error"
        yield line("change of a score", setting, int(row["tests"]), row["rate"], kind=kind, patients=row["pairs"])


def of_evidence(rows: list[Row]) -> Iterator[Row]:
    """Verdicts of whole cohorts whose truth is known."""
    for row in rows:
        n = int(row["replicates"])
        bounds = None
        if row["bound"]:
            bounds = (least(row["low"], n), max(row["high"], most(LEVEL, n)) if 0 < row["high"] < 1 else row["high"])
        kind = "family" if row["measurement"].startswith("any") else "found" if row["low"] > 0 else "error"
        yield line(f"evidence: {row['measurement']}", row["case"], n, row["rate"], kind=kind, bounds=bounds,
                   patients=row["n"])  # fmt: skip


def of_content(rows: list[Row]) -> Iterator[Row]:
    """Bulk scores beyond content: the null cohorts change the share of a cell type, and no cell's expression."""
    for row in rows:
        # Of simulated tissue it is a fold of what a cell expresses, of drawn numbers an effect.
        null = row["percell"] == (0.0 if row["of"] == "numbers" else 1.0)
        n = int(row["given"])
        setting = f"{row['score']} beyond {row['content']}, {row['design']}, {row['fold']:g}-fold {row['of']}"
        setting += "" if null else f", planted {row['percell']:g}"
        # An estimate of purity leads to no verdict: its rate, for comparison, says why.
        decides = row["content"] != "purity, estimated"
        bounds = around(LEVEL, n, low=False) if null and n and decides else None
        kind = "error" if null else "found"
        yield line("score beyond content", setting, n, row["rate"], kind=kind, bounds=bounds, patients=row["units"])
        yield line(
            "the same score, raw", setting, int(row["cohorts"]), row["raw_rate"], kind=kind, patients=row["units"]
        )


def of_riaz(rows: list[Row]) -> Iterator[Row]:
    """43 real pairs with labels exchanged at random: runs in which anything at all was found."""
    for row in rows:
        bounds = None if "prerank" in row["test"] else (0.0, max(0.08, most(LEVEL, int(row["runs"]))))
        for kind, words in (("false_primary", "any primary line"), ("false_further", "any further list")):
            yield line(f"{row['test']}, {words}", "Riaz 2017, labels exchanged", int(row["runs"]), row[kind],
                       kind="family", bounds=bounds, patients=43)  # fmt: skip


def of_malignant(rows: list[Row]) -> Iterator[Row]:
    """Precision and recall of malignant cells in toy cohorts of each disease."""
    for row in rows:
        sizes = {
            "precision": row["tumour_malignant"] + row["normal_malignant"],
            "recall": sum(row[f"tumour_{kind}"] for kind in ("malignant", "normal", "open")),
        }
        for what, cells in sizes.items():
            if row[what] is not None:
                yield line(f"malignant cells, {what}", str(row["cohort"]), int(cells), row[what], kind="found")


def of_lineage(rows: list[Row]) -> Iterator[Row]:
    """Lineage calls of toy patients: calls that the scenario does not allow."""
    for row in rows:
        yield line(
            "lineage called wrongly", str(row["scenario"]), int(row["patients"]), row["errors"] / row["patients"]
        )


def of_any(rows: list[Row]) -> Iterator[Row]:
    """Any further file whose rows hold a rate: shown, without a bound unless the row itself has one."""
    for row in rows:
        if not isinstance(row.get("rate"), (int, float)):
            continue
        n = int(row.get("replicates") or row.get("runs") or row.get("tested") or row.get("flips") or row.get("n") or 0)
        words = [
            str(value) for key, value in row.items() if isinstance(value, str) and key not in ("measurement", "kind")
        ]
        bounds = (float(row.get("low", 0.0)), float(row["high"])) if "high" in row else None
        if bounds is None and "most" in row:
            bounds = (0.0, float(row["most"]))
        kind = str(row.get("kind", "error"))
        yield line(str(row.get("measurement", "rate")), ", ".join(words), n, row["rate"], kind=kind, bounds=bounds)


READERS: dict[str, Callable[[list[Row]], Iterator[Row]]] = {
    "calibration": of_calibration,
    "mixed": of_mixed,
    "expression": of_expression,
    "association": of_association,
    "antigen": of_antigen,
    "antigen_grid": of_antigen,
    "antigen_real": of_antigen,
    "depth": of_depth,
    "evidence": of_evidence,
    "content": of_content,
    "riaz": of_riaz,
    "malignant": of_malignant,
    "lineage": of_lineage,
    "bulk_antigen": of_antigen,
}


def gather(folder: Path = BENCHMARKS) -> str:
    """Return the table as text, from every file of results in the order of their names."""
    lines = ["\t".join(COLUMNS)]
    for path in sorted(folder.glob("*.json")):
        written = json.loads(path.read_text(encoding="utf-8"))
        # Measurements of time and memory are lists of records, without rates.
        rates = isinstance(written, dict) and {"rows", "digest"} <= set(written)
        if path.name.endswith(".part.json") or not rates:
            continue
        for row in READERS.get(path.stem, of_any)(written["rows"]):
            row |= {"source": path.name, "code": str(written["digest"])[:12]}
            lines.append("\t".join(_text(row[name]) for name in COLUMNS))
    return "\n".join(lines) + "\n"


def evidence_block(folder: Path = BENCHMARKS) -> str:
    """Return what evidence says of cohorts with known truth, as a table in Markdown."""
    path = folder / "evidence.json"
    if not path.is_file():
        return "Not measured yet.\n"
    lines = ["| cohort | what | share | of |", "|---|---|---:|---:|"]
    for row in json.loads(path.read_text(encoding="utf-8"))["rows"]:
        lines.append(f"| {row['case']} | {row['measurement']} | {row['rate']:.1%} | {row['replicates']} |")
    return "\n".join(lines) + "\n"


def verdicts_page(text: str) -> str:
    """Return docs/verdicts.md with its table as evidence.json has it."""
    head, mark, rest = text.partition(START)
    _, end, tail = rest.partition(END)
    if not mark or not end:
        raise SystemExit(f"docs/verdicts.md lacks {START} or {END}")
    return f"{head}{START}\n{evidence_block()}{END}{tail}"


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main(arguments: list[str] | None = None) -> int:
    """Write the table, or say that it is stale."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the table is stale")
    given = parser.parse_args(arguments)
    text = gather()
    page = PAGE.read_text(encoding="utf-8")
    if given.check:
        stale = not TABLE.is_file() or TABLE.read_text(encoding="utf-8") != text or page != verdicts_page(page)
        if stale:
            sys.stderr.write(
                "docs/calibration.tsv is not what benchmarks/*.json say: python tools/calibration_table.py\n"
            )
        return int(stale)
    TABLE.write_text(text, encoding="utf-8")
    PAGE.write_text(verdicts_page(page), encoding="utf-8")
    outside = [row for row in text.splitlines() if row.split("\t")[8] == "no"]
    sys.stdout.write(
        f"{len(text.splitlines()) - 1} rates in docs/calibration.tsv, {len(outside)} outside their bound\n"
    )
    for row in outside:
        sys.stdout.write(f"  {row}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
