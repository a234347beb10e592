"""A cohort's cells, sheet and pairs come in; the lineage call of every patient, and what was skipped, go out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from anndata import AnnData

from ohmics.calls.backgrounds import malignant_mask
from ohmics.calls.lineage import RIVALS, LineageRules, call_lineage
from ohmics.calls.patients import TwoSamples, one_row_a_key, patient_pairs
from ohmics.errors import listing
from ohmics.tables import LINEAGE, PAIRS, SAMPLES, SKIPPED, check, skipped

if TYPE_CHECKING:
    from ohmics.catalog import Catalog

STAGE = "lineage"
PRIVATE = 0.9
"""A cluster of which more than this share comes from one patient is private to it, as tumours' clusters are."""
LEAST_PATIENTS = 3
"""With fewer patients every cluster is nearly private, and privacy says nothing."""
NEVER_TUMOUR = ("T cell", "NK", "erythroid", "plasma cell")
"""Normal cells that form private clusters too: T-cell clones after CAR T, receptor genes, a patient's own soup."""


class LineageCalls(NamedTuple):
    """Tables LINEAGE and SKIPPED of a cohort."""

    lineage: pd.DataFrame
    skipped: pd.DataFrame


def call_lineages(
    adatas: Mapping[str, AnnData],
    samples: pd.DataFrame,
    pairs: pd.DataFrame,
    *,
    catalog: Catalog,
    clone: str | None = None,
    rules: LineageRules | None = None,
) -> LineageCalls:
    """Call a lineage switch in every patient with a pair of samples.

    Candidates before are the malignant cells. After, cells of clusters that are private to the patient count too
    (see `private_clusters`): a switched tumour no longer has the type that was declared malignant.

    Parameters
    ----------
    adatas
        Sample to its cells: cells × genes, raw counts in ``X``, not changed; ``obs`` with ``malignant``,
        ``cell_type`` and, for private clusters, ``cluster``.
    samples, pairs
        SAMPLES and PAIRS; as in `ohmics.calls.call_antigens`. LINEAGE has one row a patient: the first pair in the
        order of PAIRS is called, others stand in SKIPPED.
    catalog
        Lineage panels, cell types and antigens; the home lineage is the panel that holds the sheet's target antigen.
    clone
        Column of ``obs`` with a clonal mark, true, false or empty; without it no switch is more than a candidate.
    rules
        Thresholds.

    Returns
    -------
    LineageCalls
        ``lineage`` (LINEAGE) and ``skipped`` (SKIPPED).
    """
    check(samples, SAMPLES)
    check(pairs, PAIRS)
    sheet = samples.set_index("sample", drop=False)
    private = private_clusters(adatas, sheet, catalog)
    rows: list[dict[str, Any]] = []
    missed: list[dict[str, str]] = []
    done: set[str] = set()
    for two in patient_pairs(sheet, pairs, missed, stage=STAGE):
        why = _unready(two, adatas, done)
        home, genes = _home(sheet, two, catalog)
        if not why and not home:
            why = "no lineage panel holds the target antigen, so that the tumour's own lineage is unknown"
        if why:
            missed.append(skipped(STAGE, why, subject=two.patient))
            continue
        done.add(two.patient)
        rows.append(_call(two, adatas, home, genes, private, catalog, clone, rules))
    return LineageCalls(LINEAGE.conform(rows), SKIPPED.conform(one_row_a_key(missed)))


def private_clusters(adatas: Mapping[str, AnnData], sheet: pd.DataFrame, catalog: Catalog) -> dict[str, frozenset[str]]:
    """Return each patient's private clusters: nearly all cells are the patient's, few are T, NK or red cells.

    Parameters
    ----------
    adatas
        Sample to its cells, ``obs`` with ``cluster`` and ``cell_type``; none are private where a sample lacks them.
    sheet
        SAMPLES, indexed by sample.
    catalog
        Its cell types.
    """
    parts = []
    for sample, adata in adatas.items():
        if not {"cluster", "cell_type"} <= set(adata.obs.columns) or sample not in sheet.index:
            return {}
        part = adata.obs[["cluster", "cell_type"]].astype(object).reset_index(drop=True)
        parts.append(part.assign(patient=sheet.loc[sample, "patient"]))
    cells = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if cells.empty or cells["patient"].nunique() < LEAST_PATIENTS:
        return {}
    known = [name for name in NEVER_TUMOUR if name in catalog.cell_types]
    normal = {kind for name in known for kind in catalog.descendants(name)}
    found: dict[str, set[str]] = {}
    for cluster, group in cells.dropna(subset=["cluster"]).groupby("cluster", sort=True):
        shares = group["patient"].value_counts(normalize=True)
        if shares.iloc[0] > PRIVATE and group["cell_type"].isin(normal).mean() < 0.5:
            found.setdefault(str(shares.index[0]), set()).add(str(cluster))
    return {patient: frozenset(clusters) for patient, clusters in found.items()}


def _unready(two: TwoSamples, adatas: Mapping[str, AnnData], done: Iterable[str]) -> str:
    if two.patient in done:
        return f"the patient was called on an earlier pair than {two.pre} and {two.post}"
    absent = [sample for sample in (two.pre, two.post) if sample not in adatas]
    if absent:
        return f"no cells of sample {listing(absent)}"
    if not malignant_mask(adatas[two.pre].obs).any():
        return f"no cell of {two.pre} is known to be malignant"
    return ""


def _home(sheet: pd.DataFrame, two: TwoSamples, catalog: Catalog) -> tuple[str, frozenset[str]]:
    """Return the panel that holds the target antigen of the samples, and the antigen's genes."""
    texts = [sheet.loc[sample].get("target_antigen") for sample in (two.pre, two.post)]
    joined = ";".join(text for text in texts if isinstance(text, str)).replace("|", ";").lower()
    names = {name.strip() for name in joined.split(";")}
    genes = frozenset(
        gene
        for entry in catalog.antigens.values()
        if names & {entry.antigen.lower(), *(gene.lower() for gene in entry.genes)}
        for gene in entry.genes
    )
    home = next((name for name in RIVALS if name in catalog.lineages and genes & set(catalog.lineages[name].genes)), "")
    return home, genes


def _call(
    two: TwoSamples,
    adatas: Mapping[str, AnnData],
    home: str,
    genes: frozenset[str],
    private: Mapping[str, frozenset[str]],
    catalog: Catalog,
    clone: str | None,
    rules: LineageRules | None,
) -> dict[str, Any]:
    pre, post = adatas[two.pre], adatas[two.post]
    shared = pre.var_names[pre.var_names.isin(post.var_names)]
    before = pre[malignant_mask(pre.obs), shared]
    declared = malignant_mask(post.obs)
    candidates = declared | _inside(post.obs, private.get(two.patient, frozenset()))
    called = call_lineage(
        before,
        post[candidates, shared],
        panels={name: panel.genes for name, panel in catalog.lineages.items()},
        home=home,
        rivals=[name for name in RIVALS[home] if name in catalog.lineages],
        exclude=genes,
        background_post=post[~candidates, shared] if (~candidates).any() else None,
        clone=clone if clone is not None and clone in post.obs else None,
        patient=two.patient,
        rules=rules,
    )
    row = {str(name): value for name, value in called.items()}
    added = int((candidates & ~declared).sum())
    if added:
        row["reason"] = f"{row['reason']} {added} candidates after are of clusters private to the patient."
    if two.differs:
        row["reason"] = f"{row['reason']} The samples differ in {listing(two.differs)}."
    return row


def _inside(obs: pd.DataFrame, clusters: frozenset[str]) -> npt.NDArray[np.bool_]:
    if "cluster" not in obs or not clusters:
        return np.zeros(len(obs), dtype=bool)
    return np.asarray(obs["cluster"].astype(object).isin(clusters), dtype=bool)
