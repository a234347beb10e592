"""The thresholds of the antigen call, in one place."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ohmics.errors import Faults


@dataclass(frozen=True, slots=True, kw_only=True)
class AntigenRules:
    """Thresholds of `ohmics.call_antigen`; every reason sentence holds those it was decided by.

    Parameters
    ----------
    min_cells
        Fewest malignant cells before and after.
    min_expected
        Fewest cells with a count expected after, had nothing changed.
    min_matched
        Fewest genes of like expression.
    min_background
        Fewest background cells that tell ambient RNA; with fewer it is unknown.
    alpha
        Level of the one-sided tests and limits.
    lost_below
        ``lost``: the one-sided upper limit of the remaining fraction is below this.
    retained_above
        ``retained``: the one-sided lower limit of the remaining fraction is above this.
    unknown_ambient
        Largest share of an antigen's counts that may be ambient when no background cells are given; limits and p
        hold for every share from 0 to this.
    min_null_sd
        Least sd of the log ratio with which an unchanged gene is believed to move, whatever the matched genes show:
        an antigen is no random gene, and the halves of one tumour already differ by 0.06 to 0.10.
    negative_width
        Widest interval of the negative fraction with which it is given.

    Raises
    ------
    OhmicsError
        When a threshold is out of its range.
    """

    min_cells: int = 20
    min_expected: float = 10.0
    min_matched: int = 100
    min_background: int = 20
    alpha: float = 0.05
    lost_below: float = 0.20
    retained_above: float = 0.5
    unknown_ambient: float = 0.2
    min_null_sd: float = 0.1
    negative_width: float = 0.4

    def __post_init__(self) -> None:
        faults = Faults()
        for field in fields(self):
            value = getattr(self, field.name)
            counted = field.name.startswith("min_")
            legal = value >= 0 if counted else 0 < value < 1
            if field.name == "unknown_ambient":
                legal = 0 <= value < 1
            if not legal:
                faults.add(
                    f"{field.name} is {value}", where="AntigenRules", legal="0 or more" if counted else "from 0 to 1"
                )
        faults.raise_if_any()
