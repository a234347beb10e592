"""No data come in; every threshold and weight of the call of malignant cells goes out, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MalignantRules:
    """Thresholds and weights of `ohmics.calls.call_malignant`; log-odds are natural logarithms.

    A line of evidence is a log ratio of how likely its finding is among malignant and among normal cells, held within
    its limit, because lines are not independent and chances are rough. Lines add up, from ``prior`` on.

    Parameters
    ----------
    prior
        Log-odds before any evidence.
    certain
        A cluster is malignant from this probability on, normal up to 1 less it, else undetermined.
    min_cells
        Fewest cells of a cluster in a sample.
    usual, some, rare, off
        Chance that a cluster expresses a panel gene which its state expresses usually, sometimes, seldom or not.
    least_rate, least_share
        A gene is expressed from this rate on (counts per million beyond ambient RNA), and from this share of its
        highest rate in any cluster of the cohort.
    panel_weight, panel_limit
        Panel genes go together, so that their log ratio is multiplied by the weight; and its limit.
    incompatible, possible
        Log-odds of annotated types that are no tumour of the disease, and of those a tumour may take.
    min_patients
        Fewest patients for privacy.
    tumour_private
        Chance that a tumour's cells are private to their patient, more or less.
    fellows
        Chance that another patient's samples hold normal cells of a type, where none of that type mix.
    reference_cells
        Fewest cells of a type in a patient for it to tell how private normal cells are.
    privacy_limit
        Limit of the line.
    min_light_cells
        Fewest cells with a told light chain.
    normal_kappa, normal_kappa_weight
        Share of kappa among normal B and plasma cells, and its weight in cells; the sample's own are added.
    normal_spread
        Clusters of normal cells vary in that share as if at most this many cells told it.
    odd_share
        A kappa share that fewer clusters of normal cells have than this (two-sided) may be a mixture with a clone, and
        does not speak against a tumour.
    clone_purity
        Mean share of the clone's chain in a cluster of the clone, as a Beta(x, 1) of mean x / (x + 1).
    cell_purity
        Share of the cells called by their light chain in a sample that must be expected to be malignant.
    clone_level
        Share of the clone's cells that may make less light chain than what counts as the clone's level.
    light_limit
        Limit of the line.
    cycling
        Log-odds of more cycling cells than normal cells of this kind have, where normal ones hardly divide.
    resting
        Largest cycling share of such normal cells.
    maturation_limit
        Limit of the line on maturing precursors.
    copy_number_limit
        Limit of the line.
    """

    prior: float = 0.0
    certain: float = 0.9
    min_cells: int = 10
    usual: float = 0.85
    some: float = 0.4
    rare: float = 0.12
    off: float = 0.03
    least_rate: float = 15.0
    least_share: float = 0.15
    panel_weight: float = 0.5
    panel_limit: float = 3.0
    incompatible: float = -4.0
    possible: float = -1.5
    min_patients: int = 3
    tumour_private: float = 0.9
    fellows: float = 0.3
    reference_cells: int = 20
    privacy_limit: float = 3.0
    min_light_cells: int = 10
    normal_kappa: float = 0.6
    normal_kappa_weight: float = 20.0
    normal_spread: float = 40.0
    odd_share: float = 0.2
    clone_purity: float = 20.0
    cell_purity: float = 0.85
    clone_level: float = 0.05
    light_limit: float = 4.0
    cycling: float = 0.7
    resting: float = 0.05
    maturation_limit: float = 1.5
    copy_number_limit: float = 3.0
