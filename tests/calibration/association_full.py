"""Measure the association with outcomes on data without effect: writes benchmarks/association.json.

Rows hold how often p (or the smallest adjusted p of a family) was at most 0.05 where nothing is associated, and how
often a 95 % interval held the truth. The smallest adjusted p is that of the permutations alone: the table's q is never
below it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from ohmics.seeds import generator
from ohmics.stats.auc import delong, newcombe, roc_area
from ohmics.stats.cox import cox_regression, score_weights
from ohmics.stats.firth import firth_logistic
from ohmics.stats.linear_scores import Draws, association_test

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "association.json"
MEASURED = ("stats/auc.py", "stats/firth.py", "stats/cox.py", "stats/linear_scores.py", "stats/multiple.py")
Row = dict[str, Any]
_SPEC = importlib.util.spec_from_file_location("run_full", Path(__file__).with_name("run_full.py"))
run_full = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(run_full)


def digest() -> str:
    """Return the digest of the measured code."""
    return run_full.digest(MEASURED)


def row(measurement: str, case: str, kind: str, hits: list[bool], **more: object) -> Row:
    """Return one row: ``kind`` is error (share of p at most 0.05), family or coverage."""
    return {"measurement": measurement, "case": case, "kind": kind, "replicates": len(hits),
            "rate": float(np.mean(hits)), **more}  # fmt: skip


def scores(random: np.random.Generator, n: int, *, ties: bool) -> np.ndarray:
    """Return scores of patients with a heavy right tail; with ``ties`` in five steps, about half of them the lowest."""
    x = random.gamma(2.0, size=n)
    return np.minimum(np.floor(x / 1.6), 4.0) if ties else x


def survival(
    random: np.random.Generator, n: int, events: int, effect: float, *, ties: bool = False, tied_times: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return standardised scores, times and events: ``events`` patients fail, the others leave before they would."""
    x = scores(random, n, ties=ties)
    while np.ptp(x) == 0:
        x = scores(random, n, ties=ties)
    x = (x - x.mean()) / x.std(ddof=1)
    time = random.exponential(size=n) * np.exp(-effect * x)
    event = np.zeros(n, dtype=bool)
    event[random.permutation(n)[:events]] = True
    time = np.where(event, time, time * random.random(n))
    return x, np.ceil(time * 8) if tied_times else time, event


def response(
    random: np.random.Generator, n: int, events: int, effect: float, *, ties: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return standardised scores and responses; without effect exactly ``events`` respond."""
    while True:
        x = scores(random, n, ties=ties)
        if np.ptp(x) == 0:
            continue
        x = (x - x.mean()) / x.std(ddof=1)
        if effect:
            held = random.random(n) < 1 / (1 + np.exp(-(effect * x + np.log(events / (n - events)))))
        else:
            held = np.arange(n) < events
        if min(held.sum(), (~held).sum()) >= (10 if n >= 20 else 2) or (effect and min(held.sum(), (~held).sum()) > 4):
            return x, held


def areas(replicates: int, seed: int) -> list[Row]:
    """Permutation p of the area at 12, 20 and 40 patients, with and without ties."""
    rows = []
    for n, events in ((12, 6), (12, 10), (20, 10), (40, 10), (40, 20)):
        for ties in (False, True):
            random = generator(seed, "areas", n, events, ties)
            hits, attainable = [], []
            for number in range(replicates):
                x, held = response(random, n, events, 0.0, ties=ties)
                ranks = stats.rankdata(x)[:, None]
                attainable.append(largest_level(ranks[:, 0], events, random))
                draws = Draws(n_draws=999, seed=seed, name=f"{n}/{events}/{ties}/{number}")
                p = association_test(ranks, lambda members, held=held: held[members].astype(float), draws)[0][0]
                hits.append(p <= 0.05)
            case = f"{n} patients, {events} events{', ties' if ties else ''}"
            rows.append(row("area p", case, "error", hits, attainable=float(np.mean(attainable))))
    return rows


def largest_level(ranks: np.ndarray, events: int, random: np.random.Generator) -> float:
    """Return the largest level up to 5 % that a two-sided test of these ranks can have, from 2,000 relabellings."""
    order = random.permuted(np.tile(ranks, (2000, 1)), axis=1)
    away = np.abs(order[:, :events].sum(axis=1) - events * ranks.mean()).round(6)
    levels = np.cumsum(np.unique(away, return_counts=True)[1][::-1]) / away.size
    return float(levels[levels <= 0.05].max(initial=0.0))


def area_intervals(replicates: int, seed: int) -> list[Row]:
    """Coverage of the area's interval, and of DeLong's and Newcombe's alone, by how scores spread in the groups."""
    rows = []
    for events, others in ((10, 10), (10, 30), (30, 10), (20, 20)):
        for shift, spread in ((0.0, 1.0), (0.0, 2.0), (1.47, 1.0), (1.47, 2.0), (2.3, 1.0)):
            for ties in (False, True) if spread == 1 else (False,):
                truth = _area(shift, spread, ties=ties)
                random = generator(seed, "intervals", events, others, shift, spread, ties)
                held = np.arange(events + others) < events
                found: dict[str, list[bool]] = {"used": [], "newcombe": []}
                for _ in range(replicates):
                    x = random.normal(size=held.size)
                    x[held] = shift + spread * x[held]
                    x = np.round(x) if ties else x
                    area = roc_area(x, held)
                    found["used"].append(area.low <= truth <= area.high)
                    low, high = newcombe(delong(x, held)[0], events, others)
                    found["newcombe"].append(low <= truth <= high)
                case = f"{events} and {others}, area {truth:.2f}, spread {spread:g} to 1{', ties' if ties else ''}"
                rows.append(row("area interval", case, "coverage", found["used"], newcombe=np.mean(found["newcombe"])))
    return rows


def _area(shift: float, spread: float, *, ties: bool) -> float:
    if not ties:
        return float(stats.norm.cdf(shift / np.hypot(1, spread)))
    # Rounded scores: the chance to be higher, and half of the chance to be equal, summed over the steps.
    steps = np.arange(-40, 41)
    first = np.diff(stats.norm.cdf(np.append(steps - 0.5, 40.5), shift, spread))
    second = np.diff(stats.norm.cdf(np.append(steps - 0.5, 40.5)))
    return float(first @ (np.cumsum(second) - 0.5 * second))


def firth(replicates: int, seed: int) -> list[Row]:
    """Error rate and coverage of the penalised logistic model; 12 patients are below what a run would model."""
    rows = []
    for n, events, effect, ties in (
        (12, 6, 0.0, False), (20, 10, 0.0, False), (20, 10, 0.0, True), (40, 10, 0.0, False), (40, 20, 0.0, True),
        (20, 10, 1.0, False), (40, 20, 1.0, True), (40, 20, 2.5, False),
    ):  # fmt: skip
        random = generator(seed, "firth", n, events, effect, ties)
        hits, covered, failed = [], [], 0
        for _ in range(replicates):
            fit = firth_logistic(*response(random, n, events, effect, ties=ties))
            failed += not fit.converged
            hits.append(fit.p <= 0.05)
            covered.append(fit.low <= effect <= fit.high)
        case = f"{n} patients, {events} events, log odds {effect:g}{', ties' if ties else ''}"
        if not effect:
            rows.append(row("Firth p", case, "error", hits, failed=failed))
        rows.append(row("Firth interval", case, "coverage", covered, failed=failed, power=float(np.mean(hits))))
    return rows


def cox(replicates: int, seed: int) -> list[Row]:
    """Error rate and coverage of the Cox model, Wald's p beside the likelihood ratio's."""
    rows = []
    for n, events, effect, ties, tied in (
        (12, 10, 0.0, False, False), (12, 10, 0.0, True, True), (20, 10, 0.0, False, False), (20, 10, 0.0, True, False),
        (40, 10, 0.0, True, True), (40, 30, 0.0, False, False), (20, 10, 0.7, False, False), (40, 30, 0.7, True, True),
    ):  # fmt: skip
        random = generator(seed, "cox", n, events, effect, ties, tied)
        hits, wald, covered, failed = [], [], [], 0
        for _ in range(replicates):
            fit = cox_regression(*survival(random, n, events, effect, ties=ties, tied_times=tied))
            if fit.reason:
                failed += 1
                continue
            hits.append(fit.p <= 0.05)
            wald.append(abs(fit.effect / fit.standard_error) >= stats.norm.isf(0.025))
            covered.append(fit.low <= effect <= fit.high)
        words = f"{', score ties' if ties else ''}{', tied times' if tied else ''}"
        case = f"{n} patients, {events} events, log hazard {effect:g}{words}"
        if not effect:
            rows.append(row("Cox p", case, "error", hits, failed=failed, wald=float(np.mean(wald))))
        rows.append(row("Cox interval", case, "coverage", covered, failed=failed, power=float(np.mean(hits))))
    return rows


def families(replicates: int, seed: int) -> list[Row]:
    """Smallest adjusted p of 40 correlated mechanisms, some of which some patients lack."""
    rows = []
    for kind, n, events in (
        ("response", 20, 10), ("response", 40, 10), ("survival", 12, 10), ("survival", 20, 10), ("survival", 40, 20),
    ):  # fmt: skip
        random = generator(seed, "families", kind, n, events)
        hits = []
        for number in range(replicates):
            shared = random.normal(size=(n, 1))
            x = random.standard_t(3, size=(n, 40)) + 1.2 * shared
            x[:, :8] = np.round(x[:, :8])
            x[np.ix_(random.permutation(n)[: n // 8], np.arange(20, 30))] = np.nan
            _, time, event = survival(random, n, events, 0.0, tied_times=True)
            draws = Draws(n_draws=499, seed=seed, name=f"{kind}/{n}/{number}")

            def weigh(
                members: np.ndarray, kind: str = kind, time: np.ndarray = time, event: np.ndarray = event
            ) -> np.ndarray:
                if kind == "response":
                    return event[members].astype(float)
                return score_weights(time[members], event[members])

            hits.append(np.nanmin(association_test(x, weigh, draws)[1]) <= 0.05)
        rows.append(row("family of 40 mechanisms", f"{kind}, {n} patients, {events} events", "family", hits))
    return rows


def dependent_censoring(replicates: int, seed: int) -> list[Row]:
    """Adjusted p of one test where patients with high scores are followed for a shorter time, without any effect."""
    rows = []
    for n in (20, 40):
        random = generator(seed, "censoring", n)
        hits = []
        while len(hits) < replicates:
            x = random.normal(size=n)
            time, last = random.exponential(size=n), random.exponential(size=n) * np.exp(1.0 - 1.0 * x)
            event = time <= last
            if event.sum() < 10:
                continue
            observed = np.minimum(time, last)
            draws = Draws(n_draws=499, seed=seed, name=f"censoring/{n}/{len(hits)}")
            p = association_test(x[:, None], lambda m, t=observed, e=event: score_weights(t[m], e[m]), draws)[0][0]
            hits.append(p <= 0.05)
        rows.append(row("permutation p, follow-up depends on the score", f"{n} patients", "error", hits))
    return rows


MEASUREMENTS: dict[str, tuple[Callable[[int, int], list[Row]], int]] = {
    "firth": (firth, 2000),
    "cox": (cox, 2000),
    "areas": (areas, 2000),
    "area_intervals": (area_intervals, 2000),
    "families": (families, 2000),
    "dependent_censoring": (dependent_censoring, 2000),
}


def _measure(name: str, replicates: int) -> list[Row]:
    return MEASUREMENTS[name][0](replicates, 0)


def main(arguments: list[str] | None = None) -> int:
    """Measure everything in full, or a share of the replicates, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="share of the replicates, to try the script out")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args(arguments)
    measured = digest()
    rows = []
    with ProcessPoolExecutor(given.processes) as pool:
        sizes = [max(20, int(replicates * given.share)) for _, replicates in MEASUREMENTS.values()]
        for found in pool.map(_measure, MEASUREMENTS, sizes):
            rows += found
            for one in found:
                sys.stdout.write(f"  {one['measurement']:24} {one['case']:60} {one['kind']:9} {one['rate']:.4f}\n")
            sys.stdout.flush()
    if digest() != measured:
        sys.stderr.write("the measured code was edited meanwhile; nothing is written, measure again\n")
        return 1
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps({"digest": measured, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
