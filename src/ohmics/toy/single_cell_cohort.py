"""A seed and a size in; paired single-cell samples of B-ALL under CD19 CAR T cells, with planted resistance, out."""

from __future__ import annotations

import anndata as ad
import pandas as pd

from ohmics.catalog import Catalog
from ohmics.errors import Faults
from ohmics.tables import SAMPLES
from ohmics.toy import levels, plans
from ohmics.toy.cells import PRESENTATION_FOLD, STATES, Design, Patient, make_patient, make_sample
from ohmics.toy.cohort import Cohort, truth_frame
from ohmics.toy.genes import curated_genes, default_catalog, gene_space, recommended
from ohmics.toy.programs import modules, profiles

TIMEPOINTS = ("pre", "relapse")
_BATCHES = 4


def single_cell(
    *,
    n_patients: int = 8,
    first_patient: int = 0,
    n_cells: int = 1500,
    n_genes: int = 16000,
    seed: int = 0,
    median_umi: float = 3000.0,
    depth_ratio: float = 0.5,
    exhaustion: float = 1.8,
    unchanged: bool = False,
    catalog: Catalog | None = None,
) -> Cohort:
    """Simulate marrow samples of B-ALL early after CD19 CAR T cells (``pre``) and at ``relapse``, with known truth.

    Parameters
    ----------
    n_patients
        Patients; each gives two samples. What is planted in which: `ohmics.toy.plans.plan_for`.
    first_patient
        Number of the first patient, from 0: a cohort too large for memory is made a few patients at a time, and is
        the same as if it were made at once.
    n_cells
        Cells a sample.
    n_genes
        Genes, with approved symbols and Ensembl ids; the catalogue's genes are always among them. The transgene
        feature ``FMC63-CAR`` comes on top.
    seed
        Seed. A sample's counts depend on the seed, its name and its patient's plan, never on the other samples.
    median_umi
        Median UMI a cell before relapse, about.
    depth_ratio
        Median UMI at relapse over before, on average; it varies by about 20 % between patients.
    exhaustion
        Fold by which the recommended list of terminal exhaustion rises in T and CAR T cells at relapse.
    unchanged
        Plant nothing: only depth, batch, composition and chance differ. For calibration.
    catalog
        The catalogue; the shipped one when None.

    Returns
    -------
    Cohort
        Counts are gamma-Poisson around profiles with modules of genes that move together, 3 to 8 % ambient RNA,
        4 % doublets, 2 % damaged cells, batches balanced over the timepoints, and patient-specific tumours. The
        default cohort (16 samples of 1,500 cells) takes about 10 s of one core and 0.7 GB.

    Raises
    ------
    OhmicsError
        When a size is too small or a fold or ratio is not positive.

    Examples
    --------
    >>> cohort = single_cell(n_patients=1, n_cells=60, n_genes=4000, seed=1)
    >>> list(cohort.samples["sample"])
    ['P01_pre', 'P01_relapse']
    >>> cohort.adatas["P01_pre"].shape
    (60, 4001)
    """
    _validate(n_patients, first_patient, n_cells, median_umi, depth_ratio, exhaustion)
    catalog = default_catalog() if catalog is None else catalog
    design = _design(catalog, n_genes, n_cells, median_umi, depth_ratio, seed)
    rows: list[dict[str, object]] = []
    truth: list[dict[str, object]] = plans.cohort_rows(1.0 if unchanged else exhaustion)
    adatas: dict[str, ad.AnnData] = {}
    cells: list[pd.DataFrame] = []
    for position in range(first_patient, first_patient + n_patients):
        plan = plans.NOTHING if unchanged else plans.plan_for(position, exhaustion)
        patient = make_patient(design, position, plan)
        truth += plans.truth_rows(patient.name, plan, presentation_fold=PRESENTATION_FOLD)
        for number, timepoint in enumerate(TIMEPOINTS):
            sample = f"{patient.name}_{timepoint}"
            batch = f"batch{(position + number * (1 + position // _BATCHES)) % _BATCHES + 1}"
            rows.append(_sheet_row(sample, patient, timepoint, batch))
            adatas[sample], of_cells = make_sample(design, patient, sample=sample, timepoint=timepoint, batch=batch)
            cells.append(of_cells)
    return Cohort(
        modality="single_cell",
        samples=SAMPLES.conform(rows),
        adatas=adatas,
        truth=truth_frame(truth),
        truth_cells=pd.concat(cells, ignore_index=True),
    )


def _validate(
    n_patients: int, first_patient: int, n_cells: int, median_umi: float, depth_ratio: float, exhaustion: float
) -> None:
    faults = Faults()
    for name, value, least in (
        ("n_patients", n_patients, 1),
        ("first_patient", first_patient, 0),
        ("n_cells", n_cells, 50),
        ("median_umi", median_umi, 300),
    ):
        if value < least:
            faults.add(f"{name} is {value}", where="toy cohort", legal=f"{least} or more")
    for name, value in (("depth_ratio", depth_ratio), ("exhaustion", exhaustion)):
        if not value > 0:
            faults.add(f"{name} is {value}", where="toy cohort", legal="above 0")
    faults.raise_if_any()


def _sheet_row(sample: str, patient: Patient, timepoint: str, batch: str) -> dict[str, object]:
    return {
        "sample": sample,
        "patient": patient.name,
        "timepoint": timepoint,
        "modality": "single_cell",
        "path": f"counts/{sample}.h5",
        "therapy": "car_t",
        "target_antigen": "CD19",
        "disease": "B-ALL",
        "tissue": "marrow",
        "chemistry": "3' v3",
        "batch": batch,
        "sex": patient.sex,
    }


def _design(catalog: Catalog, n_genes: int, n_cells: int, median_umi: float, depth_ratio: float, seed: int) -> Design:
    space = gene_space(n_genes, catalog)
    families = {name: state.family for name, state in STATES.items()}
    return Design(
        space=space,
        modules=modules(space, seed),
        profiles=profiles(space, catalog, types=levels.SINGLE_CELL, families=families, seed=seed),
        curated=space.mask(curated_genes()),
        exhausted=space.mask(recommended(catalog, plans.EXHAUSTION, "up")),
        presented=space.mask(recommended(catalog, plans.PRESENTATION, "down")),
        n_cells=n_cells,
        median_umi=median_umi,
        depth_ratio=depth_ratio,
        seed=seed,
    )
