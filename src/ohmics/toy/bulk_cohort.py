"""A seed and a size in; paired bulk samples of melanoma under checkpoint inhibitors, with planted resistance, out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from ohmics.catalog import Catalog
from ohmics.errors import Faults
from ohmics.seeds import generator
from ohmics.tables import SAMPLES
from ohmics.toy import levels
from ohmics.toy.cohort import CONTRAST, FOLD, TRUTH_CELLS_COLUMNS, Cohort, truth_frame
from ohmics.toy.draw import Floats, lognormal
from ohmics.toy.genes import GeneSpace, curated_genes, default_catalog, gene_space, recommended
from ohmics.toy.programs import Modules, modules, profiles

TIMEPOINTS = ("pre", "relapse")
_COMPOSITION = {
    "melanoma": 0.55,
    "fibroblast": 0.12,
    "t": 0.12,
    "macrophage": 0.10,
    "endothelial": 0.05,
    "b": 0.04,
    "nk": 0.02,
}
_BATCHES = 4
_LIBRARY = (8e6, 20e6)
_FIBROBLAST_MECHANISMS = ("tgfb_fibroblast", "caf_ecm_barrier")
_FIBROBLAST_LEVEL = 150.0


@dataclass(frozen=True, slots=True)
class Planted:
    """A mechanism whose recommended list changes at relapse by ``fold``; ``direction`` says which list."""

    mechanism: str
    direction: str
    fold: float
    words: str


PLANTED: tuple[Planted, ...] = (
    Planted("low_ifng_tcell_inflamed", "down", 0.5, "the T-cell-inflamed profile falls"),
    Planted("low_cytotoxic_effector", "down", 0.5, "cytolytic activity falls"),
    Planted("tgfb_fibroblast", "up", 1.8, "the TGF-b response of fibroblasts rises"),
)
UNCHANGED = ("melanoma_dedifferentiation", "wnt_bcatenin_exclusion")
"""Mechanisms of tier core whose genes the cohort leaves alone; an analysis must not support them."""


@dataclass(frozen=True, slots=True)
class _Design:
    space: GeneSpace
    modules: Modules
    profiles: Mapping[str, Floats]
    planted: Mapping[str, Floats]
    depth_ratio: float
    seed: int


def bulk(
    *,
    n_patients: int = 16,
    n_genes: int = 16000,
    seed: int = 0,
    depth_ratio: float = 0.7,
    unchanged: bool = False,
    catalog: Catalog | None = None,
) -> Cohort:
    """Simulate bulk melanoma samples before checkpoint inhibitors (``pre``) and at ``relapse``, with known truth.

    Three of four patients carry every change of `PLANTED`, each fourth carries none. Two further patients have one
    sample only. A sample is a mixture of tumour, stroma and immune cells, so that genes of one cell type move together
    with its share; on it come the patient's own levels, modules of genes, the batch and negative-binomial noise.

    Parameters
    ----------
    n_patients
        Patients with both samples.
    n_genes
        Genes with approved symbols and Ensembl ids; the catalogue's genes are always among them.
    seed
        Seed. A sample's counts depend on the seed, its name and what its patient carries.
    depth_ratio
        Library size at relapse over before, on average. Before relapse it is 8 to 20 million.
    unchanged
        Plant nothing: only depth, batch, composition and chance differ. For calibration.
    catalog
        The catalogue; the shipped one when None.

    Raises
    ------
    OhmicsError
        When a size is too small or ``depth_ratio`` is not positive.

    Examples
    --------
    >>> cohort = bulk(n_patients=2, n_genes=4000, seed=1)
    >>> cohort.counts.shape
    (6, 4000)
    """
    faults = Faults()
    if n_patients < 1:
        faults.add(f"n_patients is {n_patients}", where="toy cohort", legal="1 or more")
    if not depth_ratio > 0:
        faults.add(f"depth_ratio is {depth_ratio}", where="toy cohort", legal="above 0")
    faults.raise_if_any()
    catalog = default_catalog() if catalog is None else catalog
    design = _design(catalog, n_genes, depth_ratio, seed)
    rows: list[dict[str, object]] = []
    adatas: dict[str, ad.AnnData] = {}
    for position in range(n_patients + 2):
        timepoints = TIMEPOINTS if position < n_patients else (TIMEPOINTS[position - n_patients],)
        for timepoint in timepoints:
            patient = f"M{position + 1:02d}"
            sample = f"{patient}_{timepoint}"
            batch = f"batch{(position + TIMEPOINTS.index(timepoint) * (1 + position // _BATCHES)) % _BATCHES + 1}"
            changed = timepoint == "relapse" and not unchanged and carries(position)
            rows.append(_sheet_row(sample, patient, timepoint, batch))
            adatas[sample] = _sample(design, patient, sample=sample, batch=batch, changed=changed)
    return Cohort(
        modality="bulk",
        samples=SAMPLES.conform(rows),
        adatas=adatas,
        truth=_truth(n_patients, unchanged=unchanged),
        truth_cells=pd.DataFrame(columns=list(TRUTH_CELLS_COLUMNS)),
    )


def carries(position: int) -> bool:
    """Return whether the patient at ``position`` (from 0) carries the planted changes: each fourth does not."""
    return position % 4 != 3


def _design(catalog: Catalog, n_genes: int, depth_ratio: float, seed: int) -> _Design:
    space = gene_space(n_genes, catalog)
    families = {name: name for name in levels.BULK}
    folds = {
        change.mechanism: np.where(
            space.mask(recommended(catalog, change.mechanism, change.direction)), np.log(change.fold), 0.0
        )
        for change in PLANTED
    }
    return _Design(
        space=space,
        modules=modules(space, seed),
        profiles=profiles(space, catalog, types=_types(space, catalog), families=families, seed=seed),
        planted=folds,
        depth_ratio=depth_ratio,
        seed=seed,
    )


def _types(space: GeneSpace, catalog: Catalog) -> dict[str, dict[str, float]]:
    """Return the curated levels, with the stroma's listed genes that no table names expressed in fibroblasts."""
    stroma = {
        gene
        for name in _FIBROBLAST_MECHANISMS
        for entry in catalog.mechanisms[name].gene_lists
        if entry.direction == "up"
        for gene in entry.genes
    }
    markers = {gene for entry in catalog.markers.values() for gene in entry.positive}
    further = dict.fromkeys(sorted((stroma - markers - curated_genes()) & set(space.symbols)), _FIBROBLAST_LEVEL)
    return {**levels.BULK, "fibroblast": {**further, **levels.BULK["fibroblast"]}}


def _sheet_row(sample: str, patient: str, timepoint: str, batch: str) -> dict[str, object]:
    return {
        "sample": sample,
        "patient": patient,
        "timepoint": timepoint,
        "modality": "bulk",
        "path": "counts.csv.gz",
        "therapy": "ici",
        "disease": "melanoma",
        "tissue": "tumour",
        "batch": batch,
    }


def _sample(design: _Design, patient: str, *, sample: str, batch: str, changed: bool) -> ad.AnnData:
    space, n_genes, n_modules = design.space, len(design.space), len(design.modules.names)
    of_patient = generator(design.seed, "toy", "patient", patient)
    mixture = of_patient.dirichlet(np.asarray(list(_COMPOSITION.values())) * 30.0)
    own = lognormal(of_patient, 0.35, n_genes)
    shifts = 0.20 * of_patient.standard_normal(n_modules)
    strength = 1.0 + 0.15 * of_patient.standard_normal()
    sex = levels.SEX["female" if int(patient[1:]) % 2 else "male"]
    library = np.exp(of_patient.uniform(*np.log(_LIBRARY)))
    rng = generator(design.seed, "toy", sample)
    mixture = rng.dirichlet(mixture * 400.0 + 1.0)
    shifts = shifts + 0.10 * rng.standard_normal(n_modules)
    shifts[0] = 0.0
    level = np.zeros(n_genes)
    for share, name in zip(mixture, _COMPOSITION, strict=True):
        level += share * design.profiles[name]
    for gene, height in levels.merged(sex).items():
        level[space.where[gene]] = height
    level *= own * lognormal(rng, 0.12, n_genes) * np.exp(shifts[design.modules.of])
    level *= lognormal(generator(design.seed, "toy", "batch", batch), 0.10, n_genes)
    if changed:
        strongest = _strongest(list(design.planted.values()))
        level *= np.exp(strongest * strength)
    if sample.endswith("relapse"):
        library *= design.depth_ratio * float(lognormal(rng, 0.15, 1)[0])
    mean = level / level.sum() * library
    dispersion = 0.02 + 1.0 / np.maximum(mean, 10.0)
    counts = rng.poisson(rng.standard_gamma(1.0 / dispersion) * dispersion * mean).astype(np.float32)
    var = pd.DataFrame(
        {"original_id": space.ensembl, "feature_type": "gene"}, index=pd.Index(space.symbols, dtype=object)
    )
    obs = pd.DataFrame({"sample": [sample]}, index=pd.Index([sample], dtype=object))
    return ad.AnnData(
        sparse.csr_matrix(counts[None, :]), obs=obs, var=var, uns={"ohmics": {"toy": True, "modality": "bulk"}}
    )


def _strongest(folds: list[Floats]) -> Floats:
    """Return each gene's largest log fold: a gene of two planted lists changes once."""
    stacked = np.stack(folds)
    strongest: Floats = np.take_along_axis(stacked, np.abs(stacked).argmax(axis=0)[None, :], axis=0)[0]
    return strongest


def _truth(n_patients: int, *, unchanged: bool) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    affected = 0 if unchanged else sum(carries(position) for position in range(n_patients))
    for change in PLANTED:
        here = affected > 0
        words = f"{change.words}, {change.fold:.2g}-fold, in {affected} of {n_patients} patients" if here else "nothing"
        rows.append(
            {"level": "cohort", "subject": CONTRAST, "mechanism": change.mechanism, "planted": words,
             "value": change.fold if here else 1.0, "unit": FOLD, "change": here,
             "expected": "supported" if here else "not supported"}
        )  # fmt: skip
    for mechanism in UNCHANGED:
        rows.append(
            {"level": "cohort", "subject": CONTRAST, "mechanism": mechanism, "planted": "nothing", "value": 1.0,
             "unit": FOLD, "change": False, "expected": "not supported"}
        )  # fmt: skip
    for position in range(n_patients):
        for change in PLANTED:
            here = carries(position) and not unchanged
            rows.append(
                {"level": "patient", "subject": f"M{position + 1:02d}", "mechanism": change.mechanism,
                 "planted": change.words if here else "nothing", "value": change.fold if here else 1.0, "unit": FOLD,
                 "change": here, "expected": "consistent" if here else "within technical range"}
            )  # fmt: skip
    return truth_frame(rows)
