"""Made cohorts of 12, 50 and 200 samples come in; the size of their pages and the time to write them go out.

Processor seconds of one process are reported, since wall time depends on what else a machine does.

    python benchmarks/pages.py --json benchmarks/pages.json --markdown benchmarks/pages.md
    python benchmarks/pages.py --show
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from ohmics.report import ReportInputs, qc_page, signatures_page
from ohmics.report.render import MOST_BYTES

COHORTS = ((6, 120_000), (25, 500_000), (100, 500_000))
"""Patients with a sample before and one at relapse, and cells of the whole cohort."""
_MAKERS = Path(__file__).resolve().parents[1] / "tests" / "report"
_PAINT = "performance.getEntriesByName('first-contentful-paint').map(entry => entry.startTime)[0] || 0"


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, _MAKERS / f"{name}.py")
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _pages(inputs: ReportInputs, folder: Path | None) -> Iterator[dict[str, Any]]:
    for name, make_page in (("qc.html", qc_page), ("signatures.html", signatures_page)):
        start = time.process_time()
        page = make_page(inputs)
        row: dict[str, Any] = {
            "page": name,
            "megabytes": round(len(page.encode()) / 1e6, 2),
            "processor_seconds": round(time.process_time() - start, 1),
        }
        if folder is not None:
            path = folder / name
            path.write_text(page, encoding="utf-8")
            row["first_paint_seconds"] = _first_paint(path)
        yield row


def _first_paint(path: Path) -> float:
    """Return after how many seconds a headless Chromium first paints the page: the median of three."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        times = []
        for _ in range(3):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto(path.as_uri())
            tab.wait_for_function(f"({_PAINT}) > 0")
            times.append(float(tab.evaluate(_PAINT)) / 1000)
            tab.close()
        browser.close()
    return round(sorted(times)[1], 2)


def measure(*, paint: bool) -> list[dict[str, Any]]:
    """Return one row a cohort and page; ``paint`` opens each page in a browser too."""
    made, more = _module("made_inputs"), _module("made_more")
    rows = []
    for bulk in (True, False):
        for patients, cells in COHORTS:
            inputs = more.fuller(made.made_inputs(n_patients=patients, n_cells=0 if bulk else cells, bulk=bulk))
            with tempfile.TemporaryDirectory() as folder:
                for row in _pages(inputs, Path(folder) if paint else None):
                    rows.append(
                        {
                            "modality": "bulk" if bulk else "single-cell",
                            "samples": 2 * patients,
                            "cells": None if bulk else cells,
                            **row,
                            "peak_gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
                        }
                    )
                    print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as a Markdown table."""
    painted = any("first_paint_seconds" in row for row in rows)
    heads = ["Samples", "Modality", "Cells", "Page", "MB", "Processor s"] + (["First paint, s"] if painted else [])
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in sorted(rows, key=lambda one: (one["modality"], one["samples"], one["page"])):
        cells = "" if row["cells"] is None else f"{row['cells']:,}"
        values = [row["samples"], row["modality"], cells, row["page"], row["megabytes"], row["processor_seconds"]]
        values += [row.get("first_paint_seconds", "")] if painted else []
        lines.append("| " + " | ".join(str(value) for value in values) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, or show what was measured."""
    parser = argparse.ArgumentParser(description="Size of the pages and time to write them.")
    parser.add_argument("--json", type=Path, default=Path(__file__).with_name("pages.json"))
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--paint", action="store_true", help="open each page in Chromium too; needs a quiet machine")
    parser.add_argument("--show", action="store_true", help="show the last result, measure nothing")
    given = parser.parse_args()
    if given.show:
        rows = json.loads(given.json.read_text(encoding="utf-8"))["pages"]
    else:
        rows = measure(paint=given.paint)
        given.json.write_text(json.dumps({"pages": rows}, indent=1) + "\n", encoding="utf-8", newline="\n")
    text = table(rows)
    if given.markdown is not None:
        given.markdown.write_text(text, encoding="utf-8", newline="\n")
    sys.stdout.write(text)
    largest = max(row["megabytes"] for row in rows)
    return 0 if largest * 1e6 <= MOST_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
