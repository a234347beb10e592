"""Text is read from ordinary files only, unpacked within bounds, and is text."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from ohmics.errors import OhmicsError
from ohmics.intake.files import FREE, exists, odd_letter, open_text, read_rows, refuse_unless_file


def _text(path: Path) -> str:
    with open_text(path) as handle:
        return handle.read()


def test_text_is_read_plain_and_unpacked(tmp_path: Path) -> None:
    for name, content in (("a", b"x\r\ny\n"), ("b", gzip.compress(b"\xef\xbb\xbfx\r\ny\n"))):
        (tmp_path / name).write_bytes(content)
        assert _text(tmp_path / name) == "x\r\ny\n"


def test_a_large_file_of_ordinary_ratio_is_read_whole(tmp_path: Path) -> None:
    content = os.urandom(FREE // 2 + 10).hex().encode()
    (tmp_path / "a.gz").write_bytes(gzip.compress(content, 1))
    assert len(_text(tmp_path / "a.gz")) == len(content) > FREE


def test_what_is_no_ordinary_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, sentence in (("pipe", "no regular file"), ("", "a folder stands"), ("none", "no such file")):
        with pytest.raises(OhmicsError, match=sentence):
            refuse_unless_file(tmp_path / name)


def test_a_path_no_system_allows_leads_nowhere() -> None:
    assert not exists("x" * 5_000)
    assert not exists("a\0b")


def test_letters_that_steer_a_terminal_are_found_and_those_of_languages_are_not() -> None:
    assert odd_letter("Ж 日本 é µ a\u0301") == ""
    assert [odd_letter(text) for text in ("a\x1b", "\u202ea", "a\ud800")] == ["\x1b", "\u202e", "\ud800"]


def test_rows_of_each_delimiter_and_line_end(tmp_path: Path) -> None:
    for delimiter, end in (("\t", "\n"), (",", "\r\n"), (";", "\r")):
        (tmp_path / "a").write_bytes(f"a{delimiter}b{end} 1 {delimiter}2{end}".encode())
        assert read_rows(tmp_path / "a", what="sheet") == [["a", "b"], ["1", "2"]]
