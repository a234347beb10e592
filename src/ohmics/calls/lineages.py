"""A cohort's cells, sheet and pairs come in; the lineage call of every patient, and what was skipped, go out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from anndata import AnnData

from ohmics.calls.backgrounds import malignant_mask
from ohmics.calls.lineage import RIVALS, LineageRules, find_lineage
from ohmics.calls.patients import TwoSamples, one_row_a_key, patient_pairs
from ohmics.errors import listing
from ohmics.tables import LINEAGE, LINEAGE_CELLS, PAIRS, SAMPLES, SKIPPED, check, skipped

if TYPE_CHECKING:
    from ohmics.catalog import Catalog

STAGE = "lineage"
PRIVATE = 0.9
"""A cluster of which more than this share comes from one patient is private to it, as tumours' clusters are."""
LEAST_PATIENTS = 3
"""With fewer patients every cluster is nearly private, and privacy says nothing."""
EXCESS = 3.0
"""A cluster that others share holds a patient's normal cells when its part of the patient's cells is at most this many
times the largest part it has in another patient's sample."""
NEVER_TUMOUR = ("T cell", "NK", "erythroid", "plasma cell")
"""Normal cells that form private clusters too: T-cell clones after CAR T, receptor genes, a patient's own soup. A
switch to one of these types is not looked for among cells of the type."""
UNCORRECTED, CORRECTED = "cluster_uncorrected", "cluster"
Mask = npt.NDArray[np.bool_]


class LineageCalls(NamedTuple):
    """Tables LINEAGE, LINEAGE_CELLS and SKIPPED of a cohort."""

    lineage: pd.DataFrame
    cells: pd.DataFrame
    skipped: pd.DataFrame


def call_lineages(
    adatas: Mapping[str, AnnData],
    samples: pd.DataFrame,
    pairs: pd.DataFrame,
    *,
    catalog: Catalog,
    cells: pd.DataFrame | None = None,
    clone: str | None = None,
    rules: LineageRules | None = None,
) -> LineageCalls:
    """Call a lineage switch in every patient with a pair of samples.

    Candidates before are the malignant cells. After, cells of clusters that are private to the patient count too
    (see `cluster_patients`), and cells that carry the clone's mark: a switched tumour no longer has the type that was
    declared malignant. Cells that may be of a tumour's new lineage and are no candidates are normal where their
    cluster, found without batch correction, holds as many of other patients'; elsewhere they are undecided, and while
    enough of them look switched the call is no ``no_switch``.

    Parameters
    ----------
    adatas
        Sample to its cells: cells × genes, raw counts in ``X``, not changed; ``obs`` with ``malignant``,
        ``cell_type`` and, for private clusters, ``cluster_uncorrected`` (clusters found before batch correction), or
        ``cluster``.
    samples, pairs
        SAMPLES and PAIRS; as in `ohmics.calls.call_antigens`. LINEAGE has one row a patient: the first pair in the
        order of PAIRS is called, others stand in SKIPPED.
    catalog
        Lineage panels, cell types and antigens; the home lineage is the panel that holds the sheet's target antigen.
    cells
        CELLS of all samples (sample, cell_type, cluster_uncorrected); each sample's ``obs`` when not given.
    clone
        Column of ``obs`` with a clonal mark, true, false or empty; without it no switch is more than a candidate.
    rules
        Thresholds.

    Returns
    -------
    LineageCalls
        ``lineage`` (LINEAGE), ``cells`` (LINEAGE_CELLS: where each candidate cell stands) and ``skipped`` (SKIPPED).
    """
    check(samples, SAMPLES)
    check(pairs, PAIRS)
    sheet = samples.set_index("sample", drop=False)
    clusters = cluster_patients(adatas, sheet, catalog, cells=cells)
    rows: list[dict[str, Any]] = []
    placed = [LINEAGE_CELLS.empty()]
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
        row, stands = _call(two, adatas[two.pre], adatas[two.post], home, genes, clusters, catalog, clone, rules)
        rows.append(row)
        if len(stands):
            placed.append(LINEAGE_CELLS.conform(stands))
    frames = placed[1:] or placed
    return LineageCalls(
        LINEAGE.conform(rows), pd.concat(frames, ignore_index=True), SKIPPED.conform(one_row_a_key(missed))
    )


@dataclass(frozen=True)
class ClusterPatients:
    """Whose cells the clusters of a cohort hold.

    Parameters
    ----------
    column
        Column of ``obs`` with the clusters; empty when the samples hold none, or there are too few patients.
    private
        Patient to the clusters of which nearly all cells are the patient's, few of them T, NK, red or plasma cells.
    parts
        Clusters × patients: the part of a patient's cells that is of the cluster; only for clusters found without
        batch correction, which brings tumours and normal cells together.
    """

    column: str
    private: Mapping[str, frozenset[str]]
    parts: pd.DataFrame

    def normal(self, clusters: pd.Series, patient: str) -> Mask:
        """Return which cells are of clusters that hold as many of another patient's cells."""
        if self.parts.empty or patient not in self.parts.columns:
            return np.zeros(len(clusters), dtype=bool)
        others = self.parts.drop(columns=patient).max(axis=1)
        shared = set(self.parts.index[(self.parts[patient] <= EXCESS * others) & (others > 0)])
        return np.asarray(clusters.astype(object).isin(shared), dtype=bool)


def cluster_patients(
    adatas: Mapping[str, AnnData], sheet: pd.DataFrame, catalog: Catalog, *, cells: pd.DataFrame | None = None
) -> ClusterPatients:
    """Return which clusters are private to a patient, and which part of each patient's cells the others hold.

    Parameters
    ----------
    adatas
        Sample to its cells, ``obs`` with ``cell_type`` and clusters.
    sheet
        SAMPLES, indexed by sample.
    catalog
        Its cell types.
    cells
        CELLS of all samples, which spares a look into each of them.
    """
    nothing = ClusterPatients("", {}, pd.DataFrame())
    whole = cells if cells is not None else _all_cells(adatas)
    column = UNCORRECTED if UNCORRECTED in whole else CORRECTED
    if not {"sample", "cell_type", column} <= set(whole.columns) or not set(whole["sample"]) <= set(sheet.index):
        return nothing
    cells = pd.DataFrame(
        {
            "cluster": whole[column].astype(object),
            "cell_type": whole["cell_type"].astype(object),
            "patient": whole["sample"].map(sheet["patient"].astype(str)),
        }
    )
    if cells.empty or cells["patient"].nunique() < LEAST_PATIENTS:
        return nothing
    normal = _never_tumour(catalog)
    found: dict[str, set[str]] = {}
    for cluster, group in cells.dropna(subset=["cluster"]).groupby("cluster", sort=True):
        shares = group["patient"].value_counts(normalize=True)
        if shares.iloc[0] > PRIVATE and group["cell_type"].isin(normal).mean() < 0.5:
            found.setdefault(str(shares.index[0]), set()).add(str(cluster))
    private = {patient: frozenset(clusters) for patient, clusters in found.items()}
    table = pd.crosstab(cells["cluster"], cells["patient"], normalize="columns") if column == UNCORRECTED else None
    return ClusterPatients(column, private, pd.DataFrame() if table is None else table)


def _all_cells(adatas: Mapping[str, AnnData]) -> pd.DataFrame:
    parts = []
    for sample, adata in adatas.items():
        held = [name for name in (UNCORRECTED, CORRECTED, "cell_type") if name in adata.obs]
        parts.append(adata.obs[held].astype(object).assign(sample=sample))
    return pd.concat(parts, ignore_index=True, join="inner") if parts else pd.DataFrame()


def _never_tumour(catalog: Catalog) -> set[str]:
    known = [name for name in NEVER_TUMOUR if name in catalog.cell_types]
    return {kind for name in known for kind in catalog.descendants(name)}


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
    pre: AnnData,
    post: AnnData,
    home: str,
    genes: frozenset[str],
    clusters: ClusterPatients,
    catalog: Catalog,
    clone: str | None,
    rules: LineageRules | None,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the row of one patient, and where its candidate cells stand."""
    shared = pre.var_names[pre.var_names.isin(post.var_names)]
    declared = malignant_mask(post.obs)
    marks = _marks(post.obs, clone)
    # A cell known to lack the mark is a candidate only where it was declared malignant.
    found_here = _inside(post.obs, clusters, two.patient) | (marks == "yes")
    candidates = declared | (found_here & (marks != "no"))
    undecided = ~candidates & (marks != "no") & ~_known_normal(post.obs, clusters, two.patient, catalog)
    found = find_lineage(
        pre[malignant_mask(pre.obs), shared],
        post[candidates, shared],
        panels={name: panel.genes for name, panel in catalog.lineages.items()},
        home=home,
        rivals=[name for name in RIVALS[home] if name in catalog.lineages],
        exclude=genes,
        background_post=post[~candidates, shared] if (~candidates).any() else None,
        undecided_post=post[undecided, shared] if undecided.any() else None,
        clone=clone if clone is not None and clone in post.obs else None,
        patient=two.patient,
        rules=rules,
    )
    row = {str(name): value for name, value in found.row.items()} | {"pre_sample": two.pre, "post_sample": two.post}
    added = int((candidates & ~declared).sum())
    if added:
        how = "are of clusters private to the patient" + (" or carry the clone's mark" if clone is not None else "")
        row["reason"] = f"{row['reason']} {added} candidates after {how}."
    if two.differs:
        row["reason"] = f"{row['reason']} The samples differ in {listing(two.differs)}."
    samples = found.cells["side"].map({"before": two.pre, "after": two.post}) if len(found.cells) else None
    return row, found.cells.assign(patient=two.patient, sample=samples)


def _marks(obs: pd.DataFrame, clone: str | None) -> npt.NDArray[np.object_]:
    """Return yes, no or an empty text for each cell: whether it carries the clone's mark."""
    if clone is None or clone not in obs:
        return np.full(len(obs), "", dtype=object)
    flags = obs[clone].astype("boolean")
    return np.where(flags.isna(), "", np.where(flags.fillna(False), "yes", "no")).astype(object)


def _known_normal(obs: pd.DataFrame, clusters: ClusterPatients, patient: str, catalog: Catalog) -> Mask:
    """Return which cells are normal beyond their type: T, NK, red and plasma cells, and those that others share."""
    typed = obs["cell_type"].astype(object).isin(_never_tumour(catalog)) if "cell_type" in obs else None
    normal = np.zeros(len(obs), dtype=bool) if typed is None else np.asarray(typed, dtype=bool)
    if clusters.column and clusters.column in obs:
        normal |= clusters.normal(obs[clusters.column], patient)
    return normal


def _inside(obs: pd.DataFrame, clusters: ClusterPatients, patient: str) -> Mask:
    private = clusters.private.get(patient, frozenset())
    if not private or clusters.column not in obs:
        return np.zeros(len(obs), dtype=bool)
    # `private` holds names as text, whatever the clusters are.
    return np.asarray(obs[clusters.column].astype(object).map(str).isin(private), dtype=bool)
