"""A sample's kept cells with what CELLS says of them."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ohmics.cli._common import with_cells
from ohmics.errors import OhmicsError


def counts() -> ad.AnnData:
    return ad.AnnData(
        sp.csr_matrix(np.arange(12, dtype=np.float32).reshape(4, 3)),
        obs=pd.DataFrame({"sample": "s"}, index=list("abcd")),
        uns={"ohmics": {"modality": "single_cell"}},
    )


def cells(barcodes: str) -> pd.DataFrame:
    return pd.DataFrame({"barcode": list(barcodes), "cell_type": [f"type {name}" for name in barcodes]})


@pytest.mark.parametrize("barcodes", ["abcd", "dbca", "cb"])
def test_the_cells_come_in_the_order_of_cells_with_its_columns(barcodes: str) -> None:
    chosen = with_cells(counts(), cells(barcodes))
    assert list(chosen.obs_names) == list(barcodes)
    assert list(chosen.obs["cell_type"]) == [f"type {name}" for name in barcodes]
    assert chosen.uns["ohmics"] == {"modality": "single_cell"}
    assert np.array_equal(chosen.X.toarray(), counts()[list(barcodes)].X.toarray())


@pytest.mark.parametrize("barcodes", ["abcd", "ab"])
def test_what_was_given_stays_as_it_was(barcodes: str) -> None:
    given = counts()
    chosen = with_cells(given, cells(barcodes))
    chosen.uns["ohmics"]["modality"] = "other"
    chosen.var["new"] = 1
    assert list(given.obs) == ["sample"]
    assert list(given.var) == []
    assert given.uns["ohmics"]["modality"] == "single_cell"


def test_the_matrix_of_all_cells_is_not_copied_and_a_layer_is_not_lost() -> None:
    given = counts()
    assert with_cells(given, cells("abcd")).X is given.X
    given.layers["counts"] = given.X.copy()
    assert "counts" in with_cells(given, cells("abcd")).layers


def test_a_barcode_that_the_counts_lack_is_refused() -> None:
    with pytest.raises(OhmicsError, match="names 1 barcodes the counts do not hold, x among them"):
        with_cells(counts(), cells("abx"))
