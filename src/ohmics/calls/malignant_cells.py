"""Calls of clusters come in; what each of their cells is goes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics.calls.light_chains import excess
from ohmics.calls.malignant_counts import SampleCounts
from ohmics.calls.malignant_lines import lineage_of, normal_of
from ohmics.calls.malignant_rules import MalignantRules
from ohmics.calls.malignant_words import ClusterCall

COLUMNS = ("sample", "barcode", "malignant", "malignant_probability", "light_chain")


def no_cells() -> pd.DataFrame:
    """Return the frame of cells without rows."""
    frame = pd.DataFrame({name: pd.Series(dtype=object) for name in COLUMNS})
    return frame.astype({"malignant": "boolean", "malignant_probability": "float64"})


def cell_calls(counts: SampleCounts, calls: Mapping[str, ClusterCall], rules: MalignantRules) -> pd.DataFrame:
    """Return what each cell of a sample is.

    A cell follows its cluster, with exceptions: a cell whose annotated type is no tumour of the disease is normal
    everywhere; in a cluster of another kind than its own type it is open; a cell of the chain that a restricted cluster
    does not make is normal; and in undetermined clusters cells of the clone's light chain are malignant where normal
    cells explain fewer than half of them, likeliest first, as long as the cells called so in the whole sample are
    expected to be malignant with at least ``rules.cell_purity``. Where the sample has a clone, only cells that make as
    much light chain as it does are called so, and those of normal clusters too (see `clone_level`).
    """
    n = len(counts.cells)
    state = np.zeros(n, dtype=np.int64)
    probability = np.full(n, np.nan)
    kind = counts.cells["kind"].to_numpy()
    for cluster, call in calls.items():
        rows = counts.rows(cluster)
        told = {"malignant": 1, "normal": -1}.get(call.call, 0)
        probability[rows] = call.probability
        state[rows] = _by_kind(told, kind[rows], lineage_of(counts, cluster).kind)
    if counts.light is not None:
        _by_chain(counts, calls, state, probability, rules)
    state[kind == "incompatible"] = -1
    frame = pd.DataFrame({"sample": counts.sample, "barcode": counts.cells["barcode"].to_numpy()})
    flags = pd.Series(state == 1).astype("boolean")
    frame["malignant"] = flags.mask(state == 0).to_numpy()
    frame["malignant_probability"] = probability
    frame["light_chain"] = _chains(counts)
    return frame


def _by_kind(told: int, kind: npt.NDArray[np.object_], main: str) -> npt.NDArray[np.int64]:
    """Return the state of a cluster's cells by their own kind and the cluster's."""
    state = np.full(len(kind), told, dtype=np.int64)
    # A cell of the tumour's lineage among T cells may be a doublet or a stray tumour cell; a monocyte among blasts too.
    foreign = (kind == "home") & (main in ("incompatible", "possible")) if told < 1 else (kind == "possible")
    if told == 1 and main in ("possible", "unnamed"):
        foreign = np.zeros(len(kind), dtype=bool)
    state[foreign] = 0
    return state


@dataclass(frozen=True, slots=True)
class _Chains:
    """Cells of one cluster, told by their light chain: the dominant chain, and what normal cells do not bring of it.

    ``of`` holds the cells of the dominant chain, ``other`` those of the other; ``beyond`` is the share of ``of`` that
    is not explained by normal cells; ``restricted`` the cluster's line of evidence.
    """

    of: npt.NDArray[np.int64]
    other: npt.NDArray[np.int64]
    chain: int
    beyond: float
    call: ClusterCall
    restricted: float


def _by_chain(
    counts: SampleCounts,
    calls: Mapping[str, ClusterCall],
    state: npt.NDArray[np.int64],
    probability: npt.NDArray[np.float64],
    rules: MalignantRules,
) -> None:
    """Tell the cells of mixed clusters apart by their light chain (in place)."""
    if counts.light is None:
        return
    found = [part for part in (_told(counts, cluster, call, rules) for cluster, call in calls.items()) if part]
    clones = [part for part in found if part.call.call == "malignant" and part.restricted > 0]
    sure = 0.0
    taken = 0
    for part in clones:
        state[part.other] = -1
        probability[part.other] = 1 - rules.certain
        taken += len(part.of)
        sure += part.beyond * len(part.of)
    chains = {part.chain for part in clones}
    least = clone_level(counts, [part.of for part in clones], rules)
    mixed = [
        _told(counts, cluster, call, rules, least=least)
        for cluster, call in calls.items()
        if call.call == "undetermined" or (clones and call.call == "normal")
    ]
    # Without a clone there is no level to look at, and a cluster of both chains is what normal cells are.
    open_ones = [part for part in mixed if part and (clones or part.restricted >= 0)]
    for part in sorted(open_ones, key=lambda part: -part.beyond):
        n = len(part.of)
        if part.beyond <= 0.5 or (chains and part.chain not in chains) or not n:
            continue
        if (sure + part.beyond * n) / (taken + n) < rules.cell_purity:
            continue
        sure, taken = sure + part.beyond * n, taken + n
        state[part.of] = 1
        probability[part.of] = part.beyond
        state[part.other] = -1


def clone_level(counts: SampleCounts, clones: list[npt.NDArray[np.int64]], rules: MalignantRules) -> float:
    """Return the least light chain, as a share of a cluster's mean UMI, that cells of the sample's clone make.

    Normal cells of either chain make equally much. So where a cluster mixes them with the clone, the cells of the other
    chain say, at the clone's level, how many of the cells at that level are normal; cells far below it, naive ones for
    example, say nothing of those. 0 where no cluster is a clone.
    """
    if not clones:
        return 0.0
    return float(np.quantile(_levels(counts)[np.concatenate(clones)], rules.clone_level))


def _levels(counts: SampleCounts) -> npt.NDArray[np.float64]:
    """Return each cell's light-chain counts beyond ambient RNA, as a share of the mean UMI of its cluster's cells."""
    if counts.light is None:
        return np.zeros(len(counts.cells))
    depth = dict(zip(counts.clusters, counts.umi / np.maximum(counts.n_cells, 1.0), strict=True))
    own = counts.light.kappa + counts.light.lambda_ - sum(counts.light.ambient)
    return np.asarray(own / counts.cells["cluster"].map(depth).to_numpy(dtype=np.float64))


def _told(
    counts: SampleCounts, cluster: str, call: ClusterCall, rules: MalignantRules, *, least: float = 0.0
) -> _Chains | None:
    """Return what the light chains of a cluster's cells say; of cells from a level on, where it is given."""
    if counts.light is None or lineage_of(counts, cluster).kind == "incompatible":
        return None
    rows = counts.rows(cluster)
    rows = rows[counts.cells["kind"].to_numpy(dtype=object)[rows] != "incompatible"]
    if least > 0:
        rows = rows[_levels(counts)[rows] >= least]
    kappa, lambda_ = counts.light.told(rows)
    if kappa + lambda_ < (rules.min_light_cells if least == 0 else 1):
        return None
    normal, _ = normal_of(counts, cluster, rules)
    chain, beyond = excess(kappa, lambda_, normal)
    restricted = next((line.value for line in call.lines if line.name == "light chain"), 0.0)
    own = counts.light.chain[rows]
    return _Chains(rows[own == chain], rows[own == -chain], chain, beyond, call, restricted)


def _chains(counts: SampleCounts) -> npt.NDArray[np.object_]:
    names = np.full(len(counts.cells), None, dtype=object)
    if counts.light is not None:
        names[counts.light.chain == 1] = "kappa"
        names[counts.light.chain == -1] = "lambda"
    return names


def declared_calls(frame: pd.DataFrame, told: pd.Series) -> pd.DataFrame:
    """Return the cells as the user declares them, with the evidence's probability beside."""
    declared = frame.copy()
    declared["malignant"] = pd.array(told.to_numpy(), dtype="boolean")
    return declared
