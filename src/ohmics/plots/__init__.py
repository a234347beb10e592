"""Figures: each function takes a finished frame and returns a Matplotlib ``Figure``; none computes a statistic."""

from __future__ import annotations

from ohmics.plots.composition import composition
from ohmics.plots.forest import forest
from ohmics.plots.heat import heat
from ohmics.plots.library_sizes import library_sizes
from ohmics.plots.pca import pca
from ohmics.plots.qc_distributions import qc_distributions
from ohmics.plots.timeline import timeline
from ohmics.plots.umap import umap

__all__ = ["composition", "forest", "heat", "library_sizes", "pca", "qc_distributions", "timeline", "umap"]
