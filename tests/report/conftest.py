"""Inputs for the tests of pages, from the makers beside this file."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from ohmics.report import ReportInputs


def _module(name: str) -> ModuleType:
    path = Path(__file__).parent / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def make() -> Callable[..., ReportInputs]:
    """Return the maker of inputs."""
    made: Callable[..., ReportInputs] = _module("made_inputs").made_inputs
    return made


@pytest.fixture(scope="session")
def more() -> ModuleType:
    """Return what adds tables to made inputs, and what turns them into cohorts at the edge."""
    return _module("made_more")


@pytest.fixture(scope="session")
def patients() -> ModuleType:
    """Return what adds the tables that set one patient beside the others."""
    return _module("made_patients")


@pytest.fixture(scope="session")
def inputs(make: Callable[..., ReportInputs]) -> ReportInputs:
    """Return the inputs of a small single-cell cohort."""
    return make(n_patients=4, n_cells=800, n_mechanisms=30)
