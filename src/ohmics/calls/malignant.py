"""Annotated, clustered cells of a cohort come in; which clusters and cells are malignant, and why, goes out.

Each cluster of a sample is weighed by lines of evidence, in log-odds with stated limits: what its cells are annotated
as, the disease's panel, light chains, whether the cluster is private to its patient, cell cycle, maturation of normal
precursors, and copy number where it was looked at. A cluster that they do not decide is undetermined.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData

from ohmics.calls.copy_number import copy_number_signal
from ohmics.calls.malignant_cells import cell_calls, declared_calls, no_cells
from ohmics.calls.malignant_counts import SampleCounts, cluster_column, kinds, sample_counts
from ohmics.calls.malignant_lines import (
    Line,
    copy_number_line,
    cycling_line,
    highest_rates,
    light_line,
    lineage_line,
    lineage_of,
    maturation_line,
    panel_line,
    stands_still,
)
from ohmics.calls.malignant_rules import MalignantRules
from ohmics.calls.malignant_words import ClusterCall, cluster_row, declared_row
from ohmics.calls.privacy import Neighbourhoods, neighbourhoods, privacy
from ohmics.errors import Faults, OhmicsError, did_you_mean, listing
from ohmics.model import DiseasePanel
from ohmics.tables import MALIGNANT, SKIPPED, skipped

if TYPE_CHECKING:
    from ohmics.catalog import Catalog

STAGE = "malignant"
_SHORT = 4
"""Names of a disease shorter than this must be the whole of what the sheet says."""


class MalignantCalls(NamedTuple):
    """Tables MALIGNANT and SKIPPED of a cohort, and its cells.

    ``cells`` has sample, barcode, malignant (true, false, or empty where it cannot be told), malignant_probability
    (from evidence, empty without a disease) and light_chain (kappa, lambda or empty).
    """

    malignant: pd.DataFrame
    cells: pd.DataFrame
    skipped: pd.DataFrame


def call_malignant(
    adatas: Mapping[str, AnnData] | AnnData,
    samples: pd.DataFrame | None = None,
    *,
    catalog: Catalog,
    disease: str | None = None,
    cell_types: Iterable[str] = (),
    column: str | None = None,
    gene_positions: pd.DataFrame | None = None,
    rules: MalignantRules | None = None,
) -> MalignantCalls:
    """Say which clusters and cells of a cohort are malignant.

    Parameters
    ----------
    adatas
        Sample to its cells: cells × genes, raw counts in ``X``, not changed; ``obs`` with ``cell_type`` and
        ``cluster_uncorrected`` (or ``cluster``) of one clustering of all samples, and, for privacy,
        ``own_neighbours`` (see `ohmics.embed`). One AnnData is one sample.
    samples
        SAMPLES: its ``patient`` tells which samples belong together, its ``disease`` names the panel. Without it each
        sample is a patient.
    catalog
        Cell types and the panels of malignant_panels.yaml.
    disease
        A disease of the catalogue, for all samples, before what the sheet says.
    cell_types
        Annotated types that the user declares to be the tumour, with their subtypes. They decide, and the evidence
        stands beside them.
    column
        Column of ``obs`` in which the user says which cells are malignant (true or false, or ``malignant`` and
        ``normal``; empty where unknown). It decides before ``cell_types``.
    gene_positions
        Positions of genes (index gene; chromosome, start, end): copy number is inferred from expression, which needs
        the extra ``cnv``.
    rules
        Thresholds and weights.

    Returns
    -------
    MalignantCalls
        ``malignant``: a row each cluster of a sample; ``estimate`` is the probability that it is malignant, with the
        range that the uncertainty of its lines leaves, ``call`` is ``malignant``, ``normal`` or ``undetermined``.
        In ``cells``, a cell of a type that is no tumour of the disease stays normal in a malignant cluster, a cell of
        the other light chain too; cells of an undetermined cluster are empty.

    Raises
    ------
    OhmicsError
        With every fault: unknown disease or cell type, missing columns, counts that are not raw.

    Notes
    -----
    The cells decided by a declaration are as good as the annotation; a tumour that changes its type leaves it.
    """
    rules = rules or MalignantRules()
    given = {_name_of(adatas): adatas} if isinstance(adatas, AnnData) else adatas
    declared = tuple(cell_types)
    _check(catalog, disease, declared)
    patients, panels, missed = _sheet(list(given), samples, catalog, disease)
    counts = {
        sample: _counts(given[sample], panels[sample], catalog, sample, patients[sample], gene_positions)
        for sample in given
        if panels[sample] is not None
    }
    calls = _evidence(list(counts.values()), {sample: panels[sample] for sample in counts}, rules)
    rows: list[dict[str, Any]] = []
    cells: list[pd.DataFrame] = [no_cells()]
    for sample in given:
        told = _told(given[sample], declared, column, catalog, sample) if declared or column else None
        found = calls.get(sample, {})
        if told is None and sample not in counts:
            cells.append(_untold(given[sample], sample))
            continue
        frame = cell_calls(counts[sample], found, rules) if sample in counts else _untold(given[sample], sample)
        if told is not None:
            how = f"column {column}" if column else f"annotated types ({listing(declared, most=8)})"
            rows += _declared_rows(given[sample], told, found, how, sample)
            frame = declared_calls(frame, told)
        else:
            rows += [cluster_row(call) for call in found.values()]
        cells.append(frame)
    frames = [frame for frame in cells if len(frame)] or cells[:1]
    kept = [row for row in missed if not (declared or column)]
    return MalignantCalls(MALIGNANT.conform(rows), pd.concat(frames, ignore_index=True), SKIPPED.conform(kept))


def disease_panel(text: object, catalog: Catalog) -> DiseasePanel | None:
    """Return the panel of a disease as a sheet may write it; None when no panel fits.

    A name fits when it is the whole text, or, from four letters on, stands in it as words of its own.
    """
    if not isinstance(text, str) or not text.strip():
        return None
    wanted = text.strip().lower()
    spaced = f" {''.join(letter if letter.isalnum() or letter == '-' else ' ' for letter in wanted)} "
    best: tuple[int, DiseasePanel] | None = None
    for panel in catalog.diseases.values():
        for name in (panel.disease, panel.title.lower(), *panel.names):
            fits = wanted == name or (len(name) >= _SHORT and f" {name} " in spaced)
            if fits and (best is None or len(name) > best[0]):
                best = len(name), panel
    return best[1] if best else None


def _name_of(adata: AnnData) -> str:
    names = sorted(set(adata.obs["sample"].astype(str))) if "sample" in adata.obs else []
    return "|".join(names) or "sample"


def _check(catalog: Catalog, disease: str | None, declared: tuple[str, ...]) -> None:
    faults = Faults()
    if disease is not None and disease_panel(disease, catalog) is None:
        faults.add(
            f"no disease `{disease}`",
            where="call_malignant, disease",
            legal=", ".join(catalog.diseases),
            remedy=did_you_mean(disease, catalog.diseases),
        )
    for name in declared:
        if name not in catalog.cell_types:
            faults.add(f"unknown cell type `{name}`", where="call_malignant, cell_types")
    faults.raise_if_any()


def _sheet(
    names: list[str], samples: pd.DataFrame | None, catalog: Catalog, disease: str | None
) -> tuple[dict[str, str], dict[str, DiseasePanel | None], list[dict[str, str]]]:
    """Return each sample's patient and panel, and what is said of samples without one."""
    sheet = samples.set_index("sample") if samples is not None else pd.DataFrame(index=pd.Index(names))
    absent = [name for name in names if name not in sheet.index]
    if absent:
        raise OhmicsError(f"SAMPLES has no row of sample {listing(absent)}")
    patients = {name: str(sheet.loc[name, "patient"]) if "patient" in sheet else name for name in names}
    panels: dict[str, DiseasePanel | None] = {}
    missed = []
    for name in names:
        text = disease if disease is not None else sheet.loc[name].get("disease")
        panels[name] = disease_panel(text, catalog)
        if panels[name] is None:
            said = f"no panel fits the disease `{text}`" if isinstance(text, str) and text else "no disease is named"
            why = (
                f"{said}, so that malignant cells are told only by a declaration; panels: {', '.join(catalog.diseases)}"
            )
            missed.append(skipped(STAGE, why, subject=name, cell_type="malignant"))
    return patients, panels, missed


def _counts(
    adata: AnnData,
    panel: DiseasePanel | None,
    catalog: Catalog,
    sample: str,
    patient: str,
    gene_positions: pd.DataFrame | None,
) -> SampleCounts:
    if panel is None:
        raise OhmicsError(f"sample {sample} has no disease panel")
    chosen = kinds(panel, catalog)
    found = sample_counts(adata, panel, chosen, sample=sample, patient=patient)
    if gene_positions is None:
        return found
    signal = copy_number_signal(
        adata,
        gene_positions,
        reference=found.cells["kind"].to_numpy() == "incompatible",
        cluster=found.cells["cluster"],
    )
    return found.with_copy_number(signal)


def _evidence(
    counts: list[SampleCounts], panels: Mapping[str, DiseasePanel | None], rules: MalignantRules
) -> dict[str, dict[str, ClusterCall]]:
    """Return sample -> cluster -> its lines, probability and call."""
    found: dict[str, dict[str, ClusterCall]] = {}
    by_disease: dict[str, list[SampleCounts]] = {}
    for part in counts:
        panel = panels[part.sample]
        if panel is not None:
            by_disease.setdefault(panel.disease, []).append(part)
    for parts in by_disease.values():
        panel = panels[parts[0].sample]
        if panel is None:
            continue
        around = neighbourhoods(_of_cohort(parts), rules)
        highest = highest_rates(parts, panel.genes, rules)
        own = _of_patients(parts)
        for part in parts:
            lines = {
                cluster: _lines(part, cluster, panel, highest, around, own, rules)
                for cluster in part.clusters
                if part.n_cells[part.clusters.index(cluster)] >= rules.min_cells
            }
            found[part.sample] = {cluster: _weigh(part, cluster, panel, lines, rules) for cluster in part.clusters}
    return found


def _of_cohort(parts: list[SampleCounts]) -> pd.DataFrame:
    frames = [
        part.cells[["cell_type", "kind", "own_neighbours"]].assign(
            cell_type=part.cells["cell_type"].fillna("unassigned").astype(str), patient=part.patient
        )
        for part in parts
    ]
    return pd.concat(frames, ignore_index=True)


def _of_patients(parts: list[SampleCounts]) -> dict[tuple[str, str], pd.DataFrame]:
    """Return (patient, cluster) -> its cells in all samples of the patient: privacy is a patient's, not a sample's."""
    frames = [part.cells[["cluster", "own_neighbours"]].assign(patient=part.patient) for part in parts]
    together = pd.concat(frames, ignore_index=True)
    return {
        (str(patient), str(cluster)): group for (patient, cluster), group in together.groupby(["patient", "cluster"])
    }


def _lines(
    part: SampleCounts,
    cluster: str,
    panel: DiseasePanel,
    highest: Mapping[str, float],
    around: Neighbourhoods,
    own: Mapping[tuple[str, str], pd.DataFrame],
    rules: MalignantRules,
) -> tuple[Line, ...]:
    """Return the lines of a cluster that need no other cluster's call."""
    about = lineage_of(part, cluster)
    stages = bool(panel.precursors) and about.kind == "home"
    private = privacy(around, own[part.patient, cluster], part.patient, main=about.main, stages=stages, rules=rules)
    lines = [
        lineage_line(part, cluster, panel, rules),
        panel_line(part, cluster, panel, highest, rules),
        light_line(part, cluster, rules),
        Line("privacy", private.value, private.low, private.high, private.words),
        cycling_line(part, cluster, panel, rules),
        copy_number_line(part, cluster, rules),
    ]
    return tuple(line for line in lines if line is not None)


def _weigh(
    part: SampleCounts,
    cluster: str,
    panel: DiseasePanel,
    lines: Mapping[str, tuple[Line, ...]],
    rules: MalignantRules,
) -> ClusterCall:
    n = int(part.n_cells[part.clusters.index(cluster)])
    if cluster not in lines:
        why = f"{n} cells are fewer than {rules.min_cells}"
        return ClusterCall(part.sample, cluster, n, (), 0.0, 0.0, 0.0, "undetermined", why)
    limit = float(np.log(rules.certain / (1 - rules.certain)))
    # Another cluster that stands still and looks like a tumour is no stage of this one's recovery; nor are mature B
    # cells that are normal beyond doubt, which any marrow may hold.
    sums = {other: sum(line.value for line in told) for other, told in lines.items() if other != cluster}
    apart = [other for other, value in sums.items() if value <= -limit or (value > 0 and stands_still(part, other))]
    maturation = maturation_line(part, cluster, panel, rules, apart=apart)
    told = (*lines[cluster], *([maturation] if maturation is not None else []))
    total = rules.prior + sum(line.value for line in told)
    below = float(np.sqrt(sum((line.value - line.low) ** 2 for line in told)))
    above = float(np.sqrt(sum((line.high - line.value) ** 2 for line in told)))
    call = "malignant" if total >= limit else "normal" if total <= -limit else "undetermined"
    return ClusterCall(part.sample, cluster, n, told, total, total - below, total + above, call, "")


def _told(adata: AnnData, declared: tuple[str, ...], column: str | None, catalog: Catalog, sample: str) -> pd.Series:
    """Return what the user says of each cell: true, false or empty."""
    if column is not None:
        if column not in adata.obs:
            raise OhmicsError(f"sample {sample}: obs has no column `{column}`, which is to say what is malignant")
        return _as_flags(adata.obs[column], column, sample)
    names = {kind for name in declared for kind in catalog.descendants(name)}
    types = adata.obs["cell_type"].astype(object)
    return pd.Series(types.isin(names)).astype("boolean").mask((types.isna() | (types == "unassigned")).to_numpy())


_TRUE = frozenset({"true", "1", "1.0", "malignant", "tumour", "tumor", "yes", "blast", "leukemic", "leukaemic"})
_FALSE = frozenset({"false", "0", "0.0", "normal", "healthy", "no", "non-malignant", "nonmalignant"})
_UNKNOWN = frozenset({"", "nan", "none", "na", "<na>", "unknown", "undetermined"})


def _as_flags(values: pd.Series, column: str, sample: str) -> pd.Series:
    text = values.astype(object).map(lambda value: "" if value is None or value is pd.NA else str(value).lower())
    strange = sorted(set(text) - _TRUE - _FALSE - _UNKNOWN)
    if strange:
        faults = Faults()
        faults.add(
            f"column `{column}` holds {listing(strange)}",
            where=f"sample {sample}",
            legal="true and false, or malignant and normal, or empty",
        )
        faults.raise_if_any()
    return pd.Series(text.isin(_TRUE)).astype("boolean").mask(text.isin(_UNKNOWN).to_numpy())


def _declared_rows(
    adata: AnnData, told: pd.Series, found: Mapping[str, ClusterCall], how: str, sample: str
) -> list[dict[str, Any]]:
    clusters = adata.obs[cluster_column(adata.obs)].astype(object).to_numpy()
    names = np.asarray(["none" if name is None or pd.isna(name) else str(name) for name in clusters], dtype=object)
    return [
        declared_row(sample, str(name), told[names == name], found.get(str(name)), how)
        for name in sorted(set(names), key=str)
    ]


def _untold(adata: AnnData, sample: str) -> pd.DataFrame:
    frame = pd.DataFrame({"sample": sample, "barcode": adata.obs_names.astype(str)})
    frame["malignant"] = pd.array([pd.NA] * len(frame), dtype="boolean")
    frame["malignant_probability"] = np.nan
    frame["light_chain"] = None
    return frame
