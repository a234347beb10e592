"""Quality control: which cells and samples can be used, why the others cannot, and whose they are."""

from ohmics.qc.ambient import Ambient, ambient_fraction
from ohmics.qc.bulk import bulk_pca, bulk_qc
from ohmics.qc.doublets import Doublets, find_doublets
from ohmics.qc.filters import filter_cells, removal_reasons
from ohmics.qc.identity import check_identity, sex_counts
from ohmics.qc.imbalance import depth_notes
from ohmics.qc.metrics import qc_metrics
from ohmics.qc.run import QCResult, run_qc
from ohmics.qc.settings import QCSettings

__all__ = [
    "Ambient",
    "Doublets",
    "QCResult",
    "QCSettings",
    "ambient_fraction",
    "bulk_pca",
    "bulk_qc",
    "check_identity",
    "depth_notes",
    "filter_cells",
    "find_doublets",
    "qc_metrics",
    "removal_reasons",
    "run_qc",
    "sex_counts",
]
