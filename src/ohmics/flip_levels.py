"""How many units there are comes in, the level of the interval that flipping their signs gives goes out."""

from __future__ import annotations

from ohmics.stats.paired import EXACT_UNITS, LEVEL


def flip_level(n_units: int, *, n_draws: int = 10_000) -> float:
    """Return the confidence level of the interval that `ohmics.stats.paired.flip_test` gives so many units.

    Parameters
    ----------
    n_units
        Independent units with the test. With fewer than six no interval reaches 95 %; with one there is none.
    n_draws
        Random flips where the units are too many to enumerate.

    Examples
    --------
    >>> flip_level(2), flip_level(3), flip_level(5)
    (0.5, 0.75, 0.9375)
    """
    if n_units < 2:
        return float("nan")
    flips = 2**n_units if n_units <= EXACT_UNITS else n_draws + 1
    order = max(1, int((1 - LEVEL) / 2 * flips))
    return 1 - 2 * order / flips
