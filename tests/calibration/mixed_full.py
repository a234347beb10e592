"""Measure contrasts beyond plain pairs and groups on data without effect: writes benchmarks/mixed.json.

Every case is a cohort whose patients differ and nothing else does. A replicate is one gene list of one cohort (lists
are independent draws), tested by `compare` with ``random_by``: Kenward and Roger's degrees of freedom, and the pairs
alone where the fit is singular. Beside it, never used: Satterthwaite's degrees of freedom, singular fits counted.
Then the randomisations of a continuous variable, of slopes within patients, and of pairs beyond a covariate.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ohmics.compare import compare
from ohmics.model import Contrast
from ohmics.seeds import generator
from ohmics.stats.mixed import fit_random_intercept
from ohmics.tables import SCORES

_SPEC = importlib.util.spec_from_file_location("run_full", Path(__file__).with_name("run_full.py"))
_run_full = importlib.util.module_from_spec(_SPEC)  # type: ignore[arg-type]  # the file is there
_SPEC.loader.exec_module(_run_full)  # type: ignore[union-attr]  # as above

RESULTS = _run_full.ROOT / "benchmarks" / "mixed.json"
MEASURED = (
    "stats/multiple.py", "stats/paired.py", "stats/groups.py", "stats/mixed.py", "stats/design.py", "membership.py",
    "differences.py", "compare.py", "_compare_rows.py", "_compare_mixed.py",
)  # fmt: skip
PATIENTS = (6, 10, 20, 40)
CASES = (
    "balanced", "repeats", "unpaired", "mostly unpaired", "unequal depth", "unequal depth, unpaired", "covariate",
)  # fmt: skip
RANDOMISED = {
    "continuous": Contrast(variable="age", where={"timepoint": "pre"}),
    "continuous, covariate": Contrast(variable="age", where={"timepoint": "pre"}, covariates="depth"),
    "slopes within patients": Contrast(variable="depth", pair_by="patient"),
    "pairs, covariate": Contrast(
        variable="timepoint", test="relapse", reference="pre", pair_by="patient", covariates="depth"
    ),
}
COHORTS = 100
"""Cohorts a randomised case is measured in, each with its own values of the variables."""
SPREADS = (0.5, 1.0, 2.0)
"""Sd between patients in units of the sd within one: from little to much to gain by pairing."""
REPLICATES = 2000
Row = dict[str, Any]


def digest() -> str:
    """Return the digest of the measured code."""
    return str(_run_full.digest(MEASURED))


def sheet(case: str, n: int) -> pd.DataFrame:
    """Return SAMPLES of ``n`` patients: one row a sample."""
    rows = []
    for i in range(n):
        times = ["pre", "relapse"]
        if case == "repeats":
            times = ["pre"] * (1 + i % 2) + ["relapse"] * (1 + i % 3)
        elif (case in ("unpaired", "covariate", "unequal depth, unpaired") and i % 3 == 2) or (
            case == "mostly unpaired" and i % 5 > 1
        ):
            times = times[(i // 3) % 2 :][:1]
        rows += [{"patient": f"p{i}", "timepoint": time} for time in times]
    frame = pd.DataFrame(rows)
    return frame.assign(sample=[f"s{k}" for k in range(len(frame))])


def cohort(case: str, n: int, spread: float, lists: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Return SAMPLES, SCORES of independent lists, and the values, samples × lists."""
    random = generator(seed, "mixed", case, n, str(spread))
    samples = sheet(case, n)
    place = samples["patient"].astype("category").cat.codes.to_numpy()
    noise = np.ones((len(samples), lists))
    if case.startswith("unequal depth"):
        # Relapses four times shallower, and every sample its own depth.
        noise *= np.where(samples["timepoint"] == "relapse", 2.0, 1.0)[:, None]
        noise *= random.lognormal(0, 0.4, size=noise.shape)
    values = spread * random.normal(size=(n, lists))[place] + random.normal(size=noise.shape) * noise
    if case == "covariate":
        # Deeper samples score higher, and relapses are a little deeper.
        depth = random.normal(size=len(samples)) + 0.5 * (samples["timepoint"] == "relapse")
        samples["depth"] = depth
        values = values + depth.to_numpy()[:, None]
    return samples, _scores(samples, values), values


def _scores(samples: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    """Return SCORES of values, samples × lists."""
    lists = values.shape[1]
    frame = pd.DataFrame({
        "sample": np.repeat(samples["sample"].to_numpy(), lists), "cell_type": "T cell", "mechanism": None,
        "gene_list": np.tile([f"l{k}" for k in range(lists)], len(samples)), "method": "ucell", "depth": "raw",
        "score": values.ravel(), "n_cells": 50, "coverage": 1.0,
    })  # fmt: skip
    return SCORES.conform(frame)


def measure(case: str, n: int, spread: float, lists: int, seed: int) -> Row:
    """Return one row of results."""
    samples, scores, values = cohort(case, n, spread, lists, seed)
    covariates = ("depth",) if case == "covariate" else ()
    contrast = Contrast(
        variable="timepoint", test="relapse", reference="pre", random_by="patient", covariates=covariates
    )
    effects = compare(scores, samples, contrast, n_draws=999, seed=seed)
    p = effects.loc[effects["level"] == "cohort", "p"].to_numpy(dtype=np.float64)
    mixed = effects.loc[effects["level"] == "cohort", "scheme"].str.startswith("mixed").to_numpy()
    columns = [np.ones(len(samples)), *(samples[name] for name in covariates), samples["timepoint"] == "relapse"]
    design = np.column_stack(columns).astype(np.float64)
    beside = fit_random_intercept(values, design, samples["patient"].to_numpy(dtype=object))
    return {
        "case": case, "patients": n, "samples": len(samples), "spread": spread, "replicates": lists,
        # What could not be tested at all (singular, too few pairs) finds nothing.
        "rate": float(np.sum(p <= 0.05) / lists), "rate_01": float(np.sum(p <= 0.01) / lists),
        "tested": int(p.size), "singular": float(1 - mixed.sum() / lists), "exact_zeros": int(np.sum(p <= 0)),
        "satterthwaite_rate": float(np.mean(beside.p <= 0.05)),
    }  # fmt: skip


def measure_randomised(case: str, n: int, lists: int, seed: int) -> Row:
    """Return one row of a contrast tested by randomisation: ``lists`` independent lists over many cohorts."""
    contrast, found, each = RANDOMISED[case], [], max(1, lists // COHORTS)
    smallest = np.nan
    for number in range(lists // each):
        random = generator(seed, "randomised", case, n, number)
        samples = sheet("balanced", n)
        place = samples["patient"].astype("category").cat.codes.to_numpy()
        age = random.normal(size=n)
        depth = random.normal(size=len(samples)) + 0.5 * (samples["timepoint"] == "relapse") + 0.7 * age[place]
        samples["age"], samples["depth"] = age[place], depth
        values = random.normal(size=(n, each))[place] + random.normal(size=(len(samples), each))
        if contrast.covariates:
            values = values + depth.to_numpy()[:, None]
        effects = compare(_scores(samples, values), samples, contrast, n_draws=999, seed=seed)
        rows = effects[effects["level"] == "cohort"]
        found.append(rows["p"].to_numpy(dtype=np.float64))
        smallest = float(rows["smallest_p"].max())
    p = np.concatenate(found)
    return {
        "case": case, "patients": n, "samples": 2 * n, "spread": 1.0, "replicates": int(p.size),
        "rate": float(np.mean(p <= 0.05)), "rate_01": float(np.mean(p <= 0.01)), "tested": int(p.size),
        "exact_zeros": int(np.sum(p <= 0)), "smallest_p": smallest,
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Measure every case and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    measured = digest()
    rows = []
    for case in CASES:
        for n in PATIENTS:
            for spread in SPREADS:
                one = measure(case, n, spread, given.replicates, 0)
                rows.append(one)
                sys.stdout.write(
                    f"{case:16} {n:3} patients, spread {spread}: {one['rate']:.4f}, singular {one['singular']:.2f}, "
                    f"Satterthwaite {one['satterthwaite_rate']:.4f}\n"
                )
                sys.stdout.flush()
    for case in RANDOMISED:
        for n in PATIENTS:
            one = measure_randomised(case, n, given.replicates, 0)
            rows.append(one)
            sys.stdout.write(f"{case:24} {n:3} patients: {one['rate']:.4f}\n")
            sys.stdout.flush()
    if digest() != measured:
        sys.stderr.write("the measured code was edited meanwhile; nothing is written, measure again\n")
        return 1
    given.out.write_text(json.dumps({"digest": measured, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
