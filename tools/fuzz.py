"""Fuzz every reader and parser: changed files go in; what is neither read nor refused in one clear error is a finding.

python tools/fuzz.py [--seconds 600] [--seed 1] [--only TARGET ...]

A change that leads to a new outcome is built upon. Findings are kept as seed and changes in
tests/hostile/fuzz_found.json, which tests replay; the counts go into benchmarks/fuzz.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HOSTILE = ROOT / "tests" / "hostile"
FOUND, RESULT = HOSTILE / "fuzz_found.json", ROOT / "benchmarks" / "fuzz.json"
MODULES = (
    "ohmics.intake.check",
    "ohmics.intake.list_files",
    "ohmics.intake.gene_positions",
    "ohmics.intake.obs_column",
)
SECONDS, MEMORY = 10, 2**30
_BATCH = 100
sys.path.insert(0, str(HOSTILE))


class TooSlowError(BaseException):
    """Raised by the alarm; no handler of an ordinary error stops it."""


def _too_slow(*_: object) -> None:
    raise TooSlowError


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def outcome_of(target: Any, given: dict[str, Any], *, seconds: int = SECONDS) -> tuple[str, str]:
    """Return how one input ended: ``read``, ``refused`` or ``found``, and in which words.

    Parameters
    ----------
    target
        One of `fuzz_targets.targets`.
    given
        ``seed``, ``file`` and ``edits``.
    seconds
        Time of the processor it may take, and a quarter of the time of the clock.
    """
    from fuzz_targets import execute

    from ohmics.cli._stop import one_fault_told
    from ohmics.errors import OhmicsError

    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    for number, clock, most in (
        (signal.SIGPROF, signal.ITIMER_PROF, seconds),
        (signal.SIGALRM, signal.ITIMER_REAL, 4 * seconds),
    ):
        signal.signal(number, _too_slow)
        signal.setitimer(clock, most)
    try:
        with one_fault_told(), warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            execute(target, given, folder)
        if told:
            return "found", f"warning: {told[0].category.__name__}: {str(told[0].message)[:200]}"
        return "read", ""
    except OhmicsError as error:
        text = str(error.faults[0]).replace(str(folder), "") if error.faults else ""
        return (
            ("refused", re.sub(r"`[^`]*`|\d[\d,]*", "N", text)[:200]) if text else ("found", "a refusal without words")
        )
    except TooSlowError:
        return "found", "too slow"
    except BaseException as error:  # noqa: BLE001  # every error that is no refusal is what this looks for
        place = traceback.extract_tb(error.__traceback__)
        ours = [f"{Path(one.filename).name}:{one.name}" for one in place if "ohmics" in one.filename]
        return "found", f"{type(error).__name__} in {ours[-1] if ours else '?'}: {str(error)[:200]}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        shutil.rmtree(folder, ignore_errors=True)


def child(seed: int, only: list[str]) -> None:
    """Fuzz until killed: a line before and one after each input."""
    from fuzz_targets import drawn, targets

    chosen = [target for target in targets() if not only or target.name in only]
    draw = random.Random(seed)
    pools: dict[str, list[list[Any]]] = {target.name: [[]] for target in chosen}
    seen: set[tuple[str, str, str]] = set()
    for target in chosen:  # loads what is loaded once
        for number in range(len(target.seeds)):
            outcome_of(target, {"seed": number, "file": 0, "edits": []})
    held = int(re.search(r"VmData:\s+(\d+)", Path("/proc/self/status").read_text(encoding="utf-8"))[1]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (held + MEMORY, held + MEMORY))
    while True:
        for target in chosen:
            for _ in range(_BATCH):
                base = draw.choice(pools[target.name]) if draw.random() < 0.4 else []
                given = {"target": target.name, "seed": draw.randrange(9), "file": draw.randrange(99),
                         "edits": [*base, *drawn(target, draw)][-8:]}  # fmt: skip
                _tell(json.dumps({"now": given}))
                how, words = outcome_of(target, given)
                if (target.name, how, words) not in seen:
                    seen.add((target.name, how, words))
                    pools[target.name].append(given["edits"])
                _tell(json.dumps({"how": how, "words": words}))


def fuzz(seconds: float, seed: int, only: list[str]) -> dict[str, Any]:
    """Run children for a time and return what they did."""
    end = time.monotonic() + seconds
    runs: Counter[str] = Counter()
    hows: Counter[str] = Counter()
    outcomes: set[tuple[str, str]] = set()
    findings: dict[tuple[str, str], dict[str, Any]] = {}
    while time.monotonic() < end:
        command = [sys.executable, __file__, "--child", "--seed", str(seed), *(["--only", *only] if only else [])]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
            now: dict[str, Any] = {}
            while process.stdout is not None and time.monotonic() < end:
                ready, _, _ = select.select([process.stdout], [], [], 60 + 8 * SECONDS)
                line = process.stdout.readline() if ready else ""
                told = (
                    json.loads(line) if line.endswith("\n") else {"how": "found", "words": "the process died or hung"}
                )
                if "now" in told:
                    now = told["now"]
                    continue
                if now:
                    runs[now["target"]] += 1
                    hows[told["how"]] += 1
                    outcomes.add((now["target"], told["words"]))
                    if told["how"] == "found":
                        key = (now["target"], re.sub(r"\d+", "N", told["words"])[:120])
                        findings.setdefault(key, {**now, "words": told["words"]})
                if not line:
                    break
            process.kill()
        seed += 1
    return {"runs": dict(sorted(runs.items())), "hows": dict(sorted(hows.items())), "outcomes": len(outcomes),
            "findings": list(findings.values())}  # fmt: skip


def main() -> int:
    """Fuzz, print what was found, keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=[], metavar="TARGET")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    if arguments.child:
        child(arguments.seed, arguments.only)
    from ohmics.provenance import code_digest

    # Of the code that is fuzzed: who edits meanwhile changes what the readers will be, not what they were.
    digest = code_digest(*MODULES)
    told = fuzz(arguments.seconds, arguments.seed, arguments.only)
    for name, count in told["runs"].items():
        _tell(f"{name:<16} {count:>8,} executions")
    total = sum(told["runs"].values())
    found = len(told["findings"])
    _tell(f"{total:,} executions, {told['outcomes']:,} distinct outcomes, {found} findings; {told['hows']}")
    for finding in told["findings"]:
        _tell(f"found: {json.dumps(finding)}")
    _keep(told, arguments, digest)
    return 1 if told["findings"] else 0


def _keep(told: dict[str, Any], arguments: argparse.Namespace, digest: str) -> None:
    from ohmics.io import write_text

    kept = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.is_file() else []
    known = [json.dumps({**entry, "words": ""}) for entry in kept]
    kept += [entry for entry in told["findings"] if json.dumps({**entry, "words": ""}) not in known]
    lines = ",\n".join(f" {json.dumps(entry)}" for entry in kept)
    write_text(f"[\n{lines}\n]\n" if kept else "[]\n", FOUND)
    if arguments.only:
        return  # the counts are those of all readers
    record = {
        "seconds": arguments.seconds, "seed": arguments.seed, "executions": sum(told["runs"].values()),
        "executions_per_reader": told["runs"],
        "ended": told["hows"], "distinct_outcomes": told["outcomes"], "findings": len(told["findings"]),
        "digest": digest,
    }  # fmt: skip
    write_text(json.dumps(record, indent=1) + "\n", RESULT)


if __name__ == "__main__":
    raise SystemExit(main())
