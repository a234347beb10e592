"""The registry of scoring methods: what each computes, from what, and what its sign means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ohmics.errors import OhmicsError, did_you_mean
from ohmics.score.expression import Expression
from ohmics.score.mean_z import mean_z
from ohmics.score.sums import GeneSums
from ohmics.score.ucell import ucell


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One scoring method. Adding one is one file with its kernel and one entry in `METHODS`.

    ``takes`` is what the kernel reads; counts are normalised where it reads ``log``. ``peer`` is the
    package whose numbers ``compat=True`` gives; empty when there is none.
    """

    name: str
    kernel: Callable[..., GeneSums]
    definition: str
    value_range: tuple[float, float]
    signed_range: tuple[float, float]
    unit: str
    sign: str
    takes: Literal["ranks", "log"]
    needs_reference: bool
    doi: str
    peer: str = ""

    def prepare(self, expression: Expression, reference: pd.DataFrame | None, *, compat: bool = False) -> GeneSums:
        """Run the part of the kernel that does not depend on the lists."""
        if self.needs_reference:
            return self.kernel(expression, reference)
        return self.kernel(expression, compat=compat) if self.peer else self.kernel(expression)


METHODS: dict[str, Method] = {
    "ucell": Method(
        name="ucell",
        kernel=ucell,
        definition="rank sum of the list's genes in the observation, ties averaged, ranks cut at 1,500, scaled to 0-1",
        value_range=(0.0, 1.0),
        signed_range=(-1.0, 1.0),
        unit="UCell score (0 to 1)",
        sign="higher: the list's genes stand higher in the cell's ranking; signed lists: up minus down, not clipped",
        takes="ranks",
        needs_reference=False,
        doi="10.1016/j.csbj.2021.06.043",
        peer="pyucell",
    ),
    "mean_z": Method(
        name="mean_z",
        kernel=mean_z,
        definition="mean over the list's genes of (log-normalised value - cohort mean) / cohort sd",
        value_range=(float("-inf"), float("inf")),
        signed_range=(float("-inf"), float("inf")),
        unit="mean z (cohort sd)",
        sign="above 0: the list's genes stand above their cohort mean; signed lists: up minus down",
        takes="log",
        needs_reference=True,
        doi="10.1371/journal.pcbi.1000217",
    ),
}


def get_method(name: str) -> Method:
    """Return the method of that name, or raise with the legal names."""
    if name not in METHODS:
        hint = did_you_mean(name, METHODS)
        raise OhmicsError(f"unknown method `{name}`; legal: {', '.join(METHODS)}" + (f"; {hint}" if hint else ""))
    return METHODS[name]
