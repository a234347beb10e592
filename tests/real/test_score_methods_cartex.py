"""Every scoring method on real bulk CAR T cells: terminal exhaustion is higher in tonic HA than in CD19 cells."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ohmics as om
from ohmics.score.methods import METHODS

DATA = Path(os.environ.get("OHMICS_DATA", "")) / "cartex"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        "OHMICS_DATA" not in os.environ or not DATA.is_dir(), reason="OHMICS_DATA does not name a folder with cartex"
    ),
]
LIST = "tcell_exhaustion_terminal/tex_consensus_2of3"
LEAST = dict.fromkeys(METHODS, 9) | {"ucell": 8, "singscore": 7, "ssgsea": 7, "gsva": 7, "plage": 7}


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    adata = om.read(DATA / "counts_ensembl.csv.gz", modality="bulk")
    lists = {LIST: om.catalog().gene_lists[LIST]}
    return pd.DataFrame({name: om.score(adata, lists, method=name)[LIST] for name in METHODS})


@pytest.mark.parametrize("method", METHODS)
def test_terminal_exhaustion_is_higher_in_ha_of_the_same_donor_and_day(scores: pd.DataFrame, method: str) -> None:
    sheet = pd.read_csv(DATA / "samples.csv", index_col=0).loc[scores.index]
    pairs = scores[[method]].join(sheet).pivot_table(index=["Donor", "Timepoint"], columns="CAR", values=method)
    assert len(pairs) == 9
    higher = int((pairs["HA"] > pairs["CD19"]).sum())
    change = (pairs["HA"] - pairs["CD19"]).mean()
    print(f"{method}: HA above CD19 in {higher} of {len(pairs)} donor-day pairs, mean difference {change:+.3g}")
    assert higher >= LEAST[method]


def test_plage_is_oriented_along_mean_z(scores: pd.DataFrame) -> None:
    assert np.corrcoef(scores["plage"], scores["mean_z"])[0, 1] > 0
