"""Genes and gene sets on the signatures page: figures, findings, shared genes, over-representation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ohmics.report.de_panel import de_panel
from ohmics.report.inputs import ReportInputs
from ohmics.report.methods import signature_methods
from ohmics.report.select import ContrastView
from ohmics.tables import DE, ENRICHMENT, ORA, RUNNING_SUMS, SET_OVERLAP

VIEW = ContrastView(name="c", text="relapse against pre", test="relapse", reference="pre", paired=True)
WHERE = {"contrast": "c", "cell_type": "T cell"}


def enrichment() -> pd.DataFrame:
    rows = [
        {
            **WHERE,
            "gene_list": key,
            "method": "flip",
            "es": 0.5,
            "p": 0.001,
            "q": q,
            "family": "c/flip",
            "finding": finding,
        }
        for key, q, finding in (("a/x", 0.01, "a/x"), ("a/y", 0.02, "a/x"), ("b/z", 0.5, None))
    ]
    return ENRICHMENT.conform(pd.DataFrame(rows))


def genes(cell_types: int) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "contrast": "c", "cell_type": f"type {i}", "gene": [f"g{j}" for j in range(30)], "method": "voom",
                "log2_fc": np.linspace(-1, 1, 30), "low": -2.0, "high": 2.0, "t": 1.0, "p": np.linspace(0.001, 1, 30),
                "q": np.linspace(0.01, 1, 30), "mean_log_cpm": 5.0, "min_lfc": 0.5,
            }
        )
        for i in range(cell_types)
    ]  # fmt: skip
    return DE.conform(pd.concat(parts, ignore_index=True))


@pytest.fixture
def inputs() -> ReportInputs:
    overlap = {**WHERE, "gene_list": "a/x", "other": "a/y", "size": 10, "size_other": 8, "shared": 6, "jaccard": 0.5,
               "overlap_coefficient": 0.75, "genes": "g1|g2"}  # fmt: skip
    walk = {**WHERE, "gene_list": "a/x", "method": "flip", "part": "up", "rank": 3, "gene": "g1", "statistic": 2.0,
            "before": -0.1, "after": 0.9, "n_tested": 30}  # fmt: skip
    ora = {**WHERE, "gene_list": "a/x", "method": "voom", "direction": "up", "mechanism": "a", "n_tested": 30,
           "n_changed": 5, "n_list": 10, "overlap": 4, "expected": 1.7, "fold": 2.4, "p": 0.02, "q": 0.04,
           "genes": "g1", "family": "c/ora voom"}  # fmt: skip
    samples = pd.DataFrame({"sample": ["s"], "modality": ["single_cell"], "patient": ["p"], "timepoint": ["pre"]})
    return ReportInputs(
        config={"input": {"modality": "single_cell"}}, samples=samples, de=genes(8), enrichment=enrichment(),
        set_overlap=SET_OVERLAP.conform([overlap]), running_sums=RUNNING_SUMS.conform([walk]), ora=ORA.conform([ora]),
    )  # fmt: skip


def test_overlapping_lists_are_said_to_be_one_finding(inputs: ReportInputs) -> None:
    panel = de_panel(inputs, VIEW)
    assert panel.redundancy.startswith("2 lists with q below 0.05 make 1 finding")
    assert panel.overlap is not None
    assert len(panel.overlap.rows) == 1
    assert panel.ora is not None
    assert "not calibrated" in panel.ora.caption


def test_figures_are_few_and_the_others_are_named(inputs: ReportInputs) -> None:
    panel = de_panel(inputs, VIEW)
    assert len(panel.volcanoes) == 12
    assert panel.left_out == "Figures of 2 further cell types are left out: type 6, type 7."
    assert len({figure.id for figure in (*panel.volcanoes, *panel.walks)}) == 13
    assert "q 0.01" in str(panel.walks[0].markup)
    assert "log2 fold change no larger than 0.5" in panel.how


def test_a_run_without_these_tables_has_an_empty_panel(inputs: ReportInputs) -> None:
    bare = ReportInputs(config=inputs.config, samples=inputs.samples)
    panel = de_panel(bare, VIEW)
    assert (panel.volcanoes, panel.walks, panel.overlap, panel.ora, panel.redundancy) == ((), (), None, None, "")


def test_methods_say_how_genes_were_tested_and_cite_it(inputs: ReportInputs) -> None:
    chosen = {"methods": ["voom", "pydeseq2"], "weights": "samples", "trend": True, "robust": True, "min_lfc": 0.5}
    given = ReportInputs(config={**inputs.config, "de": chosen}, samples=inputs.samples, de=inputs.de)
    text = str(signature_methods(given))
    for words in ("quality weight of each sample", "followed mean expression", "PyDESeq2", "no larger than 0.5"):
        assert words in text
    plain = str(signature_methods(ReportInputs(config=inputs.config, samples=inputs.samples, de=inputs.de)))
    assert "PyDESeq2" not in plain
