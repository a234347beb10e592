"""What fuzzing has found stays mended: each input is read or refused in one clear error, in time."""

from __future__ import annotations

import importlib.util
import json
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import fuzz_targets
import pytest

from ohmics.provenance import code_digest

ROOT = Path(__file__).resolve().parents[2]


def _fuzz() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz", ROOT / "tools" / "fuzz.py")
    if spec is None or spec.loader is None:
        raise ImportError("tools/fuzz.py cannot be read as a module")
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz"] = module
    spec.loader.exec_module(module)
    return module


FUZZ = _fuzz()
TARGETS = {target.name: target for target in fuzz_targets.targets()}
FOUND: list[dict[str, Any]] = json.loads(FUZZ.FOUND.read_text(encoding="utf-8"))


@pytest.mark.parametrize("given", FOUND, ids=[f"{number}-{one['target']}" for number, one in enumerate(FOUND)])
def test_a_finding_stays_mended(given: dict[str, Any]) -> None:
    how, words = FUZZ.outcome_of(TARGETS[given["target"]], given)
    assert how in ("read", "refused"), words


@pytest.mark.parametrize("name", TARGETS)
def test_sound_files_are_read_and_changed_ones_read_or_refused(name: str) -> None:
    target, draw = TARGETS[name], random.Random(3)
    for number in range(len(target.seeds)):
        assert FUZZ.outcome_of(target, {"seed": number, "file": 0, "edits": []}) == ("read", "")
    ended = []
    for number in range(25):
        given = {"seed": number, "file": number, "edits": fuzz_targets.drawn(target, draw)}
        how, words = FUZZ.outcome_of(target, given)
        ended.append(how)
        assert how != "found", (given, words)
    assert "refused" in ended


def test_an_error_that_is_no_refusal_is_a_finding() -> None:
    def fails(_folder: Path) -> object:
        raise KeyError("x")

    broken = fuzz_targets.Target("broken", ({"a": b""},), fails)
    assert FUZZ.outcome_of(broken, {"seed": 0, "file": 0, "edits": []})[0] == "found"


def test_changes_are_the_same_every_time() -> None:
    target = TARGETS["h5ad"]
    edits = fuzz_targets.drawn(target, random.Random(11))
    content = target.seeds[0]["a.h5ad"]
    assert fuzz_targets.change(content, edits) == fuzz_targets.change(content, edits)


@pytest.mark.slow
def test_the_counts_are_of_the_present_code() -> None:
    told = json.loads(FUZZ.RESULT.read_text(encoding="utf-8"))
    assert told["digest"] == code_digest(*FUZZ.MODULES), "the readers have changed since: run `make fuzz`"
    assert told["executions"] == sum(told["executions_per_reader"].values())
