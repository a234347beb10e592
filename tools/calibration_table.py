"""Gather the error rates of benchmarks/*.json into docs/calibration.tsv: every p and every call, beside its bound.

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

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"
TABLE = ROOT / "docs" / "calibration.tsv"
COLUMNS = ("measured", "setting", "patients", "replicates", "kind", "rate", "least", "most", "within", "source", "code")
LEVEL = 0.05
Row = dict[str, Any]


def chance(rate: float, replicates: int) -> float:
    """Return how far a measured rate may be from the true one, at 1 in 2,000."""
    return 3.5 * (max(rate, 1e-3) * (1 - rate) / max(replicates, 1)) ** 0.5


def around(level: float, replicates: int, *, low: bool = True) -> tuple[float, float]:
    """Return the bounds of an error rate whose nominal or attainable level is given."""
    if level >= LEVEL - 1e-9:
        slack = max(0.02, chance(LEVEL, replicates))
        return (max(LEVEL - slack, 0.0) if low else 0.0), LEVEL + slack
    slack = chance(level, replicates)
    return (max(level - slack, 0.0) if low else 0.0), level + slack


def line(measured: str, setting: str, replicates: int, rate: float | None, *, kind: str = "error",
         bounds: tuple[float, float] | None = None, patients: int | str = "") -> Row:  # fmt: skip
    """Return one line of the table; without ``bounds`` the rate is for comparison."""
    least, most = bounds if bounds is not None else ("", "")
    inside = "" if bounds is None or rate is None else "yes" if least - 1e-12 <= rate <= most + 1e-12 else "no"
    return {"measured": measured, "setting": setting, "patients": patients, "replicates": replicates, "kind": kind,
            "rate": rate, "least": least, "most": most, "within": inside}  # fmt: skip


def of_calibration(rows: list[Row]) -> Iterator[Row]:
    """Sign flips, groups, families, composition, scores of unequal depth."""
    for row in rows:
        n = int(row["replicates"])
        exact = bool(row.get("exact"))
        bounds = None
        if ", raw" not in row["measurement"]:
            bounds = around(row["attainable"], n, low=exact)
            if exact:
                wide = chance(max(row["attainable"], 1e-4), n) if row["attainable"] else 0.0
                bounds = (max(row["attainable"] - wide, 0.0), row["attainable"] + wide)
        kind = (
            "family" if "family" in row["measurement"] + row["case"] or "composition" in row["measurement"] else "error"
        )
        yield line(row["measurement"], row["case"], n, row["rate"], kind=kind, bounds=bounds)
        if row.get("exact_zeros"):
            yield line(f"{row['measurement']}: exact 0", row["case"], n, row["exact_zeros"] / n, bounds=(0.0, 0.0))


def of_mixed(rows: list[Row]) -> Iterator[Row]:
    """Mixed models; singular fits fall back to few pairs, which find less."""
    for row in rows:
        n = int(row["replicates"])
        low = row["patients"] >= 10 and row["tested"] == n and row["singular"] < 0.2
        setting = f"{row['case']}, sd between patients {row['spread']:g} within"
        yield line("mixed model", setting, n, row["rate"], bounds=around(LEVEL, n, low=low), patients=row["patients"])


def of_expression(rows: list[Row]) -> Iterator[Row]:
    """Genes and gene sets."""
    for row in rows:
        n = int(row["replicates"])
        bounds = around(row["attainable"], n) if row.get("bound") else None
        yield line(row["measurement"], row["case"], n, row["rate"], bounds=bounds)


def of_association(rows: list[Row]) -> Iterator[Row]:
    """Response and survival: p, families and intervals."""
    for row in rows:
        n, kind = int(row["replicates"]), str(row["kind"])
        bounds: tuple[float, float] | None = around(LEVEL, n, low=kind == "error")
        if kind == "coverage":
            bounds = (0.95 - max(0.02, chance(0.95, n)), 1.0)
        yield line(row["measurement"], row["case"], n, row["rate"], kind=kind, bounds=bounds)


def of_antigen(rows: list[Row]) -> Iterator[Row]:
    """Antigen calls of simulated patients and of halves of real tumours."""
    for row in rows:
        setting = str(row.get("case") or f"{row.get('antigen', '')}, planted: {row.get('planted', '')}")
        n = int(row.get("assessable") or row.get("splits") or 0)
        changed = row.get("changed", (row.get("lost") or 0.0) + (row.get("reduced") or 0.0))
        null = row.get("kind") == "null" or row.get("planted") == "none"
        if not n:
            continue
        bounds = (0.0, LEVEL + max(chance(LEVEL, n), 0.02)) if null else None
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
            low = row["low"] - chance(row["low"], n) if row["low"] > 0 else 0.0
            high = row["high"] + (chance(LEVEL, n) if n < 1000 else 0.0) if 0 < row["high"] < 1 else row["high"]
            bounds = (low, high)
        kind = "family" if row["measurement"].startswith("any") else "found" if row["low"] > 0 else "error"
        yield line(f"evidence: {row['measurement']}", row["case"], n, row["rate"], kind=kind, bounds=bounds,
                   patients=row["n"])  # fmt: skip


def of_content(rows: list[Row]) -> Iterator[Row]:
    """Bulk scores beyond content: the null cohorts change the share of a cell type, and no cell's expression."""
    for row in rows:
        null = row["percell"] == 1.0
        n = int(row["given"])
        setting = f"{row['score']} beyond {row['content']}, {row['design']}, {row['fold']:g}-fold {row['of']}"
        setting += "" if null else f", planted {row['percell']:g}-fold"
        bounds = around(LEVEL, n, low=False) if null and n else None
        kind = "error" if null else "found"
        yield line("score beyond content", setting, n, row["rate"], kind=kind, bounds=bounds, patients=row["units"])
        yield line(
            "the same score, raw", setting, int(row["cohorts"]), row["raw_rate"], kind=kind, patients=row["units"]
        )


def of_riaz(rows: list[Row]) -> Iterator[Row]:
    """43 real pairs with labels exchanged at random: runs in which anything at all was found."""
    for row in rows:
        bounds = (
            None
            if "prerank" in row["test"]
            else (0.0, 0.08 if int(row["runs"]) >= 400 else 0.05 + chance(0.05, row["runs"]))
        )
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
}


def gather(folder: Path = BENCHMARKS) -> str:
    """Return the table as text, from every file of results in the order of their names."""
    lines = ["\t".join(COLUMNS)]
    for path in sorted(folder.glob("*.json")):
        written = json.loads(path.read_text(encoding="utf-8"))
        if path.name.endswith(".part.json") or not {"rows", "digest"} <= set(written):
            continue
        for row in READERS.get(path.stem, of_any)(written["rows"]):
            row |= {"source": path.name, "code": str(written["digest"])[:12]}
            lines.append("\t".join(_text(row[name]) for name in COLUMNS))
    return "\n".join(lines) + "\n"


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
    if given.check:
        stale = not TABLE.is_file() or TABLE.read_text(encoding="utf-8") != text
        if stale:
            sys.stderr.write(
                "docs/calibration.tsv is not what benchmarks/*.json say: python tools/calibration_table.py\n"
            )
        return int(stale)
    TABLE.write_text(text, encoding="utf-8")
    outside = [row for row in text.splitlines() if row.split("\t")[8] == "no"]
    sys.stdout.write(
        f"{len(text.splitlines()) - 1} rates in docs/calibration.tsv, {len(outside)} outside their bound\n"
    )
    for row in outside:
        sys.stdout.write(f"  {row}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
