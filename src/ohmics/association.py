"""SCORES, SAMPLES and an outcome come in; which mechanisms go with the outcome (ASSOCIATION) goes out.

One model a mechanism: a response by Firth's logistic regression with the area under the ROC curve beside it, survival
by Cox's. Effects are per between-patient standard deviation of the score, so that mechanisms can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ohmics._outcome_values import outcome_faults, patient_outcomes
from ohmics.differences import TEST_KEY, Differences, contrast_sides, group_values, paired_differences, spanning_blocks
from ohmics.errors import OhmicsError, listing
from ohmics.model import Contrast
from ohmics.outcomes import Outcome, as_outcome, baseline_contrast
from ohmics.stats.auc import roc_area
from ohmics.stats.cox import cox_regression, score_weights
from ohmics.stats.firth import firth_logistic
from ohmics.stats.kaplan_meier import kaplan_meier
from ohmics.stats.linear_scores import Draws, association_test, smallest_p
from ohmics.tables import ASSOCIATION, SCORES, SURVIVAL_CURVES, check, skipped

FloatArray = npt.NDArray[np.float64]
STAGE = "association"
LEAST_EVENTS = 10
"""Fewest events of a model, and fewest patients without one of a logistic model: one effect is estimated of each."""
MODELS = {"response": "logistic_firth", "survival": "cox"}


@dataclass(frozen=True, slots=True)
class _Task:
    """One outcome with what every mechanism shares."""

    outcome: Outcome
    people: pd.DataFrame
    depth: str
    draws: Draws
    skips: list[dict[str, str]]

    def skip(self, reason: str, key: Mapping[Any, Any] | None = None) -> None:
        where = {} if key is None else {"cell_type": str(key["cell_type"]), "item": str(key["gene_list"])}
        row = skipped(STAGE, reason, contrast=self.outcome.label, subject=self.outcome.name, **where)
        self.skips.append(row)


def associate(
    scores: pd.DataFrame,
    samples: pd.DataFrame,
    *,
    outcome: Outcome | Mapping[str, Any],
    contrast: Contrast | None = None,
    primary: pd.DataFrame | None = None,
    depth: str = "thinned",
    n_draws: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Hold scores of mechanisms against a response or a survival time of the same patients.

    A model needs 10 events (and 10 patients without, for a response); with fewer nothing is estimated. ``p`` is that
    of the model's likelihood ratio; ``q`` is step-down max-|T| over the tested mechanisms, from permutations of the
    outcome between patients, and never below ``p``.

    Parameters
    ----------
    scores
        SCORES.
    samples
        SAMPLES with the columns of the outcome; what it says of a patient stands the same in each of its rows.
    outcome
        See `ohmics.outcomes.Outcome`, or its fields as a mapping.
    contrast
        The contrast that ``outcome`` names.
    primary
        The catalogue's primary lines (``gene_list``, ``method``, ``cell_type``): only these are tested, and they are
        one family. None: every score is, in one family.
    depth
        ``thinned`` (baseline: the largest depth all samples have; change: that of each pair) or ``raw``.
    n_draws, seed
        Permutations behind ``q`` and ``auc_p``.

    Returns
    -------
    pandas.DataFrame
        ASSOCIATION: one row a mechanism. A patient without score or outcome is left out and counted in ``left_out``.
        ``attrs["skipped"]`` holds rows of SKIPPED: too few events, no score, no convergence. ``attrs["curves"]`` is
        SURVIVAL_CURVES.

    Raises
    ------
    OhmicsError
        When ``scores`` is no SCORES table, the outcome cannot be read in ``samples`` (every reason is named), or its
        contrast is not given.
    """
    check(scores, SCORES)
    chosen = as_outcome(outcome)
    sheet = samples if "sample" in samples else samples.reset_index(names="sample")
    if (chosen.contrast or None) != (contrast.label if contrast is not None else None):
        given = "none is" if contrast is None else f"`{contrast.label}` is"
        raise OhmicsError(f"outcome {chosen.name} reads contrast `{chosen.contrast}`, {given} given")
    faults = outcome_faults(sheet, chosen, contrast=contrast)
    if faults:
        raise OhmicsError(faults)
    found, sides = _values(scores, sheet, chosen, contrast, depth)
    unit = contrast.unit if contrast is not None else "patient"
    people = patient_outcomes(sheet, chosen, unit=unit, sides=sides)
    draws = Draws(n_draws=n_draws, seed=seed, name=f"{chosen.label}/{chosen.name}")
    task = _Task(chosen, people.reindex(found.unit_names), depth, draws, [])
    rows, curves = _test(task, found, primary)
    frame = ASSOCIATION.conform(rows) if rows else ASSOCIATION.empty()
    frame = frame.sort_values(list(ASSOCIATION.key), kind="stable", na_position="first").reset_index(drop=True)
    frame.attrs = {
        "skipped": task.skips,
        "curves": SURVIVAL_CURVES.conform(pd.concat(curves)) if curves else SURVIVAL_CURVES.empty(),
    }
    return frame


def _values(
    scores: pd.DataFrame, samples: pd.DataFrame, outcome: Outcome, contrast: Contrast | None, depth: str
) -> tuple[Differences, pd.DataFrame]:
    """Return one value a patient and test: the baseline score, or the change."""
    if outcome.score == "baseline" or contrast is None:
        sides = contrast_sides(samples, baseline_contrast(outcome, contrast))
        return group_values(scores, sides, depth), sides
    sides = contrast_sides(samples, contrast)
    spanning = spanning_blocks(sides)
    if spanning:
        raise OhmicsError(f"blocks {listing(spanning)} hold samples of more than one {contrast.unit}: no change is one")
    return paired_differences(scores, sides, depth), sides


def _test(
    task: _Task, found: Differences, primary: pd.DataFrame | None
) -> tuple[list[dict[str, Any]], list[pd.DataFrame]]:
    chosen = _chosen(task, found, primary)
    if not chosen:
        return [], []
    scored = ~np.isnan(found.units[:, chosen]).all(axis=1)
    members = (task.people["left_out"] == "").to_numpy(dtype=bool) & scored
    # What no mechanism can have enough of is said once.
    if not _enough(task, members, None):
        return [], []
    values = np.where(members[:, None], found.units, np.nan)
    given = ~np.isnan(values)
    keys = {int(j): dict(zip(TEST_KEY, found.tests.loc[j, TEST_KEY], strict=True)) for j in chosen}
    tested = []
    for j, key in keys.items():
        if not _enough(task, given[:, j], key):
            continue
        own = values[given[:, j], j]
        if np.ptp(own) <= 1e-12 * np.abs(own).max(initial=0):
            task.skip(f"all {own.size} patients have the same score", key)
        else:
            tested.append(j)
    if not tested:
        return [], []
    rows, kept = [], []
    for j in tested:
        row = _model(task, values[given[:, j], j], given[:, j], keys[j])
        if row:
            rows.append({**_described(task, keys[j], given[:, j]), **row})
            kept.append(j)
    _correct(task, values[:, kept], rows)
    curves = _curves(task, values, {str(keys[j]["mechanism"]): j for j in kept}) if primary is not None else []
    return rows, curves


def _chosen(task: _Task, found: Differences, primary: pd.DataFrame | None) -> list[int]:
    """Return the tests that are made, and say which primary lines have no score."""
    if primary is None:
        if found.tests.empty:
            task.skip(f"no {task.depth} score of the samples that {task.outcome.label} names, at one depth")
        return list(range(len(found.tests)))
    columns = ["gene_list", "method", "cell_type"]
    place = {key: j for j, key in enumerate(found.tests[columns].astype(str).itertuples(index=False, name=None))}
    chosen = []
    for line in primary[columns].astype(str).drop_duplicates().to_dict("records"):
        j = place.get(tuple(line[name] for name in columns))
        if j is None:
            task.skip(f"the primary line has no {task.depth} {line['method']} score in these samples", line)
        else:
            chosen.append(j)
    return chosen


def _enough(task: _Task, members: npt.NDArray[np.bool_], key: Mapping[Any, Any] | None) -> bool:
    """Say whether there are events enough for one effect; if not, with the numbers."""
    event = task.people["event"].to_numpy(dtype=np.float64)[members]
    events, others = int(event.sum()), int((event == 0).sum())
    if task.outcome.kind == "survival":
        few, have = events < LEAST_EVENTS, f"{events} events in {event.size} patients"
        needed = f"at least {LEAST_EVENTS} events are needed"
    else:
        few, have = min(events, others) < LEAST_EVENTS, f"{events} patients with and {others} without the response"
        needed = f"at least {LEAST_EVENTS} of each are needed"
    if few:
        left = _left_out(task, members)
        task.skip(f"not assessable: {have}; {needed}{f' ({left})' if left else ''}", key)
    return not few


def _model(
    task: _Task, score: FloatArray, members: npt.NDArray[np.bool_], key: Mapping[Any, Any]
) -> dict[str, Any] | None:
    """Return effect, interval, p and areas of one mechanism; None, with a row of SKIPPED, when the model fails."""
    people = task.people[members]
    event = people["event"].to_numpy(dtype=np.float64) > 0.5
    sd = float(score.std(ddof=1))
    scaled = (score - score.mean()) / sd
    row: dict[str, Any] = {"sd_score": sd}
    if task.outcome.kind == "response":
        fit = firth_logistic(scaled, event)
        if not fit.converged:
            task.skip("the logistic model did not converge", key)
            return None
        area = roc_area(score, event)
        row |= {"auc": area.auc, "auc_low": area.low, "auc_high": area.high}
        return {**row, "effect": fit.effect, "low": fit.low, "high": fit.high, "p": fit.p}
    cox = cox_regression(scaled, people["time"].to_numpy(dtype=np.float64), event)
    if cox.reason:
        task.skip(cox.reason, key)
        return None
    return {**row, "effect": cox.effect, "low": cox.low, "high": cox.high, "p": cox.p}


def _described(task: _Task, key: Mapping[Any, Any], members: npt.NDArray[np.bool_]) -> dict[str, Any]:
    return {
        **key, "contrast": task.outcome.label, "outcome": task.outcome.name, "score": task.outcome.score,
        "depth": task.depth, "model": MODELS[task.outcome.kind], "n": int(members.sum()),
        "n_events": int(task.people["event"][members].sum()), "left_out": _left_out(task, members),
    }  # fmt: skip


def _left_out(task: _Task, members: npt.NDArray[np.bool_]) -> str:
    """Return how many patients take no part, by reason."""
    known = task.people["left_out"]
    none = "no change" if task.outcome.score == "change" else "no score at the depth all have"
    reasons = known[~members].replace("", none if task.depth == "thinned" else "no score").value_counts(sort=False)
    return ";".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))


def _correct(task: _Task, values: FloatArray, rows: list[dict[str, Any]]) -> None:
    """Fill in q over the family, and p of the areas, from shared permutations of the outcome."""
    if not rows:
        return
    event = task.people["event"].to_numpy(dtype=np.float64)
    time = task.people["time"].to_numpy(dtype=np.float64)

    def weigh(members: npt.NDArray[np.intp]) -> FloatArray:
        if task.outcome.kind == "response":
            return event[members]
        return score_weights(time[members], event[members] > 0.5)

    scheme = f"penalised likelihood ratio; q: permutations of the outcome, {task.draws.n_draws} draws"
    if task.outcome.kind == "survival":
        scheme = scheme.replace("penalised", "partial")
    else:
        ranks = pd.DataFrame(values).rank().to_numpy()
        for row, p in zip(rows, association_test(ranks, weigh, task.draws)[0], strict=True):
            row["auc_p"] = p
    adjusted = association_test(values, weigh, task.draws)[1]
    family = f"{task.outcome.label}/outcome {task.outcome.name}"
    for row, q in zip(rows, adjusted, strict=True):
        row |= {
            "q": max(q, row["p"]), "family": family, "smallest_p": smallest_p(task.draws),
            "scheme": f"{scheme}, seed {task.draws.seed}",
        }  # fmt: skip


def _curves(task: _Task, values: FloatArray, place: Mapping[str, int]) -> list[pd.DataFrame]:
    """Return Kaplan-Meier curves at the cuts that were declared beforehand."""
    parts = []
    time, event = task.people["time"].to_numpy(dtype=np.float64), task.people["event"].to_numpy(dtype=np.float64)
    for mechanism, cut in task.outcome.kaplan_meier.items():
        j = place.get(mechanism)
        if j is None:
            task.skips.append(
                skipped(
                    STAGE, f"no curve: {mechanism} has no association with {task.outcome.name}",
                    contrast=task.outcome.label, subject=task.outcome.name, item=mechanism,
                )
            )  # fmt: skip
            continue
        members = ~np.isnan(values[:, j])
        limit = float(np.median(values[members, j])) if cut == "median" else float(cut)
        for group, mine in (("above", values[:, j] > limit), ("below", values[:, j] <= limit)):
            chosen = members & mine
            curve = kaplan_meier(time[chosen], event[chosen] > 0.5)
            parts.append(
                curve.assign(
                    contrast=task.outcome.label, mechanism=mechanism, outcome=task.outcome.name, group=group,
                    cut=limit, declared=str(cut), unit=task.outcome.unit,
                )
            )  # fmt: skip
    return parts
