"""Expression of a cohort comes in, GSVA's enrichment scores go out (computed by gseapy)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ohmics.score.expression import Expression, FloatArray
from ohmics.score.lists import IndexArray
from ohmics.score.method import Given, Kernel, Method
from ohmics.score.sums import Scorer, varying_columns


def gsva(given: Given) -> Kernel:
    """Prepare GSVA: each gene's distribution over the observations given by a Gaussian kernel, then a random walk.

    A score depends on all observations. Genes that do not vary among them do not count. Genes go to
    gseapy sorted by name, so that their order in the data decides no tie.

    Notes
    -----
    Haenzelmann et al. 2013, doi 10.1186/1471-2105-14-7: maximum minus minimum deviation, weight 1.
    """
    names = given.genes.to_numpy(dtype=str)
    by_name = np.argsort(names, kind="stable")

    def kernel(expression: Expression) -> Scorer:
        return _Variation(expression, by_name)

    return kernel


@dataclass(frozen=True)
class _Variation(Scorer):
    expression: Expression
    by_name: IndexArray

    def scores(self, lists: Sequence[IndexArray], *, absent: Sequence[int] | None = None) -> FloatArray:
        del absent
        import gseapy  # slow to import: only who asks for gsva waits for it

        n = self.expression.matrix.shape[0]
        result = np.full((n, len(lists)), np.nan)
        varying = varying_columns(self.expression.log)
        order = self.by_name[varying[self.by_name]]
        # Plain numbered names: gseapy would change the case of some gene names.
        labels = {int(gene): f"G{place}" for place, gene in enumerate(order)}
        sets = {f"L{column}": [labels[int(g)] for g in genes if int(g) in labels] for column, genes in enumerate(lists)}
        # A list of all genes, like one of none, has no walk.
        sets = {name: members for name, members in sets.items() if 0 < len(members) < len(order)}
        if n < 2 or not sets:
            return result
        values = self.expression.log[:, order].toarray()
        # The kernel's sums over observations round by their order: their content decides it.
        by_content = np.array(sorted(range(n), key=lambda row: values[row].tobytes()))
        columns = [f"S{row}" for row in range(n)]
        frame = pd.DataFrame(values[by_content].T, index=list(labels.values()), columns=columns)
        answer = gseapy.gsva(
            frame, sets, outdir=None, kcdf="Gaussian", weight=1.0, mx_diff=True, abs_rnk=False,
            min_size=1, max_size=len(order), threads=1, verbose=False,
        ).res2d  # fmt: skip
        table = answer.set_index(["Name", "Term"])["ES"].unstack().reindex(columns)  # noqa: PD010  no key repeats
        for name in table.columns:
            result[by_content, int(str(name)[1:])] = table[name].to_numpy(dtype=np.float64)
        return result


GSVA = Method(
    name="gsva",
    kernel=gsva,
    definition="random walk over genes ranked by their kernel-estimated distribution over the samples given,"
    " largest positive minus largest negative deviation",
    value_range=(-1.0, 1.0),
    signed_range=(-2.0, 2.0),
    unit="GSVA score (-1 to 1)",
    sign="above 0: the list's genes stand above their level in the other samples; signed lists: up minus down",
    takes="log",
    per_cell=False,
    needs_cohort=True,
    doi="10.1186/1471-2105-14-7",
)
