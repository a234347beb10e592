"""Calls of clusters come in; what each of their cells is goes out."""

from __future__ import annotations

from collections.abc import Mapping

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
    does not make is normal; and in an undetermined or mixed cluster the cells of the dominant light chain are malignant
    where normal cells explain too few of them.
    """
    n = len(counts.cells)
    state = np.zeros(n, dtype=np.int64)
    probability = np.full(n, np.nan)
    kind = counts.cells["kind"].to_numpy()
    for cluster, call in calls.items():
        rows = counts.rows(cluster)
        told = {"malignant": 1, "normal": -1}.get(call.call, 0)
        probability[rows] = call.probability
        main = lineage_of(counts, cluster).kind
        state[rows] = _by_kind(told, kind[rows], main)
        if counts.light is not None and main != "incompatible":
            _by_chain(counts, cluster, rows, call, state, probability, rules)
    apart = kind == "incompatible"
    state[apart] = -1
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


def _by_chain(
    counts: SampleCounts,
    cluster: str,
    rows: npt.NDArray[np.int64],
    call: ClusterCall,
    state: npt.NDArray[np.int64],
    probability: npt.NDArray[np.float64],
    rules: MalignantRules,
) -> None:
    """Tell cells of one cluster apart by their light chain (in place)."""
    if counts.light is None:
        return
    kappa, lambda_ = counts.light.told(rows)
    if kappa + lambda_ < rules.min_light_cells:
        return
    normal, _ = normal_of(counts, cluster, rules)
    chain, beyond = excess(kappa, lambda_, normal)
    restricted = next((line.value for line in call.lines if line.name == "light chain"), 0.0)
    own = counts.light.chain[rows]
    if call.call == "malignant" and restricted > 0:
        state[rows[own == -chain]] = -1
        probability[rows[own == -chain]] = 1 - rules.certain
        return
    if call.call == "normal" or beyond < rules.certain:
        return
    # Too many cells of one chain for normal cells alone: those of that chain are the clone's.
    state[rows[own == chain]] = 1
    probability[rows[own == chain]] = beyond
    state[rows[own == -chain]] = -1


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
