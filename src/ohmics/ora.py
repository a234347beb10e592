"""DE and gene lists come in; which lists hold more changed genes than chance would give (ORA) goes out.

The test draws genes at random, so its p is too small when the genes of a list move together: it stands beside the
tests that move patients (`ohmics.enrich`), for comparison with the literature, and no verdict reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ohmics._gene_sets import HasGeneLists, mechanism_of
from ohmics.errors import OhmicsError
from ohmics.stats.genesets import GeneList, parts_of
from ohmics.stats.multiple import benjamini_hochberg_by_family
from ohmics.stats.walks import overlap_p
from ohmics.tables import DE, ORA, SKIPPED, check, skipped

STAGE = "ora"


def over_representation(
    de: pd.DataFrame,
    gene_lists: Mapping[str, Mapping[str, GeneList]] | Mapping[str, GeneList] | HasGeneLists,
    *,
    max_q: float = 0.05,
    min_size: int = 5,
    max_size: int = 500,
) -> pd.DataFrame:
    """Test whether gene lists hold more changed genes than chance would give, up and down by themselves.

    Parameters
    ----------
    de
        DE. The genes tested in a cell type are the background; genes without p are no part of it.
    gene_lists
        Key to genes, a Catalog, or cell type to the lists tested in it. Signed lists are not taken: their up and
        down genes can be given by themselves.
    max_q
        A gene is changed when its q is below this.
    min_size, max_size
        Genes of a list among the tested genes.

    Returns
    -------
    ORA, a row for each list and direction; p is hypergeometric, one-sided; q Benjamini-Hochberg over a contrast's cell
    types, lists and both directions. ``.attrs["skipped"]`` holds rows of SKIPPED.

    Raises
    ------
    OhmicsError
        When ``de`` is no DE table, or ``max_q`` is no threshold.
    """
    check(de, DE)
    if not 0 < max_q < 1:
        raise OhmicsError(f"max_q is {max_q:g}; legal: between 0 and 1")
    by_type = _by_cell_type(gene_lists, sorted(set(de["cell_type"].astype(str))))
    rows: list[dict[str, object]] = []
    left_out: list[dict[str, str]] = []
    for (contrast, cell_type, method), genes in de[de["p"].notna()].groupby(
        ["contrast", "cell_type", "method"], sort=False, observed=True
    ):
        where = {"contrast": str(contrast), "cell_type": str(cell_type)}
        lists = by_type.get(str(cell_type), {})
        changed = genes[genes["q"] < max_q]
        if lists and changed.empty:
            reason = f"none of {len(genes)} genes has q below {max_q:g} ({method}); there is no list of changed genes"
            left_out.append(skipped(STAGE, reason, **where, item=str(method)))
            continue
        among = set(genes["gene"].astype(str))
        sides = {
            "up": set(changed.loc[changed["log2_fc"] > 0, "gene"].astype(str)),
            "down": set(changed.loc[changed["log2_fc"] < 0, "gene"].astype(str)),
        }
        for key, gene_list in lists.items():
            up, down = parts_of(gene_list)
            listed = [gene for gene in up if gene in among]
            if down:
                left_out.append(skipped(STAGE, "a signed list has no one overlap", **where, item=key))
            elif not min_size <= len(listed) <= max_size:
                reason = f"{len(listed)} of {len(up)} genes were tested; {min_size} to {max_size} are needed"
                left_out.append(skipped(STAGE, reason, **where, item=key))
            else:
                told = {**where, "gene_list": key, "method": method, "mechanism": mechanism_of(key)}
                rows += [_row(told, listed, side, direction, len(among)) for direction, side in sides.items()]
    frame = _tested(rows)
    frame.attrs["skipped"] = SKIPPED.conform(left_out).drop_duplicates(list(SKIPPED.key)).to_dict("records")
    return frame


def _by_cell_type(
    gene_lists: Mapping[str, Mapping[str, GeneList]] | Mapping[str, GeneList] | HasGeneLists, cell_types: list[str]
) -> dict[str, dict[str, GeneList]]:
    given: Mapping[str, Any] = gene_lists if isinstance(gene_lists, Mapping) else gene_lists.gene_lists
    if given and all(isinstance(value, Mapping) and not _is_signed(value) for value in given.values()):
        return {str(key): dict(value) for key, value in given.items()}
    return {cell_type: dict(given) for cell_type in cell_types}


def _is_signed(value: Mapping[str, object]) -> bool:
    return bool(value) and set(value) <= {"up", "down"}


def _row(
    told: dict[str, object], listed: list[str], changed: set[str], direction: str, tested: int
) -> dict[str, object]:
    found = [gene for gene in listed if gene in changed]
    expected = len(listed) * len(changed) / tested
    return {
        **told, "direction": direction, "n_tested": tested, "n_changed": len(changed), "n_list": len(listed),
        "overlap": len(found), "expected": expected, "fold": len(found) / expected if expected else np.nan,
        "genes": "|".join(found), "family": f"{told['contrast']}/ora {told['method']}",
    }  # fmt: skip


def _tested(rows: list[dict[str, object]]) -> pd.DataFrame:
    if not rows:
        return ORA.empty()
    frame = pd.DataFrame(rows)
    numbers = {name: frame[name].to_numpy(np.int64) for name in ("overlap", "n_list", "n_changed", "n_tested")}
    frame["p"] = overlap_p(
        numbers["overlap"], listed=numbers["n_list"], changed=numbers["n_changed"], tested=numbers["n_tested"]
    )
    frame["q"] = benjamini_hochberg_by_family(frame["p"].to_numpy(np.float64), list(frame["family"]))
    return ORA.conform(frame)
