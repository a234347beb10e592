"""What a run made comes in; the packages it used go out, each with its version."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from ohmics.report.inputs import ReportInputs
from ohmics.report.select import umap_was_drawn

_ALWAYS = ("ohmics", "numpy", "scipy", "pandas", "anndata", "numba", "statsmodels", "snakemake", "matplotlib")
_CELLS = ("scanpy", "scikit-learn", "pynndescent", "igraph")


def software_used(inputs: ReportInputs) -> dict[str, str]:
    """Return the packages this run's results rest on, by name; an absent one is left out.

    Parameters
    ----------
    inputs
        The tables and the config of the run.
    """
    names = [*_ALWAYS]
    if not inputs.bulk:
        embed, qc = inputs.config.get("embed") or {}, inputs.config.get("qc") or {}
        names += _CELLS
        names += ["scikit-image"] if qc.get("doublets", True) else []
        names += ["umap-learn"] if umap_was_drawn(inputs) else []
        names += ["harmonypy"] if embed.get("harmony", True) and len(inputs.samples) > 1 else []
    if inputs.enrichment is not None and len(inputs.enrichment):
        names.append("gseapy")
    if inputs.de is not None and "pydeseq2" in set(inputs.de["method"].dropna()):
        names.append("pydeseq2")
    if inputs.association is not None and inputs.association["model"].astype(str).str.startswith("cox").any():
        names.append("lifelines")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
