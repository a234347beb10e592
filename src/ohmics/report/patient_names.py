"""The patients of a run come in, the names of their pages go out: safe on every file system, never the same for two."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
_NOT_KEPT = re.compile(r"[^A-Za-z0-9_]+")
# Windows keeps these names for devices, and the folder's own page is called index.
_RESERVED = re.compile(r"index|con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)
_SHOWN = 32
_DIGEST = 16


def page_names(patients: Iterable[object]) -> dict[str, str]:
    """Return the name of each patient's page, without ``.html``.

    A short identifier of letters, digits, ``_`` and ``-`` is its own name. Any other, and any that differs from another
    one of the run in upper and lower case only, is told by what can be kept of it, a dot and the start of its SHA-256.
    The dot stands in no other name, so that two patients never share a page, also where a file system ignores case.
    The name depends on the identifier alone, unless a second one of the run differs from it in case only.

    Examples
    --------
    >>> page_names(["P01", "../../etc"])
    {'P01': 'P01', '../../etc': 'etc.74ccf3c5b4c19a81'}
    """
    known = list(dict.fromkeys(str(patient) for patient in patients))
    alike = Counter(name.casefold() for name in known)
    return {
        name: name
        if _PLAIN.fullmatch(name) and not _RESERVED.fullmatch(name) and alike[name.casefold()] == 1
        else _told(name)
        for name in known
    }


def _told(patient: str) -> str:
    kept = _NOT_KEPT.sub("-", patient).strip("-")[:_SHOWN].strip("-")
    if not kept or _RESERVED.fullmatch(kept):
        # A device's name stays one before a dot.
        kept = f"patient-{kept}".rstrip("-")
    digest = hashlib.sha256(patient.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{kept}.{digest[:_DIGEST]}"


def page_links(patients: Iterable[object], *, folder: str = "patients") -> Mapping[str, str]:
    """Return the relative address of each patient's page, as seen from the folder of the reports."""
    return {patient: f"{folder}/{name}.html" for patient, name in page_names(patients).items()}
