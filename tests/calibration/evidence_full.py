"""Measure what evidence says of toy cohorts whose truth is known; writes benchmarks/evidence.json.

python tests/calibration/evidence_full.py [--share 1.0] [--out benchmarks/evidence.json]

Three levels. `scores`: SCORES of 12 patients before and at relapse are drawn for every primary line that single-cell
data show, with changes that correlate within a cell type, go through `compare`, and with fractions that change without
direction and antigen calls that err as measured through `weigh_evidence`. Planted changes are multiples of the
between-patient sd of the change. `counts`: bulk toy cohorts are simulated as counts, scored, compared and weighed.
`patients`: single-cell toy cohorts in which 3 to 6 of 12 patients lose the antigen, switch lineage or lose
presentation, called patient by patient from the true malignant cells.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ohmics.calls import call_antigens, call_lineages
from ohmics.catalog import Catalog, catalog
from ohmics.compare import compare
from ohmics.evidence import cell_type_read, weigh_evidence
from ohmics.intake.pairing import resolve_pairs
from ohmics.model import Contrast
from ohmics.reference import combine, gene_stats
from ohmics.score.samples import score_samples
from ohmics.seeds import generator
from ohmics.stats.paired import Flips, flip_test, step_down
from ohmics.tables import ANTIGEN, COMPOSITION, ENRICHMENT, SAMPLES, SCORES
from ohmics.toy import bulk, single_cell
from ohmics.toy.bulk_cohort import PLANTED, carries

_SPEC = importlib.util.spec_from_file_location("run_full", Path(__file__).with_name("run_full.py"))
run_full = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(run_full)

RESULTS = run_full.ROOT / "benchmarks" / "evidence.json"
MEASURED = (
    "stats/multiple.py", "stats/paired.py", "differences.py", "compare.py", "_compare_rows.py", "evidence.py",
    "_evidence_calls.py",
    "_evidence_cars.py", "_evidence_cautions.py", "_evidence_change.py", "_evidence_lines.py", "_evidence_rows.py",
    "_evidence_rules.py", "_evidence_run.py", "score/ucell.py",
)  # fmt: skip
PATIENTS = 12
CONTRAST = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient")
CHOSEN = ("tcell_exhaustion_terminal", "treg_tme", "ifng_pathway_loss")
"""Mechanisms that changes are planted in: of T cells, of one subset, of the tumour."""
SD = 0.02
SHARED = 0.5  # of the variance of a change, which all scores of a cell type have in common
RETAINED, LOST = 0.95, 0.03
"""How often an antigen that nothing happened to is called so: near what is measured."""
Row = dict[str, Any]


def digest() -> str:
    """Return the digest of the measured code."""
    return str(run_full.digest(MEASURED))


@cache
def known(therapy: str = "car_t") -> Catalog:
    """Return the mechanisms of a therapy."""
    return catalog().select(therapy=therapy)


@cache
def lines(modality: str = "single_cell", therapy: str = "car_t") -> pd.DataFrame:
    """Return the primary lines that a run of this modality reads."""
    rows = []
    for row in known(therapy).primary_lines().to_dict("records"):
        mechanism = known(therapy).mechanisms[row["mechanism"]]
        cell_type = cell_type_read(mechanism, known(therapy), modality=modality)[0]
        if row["nature"] == "expression" and cell_type:
            rows.append({**row, "cell_type": cell_type})
    return pd.DataFrame(rows)


@cache
def sheet(n: int) -> pd.DataFrame:
    """Return SAMPLES of ``n`` patients."""
    return SAMPLES.conform(
        [
            {"sample": f"p{i}_{t}", "patient": f"p{i}", "timepoint": t, "modality": "single_cell", "path": f"{i}{t}",
             "therapy": "car_t", "target_antigen": "CD19"}
            for i in range(n) for t in ("pre", "relapse")
        ]
    )  # fmt: skip


@cache
def pairs_of(n: int) -> pd.DataFrame:
    """Return PAIRS of these samples."""
    return resolve_pairs(sheet(n), CONTRAST)


def score_table(random: np.random.Generator, n: int, planted: dict[str, float]) -> pd.DataFrame:
    """Return SCORES: patients differ, and every change is ``planted`` sd plus chance that a cell type shares."""
    read = lines().drop_duplicates(["gene_list", "method", "cell_type"]).reset_index(drop=True)
    of_type = {name: random.normal(size=n) for name in sorted(set(read["cell_type"]))}
    parts = []
    for line in read.itertuples():
        own = random.normal(size=n)
        change = np.sqrt(SHARED) * of_type[line.cell_type] + np.sqrt(1 - SHARED) * own
        sign = -1 if line.direction == "down" else 1
        change = SD * (change + sign * planted.get(line.mechanism, 0.0))
        before = 0.3 + 0.05 * random.normal(size=n)
        for timepoint, values in (("pre", before), ("relapse", before + change)):
            parts.append(
                pd.DataFrame(
                    {"sample": [f"p{i}_{timepoint}" for i in range(n)], "cell_type": line.cell_type,
                     "mechanism": line.mechanism, "gene_list": line.gene_list, "method": line.method,
                     "depth": "thinned", "thinned_to": 2000.0, "score": values, "n_cells": 200, "coverage": 1.0,
                     "technical_sd": SD / 4}
                )
            )  # fmt: skip
    return SCORES.conform(pd.concat(parts, ignore_index=True))


def share_table(random: np.random.Generator, n: int) -> pd.DataFrame:
    """Return COMPOSITION of cell types whose shares wander without direction."""
    kinds = sorted(
        {
            line.cell_type
            for mechanism in known().mechanisms.values()
            for line in (mechanism.primary_line, *mechanism.further_lines, *mechanism.lines_against)
            if line is not None and line.nature == "composition"
        }
    )
    changes = 0.5 * random.normal(size=(n, len(kinds)))
    flips = Flips(n, n_draws=999, name="composition")
    test, q = flip_test(changes, flips), step_down(changes, flips)
    rows = [
        {"contrast": CONTRAST.label, "subject": CONTRAST.label, "cell_type": kind, "effect": test.effect[j],
         "low": test.low[j], "high": test.high[j], "p": test.p[j], "q": max(q[j], test.p[j]), "n_pairs": n}
        for j, kind in enumerate(kinds)
    ]  # fmt: skip
    rows += [
        {"contrast": CONTRAST.label, "subject": f"p{i}", "cell_type": kind, "effect": changes[i, j]}
        for j, kind in enumerate(kinds) for i in range(n)
    ]  # fmt: skip
    return COMPOSITION.conform(rows)


def antigen_table(random: np.random.Generator, n: int) -> pd.DataFrame:
    """Return calls of antigens that nothing happened to, wrong as often as the call is."""
    names = sorted({line.antigen for m in known().mechanisms.values() if (line := m.primary_line) and line.antigen})
    words = ("retained", "lost", "inconclusive")
    rows = [
        {"patient": f"p{i}", "antigen": "CD19" if name == "target" else name, "pre_sample": f"p{i}_pre",
         "post_sample": f"p{i}_relapse", "call": str(random.choice(words, p=(RETAINED, LOST, 1 - RETAINED - LOST)))}
        for i in range(n) for name in names if name != "target"
    ]  # fmt: skip
    return ANTIGEN.conform(rows)


def weigh_scores(seed: int, number: int, n: int, planted: dict[str, float]) -> pd.DataFrame:
    """Return EVIDENCE of one drawn cohort."""
    random = generator(seed, "evidence", n, json.dumps(planted, sort_keys=True), number)
    samples = sheet(n)
    effects = compare(
        score_table(random, n, planted), samples, CONTRAST, primary=lines()[["gene_list", "method", "cell_type"]],
        n_draws=999, seed=number,
    )  # fmt: skip
    return weigh_evidence(
        effects=effects, enrichment=ENRICHMENT.empty(), catalog=known(), samples=samples,
        pairs=pairs_of(n), composition=share_table(random, n), antigen=antigen_table(random, n),
    )  # fmt: skip


def row(measurement: str, case: str, hits: Iterable[bool], *, low: float = 0.0, high: float = 1.0, n: int = PATIENTS,
        bound: bool = True) -> Row:  # fmt: skip
    """Return one row; ``low`` and ``high`` are what the rate may be, ``bound`` whether that is demanded."""
    found = np.asarray(list(hits), dtype=bool)
    return {"measurement": measurement, "case": case, "n": n, "replicates": int(found.size),
            "rate": float(found.mean()), "low": low, "high": high, "bound": bound}  # fmt: skip


def drawn_cohorts(size: float, n: int, replicates: int, seed: int) -> list[Row]:
    """Return how often planted changes are supported, and what is said of mechanisms left alone."""
    planted = dict.fromkeys(CHOSEN, size) if size else {}
    supported: dict[str, list[bool]] = {name: [] for name in planted}
    anything, unplanted, strong, wrong = [], [], [], []
    for number in range(replicates):
        evidence = weigh_scores(seed, number, n, planted)
        cohort = evidence[evidence["level"] == "cohort"].set_index("mechanism")
        tested = cohort[cohort.index.isin(set(lines()["mechanism"])) & ~cohort.index.isin(planted)]
        decided = tested["verdict"].isin(["supported", "contradicted"])
        anything.append(bool(decided.any()))
        unplanted += decided.tolist()
        strong += (cohort.drop(index=list(planted))["grade"] == "strong").tolist()
        for name in planted:
            supported[name].append(cohort.loc[name, "verdict"] == "supported")
            wrong.append(cohort.loc[name, "verdict"] == "contradicted")
    words = f"{n} patients, " + (f"{len(planted)} mechanisms at {size:g} sd in all" if planted else "nothing planted")
    # Fewer than 6 pairs may decide nothing.
    limit = 0.07 if n >= 6 else 0.0
    rows = [row("any verdict of mechanisms left alone", words, anything, high=limit, n=n)]
    rows += [row("verdict of one mechanism left alone", words, unplanted, high=0.05, n=n)]
    rows += [row("strong though left alone", words, strong, high=0.0, n=n)]
    if planted:
        least = 0.95 if size >= 2.5 and n >= 12 else 0.0
        hits = [hit for name in planted for hit in supported[name]]
        rows.append(row("planted is supported", words, hits, low=least, n=n, bound=least > 0))
        rows.append(row("planted is contradicted", words, wrong, high=0.0, n=n))
    return rows


def bulk_cohorts(replicates: int, seed: int, *, unchanged: bool) -> list[Row]:
    """Return the same for bulk cohorts of 12 pairs simulated as counts, of whom 9 carry the planted changes."""
    found: dict[str, list[bool]] = {}
    anything = []
    for number in range(replicates):
        evidence, effects = _bulk_evidence(seed + number, unchanged=unchanged)
        cohort = evidence[evidence["level"] == "cohort"].set_index("mechanism")
        decided = cohort["verdict"].isin(["supported", "contradicted"])
        changed = set() if unchanged else {change.mechanism for change in PLANTED}
        left = [name for name in cohort.index if name not in changed and not _shares_genes(name, changed)]
        anything.append(bool(decided[left].any()))
        for name in sorted(changed):
            found.setdefault(name, []).append(_moved_as_planted(effects, name))
    carriers = sum(map(carries, range(PATIENTS)))
    if unchanged:
        return [row("any verdict, from counts", "bulk, nothing planted", anything, high=0.07)]
    words = f"bulk, planted in {carriers} of {PATIENTS}"
    rows = [row("any verdict of lists without a planted gene, from counts", words, anything, high=1.0, bound=False)]
    return rows + [row(f"{name}, from counts", words, hits, bound=False) for name, hits in sorted(found.items())]


def _moved_as_planted(effects: pd.DataFrame, mechanism: str) -> bool:
    """Return whether the primary line moved as predicted, q < 0.05; in unsorted bulk the verdict may stay open."""
    line = lines("bulk", "ici").set_index("mechanism").loc[mechanism]
    own = effects[(effects["gene_list"] == line["gene_list"]) & (effects["level"] == "cohort")].dropna(subset=["q"])
    return bool(len(own) and own["q"].iloc[0] < 0.05 and (own["effect"].iloc[0] < 0) == (line["direction"] == "down"))


def _shares_genes(name: str, changed: set[str]) -> bool:
    everything = known("ici")
    genes = {
        m: {gene for entry in everything.mechanisms[m].gene_lists for gene in entry.genes} for m in (name, *changed)
    }
    return any(genes[name] & genes[other] for other in changed)


def _bulk_evidence(seed: int, *, unchanged: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    cohort = bulk(n_patients=PATIENTS, n_genes=6000, seed=seed, unchanged=unchanged, catalog=known("ici"))
    counts = cohort.counts
    counts.obs["cell_type"] = "bulk"
    lists = {key: known("ici").gene_lists[key] for key in sorted(set(lines("bulk", "ici")["gene_list"]))}
    depth = float(np.asarray(counts.X.sum(axis=1)).min())
    targets = pd.DataFrame(
        {"contrast": CONTRAST.label, "sample": list(counts.obs["sample"]), "cell_type": "bulk", "thinned_to": depth}
    )
    reference = combine([gene_stats(counts, counts.obs["cell_type"])])
    scores = score_samples(
        [counts], lists, targets=targets, reference=reference, methods=("ucell",), n_null=0, seed=seed
    )
    pairs = resolve_pairs(cohort.samples, CONTRAST)
    scores.attrs = {}
    effects = compare(
        SCORES.conform(scores), cohort.samples, CONTRAST,
        primary=lines("bulk", "ici")[["gene_list", "method", "cell_type"]], n_draws=999, seed=seed,
    )  # fmt: skip
    evidence = weigh_evidence(
        effects=effects, enrichment=ENRICHMENT.empty(), catalog=known("ici"), samples=cohort.samples, pairs=pairs
    )
    return evidence, effects


def called_cohorts(replicates: int, seed: int) -> list[Row]:
    """Return what is said of each patient of single-cell cohorts: planted losses found, the untouched left alone."""
    told: dict[tuple[str, str], list[bool]] = {}
    for number in range(replicates):
        cohort = single_cell(n_patients=PATIENTS, n_cells=400, n_genes=4000, seed=seed + number)
        evidence = _called(cohort, seed + number)
        patients = evidence[evidence["level"] == "patient"].set_index(["subject", "mechanism"])
        truth = cohort.truth[cohort.truth["level"] == "patient"]
        for one in truth.itertuples():
            key = (one.subject, one.mechanism)
            if one.mechanism not in ("cd19_loss", "lineage_switch") or key not in patients.index:
                continue
            verdict = patients.loc[key, "verdict"]
            if verdict == "not_assessable":
                continue
            found = verdict in ("supported", "consistent")
            if one.change:
                told.setdefault((one.mechanism, str(one.expected).split(";")[0]), []).append(found)
            else:
                told.setdefault((one.mechanism, "nothing happened"), []).append(verdict == "supported")
    return [
        row(f"{mechanism}, patient by patient", what, hits, high=0.07 if what == "nothing happened" else 1.0,
            low=0.8 if what == "lost" else 0.0, bound=what in ("nothing happened", "lost"))
        for (mechanism, what), hits in sorted(told.items())
    ]  # fmt: skip


def _called(cohort: Any, seed: int) -> pd.DataFrame:
    """Return EVIDENCE of a single-cell cohort from calls on its true malignant cells."""
    truth = cohort.truth_cells.set_index(["sample", "barcode"])
    adatas = {}
    for sample, adata in cohort.adatas.items():
        own = truth.loc[sample].reindex(adata.obs_names)
        labelled = adata.copy()
        labelled.obs["malignant"] = own["malignant"].astype("boolean").to_numpy()
        labelled.obs["cell_type"] = own["true_type"].astype(str).to_numpy()
        adatas[sample] = labelled
    pairs = resolve_pairs(cohort.samples, CONTRAST)
    antigens = call_antigens(adatas, cohort.samples, pairs, catalog=known(), seed=seed)
    lineage = call_lineages(adatas, cohort.samples, pairs, catalog=known())
    return weigh_evidence(
        effects=compare(SCORES.empty(), cohort.samples, CONTRAST), enrichment=ENRICHMENT.empty(), catalog=known(),
        samples=cohort.samples, pairs=pairs, antigen=antigens.antigen, presentation=antigens.presentation,
        lineage=lineage.lineage,
    )  # fmt: skip


TASKS: dict[str, tuple[Callable[[int, int], list[Row]], int]] = {
    "12 patients, 2.5 sd": (partial(drawn_cohorts, 2.5, PATIENTS), 400),
    "12 patients, nothing planted": (partial(drawn_cohorts, 0.0, PATIENTS), 2000),
    "12 patients, 1.5 sd": (partial(drawn_cohorts, 1.5, PATIENTS), 400),
    "patients called": (called_cohorts, 20),
    "5 patients, 2.5 sd": (partial(drawn_cohorts, 2.5, 5), 200),
    "6 patients, nothing planted": (partial(drawn_cohorts, 0.0, 6), 600),
    "6 patients, 2.5 sd": (partial(drawn_cohorts, 2.5, 6), 200),
    "12 patients, 1 sd": (partial(drawn_cohorts, 1.0, PATIENTS), 200),
    "20 patients, 1.5 sd": (partial(drawn_cohorts, 1.5, 20), 100),
    "bulk counts, nothing planted": (partial(bulk_cohorts, unchanged=True), 60),
    "bulk counts, planted": (partial(bulk_cohorts, unchanged=False), 30),
}
PARTS = 10  # of each task, each with its own seed, so that little is lost when a run is interrupted


def measure(name: str, place: int, share: float) -> list[Row]:
    """Return the rows of one part of a task."""
    task, cohorts = TASKS[name]
    whole = max(1, round(cohorts * share))
    mine = whole * (place + 1) // PARTS - whole * place // PARTS
    return task(mine, 1000 * place) if mine else []


def merged(parts: list[list[Row]]) -> list[Row]:
    """Return the rows of several parts as one: rates weighted by replicates."""
    found: dict[tuple[str, str], Row] = {}
    for one in (row for part in parts for row in part):
        key = (one["case"], one["measurement"])
        if key not in found:
            found[key] = dict(one)
            continue
        both = found[key]
        n = both["replicates"] + one["replicates"]
        both["rate"] = (both["rate"] * both["replicates"] + one["rate"] * one["replicates"]) / n
        both["replicates"] = n
    return list(found.values())


def main(arguments: list[str] | None = None) -> int:
    """Measure everything in full, or a share of the cohorts, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="share of the cohorts, to try the script out")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    measured = digest()
    # What an interrupted measurement of this code had finished is not measured again.
    part = given.out.with_suffix(".part.json")
    kept = json.loads(part.read_text(encoding="utf-8")) if part.is_file() else {}
    done = kept.get("tasks", {}) if (kept.get("digest"), kept.get("share")) == (measured, given.share) else {}
    todo = [(name, place) for name in TASKS for place in range(PARTS) if f"{name}/{place}" not in done]
    with ProcessPoolExecutor(given.processes) as pool:
        jobs = {pool.submit(measure, name, place, given.share): f"{name}/{place}" for name, place in todo}
        for job in as_completed(jobs):
            done[jobs[job]] = job.result()
            if digest() != measured:
                pool.shutdown(cancel_futures=True)
                sys.stderr.write("the measured code was edited meanwhile; nothing is written, measure again\n")
                return 1
            part.write_text(json.dumps({"digest": measured, "share": given.share, "tasks": done}), encoding="utf-8")
            sys.stdout.write(f"{len(done)} of {PARTS * len(TASKS)}: {jobs[job]}\n")
            sys.stdout.flush()
    rows = [one for name in TASKS for one in merged([done[f"{name}/{place}"] for place in range(PARTS)])]
    for one in rows:
        sys.stdout.write(f"{one['case']:44} {one['measurement']:52} {one['rate']:.4f} of {one['replicates']}\n")
    given.out.write_text(
        json.dumps({"digest": measured, "share": given.share, "rows": rows}, indent=1) + "\n", encoding="utf-8"
    )
    part.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
