"""Every input of the corpus ends in one clear error, or in a correct run: in time, in memory, with nothing written."""

from __future__ import annotations

import importlib
import json
import os
import re
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_case import FAMILIES, MEMORY, SECONDS, WAITING, Case

CORPUS: list[tuple[str, Case]] = [
    (family, case) for family in FAMILIES for case in importlib.import_module(family).CASES
]
PARAMETERS = [
    pytest.param(family, case, id=f"{family.removeprefix('corpus_')}-{case.name}", marks=[pytest.mark.slow] * case.slow)
    for family, case in CORPUS
]
# What libraries say in their own words, and what nobody who is not a programmer understands.
FOREIGN = re.compile(
    r"Traceback|Warning|Errno|[Uu]nable to|can't (open|decode)|codec|C error|object at 0x|dtype|NoneType|ndarray|h5py|"
    r"pandas|numpy|anndata|0x[0-9a-f]{6}|Exception|expected <|tokeniz"
)
LONGEST = 3_000


class Worker:
    """A process that runs cases one after the other; it is started anew when a case has killed it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, family: str, name: str) -> dict[str, Any]:
        """Return how a case ended."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("hostile_worker.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        given, answers = self._process.stdin, self._process.stdout
        if given is None or answers is None:
            pytest.fail("the worker has no pipes")
        given.write(json.dumps({"family": family, "name": name}) + "\n")
        given.flush()
        # A start takes seconds on a busy machine; the case itself stops its own clock.
        ready, _, _ = select.select([answers], [], [], 60 + 2 * WAITING)
        line = answers.readline() if ready else ""
        if not line:
            self.close()
            pytest.fail("the process died or hung")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.close()


@pytest.mark.parametrize(("family", "case"), PARAMETERS)
def test_hostile_input(worker: Worker, family: str, case: Case) -> None:
    if case.unprivileged and os.geteuid() != 0:
        pytest.skip("only root can become a user without rights")
    told = worker.run(family, case.name)
    assert isinstance(told["status"], int), told["status"]
    assert told["changed"] == []
    assert told["seconds"] < SECONDS
    assert told["peak"] < MEMORY
    if not case.refused:
        assert (told["status"], told["err"]) == (0, "")
        assert [word for word in case.words if word not in told["out"]] == []
        return
    message = told["err"].replace(told["folder"], "")
    assert (told["status"], told["out"]) == (2, ""), message[:500]
    assert [word for word in case.words if word not in message] == [], message
    assert_clear(message)


def assert_clear(message: str) -> None:
    """Each fault says where and what in words of our own, ends as a sentence, and is short."""
    assert not FOREIGN.search(message), message
    assert len(message) < LONGEST, message[:LONGEST]
    assert not [letter for letter in message if not letter.isprintable() and letter != "\n"], repr(message)
    lines = message.strip().split("\n")
    faults = lines[1:] if re.fullmatch(r"(ohmics \w+: )?[\d,]+ faults:", lines[0]) else lines
    assert all(line.endswith(".") for line in faults), message


def test_the_corpus_is_large_and_every_name_stands_once() -> None:
    assert len(CORPUS) >= 150
    counted = Counter((family, case.name) for family, case in CORPUS)
    assert [name for name, count in counted.items() if count > 1] == []


def test_an_unclear_message_would_be_found() -> None:
    with pytest.raises(AssertionError):
        assert_clear("a.h5: Unable to synchronously open object.")
