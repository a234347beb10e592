"""Counts of XIST and of Y genes by sample and cell type come in; whether a patient's samples fit one person goes out.

Nothing is excluded for what is found here: blood may become a donor's after a transplant, and cells of old men
and of tumours lose the Y chromosome.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from scipy.stats import poisson

from ohmics.errors import Fault, OhmicsError
from ohmics.qc.features import transgenes
from ohmics.tables import IDENTITY

XIST = "XIST"
Y_GENES = ("RPS4Y1", "DDX3Y", "UTY", "KDM5D", "EIF1AY", "USP9Y")
COUNT_COLUMNS = ("sample", "cell_type", "n_cells", "n_umi", "xist", "y_genes")
NOISE_RATE = 5e-6
"""Ambient RNA and misread counts: 0.05 per 10,000 UMI, some 5 % of what the sex that has the gene shows."""
NOISE_P = 1e-4
DOMINANT = 0.9
"""Share of the counts of XIST and the Y genes that must speak for one sex."""
MALE_RATE = 5e-5
"""Y genes of a man, at least: 0.5 per 10,000 (single cells show 5 to 16, bulk tumours 3 to 7)."""
LEAST_MALE_COUNTS = 50.0
MALE_SHARE, FEMALE_SHARE = 0.5, 0.1
"""Without XIST: shares of a man's least count above which a sample is male, and below which it is female."""
UNTYPED = "all"
BOTH = "both sexes show"


def sex_counts(adata: AnnData) -> pd.DataFrame:
    """Return counts of XIST and of the Y genes by sample and cell type.

    Parameters
    ----------
    adata
        Cells, pseudobulk groups or bulk samples × genes, raw counts in ``X``. ``obs``: sample (else the index),
        cell_type (else ``bulk`` for bulk and ``all`` for cells), n_cells (else 1 a row).

    Returns
    -------
    DataFrame sample, cell_type, n_cells, n_umi, xist, y_genes (counts; missing when the data hold no such gene).
    """
    counts = sp.csr_matrix(adata.X, dtype=np.float64)
    bulk = dict(adata.uns.get("ohmics", {})).get("modality") == "bulk"
    names = adata.var_names.astype(str)

    def total(mask: np.ndarray) -> np.ndarray:
        return np.asarray(counts[:, mask].sum(axis=1)).ravel() if mask.any() else np.full(adata.n_obs, np.nan)

    rows = pd.DataFrame(
        {
            "sample": (adata.obs["sample"] if "sample" in adata.obs else adata.obs_names.to_series()).astype(str),
            "cell_type": adata.obs["cell_type"].astype(object) if "cell_type" in adata.obs else None,
            "n_cells": adata.obs["n_cells"].astype(int) if "n_cells" in adata.obs else 1,
            "n_umi": total(~transgenes(adata)),
            "xist": total(np.asarray(names == XIST)),
            "y_genes": total(np.asarray(names.isin(Y_GENES))),
        },
        index=adata.obs_names,
    )
    rows["cell_type"] = rows["cell_type"].where(rows["cell_type"].notna(), "bulk" if bulk else UNTYPED)
    return rows.groupby(["sample", "cell_type"], sort=False, as_index=False).sum(min_count=1)


def check_identity(counts: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """Say per patient whether the sex that expression shows is the same in all samples and compartments.

    Parameters
    ----------
    counts
        Rows of `sex_counts` of all samples.
    samples
        SAMPLES; ``transplant_donor_sex`` and a column ``sex`` (female or male) are used where they are filled.

    Returns
    -------
    IDENTITY. A compartment that differs from its patient while others of the sample agree, that fits the
    transplant donor, or that shows both sexes, is ``possible_chimerism_or_loss_of_y``; a sample that differs
    throughout is a ``mismatch``; a compartment whose sex cannot be told is ``not_assessable``.
    """
    absent = [name for name in COUNT_COLUMNS if name not in counts]
    if absent:
        raise OhmicsError(Fault(f"counts lack {', '.join(absent)}", remedy="make them with sex_counts"))
    sheet = samples.drop_duplicates("sample").set_index("sample")
    rows = counts[counts["sample"].isin(sheet.index)].copy()
    order = {name: position for position, name in enumerate(sheet.index)}
    rows = rows.sort_values(["sample"], key=lambda column: column.map(order), kind="stable")
    rows["patient"] = rows["sample"].map(sheet["patient"]).astype(str)
    numbers = rows[["xist", "y_genes", "n_umi"]].to_numpy(dtype=float)
    called = [_sex(float(xist), float(y_genes), float(n_umi)) for xist, y_genes, n_umi in numbers]
    rows["sex"], rows["why"] = [sex for sex, _ in called], [why for _, why in called]
    for name, column in (("sex_given", "sex"), ("donor", "transplant_donor_sex")):
        given = sheet[column] if column in sheet else pd.Series(None, index=sheet.index, dtype=object)
        rows[name] = rows["sample"].map(given.where(given.isin(["female", "male"]), None)).astype(object)
    parts = [_patient(part) for _, part in rows.groupby("patient", sort=False)]
    return IDENTITY.conform(pd.concat(parts, ignore_index=True)) if parts else IDENTITY.empty()


def _sex(xist: float, y_genes: float, n_umi: float) -> tuple[str, str]:
    if np.isnan(y_genes):
        return "unclear", "the data hold no Y gene"
    if np.isnan(xist):
        return _sex_by_y(y_genes, n_umi)
    noise = NOISE_RATE * n_umi
    shows_x = xist > 0 and poisson.sf(xist - 1, noise) < NOISE_P
    shows_y = y_genes > 0 and poisson.sf(y_genes - 1, noise) < NOISE_P
    text = f"{xist:.0f} counts of XIST and {y_genes:.0f} of Y genes, {noise:.1f} of each expected from noise"
    if not shows_x and not shows_y:
        return "unclear", f"{text}: too few to tell"
    share = y_genes / (xist + y_genes)
    if share >= DOMINANT and shows_y:
        return "male", text
    if share <= 1 - DOMINANT and shows_x:
        return "female", text
    return "unclear", f"{text}: {BOTH}"


def _sex_by_y(y_genes: float, n_umi: float) -> tuple[str, str]:
    expected = MALE_RATE * n_umi
    text = f"the data hold no XIST; {y_genes:.0f} counts of Y genes where a man shows some {expected:.0f} or more"
    if expected < LEAST_MALE_COUNTS:
        return "unclear", f"{text}: too few to tell"
    if y_genes >= MALE_SHARE * expected:
        return "male", text
    if y_genes <= FEMALE_SHARE * expected:
        return "female", text
    return "unclear", f"{text}: between the sexes"


def _patient(rows: pd.DataFrame) -> pd.DataFrame:
    expected, basis = _expected_sex(rows)
    verdicts: list[tuple[str, str]] = []
    for _, mine in rows.groupby("sample", sort=False):
        clear = [sex for sex in mine["sex"] if sex != "unclear"]
        throughout = bool(clear) and all(sex != expected for sex in clear)
        for row in mine.itertuples():
            verdicts.append(_judge(str(row.sex), str(row.why), expected, basis, row.donor, throughout=throughout))
    table = rows[["patient", "sample", "cell_type", "n_cells", "sex"]].copy()
    scale = 1e4 / rows["n_umi"].where(rows["n_umi"] > 0)
    table["xist"], table["y_genes"] = rows["xist"] * scale, rows["y_genes"] * scale
    table["verdict"], table["reason"] = [v for v, _ in verdicts], [r for _, r in verdicts]
    return table


def _expected_sex(rows: pd.DataFrame) -> tuple[str, str]:
    """Return the patient's sex and what says so: the sheet, else most samples, else the first of them."""
    given = [sex for sex in rows["sex_given"] if sex is not None and not pd.isna(sex)]
    if given:
        return str(given[0]), "the sheet says so"
    votes = []
    for _, mine in rows[rows["sex"] != "unclear"].groupby("sample", sort=False):
        weight = mine.groupby("sex")["n_umi"].sum()
        votes.append(str(weight.idxmax()))
    if not votes:
        return "", ""
    return _most_common(votes), f"{votes.count(_most_common(votes))} of {len(votes)} samples show it"


def _most_common(votes: Iterable[str]) -> str:
    counted = Counter(votes)
    return max(counted, key=lambda sex: counted[sex])


def _judge(sex: str, why: str, expected: str, basis: str, donor: object, *, throughout: bool) -> tuple[str, str]:
    if sex == "unclear":
        if why.endswith(BOTH):
            known = f"; the transplant donor is {donor}" if donor in ("female", "male") else ""
            return "possible_chimerism_or_loss_of_y", f"{why}{known}"
        return "not_assessable", why
    if sex == expected:
        return "consistent", f"{sex}: {why}"
    text = f"{sex}, but the patient is {expected} ({basis}): {why}"
    if donor == sex:
        return "possible_chimerism_or_loss_of_y", f"{text}; the transplant donor is {donor}"
    if throughout:
        return "mismatch", f"{text}; every compartment of the sample that can be told differs"
    return "possible_chimerism_or_loss_of_y", f"{text}; other compartments of the sample agree with the patient"
