"""Random generators that depend on a seed and on names, never on the order in which jobs run."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *names: object) -> np.random.Generator:
    """Return a generator that is the same for the same seed and names, whatever ran before.

    Parameters
    ----------
    seed
        The user's seed.
    names
        What the numbers are for, for example ``("thin", sample, cell_type)``.
    """
    text = "\x1f".join([str(int(seed)), *(str(name) for name in names)])
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
