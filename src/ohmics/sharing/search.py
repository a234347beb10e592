"""A folder and words that may not stand in it come in; every file in which one does goes out, with the word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ohmics.sharing.texts import texts_in

_WORD = re.compile(r"[a-z0-9]+")
_PART_OF_PATH = r"[A-Za-z0-9._-]"


@dataclass(frozen=True, slots=True)
class Hit:
    """A word that may not stand in a file, and the file, by its place in the folder."""

    file: str
    word: str


def files_in(folder: Path) -> list[Path]:
    """Return the files of a folder, in the order of their names."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def hits(
    folder: Path, *, words: Iterable[str], paths: Iterable[str] = (), ignored: Iterable[str] = ()
) -> Iterator[Hit]:
    """Yield each file of a folder that holds a word, in its text or its name, with the word.

    Parameters
    ----------
    folder
        The folder; every file in it is read.
    words
        Looked for as whole words. One of letters and digits is found in whatever case.
    paths
        Looked for as the beginning of a path.
    ignored
        See `ohmics.sharing.texts.texts_in`.
    """
    looked, started = _by_first(words), {path: _path_pattern(path) for path in paths}
    own = tuple(ignored)
    for file in files_in(folder):
        name = file.relative_to(folder).as_posix()
        found: dict[str, None] = {}
        for text in (name, *texts_in(file, ignored=own)):
            found |= dict.fromkeys(_words_in(text, looked))
            found |= dict.fromkeys(path for path, pattern in started.items() if path in text and pattern.search(text))
        yield from (Hit(name, word) for word in found)


def _by_first(words: Iterable[str]) -> Mapping[str, list[str]]:
    """Return the words by the first letters and digits in them: few of them can stand in a text without these."""
    found: dict[str, list[str]] = {}
    for word in dict.fromkeys(words):
        first = _WORD.search(word.lower())
        found.setdefault(first.group() if first else "", []).append(word)
    return found


def _words_in(text: str, looked: Mapping[str, list[str]]) -> list[str]:
    lowered = text.lower()
    present = {*_WORD.findall(lowered), ""} & looked.keys()
    return [word for first in present for word in looked[first] if _stands_in(text, lowered, word)]


def _stands_in(text: str, lowered: str, word: str) -> bool:
    """Return whether a word stands in a text with no letter or digit beside it."""
    cased = _cased(word)
    within = text if cased == word else lowered
    place = within.find(cased)
    while place >= 0:
        end = place + len(cased)
        beside = within[max(place - 1, 0) : place] + within[end : end + 1]
        if not _WORD.search(beside.lower()):
            return True
        place = within.find(cased, place + 1)
    return False


def _cased(word: str) -> str:
    """Return the word in small letters where a digit among them makes it no plain word; else as it is."""
    return word.lower() if re.search(r"[A-Za-z]", word) and re.search(r"\d", word) else word


def _path_pattern(path: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!{_PART_OF_PATH}){re.escape(path)}(?!{_PART_OF_PATH})")
