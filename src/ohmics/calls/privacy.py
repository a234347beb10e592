"""Neighbours of a cohort's cells come in; how private each patient's clusters are, and what that tells, goes out.

Neighbours are those before batch correction: a correction brings together what looks alike, tumours with normal cells
included. A cell's neighbours of its own patient, beyond what mixing of the patients would give, say how private it is;
how private normal cells of several patients are is read from the cohort itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from ohmics.calls.malignant_rules import MalignantRules

LEAST_SPREAD = 0.04
"""Least standard deviation of privacy among normal cells: a few groups may agree by chance."""
MIXING_SD = 2.0
"""A group of another patient whose privacy is within this many sd of normal cells mixes as they do."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """What privacy says of one patient's cells in one cluster: log-odds with its range, and the numbers behind it."""

    value: float
    low: float
    high: float
    words: str


@dataclass(frozen=True)
class Neighbourhoods:
    """How private groups of cells are.

    Parameters
    ----------
    groups
        patient, cell_type, kind, n, privacy: annotated types of each patient.
    types
        Cell type to each patient's number of cells.
    patients
        Patients, sorted.
    """

    groups: pd.DataFrame
    types: pd.DataFrame
    patients: tuple[str, ...]


def privacy_index(own: float, expected: float) -> float:
    """Return how private cells are: 0 when their neighbours are of their own patient as often as by mixing, 1 when all.

    Parameters
    ----------
    own
        Mean share of neighbours of the same patient.
    expected
        The patient's share of all cells of the type.
    """
    return float(np.clip((own - expected) / max(1.0 - expected, 1e-6), 0.0, 1.0))


def neighbourhoods(cells: pd.DataFrame, rules: MalignantRules) -> Neighbourhoods:
    """Return how private each annotated type of each patient is.

    Parameters
    ----------
    cells
        One row a cell: patient, cell_type, kind (see `ohmics.calls.malignant_counts.Kinds`), own_neighbours.
    rules
        Thresholds.
    """
    types = cells.pivot_table(index="cell_type", columns="patient", aggfunc="size", fill_value=0).astype(float)
    rows = []
    for (patient, cell_type, kind), group in cells.groupby(["patient", "cell_type", "kind"], sort=True):
        if len(group) >= rules.reference_cells and group["own_neighbours"].notna().any():
            index = privacy_index(float(group["own_neighbours"].mean()), _share(types, str(patient), str(cell_type)))
            rows.append((patient, cell_type, kind, len(group), index))
    groups = pd.DataFrame(rows, columns=["patient", "cell_type", "kind", "n", "privacy"])
    return Neighbourhoods(groups, types, tuple(sorted(map(str, types.columns))))


def privacy(
    around: Neighbourhoods, cells: pd.DataFrame, patient: str, *, main: str, stages: bool, rules: MalignantRules
) -> Privacy:
    """Return what privacy says of a patient's cells in a cluster.

    Tumour cells are taken to be private, more or less, with chance ``rules.tumour_private``, else as normal cells are.
    Normal cells are as private as groups of normal cells of other types and patients (a t density around their mean).
    Where no other patient has cells of the type that mix, normal cells of the patient may be private because they have
    no fellows: ``(1 - rules.fellows)`` to the power of the number of other patients.

    Parameters
    ----------
    around
        The cohort.
    cells
        The cluster's cells of this patient: own_neighbours.
    patient, main
        The patient, and the cluster's main annotated type.
    stages
        Whether normal cells of the type come in stages that a patient may have alone (recovering precursors): then
        cells of the type that mix in other patients are no fellows.
    rules
        Thresholds.
    """
    n = len(around.patients)
    if n < rules.min_patients:
        words = "one patient" if n == 1 else f"{n} patients"
        return Privacy(0.0, 0.0, 0.0, f"{words} cannot show what is private to a patient")
    own = cells["own_neighbours"].dropna()
    reference = around.groups[around.groups["kind"].isin(["incompatible", "possible"])]
    # The group that is judged, and others of its type and patient, cannot be their own reference.
    reference = reference[~((reference["patient"] == patient) & (reference["cell_type"] == main))]
    if reference["patient"].nunique() < rules.min_patients or own.empty:
        return Privacy(0.0, 0.0, 0.0, "too few normal cells tell how private normal cells are")
    share = _share(around.types, patient, main)
    index = privacy_index(float(own.mean()), share)
    mean, spread = _normal(reference)
    lonely = _lonely(around, patient, main, mean + MIXING_SD * spread, rules, stages=stages)
    error = 1.96 * float(own.std(ddof=0)) / np.sqrt(min(len(own), 50)) / max(1 - share, 1e-6)
    degrees = reference["patient"].nunique() - 1
    value, *ends = (
        _ratio(float(np.clip(part, 0.0, 1.0)), mean, spread, degrees, lonely, rules)
        for part in (index, index - error, index + error)
    )
    words = (
        f"{own.mean():.0%} of the cells' neighbours are {patient}'s own where mixing gives {share:.0%} (privacy "
        f"{index:.2f}; normal cells {mean:.2f}, sd {spread:.2f})"
    )
    if lonely and index > mean + MIXING_SD * spread:
        words += f"; normal {main} of a patient who alone has such cells would be private too"
    return Privacy(value, min(value, *ends), max(value, *ends), words)


def _share(types: pd.DataFrame, patient: str, cell_type: str) -> float:
    """Return a patient's share of all cells of a type; of all cells where the type is unknown."""
    row = types.index.get_loc(cell_type) if cell_type in types.index else slice(None)
    counts = np.atleast_2d(types.to_numpy(dtype=np.float64)[row]).sum(axis=0)
    return float(counts[types.columns.get_loc(patient)] / counts.sum())


def _normal(reference: pd.DataFrame) -> tuple[float, float]:
    """Return mean and sd of the privacy of normal cells, each patient one observation of the mean."""
    patients = reference.groupby("patient")["privacy"].mean()
    mean = float(patients.mean())
    spread = float(np.sqrt(((reference["privacy"] - mean) ** 2).mean()))
    return mean, max(spread, LEAST_SPREAD)


def _lonely(
    around: Neighbourhoods, patient: str, main: str, bar: float, rules: MalignantRules, *, stages: bool
) -> float:
    """Return the chance that normal cells are private because no other patient has any; 0 where another's mix."""
    others = around.groups[(around.groups["cell_type"] == main) & (around.groups["patient"] != patient)]
    if not stages and bool((others["privacy"] <= bar).any()):
        return 0.0
    return float((1 - rules.fellows) ** (len(around.patients) - 1))


def _ratio(index: float, mean: float, spread: float, degrees: int, lonely: float, rules: MalignantRules) -> float:
    """Return the log ratio of tumour over normal at one privacy, within the limit."""
    inside = max(float(student.cdf((1 - mean) / spread, degrees) - student.cdf(-mean / spread, degrees)), 1e-6)
    normal = float(student.pdf((index - mean) / spread, degrees)) / spread / inside
    # Private means anything from no more than by mixing to alone, each as likely.
    tumour = rules.tumour_private * 1.0 + (1 - rules.tumour_private) * normal
    mixed = lonely * 1.0 + (1 - lonely) * normal
    return float(np.clip(np.log(tumour / mixed), -rules.privacy_limit, rules.privacy_limit))
