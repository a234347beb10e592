"""Toy bulk cohorts of 24 to 400 samples come in; what the whole workflow takes on them goes out (Linux).

    python benchmarks/scale_bulk.py           run the sizes below (about fifteen minutes)
    python benchmarks/scale_bulk.py --show    the last figures, nothing is run

`ohmics.forecast` predicts a bulk run from these figures; tests/unit/test_forecast.py holds it to them. The columns are
those of scale.json (see scale.py), and there is one record a cohort.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from scale import TOTAL, commit, gibibytes, run_ours, stage_records
from scale_watch import kept

from ohmics import toy

RESULT = Path(__file__).with_name("scale_bulk.json")
PATIENTS = (12, 50, 200)
GENES = 20_000


def measure(patients: int, folder: Path) -> dict[str, object]:
    """Make a cohort with two samples a patient, run the workflow on it and return what all of it took."""
    print(f"== {2 * patients} samples, in {folder}", flush=True)
    if not (folder / "config.yaml").is_file():
        toy.write(toy.bulk(n_patients=patients, n_genes=GENES), folder)
    if not run_ours(folder):
        raise SystemExit(f"the workflow failed: see {folder / 'run.log'}; call again to go on from there")
    (total,) = (row for row in stage_records(kept(folder / "runs.jsonl"), cells=1) if row["stage"] == TOTAL)
    return {
        "samples": len((folder / "samples.tsv").read_text(encoding="utf-8").splitlines()) - 1,
        **{name: total[name] for name in ("seconds", "processor_seconds", "peak_gib", "processes")},
        "disk_gib": round(gibibytes(folder / "results"), 3),
        "input_gib": round((folder / "counts.csv.gz").stat().st_size / 2**30, 4),
        "commit": commit(),
    }


def main() -> int:
    """Measure, or show what was measured."""
    parser = argparse.ArgumentParser(description="Seconds, memory and disk of the whole workflow on bulk cohorts.")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "ohmics-scale-bulk")
    parser.add_argument("--show", action="store_true", help="show the last figures, measure nothing")
    given = parser.parse_args()
    if not given.show:
        records = [measure(patients, given.folder / str(patients)) for patients in PATIENTS]
        RESULT.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8", newline="\n")
    for row in json.loads(RESULT.read_text(encoding="utf-8")):
        print(
            f"{row['samples']:4d} samples: {row['seconds']:7.1f} s, {row['processor_seconds']:7.1f} processor s, "
            f"largest process {row['peak_gib']:.2f} GiB, {row['disk_gib']:.2f} GiB of results"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
