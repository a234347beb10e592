"""The overdispersed binomial model of a type's change against R's glm with Williams' weights."""

from pathlib import Path

import pandas as pd
import pytest

from ohmics.stats.overdispersed import binomial_change

TABLES = Path(__file__).parent / "tables"


@pytest.mark.parametrize("case", ["wandering", "binomial", "rare"])
def test_the_model_is_glms_with_williams_weights(case: str) -> None:
    counts = pd.read_csv(TABLES / "composition_counts.tsv", sep="\t").query("case == @case")
    expected = pd.read_csv(TABLES / "composition_models.tsv", sep="\t").set_index("case").loc[case]
    cells, totals = (
        counts.pivot_table(index="pair", columns="side", values=name).to_numpy() for name in ("cells", "total")
    )
    found = binomial_change(cells, totals)
    assert found.n_pairs == expected["pairs"]
    assert found.overdispersion == pytest.approx(expected["overdispersion"], abs=2e-6)
    assert found.effect == pytest.approx(expected["effect"], abs=1e-5)
    assert (found.high - found.low) / 2 == pytest.approx(expected["margin"], rel=1e-4)
