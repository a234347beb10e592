"""A cohort's annotated cells come in; the CAR call of every sample and its T cells, and what was skipped, go out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData

from ohmics.calls.car import T_CELL, CarRules, ambient_share, call_car, groups, transgene_features
from ohmics.errors import listing
from ohmics.tables import CAR, SKIPPED, skipped

if TYPE_CHECKING:
    from ohmics.catalog import Catalog

STAGE = "car"


class CarCalls(NamedTuple):
    """Tables CAR and SKIPPED of a cohort, and its T cells: sample, barcode, n_transgene, posterior, car_positive."""

    car: pd.DataFrame
    cells: pd.DataFrame
    skipped: pd.DataFrame


def call_cars(
    adatas: Mapping[str, AnnData],
    features: Iterable[str] = (),
    *,
    catalog: Catalog,
    rules: CarRules | None = None,
) -> CarCalls:
    """Call CAR+ T cells in every sample; ambient RNA of a sample without background is borrowed from the others.

    Parameters
    ----------
    adatas
        Sample to its cells: cells × genes, raw counts in ``X``, not changed; ``obs`` with ``cell_type`` and, where
        known, ``malignant``.
    features
        Names of transgene features from the configuration; those marked as transgene and those with a usual name
        count too (see `transgene_features`).
    catalog
        Cell types.
    rules
        Thresholds.

    Returns
    -------
    CarCalls
        Where no sample has a transgene feature, or none a T cell, ``car`` is empty and ``skipped`` says so once.
    """
    rules = rules or CarRules()
    named = tuple(features)
    found = {sample: transgene_features(adata, named) for sample, adata in adatas.items()}
    missing = ""
    if not any(found.values()):
        missing = "no sample holds a transgene feature: CAR+ cells cannot be told"
    elif not any(groups(adata.obs, catalog)[0].any() for adata in adatas.values()):
        missing = f"no sample holds a {T_CELL}: CAR+ cells cannot be told"
    if missing:
        return CarCalls(CAR.empty(), _no_cells(), SKIPPED.conform([skipped(STAGE, missing, cell_type="car_positive")]))
    shares = [
        ambient_share(adata, found[sample], catalog=catalog, rules=rules)
        for sample, adata in adatas.items()
        if found[sample]
    ]
    told = [share for share in shares if np.isfinite(share)]
    borrowed = float(np.median(told)) if told else None
    rows, cells = [], [_no_cells()]
    missed = []
    for sample, adata in adatas.items():
        called = call_car(adata, found[sample], catalog=catalog, borrowed=borrowed, sample=sample, rules=rules)
        rows.append({str(name): value for name, value in called.row.items()})
        cells.append(called.cells.assign(sample=sample))
    lacking = [sample for sample, names in found.items() if not names]
    if lacking:
        why = f"{len(lacking)} samples hold no transgene feature: {listing(lacking)}"
        missed.append(skipped(STAGE, why, cell_type="car_positive"))
    frames = [frame for frame in cells if len(frame)] or cells[:1]
    return CarCalls(CAR.conform(rows), pd.concat(frames, ignore_index=True)[_COLUMNS], SKIPPED.conform(missed))


_COLUMNS = ["sample", "barcode", "n_transgene", "posterior", "car_positive"]


def _no_cells() -> pd.DataFrame:
    frame = pd.DataFrame({name: pd.Series(dtype=object) for name in _COLUMNS})
    return frame.astype({"n_transgene": "int64", "posterior": "float64", "car_positive": "boolean"})
