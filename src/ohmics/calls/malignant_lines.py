"""What a cluster's cells say comes in; lines of evidence for or against a tumour, in log-odds with a range, go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, ndtr

from ohmics.calls.light_chains import excess, normal_share, normal_tail, restriction
from ohmics.calls.malignant_counts import SampleCounts
from ohmics.calls.malignant_rules import MalignantRules
from ohmics.calls.populations import Floats
from ohmics.errors import listing
from ohmics.model import CellState, DiseasePanel

EFFECTIVE_CELLS = 20.0
"""Cells of a cluster are no independent witnesses: as many count at most."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of evidence: log-odds for a tumour, the range its own uncertainty leaves, and what it rests on."""

    name: str
    value: float
    low: float
    high: float
    words: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """What the annotated types of a cluster's cells say: shares by kind, the main type and its kind."""

    main: str
    kind: str
    incompatible: float
    possible: float


def lineage_of(counts: SampleCounts, cluster: str) -> Lineage:
    """Return the annotated types of a cluster's cells; unnamed cells say nothing."""
    cells = counts.cells.iloc[counts.rows(cluster)]
    named = cells[cells["kind"] != "unnamed"]
    if named.empty:
        return Lineage("unassigned", "unnamed", 0.0, 0.0)
    types = named["cell_type"].astype(str).value_counts()
    main = sorted(types[types == types.max()].index)[0]
    kind = str(named.loc[named["cell_type"] == main, "kind"].iloc[0])
    shares = cells["kind"].value_counts(normalize=True)
    if len(named) < 0.5 * len(cells):
        main, kind = "unassigned", "unnamed"
    return Lineage(main, kind, float(shares.get("incompatible", 0.0)), float(shares.get("possible", 0.0)))


def lineage_line(counts: SampleCounts, cluster: str, panel: DiseasePanel, rules: MalignantRules) -> Line:
    """Return the line of annotated types."""
    about = lineage_of(counts, cluster)
    value = rules.incompatible * about.incompatible + rules.possible * about.possible
    if about.kind == "unnamed":
        words = "most cells have no cell type"
    else:
        reading = {
            "home": f"which {panel.title} shares with normal cells",
            "possible": f"which cells of {panel.title} seldom are",
            "incompatible": f"which is no {panel.title}",
        }[about.kind]
        words = f"cells are mostly {about.main}, {reading}"
    return Line("cell type", value, value, value, words)


def highest_rates(samples: list[SampleCounts], genes: tuple[str, ...], rules: MalignantRules) -> dict[str, float]:
    """Return each gene's highest rate in any cluster of the cohort, counts per million beyond ambient RNA."""
    highest = dict.fromkeys(genes, 0.0)
    for counts in samples:
        rate, _ = _rates(counts)
        enough = counts.n_cells >= rules.min_cells
        for number, gene in enumerate(counts.genes):
            if enough.any():
                highest[gene] = max(highest[gene], float(rate[enough, number].max()))
    return highest


def _rates(counts: SampleCounts) -> tuple[Floats, Floats]:
    """Return rates beyond ambient RNA and their standard errors, clusters × genes, counts per million."""
    umi = np.maximum(counts.umi, 1.0)[:, None]
    ambient = counts.n_cells[:, None] * counts.soup
    # An ambient rate is known to a fifth at best.
    error = np.sqrt(counts.panel + 1.0 + (0.2 * ambient) ** 2)
    return (counts.panel - ambient) / umi * 1e6, error / umi * 1e6


def panel_line(
    counts: SampleCounts, cluster: str, panel: DiseasePanel, highest: Mapping[str, float], rules: MalignantRules
) -> Line:
    """Return the line of the disease panel: the likeliest malignant states against the likeliest normal ones."""
    if not counts.genes:
        return Line("panel", 0.0, 0.0, 0.0, "the data hold no gene of the disease panel")
    row = counts.clusters.index(cluster)
    rate, error = (part[row] for part in _rates(counts))
    threshold = np.array([max(rules.least_rate, rules.least_share * highest[gene]) for gene in counts.genes])
    expressed = ndtr((rate - threshold) / error)
    about = lineage_of(counts, cluster)
    fits = {state.name: _fits(state, counts.genes, expressed, rules) for state in panel.states}
    value, best, other = _compare(panel.states, fits, rules)
    chosen, rival = fits[best], fits[other]
    weight = 1.0 - about.incompatible
    ends = [
        _compare(panel.states, {name: np.delete(fit, gene) for name, fit in fits.items()}, rules)[0]
        for gene in range(len(counts.genes))
    ]
    # Leaving out one gene at a time: a call that hangs on one gene has a wide range.
    spread = 1.96 * float(np.sqrt((len(ends) - 1) / len(ends) * np.sum((np.asarray(ends) - np.mean(ends)) ** 2)))
    limit = rules.panel_limit
    held, low, high = (float(np.clip(weight * v, -limit, limit)) for v in (value, value - spread, value + spread))
    difference = chosen - rival
    speaks = [counts.genes[i] for i in np.argsort(-difference, kind="stable")[:3] if difference[i] > 0.3]
    denies = [counts.genes[i] for i in np.argsort(difference, kind="stable")[:3] if difference[i] < -0.3]
    words = f"expression is likest {best}" if value > 0 else f"expression is likest {other}"
    rivals = f" against {other}" if value > 0 else f" against {best}"
    words += rivals + (f"; for a tumour: {_state(speaks, counts, expressed)}" if speaks else "")
    words += f"; against: {_state(denies, counts, expressed)}" if denies else ""
    return Line("panel", held, low, high, words)


def _state(genes: list[str], counts: SampleCounts, expressed: Floats) -> str:
    on = [gene if expressed[counts.genes.index(gene)] >= 0.5 else f"no {gene}" for gene in genes]
    return listing(on, most=3)


def _fits(state: CellState, genes: tuple[str, ...], expressed: Floats, rules: MalignantRules) -> Floats:
    """Return each gene's log likelihood in a state, length genes."""
    chance = np.full(len(genes), rules.off)
    for names, value in ((state.usual, rules.usual), (state.some, rules.some), (state.rare, rules.rare)):
        chance[np.isin(np.asarray(genes, dtype=str), names)] = value
    return np.asarray(np.log(chance * expressed + (1 - chance) * (1 - expressed)))


def _compare(
    states: tuple[CellState, ...], fits: Mapping[str, Floats], rules: MalignantRules
) -> tuple[float, str, str]:
    """Return the log ratio of malignant over normal states, and the likeliest of each."""
    totals = {name: rules.panel_weight * float(fit.sum()) for name, fit in fits.items()}
    sides = {side: [state.name for state in states if state.malignant == side] for side in (True, False)}
    means = {
        side: float(np.logaddexp.reduce([totals[name] for name in names]) - np.log(len(names)))
        for side, names in sides.items()
    }
    best, other = (max(sides[side], key=lambda name: totals[name]) for side in (True, False))
    return means[True] - means[False], best, other


def light_line(counts: SampleCounts, cluster: str, rules: MalignantRules) -> Line | None:
    """Return the line of light-chain restriction; None where the disease is not told by it."""
    if counts.light is None:
        return None
    about = lineage_of(counts, cluster)
    kappa, lambda_ = counts.light.told(_home_rows(counts, cluster))
    if about.kind == "incompatible" or kappa + lambda_ < rules.min_light_cells:
        return Line(
            "light chain", 0.0, 0.0, 0.0,
            f"light chains are told in {kappa + lambda_} B or plasma cells, fewer than {rules.min_light_cells}",
        )  # fmt: skip
    normal, own = normal_of(counts, cluster, rules)
    n = kappa + lambda_
    error = 1.96 * float(np.sqrt(max(kappa * lambda_, n) / n))
    value, *ends = (
        restriction(float(np.clip(kappa + shift, 0.0, n)), float(np.clip(lambda_ - shift, 0.0, n)), normal, rules)
        for shift in (0.0, -error, error)
    )
    if value < 0 and normal_tail(kappa, lambda_, normal) < rules.odd_share:
        # Neither one clone nor surely normal: a mixture says nothing of the cluster as a whole.
        value = 0.0
    limit = rules.light_limit
    held, low, high = (float(np.clip(v, -limit, limit)) for v in (value, min(value, *ends), max(value, *ends)))
    chain, beyond = excess(kappa, lambda_, normal)
    basis = f"{own} of the sample's own normal B or plasma cells" if own else "normal cells in general"
    share = normal[0] / (normal[0] + normal[1])
    words = f"{kappa} cells make kappa and {lambda_} lambda, where normal cells make {share:.0%} kappa ({basis})"
    if value >= 0:
        words += f"; {beyond:.0%} of the {'kappa' if chain > 0 else 'lambda'} cells are beyond what normal cells bring"
    return Line("light chain", held, low, high, words)


def _home_rows(counts: SampleCounts, cluster: str) -> npt.NDArray[np.int64]:
    rows = counts.rows(cluster)
    kind = counts.cells["kind"].to_numpy(dtype=object)[rows]
    return np.asarray(rows[kind != "incompatible"], dtype=np.int64)


def normal_of(counts: SampleCounts, cluster: str, rules: MalignantRules) -> tuple[tuple[float, float], int]:
    """Return the Beta parameters of the kappa share of the sample's normal cells, and how many of its cells tell it."""
    if counts.light is None:
        return (rules.normal_kappa, 1 - rules.normal_kappa), 0
    told = [counts.light.told(_home_rows(counts, other)) for other in counts.clusters if other != cluster]
    kappa, lambda_, own = normal_share(told, rules)
    return (kappa, lambda_), own


def cycling_line(counts: SampleCounts, cluster: str, panel: DiseasePanel, rules: MalignantRules) -> Line:
    """Return the line of the cell cycle; it tells something where the normal counterpart hardly divides."""
    row = counts.clusters.index(cluster)
    share, n = float(counts.cycling[row]), float(counts.n_cells[row])
    words = f"{share:.0%} of the cells are in cell cycle"
    if not panel.resting:
        return Line("cell cycle", 0.0, 0.0, 0.0, f"{words}, as normal precursors of this disease are too")
    if lineage_of(counts, cluster).kind == "incompatible":
        return Line("cell cycle", 0.0, 0.0, 0.0, words)
    error = 1.96 * float(np.sqrt(max(share * (1 - share), 0.01) / max(n, 1.0)))
    ends = [rules.cycling if part > rules.resting else 0.0 for part in (share - error, share, share + error)]
    compared = "more than" if share - error > rules.resting else "not surely more than"
    return Line("cell cycle", ends[0], ends[0], ends[2], f"{words}, {compared} the {rules.resting:.0%} of normal cells")


STANDS_STILL = 0.1
"""A cluster with a smaller share of late stages than this does not mature."""


def stands_still(counts: SampleCounts, cluster: str) -> bool:
    """Return whether nearly all staged cells of a cluster are in early stages."""
    row = counts.clusters.index(cluster)
    return bool(counts.late[row] <= STANDS_STILL * (counts.early[row] + counts.late[row]))


def maturation_line(
    counts: SampleCounts, cluster: str, panel: DiseasePanel, rules: MalignantRules, *, apart: Sequence[str] = ()
) -> Line | None:
    """Return the line of maturation: recovering precursors mature, leukaemic ones stand still.

    The share of late stages, in the cluster and in the sample's cells of the lineage, is weighed under recovery,
    Beta(3, 4), and under leukaemia, Beta(0.5, 8); the lower of the two counts, since an early cluster may be the first
    stage of a recovery whose later stages stand in other clusters. Clusters in ``apart`` are left out of the sample.
    None where no normal precursor looks like the tumour, or the cluster is no early one.
    """
    row = counts.clusters.index(cluster)
    if not panel.precursors or lineage_of(counts, cluster).kind not in ("home", "unnamed"):
        return None
    if counts.early[row] + counts.late[row] < rules.min_cells or counts.early[row] < counts.late[row]:
        return None
    inside = _maturing(float(counts.early[row]), float(counts.late[row]), rules)
    kept = ~np.isin(np.asarray(counts.clusters, dtype=str), list(apart))
    early, late = float(counts.early[kept].sum()), float(counts.late[kept].sum())
    value, low, high = min(inside, _maturing(early, late, rules))
    here = counts.late[row] / (counts.early[row] + counts.late[row])
    beside = ", decided clusters apart," if len(apart) else ""
    share = late / max(early + late, 1.0)
    words = (
        f"{here:.0%} of the cluster's and{beside} {share:.0%} of the sample's {early + late:.0f} staged "
        f"B-lineage cells are in late stages; recovering precursors ({panel.precursors}) mature, leukaemic ones stand "
        "still"
    )
    return Line("maturation", value, low, high, words)


def _maturing(early: float, late: float, rules: MalignantRules) -> tuple[float, float, float]:
    """Return the log ratio of leukaemia over recovery for numbers of early and late cells, and its range."""
    share = late / (early + late)
    n = min(early + late, EFFECTIVE_CELLS)
    error = 1.96 * float(np.sqrt(max(share * (1 - share), 1 / n) / n))

    def ratio(part: float) -> float:
        x, rest = part * n, (1 - part) * n
        value = betaln(x + 0.5, rest + 8) - betaln(0.5, 8) - betaln(x + 3, rest + 4) + betaln(3, 4)
        return float(np.clip(value, -rules.maturation_limit, rules.maturation_limit))

    value, *ends = (ratio(part) for part in (share, max(share - error, 0.0), min(share + error, 1.0)))
    return value, min(value, *ends), max(value, *ends)


def copy_number_line(counts: SampleCounts, cluster: str, rules: MalignantRules) -> Line | None:
    """Return the line of copy number; None when it was not looked at.

    Half a unit of log-odds a standard deviation beyond 3 sd of clusters of normal cells; a departure within that speaks
    a little against a tumour, since some tumours have none.
    """
    if counts.copy_number is None:
        return None
    if cluster not in counts.copy_number.index:
        return Line("copy number", 0.0, 0.0, 0.0, "copy number was not told: too few normal cells to compare with")
    row = counts.copy_number.index.get_loc(cluster)
    z, departure = (float(counts.copy_number[name].to_numpy(dtype=np.float64)[row]) for name in ("z", "departure"))
    limit = rules.copy_number_limit
    value, low, high = (float(np.clip(0.5 * (part - 3.0), -0.5, limit)) for part in (z, z - 2.0, z + 2.0))
    words = f"copy number departs by {departure:.3f} (log), {z:.1f} sd beyond clusters of normal cells"
    return Line("copy number", value, low, high, words)
