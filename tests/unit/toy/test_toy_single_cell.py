from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from ohmics import tables, toy
from ohmics.catalog import Catalog
from ohmics.errors import OhmicsError
from ohmics.toy import Cohort, plans
from ohmics.toy.genes import curated_genes, gene_space, listed_genes, recommended


def cells_of(cohort: Cohort, sample: str) -> pd.DataFrame:
    truth = cohort.truth_cells
    return truth[truth["sample"] == sample].set_index("barcode").loc[cohort.adatas[sample].obs_names]


def rate(cohort: Cohort, sample: str, genes: list[str], types: tuple[str, ...]) -> float:
    """Counts per 10,000 of the genes, summed over the clean cells of the types."""
    of_cells = cells_of(cohort, sample)
    clean = of_cells["true_type"].isin(types) & ~of_cells["doublet"] & ~of_cells["low_quality"]
    chosen = cohort.adatas[sample][clean.to_numpy()]
    here = [gene for gene in genes if gene in chosen.var_names]
    return float(chosen[:, here].X.sum() / chosen.X.sum() * 1e4)


def remaining(cohort: Cohort, patient: str, genes: list[str], types: tuple[str, ...]) -> float:
    return rate(cohort, f"{patient}_relapse", genes, types) / rate(cohort, f"{patient}_pre", genes, types)


BLAST = ("B-ALL blast",)
T = ("CD8 T", "CD4 T", "CD8 effector memory", "CD8 naive/central memory-like", "Treg")


def test_shapes_sheet_and_counts(five: Cohort) -> None:
    tables.check(five.samples, tables.SAMPLES)
    assert five.samples["timepoint"].value_counts().to_dict() == {"pre": 5, "relapse": 5}
    assert list(five.adatas) == list(five.samples["sample"])
    for adata in five.adatas.values():
        assert adata.shape == (600, 6001)
        assert sparse.issparse(adata.X)
        assert adata.X.format == "csr"
        assert adata.X.has_canonical_format
        assert np.all(adata.X.data > 0)
        assert np.all(adata.X.data == np.round(adata.X.data))
        assert adata.obs_names.is_unique
        assert adata.var_names.is_unique
        assert list(adata.var_names[adata.var["feature_type"] == "transgene"]) == [toy.CAR]
    assert five.counts.n_obs == 6000
    assert five.counts.obs_names.is_unique


def test_each_cell_has_its_truth(five: Cohort) -> None:
    assert len(five.truth_cells) == five.counts.n_obs
    for sample in five.adatas:
        of_cells = cells_of(five, sample)
        assert (of_cells["partner_type"].notna() == of_cells["doublet"]).all()
        assert of_cells["doublet"].mean() == pytest.approx(0.04, abs=0.001)
    antigen_negative = five.truth_cells[five.truth_cells["antigen_negative"]]
    assert antigen_negative["malignant"].all()
    assert antigen_negative["sample"].str.endswith("relapse").all()


def depth(cohort: Cohort, sample: str) -> float:
    """Median UMI a cell."""
    return float(np.median(np.asarray(cohort.adatas[sample].X.sum(axis=1)).ravel()))


def test_depth_and_genes_are_like_a_droplet_run(full: Cohort) -> None:
    for patient in full.samples["patient"].unique():
        pre, relapse = depth(full, f"{patient}_pre"), depth(full, f"{patient}_relapse")
        assert 2000 < pre < 4000
        assert 900 < relapse < 2500
        assert 0.3 < relapse / pre < 0.8
        genes = np.median(np.diff(full.adatas[f"{patient}_pre"].X.indptr))
        assert 800 < genes < 2000


def test_variance_exceeds_poisson_in_one_type(five: Cohort) -> None:
    of_cells = cells_of(five, "P03_pre")
    adata = five.adatas["P03_pre"][((of_cells["true_type"] == "B-ALL blast") & ~of_cells["doublet"]).to_numpy()]
    counts = pd.DataFrame(adata[:, ["CD74", "EEF1A1", "CD79A", "IGLL1"]].X.toarray())
    assert (counts.var() > 1.5 * counts.mean()).all()


def test_genes_of_a_module_move_together(five: Cohort) -> None:
    of_cells = cells_of(five, "P03_pre")
    adata = five.adatas["P03_pre"][(of_cells["true_type"] == "B-ALL blast").to_numpy()]
    share = adata.X.multiply(1.0 / adata.X.sum(axis=1)).tocsr()
    columns = [adata.var_names.get_loc(gene) for gene in ("FOS", "JUNB", "HINT1", "OAZ1")]
    correlation = np.corrcoef(share[:, columns].toarray().T)
    assert correlation[0, 1] > 0.15
    assert correlation[0, 1] > correlation[2, 3] + 0.1


def test_target_antigen_is_as_rare_as_in_3_prime_data(full: Cohort) -> None:
    detected = []
    for patient in full.samples["patient"].unique():
        of_cells = cells_of(full, f"{patient}_pre")
        blasts = full.adatas[f"{patient}_pre"][(of_cells["true_type"] == "B-ALL blast").to_numpy()]
        detected.append(float((blasts[:, "CD19"].X > 0).mean()))
    assert all(0.10 < fraction < 0.55 for fraction in detected)
    assert 0.18 < np.mean(detected) < 0.42


def test_planted_antigen_loss_is_in_the_counts(five: Cohort) -> None:
    identity = ["CD79A", "CD79B", "PAX5", "EBF1", "VPREB1", "VPREB3", "IGLL1", "DNTT"]
    left = {
        patient: remaining(five, patient, ["CD19"], BLAST) / remaining(five, patient, identity, BLAST)
        for patient in ("P01", "P02", "P03")
    }
    assert left["P01"] < 0.1
    assert left["P02"] == pytest.approx(0.4, abs=0.2)
    assert left["P03"] == pytest.approx(1.0, abs=0.4)
    relapse = five.truth_cells[five.truth_cells["malignant"] & five.truth_cells["sample"].str.endswith("relapse")]
    lost = relapse.groupby(relapse["sample"].str[:3])["antigen_negative"].mean()
    truth = five.truth[five.truth["mechanism"] == "cd19_loss"].set_index("subject")["value"]
    assert np.allclose(lost, truth.loc[lost.index], atol=0.07)


def test_only_antigen_negative_cells_lack_the_antigen(five: Cohort) -> None:
    of_cells = cells_of(five, "P02_relapse")
    counts = five.adatas["P02_relapse"][:, "CD19"].X.toarray().ravel()
    blasts = (of_cells["malignant"] & ~of_cells["doublet"]).to_numpy()
    negative = of_cells["antigen_negative"].to_numpy()
    # What is left in negative cells is ambient RNA.
    assert (counts[blasts & negative] > 0).mean() < 0.05
    assert (counts[blasts & ~negative] > 0).mean() > 0.08


def test_planted_lineage_switch_is_in_the_counts(five: Cohort) -> None:
    relapse = cells_of(five, "P04_relapse")
    malignant = relapse[relapse["malignant"]]
    assert (malignant["true_type"] == "AML / switched myeloid blast").mean() > 0.8
    switched = ("AML / switched myeloid blast",)
    assert rate(five, "P04_relapse", ["LYZ", "FCN1", "CD14"], switched) > 20 * rate(
        five, "P04_pre", ["LYZ", "FCN1", "CD14"], BLAST
    )
    assert rate(five, "P04_relapse", ["CD79A", "PAX5", "CD19"], switched) < 0.1 * rate(
        five, "P04_pre", ["CD79A", "PAX5", "CD19"], BLAST
    )
    others = five.truth_cells[~five.truth_cells["sample"].eq("P04_relapse")]
    assert "AML / switched myeloid blast" not in set(others["true_type"])


def test_planted_presentation_loss_is_in_the_tumour_only(five: Cohort) -> None:
    genes = ["B2M", "HLA-A", "HLA-B", "HLA-C", "TAP1"]
    assert remaining(five, "P05", genes, BLAST) < 0.35
    assert remaining(five, "P05", genes, T) == pytest.approx(1.0, abs=0.3)
    assert remaining(five, "P03", genes, BLAST) == pytest.approx(1.0, abs=0.4)


def test_exhaustion_rises_in_the_t_cells_of_every_patient(five: Cohort, toy_catalog: Catalog) -> None:
    genes = list(toy_catalog.lists["tcell_exhaustion_terminal/tex_consensus_2of3"].genes)
    # Per gene, so that the few abundant genes of the list do not decide.
    for patient in five.samples["patient"].unique():
        folds = [remaining(five, patient, [gene], T) for gene in genes if rate(five, f"{patient}_pre", [gene], T) > 0.3]
        assert len(folds) > 15
        assert np.median(folds) > 1.3


def test_transgene_is_in_car_t_cells(five: Cohort) -> None:
    for sample, adata in five.adatas.items():
        car = cells_of(five, sample)["car"].to_numpy()
        detected = adata[:, toy.CAR].X.toarray().ravel() > 0
        assert detected[car].mean() > 0.4
        assert detected[~car].mean() < 0.08


def test_sexes_are_consistent_over_a_patients_samples(five: Cohort) -> None:
    for row in five.samples.itertuples():
        adata = five.adatas[row.sample]
        xist = adata[:, "XIST"].X.sum()
        y_genes = adata[:, ["RPS4Y1", "DDX3Y", "UTY", "EIF1AY"]].X.sum()
        assert (xist > 10 * (y_genes + 1)) if row.sex == "female" else (y_genes > 10 * (xist + 1))
    assert five.samples.groupby("patient")["sex"].nunique().eq(1).all()


def test_damaged_cells_are_mitochondrial_and_ambient_reaches_every_cell(five: Cohort) -> None:
    adata, of_cells = five.adatas["P01_pre"], cells_of(five, "P01_pre")
    mito = adata[:, adata.var_names.str.startswith("MT-")].X.sum(axis=1) / adata.X.sum(axis=1)
    share = np.asarray(mito).ravel()
    low = of_cells["low_quality"].to_numpy()
    assert np.median(share[low]) > 2 * np.median(share[~low])
    t_cells = ("CD4 T", "CD8 effector memory", "CD8 naive/central memory-like")
    assert rate(five, "P01_pre", ["HBB", "HBA1", "HBA2"], t_cells) > 0.5
    assert 0.03 <= adata.uns["ohmics"]["toy"]["ambient_fraction"] <= 0.08


def test_patients_differ_only_by_their_plan_not_by_the_cohorts_size(tiny: Cohort, toy_catalog: Catalog) -> None:
    alone = toy.single_cell(n_patients=1, n_cells=80, n_genes=3000, seed=5, catalog=toy_catalog)
    for sample in alone.adatas:
        assert np.array_equal(alone.adatas[sample].X.toarray(), tiny.adatas[sample].X.toarray())
        assert list(alone.adatas[sample].obs_names) == list(tiny.adatas[sample].obs_names)


def test_same_seed_same_counts_other_seed_others(tiny: Cohort, toy_catalog: Catalog) -> None:
    again = toy.single_cell(n_patients=2, n_cells=80, n_genes=3000, seed=5, catalog=toy_catalog)
    other = toy.single_cell(n_patients=2, n_cells=80, n_genes=3000, seed=6, catalog=toy_catalog)
    pd.testing.assert_frame_equal(again.truth_cells, tiny.truth_cells)
    assert np.array_equal(again.counts.X.toarray(), tiny.counts.X.toarray())
    assert not np.array_equal(other.counts.X.toarray(), tiny.counts.X.toarray())


def test_unchanged_plants_nothing_and_keeps_the_depth_difference(toy_catalog: Catalog) -> None:
    null = toy.single_cell(
        n_patients=1, n_cells=300, n_genes=4000, seed=2, depth_ratio=0.25, unchanged=True, catalog=toy_catalog
    )
    assert not null.truth["change"].any()
    assert not null.truth_cells["antigen_negative"].any()
    assert remaining(null, "P01", ["CD19"], BLAST) == pytest.approx(1.0, abs=0.5)
    assert 0.15 < depth(null, "P01_relapse") / depth(null, "P01_pre") < 0.36


def test_the_first_eight_plans_hold_every_kind() -> None:
    planned = [plans.plan_for(position, 1.8) for position in range(8)]
    assert sum(plan.antigen_lost == 1.0 and not plan.lineage_switch for plan in planned) == 2
    assert sum(plan.antigen_lost == 0.6 for plan in planned) == 2
    assert sum(plan.lineage_switch for plan in planned) == 1
    assert sum(plan.presentation_loss for plan in planned) == 2
    assert sum(plan == plans.Plan(exhaustion=1.8) for plan in planned) == 1
    assert all(plan.exhaustion == 1.8 for plan in planned)


def test_truth_names_mechanisms_of_the_catalogue(five: Cohort, tumours: Cohort, toy_catalog: Catalog) -> None:
    for cohort in (five, tumours):
        assert set(cohort.truth["mechanism"]) <= set(toy_catalog.mechanisms)
        assert not cohort.truth.duplicated(["level", "subject", "mechanism"]).any()


def test_mechanisms_left_alone_are_assessable_and_untouched(toy_catalog: Catalog) -> None:
    # Planted changes are in T cells and in the tumour's antigen presentation; these lists are read elsewhere.
    presented = set(recommended(toy_catalog, plans.PRESENTATION, "down"))
    for name in plans.UNCHANGED:
        mechanism = toy_catalog.mechanisms[name]
        assert mechanism.tier == "core"
        assert "car_t" in mechanism.therapies
        assert mechanism.primary_line is not None
        assert mechanism.primary_line.cell_type in ("malignant", "CD14 monocyte")
        if mechanism.primary_line.cell_type == "malignant":
            genes = {gene for entry in mechanism.gene_lists for gene in entry.genes}
            assert not genes & (presented | {"CD19"})


def test_genes_hold_the_catalogue_with_approved_symbols_and_ids(toy_catalog: Catalog) -> None:
    space = gene_space(16000, toy_catalog)
    assert len(space) == 16000
    absent = (curated_genes() | listed_genes(toy_catalog)) - set(space.symbols)
    # These have no Ensembl id, so no 10x reference knows them.
    assert absent <= {"CCL3L3", "CCL4L1"}
    assert all(identifier.startswith("ENSG") for identifier in space.ensembl)
    assert len(set(space.ensembl)) == 16000
    assert space.ribosomal.sum() > 70


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(OhmicsError) as caught:
        toy.single_cell(n_patients=0, n_cells=3, depth_ratio=-1)
    assert len(caught.value.faults) == 3
    assert "n_patients is 0" in str(caught.value)


def test_too_few_genes_says_how_many_are_needed(toy_catalog: Catalog) -> None:
    with pytest.raises(OhmicsError, match=r"n_genes is 100; legal: [0-9]+ "):
        toy.single_cell(n_patients=1, n_cells=60, n_genes=100, catalog=toy_catalog)
