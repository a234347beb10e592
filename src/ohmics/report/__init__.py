"""Pages: saved tables come in, self-contained HTML goes out; every number on a page stands in a table first."""

from __future__ import annotations

from ohmics.report.inputs import ReportInputs, load_inputs
from ohmics.report.patient_page import patient_pages
from ohmics.report.qc_page import qc_page
from ohmics.report.signatures_page import signatures_page

__all__ = ["ReportInputs", "load_inputs", "patient_pages", "qc_page", "signatures_page"]
