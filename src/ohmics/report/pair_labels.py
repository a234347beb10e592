"""Rows of ANTIGEN come in; whom each speaks of goes out: the patient, with the sample where there are several pairs."""

from __future__ import annotations

import re

import pandas as pd

_RELAPSE = {"relapse", "relapsed", "recurrence", "progression", "progressed", "pd", "resistant"}
_KEY = ["patient", "pre_sample", "post_sample"]


def with_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with ``label`` (the patient, or ``P1 at P1_relapse``) and ``several``, whether pairs are many.

    Parameters
    ----------
    frame
        ANTIGEN or ANTIGEN_PRESENTATION, all roles: a patient's pairs are counted over all of them.
    """
    keys = frame[_KEY].astype(object).where(frame[_KEY].notna(), "").astype(str)
    pairs = keys.drop_duplicates()
    of_patient = keys["patient"].map(pairs["patient"].value_counts())
    later = keys["patient"] + "\0" + keys["post_sample"]
    of_later = later.map((pairs["patient"] + "\0" + pairs["post_sample"]).value_counts())
    labels = [
        patient if n == 1 else f"{patient} at {post}" if same == 1 else f"{patient} at {post} against {pre}"
        for (patient, pre, post), n, same in zip(keys.itertuples(index=False), of_patient, of_later, strict=True)
    ]
    return frame.assign(label=pd.Series(labels, index=frame.index, dtype=object), several=of_patient > 1)


def is_relapse(timepoint: object) -> bool:
    """Return whether a timepoint's own words say that the tumour came back or grew.

    Examples
    --------
    >>> is_relapse("Relapse_2"), is_relapse("d28"), is_relapse("post")
    (True, False, False)
    """
    return bool(_RELAPSE & set(re.split(r"[^a-z]+", str(timepoint).casefold())))
