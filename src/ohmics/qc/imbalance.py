"""PAIRS and QC come in, PAIRS goes out with a note on every pair whose two sides differ in depth."""

from __future__ import annotations

import pandas as pd

from ohmics.errors import OhmicsError
from ohmics.tables import PAIRS

THINNED = "scores are compared after thinning to one depth"
"""How every such note ends; reports find the notes by it."""


def depth_notes(pairs: pd.DataFrame, qc: pd.DataFrame, *, fold: float = 2.0, what: str = "median UMI") -> pd.DataFrame:
    """Say in ``note`` which pairs differ in depth.

    Depth alone moves a score, so whoever reads a pair must know how far its sides were apart before thinning.

    Parameters
    ----------
    pairs
        PAIRS; rows that are not complete stay as they are, and so do pairs of a sample without a depth.
    qc
        QC of the same samples; the depth is ``median_umi``.
    fold
        A pair is noted from this ratio of the deeper to the shallower side on. Where a side has several samples,
        the two samples furthest apart count.
    what
        What the depth is called: ``median UMI``, or ``library size`` of bulk.

    Returns
    -------
    pandas.DataFrame
        PAIRS; such a note is, for example, ``median UMI 2,840 against 1,016 (2.8-fold): scores are compared after
        thinning to one depth``, the reference side first.

    Raises
    ------
    OhmicsError
        When ``fold`` is not above 1.

    Examples
    --------
    >>> pair = {"contrast": "c", "subject": "P1", "block": "P1", "test_samples": "b", "reference_samples": "a"}
    >>> qc = pd.DataFrame({"sample": ["a", "b"], "median_umi": [3000.0, 1000.0]})
    >>> depth_notes(PAIRS.conform([pair | {"complete": True}]), qc)["note"].iloc[0]
    'median UMI 3,000 against 1,000 (3.0-fold): scores are compared after thinning to one depth'
    """
    if not fold > 1:
        raise OhmicsError(f"fold is {fold}; a difference in depth begins above 1")
    depth = {str(name): float(umi) for name, umi in zip(qc["sample"], qc["median_umi"], strict=True) if umi > 0}
    notes = []
    for row in pairs.itertuples(index=False):
        old = row.note if isinstance(row.note, str) else ""
        sides = [
            [depth[name] for name in str(side).split("|") if name in depth]
            for side in (row.reference_samples, row.test_samples)
        ]
        new = _note(sides[0], sides[1], fold=fold, what=what) if bool(row.complete) else ""
        notes.append("; ".join(part for part in (old, new) if part) or None)
    return PAIRS.conform(pairs.assign(note=pd.array(notes, dtype="object")))


def _note(reference: list[float], test: list[float], *, fold: float, what: str) -> str:
    if not reference or not test:
        return ""
    left, right = max(((a, b) for a in reference for b in test), key=lambda pair: max(pair) / min(pair))
    ratio = max(left, right) / min(left, right)
    if ratio < fold:
        return ""
    return f"{what} {left:,.0f} against {right:,.0f} ({ratio:.1f}-fold): {THINNED}"
