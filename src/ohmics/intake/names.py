"""A config in; every name in it that is no known cell type, disease or scoring method, out."""

from __future__ import annotations

from collections.abc import Collection

from ohmics.errors import Fault, Faults, did_you_mean, listing
from ohmics.intake.config import Config
from ohmics.intake.resources import cell_types, diseases


def name_faults(
    config: Config,
    *,
    methods: Collection[str] = (),
    of_cohorts: Collection[str] = (),
    with_last_rank: Collection[str] = (),
    where: str = "config",
) -> list[Fault]:
    """Return the faults of ``annotate.types``, ``malignant``'s names, ``score.methods`` and ``score.max_rank``.

    Parameters
    ----------
    config
        The configuration.
    methods
        Names that ``score.methods`` may hold; not checked when empty.
    of_cohorts
        Methods that compare samples with each other: a single-cell run, which scores each sample in a job of its
        own, cannot use them.
    with_last_rank
        Methods that stop at a rank, one of which ``score.max_rank`` needs.
    where
        What the faults call the config.
    """
    known = cell_types()
    faults = Faults()
    for key, names, legal in (
        ("annotate.types", config.annotate.types or (), known),
        ("malignant.cell_types", config.malignant.cell_types, known),
        ("malignant.disease", [config.malignant.disease] if config.malignant.disease else [], diseases()),
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
    for name in config.score.methods if config.input.modality == "single_cell" else ():
        if name in of_cohorts:
            usable = [one for one in methods if one not in of_cohorts]
            faults.add(
                f"`{name}` compares samples with each other, and a single-cell run scores each sample by itself",
                where=f"{where}, key score.methods",
                legal=listing(usable, most=40),
                remedy=f"in Python, score_samples with all samples in one call gives {name}",
            )
    if methods and config.score.max_rank is not None and not {*config.score.methods} & {*with_last_rank}:
        faults.add(
            f"none of the scoring methods ({', '.join(config.score.methods)}) stops at a rank",
            where=f"{where}, key score.max_rank",
            legal=listing(with_last_rank),
            remedy="leave score.max_rank out, or add one of these methods",
        )
    return list(faults)
