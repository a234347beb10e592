import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.errors import OhmicsError
from ohmics.qc import check_identity, sex_counts
from ohmics.tables import IDENTITY

FEMALE = {"xist": 400.0, "y_genes": 1.0}
MALE = {"xist": 0.0, "y_genes": 900.0}
BOTH = {"xist": 200.0, "y_genes": 300.0}
NEITHER = {"xist": 0.0, "y_genes": 0.0}


def frame(rows):
    return pd.DataFrame(
        [{"sample": sample, "cell_type": kind, "n_cells": 200, "n_umi": 1e6, **counts} for sample, kind, counts in rows]
    )


def sheet(**columns):
    return pd.DataFrame({"sample": ["a", "b"], "patient": ["p", "p"], **columns})


def verdicts(rows, samples=None):
    table = check_identity(frame(rows), sheet() if samples is None else samples)
    return {(row.sample, row.cell_type): row.verdict for row in table.itertuples()}, table


def test_samples_of_one_person_are_consistent_and_fit_the_table():
    found, table = verdicts([("a", "T cell", FEMALE), ("b", "T cell", FEMALE)])
    assert set(found.values()) == {"consistent"}
    assert IDENTITY.conform(table)["sex"].tolist() == ["female", "female"]
    assert table["xist"].tolist() == pytest.approx([4, 4])


def test_one_compartment_of_another_sex_is_possible_chimerism():
    rows = [("a", "T cell", MALE), ("a", "B cell", MALE), ("b", "T cell", FEMALE), ("b", "B cell", MALE)]
    found, _ = verdicts(rows)
    assert found["b", "T cell"] == "possible_chimerism_or_loss_of_y"
    assert [found[key] for key in (("a", "T cell"), ("a", "B cell"), ("b", "B cell"))] == ["consistent"] * 3


def test_all_compartments_of_another_sex_are_a_mismatch():
    rows = [("a", "T cell", MALE), ("a", "B cell", MALE), ("b", "T cell", FEMALE), ("b", "B cell", FEMALE)]
    found, table = verdicts(rows)
    assert found["b", "T cell"] == found["b", "B cell"] == "mismatch"
    assert found["a", "T cell"] == "consistent"
    assert "every compartment" in table.loc[table["verdict"] == "mismatch", "reason"].iloc[0]


def test_the_transplant_donor_explains_another_sex():
    rows = [("a", "T cell", MALE), ("b", "T cell", FEMALE)]
    found, table = verdicts(rows, sheet(transplant_donor_sex=["female", "female"]))
    assert found["b", "T cell"] == "possible_chimerism_or_loss_of_y"
    assert "the transplant donor is female" in table["reason"].iloc[1]


def test_the_sheet_names_the_patients_sex():
    found, _ = verdicts([("a", "T cell", MALE), ("b", "T cell", MALE)], sheet(sex=["female", "female"]))
    assert set(found.values()) == {"mismatch"}


def test_both_sexes_in_one_compartment_are_possible_chimerism():
    found, table = verdicts([("a", "T cell", MALE), ("b", "T cell", BOTH)])
    assert found["b", "T cell"] == "possible_chimerism_or_loss_of_y"
    assert table["sex"].iloc[1] == "unclear"


def test_too_few_counts_say_nothing():
    found, _ = verdicts([("a", "T cell", MALE), ("b", "T cell", NEITHER)])
    assert found["b", "T cell"] == "not_assessable"


def test_noise_is_no_sex():
    found, _ = verdicts([("a", "T cell", {"xist": 6.0, "y_genes": 5.0}), ("b", "T cell", MALE)])
    assert found["a", "T cell"] == "not_assessable"


@pytest.mark.parametrize(("y_genes", "sex"), [(2000.0, "male"), (3.0, "female"), (15.0, "unclear")])
def test_y_genes_alone_decide_where_xist_was_not_measured(y_genes, sex):
    _, table = verdicts([("a", "bulk", {"xist": np.nan, "y_genes": y_genes})])
    assert table["sex"].tolist() == [sex]


def test_other_patients_are_other_people():
    samples = pd.DataFrame({"sample": ["a", "b"], "patient": ["p", "q"]})
    found, _ = verdicts([("a", "T cell", MALE), ("b", "T cell", FEMALE)], samples)
    assert set(found.values()) == {"consistent"}


def test_counts_are_summed_by_sample_and_type():
    adata = ad.AnnData(
        X=sp.csr_matrix(np.array([[1, 2, 10, 9], [3, 0, 10, 9], [0, 5, 10, 9]], dtype=np.float32)),
        obs=pd.DataFrame({"sample": ["a"] * 3, "cell_type": ["T cell", "T cell", None]}, index=list("xyz")),
        var=pd.DataFrame(
            {"feature_type": ["gene", "gene", "gene", "transgene"]}, index=["XIST", "DDX3Y", "ACTB", "CAR"]
        ),
    )
    counts = sex_counts(adata).set_index("cell_type")
    assert counts.loc["T cell", ["n_cells", "n_umi", "xist", "y_genes"]].tolist() == [2, 26, 4, 2]
    assert counts.loc["all", "y_genes"] == 5


def test_genes_the_data_lack_are_missing_not_zero():
    adata = ad.AnnData(X=sp.csr_matrix(np.ones((1, 1), dtype=np.float32)), var=pd.DataFrame(index=["ACTB"]))
    assert sex_counts(adata)[["xist", "y_genes"]].isna().all(axis=None)


def test_counts_without_their_columns_are_refused():
    with pytest.raises(OhmicsError, match="n_umi"):
        check_identity(pd.DataFrame({"sample": ["a"]}), sheet())
