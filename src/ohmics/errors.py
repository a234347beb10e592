"""Faults and the one error ohmics raises for bad input: what, where, what is legal, what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with an input.

    Parameters
    ----------
    what
        What was found, as a sentence without its full stop.
    where
        The file, row, column or key it was found in.
    legal
        What would have been accepted; empty when it is plain from ``what``.
    remedy
        What to do next, as a sentence without its full stop.
    """

    what: str
    where: str = ""
    legal: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        for part, lead in ((self.legal, "legal: "), (self.remedy, "")):
            if part:
                text += f"; {lead}{part}"
        return text + "."


class OhmicsError(ValueError):
    """Input that ohmics refuses. ``faults`` holds every fault that was found, in reading order."""

    def __init__(self, faults: Iterable[Fault] | Fault | str) -> None:
        if isinstance(faults, str):
            faults = Fault(faults)
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__(self._render())

    def _render(self) -> str:
        if len(self.faults) == 1:
            return str(self.faults[0])
        lines = [f"{len(self.faults)} faults:"]
        lines += [f"  {number}. {fault}" for number, fault in enumerate(self.faults, start=1)]
        return "\n".join(lines)


class Faults:
    """Collects faults so that a user sees all of them at once.

    Examples
    --------
    >>> faults = Faults()
    >>> faults.add("the file does not exist", where="a.h5")
    >>> len(faults)
    1
    """

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, what: str, *, where: str = "", legal: str = "", remedy: str = "") -> None:
        """Record one fault."""
        self._faults.append(Fault(what, where, legal, remedy))

    def extend(self, faults: Iterable[Fault]) -> None:
        """Record several faults, for example those of a caught `OhmicsError`."""
        self._faults.extend(faults)

    def __len__(self) -> int:
        return len(self._faults)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def raise_if_any(self) -> None:
        """Raise one `OhmicsError` that holds every recorded fault."""
        if self._faults:
            raise OhmicsError(self._faults)


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return ``did you mean `x`?`` for the closest option, or an empty string when none is close."""
    lowered = {str(option).lower(): str(option) for option in options}
    close = difflib.get_close_matches(str(word).lower(), list(lowered), n=1, cutoff=0.6)
    return f"did you mean `{lowered[close[0]]}`?" if close else ""


def listing(items: Iterable[object], *, most: int = 5) -> str:
    """Return the first items of a list as text, and how many more there are."""
    texts = [str(item) for item in items]
    shown = ", ".join(texts[:most])
    return shown if len(texts) <= most else f"{shown} and {len(texts) - most} more"
