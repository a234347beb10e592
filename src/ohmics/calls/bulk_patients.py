"""Bulk counts, sheet and pairs of a cohort come in; each patient's antigen calls, and what was skipped, go out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from ohmics.calls.bulk_antigen import PURITY, BulkRules, Scale, call_bulk_antigen
from ohmics.calls.patients import (
    ALTERNATIVE,
    RESEARCH,
    STAGE,
    AntigenCalls,
    TwoSamples,
    Wanted,
    patient_pairs,
    tables_of,
    thresholds,
    wanted,
)
from ohmics.calls.rules import AntigenRules
from ohmics.calls.words import CANNOT_EXCLUDE
from ohmics.errors import listing
from ohmics.tables import PAIRS, SAMPLES, check, skipped

if TYPE_CHECKING:
    from ohmics.catalog import Catalog

PURITY_COLUMN = "purity"


def call_bulk_antigens(
    counts: AnnData,
    samples: pd.DataFrame,
    pairs: pd.DataFrame,
    *,
    catalog: Catalog,
    scale: Scale = "counts",
    rules: AntigenRules | None = None,
    bulk_rules: BulkRules | None = None,
) -> AntigenCalls:
    """Call the target antigen and its alternatives in every patient with a pair of bulk samples.

    Parameters
    ----------
    counts
        Samples × genes, raw counts in ``X`` (or TPM, see ``scale``), not changed.
    samples, pairs
        SAMPLES and PAIRS, as in `ohmics.calls.call_antigens`. A column ``purity`` of the sheet is named in the reason.
    catalog
        Antigens and lineage panels; an antigen of which no panel holds the gene is skipped.
    scale
        ``counts`` or ``tpm``.
    rules, bulk_rules
        Thresholds.

    Returns
    -------
    AntigenCalls
        As of `ohmics.calls.call_antigens`; presentation and depth are empty, since presentation genes are those of
        every cell in the sample. A pair whose samples have different chemistries is inconclusive whatever the p.
    """
    check(samples, SAMPLES)
    check(pairs, PAIRS)
    rules, bulk_rules = rules or AntigenRules(), bulk_rules or BulkRules()
    sheet = samples.set_index("sample", drop=False)
    held = set(counts.obs_names)
    rows: list[dict[str, Any]] = []
    missed: list[dict[str, str]] = []
    for two in patient_pairs(sheet, pairs, missed):
        absent = [sample for sample in (two.pre, two.post) if sample not in held]
        if absent:
            missed.append(skipped(STAGE, f"no counts of sample {listing(absent)}", subject=two.patient))
            continue
        pre, post = (_values(counts, name) for name in (two.pre, two.post))
        for one in wanted(sheet, two, catalog, missed):
            row = _row(one, pre, post, two, sheet, catalog, scale, rules, bulk_rules, missed)
            rows += [] if row is None else [row]
    return tables_of(rows, [], missed)


def _values(counts: AnnData, sample: str) -> pd.Series:
    row = sp.csr_matrix(counts[[sample]].X).toarray().ravel().astype(np.float64)
    return pd.Series(row, index=counts.var_names.astype(str))


def _row(
    one: Wanted,
    pre: pd.Series,
    post: pd.Series,
    two: TwoSamples,
    sheet: pd.DataFrame,
    catalog: Catalog,
    scale: Scale,
    rules: AntigenRules,
    bulk_rules: BulkRules,
    missed: list[dict[str, str]],
) -> dict[str, Any] | None:
    absent = [gene for gene in one.genes if gene not in pre.index]
    panel = next((panel for panel in catalog.lineages.values() if set(one.genes) & set(panel.genes)), None)
    if absent or panel is None:
        why = (
            f"the data hold no gene {listing(absent)}"
            if absent
            else "no lineage panel holds the antigen, and without one a fall cannot be told from less tumour"
        )
        missed.append(skipped(STAGE, why, cell_type="bulk", subject=two.patient, item=one.name))
        return None
    called = call_bulk_antigen(
        pre, post, antigen=one.name, genes=one.genes, panel=panel.genes, panel_name=panel.name, scale=scale,
        patient=two.patient, rules=rules, bulk_rules=bulk_rules,
    )  # fmt: skip
    row: dict[str, Any] = {str(name): value for name, value in called.items()}
    if "chemistry" in two.differs:
        row |= _undecided(row, *(str(sheet.loc[name, "chemistry"]).strip() for name in (two.pre, two.post)))
    said = [row["reason"], _purity(sheet, two)]
    differs = [name for name in two.differs if name != "chemistry"]
    said.append(f"The samples differ in {listing(differs)}." if differs else "")
    said.append(RESEARCH if one.role == ALTERNATIVE else "")
    return row | {
        "patient": two.patient,
        "pre_sample": two.pre,
        "post_sample": two.post,
        "role": one.role,
        "thresholds": thresholds(rules, 0).replace("|n_matched=0", f"|min_sd={bulk_rules.min_sd:g}"),
        "reason": " ".join(part for part in said if part),
    }


def _undecided(row: dict[str, Any], before: str, after: str) -> dict[str, str]:
    """Return call and reason of a pair of two chemistries: inconclusive whatever the p, as for cells.

    What could not be assessed anyway stays so, and its reason too.
    """
    by = (
        f"Inconclusive whatever the p: the chemistries differ ({before} before, {after} after), and a gene that one of "
        "them catches poorly falls beside the others of its lineage without any change."
    )
    reason, call = str(row["reason"]), str(row["call"])
    if call == "not_assessable":
        return {"call": call, "reason": f"{reason} The samples differ in chemistry ({before} before, {after} after)."}
    counted, _, _ = reason.partition(f" {call.capitalize()}: ")
    return {"call": "inconclusive", "reason": f"{counted} {by} {PURITY}. {CANNOT_EXCLUDE}."}


def _purity(sheet: pd.DataFrame, two: TwoSamples) -> str:
    """Say what the sheet holds of the tumour's share, where it does."""
    if PURITY_COLUMN not in sheet:
        return ""
    shares = pd.to_numeric(sheet[PURITY_COLUMN], errors="coerce")[[two.pre, two.post]].to_numpy(dtype=float)
    if np.isnan(shares).any():
        return ""
    return f"The sheet gives a purity of {shares[0]:.2g} before and {shares[1]:.2g} after."
