"""The registry of scoring methods, by name."""

from __future__ import annotations

from ohmics.errors import OhmicsError, did_you_mean
from ohmics.score.aucell import AUCELL
from ohmics.score.gsva import GSVA
from ohmics.score.mean_z import MEAN_Z
from ohmics.score.method import Method
from ohmics.score.plage import PLAGE
from ohmics.score.score_genes import SCORE_GENES
from ohmics.score.singscore import SINGSCORE
from ohmics.score.ssgsea import SSGSEA
from ohmics.score.ucell import UCELL
from ohmics.score.ulm import ULM

METHODS: dict[str, Method] = {
    one.name: one
    for one in (
        UCELL,
        AUCELL,
        SCORE_GENES,
        MEAN_Z,
        ULM,
        SINGSCORE,
        SSGSEA,
        GSVA,
        PLAGE,
    )
}


def cohort_methods() -> tuple[str, ...]:
    """Return the names of methods that compare samples with each other, so that all must come in one call."""
    return tuple(name for name, one in METHODS.items() if one.needs_cohort)


def rank_methods() -> tuple[str, ...]:
    """Return the names of methods that stop at a rank, which ``max_rank`` sets."""
    return tuple(name for name, one in METHODS.items() if one.last_rank is not None)


def get_method(name: str) -> Method:
    """Return the method of that name, or raise with the legal names."""
    if name not in METHODS:
        hint = did_you_mean(name, METHODS)
        raise OhmicsError(f"unknown method `{name}`; legal: {', '.join(METHODS)}" + (f"; {hint}" if hint else ""))
    return METHODS[name]
