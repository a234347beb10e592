"""Expression and the name of a derived score come in; its value a sample, or the reason why it is not given, go out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from ohmics.catalog import catalog
from ohmics.errors import OhmicsError, did_you_mean
from ohmics.intake.resources import gep18_weights, impres_pairs
from ohmics.score import derived
from ohmics.score.derived import DERIVED, RATIOS, DerivedScore
from ohmics.tables import skipped

Units = Literal["auto", "counts", "tpm", "log"]


def derived_score(
    data: AnnData | pd.DataFrame,
    name: str,
    *,
    units: Units = "auto",
    gene_lengths: Mapping[str, float] | None = None,
    below_data: pd.DataFrame | None = None,
    reference: pd.DataFrame | None = None,
) -> pd.Series:
    """Return a score that is no plain list score: CYT, IMPRES, GEP-18, or a ratio of two lists.

    Parameters
    ----------
    data
        Bulk samples or pseudobulk, samples × genes with approved symbols.
    name
        ``cyt``, ``cyt_cpm``, ``impres``, ``gep18``, ``chronic_ifn_ratio`` or ``ims_ratio``;
        ``ohmics.score.derived.DERIVED`` holds definition, range, meaning of the sign and DOI of each.
    units
        ``counts`` (raw), ``tpm`` (not logarithmic) or ``log`` (log2 (x + 1)). ``auto``: whole numbers are counts,
        anything else is taken as log when its largest value is below 30. TPM is never guessed: FPKM and CPM look
        alike, so say it.
    gene_lengths
        Gene -> length in bases, which makes TPM of counts.
    below_data
        Ratios: log-normalised expression in which the list below the line is read (for the chronic-IFN ratio the
        immune cells of the same samples); None: in ``data``, where the cell of origin cannot be told.
    reference
        Ratios: mean and sd of each gene (index). None: over the samples given, so give the whole cohort.

    Returns
    -------
    pandas.Series
        One value a sample; missing throughout when the score cannot be given. ``attrs`` holds ``definition``,
        ``unit``, ``doi``, and, as a row of SKIPPED, ``skipped`` with the reason.

    Raises
    ------
    OhmicsError
        On an unknown name or values that no unit has.

    Examples
    --------
    >>> tpm = pd.DataFrame({"GZMA": [9.99], "PRF1": [39.99]}, index=["s1"])
    >>> float(derived_score(tpm, "cyt", units="tpm").round(3).loc["s1"])
    20.0
    """
    if name not in DERIVED:
        hint = did_you_mean(name, DERIVED)
        raise OhmicsError(
            f"unknown derived score `{name}`; legal: {', '.join(DERIVED)}" + (f"; {hint}" if hint else "")
        )
    method = DERIVED[name]
    frame = _frame(data)
    told = _told_units(frame, units)
    try:
        values = _value(method, _in_units(method, frame, told, gene_lengths), below_data, reference)
        rows = []
    except OhmicsError as error:
        values = pd.Series(np.nan, index=frame.index)
        rows = [skipped("score", str(error).rstrip("."), item=name)]
    values = values.rename(name)
    values.attrs = {"definition": method.definition, "unit": method.unit, "doi": method.doi, "skipped": rows}
    return values


def _value(
    method: DerivedScore, values: pd.DataFrame, below: pd.DataFrame | None, reference: pd.DataFrame | None
) -> pd.Series:
    if method.name in ("cyt", "cyt_cpm"):
        return derived.cyt(values)
    if method.name == "impres":
        return derived.impres(values, impres_pairs())
    if method.name == "gep18":
        weights, housekeeping = gep18_weights()
        return derived.gep18(values, weights, housekeeping)
    upper, lower = (catalog().lists[key].genes for key in RATIOS[method.name])
    return derived.ratio(values, upper, lower, below_expression=below, reference=reference)


def _frame(data: AnnData | pd.DataFrame) -> pd.DataFrame:
    """Return samples × genes, dense: bulk and pseudobulk are small."""
    if isinstance(data, pd.DataFrame):
        frame = data.astype(np.float64)
    else:
        values = data.X.toarray() if sp.issparse(data.X) else np.asarray(data.X)
        frame = pd.DataFrame(values.astype(np.float64), index=data.obs_names, columns=data.var_names)
        if "feature_type" in data.var:
            frame = frame.loc[:, (data.var["feature_type"].astype(str) != "transgene").to_numpy()]
    if frame.columns.has_duplicates:
        raise OhmicsError(f"genes are named twice, for example {frame.columns[frame.columns.duplicated()][0]}")
    array = frame.to_numpy()
    if not np.isfinite(array).all() or (array < 0).any():
        raise OhmicsError("values are missing, infinite or negative; legal: counts, TPM, or log2 (x + 1)")
    return frame


def _told_units(frame: pd.DataFrame, units: Units) -> str:
    if units not in ("auto", "counts", "tpm", "log"):
        raise OhmicsError(f"`{units}` is no unit; legal: auto, counts, tpm, log")
    array = frame.to_numpy()
    whole = bool((array == np.floor(array)).all())
    if units == "counts" and not whole:
        raise OhmicsError('counts hold fractions; use units="tpm" or "log"')
    if units != "auto":
        return str(units)
    if whole:
        return "counts"
    return "log" if array.max(initial=0.0) < 30 else "unknown"


def _in_units(
    method: DerivedScore, frame: pd.DataFrame, units: str, gene_lengths: Mapping[str, float] | None
) -> pd.DataFrame:
    """Return the values in the units the score takes, or refuse with the reason."""
    if method.takes == "tpm":
        if units == "tpm":
            return frame
        if units == "counts" and gene_lengths is not None:
            return derived.tpm_from_counts(frame, gene_lengths)
        missing = "raw counts without gene lengths" if units == "counts" else f"values in {units} units"
        other = "; cyt_cpm needs counts only" if method.name == "cyt" and units == "counts" else ""
        raise OhmicsError(f'{method.name} compares genes within a sample: it needs TPM (units="tpm") or counts with '
                          f"gene lengths, and these are {missing}{other}")  # fmt: skip
    if method.takes == "cpm":
        if units != "counts":
            raise OhmicsError(f"{method.name} needs raw counts, and these are values in {units} units")
        return derived.cpm(frame)
    if units == "log":
        return frame
    if units == "unknown":
        raise OhmicsError(f"{method.name} needs counts or log-normalised values, and the unit of these is unknown")
    linear = derived.cpm(frame) if units == "counts" else frame
    return pd.DataFrame(np.log2(linear.to_numpy() + 1), index=frame.index, columns=frame.columns)
