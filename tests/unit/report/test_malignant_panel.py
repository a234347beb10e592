import re
from dataclasses import replace

from ohmics import tables
from ohmics.report.malignant_panel import malignant_panel
from ohmics.report.qc_page import qc_page

ROWS = [
    {"sample": "s1", "cluster": "u0", "estimate": 0.97, "low": 0.8, "high": 0.99, "call": "malignant",
     "evidence": "panel +1.2", "reason": "Malignant (probability 0.97, 90 cells). For a tumour: one chain."},
    {"sample": "s1", "cluster": "u1", "estimate": None, "low": None, "high": None, "call": "undetermined",
     "evidence": None, "reason": "Undetermined: 3 cells are fewer than 10."},
]  # fmt: skip


def test_the_page_shows_each_clusters_evidence_with_open_ones_first(inputs):
    page = qc_page(replace(inputs, malignant=tables.MALIGNANT.conform(ROWS)))
    text = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page))
    assert "Of 2 clusters of samples 1 malignant and 1 undetermined." in text
    assert 0 < text.index("3 cells are fewer than 10") < text.index("For a tumour: one chain")
    assert 'href="#malignant"' in page


def test_a_run_without_the_table_has_no_such_section(inputs):
    assert malignant_panel(inputs) is None
    assert 'id="malignant"' not in qc_page(inputs)


def test_a_declaration_is_said_to_be_one(inputs):
    rows = [row | {"evidence": "declared by annotated types (B cell)"} for row in ROWS]
    panel = malignant_panel(replace(inputs, malignant=tables.MALIGNANT.conform(rows)))
    assert "declared in the configuration" in panel.sentence
