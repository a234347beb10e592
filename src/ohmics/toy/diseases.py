"""A disease, a seed and a size in; single-cell samples with tumours, normal counterparts and the truth, out."""

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
from ohmics.toy import disease_levels as tables
from ohmics.toy.cohort import TRUTH_CELLS_COLUMNS, Cohort, truth_frame
from ohmics.toy.disease_levels import Kind
from ohmics.toy.draw import Floats, Population, draw, draw_ambient, lognormal
from ohmics.toy.genes import GeneSpace, curated_genes, default_catalog, gene_space
from ohmics.toy.levels import SEX, merged
from ohmics.toy.programs import Modules, cycling, dispersions, modules, profiles

NAMES: Mapping[str, str] = {
    "b_all": "B-ALL", "lymphoma": "lymphoma", "myeloma": "multiple myeloma", "aml": "AML", "melanoma": "melanoma",
}  # fmt: skip
"""Disease to what the sheet calls it."""
TUMOURS = ("all", "half", "none")
_DOUBLETS = 0.03
_AMBIENT = (0.03, 0.08)
_BATCHES = 3
_CHROMOSOMES = ("4", "7", "10", "13", "14", "17", "18", "20", "21")


@dataclass(frozen=True, slots=True)
class _Design:
    space: GeneSpace
    modules: Modules
    kinds: Mapping[str, Kind]
    profiles: Mapping[str, Floats]
    curated: np.ndarray
    disease: str
    n_cells: int
    median_umi: float
    private: float
    seed: int


def disease(
    name: str,
    *,
    n_patients: int = 4,
    n_cells: int = 600,
    n_genes: int = 16000,
    seed: int = 0,
    median_umi: float = 3000.0,
    tumour: str = "all",
    recovering: str = "none",
    private: float = 0.35,
    catalog: Catalog | None = None,
) -> Cohort:
    """Simulate one sample a patient of a disease, with tumour cells and their normal counterparts.

    Parameters
    ----------
    name
        ``b_all``, ``lymphoma``, ``myeloma``, ``aml`` or ``melanoma``.
    n_patients, n_cells, n_genes
        Patients, cells a sample, genes.
    seed
        Seed.
    median_umi
        Median UMI a cell.
    tumour
        Which patients have a tumour: ``all``, ``half`` (every second, from the first) or ``none``.
    recovering
        Which patients' marrow makes B cells again, B-ALL only: ``all``, ``half`` (every second, from the second),
        ``none``, or ``one`` (the last patient).
    private
        Standard deviation over genes of the log fold by which a patient's tumour departs from the others'; two
        chromosomes are gained and one lost on top.
    catalog
        The catalogue; the shipped one when None.

    Returns
    -------
    Cohort
        Normal B and plasma cells make kappa or lambda (6 to 4), a mature clone one chain (kappa in odd patients);
        ambient RNA, doublets and batches as in `single_cell`.

    Raises
    ------
    OhmicsError
        When a name or a size is not legal.

    Examples
    --------
    >>> cohort = disease("lymphoma", n_patients=1, n_cells=60, n_genes=4000, seed=1)
    >>> cohort.adatas["L01"].n_obs
    60
    """
    _validate(name, n_patients, n_cells, tumour, recovering)
    catalog = default_catalog() if catalog is None else catalog
    design = _design(catalog, name, n_genes, n_cells, median_umi, private, seed)
    rows: list[dict[str, object]] = []
    adatas: dict[str, ad.AnnData] = {}
    cells: list[pd.DataFrame] = []
    for position in range(n_patients):
        sample = f"L{position + 1:02d}"
        with_tumour = tumour == "all" or (tumour == "half" and position % 2 == 0)
        recovers = {"all": True, "half": position % 2 == 1, "one": position == n_patients - 1, "none": False}[
            recovering
        ]
        rows.append(_sheet_row(design, sample, position))
        adatas[sample], truth = _sample(design, sample, position, with_tumour=with_tumour, recovers=recovers)
        cells.append(truth)
    return Cohort(
        modality="single_cell",
        samples=SAMPLES.conform(rows),
        adatas=adatas,
        truth=truth_frame([]),
        truth_cells=pd.concat(cells, ignore_index=True),
    )


def _validate(name: str, n_patients: int, n_cells: int, tumour: str, recovering: str) -> None:
    faults = Faults()
    if name not in NAMES:
        faults.add(f"no disease `{name}`", where="toy cohort", legal=", ".join(NAMES))
    for what, value, least in (("n_patients", n_patients, 1), ("n_cells", n_cells, 50)):
        if value < least:
            faults.add(f"{what} is {value}", where="toy cohort", legal=f"{least} or more")
    if tumour not in TUMOURS:
        faults.add(f"tumour is `{tumour}`", where="toy cohort", legal=", ".join(TUMOURS))
    if recovering not in (*TUMOURS, "one"):
        faults.add(f"recovering is `{recovering}`", where="toy cohort", legal=", ".join((*TUMOURS, "one")))
    if recovering != "none" and name != "b_all":
        faults.add(f"recovering precursors are simulated in b_all, not in {name}", where="toy cohort")
    faults.raise_if_any()


def _design(
    catalog: Catalog, name: str, n_genes: int, n_cells: int, median_umi: float, private: float, seed: int
) -> _Design:
    space = gene_space(n_genes, catalog)
    known = tables.kinds(name)
    levels = {
        label: {gene: level for gene, level in kind.levels.items() if gene in space.where}
        for label, kind in known.items()
    }
    families = {label: kind.family for label, kind in known.items()}
    return _Design(
        space=space,
        modules=modules(space, seed),
        kinds=known,
        profiles=profiles(space, catalog, types=levels, families=families, seed=seed),
        curated=space.mask(curated_genes() | {gene for table in levels.values() for gene in table}),
        disease=name,
        n_cells=n_cells,
        median_umi=median_umi,
        private=private,
        seed=seed,
    )


def _sheet_row(design: _Design, sample: str, position: int) -> dict[str, object]:
    melanoma = design.disease == "melanoma"
    return {
        "sample": sample,
        "patient": sample,
        "timepoint": "relapse",
        "modality": "single_cell",
        "path": f"counts/{sample}.h5",
        "therapy": "ici" if melanoma else "car_t",
        "disease": NAMES[design.disease],
        "tissue": "tumour" if melanoma else "node" if design.disease == "lymphoma" else "marrow",
        "chemistry": "3' v3",
        "batch": f"batch{position % _BATCHES + 1}",
    }


def _sample(
    design: _Design, sample: str, position: int, *, with_tumour: bool, recovers: bool
) -> tuple[ad.AnnData, pd.DataFrame]:
    """Draw one patient's sample: raw counts (cells × genes) and the truth of each cell."""
    n_genes = len(design.space)
    of_patient = generator(design.seed, "toy", design.disease, sample)
    genes = lognormal(of_patient, 0.15, n_genes)
    technical = lognormal(generator(design.seed, "toy", "batch", f"batch{position % _BATCHES + 1}"), 0.08, n_genes)
    own = _tumour_multipliers(design, of_patient)
    chain = ("kappa", "lambda")[position % 2]
    rng = generator(design.seed, "toy", design.disease, sample, "cells")
    cells = _cells(design, rng, with_tumour=with_tumour, recovers=recovers)
    ambient = rng.uniform(*_AMBIENT)
    depth = design.median_umi * float(lognormal(of_patient, 0.2, 1)[0])
    sizes = depth * cells["size"].to_numpy() * lognormal(rng, 0.33, len(cells)) * (1 - ambient)
    spread = design.modules.sd
    logs = rng.standard_normal((len(cells), len(spread))) * spread - spread**2 / 2
    factors = np.exp(logs + 0.15 * of_patient.standard_normal(len(spread)))
    rows, columns, values = [], [], []
    soup = np.zeros(n_genes)
    sex = merged(SEX[("female", "male")[position % 2]])
    for (label, cycles), group in cells.groupby(["label", "cycling"], sort=True):
        profile = _profile(design, str(label), chain, position, cycles=bool(cycles))
        for gene, level in sex.items():
            profile[design.space.where[gene]] = level
        profile *= genes * technical * (own if label == "tumour" else 1.0)
        profile /= profile.sum()
        at = group.index.to_numpy()
        drawn = draw(rng, Population(profile, sizes[at], factors[at]), design.modules.of, dispersions(profile))
        rows.append(at[drawn.row])
        columns.append(drawn.col)
        values.append(drawn.data)
        soup += profile * sizes[at].sum()
    host = cells["host"].to_numpy()
    place = (host[np.concatenate(rows)], np.concatenate(columns))
    counts = sparse.coo_array((np.concatenate(values), place), shape=(design.n_cells, n_genes)).tocsr()
    droplet = ambient * depth * lognormal(rng, 0.3, design.n_cells)
    total = (counts + draw_ambient(rng, soup / soup.sum(), droplet).tocsr()).astype(np.float32)
    return _assemble(design, sparse.csr_matrix(total), cells, sample, ambient)


def _tumour_multipliers(design: _Design, rng: np.random.Generator) -> Floats:
    own = lognormal(rng, np.where(design.curated, 0.3 * design.private, design.private), len(design.space))
    chromosomes = design.space.chromosomes.astype(str)
    aberrant = [str(name) for name in rng.permutation(_CHROMOSOMES)[:3]]
    own[np.isin(chromosomes, aberrant[:2])] *= 1.45
    own[chromosomes == aberrant[2]] *= 0.6
    return own


def _profile(design: _Design, label: str, chain: str, position: int, *, cycles: bool) -> Floats:
    """Return a state's expected profile in one patient, length genes, not yet of sum 1."""
    where = design.space.where
    profile = design.profiles[label].copy()
    if label == "tumour":
        aberrant = tables.ABERRANT[design.disease]
        for gene in aberrant[position % len(aberrant)]:
            if gene in where:
                profile[where[gene]] = tables.ABERRANT_LEVEL
        if design.disease in ("lymphoma", "myeloma"):
            fold = tables.PLASMA_FOLD if design.disease == "myeloma" else 1.0
            for gene, level in merged(tables.CHAINS[chain]).items():
                profile[where[gene]] = fold * level
    return cycling(design.space, profile) if cycles else profile


def _cells(design: _Design, rng: np.random.Generator, *, with_tumour: bool, recovers: bool) -> pd.DataFrame:
    """Return one row a cell, the second cells of doublets last; ``host`` is the droplet a cell ends up in."""
    shares = dict(tables.ABUNDANCE[design.disease])
    if not with_tumour:
        shares.pop("tumour")
    if recovers:
        shares = shares | {label: shares.get(label, 0.0) + share for label, share in tables.RECOVERING.items()}
    weights = np.asarray(list(shares.values()))
    drawn = rng.dirichlet(weights / weights.sum() * 150.0)
    n_second = round(_DOUBLETS * design.n_cells)
    labels = rng.choice(np.asarray(list(shares)), size=design.n_cells + n_second, p=drawn)
    host = np.arange(len(labels))
    host[design.n_cells :] = rng.choice(design.n_cells, size=n_second, replace=False)
    kinds = [design.kinds[str(label)] for label in labels]
    return pd.DataFrame(
        {
            "label": labels,
            "host": host,
            "size": [kind.size for kind in kinds],
            "cycling": rng.random(len(labels)) < np.asarray([kind.cycling for kind in kinds]),
            "malignant": [kind.malignant for kind in kinds],
            "true_type": [kind.cell_type for kind in kinds],
        }
    )


def _assemble(
    design: _Design, counts: sparse.csr_matrix, cells: pd.DataFrame, sample: str, ambient: float
) -> tuple[ad.AnnData, pd.DataFrame]:
    barcodes = [f"{sample}-{number:05d}" for number in range(design.n_cells)]
    var = pd.DataFrame(
        {"original_id": design.space.ensembl, "feature_type": "gene"},
        index=pd.Index(design.space.symbols, dtype=object),
    )
    obs = pd.DataFrame({"sample": sample}, index=pd.Index(barcodes, dtype=object))
    counts.sort_indices()
    adata = ad.AnnData(counts, obs=obs, var=var, uns={"ohmics": {"toy": {"ambient_fraction": float(ambient)}}})
    truth = cells[: design.n_cells].copy()
    second = cells[design.n_cells :].set_index("host")["true_type"].reindex(range(design.n_cells))
    truth["partner_type"] = second.astype(object).where(second.notna(), None).to_numpy()
    truth["doublet"] = truth["partner_type"].notna()
    for name in ("car", "antigen_negative", "low_quality"):
        truth[name] = False
    truth["sample"], truth["barcode"] = sample, barcodes
    return adata, truth[list(TRUTH_CELLS_COLUMNS)]
