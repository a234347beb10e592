"""Tables of a run come in; each patient's values beside the cohort's and the error rates of the calls go out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from ohmics.model import Mechanism
from ohmics.tables import CALL_ERRORS, PATIENT_COMPARISON

_KEY = ["contrast", "kind", "item", "cell_type", "method", "side"]
_QUALITY = {
    "cells_kept": "cells",
    "median_umi": "counts",
    "median_genes": "genes",
    "pct_mito": "percent",
    "ambient_fraction": "fraction",
}
_CALIBRATION = {
    "antigen called lost or reduced": ("antigen", "lost or reduced"),
    "antigen called gained": ("antigen", "gained"),
    "lineage called wrongly": ("lineage", "wrongly"),
}
_OF_BULK = "bulk_antigen.json"


def compare_patients(
    *,
    pairs: pd.DataFrame,
    qc: pd.DataFrame,
    effects: pd.DataFrame,
    composition: pd.DataFrame,
    mechanisms: Mapping[str, Mechanism],
    state_effects: pd.DataFrame | None = None,
    state_composition: pd.DataFrame | None = None,
    antigen: pd.DataFrame | None = None,
    presentation: pd.DataFrame | None = None,
    lineage: pd.DataFrame | None = None,
    car: pd.DataFrame | None = None,
    cell_measures: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Set each patient's values beside those of all patients of a contrast.

    Parameters
    ----------
    pairs, qc, effects, composition
        PAIRS, QC, EFFECTS and COMPOSITION. Of EFFECTS only the thinned changes of the mechanisms' primary lists are
        read: those a patient's verdict rests on.
    mechanisms
        Identifier to mechanism, as a catalogue holds them: they say which list is primary.
    state_effects, state_composition, antigen, presentation, lineage, car, cell_measures
        EFFECTS and COMPOSITION of the T-cell states, ANTIGEN, ANTIGEN_PRESENTATION, LINEAGE, CAR and CELL_MEASURES;
        None where the run does not make them.

    Returns
    -------
    DataFrame
        PATIENT_COMPARISON. The median, the lowest and the highest value are over the patients of the contrast with a
        value, this one included; a description and no test. A patient with several samples on one side counts once,
        by their mean.
    """
    sides = _sides(pairs)
    parts = [
        *_scores(_primary(effects, mechanisms), "score"),
        *_scores(state_effects, "exhaustion"),
        *_fractions(composition, "composition"),
        *_fractions(state_composition, "t_cell_state"),
        *_antigens(antigen, "antigen", sides),
        *_antigens(presentation, "presentation", sides),
        *_lineage(lineage, sides),
        *_by_sample(_shares(car, cell_measures), sides),
        *_by_sample(_quality(qc), sides),
    ]
    found = [part for part in parts if len(part)]
    if not found:
        return PATIENT_COMPARISON.empty()
    rows = pd.concat([part.astype(object) for part in found], ignore_index=True)
    return PATIENT_COMPARISON.conform(_beside_the_cohort(rows))


def _beside_the_cohort(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with the median, range and place among the patients."""
    rows = rows[pd.to_numeric(rows["value"]).notna()].reset_index(drop=True)
    rows["value"] = pd.to_numeric(rows["value"])
    keyed = rows.assign(
        **{name: rows[name].fillna("").astype(str) for name in _KEY}, patient=rows["patient"].astype(str)
    )
    each = keyed.groupby([*_KEY, "patient"], sort=False)["value"].mean().rename("own").reset_index()
    group = each.groupby(_KEY, sort=False)["own"]
    each["median"], each["lowest"], each["highest"] = (group.transform(name) for name in ("median", "min", "max"))
    each["n_patients"] = group.transform("size")
    each["n_lower"] = group.rank(method="min").astype(int) - 1
    merged = keyed[[*_KEY, "patient"]].merge(each, on=[*_KEY, "patient"], how="left", validate="many_to_one")
    for name in ("median", "lowest", "highest", "n_patients", "n_lower"):
        rows[name] = merged[name].to_numpy()
    return rows


def _sides(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return one row a contrast and sample: the patient, and whether it stands before or after."""
    given = pairs.astype(object).where(pairs.notna(), "")
    found = [
        {"contrast": row.contrast, "patient": row.subject, "sample": sample, "side": side}
        for row in given.itertuples(index=False)
        for listed, side in ((row.reference_samples, "before"), (row.test_samples, "after"))
        for sample in str(listed).split("|")
        if sample
    ]
    frame = pd.DataFrame(found, columns=["contrast", "patient", "sample", "side"])
    return frame.drop_duplicates(["contrast", "patient", "sample", "side"])


def _primary(effects: pd.DataFrame, mechanisms: Mapping[str, Mechanism]) -> pd.DataFrame:
    lines = {
        f"{name}/{mechanism.primary_line.gene_list}": mechanism.primary_line.method
        for name, mechanism in mechanisms.items()
        if mechanism.primary_line is not None and mechanism.primary_line.nature == "expression"
    }
    rows = effects[effects["gene_list"].isin(lines) & (effects["level"] == "patient")]
    mine = [
        str(method).partition("_beyond_")[0] == lines[str(name)]
        for name, method in zip(rows["gene_list"], rows["method"], strict=True)
    ]
    return rows[pd.Series(mine, index=rows.index, dtype=bool)]


def _scores(effects: pd.DataFrame | None, kind: str) -> Iterable[pd.DataFrame]:
    if effects is None or effects.empty:
        return
    rows = effects[(effects["level"] == "patient") & (effects["depth"] == "thinned")]
    yield pd.DataFrame(
        {
            "contrast": rows["contrast"],
            "patient": rows["subject"],
            "kind": kind,
            "item": rows["gene_list"],
            "cell_type": rows["cell_type"],
            "method": rows["method"],
            "side": "change",
            "sample": None,
            "unit": rows["unit"],
            "value": rows["effect"],
            "low": rows["low"],
            "high": rows["high"],
        }
    )


def _fractions(composition: pd.DataFrame | None, kind: str) -> Iterable[pd.DataFrame]:
    if composition is None or composition.empty:
        return
    rows = composition[composition["subject"] != composition["contrast"]]
    for side, column in (("before", "fraction_pre"), ("after", "fraction_post"), ("change", "effect")):
        ends = ("low", "high") if side == "change" else (None, None)
        yield pd.DataFrame(
            {
                "contrast": rows["contrast"],
                "patient": rows["subject"],
                "kind": kind,
                "item": rows["cell_type"],
                "cell_type": None,
                "method": None,
                "side": side,
                "sample": None,
                "unit": "centred log ratio" if side == "change" else "fraction",
                "value": rows[column],
                **{end: None if name is None else rows[name] for end, name in zip(("low", "high"), ends, strict=True)},
            }
        )


def _antigens(calls: pd.DataFrame | None, kind: str, sides: pd.DataFrame) -> Iterable[pd.DataFrame]:
    """Yield the remaining fractions, in each contrast that compares the two samples."""
    if calls is None or calls.empty:
        return
    both = sides[sides["side"] == "before"].merge(
        sides[sides["side"] == "after"], on=["contrast", "patient"], suffixes=("_pre", "_post")
    )
    known = both.rename(columns={"sample_pre": "pre_sample", "sample_post": "post_sample"})
    rows = calls.merge(known[["contrast", "patient", "pre_sample", "post_sample"]].drop_duplicates(),
                       on=["patient", "pre_sample", "post_sample"])  # fmt: skip
    yield pd.DataFrame(
        {
            "contrast": rows["contrast"],
            "patient": rows["patient"],
            "kind": kind,
            "item": rows["antigen"],
            "cell_type": None,
            "method": None,
            "side": "change",
            # Two pairs of one patient would share a key without it.
            "sample": rows["post_sample"],
            "unit": "fraction remaining",
            "value": rows["remaining_fraction"],
            "low": rows["remaining_low"],
            "high": rows["remaining_high"],
        }
    ).drop_duplicates(["contrast", "patient", "item", "sample"])


def _lineage(calls: pd.DataFrame | None, sides: pd.DataFrame) -> Iterable[pd.DataFrame]:
    if calls is None or calls.empty:
        return
    rows = calls.merge(sides[["contrast", "patient"]].drop_duplicates(), on="patient")
    yield pd.DataFrame(
        {
            "contrast": rows["contrast"],
            "patient": rows["patient"],
            "kind": "lineage",
            "item": "cells that switched",
            "cell_type": None,
            "method": None,
            "side": "change",
            "sample": None,
            "unit": "fraction",
            "value": rows["estimate"],
            "low": rows["low"],
            "high": rows["high"],
        }
    )


def _shares(car: pd.DataFrame | None, measures: pd.DataFrame | None) -> Iterable[pd.DataFrame]:
    if car is not None and len(car):
        yield pd.DataFrame(
            {
                "sample": car["sample"], "kind": "car", "item": "CAR+ share of T cells", "unit": "fraction",
                "value": car["estimate"], "low": car["low"], "high": car["high"],
            }
        )  # fmt: skip
    if measures is not None and len(measures):
        rows = measures[(measures["measure"] == "b_cell") & (measures["of"] == "lymphocytes")]
        yield pd.DataFrame(
            {
                "sample": rows["sample"], "kind": "b_cells", "item": "normal B cells among lymphocytes",
                "unit": "fraction", "value": rows["fraction"], "low": rows["low"], "high": rows["high"],
            }
        )  # fmt: skip


def _quality(qc: pd.DataFrame) -> Iterable[pd.DataFrame]:
    for name, unit in _QUALITY.items():
        if name in qc:
            yield pd.DataFrame(
                {
                    "sample": qc["sample"], "kind": "quality", "item": name, "unit": unit,
                    "value": qc[name].astype(float), "low": None, "high": None,
                }
            )  # fmt: skip


def _by_sample(parts: Iterable[pd.DataFrame], sides: pd.DataFrame) -> Iterable[pd.DataFrame]:
    for part in parts:
        yield part.merge(sides, on="sample").assign(cell_type=None, method=None)


def call_errors(calibration: pd.DataFrame, *, modality: str) -> pd.DataFrame:
    """Sum up how often the calls were wrong where the truth is known.

    Parameters
    ----------
    calibration
        One row a measured setting: ``measured``, ``setting``, ``replicates``, ``kind`` (error or found), ``rate`` and
        ``source``.
    modality
        ``single_cell`` or ``bulk``: the calls of the two are different procedures.

    Returns
    -------
    DataFrame
        CALL_ERRORS; empty for a call that was not measured in this modality.
    """
    rows = calibration[calibration["measured"].isin(_CALIBRATION) & calibration["rate"].notna()]
    rows = rows[(rows["source"] == _OF_BULK) == (modality == "bulk")]
    found: list[Mapping[str, object]] = []
    for (measured, kind), own in rows.groupby(["measured", "kind"], sort=False):
        rates, sizes = own["rate"].astype(float), own["replicates"].astype(float)
        call, outcome = _CALIBRATION[str(measured)]
        found.append(
            {
                "call": call,
                "outcome": outcome,
                "kind": kind,
                "rate": float((rates * sizes).sum() / sizes.sum()),
                "lowest": rates.min(),
                "highest": rates.max(),
                "highest_setting": own["setting"].iloc[int(rates.to_numpy().argmax())],
                "n_settings": len(own),
                "n_replicates": int(sizes.sum()),
            }
        )
    return CALL_ERRORS.conform([dict(row) for row in found])
