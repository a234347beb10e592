"""Toy cohorts of 10,000 to 1,000,000 cells come in; what each stage of the workflow takes on them goes out (Linux).

    make bench-scale                                             the three sizes and plain scanpy beside them (hours)
    python benchmarks/scale.py --cells 10000 100000              some sizes
    python benchmarks/scale.py --cells 1000000 --folder FOLDER   goes on where an earlier call in this folder stopped
    python benchmarks/scale.py --show                            the table of the last figures, nothing is run

Cells are simulated into 10x HDF5 files first, which is not counted: 64 samples, 8 below a million cells. Then `ohmics
run` goes from these files to the reports on two cores with the demo's config. Seconds and processor seconds of a stage
are sums over its processes (a sample each for some stages), its peak is that of the largest process. The total has the
seconds of the whole run, and as its peak the largest process, snakemake included. Other work on the machine lengthens
the seconds; processor seconds hardly.

Beside it plain scanpy does QC, Scrublet, Harmony, UMAP and ten `score_genes` in one process (scale_peer.py), on the
same files at 100,000 cells, in the same call. `--choices` compares what `embed` approximates with the exact way.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scale_cells import make_cohort
from scale_watch import Process, Watched, kept, watch

from ohmics.intake.files import size_of
from ohmics.memory import expected_mib, in_megabytes

ROOT = Path(__file__).resolve().parents[1]
RESULT = Path(__file__).with_name("scale.json")
SIZES = (10_000, 100_000, 1_000_000)
MANY_SAMPLES, SAMPLES = 64, 8
PEER_AT = 100_000
TOTAL = "total"
# Rule to the command it calls, where they are not called the same.
STAGE_OF = {"score": "score-sample", **dict.fromkeys(("gather_qc", "gather_scores", "gather_skipped"), "gather")}
STAGE_OF |= {f"report_{page}": f"report {page}" for page in ("qc", "signatures", "patients")}
STAGE_OF |= {f"export_{part}": "export" for part in ("tables", "texts", "h5ad", "crate")}
HEADING = """# Scale: measured tables

By `benchmarks/scale.py`; how it was measured is in [Large cohorts](../docs/scale.md)."""
Record = dict[str, Any]


def samples_of(cells: int) -> int:
    """Return how many samples a cohort of that many cells comes in."""
    return MANY_SAMPLES if cells >= 1_000_000 else SAMPLES


def pinned() -> dict[str, str]:
    """Return an environment in which BLAS has one thread and this checkout's code is used."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": str(ROOT / "src")}


def run_ours(folder: Path) -> bool:
    """Run the workflow, or go on with it; return whether it came to its end."""
    book = folder / "runs.jsonl"
    if (folder / "results" / "manifest.tsv").is_file() and kept(book):
        return True
    # A run that is resumed keeps what it has; extended benchmark files hold the memory each job was given.
    more = ["--rerun-triggers", "mtime", "--benchmark-extended"]
    command = [sys.executable, "-m", "ohmics", "run", "config.yaml", "--cores", "2", *more]
    return watch(command, folder=folder, log=folder / "run.log", book=book, environment=pinned()) == 0


def run_peer(folder: Path) -> bool:
    """Run plain scanpy on the same files, unless it was; return whether it came to its end."""
    book, steps = folder / "peer.jsonl", folder / "peer.json"
    if steps.is_file() and kept(book):
        return True
    book.unlink(missing_ok=True)
    script = str(Path(__file__).with_name("scale_peer.py"))
    command = [sys.executable, script, "counts", steps.name]
    environment = {key: value for key, value in pinned().items() if not key.endswith("_NUM_THREADS")}
    return watch(command, folder=folder, log=folder / "peer.log", book=book, environment=environment) == 0


def stage_records(runs: Iterable[Watched], cells: int) -> list[Record]:
    """Return one record a stage, and the total, of the runs that made one results folder."""
    runs = list(runs)
    stages: dict[str, list[Process]] = defaultdict(list)
    for run in runs:
        for process in run.processes:
            stages[process.stage].append(process)
    rows = [
        {"cells": cells, "stage": name, **_costs(processes), "processes": len(processes)}
        for name, processes in stages.items()
        if name not in ("bash", "sh", "ohmics run")
    ]
    rows.sort(key=lambda row: -row["processor_seconds"])
    everything = [process for processes in stages.values() for process in processes]
    total = {"cells": cells, "stage": TOTAL, **_costs(everything), "processes": len(everything)}
    total["seconds"] = round(sum(run.seconds for run in runs), 1)
    total["all_together_gib"] = round(max(run.together_mib for run in runs) / 1024, 2)
    total["processor_ms_a_cell"] = round(1000 * total["processor_seconds"] / cells, 2)
    embed = sum(row["processor_seconds"] for row in rows if row["stage"] == "embed")
    total["outside_embed_ms_a_cell"] = round(1000 * (total["processor_seconds"] - embed) / cells, 2)
    return [*rows, total]


def requested(results: Path) -> dict[str, float]:
    """Return the largest memory (GiB) that a job of each stage asks for, by the sizes of the inputs it had in a run."""
    rules = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")))
    asks = dict(re.findall(r'^\s*rule (\w+):$.*?PLAN\.memory\("(\w+)"\)', rules, flags=re.M | re.S))
    found: dict[str, float] = {}
    for path in sorted((results / "benchmarks").rglob("*.tsv")):
        rule = path.relative_to(results / "benchmarks").parts[0].removesuffix(".tsv")
        if rule not in asks:
            continue
        told = path.read_text(encoding="utf-8").splitlines()[-1].split("\t")[-1]
        given: dict[str, float] = ast.literal_eval(told)
        # Snakemake weighs a folder by its entry alone.
        place = {name: results.parent / name for name in given}
        sizes = {name: size_of(place[name]) / 2**20 if place[name].is_dir() else size for name, size in given.items()}
        counts = [size for name, size in sizes.items() if name.endswith((".h5ad", ".h5"))]
        mib = expected_mib(asks[rule], counts=counts, tables=sum(sizes.values()) - sum(counts))
        stage = STAGE_OF.get(rule, rule.replace("_", "-"))
        found[stage] = max(found.get(stage, 0.0), round(in_megabytes(mib) * 1e6 / 2**30, 2))
    return found


def _costs(processes: list[Process]) -> Record:
    return {
        "seconds": round(sum(process.seconds for process in processes), 1),
        "processor_seconds": round(sum(process.processor for process in processes), 1),
        "peak_gib": round(max(process.peak_mib for process in processes) / 1024, 2),
    }


def peer_records(folder: Path, cells: int) -> list[Record]:
    """Return one record a step of plain scanpy, and its total."""
    steps = json.loads((folder / "peer.json").read_text(encoding="utf-8"))["steps"]
    rows = [
        {
            "cells": cells,
            "stage": f"scanpy {step['step']}",
            "seconds": round(step["seconds"], 1),
            "processor_seconds": round(step["processor_seconds"], 1),
            "peak_gib": None,
        }
        for step in steps
    ]
    runs = kept(folder / "peer.jsonl")
    processes = [process for run in runs for process in run.processes]
    total = {"cells": cells, "stage": f"scanpy {TOTAL}", **_costs(processes), "processes": len(processes)}
    total["seconds"] = round(sum(run.seconds for run in runs), 1)
    return [*rows, total]


def gibibytes(folder: Path) -> float:
    """Return the size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**30


def measure(cells: int, folder: Path, *, peer: bool, choices: bool) -> list[Record]:
    """Make a cohort, run what is wanted on it and return its records."""
    samples = samples_of(cells)
    print(f"== {cells:,} cells in {samples} samples, in {folder}", flush=True)
    make_cohort(folder, cells=cells, samples=samples)
    if not run_ours(folder):
        raise SystemExit(f"the workflow failed: see {folder / 'run.log'}; call again to go on from there")
    records = stage_records(kept(folder / "runs.jsonl"), cells)
    asked = requested(folder / "results")
    for record in records:
        if record["stage"] in asked:
            record["requested_gib"] = asked[record["stage"]]
    records[-1] |= {
        "samples": samples,
        "disk_gib": round(gibibytes(folder / "results"), 2),
        "input_gib": round(gibibytes(folder / "counts"), 2),
    }
    if peer:
        if not run_peer(folder):
            raise SystemExit(f"plain scanpy failed: see {folder / 'peer.log'}")
        records += peer_records(folder, cells)
    if choices:
        script = str(Path(__file__).with_name("scale_choices.py"))
        done = subprocess.run([sys.executable, script, str(folder)], env=pinned(), check=True, capture_output=True)
        records += [{"cells": cells, **row} for row in json.loads(done.stdout)]
    measured = commit()
    return [{**record, "commit": measured} for record in records]


def commit() -> str:
    """Return the commit that was measured; `-dirty` says that files were changed since."""
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def table(records: list[Record]) -> str:
    """Return the records as Markdown: stages by size, then what is beside them, then what was held to a limit."""
    heads = ("cells", "stage", "processes", "seconds", "processor s", "peak GiB", "asked for, GiB")
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|---|---|---|---|"]
    for row in records:
        if "agreement" in row:
            continue
        peak = "" if row["peak_gib"] is None else f"{row['peak_gib']:.2f}"
        lines.append(
            f"| {row['cells']:,} | {row['stage']} | {row.get('processes', '')} | {row['seconds']:,.1f} "
            f"| {row['processor_seconds']:,.1f} | {peak} | {row.get('requested_gib', '')} |"
        )
    chosen = [row for row in records if "agreement" in row]
    if chosen:
        heads = ("cells", "choice", "agreement with the exact way", "processor s", "exact: processor s")
        lines += ["", f"| {' | '.join(heads)} |", "|---|---|---|---|---|"]
        lines += [
            f"| {row['cells']:,} | {row['stage']} | {row['agreement']} | {row['processor_seconds']:,.1f} "
            f"| {row['exact_processor_seconds']:,.1f} |"
            for row in chosen
        ]
    return "\n".join([*lines, "", *comparisons(records)]) + "\n"


def comparisons(records: list[Record]) -> list[str]:
    """Return sentences on what is compared: cost per cell over sizes, and plain scanpy."""
    totals = {row["cells"]: row for row in records if row["stage"] == TOTAL}
    lines = [
        f"{cells:,} cells: {row['processor_ms_a_cell']:.2f} processor ms a cell, {row['outside_embed_ms_a_cell']:.2f} "
        f"outside embed; {row['disk_gib']:.2f} GiB of results beside {row['input_gib']:.2f} GiB of input; "
        f"largest process {row['peak_gib']:.2f} GiB"
        for cells, row in totals.items()
    ]
    if 100_000 in totals and 1_000_000 in totals:
        ratio = totals[1_000_000]["outside_embed_ms_a_cell"] / totals[100_000]["outside_embed_ms_a_cell"]
        lines.append(f"cost per cell outside embed at 1,000,000 over that at 100,000: {ratio:.2f} (at most 1.3)")
    for row in records:
        if row["stage"] == f"scanpy {TOTAL}" and row["cells"] in totals:
            ours = totals[row["cells"]]
            lines.append(
                f"{row['cells']:,} cells, ohmics over plain scanpy: seconds {ours['seconds'] / row['seconds']:.2f}, "
                f"processor seconds {ours['processor_seconds'] / row['processor_seconds']:.2f} (at most 1), "
                f"peak {ours['peak_gib'] / row['peak_gib']:.2f} (at most 0.5)"
            )
    return lines


def merged(old: list[Record], new: list[Record]) -> list[Record]:
    """Return the new records, and the old ones of sizes and kinds that were not measured again."""

    def kind(row: Record) -> tuple[int, str]:
        what = "choice" if "agreement" in row else "scanpy" if row["stage"].startswith("scanpy ") else "ohmics"
        return row["cells"], what

    again = {kind(row) for row in new}
    rows = [row for row in old if kind(row) not in again] + new
    return sorted(rows, key=kind)


def main() -> int:
    """Measure, or show what was measured."""
    parser = argparse.ArgumentParser(description="Seconds, memory and disk of the whole workflow by size.")
    parser.add_argument("--cells", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "ohmics-scale")
    parser.add_argument("--json", type=Path, default=RESULT)
    parser.add_argument("--no-peer", action="store_true", help="without plain scanpy at 100,000 cells")
    parser.add_argument("--peer-at", type=int, default=PEER_AT, help="size at which plain scanpy runs beside")
    parser.add_argument("--choices", type=int, nargs="*", default=[], help="sizes at which approximations are compared")
    parser.add_argument("--show", action="store_true", help="show the last figures, measure nothing")
    given = parser.parse_args()
    records = json.loads(given.json.read_text(encoding="utf-8")) if given.json.is_file() else []
    for cells in [] if given.show else given.cells:
        peer = cells == given.peer_at and not given.no_peer
        new = measure(cells, given.folder / str(cells), peer=peer, choices=cells in given.choices)
        records = merged(records, new)
        # After each size, so that a later one that is stopped takes nothing away.
        given.json.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8", newline="\n")
    text = table(records)
    if not given.show:
        given.json.with_suffix(".md").write_text(f"{HEADING}\n\n{text}", encoding="utf-8", newline="\n")
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
