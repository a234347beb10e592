"""Inputs for the tests of pages, from the makers in tests/report."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from ohmics.report import ReportInputs


def _maker() -> Callable[..., ReportInputs]:
    path = Path(__file__).parents[2] / "report" / "made_inputs.py"
    spec = importlib.util.spec_from_file_location("made_inputs", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.made_inputs


@pytest.fixture(scope="session")
def make() -> Callable[..., ReportInputs]:
    """Return the maker of inputs."""
    return _maker()


@pytest.fixture(scope="session")
def inputs(make: Callable[..., ReportInputs]) -> ReportInputs:
    """Return the inputs of a small single-cell cohort."""
    return make(n_patients=4, n_cells=800, n_mechanisms=30)
