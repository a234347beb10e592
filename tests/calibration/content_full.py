"""Measure false support and power of bulk scores beyond content; writes benchmarks/content.json.

python tests/calibration/content_full.py [--share 1.0] [--out benchmarks/content.json]

Bulk samples of melanoma are mixtures of seven cell types with patient-specific levels, modules of genes, batches and
negative-binomial noise (the profiles of the toy cohort, with patients whose T-cell share differs about 2-fold). In the
null cohorts the share of T cells (or of tumour) changes after treatment, and no cell changes what it expresses. The
planted cohorts also change one list in T cells. The test is `compare`'s sign-flip or permutation test. The
largest mean change of content that is still judged (`FARTHEST`) was chosen on other seeds of this simulation.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ohmics.calls.content import NOT_TUMOUR_GENES, T_CELL_GENES
from ohmics.calls.content_changes import beyond_groups, beyond_paired
from ohmics.score.run import score
from ohmics.seeds import generator
from ohmics.stats.groups import Groups, permutation_test
from ohmics.stats.paired import Flips, flip_test
from ohmics.toy import levels
from ohmics.toy.draw import lognormal
from ohmics.toy.genes import default_catalog, gene_space
from ohmics.toy.programs import modules, profiles

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "content.json"
MEASURED = ("calls/content_changes.py", "score/ucell.py")
SHARES = {
    "melanoma": 0.55,
    "fibroblast": 0.12,
    "t": 0.10,
    "macrophage": 0.10,
    "endothelial": 0.05,
    "b": 0.04,
    "nk": 0.02,
}
BETWEEN = (0.3, 0.5, 0.8, 0.5, 0.4, 0.8, 0.6)
WITHIN = (0.15, 0.25, 0.35, 0.25, 0.2, 0.35, 0.3)
T_LISTS = {
    "cyt mean_z": ("low_cytotoxic_effector/rooney_cyt", "mean_z"),
    "cytotoxicity ucell": ("low_cytotoxic_effector/tcellsi_cytotoxicity", "ucell"),
    "terminal exhaustion mean_z": ("tcell_exhaustion_terminal/tex_consensus_2of3", "mean_z"),
    "terminal exhaustion ucell": ("tcell_exhaustion_terminal/tex_consensus_2of3", "ucell"),
}
Row = dict[str, Any]


def digest() -> str:
    """Return a digest of the measured code."""
    return hashlib.sha256(b"".join((ROOT / "src/ohmics" / name).read_bytes() for name in MEASURED)).hexdigest()


class World:
    """Genes, profiles and lists that all cohorts share."""

    def __init__(self, n_genes: int = 4000) -> None:
        catalog = default_catalog()
        self.space = gene_space(n_genes, catalog)
        self.modules = modules(self.space, 0)
        families = {name: name for name in levels.BULK}
        self.profiles = profiles(self.space, catalog, types=levels.BULK, families=families, seed=0)
        self.lists = {key: catalog.gene_lists[key] for key, _ in T_LISTS.values()}
        known = sorted(levels.BULK["melanoma"].items(), key=lambda item: -item[1])
        self.tumour = [gene for gene, _ in known if not gene.startswith("MT-")][:20]

    def cohort(
        self, random: np.random.Generator, units: int, fold: float, fold_of: str, percell: float, *, paired: bool
    ) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
        """Return counts (samples × genes), each sample's shares, and which samples are on the test side."""
        names = list(SHARES)
        base = np.array([self.profiles[name] for name in names])
        batches = [lognormal(random, 0.1, len(self.space)) for _ in range(4)]
        changed = base.copy()
        changed[names.index("t"), self.space.mask(self.lists[T_LISTS["cytotoxicity ucell"][0]])] *= percell
        rows, mixtures, sides = [], [], []
        for unit in range(units):
            mine = np.array(list(SHARES.values())) * np.exp(random.normal(0, BETWEEN))
            own = lognormal(random, 0.35, len(self.space))
            shifts = 0.2 * random.standard_normal(len(self.modules.names))
            for test in (False, True) if paired else (unit % 2 == 1,):
                share = mine * np.exp(random.normal(0, WITHIN))
                share[names.index(fold_of)] *= fold if test else 1.0
                share /= share.sum()
                moved = shifts + 0.1 * random.standard_normal(len(shifts))
                moved[0] = 0.0
                level = (share @ (changed if test else base)) * own * lognormal(random, 0.12, len(self.space))
                level *= np.exp(moved[self.modules.of]) * batches[random.integers(4)]
                mean = level / level.sum() * random.uniform(3e6, 1.5e7)
                dispersion = 0.02 + 1 / np.maximum(mean, 10)
                rows.append(random.poisson(random.standard_gamma(1 / dispersion) * dispersion * mean))
                mixtures.append(share)
                sides.append(test)
        counts = pd.DataFrame(np.array(rows, dtype=float), columns=self.space.symbols)
        return counts, np.array(mixtures), np.array(sides)


def one_cohort(world: World, seed: int, case: Row, number: int) -> list[Row]:
    """Return p, and whether the change beyond content was given, of each score of one cohort."""
    random = generator(seed, "content", *map(str, case.values()), number)
    paired = case["design"] == "pairs"
    counts, shares, test = world.cohort(random, case["units"], case["fold"], case["of"], case["percell"], paired=paired)
    logged = np.log2(counts.div(counts.sum(axis=1), axis=0) * 1e6 + 1)
    if case["of"] == "t":
        contents = {"T cells": logged[list(T_CELL_GENES)].to_numpy()}
        wanted = {name: (world.lists[key], method) for name, (key, method) in T_LISTS.items()}
    else:
        parts = logged[list(NOT_TUMOUR_GENES)]
        scaled = -((parts - parts.mean()) / parts.std()).to_numpy()
        contents = {"purity, a column": np.log2(shares[:, [0]]), "purity, estimated": scaled}
        wanted = {"tumour genes mean_z": (world.tumour, "mean_z"), "tumour genes ucell": (world.tumour, "ucell")}
    found = []
    for name, (genes, method) in wanted.items():
        data, scale = (logged, "log") if method == "mean_z" else (counts, "counts")
        # A frame does not say that its rows are bulk samples, of which all genes are ranked.
        last = len(counts.columns) if method == "ucell" else None
        values = score(data, {"l": genes}, method=method, input=scale, max_rank=last)["l"].to_numpy()
        for label, content in contents.items():
            if paired:
                change, moved = values[test] - values[~test], content[test] - content[~test]
                result, plain = beyond_paired(change, moved), change
                p = [
                    flip_test(v[:, None], Flips(len(v), 999, number, "c"))
                    for v in (plain, np.nan_to_num(result.contributions))
                ]
            else:
                result, plain = beyond_groups(values, content, test), values
                plan = Groups(test=test, strata=np.zeros(len(test), dtype=np.int64), n_draws=999, seed=number, name="c")
                p = [permutation_test(v[:, None], plan) for v in (plain, np.nan_to_num(result.contributions))]
            given = not result.why
            found.append({"score": name, "content": label, "given": given, "raw_p": float(p[0].p[0]),
                          "p": float(p[1].p[0]) if given else np.nan, "down": bool(p[1].effect[0] < 0)})  # fmt: skip
    return found


def numbers(units: int, mean: float, noise: float, own: float, *, paired: bool, cohorts: int) -> Row:
    """Return the rates of cohorts of plain numbers: content moves by ``mean`` sd, its genes have ``noise`` sd."""
    random = generator(7, "numbers", units, mean, noise, own, paired)
    test = np.arange(units) % 2 == 1
    kept, raw = [], []
    for _ in range(cohorts):
        true = random.normal(0, 1, units) + mean * (1.0 if paired else test)
        genes = true[:, None] + random.normal(0, noise, (units, len(T_CELL_GENES)))
        value = 0.7 * true + random.normal(0, 0.5, units) + own * (1.0 if paired else test)
        found = beyond_paired(value, genes) if paired else beyond_groups(value, genes, test)
        raw.append(value)
        if not found.why:
            kept.append(found.contributions)
    plan = Groups(test=test, strata=np.zeros(units, dtype=np.int64), n_draws=999, seed=0, name="n")
    flips = Flips(units, 999, 0, "n")
    tested = [np.column_stack(values) for values in (raw, kept)]
    p = [flip_test(values, flips).p if paired else permutation_test(values, plan).p for values in tested]
    return {
        "design": "pairs" if paired else "groups", "units": units, "of": "numbers", "fold": mean, "percell": own,
        "score": f"noise {noise:g}", "content": "5 genes", "cohorts": cohorts, "given": len(kept),
        "raw_rate": float((p[0] <= 0.05).mean()), "rate": float((p[1] <= 0.05).mean()), "rate_down": None,
    }  # fmt: skip


CASES = [
    *[{"design": "pairs", "units": n, "of": "t", "fold": 1.5, "percell": 1.0} for n in (10, 24, 40)],
    {"design": "pairs", "units": 24, "of": "melanoma", "fold": 0.8, "percell": 1.0},
    *[{"design": "pairs", "units": n, "of": "t", "fold": 1.5, "percell": 0.5} for n in (10, 24)],
    {"design": "groups", "units": 24, "of": "t", "fold": 1.5, "percell": 1.0},
    {"design": "pairs", "units": 24, "of": "t", "fold": 1.5, "percell": 0.75},
]  # fmt: skip
COHORTS = 100
NUMBERS = [
    *[(n, mean, noise, 0.0, True) for n in (6, 8, 10, 12, 24, 40) for mean in (0.0, 0.5) for noise in (0.3, 1.0)],
    *[(n, mean, 0.5, 0.0, False) for n in (12, 24, 40) for mean in (0.0, 0.5)],
    *[(n, 0.4, 0.3, own, True) for n in (8, 12, 24, 40) for own in (0.25, 0.5, 1.0)],
]
NUMBER_COHORTS = 2000


def mixtures(world: World, case: Row, cohorts: int) -> list[Row]:
    """Return the rates of each score of one case of mixed samples."""
    frame = pd.DataFrame([one for number in range(cohorts) for one in one_cohort(world, 7, case, number)])
    rows = []
    for (name, content), part in frame.groupby(["score", "content"], sort=False):
        told = part[part["given"]]
        rows.append({
            **case, "score": name, "content": content, "cohorts": len(part), "given": len(told),
            "raw_rate": float((part["raw_p"] <= 0.05).mean()),
            "rate": float((told["p"] <= 0.05).mean()) if len(told) else None,
            "rate_down": float(((told["p"] <= 0.05) & told["down"]).mean()) if len(told) else None,
        })  # fmt: skip
    return rows


def tasks(world: World, share: float) -> dict[str, Callable[[], list[Row]]]:
    """Return what is measured, by name, in order."""
    found: dict[str, Callable[[], list[Row]]] = {}
    for one in NUMBERS:
        *values, paired = one
        cohorts = max(20, int(NUMBER_COHORTS * share))
        found["/".join(map(str, ("numbers", *one)))] = partial(
            _one, partial(numbers, *values, paired=paired, cohorts=cohorts)
        )
    for case in CASES:
        cohorts = max(2, int(COHORTS * share))
        found["/".join(map(str, case.values()))] = partial(mixtures, world, case, cohorts)
    return found


def _one(measure: Callable[[], Row]) -> list[Row]:
    return [measure()]


def main(arguments: list[str] | None = None) -> int:
    """Measure every case and write the rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    world, measured = World(), digest()
    # What an interrupted measurement of this code had finished is not measured again.
    part = given.out.with_suffix(".part.json")
    kept = json.loads(part.read_text(encoding="utf-8")) if part.is_file() else {}
    done = kept.get("tasks", {}) if (kept.get("digest"), kept.get("share")) == (measured, given.share) else {}
    todo = tasks(world, given.share)
    for name, task in todo.items():
        if name in done:
            continue
        done[name] = task()
        for one in done[name]:
            sys.stdout.write(json.dumps(one) + "\n")
        sys.stdout.flush()
        if digest() != measured:
            sys.stderr.write("the measured code was edited meanwhile; nothing is written, measure again\n")
            return 1
        part.write_text(json.dumps({"digest": measured, "share": given.share, "tasks": done}), encoding="utf-8")
    rows = [one for name in todo for one in done[name]]
    written = {"digest": measured, "share": given.share, "rows": rows}
    given.out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    part.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
