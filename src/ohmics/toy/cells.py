"""A cohort's design and one patient in; the cells of one sample, with the truth about each, out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from ohmics.seeds import generator
from ohmics.toy.cohort import CAR, TRUTH_CELLS_COLUMNS
from ohmics.toy.draw import Floats, Ints, Population, draw, draw_ambient, lognormal
from ohmics.toy.genes import GeneSpace
from ohmics.toy.levels import SEX, merged
from ohmics.toy.plans import SWITCHED, Plan
from ohmics.toy.programs import Modules, cycling, dispersions

_DOUBLETS = 0.04
_LOW_QUALITY = 0.02
_AMBIENT = (0.03, 0.08)
_CAR_LEVEL = 700.0
PRESENTATION_FOLD = 0.15
_CHROMOSOMES = ("4", "7", "10", "13", "14", "17", "18", "20", "21")
"""Chromosomes that blasts gain or lose: none carries CD19, MHC class I, B2M or the B-identity genes on 9 and 22."""


@dataclass(frozen=True, slots=True)
class State:
    """One simulated state: its type in cell_markers.tsv, family, abundance, relative size and cycling fraction."""

    cell_type: str
    family: str
    abundance: float
    size: float
    cycling: float = 0.01


STATES: dict[str, State] = {
    "blast": State("B-ALL blast", "blast", 0.44, 1.15, 0.20),
    "switched": State("AML / switched myeloid blast", "myeloid", 0.0, 1.2, 0.15),
    "cd8_naive": State("CD8 naive/central memory-like", "t", 0.04, 0.75),
    "cd8_em": State("CD8 effector memory", "t", 0.085, 0.8),
    "cd4": State("CD4 T", "t", 0.10, 0.75),
    "treg": State("Treg", "t", 0.015, 0.8),
    "car_cd8": State("CD8 T", "t", 0.065, 1.2, 0.12),
    "car_cd4": State("CD4 T", "t", 0.035, 1.2, 0.12),
    "nk": State("NK", "nk", 0.05, 0.8),
    "mono14": State("CD14 monocyte", "myeloid", 0.11, 1.2),
    "mono16": State("CD16 monocyte", "myeloid", 0.03, 1.0),
    "b": State("B cell", "b", 0.015, 0.8),
    "erythroid": State("erythroid", "erythroid", 0.015, 0.9),
}
_CARS = ("car_cd8", "car_cd4")
_T = ("cd8_naive", "cd8_em", "cd4", "treg", *_CARS)
_TUMOUR = ("blast", "switched")


@dataclass(frozen=True, slots=True)
class Design:
    """What every sample of the cohort shares; profiles are counts per million, length genes."""

    space: GeneSpace
    modules: Modules
    profiles: Mapping[str, Floats]
    curated: npt.NDArray[np.bool_]
    exhausted: npt.NDArray[np.bool_]
    presented: npt.NDArray[np.bool_]
    n_cells: int
    median_umi: float
    depth_ratio: float
    seed: int


@dataclass(frozen=True, slots=True)
class Patient:
    """What both samples of a patient share: multipliers of genes, of tumour genes, log shifts of modules, depths."""

    name: str
    sex: str
    genes: Floats
    tumour: Floats
    exhaustion: Floats
    shifts: Floats
    depths: tuple[float, float]
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    plan: Plan


def make_patient(design: Design, position: int, plan: Plan) -> Patient:
    """Draw what is particular to a patient; the plan changes none of the draws."""
    name = f"P{position + 1:02d}"
    rng = generator(design.seed, "toy", "patient", name)
    n_genes = len(design.space)
    depth = design.median_umi * float(lognormal(rng, 0.10, 1)[0])
    ratio = design.depth_ratio * float(np.clip(lognormal(rng, 0.20, 1)[0], 0.75, 1.35))
    genes = lognormal(rng, 0.15, n_genes)
    tumour = lognormal(rng, np.where(design.curated, 0.10, 0.35), n_genes)
    aberrant = [str(name) for name in rng.permutation(_CHROMOSOMES)[:3]]
    tumour[np.isin(design.space.chromosomes.astype(str), aberrant[:2])] *= 1.45
    tumour[design.space.chromosomes.astype(str) == aberrant[2]] *= 0.6
    log_fold = np.log(plan.exhaustion) * (1 + 0.1 * rng.standard_normal() + 0.2 * rng.standard_normal(n_genes))
    shifts = 0.15 * rng.standard_normal(len(design.modules.names))
    return Patient(
        name=name,
        sex=("female", "male")[position % 2],
        genes=genes,
        tumour=tumour,
        exhaustion=np.where(design.exhausted, np.exp(log_fold), 1.0),
        shifts=shifts,
        depths=(depth, depth * ratio),
        gained=tuple(sorted(aberrant[:2], key=int)),
        lost=(aberrant[2],),
        plan=plan,
    )


def make_sample(
    design: Design, patient: Patient, *, sample: str, timepoint: str, batch: str
) -> tuple[ad.AnnData, pd.DataFrame]:
    """Draw one sample: raw counts (cells × genes and the transgene) and the truth of each cell."""
    rng = generator(design.seed, "toy", sample)
    relapse = timepoint == "relapse"
    labels = _labels(rng, design.n_cells, patient.plan, relapse=relapse)
    cells = _cells(rng, labels, design.n_cells, patient.plan, relapse=relapse)
    shifts = patient.shifts + 0.10 * rng.standard_normal(len(patient.shifts))
    shifts[0] = 0.0
    technical = lognormal(generator(design.seed, "toy", "batch", batch), 0.08, len(design.space))
    technical *= lognormal(rng, 0.05, len(design.space))
    ambient = rng.uniform(*_AMBIENT)
    sizes = patient.depths[relapse] * cells["size"].to_numpy() * lognormal(rng, 0.33, len(cells))
    sizes *= np.where(cells["low_quality"], 0.35, 1.0)
    factors = np.exp(_factors(rng, design.modules, cells) + shifts)
    counts, soup = _draw_populations(
        rng, design, patient, cells, sizes * (1 - ambient), factors, technical, relapse=relapse
    )
    droplet = ambient * patient.depths[relapse] * lognormal(rng, 0.3, design.n_cells)
    total = _merge_doublets(counts, cells, design.n_cells) + draw_ambient(rng, soup / soup.sum(), droplet).tocsr()
    return _assemble(rng, design, patient, total.astype(np.float32), cells, sample, ambient)


def _labels(rng: np.random.Generator, n_cells: int, plan: Plan, *, relapse: bool) -> npt.NDArray[np.str_]:
    names = np.asarray(list(STATES))
    abundance = np.asarray([state.abundance for state in STATES.values()])
    present = abundance > 0
    share = np.zeros(len(names))
    share[present] = rng.dirichlet(abundance[present] / abundance.sum() * 120.0)
    labels = rng.choice(names, size=n_cells + round(_DOUBLETS * n_cells), p=share)
    switches = (labels == "blast") & (rng.random(len(labels)) < SWITCHED)
    if plan.lineage_switch and relapse:
        labels[switches] = "switched"
    return labels


def _cells(
    rng: np.random.Generator, labels: npt.NDArray[np.str_], n_cells: int, plan: Plan, *, relapse: bool
) -> pd.DataFrame:
    """Return one row a cell, the second cells of doublets last; ``host`` is the droplet a cell ends up in."""
    states = [STATES[label] for label in labels]
    host = np.arange(len(labels))
    host[n_cells:] = rng.choice(n_cells, size=len(labels) - n_cells, replace=False)
    lost = rng.random(len(labels)) < plan.antigen_lost
    low = rng.random(len(labels)) < _LOW_QUALITY
    low[n_cells:] = False
    return pd.DataFrame(
        {
            "label": labels,
            "host": host,
            "size": [state.size for state in states],
            "cycling": rng.random(len(labels)) < np.asarray([state.cycling for state in states]),
            "antigen_negative": np.isin(labels, _TUMOUR) & lost & relapse,
            "low_quality": low,
            "malignant": np.isin(labels, _TUMOUR),
            "car": np.isin(labels, _CARS),
            "true_type": [state.cell_type for state in states],
        }
    )


def _factors(rng: np.random.Generator, modules: Modules, cells: pd.DataFrame) -> Floats:
    spread = modules.sd
    logs = rng.standard_normal((len(cells), len(spread))) * spread - spread**2 / 2
    # A dying cell leaks its cytoplasm and keeps its mitochondria.
    logs[cells["low_quality"].to_numpy(), modules.number("mitochondrial")] += np.log(6.0)
    return logs


def _draw_populations(
    rng: np.random.Generator,
    design: Design,
    patient: Patient,
    cells: pd.DataFrame,
    sizes: Floats,
    factors: Floats,
    technical: Floats,
    *,
    relapse: bool,
) -> tuple[sparse.coo_array, Floats]:
    rows: list[Ints] = []
    columns: list[Ints] = []
    values: list[npt.NDArray[np.int32]] = []
    n_features = len(design.space) + 1
    soup = np.zeros(n_features)
    module = np.append(design.modules.of, 0)
    for (label, cycles, negative), group in cells.groupby(["label", "cycling", "antigen_negative"], sort=True):
        profile = _profile(design, patient, str(label), cycles=bool(cycles), negative=bool(negative), relapse=relapse)
        profile[:-1] *= technical
        profile /= profile.sum()
        positions = group.index.to_numpy()
        population = Population(profile=profile, sizes=sizes[positions], factors=factors[positions])
        drawn = draw(rng, population, module, dispersions(profile))
        rows.append(positions[drawn.row])
        columns.append(drawn.col)
        values.append(drawn.data)
        soup += profile * sizes[positions].sum()
    coordinates = (np.concatenate(rows), np.concatenate(columns))
    return sparse.coo_array((np.concatenate(values), coordinates), shape=(len(cells), n_features)), soup


def _profile(design: Design, patient: Patient, label: str, *, cycles: bool, negative: bool, relapse: bool) -> Floats:
    """Return one state's expected profile in one sample, length genes + 1 (the transgene last), not yet of sum 1."""
    where = design.space.where
    profile = design.profiles[label].copy()
    if label == "blast" and patient.plan.lineage_switch:
        for gene in ("MEIS1", "HOXA9", "HOXA10"):
            # The blasts that can switch are KMT2A-rearranged before they do.
            profile[where[gene]] = design.profiles["switched"][where[gene]]
    if cycles:
        profile = cycling(design.space, profile)
    for gene, level in merged(SEX[patient.sex]).items():
        profile[where[gene]] = level
    profile *= patient.genes
    if label in _TUMOUR:
        profile *= patient.tumour
        if relapse and patient.plan.presentation_loss:
            profile[design.presented] *= PRESENTATION_FOLD
    if negative:
        profile[where["CD19"]] = 0.0
    if relapse and label in _T:
        profile *= patient.exhaustion
    return np.append(profile, _CAR_LEVEL if label in _CARS else 0.0)


def _merge_doublets(counts: sparse.coo_array, cells: pd.DataFrame, n_cells: int) -> sparse.csr_array:
    host = cells["host"].to_numpy()
    merged_rows = (counts.data, (host[counts.row], counts.col))
    return sparse.coo_array(merged_rows, shape=(n_cells, counts.shape[1])).tocsr()


def _assemble(
    rng: np.random.Generator,
    design: Design,
    patient: Patient,
    counts: sparse.csr_array,
    cells: pd.DataFrame,
    sample: str,
    ambient: float,
) -> tuple[ad.AnnData, pd.DataFrame]:
    counts.sort_indices()
    barcodes = _barcodes(rng, design.n_cells)
    space = design.space
    var = pd.DataFrame(
        {
            "original_id": [*space.ensembl, CAR],
            "feature_type": ["gene"] * len(space) + ["transgene"],
        },
        index=pd.Index([*space.symbols, CAR], dtype=object),
    )
    obs = pd.DataFrame({"sample": sample}, index=pd.Index(barcodes, dtype=object))
    toy = {"ambient_fraction": float(ambient), "gained": list(patient.gained), "lost": list(patient.lost)}
    adata = ad.AnnData(sparse.csr_matrix(counts), obs=obs, var=var, uns={"ohmics": {"toy": toy}})
    return adata, _truth(cells, sample, barcodes)


def _truth(cells: pd.DataFrame, sample: str, barcodes: list[str]) -> pd.DataFrame:
    """Return one row a droplet; a doublet is described by its first cell, ``partner_type`` by its second."""
    truth = cells[: len(barcodes)].copy()
    second = cells[len(barcodes) :].set_index("host")["true_type"]
    truth["partner_type"] = second.reindex(range(len(barcodes))).to_numpy()
    truth["partner_type"] = truth["partner_type"].astype(object).where(truth["partner_type"].notna(), None)
    truth["doublet"] = truth["partner_type"].notna()
    truth["sample"] = sample
    truth["barcode"] = barcodes
    return truth[list(TRUTH_CELLS_COLUMNS)]


def _barcodes(rng: np.random.Generator, n_cells: int) -> list[str]:
    """Return sorted, unique barcodes of 16 bases and the lane's suffix, as Cell Ranger writes them."""
    codes = np.unique(rng.integers(0, 4**16, size=2 * n_cells))
    codes = np.sort(rng.permutation(codes)[:n_cells])
    digits = (codes[:, None] >> (2 * np.arange(15, -1, -1))) & 3
    return ["".join(row) + "-1" for row in np.asarray(list("ACGT"))[digits]]
