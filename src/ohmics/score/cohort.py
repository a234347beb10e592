"""Summed counts of many samples come in; rows of SCORES by methods that compare samples with each other go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import scipy.sparse as sp

from ohmics.score.expression import Expression
from ohmics.score.lists import resolve_lists
from ohmics.score.method import Given, Method
from ohmics.score.run import score_lists
from ohmics.tables import skipped

MIN_SAMPLES = 3
Row = dict[str, Any]


@dataclass(frozen=True)
class CohortRow:
    """One sample and cell type at one depth: its summed counts and the lists it is scored on."""

    sample: str
    kind: str
    target: float | None
    expression: Expression
    n_cells: int
    keys: tuple[str, ...]


def score_cohorts(
    rows: Sequence[CohortRow],
    gene_lists: Any,
    *,
    methods: Sequence[Method],
    aliases: Mapping[str, str] | None,
    min_coverage: float,
) -> tuple[list[Row], list[dict[str, str]]]:
    """Score all samples of a cell type together, the raw and the thinned ones apart.

    Samples are compared on the genes that all of them hold. With fewer than 3 samples in the call
    nothing is scored, and why is said.

    Returns
    -------
    tuple
        Rows of SCORES (without ``null_z`` and ``technical_sd``) and of SKIPPED.
    """
    found: list[Row] = []
    left_out: list[dict[str, str]] = []
    together: dict[tuple[str, bool], list[CohortRow]] = {}
    for row in rows:
        together.setdefault((row.kind, row.target is None), []).append(row)
    for (kind, _), group in together.items():
        samples = len({row.sample for row in group})
        for method in methods:
            if samples < MIN_SAMPLES:
                reason = f"{method.name} compares samples with each other: {samples} in the call, {MIN_SAMPLES} needed"
                left_out.append(skipped("score", reason, cell_type=kind, item=method.name))
                continue
            rows_of, skipped_of = _score_together(group, gene_lists, method, aliases, min_coverage)
            found += rows_of
            left_out += skipped_of
    return found, left_out


def _score_together(
    group: list[CohortRow], gene_lists: Any, method: Method, aliases: Mapping[str, str] | None, min_coverage: float
) -> tuple[list[Row], list[dict[str, str]]]:
    genes = pd.Index(sorted(set.intersection(*(set(row.expression.genes) for row in group))))
    parts = [row.expression.matrix[:, row.expression.genes.get_indexer(genes)] for row in group]
    names = pd.Index([str(number) for number in range(len(group))])
    whole = Expression(sp.csr_matrix(sp.vstack(parts)), names, genes, "counts", bulk=True)
    resolved = resolve_lists(gene_lists, genes, aliases=aliases)
    wanted = {key for row in group for key in row.keys}
    lists = [one for key, one in resolved.items() if key in wanted and not one.refusal(min_coverage)]
    values = score_lists(method.kernel(Given(genes=genes))(whole), lists)
    found, left_out = [], []
    for column, one in enumerate(lists):
        if pd.isna(values[:, column]).all():
            reason = f"none of the list's genes varies between the samples ({method.name})"
            left_out.append(skipped("score", reason, cell_type=group[0].kind, item=one.key))
            continue
        for number, row in enumerate(group):
            if one.key in row.keys:
                found.append({
                    "sample": row.sample, "cell_type": row.kind, "mechanism": one.mechanism, "gene_list": one.key,
                    "method": method.name, "depth": "raw" if row.target is None else "thinned",
                    "thinned_to": row.target, "score": float(values[number, column]), "null_z": None,
                    "n_cells": row.n_cells, "coverage": one.coverage, "technical_sd": None,
                })  # fmt: skip
    return found, left_out
