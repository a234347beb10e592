"""Gene-list scores per observation (`score`); per sample and cell type at comparable depth (`score_samples`)."""

from ohmics.score.run import score
from ohmics.score.samples import score_samples

__all__ = ["score", "score_samples"]
