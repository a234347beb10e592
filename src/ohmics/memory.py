"""A stage and the sizes of a job's inputs come in; the memory the job is expected to take goes out.

The numbers of single-cell stages rest on `make bench-scale` (benchmarks/scale.json): simulated samples of 1,250 to
15,600 cells, 1,600 of 20,000 genes found in a cell. What was measured stays below what is expected here, and above a
third of it where that is more than 0.75 GiB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SHARE_OF_GENES = 0.6
"""Share of what `embed` takes for each cell that follows the number of variable genes."""
USUAL_GENES = 2_000
FIRST_CELLS_MIB = 10.0
"""The first cells of a file of counts, where only those are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a stage takes, in MiB: at least ``fixed``, and for each MiB of its inputs more.

    Parameters
    ----------
    fixed
        The code itself and what does not follow the input.
    one
        For each MiB of the largest file of counts: stages that hold one sample at a time.
    every
        For each MiB of all files of counts together: only what looks at all cells at once.
    tables
        For each MiB of all other inputs: tables of the cohort.
    whole_up_to
        MiB of all files of counts up to which they are read whole; beyond, only the first cells of each are.
    """

    fixed: float
    one: float = 0.0
    every: float = 0.0
    tables: float = 5.0
    whole_up_to: float = float("inf")


# Files of counts are compressed, and grow about tenfold in memory.
NEEDS: dict[str, Need] = {
    "samples": Need(fixed=550, one=36, whole_up_to=200),
    "qc": Need(fixed=600, one=48),
    "bulk_qc": Need(fixed=900, one=30, tables=30),
    "bulk_antigen": Need(fixed=700, one=30, tables=20),
    "associate": Need(fixed=700, tables=30),
    "similarity": Need(fixed=900, one=30),
    "cell_tables": Need(fixed=350, tables=40),
    "embed": Need(fixed=700, one=30, every=2),
    "annotate": Need(fixed=400, tables=25),
    "malignant": Need(fixed=500, one=18, tables=40),
    "car": Need(fixed=500, one=22, tables=40),
    "aggregate": Need(fixed=500, one=28, tables=10),
    "reference": Need(fixed=500, one=20, tables=3),
    "targets": Need(fixed=400, tables=40),
    "score": Need(fixed=650, one=14, tables=10),
    "calls": Need(fixed=550, one=24, tables=95),
    "states": Need(fixed=650, one=22, tables=50),
    "compare": Need(fixed=380, tables=20),
    "measures": Need(fixed=340, tables=40),
    "lists": Need(fixed=320),
    "pairs": Need(fixed=320),
    "content": Need(fixed=900, one=30, tables=30),
    "de": Need(fixed=500, one=30),
    "gene_sets": Need(fixed=550, one=30, tables=20),
    "ora": Need(fixed=450, tables=10),
    "evidence": Need(fixed=320, tables=15),
    "report": Need(fixed=650, one=5, tables=8),
    "figures": Need(fixed=900, one=5, tables=8),
    "export": Need(fixed=550, one=20, tables=5),
}
OTHER = Need(fixed=400)
STARTER_MB = 400
"""On a cluster a job holds, beside the stage itself, the snakemake that starts it."""


def expected_mib(stage: str, *, counts: Sequence[float], tables: float, n_top_genes: int = USUAL_GENES) -> float:
    """Return the memory a job is expected to take.

    Parameters
    ----------
    stage
        Name of the stage, as `ohmics.plan.Plan.memory` has it.
    counts
        MiB of each file of counts among the job's inputs.
    tables
        MiB of all other inputs together.
    n_top_genes
        Variable genes of `embed`, which alone looks at all cells.
    """
    need = NEEDS.get(stage, OTHER)
    follows = 1.0 if stage != "embed" else 1 - SHARE_OF_GENES + SHARE_OF_GENES * n_top_genes / USUAL_GENES
    largest = max(counts, default=0.0)
    if sum(counts) > need.whole_up_to:
        largest = min(largest, FIRST_CELLS_MIB)
    return need.fixed + need.one * largest + need.every * follows * sum(counts) + need.tables * tables


def in_megabytes(mib: float, *, attempt: int = 1) -> int:
    """Return the MB a job asks for: what its stage is expected to take, more at each attempt, and what starts it."""
    # 1 MiB is 1.05 MB.
    return int(1.05 * mib * attempt + STARTER_MB)
