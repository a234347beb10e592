"""Tested gene lists and the rankings they were tested on come in; shared genes and running sums go out as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics.stats.genesets import GeneList, locate, parts_of
from ohmics.stats.walks import running_sum_points
from ohmics.tables import RUNNING_SUMS, SET_OVERLAP

SIGNIFICANT = 0.05
ONE_FINDING = 0.2
"""Significant lists that share more than this share of the smaller one's genes are one finding."""
MOST_WALKS = 12
LEAST_WALKS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """The ranking (a statistic by gene) that one method tested one cell type's lists on."""

    contrast: str
    cell_type: str
    method: str
    genes: tuple[str, ...]
    statistic: npt.NDArray[np.float64]
    lists: Mapping[str, GeneList]


def with_groups(enrichment: pd.DataFrame, ranked: Iterable[Ranked]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return ENRICHMENT with column ``finding``, and SET_OVERLAP of its significant lists.

    Parameters
    ----------
    enrichment
        ENRICHMENT with q. A list is significant in a cell type when any of its methods has q below 0.05.
    ranked
        What was tested.

    Returns
    -------
    ``finding`` names, for each significant list, the first (smallest p) of the lists it is linked to by sharing more
    than a fifth of the smaller list's genes, over any number of steps: lists of one name count as one finding.
    """
    tested = {(one.contrast, one.cell_type): one for one in ranked}
    finding: dict[tuple[str, str, str], str] = {}
    rows: list[dict[str, object]] = []
    hits = enrichment[enrichment["q"] < SIGNIFICANT].sort_values(["p", "gene_list"], kind="stable")
    for (contrast, cell_type), part in hits.groupby(["contrast", "cell_type"], sort=True, observed=True):
        one = tested[str(contrast), str(cell_type)]
        names = list(dict.fromkeys(part["gene_list"].astype(str)))
        among = set(one.genes)
        genes = {name: {g for side in parts_of(one.lists[name]) for g in side} & among for name in names}
        leader = {name: name for name in names}
        for first, second in combinations(names, 2):
            shared = genes[first] & genes[second]
            if not shared:
                continue
            smaller = min(len(genes[first]), len(genes[second]))
            rows.append(
                {
                    "contrast": contrast, "cell_type": cell_type, "gene_list": first, "other": second,
                    "size": len(genes[first]), "size_other": len(genes[second]), "shared": len(shared),
                    "jaccard": len(shared) / len(genes[first] | genes[second]),
                    "overlap_coefficient": len(shared) / smaller, "genes": "|".join(sorted(shared)),
                }
            )  # fmt: skip
            if len(shared) > ONE_FINDING * smaller:
                ahead, behind = sorted((leader[first], leader[second]), key=names.index)
                leader = {name: ahead if of == behind else of for name, of in leader.items()}
        finding |= {(str(contrast), str(cell_type), name): of for name, of in leader.items()}
    keys = enrichment[["contrast", "cell_type", "gene_list"]].astype(str).itertuples(index=False, name=None)
    named = enrichment.assign(finding=pd.array([finding.get(key) for key in keys], dtype=object))
    overlap = SET_OVERLAP.conform(rows) if rows else SET_OVERLAP.empty()
    return named, overlap.sort_values(list(SET_OVERLAP.key), kind="stable", ignore_index=True)


def running_sums_of(enrichment: pd.DataFrame, ranked: Iterable[Ranked]) -> pd.DataFrame:
    """Return RUNNING_SUMS of the lists a reader would look at.

    These are, by method and cell type, the significant lists (at most twelve) or, where there are fewer than four,
    the four of smallest p. Flips decide where there are flips, else camera or fry.
    """
    tables: list[pd.DataFrame] = []
    seen: set[tuple[str, str]] = set()
    for one in ranked:
        if (one.contrast, one.cell_type) in seen:
            continue
        seen.add((one.contrast, one.cell_type))
        mine = enrichment[
            (enrichment["contrast"] == one.contrast)
            & (enrichment["cell_type"] == one.cell_type)
            & (enrichment["method"] == one.method)
        ].sort_values(["q", "p", "gene_list"], kind="stable")
        wanted = min(MOST_WALKS, max(LEAST_WALKS, int((mine["q"] < SIGNIFICANT).sum())))
        for name in mine["gene_list"].astype(str).head(wanted):
            members = locate({name: one.lists[name]}, one.genes)
            for part, positions in (("up", members.up[0]), ("down", members.down[0])):
                if not positions.size:
                    continue
                genes, rank, before, after = running_sum_points(one.statistic, positions)
                tables.append(
                    pd.DataFrame(
                        {
                            "contrast": one.contrast,
                            "cell_type": one.cell_type,
                            "gene_list": name,
                            "method": one.method,
                            "part": part,
                            "rank": rank,
                            "gene": [one.genes[i] for i in genes],
                            "statistic": one.statistic[genes],
                            "before": before,
                            "after": after,
                            "n_tested": len(one.genes),
                        }
                    )
                )
    return RUNNING_SUMS.conform(pd.concat(tables, ignore_index=True)) if tables else RUNNING_SUMS.empty()
