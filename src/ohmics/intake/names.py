"""A config in; every name in it that is no known cell type or scoring method, out."""

from __future__ import annotations

from collections.abc import Collection

from ohmics.errors import Fault, Faults, did_you_mean, listing
from ohmics.intake.config import Config
from ohmics.intake.resources import cell_types


def name_faults(config: Config, *, methods: Collection[str] = (), where: str = "config") -> list[Fault]:
    """Return the faults of ``annotate.types``, ``malignant.cell_types`` and ``score.methods``.

    Parameters
    ----------
    config
        The configuration.
    methods
        Names that ``score.methods`` may hold; not checked when empty.
    where
        What the faults call the config.
    """
    known = cell_types()
    faults = Faults()
    for key, names, legal in (
        ("annotate.types", config.annotate.types or (), known),
        ("malignant.cell_types", config.malignant.cell_types, known),
        ("score.methods", config.score.methods if methods else (), tuple(methods)),
    ):
        for name in names:
            if name not in legal:
                faults.add(
                    f"`{name}` is not known",
                    where=f"{where}, key {key}",
                    legal=listing(legal, most=40),
                    remedy=did_you_mean(name, legal),
                )
    return list(faults)
