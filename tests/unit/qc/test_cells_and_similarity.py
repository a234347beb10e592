"""What filters removed, which cells remain, and which samples are alike: from small tables to their summaries."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from ohmics import tables
from ohmics.qc.cells import cell_filters, cell_summary, cell_type_shares, filled_filters
from ohmics.qc.similarity import correlations, sample_similarity


def _cell_qc() -> pd.DataFrame:
    reasons = [None, None, "n_umi below 500", "n_umi below 500;pct_mito above 20", "doublet"]
    rows = {
        "sample": "A",
        "barcode": [f"c{place}" for place in range(5)],
        "n_umi": [1000, 3000, 100, 10, 2000],
        "n_genes": [500, 900, 80, 9, 700],
        "pct_mito": [2.0, 4.0, 5.0, 60.0, 3.0],
        "doublet": [False, False, False, False, True],
        "kept": [reason is None for reason in reasons],
        "reason": reasons,
    }
    return tables.CELL_QC.conform(pd.DataFrame(rows))


def test_summary_holds_both_sides_of_the_filters() -> None:
    rows = cell_summary(_cell_qc()).set_index("cells")
    assert rows["n_cells"].to_dict() == {"before": 5, "kept": 2}
    assert rows["median_umi"].to_dict() == {"before": 1000.0, "kept": 2000.0}
    assert rows["n_doublets"].to_dict() == {"before": 1, "kept": 0}
    expected = np.median([np.log10(500) / np.log10(1000), np.log10(900) / np.log10(3000)])
    assert rows.loc["kept", "complexity"] == pytest.approx(expected, abs=1e-6)


def test_a_cell_counts_for_each_filter_it_failed() -> None:
    rows = cell_filters(_cell_qc()).set_index("filter")
    assert rows["n_cells"].to_dict() == {"any": 3, "doublet": 1, "n_umi below 500": 2, "pct_mito above 20": 1}
    assert rows["n_only"].to_dict() == {"any": 3, "doublet": 1, "n_umi below 500": 1, "pct_mito above 20": 0}
    assert rows.loc["any", "share"] == pytest.approx(0.6)


def test_a_filter_that_removed_nothing_has_a_row_unless_it_was_not_asked() -> None:
    clean = _cell_qc().assign(sample="B", kept=True, reason=None)
    both = pd.concat([cell_filters(_cell_qc()), cell_filters(tables.CELL_QC.conform(clean))], ignore_index=True)
    filled = filled_filters(both, searched={"A"})
    own = filled[filled["sample"] == "B"].set_index("filter")["n_cells"].to_dict()
    assert own == {"any": 0, "n_umi below 500": 0, "pct_mito above 20": 0}


def test_shares_of_types_add_up_and_hold_what_a_sample_lacks() -> None:
    rows = {"sample": ["A", "A", "A", "B"], "barcode": list("abcd"), "cell_type": ["T", "T", "NK", "T"]}
    shares = cell_type_shares(pd.DataFrame(rows)).set_index(["sample", "cell_type"])["fraction"]
    assert shares.groupby(level="sample").sum().to_list() == [1.0, 1.0]
    assert shares["B", "NK"] == 0
    assert shares["A", "T"] == pytest.approx(2 / 3)


def test_correlation_is_spearman_over_genes_seen_in_half_of_the_samples() -> None:
    values = np.array([[1.0, 5, 9, 0], [2, 6, 30, 0], [9, 5, 1, 7], [0, 0, 0, 0]])
    found = correlations(values)
    assert found[0, 1] == pytest.approx(1.0)
    assert found[0, 2] == pytest.approx(-1.0)
    assert np.isnan(np.diag(found)).all()
    assert np.isnan(found[3]).all()


def test_a_swapped_sample_is_nearest_to_another_patient() -> None:
    random = np.random.default_rng(0)
    own = {name: random.gamma(1.0, 50.0, 400) for name in ("P1", "P2", "P3")}
    whose = {"P1_pre": "P1", "P1_post": "P2", "P2_pre": "P2", "P2_post": "P1", "P3_pre": "P3", "P3_post": "P3"}
    counts = np.array([random.poisson(own[patient]) for patient in whose.values()], dtype=np.float32)
    data = AnnData(counts, obs=pd.DataFrame(index=list(whose)))
    samples = pd.DataFrame({"sample": list(whose), "patient": [name[:2] for name in whose]})
    qc = pd.DataFrame({"sample": list(whose), "flags": [None] * 5 + ["outlier: far from all"]})
    correlation, similarity = sample_similarity(data, samples, qc=qc)
    rows = similarity.set_index("sample")
    assert rows.loc["P1_post", "nearest"] == "P2_pre"
    assert rows.loc["P1_post", "rank_own"] > 1
    assert rows.loc["P3_pre", "rank_own"] == 1
    assert rows["outlier"].astype(bool).to_dict()["P3_post"]
    assert len(correlation) == 30
