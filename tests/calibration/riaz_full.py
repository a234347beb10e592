"""Flip the signs of Riaz 2017's pairs and count false findings; writes benchmarks/riaz.json and prints its table.

OHMICS_DATA=... python tests/calibration/riaz_full.py [--flips 400] [--results FOLDER]

43 melanoma patients have a biopsy before and one on nivolumab. In each run a random half of them has the two labels
exchanged: what is left has real residuals, with the correlation between genes that real tissue has, and no effect. A
run is false when any mechanism has q < 0.05. Gene-set tests and changes of scores (EFFECTS) by flips, 999 draws a run;
camera in every fourth run; beside them gseapy's multilevel prerank of the same ranking, in fewer runs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from ohmics._gene_sets import Settings, Tested, corrected, flip_tests, model_tests, units_of
from ohmics.compare import compare
from ohmics.io import read_table
from ohmics.model import Contrast
from ohmics.normalize import counts_frame
from ohmics.seeds import generator
from ohmics.stats.multiple import method_family, primary_family
from ohmics.tables import QC, SAMPLES, SCORES

_SPEC = importlib.util.spec_from_file_location("run_full", Path(__file__).with_name("run_full.py"))
run_full = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(run_full)

ROOT = run_full.ROOT
RESULTS = ROOT / "benchmarks" / "riaz.json"
CONFIG = ROOT / "config" / "examples" / "riaz2017" / "config.yaml"
MEASURED = (
    "normalize.py", "stats/voom.py", "stats/linear.py", "stats/ebayes.py", "stats/camera.py", "stats/genesets.py",
    "stats/relabel.py", "stats/multiple.py", "stats/paired.py",
)  # fmt: skip
CONTRAST = Contrast(variable="timepoint", test="On", reference="Pre", pair_by="patient")
DRAWS = 999
EVERY = 4
"""camera refits the model in each run, so it is measured in every fourth."""
Row = dict[str, Any]


def inputs(results: Path) -> dict[str, Any]:
    """Return what the tests read, from a results folder of the Riaz example."""
    qc = read_table(results / "tables" / "qc.tsv", QC)
    samples = read_table(results / "samples.tsv", SAMPLES)
    samples = samples[samples["sample"].isin(qc.loc[qc["verdict"] != "excluded", "sample"])]
    lists = json.loads((results / "gene_lists.json").read_text(encoding="utf-8"))
    counts = ad.read_h5ad(results / "counts" / "bulk.h5ad")
    scores = read_table(results / "tables" / "scores.tsv", SCORES)
    # The first sample of a patient and timepoint is the one that tests of genes use.
    samples = samples[samples["timepoint"].isin(["Pre", "On"])].drop_duplicates(["patient", "timepoint"])
    whole = samples.groupby("patient")["timepoint"].transform("nunique") == 2
    samples = samples[whole].reset_index(drop=True)
    frame = counts_frame(counts).loc[samples["sample"]]
    return {
        "samples": samples, "counts": frame, "scores": scores[scores["sample"].isin(samples["sample"])],
        "lists": lists["lists"], "primary": pd.DataFrame(lists["primary"]),
    }  # fmt: skip


def exchanged(samples: pd.DataFrame, signs: dict[str, float]) -> pd.DataFrame:
    """Return the sheet with the two labels of every patient of negative sign exchanged."""
    turn = samples["patient"].map(signs).to_numpy() < 0
    other = samples["timepoint"].map({"Pre": "On", "On": "Pre"})
    return samples.assign(timepoint=np.where(turn, other, samples["timepoint"]))


def families(test: Tested, primary: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return the test's rows with q in the families of a run."""
    main = set(primary["gene_list"])
    test.rows["family"] = [
        primary_family(CONTRAST.label) if key in main else method_family(CONTRAST.label, method)
        for key in test.rows["gene_list"]
    ]
    return corrected([test])


def one_run(
    given: dict[str, Any], units: Any, number: int, *, prerank: bool, model: bool
) -> dict[str, dict[str, float]]:
    """Return, for one exchange of labels, the smallest q of each family and the share of lists with p < 0.05."""
    patients = sorted(set(given["samples"]["patient"]))
    signs = dict(zip(patients, generator(0, "riaz", number).choice([-1.0, 1.0], len(patients)), strict=True))
    sheet = exchanged(given["samples"], signs)
    where = {"contrast": CONTRAST.label, "cell_type": "bulk"}
    turned = replace(units, values=units.values.mul(units.values.index.map(signs).to_numpy(dtype=float), axis=0))
    held = set(given["counts"].columns)
    settings = Settings(n_draws=DRAWS, seed=number, prerank=prerank)
    flip = families(flip_tests(turned, held, given["lists"], settings, where), given["primary"], "flip")
    camera = None
    if model:
        tested = model_tests(
            given["counts"], sheet, CONTRAST, given["lists"], replace(settings, method="camera"), where
        )
        camera = families(tested, given["primary"], "camera")
    effects = compare(given["scores"], sheet, CONTRAST, primary=given["primary"], n_draws=DRAWS, seed=number)
    cohort = effects[(effects["level"] == "cohort") & (effects["depth"] == "thinned")]
    found: dict[str, dict[str, float]] = {}
    for name, table, p, q in (
        ("ENRICHMENT, flip", flip, "p", "q"),
        ("EFFECTS, flip", cohort, "p", "q"),
        *([("ENRICHMENT, camera", camera, "p", "q")] if camera is not None else []),
        *([("gseapy prerank", flip, "p_prerank", "q_prerank")] if prerank else []),
    ):
        main = table["family"].astype(str).str.endswith("/primary")
        found[name] = {
            "primary": float(table.loc[main, q].min()),
            "further": float(table.loc[~main, q].min()),
            "p_share": float(np.mean(table[p].dropna() < 0.05)),
        }
    return found


def summary(runs: list[dict[str, dict[str, float]]]) -> list[Row]:
    """Return one row a test: runs, share with a primary line and with any further list at q < 0.05, share of p."""
    rows = []
    for name in dict.fromkeys(name for run in runs for name in run):
        mine = [run[name] for run in runs if name in run]
        false = [one["primary"] < 0.05 for one in mine], [one["further"] < 0.05 for one in mine]
        rows.append(
            {
                "test": name, "runs": len(mine), "false_primary": float(np.mean(false[0])),
                "false_further": float(np.mean(false[1])), "p_below": float(np.mean([one["p_share"] for one in mine])),
            }
        )  # fmt: skip
    return rows


def table_of(rows: list[Row]) -> str:
    """Return the rows as a table in Markdown."""
    lines = [
        "| test | runs | primary line at q < 0.05 in | further list at q < 0.05 in | lists at p < 0.05 |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {r['test']} | {r['runs']} | {r['false_primary']:.1%} | {r['false_further']:.1%} | {r['p_below']:.1%} |"
        for r in rows
    ]
    return "\n".join(lines)


def digest() -> str:
    """Return the digest of the measured code."""
    return str(run_full.digest(MEASURED))


def results_folder(scratch: Path) -> Path:
    """Run the Riaz example in a scratch folder."""
    command = [str(Path(sys.executable).parent / "ohmics"), "run", str(CONFIG), "--cores", "2"]
    subprocess.run(command, cwd=scratch, check=True, stdout=subprocess.DEVNULL)
    return scratch / "results" / "riaz2017"


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the table and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flips", type=int, default=400)
    parser.add_argument("--prerank", type=int, default=60, help="runs in which gseapy's prerank stands beside")
    parser.add_argument("--results", type=Path, help="results folder of the Riaz example, when there is one")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--show", action="store_true", help="print the table of the written results only")
    given = parser.parse_args(arguments)
    if given.show:
        print(table_of(json.loads(given.out.read_text(encoding="utf-8"))["rows"]))
        return 0
    if given.results is None and "OHMICS_DATA" not in os.environ:
        sys.stderr.write("OHMICS_DATA, the folder of real data, is not set\n")
        return 2
    measured = digest()
    part = given.out.with_suffix(".part.json")
    kept = json.loads(part.read_text(encoding="utf-8")) if part.is_file() else {}
    runs = kept.get("runs", []) if kept.get("digest") == measured else []
    with tempfile.TemporaryDirectory() as scratch:
        data = inputs(given.results or results_folder(Path(scratch)))
        units = units_of(data["counts"], data["samples"], CONTRAST)
        for number in range(len(runs), given.flips):
            runs.append(one_run(data, units, number, prerank=number < given.prerank, model=number % EVERY == 0))
            if number % 10 == 9:
                part.write_text(json.dumps({"digest": measured, "runs": runs}), encoding="utf-8")
                sys.stderr.write(f"{number + 1} of {given.flips}\n")
    if digest() != measured:
        sys.stderr.write("the measured code was edited meanwhile; nothing is written, measure again\n")
        return 1
    rows = summary(runs[: given.flips])
    given.out.write_text(
        json.dumps({"digest": measured, "draws": DRAWS, "rows": rows}, indent=1) + "\n", encoding="utf-8"
    )
    part.unlink(missing_ok=True)
    print(table_of(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
