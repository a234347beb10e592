"""Figures: each function takes a finished frame and returns a Matplotlib ``Figure``; none computes a statistic."""

from __future__ import annotations

from ohmics.plots.antigens import antigen_by_depth, antigen_detection, lineage_plane
from ohmics.plots.association import association
from ohmics.plots.composition import composition
from ohmics.plots.forest import forest
from ohmics.plots.heat import heat
from ohmics.plots.library_sizes import library_sizes
from ohmics.plots.ma import ma
from ohmics.plots.pca import pca
from ohmics.plots.qc_distributions import qc_distributions
from ohmics.plots.running_sum import running_sum
from ohmics.plots.sample_correlation import sample_correlation
from ohmics.plots.states import states
from ohmics.plots.survival import survival
from ohmics.plots.timeline import timeline
from ohmics.plots.umap import umap
from ohmics.plots.volcano import volcano

__all__ = [
    "antigen_by_depth",
    "antigen_detection",
    "association",
    "composition",
    "forest",
    "heat",
    "library_sizes",
    "lineage_plane",
    "ma",
    "pca",
    "qc_distributions",
    "running_sum",
    "sample_correlation",
    "states",
    "survival",
    "timeline",
    "umap",
    "volcano",
]
