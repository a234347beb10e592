"""Measure the error rates of gene and gene-set tests on null cohorts; writes benchmarks/expression.json.

A cohort is simulated without effect: 300 genes (from 5 to 2,000 counts) in patients who differ, 80 of them in four
programmes of 20 that move together from sample to sample; libraries differ at random, and those after treatment hold
a third of the reads. One replicate is one cohort, since genes and lists of one cohort share its samples: `rate` counts
one gene a cohort, drawn before testing (`all_genes` is the mean share over all genes, beside it), and for gene sets
one p a list and cohort. All tests of a case read the same cohorts. PyDESeq2 and gseapy's prerank are tabulated beside,
without a bound and with fewer cohorts.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ohmics._gene_sets import Settings, prerank, relabelling, units_of
from ohmics.de import DeModel, differential_expression, fit_expression
from ohmics.errors import OhmicsError
from ohmics.model import Contrast
from ohmics.seeds import generator
from ohmics.stats.camera import camera, fry
from ohmics.stats.ebayes import moderate
from ohmics.stats.gene_priors import gene_priors
from ohmics.stats.genesets import flip_scores, locate

_SPEC = importlib.util.spec_from_file_location("run_full", Path(__file__).with_name("run_full.py"))
run_full = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(run_full)

RESULTS = run_full.ROOT / "benchmarks" / "expression.json"
MEASURED = (
    "normalize.py", "stats/voom.py", "stats/linear.py", "stats/ebayes.py", "stats/gene_priors.py",
    "stats/sample_weights.py", "stats/dupcor.py", "stats/camera.py", "stats/genesets.py", "stats/relabel.py",
    "stats/multiple.py",
)  # fmt: skip
GENES, PROGRAMME = 300, 20
COHORTS = 2000
PAIRED = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient")
RANDOM = Contrast(variable="timepoint", test="relapse", reference="pre", random_by="patient")
GROUPS = Contrast(variable="arm", test="b", reference="a")
NAMES = [f"G{g}" for g in range(GENES)]
LISTS = {
    "programme": NAMES[:PROGRAMME],
    "half programme": [*NAMES[PROGRAMME : PROGRAMME + 10], *NAMES[200:210]],
    "unrelated": NAMES[220:240],
    "signed": {"up": NAMES[40:50], "down": NAMES[240:250]},
}
Row = dict[str, Any]


def null_cohort(
    random: np.random.Generator, patients: int, *, missing: float = 0.0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return counts (samples × genes) and sheet of pairs without effect; ``missing``: share of samples lacking."""
    base = np.exp(random.uniform(np.log(5), np.log(2000), GENES))
    random.shuffle(base)
    rows = [(f"P{i}", side) for i in range(patients) for side in ("pre", "relapse")]
    sheet = pd.DataFrame(rows, columns=["patient", "timepoint"])
    sheet.insert(0, "sample", sheet["patient"] + sheet["timepoint"])
    n = len(sheet)
    own = np.repeat(random.normal(0, random.uniform(0.1, 0.5, GENES), (patients, GENES)), 2, axis=0)
    moves = random.normal(0, 0.15, (n, GENES))
    programmes = random.normal(0, 0.4, (n, 4))
    moves[:, : 4 * PROGRAMME] += np.repeat(programmes, PROGRAMME, axis=1)
    depth = random.lognormal(0, 0.4, n) * np.where(sheet["timepoint"] == "relapse", 1 / 3, 1.0)
    mean = base * np.exp(own + moves) * depth[:, None]
    counts = random.negative_binomial(10, 10 / (10 + mean))
    kept = np.ones(n, dtype=bool)
    if missing:
        kept[random.choice(n, int(n * missing), replace=False)] = False
    sheet["arm"] = np.where(sheet["patient"].str[1:].astype(int) % 2 == 0, "a", "b")
    frame = pd.DataFrame(counts, index=sheet["sample"].to_numpy(), columns=NAMES)
    return frame[kept], sheet[kept].reset_index(drop=True)


def row(name: str, case: str, p: list[float], attainable: float, **more: object) -> Row:
    """Return one row of results."""
    values = np.array(p)
    return {
        "measurement": name, "case": case, "replicates": int(values.size),
        "rate": float(np.mean(values <= 0.05 + 1e-9)), "attainable": attainable,
        "exact_zeros": int(np.sum(values <= 0)), **more,
    }  # fmt: skip


Found = dict[str, list[float]]


def voom_p(counts: pd.DataFrame, sheet: pd.DataFrame, contrast: Contrast, *, options: bool) -> dict[str, np.ndarray]:
    """Return p of every gene by voom, and by its options where asked for; and camera's and fry's by list."""
    fit = fit_expression(counts, sheet, contrast)
    p = {"voom": fit.moderated.p}
    members = locate(LISTS, list(fit.voom.log_cpm.columns))
    for name, test in (("camera", camera), ("fry", fry)):
        p |= {f"{name}, {key}": np.array([one]) for key, one in zip(LISTS, test(fit.effects, members).p, strict=True)}
    if options:
        level = fit.voom.log_cpm.to_numpy().mean(axis=0)
        for name, along, robust in (("trend", level, False), ("robust", None, True), ("trend, robust", level, True)):
            prior = gene_priors(fit.effects.variance, fit.effects.df, expression=along, robust=robust)
            p[f"voom, {name}"] = moderate(fit.effects, prior=prior).p
        weighed = fit_expression(counts, sheet, contrast, model=DeModel(weights="samples"))
        p["voom, sample weights"] = weighed.moderated.p
    return p


def flip_p(counts: pd.DataFrame, sheet: pd.DataFrame, contrast: Contrast, seed: int) -> tuple[dict[str, float], float]:
    """Return the flip test's p by list, and the smallest it can reach."""
    units = units_of(counts, sheet, contrast)
    scheme = relabelling(units, Settings(n_draws=499, seed=seed))
    scores = flip_scores(units.values.to_numpy(), scheme, locate(LISTS, list(units.values.columns)))
    return {f"flip, {key}": float(p) for key, p in zip(LISTS, scores.p, strict=True)}, scheme.smallest_p


CASES: dict[str, tuple[Contrast, int, float]] = {
    **{f"{n} patients, pairs": (PAIRED, n, 0.0) for n in (4, 6, 12, 40)},
    **{f"{n} patients, random effect, 20 % of samples missing": (RANDOM, n, 0.2) for n in (6, 12, 40)},
    "12 patients, groups": (GROUPS, 12, 0.0),
}


def measure(case: str, cohorts: int, seed: int) -> list[Row]:
    """Return the rows of one case: every test of ours on the same null cohorts."""
    contrast, patients, missing = CASES[case]
    random = generator(seed, "expression", case)
    one: Found = {}
    every: Found = {}
    smallest = 0.0
    for _ in range(cohorts):
        counts, sheet = null_cohort(random, patients, missing=missing)
        draw = int(random.integers(2**31))
        try:
            found = voom_p(counts, sheet, contrast, options=contrast is PAIRED and 4 < patients < 40)
            if contrast is not RANDOM:
                flips, smallest = flip_p(counts, sheet, contrast, draw)
                found |= {name: np.array([p]) for name, p in flips.items()}
        except OhmicsError:
            continue  # too few samples of a block were left to fit the model
        for name, p in found.items():
            one.setdefault(name, []).append(float(p[draw % p.size]))
            every.setdefault(name, []).append(float(np.mean(p <= 0.05)))
    rows = []
    for name, p in one.items():
        flip = name.startswith("flip")
        attainable = float(np.floor(0.05 / smallest + 1e-9) * smallest) if flip else 0.05
        more: dict[str, object] = {"ks_p": None if flip else float(stats.kstest(p, "uniform").pvalue)}
        if name.startswith("voom"):
            spread = float(np.std(every[name], ddof=1) / np.sqrt(len(p)))
            more |= {"all_genes": float(np.mean(every[name])), "all_genes_se": spread}
        # camera and fry have no q beside a random effect, since p is too small there: it is shown without a bound.
        # camera decides a verdict only where flips cannot, below six pairs; with more its p is too small for lists
        # whose genes all move as one, 10 to 12 % here, and is shown so.
        decides = patients < 6 if name.startswith("camera") else contrast is not RANDOM
        bound = name.startswith("voom") or decides
        rows.append(row(name, case, p, attainable, bound=bound, **more))
    return rows


def beside(patients: int, cohorts: int, seed: int) -> list[Row]:
    """PyDESeq2's genes and gseapy's prerank of pairs, for comparison: no bound is asked of them."""
    random = generator(seed, "beside", patients)
    plain = {key: genes for key, genes in LISTS.items() if isinstance(genes, list)}
    found: Found = {}
    for number in range(max(10, cohorts // 8)):
        counts, sheet = null_cohort(random, patients)
        draw = int(random.integers(2**31))
        fit = fit_expression(counts, sheet, PAIRED)
        table = prerank(pd.Series(fit.moderated.t, index=fit.voom.log_cpm.columns), plain, seed=draw)
        for key, p in table["p"].items():
            found.setdefault(f"prerank, {key}", []).append(float(p))
        if number < max(5, cohorts // 40):
            p = differential_expression(counts, sheet, contrast=PAIRED, method="pydeseq2")["p"].dropna()
            found.setdefault("pydeseq2", []).append(float(p.iloc[draw % len(p)]))
    return [row(name, f"{patients} patients, pairs", p, 0.05, bound=False) for name, p in found.items()]


def digest() -> str:
    """Return the digest of the measured code."""
    return str(run_full.digest(MEASURED))


def main(arguments: list[str] | None = None) -> int:
    """Measure everything in full, or a share of the cohorts, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohorts", type=int, default=COHORTS, help="null cohorts a case (2,000 in full)")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    measured = digest()
    # What an interrupted measurement of this code had finished is not measured again.
    part = given.out.with_suffix(".part.json")
    kept = json.loads(part.read_text(encoding="utf-8")) if part.is_file() else {}
    done = kept.get("cases", {}) if (kept.get("digest"), kept.get("cohorts")) == (measured, given.cohorts) else {}
    tasks: dict[str, Callable[[], list[Row]]] = {case: partial(measure, case, given.cohorts, 0) for case in CASES}
    tasks |= {f"beside, {n} patients": partial(beside, n, given.cohorts, 0) for n in (6, 12)}
    for name, task in tasks.items():
        if name not in done:
            done[name] = task()
            for one in done[name]:
                sys.stdout.write(
                    f"{one['case']:52} {one['measurement']:24} {one['rate']:.4f} of {one['attainable']:.4f}\n"
                )
            sys.stdout.flush()
            if digest() != measured:
                sys.stderr.write("the measured code was edited meanwhile; nothing is written, measure again\n")
                return 1
            part.write_text(json.dumps({"digest": measured, "cohorts": given.cohorts, "cases": done}), encoding="utf-8")
    rows = [one for name in tasks for one in done[name]]
    given.out.write_text(
        json.dumps({"digest": measured, "share": min(1.0, given.cohorts / COHORTS), "rows": rows}, indent=1) + "\n",
        encoding="utf-8",
    )
    part.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
