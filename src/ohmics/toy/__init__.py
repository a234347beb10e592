"""Seeded cohorts with planted resistance: the truth comes with the data, for the demo, the docs and the tests."""

from __future__ import annotations

from ohmics.toy.bulk_cohort import bulk
from ohmics.toy.cohort import CAR, CONTRAST, Cohort
from ohmics.toy.compare_found import planted_and_found
from ohmics.toy.diseases import disease
from ohmics.toy.single_cell_cohort import single_cell
from ohmics.toy.write_cohort import write

__all__ = ["CAR", "CONTRAST", "Cohort", "bulk", "disease", "planted_and_found", "single_cell", "write"]
