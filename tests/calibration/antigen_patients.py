"""Simulated patients with a known truth, fast enough for a grid; what an oracle and what tests in use say of them.

The model is that of antigen_full.py (log-normal gene levels, negative-binomial counts, cells of unequal depth, ambient
RNA of the whole sample in every droplet, a change of depth and a batch factor on every gene), with two things drawn
otherwise for speed: a cell's size is one of 32 even quantiles of the log-normal, so that a count is found by inverting
a tabled distribution, and ambient counts are shared out over genes droplet by droplet.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import cache
from typing import Any

import numba
import numpy as np
import pandas as pd
from scipy import sparse, stats

from ohmics.calls.ambient import Ambient
from ohmics.calls.antigen import Pair
from ohmics.calls.matched import Null
from ohmics.calls.populations import Population
from ohmics.calls.ratio import Side, expected_detected, p_present, tails
from ohmics.calls.rules import AntigenRules
from ohmics.seeds import generator

N_GENES = 300
ANTIGEN = "CD19"
GENES = pd.Index([ANTIGEN, *(f"G{number}" for number in range(N_GENES - 1))], dtype=object)
SIZES = np.exp(stats.norm.ppf((np.arange(32) + 0.5) / 32) * 0.4 - 0.08)
BACKGROUND = 200
_MOST = 100_000


@dataclass(frozen=True, kw_only=True)
class Truth:
    """One patient's truth.

    ``depth`` is UMI after over before, ``detection`` the share of cells with a count before, ``ambient`` the share of
    RNA that is ambient before and after (None: each drawn evenly from 0 to 20 %), ``batch`` the log sd by which every
    gene moves between the samples (None: drawn evenly from 0 to 0.3), ``kept`` the share of cells that keep the
    antigen.
    """

    n_cells: int = 300
    depth: float = 1.0
    detection: float = 0.18
    ambient: tuple[float, float] | None = (0.05, 0.05)
    batch: float | None = 0.1
    kept: float = 1.0
    dispersion: float = 0.3


@dataclass(frozen=True)
class Patient:
    """Simulated populations, and what an oracle knows: ambient counts of the antigen a droplet, exposure, batch sd."""

    pair: Pair
    ambient: tuple[float, float]
    exposure: tuple[float, float]
    batch: float


@cache
def level(detection: float, dispersion: float) -> float:
    """Return the mean count of a cell of size 1 at which the given share of cells has a count."""
    low, high = 1e-4, 100.0
    for _ in range(60):
        mean = (low * high) ** 0.5
        share = float(np.mean(1 - (1 + dispersion * mean * SIZES) ** (-1 / dispersion)))
        low, high = (mean, high) if share < detection else (low, mean)
    return high


def expected(truth: Truth) -> float:
    """Return how many cells with a count are to be expected after, had nothing changed (ambient of 10 % when drawn)."""
    share = (0.1, 0.1) if truth.ambient is None else truth.ambient
    mean = level(truth.detection, truth.dispersion)
    soup = mean * truth.n_cells / (truth.n_cells + BACKGROUND)
    own = truth.depth * SIZES * mean * (1 - share[1])
    none = (1 + truth.dispersion * own) ** (-1 / truth.dispersion) * np.exp(-share[1] * truth.depth * soup)
    return float(truth.n_cells * np.mean(1 - none))


def simulate(truth: Truth, seed: int, number: int) -> Patient:
    """Return one patient."""
    random = generator(seed, "antigen grid", *astuple(truth), number)
    share = tuple(random.uniform(0.0, 0.2, 2)) if truth.ambient is None else truth.ambient
    batch_sd = float(random.uniform(0.0, 0.3)) if truth.batch is None else truth.batch
    mean = level(truth.detection, truth.dispersion)
    levels = np.append(mean, mean * np.exp(random.normal(0.0, 1.1, N_GENES - 1)))
    others = levels * np.exp(random.normal(0.0, 1.0, N_GENES))
    others[0] = 0.0
    batch = np.exp(random.normal(0.0, batch_sd, N_GENES))
    n, found, ambient, exposure = truth.n_cells, {}, [], []
    for name, depth, part, moved in (
        ("pre", 1.0, share[0], np.ones(N_GENES)),
        ("post", truth.depth, share[1], batch),
    ):
        after = name == "post"
        keeps = random.random(n) < truth.kept if after else np.ones(n, dtype=bool)
        soup = (levels * moved * n + others * moved * BACKGROUND) / (n + BACKGROUND)
        soup[0] *= float(keeps.mean())
        for kind, profile, kept in ((name, levels, keeps), (f"background_{name}", others, np.ones(BACKGROUND, bool))):
            classes = random.integers(0, len(SIZES), len(kept))
            means = SIZES[:, None] * depth * (1 - part) * profile * moved
            found[kind] = _population(random, means, classes, kept, part * depth * soup, truth.dispersion)
            if kind == name:
                exposure.append(float(SIZES[classes].sum()) * depth * (1 - part))
        ambient.append(part * depth * float(soup[0]))
    pair = Pair(
        pre=found["pre"],
        post=found["post"],
        background_pre=found["background_pre"],
        background_post=found["background_post"],
    )
    return Patient(pair, (ambient[0], ambient[1]), (exposure[0], exposure[1]), batch_sd)


def _population(
    random: np.random.Generator, means: Any, classes: Any, kept: Any, soup: Any, dispersion: float
) -> Population:
    """Return cells × genes counts: negative binomial around a class's means, plus Poisson ambient counts."""
    size = 1.0 / dispersion
    nothing = (1.0 + means / size) ** -size
    odds = means / (means + size)
    total = float(soup.sum())
    extra = random.poisson(total, len(classes)) if total > 0 else np.zeros(len(classes), dtype=np.int64)
    steps = np.cumsum(soup) / total if total > 0 else np.ones(len(soup))
    data, indices, starts = _draw(random, nothing, odds, size, classes, kept, extra, steps, _MOST)
    counts = sparse.csr_matrix((data, indices, starts), shape=(len(classes), N_GENES))
    return Population(counts, GENES, np.ones(N_GENES, dtype=bool))


@numba.njit(cache=True)
def _draw(
    random: Any, nothing: Any, odds: Any, size: float, classes: Any, kept: Any, extra: Any, steps: Any, most: int
) -> Any:
    """Draw counts cell by cell by inverting each gene's distribution; gene 0 has own counts in ``kept`` cells only."""
    n_cells, n_genes = len(classes), nothing.shape[1]
    data = np.empty(n_cells * n_genes, dtype=np.float32)
    indices = np.empty(n_cells * n_genes, dtype=np.int32)
    starts = np.zeros(n_cells + 1, dtype=np.int32)
    row = np.zeros(n_genes, dtype=np.int64)
    filled = 0
    for cell in range(n_cells):
        row[:] = 0
        for _ in range(extra[cell]):
            row[np.searchsorted(steps, random.random())] += 1
        own = classes[cell]
        for gene in range(n_genes):
            if gene > 0 or kept[cell]:
                point = nothing[own, gene]
                left = random.random() - point
                count = 0
                while left >= 0.0 and count < most:
                    point *= (count + size) / (count + 1) * odds[own, gene]
                    count += 1
                    if point <= 0.0:
                        break
                    left -= point
                row[gene] += count
            if row[gene] > 0:
                data[filled] = row[gene]
                indices[filled] = gene
                filled += 1
        starts[cell + 1] = filled
    return data[:filled].copy(), indices[:filled].copy(), starts


def oracle(patient: Patient, truth: Truth, *, seed: int, rules: AntigenRules) -> str:
    """Return the call of one who knows depth, ambient rates, dispersion and the null's sd, by the same thresholds.

    Only the antigen's own counts before and after are left uncertain.
    """
    pre, post = patient.pair.pre, patient.pair.post
    sides = []
    for cells, per_cell in zip((pre, post), patient.ambient, strict=True):
        exact = Ambient(per_cell * 1e9, 1e9, 1_000_000_000, 0.0, np.zeros(N_GENES), 0.0, np.inf)
        sides.append(Side(cells, cells.of((ANTIGEN,)), truth.dispersion, exact))
    # UMI follow the batch effect of the greatest genes; the oracle knows the exposure itself.
    median = float(np.log(patient.exposure[1] / patient.exposure[0] * pre.total / post.total))
    null = Null(N_GENES, median, patient.batch, 0.0, truth.dispersion)
    if min(pre.n, post.n) < rules.min_cells or expected_detected(sides[0], sides[1], null) < rules.min_expected:
        return "not_assessable"
    if p_present(sides[0], seed=seed, names=(ANTIGEN,)) >= rules.alpha or sides[0].own_rate <= 0:
        return "not_assessable"
    found = tails(sides[0], sides[1], null, seed=seed, names=(ANTIGEN,))
    if found.p_loss() < rules.alpha:
        return "lost" if found.upper(rules.alpha) < rules.lost_below else "reduced"
    if found.p_gain() < rules.alpha:
        return "gained"
    return "retained" if found.lower(rules.alpha) > rules.retained_above else "inconclusive"


def people_do(pair: Pair) -> dict[str, bool]:
    """Say whether tests in use call a loss, one-sided at 0.05.

    Fisher on cells with a count; Wilcoxon on log-normalised values; Wilcoxon on scanpy's score_genes of the antigen,
    whose control genes come from the cells of both samples.
    """
    import scanpy as sc
    from anndata import AnnData

    sides = (pair.pre, pair.post)
    detected = [int(np.count_nonzero(cells.of((ANTIGEN,)))) for cells in sides]
    table = [[number, cells.n - number] for number, cells in zip(detected, sides, strict=True)]
    logged = []
    for cells in sides:
        scale = 1e4 / np.repeat(np.maximum(cells.depth, 1), np.diff(cells.counts.indptr))
        data = np.log1p(cells.counts.data * scale).astype(np.float32)
        logged.append(sparse.csr_matrix((data, cells.counts.indices, cells.counts.indptr), shape=cells.counts.shape))
    values = [part[:, [0]].toarray().ravel() for part in logged]
    both = AnnData(sparse.vstack(logged, format="csr"), var=pd.DataFrame(index=GENES))
    both.obs_names = [f"c{number}" for number in range(both.n_obs)]
    sc.tl.score_genes(both, [ANTIGEN], random_state=0)
    score = both.obs["score"].to_numpy()
    scores = score[: pair.pre.n], score[pair.pre.n :]
    return {
        "fisher": bool(stats.fisher_exact(table, alternative="greater").pvalue < 0.05),
        "wilcoxon": bool(stats.mannwhitneyu(*values, alternative="greater").pvalue < 0.05),
        "score_genes": bool(stats.mannwhitneyu(*scores, alternative="greater").pvalue < 0.05),
    }
