"""Measure error rates on data without effect: `make calibration` writes benchmarks/calibration.json.

Each measurement simulates a null many times and returns rows: what was measured, at which size, how often p
or a family's smallest q was at most 0.05, the most that may be (the largest attainable level, for a discrete test),
and Kolmogorov-Smirnov's p of the randomised p values. Of an exact test the rate is the attainable one, not below it.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse, stats

from ohmics.compare import compare, compare_composition
from ohmics.model import Contrast
from ohmics.score import score_samples
from ohmics.seeds import generator
from ohmics.stats.groups import Groups, permutation_test
from ohmics.stats.groups import step_down as step_down_groups
from ohmics.stats.paired import Flips, flip_test, statistic, step_down
from ohmics.tables import SCORES

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "calibration.json"
MEASURED = (
    "stats/multiple.py", "stats/paired.py", "stats/groups.py", "stats/composition.py", "differences.py", "compare.py",
    "_compare_rows.py", "membership.py", "fractions.py", "score/expression.py", "score/sums.py", "score/ranks.py",
    "score/ucell.py", "score/mean_z.py", "score/groups.py", "score/thin.py", "score/samples.py",
    "score/reference_rows.py", "score/run.py",
)  # fmt: skip
PAIRED = Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient")
Row = dict[str, Any]


def digest(names: tuple[str, ...] = MEASURED) -> str:
    """Return a digest of the measured code: its syntax without docstrings, so that layout and words do not count."""
    total = hashlib.sha256()
    for name in names:
        tree = ast.parse((ROOT / "src" / "ohmics" / name).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            first = body[0] if isinstance(body, list) and body else None
            if isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str):
                body.pop(0)
        total.update(name.encode() + _written(tree).encode())
    return total.hexdigest()


def _written(node: object) -> str:
    """Return a syntax tree as text, the same by every Python: `ast.dump` leaves out other things in each version."""
    if isinstance(node, ast.AST):
        parts = [
            f"{name}={_written(value)}"
            for name, value in ast.iter_fields(node)
            if value not in (None, []) and name not in ("kind", "type_comment", "type_params")
        ]
        return f"{type(node).__name__}({', '.join(parts)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_written, node))}]"
    return repr(node)


def null_values(random: np.random.Generator, units: int, tests: int, shape: str) -> np.ndarray:
    """Return values without effect, units × tests, that share a part between tests; tails by ``shape``."""
    draw = {
        "normal": lambda size: random.normal(size=size),
        "heavy": lambda size: random.standard_t(2.5, size=size),
        # Patients differ in how noisy their samples are.
        "unequal": lambda size: random.normal(size=size) * random.lognormal(0, 0.8, size=(size[0], 1)),
    }[shape]
    return draw((units, tests)) + 1.5 * draw((units, 1))


def row(
    name: str, case: str, p: np.ndarray, attainable: float, randomised: np.ndarray | None = None, *, exact: bool = False
) -> Row:
    """Return one row of results; ``exact`` says that the rate is the attainable one, up to chance."""
    return {
        "measurement": name,
        "case": case,
        "replicates": int(p.size),
        "rate": float(np.mean(p <= 0.05 + 1e-9)),
        "attainable": attainable,
        "exact": exact,
        "ks_p": None if randomised is None else float(stats.kstest(randomised, "uniform").pvalue),
        "exact_zeros": int(np.sum(p <= 0)),
    }


def flips(replicates: int, seed: int) -> list[Row]:
    """One test: sign flips of 4 to 40 patients."""
    rows = []
    for units in (4, 6, 8, 12, 40):
        for shape in ("normal", "heavy", "unequal"):
            random = generator(seed, "flips", units, shape)
            plan = Flips(units, n_draws=999, seed=seed)
            # Columns are independent replicates here.
            d = np.concatenate([null_values(random, units, 1, shape) for _ in range(replicates)], axis=1)
            p = flip_test(d, plan).p
            step = 2.0 / 2**units if plan.exact else 1 / 1000
            attainable = np.floor(0.05 / step + 1e-9) * step
            rows.append(
                row("sign flips", f"{units} patients, {shape}", p, attainable, p - step * random.random(p.size),
                    exact=True)
            )  # fmt: skip
    return rows


def families(replicates: int, seed: int) -> list[Row]:
    """Sixty correlated lists: how often the smallest step-down q of the family is at most 0.05."""
    rows = []
    for units in (6, 8, 12, 40):
        for shape in ("normal", "heavy"):
            random = generator(seed, "families", units, shape)
            plan = Flips(units, n_draws=999, seed=seed)
            least = []
            for _ in range(replicates):
                d = null_values(random, units, 60, shape)
                # Some lists miss some patients, as real ones do.
                d[random.random(d.shape) < 0.05] = np.nan
                d[:, 0] = null_values(random, units, 1, shape)[:, 0]
                least.append(np.nanmin(step_down(d[:, ~np.isnan(statistic(d))], plan)))
            step = 2.0 / 2**units if plan.exact else 1 / 1000
            attainable = np.floor(0.05 / step + 1e-9) * step
            rows.append(row("family of 60 lists, paired", f"{units} patients, {shape}", np.array(least), attainable))
    return rows


def groups(replicates: int, seed: int) -> list[Row]:
    """Two groups: plain, within strata, beyond a covariate, and a family of lists."""
    rows = []
    for case, units in (
        ("plain", 9),
        ("plain", 30),
        ("strata", 12),
        ("covariate", 12),
        ("covariate", 30),
        ("family", 12),
    ):
        random = generator(seed, "groups", case, units)
        p, steps = [], []
        for _ in range(replicates):
            x = random.normal(size=(units, 1))
            strata = np.arange(units) % 2 if case == "strata" else np.zeros(units, dtype=int)
            chance = 1 / (1 + np.exp(-1.5 * x[:, 0])) if case == "covariate" else np.full(units, 0.5)
            test = random.random(units) < chance
            test[:2], test[2:4] = True, False  # both groups and strata have members
            y = null_values(random, units, 20 if case == "family" else 1, "normal") + 2 * x + 3 * strata[:, None]
            plan = Groups(test, strata, x if case == "covariate" else np.zeros((0, 0)), n_draws=499, seed=seed)
            y = y if case == "covariate" else y - 2 * x
            test_ = permutation_test(y, plan)
            steps.append(test_.smallest_p[0])
            p.append(step_down_groups(y, plan).min() if case == "family" else test_.p[0])
        found, step = np.array(p), np.array(steps)
        if case in ("plain", "strata"):
            attainable = float(np.mean(np.floor(0.05 / step + 1e-9) * step))
            randomised = found - step * random.random(found.size)
            rows.append(row("two groups", f"{units} patients, {case}", found, attainable, randomised, exact=True))
        else:
            rows.append(row("two groups", f"{units} patients, {case}", found, 0.05))
    return rows


def through_compare(replicates: int, seed: int) -> list[Row]:
    """Contrasts as `compare` reads them: interaction, and groups beyond covariates; lists are independent draws."""
    rows = []
    for case, units in (("interaction", 12), ("interaction", 20), ("covariates", 16), ("covariates", 30)):
        p = []
        for design in range(4):
            random = generator(seed, "through compare", case, units, design)
            p.append(_compared(random, case, units, max(5, replicates // 4), seed))
        rows.append(row(f"compare, {case}", f"{units} patients", np.concatenate(p), 0.05))
    return rows


def _compared(random: np.random.Generator, case: str, units: int, lists: int, seed: int) -> np.ndarray:
    """Return p of independent lists in one cohort whose patients differ by covariates, and not by the contrast."""
    age = random.normal(60, 10, units)
    site = np.where(np.arange(units) % 2 == 0, "a", "b")
    chance = 1 / (1 + np.exp(-(age - 60) / 10))
    better = random.random(units) < (chance if case == "covariates" else 0.5)
    better[:2], better[2:4] = True, False
    times = ("pre", "relapse") if case == "interaction" else ("pre",)
    sheet = pd.DataFrame(
        {"sample": f"p{i}{time}", "patient": f"p{i}", "timepoint": time, "response": "R" if better[i] else "NR",
         "age": age[i], "site": site[i]}
        for i in range(units) for time in times
    )  # fmt: skip
    own = random.standard_t(4, size=(units, lists)) + 0.1 * (age - 60)[:, None] * (case == "covariates")
    own = own + 2.0 * (site == "b")[:, None] * (case == "covariates")
    # Both groups change alike, and much: only a difference of the changes is of interest.
    values = [own + (1.5 if time == "relapse" else 0.0) + random.normal(size=own.shape) * len(times) for time in times]
    names = [f"l{k}" for k in range(lists)]
    parts = [
        pd.DataFrame({"sample": f"p{i}{time}", "gene_list": names, "score": values[k][i]})
        for k, time in enumerate(times) for i in range(units)
    ]  # fmt: skip
    scores = pd.concat(parts, ignore_index=True).assign(
        cell_type="T cell", mechanism="m", method="ucell", depth="thinned", thinned_to=1000.0, n_cells=100, coverage=1.0
    )
    contrast = (
        Contrast(variable="timepoint", test="relapse", reference="pre", pair_by="patient", interact_with="response")
        if case == "interaction"
        else Contrast(variable="response", test="R", reference="NR", covariates=("age", "site"))
    )
    effects = compare(SCORES.conform(scores), sheet, contrast, n_draws=499, seed=seed)
    return effects.loc[effects["level"] == "cohort", "p"].to_numpy(dtype=np.float64)


def composition(replicates: int, seed: int) -> list[Row]:
    """Composition of pairs whose fractions wander between samples without direction: smallest q of 6 types."""
    rows = []
    for units in (6, 12):
        random = generator(seed, "composition", units)
        least = []
        for _ in range(replicates):
            parts, sheet = [], []
            for i in range(units):
                for timepoint, n in (("pre", 400), ("relapse", 100)):
                    share = random.dirichlet(np.array([8, 4, 3, 2, 1, 0.5]))
                    kinds = np.repeat([f"t{k}" for k in range(6)], random.multinomial(n, share))
                    parts.append(pd.DataFrame({"sample": f"p{i}{timepoint}", "cell_type": kinds}))
                    sheet.append({"sample": f"p{i}{timepoint}", "patient": f"p{i}", "timepoint": timepoint})
            result = compare_composition(pd.concat(parts), pd.DataFrame(sheet), PAIRED)
            least.append(result["q"].min())
        attainable = np.floor(0.05 / (2 / 2**units) + 1e-9) * 2 / 2**units
        rows.append(row("composition of 6 types", f"{units} patients, 4-fold cells", np.array(least), attainable))
    return rows


def thinned_scores(replicates: int, seed: int) -> list[Row]:
    """Pairs with a 4-fold depth difference and correlated genes: p of thinned and of raw scores."""
    found: dict[tuple[str, str], list[float]] = {}
    genes = [f"G{g}" for g in range(400)]
    for replicate in range(replicates):
        random = generator(seed, "thinned", replicate)
        rates = random.gamma(0.5, 1, size=400)
        adatas, sheet = [], []
        for i in range(8):
            own = rates * random.lognormal(0, 0.3, size=400)
            for timepoint, depth in (("pre", 1200), ("relapse", 300)):
                level = (
                    own
                    * random.lognormal(0, 0.15, size=400)
                    * random.lognormal(0, 0.4, size=(30, 20))[:, np.arange(400) % 20]
                )
                share = level / level.sum(axis=1, keepdims=True)
                counts = random.poisson(share * depth * random.lognormal(0, 0.3, size=(30, 1))).astype(np.float32)
                obs = pd.DataFrame(
                    {"sample": f"p{i}{timepoint}", "cell_type": f"T{i}"}, index=[f"c{c}" for c in range(30)]
                )
                adatas.append(AnnData(sparse.csr_matrix(counts), obs=obs, var=pd.DataFrame(index=genes)))
                sheet.append({"sample": f"p{i}{timepoint}", "patient": f"p{i}", "timepoint": timepoint})
        # One type a patient: without TARGETS, each is thinned to the lowest depth of its own pair.
        lists = {"l": list(random.choice(genes, 20, replace=False))}
        scores = score_samples(adatas, lists, n_null=0)
        scores["cell_type"] = "T cell"
        scores.attrs = {}
        effects = compare(SCORES.conform(scores), pd.DataFrame(sheet), PAIRED)
        for one in effects[effects["level"] == "cohort"].itertuples():
            found.setdefault((str(one.method), str(one.depth)), []).append(float(one.p))
    attainable = np.floor(0.05 * 128) / 128
    return [
        row(f"{method}, {depth}", "8 pairs, 4-fold depth", np.array(p), attainable)
        for (method, depth), p in sorted(found.items())
    ]


MEASUREMENTS: dict[str, tuple[Callable[[int, int], list[Row]], int]] = {
    "flips": (flips, 4000),
    "families": (families, 2000),
    "groups": (groups, 2000),
    "through_compare": (through_compare, 2000),
    "composition": (composition, 2000),
    "thinned_scores": (thinned_scores, 2000),
}


def task_digest(name: str) -> str:
    """Return the digest of the code one measurement runs: only that through scores depends on how scores are made."""
    return digest(
        MEASURED if name == "thinned_scores" else tuple(one for one in MEASURED if not one.startswith("score/"))
    )


def still_valid(results: Path, share: float) -> dict[str, list[Row]]:
    """Return what stale results hold of measurements whose own code is the present one, by name.

    Of fresh results nothing is kept: who runs this script on them wants them measured again.
    """
    written = json.loads(results.read_text(encoding="utf-8")) if results.is_file() else {}
    if written.get("share") != share or written.get("digest") == digest():
        return {}
    found, rows = {}, iter(written["rows"])
    for name, told in written.get("tasks", {}).items():
        own = [next(rows) for _ in range(told["rows"])]
        if name in MEASUREMENTS and told["digest"] == task_digest(name):
            found[name] = own
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure everything in full, or a share of the replicates, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="share of the replicates, to try the script out")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    measured = digest()
    # What an interrupted measurement of this code had finished is not measured again.
    part = given.out.with_suffix(".part.json")
    kept = json.loads(part.read_text(encoding="utf-8")) if part.is_file() else {}
    done = still_valid(given.out, given.share)
    done |= kept.get("tasks", {}) if (kept.get("digest"), kept.get("share")) == (measured, given.share) else {}
    for name, (measure, replicates) in MEASUREMENTS.items():
        if name in done:
            continue
        sys.stdout.write(f"{name}\n")
        done[name] = measure(max(20, int(replicates * given.share)), 0)
        for one in done[name]:
            sys.stdout.write(
                f"  {one['measurement']:32} {one['case']:28} {one['rate']:.4f} of at most {one['attainable']:.4f}\n"
            )
        sys.stdout.flush()
        if digest() == measured:
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps({"digest": measured, "share": given.share, "tasks": done}), encoding="utf-8")
    rows = [one for name in MEASUREMENTS for one in done[name]]
    if digest() != measured:
        sys.stderr.write("the measured code was edited meanwhile; nothing is written, measure again\n")
        return 1
    given.out.parent.mkdir(parents=True, exist_ok=True)
    tasks = {name: {"digest": task_digest(name), "rows": len(done[name])} for name in MEASUREMENTS}
    written = {"digest": measured, "share": given.share, "tasks": tasks, "rows": rows}
    given.out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    part.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
