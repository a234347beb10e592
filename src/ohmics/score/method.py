"""What a scoring method is: a record, and a kernel that turns expression into scores of gene lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import pandas as pd

from ohmics.score.expression import Expression
from ohmics.score.sums import Scorer


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a kernel knows before it sees an observation.

    ``genes`` are the data's; ``reference`` (``mean``, ``sd``, indexed by gene) is the cohort's, or with
    ``compat`` that of the observations given, which peers use. ``max_rank`` replaces the rank at which a method
    of ranks stops by itself.
    """

    genes: pd.Index
    reference: pd.DataFrame | None = None
    seed: int = 0
    compat: bool = False
    max_rank: int | None = None


Kernel: TypeAlias = Callable[[Expression], Scorer]


class LastRank(Protocol):
    """Tells the rank at which genes of an observation stop to differ."""

    def __call__(self, given: Given, *, bulk: bool) -> int:
        """Return it for cells, or for bulk samples and sums of cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One scoring method. Adding one is one file with its kernel and record, and one line in ``methods``.

    Attributes
    ----------
    kernel
        Takes `Given`, does what depends on genes alone, and returns what scores a block of observations.
    definition, unit, sign
        What is computed, in which unit, and what its sign means.
    value_range, signed_range
        Range of an unsigned list and of up minus down.
    takes
        What the kernel reads: ``ranks`` (any monotone scale) or ``log`` (counts are normalised first).
    per_cell
        Whether single cells can be scored; otherwise bulk samples and sums of cells only.
    needs_reference
        Whether means or sds of GENE_REFERENCE enter.
    needs_cohort
        Whether a score depends on the other observations: all must then come in one call.
    doi
        Source of the method.
    peer
        Package whose numbers ``compat=True`` gives; empty when there is none.
    peer_reads_data
        Whether the peer estimates gene means, or which genes are there, from the observations given.
    peer_view
        Turns expression into what the peer would read, where that differs.
    last_rank
        Rank at which genes of an observation stop to differ, from what is given and whether observations are bulk
        samples or sums of cells; None where a method looks at all genes, so that ``max_rank`` means nothing.
    """

    name: str
    kernel: Callable[[Given], Kernel]
    definition: str
    value_range: tuple[float, float]
    signed_range: tuple[float, float]
    unit: str
    sign: str
    takes: Literal["ranks", "log"]
    doi: str
    per_cell: bool = True
    needs_reference: bool = False
    needs_cohort: bool = False
    peer: str = ""
    peer_reads_data: bool = False
    peer_view: Callable[[Expression], Expression] | None = None
    last_rank: LastRank | None = None
