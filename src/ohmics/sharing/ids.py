"""Ids of patients and samples and a key come in, short names that only the key's holder can tell apart go out."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ohmics.errors import Fault, OhmicsError

KINDS = {"patient": "P", "sample": "S", "other": "X"}
"""Kinds of ids, the first that holds an id names it, and the letter their new names begin with."""
KEY_BYTES = 32
_SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Digits and capitals without those that are mistaken for another one: 0, 1, I and O."""
_SHORT, _LONGEST = 6, 16
_LEAST, _LEAST_DIGITS = 3, 5
_UNITS = r"(?:patient|sample|donor|subject|participant)s?"


def new_name(identifier: str, *, kind: str, key: bytes, length: int = _SHORT) -> str:
    """Return the name that replaces an id: a letter for its kind and the start of an HMAC-SHA256 of it.

    Examples
    --------
    >>> new_name("P01", kind="patient", key=bytes(32))
    'P-VGGJEN'
    """
    digest = hmac.new(key, f"{kind}\0{identifier}".encode(), hashlib.sha256).digest()
    number = int.from_bytes(digest, "big")
    signs = []
    for _ in range(length):
        number, place = divmod(number, len(_SIGNS))
        signs.append(_SIGNS[place])
    return f"{KINDS[kind]}-{''.join(signs)}"


def new_names(ids: Mapping[str, Iterable[str]], *, key: bytes) -> dict[str, str]:
    """Return every id's new name; no two share one, also where case is ignored.

    Parameters
    ----------
    ids
        Kind (see `KINDS`) to its ids. A text that is an id of two kinds gets one name, that of the first kind.
    key
        At least `KEY_BYTES` bytes. The same key gives the same names again.

    Raises
    ------
    OhmicsError
        When the key is too short.
    """
    if len(key) < KEY_BYTES:
        raise OhmicsError(Fault(f"a key of {len(key)} bytes is too short", legal=f"{KEY_BYTES} random bytes or more"))
    found: dict[str, str] = {}
    for kind in KINDS:
        for identifier in dict.fromkeys(map(str, ids.get(kind, ()))):
            if identifier not in found:
                found[identifier] = _free_name(identifier, kind, key, set(found.values()))
    return found


def _free_name(identifier: str, kind: str, key: bytes, taken: set[str]) -> str:
    for length in range(_SHORT, _LONGEST + 1, 2):
        name = new_name(identifier, kind=kind, key=key, length=length)
        if name not in taken:
            return name
    raise OhmicsError(Fault("two ids get the same name under this key", remedy="give another key"))


def hard_to_find(identifier: str, common: Iterable[str] = ()) -> str:
    """Return why an id cannot be told from other text, in words; empty when it can.

    Examples
    --------
    >>> hard_to_find("7"), hard_to_find("CD19", {"CD19"}), hard_to_find("PT-003")
    ('too short', 'a common word', '')
    """
    plain = re.sub(r"[^A-Za-z0-9]", "", identifier)
    if len(plain) < _LEAST:
        return "too short"
    if plain.isdigit() and len(plain) < _LEAST_DIGITS:
        return "a short number"
    return "a common word" if identifier in common else ""


@dataclass(frozen=True, slots=True)
class Renamer:
    """Puts new names in the place of ids.

    Parameters
    ----------
    names
        Id to new name, see `new_names`.
    hard
        Ids that cannot be told from other text (see `hard_to_find`): they are replaced where a whole value is an id,
        and in sentences only after a word such as ``patient`` and before ``'s``.
    """

    names: Mapping[str, str]
    hard: frozenset[str] = frozenset()
    _found: Callable[[str], str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_found", _replacer(self.names, self.hard))

    def value(self, text: str) -> str:
        """Return a value that is an id, or several joined by ``|``, with the new names."""
        if text in self.names:
            return self.names[text]
        parts = self.text(text).split("|")
        return "|".join(self.names[part] if part in self.hard else part for part in parts)

    def text(self, text: str) -> str:
        """Return a sentence with the new names.

        Examples
        --------
        >>> Renamer({"P01": "P-AAAAAA", "P01_pre": "S-BBBBBB"}).text("P01: 3 cells in P01_pre, P010 none")
        'P-AAAAAA: 3 cells in S-BBBBBB, P010 none'
        """
        return self._found(text)


def whole_words(ids: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern that finds ids as whole words, the longest first; None where there are none."""
    ordered = sorted(set(ids), key=lambda one: (-len(one), one))
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, ordered))})(?![A-Za-z0-9])") if ordered else None


def _replacer(names: Mapping[str, str], hard: frozenset[str]) -> Callable[[str], str]:
    easy = whole_words(one for one in names if one not in hard)
    told = whole_words(one for one in names if one in hard)
    pattern = told.pattern if told else ""
    after_word = re.compile(rf"\b({_UNITS}[ :\[=]+)({pattern})|()({pattern})(?='s\b)", re.IGNORECASE) if told else None

    def renamed(found: re.Match[str]) -> str:
        lead, one = (found.group(1), found.group(2)) if found.group(2) else (found.group(3), found.group(4))
        return lead + names.get(one, one)

    def replaced(text: str) -> str:
        if easy is not None:
            text = easy.sub(lambda found: names[found.group()], text)
        if after_word is not None:
            text = after_word.sub(renamed, text)
        return text

    return replaced
