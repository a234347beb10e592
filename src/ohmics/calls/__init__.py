"""Malignant cells of a patient before and after come in; what the data say of antigens and lineage goes out."""

from __future__ import annotations

from ohmics.calls.antigen import call_antigen
from ohmics.calls.car import CarCall, CarRules, call_car, transgene_features
from ohmics.calls.cars import CarCalls, call_cars
from ohmics.calls.lineage import LineageRules, call_lineage
from ohmics.calls.lineages import LineageCalls, call_lineages
from ohmics.calls.malignant import MalignantCalls, call_malignant
from ohmics.calls.malignant_rules import MalignantRules
from ohmics.calls.patients import AntigenCalls, call_antigens
from ohmics.calls.rules import AntigenRules

__all__ = [
    "AntigenCalls",
    "AntigenRules",
    "CarCall",
    "CarCalls",
    "CarRules",
    "LineageCalls",
    "LineageRules",
    "MalignantCalls",
    "MalignantRules",
    "call_antigen",
    "call_antigens",
    "call_car",
    "call_cars",
    "call_lineage",
    "call_lineages",
    "call_malignant",
    "transgene_features",
]
