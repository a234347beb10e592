"""SAMPLES, outcomes and contrasts in; sentences on who has which outcome, and what will not be assessable, out."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ohmics._outcome_values import patient_outcomes
from ohmics.association import LEAST_EVENTS
from ohmics.differences import contrast_sides
from ohmics.errors import listing
from ohmics.model import Contrast
from ohmics.outcomes import Outcome, baseline_contrast


def describe_outcomes(samples: pd.DataFrame, outcomes: Sequence[Outcome], contrasts: Sequence[Contrast]) -> list[str]:
    """Return one sentence an outcome: the score, patients, events, who is left out, and whether that is enough.

    Parameters
    ----------
    samples, outcomes, contrasts
        A config and its sheet in which nothing is wrong (see `ohmics._outcome_values.all_outcome_faults`).
    """
    known = {contrast.label: contrast for contrast in contrasts}
    return [_describe(samples, outcome, known.get(outcome.contrast or "")) for outcome in outcomes]


def _describe(samples: pd.DataFrame, outcome: Outcome, contrast: Contrast | None) -> str:
    if outcome.score == "change" and contrast is not None:
        sides = contrast_sides(samples, contrast)
        both = sides.groupby("unit")["side"].nunique()
        units = [str(name) for name in both.index[both == 2]]
    else:
        sides = contrast_sides(samples, baseline_contrast(outcome, contrast))
        units = sorted(set(sides["unit"]))
    people = patient_outcomes(
        samples, outcome, unit=contrast.unit if contrast is not None else "patient", sides=sides
    ).reindex(units)
    held = people[people["left_out"] == ""]
    events = int(held["event"].sum())
    read = f"change of {outcome.contrast}" if outcome.score == "change" else "baseline score"
    text = f"outcome {outcome.name} ({read}): {len(held)} patients, {events} with "
    text += listing(outcome.positive, most=8) if outcome.column else f"the event {outcome.event}"
    left = people.loc[people["left_out"] != "", "left_out"].value_counts(sort=False)
    if len(left):
        text += f"; left out: {', '.join(f'{count} {reason}' for reason, count in sorted(left.items()))}"
    fewest = events if outcome.kind == "survival" else min(events, len(held) - events)
    if fewest < LEAST_EVENTS:
        what = "events" if outcome.kind == "survival" else "patients with and without it"
        text += f"; not assessable, {LEAST_EVENTS} {what} are needed"
    return text
