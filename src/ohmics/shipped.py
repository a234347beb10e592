"""Where the files that ship with ohmics lie: in the installed package, else in the checkout."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from ohmics.errors import OhmicsError


def shipped(name: str) -> Path:
    """Return the path of ``resources``, ``workflow``, ``config`` or ``Snakefile``.

    A wheel carries them inside the package; an editable install finds them in the checkout.
    """
    packaged = Path(str(files("ohmics"))) / "_shipped" / name
    checkout = Path(__file__).resolve().parents[2] / name
    for candidate in (packaged, checkout):
        if candidate.exists():
            return candidate
    raise OhmicsError(f"the installed package lacks its `{name}`; install ohmics again")
