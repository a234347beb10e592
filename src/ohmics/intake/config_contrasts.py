"""Entries of a config's ``contrasts`` and the sample sheet come in; checked contrasts go out."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd

from ohmics.errors import Faults, OhmicsError
from ohmics.intake.presets import preset_keys, resolve_preset
from ohmics.model import Contrast


def config_contrasts(entries: Any, sheet: pd.DataFrame | None, where: str, faults: Faults) -> tuple[Contrast, ...]:
    """Return the contrasts of a config's entries; presets are resolved on the sheet, and left out without one."""
    built: list[Contrast] = []
    for number, entry in enumerate(entries, start=1):
        fields = {key: frozen(value) for key, value in entry.items()}
        for key in ("test", "reference", *preset_keys()):
            if key in fields:
                several = isinstance(fields[key], tuple)
                fields[key] = tuple(map(as_text, fields[key])) if several else as_text(fields[key])
        if "where" in fields:
            fields["where"] = {
                key: tuple(map(as_text, value)) if isinstance(value, list) else as_text(value)
                for key, value in fields["where"].items()
            }
        place = f"{where}, key contrasts, entry {number}"
        foreign = [key for key in preset_keys() if key in fields and "preset" not in fields]
        try:
            if foreign:
                faults.add(f"key `{foreign[0]}` is for entries with `preset`", where=place)
            elif "preset" not in fields:
                built.append(Contrast(**fields))
            elif sheet is not None:
                built.append(resolve_preset(sheet, fields, where=place))
        except OhmicsError as error:
            for fault in error.faults:
                faults.extend([fault if fault.where else dataclasses.replace(fault, where=place)])
    names = [contrast.label for contrast in built]
    for name in sorted({name for name in names if names.count(name) > 1}):
        faults.add(f"two contrasts are named `{name}`", where=f"{where}, key contrasts", remedy="give each a `name`")
    return tuple(built)


def as_text(value: object) -> str:
    """Return a value of a sheet or config as text; a whole number has no decimal point."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def frozen(value: Any) -> Any:
    """Return a list as a tuple, anything else as it is."""
    return tuple(value) if isinstance(value, list) else value
