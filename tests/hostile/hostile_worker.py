"""Names of cases come in, a line each; each is made and run under limits of memory and time, and a line goes out."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

from hostile_case import MEMORY, SECONDS, WAITING, Case

from ohmics.cli import main

_NOBODY = 65534


class TooSlow(BaseException):
    """Raised by the alarm; no handler of an ordinary error stops it."""


def _too_slow(*_: object) -> None:
    raise TooSlow


def listing(folder: Path) -> dict[str, Any]:
    """Return every entry below a folder with its kind, size, time of change and content."""
    found: dict[str, Any] = {}
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            state = path.lstat()
            entry: list[Any] = [state.st_mode, state.st_size, state.st_mtime_ns]
            if path.is_file() and not path.is_symlink() and state.st_size < 2**20:
                entry.append(hashlib.sha256(path.read_bytes()).hexdigest())
            found[str(path.relative_to(folder))] = entry
    return found


def peak_memory() -> int:
    """Return the largest memory of this process since it was last reset, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def run_case(case: Case) -> dict[str, Any]:
    """Make one input, run it, and say how it ended."""
    top = Path(tempfile.mkdtemp(prefix="hostile-"))
    top.chmod(0o755)
    for name in ("study", "tmp", "cwd"):
        (top / name).mkdir()
    (top / "tmp").chmod(0o777)
    (top / "cwd").chmod(0o777)
    words = case.make(top / "study")
    os.chdir(top / "cwd")
    tempfile.tempdir = str(top / "tmp")
    before = listing(top)
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    try:
        told = _run(words, unprivileged=case.unprivileged)
        after = listing(top)
    finally:
        tempfile.tempdir = None
        os.chdir("/")
        shutil.rmtree(top, ignore_errors=True)
    changed = sorted({*before, *after} - {name for name in before if before[name] == after.get(name)})
    return {**told, "changed": changed, "peak": peak_memory(), "folder": str(top)}


def _run(words: list[str], *, unprivileged: bool) -> dict[str, Any]:
    """Run the command with both streams caught, those of libraries written in C too."""
    kept = [os.dup(number) for number in (1, 2)]
    # Opened before the run: a user without rights could not make them after.
    with tempfile.TemporaryFile(dir="/tmp") as out, tempfile.TemporaryFile(dir="/tmp") as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        # Work is limited by the time of the processor, which other work on the machine does not change; what only
        # waits, as for a pipe, is ended by the clock.
        started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.setitimer(signal.ITIMER_REAL, WAITING)
        if unprivileged:
            os.seteuid(_NOBODY)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                status = _status(words)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            if unprivileged:
                os.seteuid(0)
            seconds = time.process_time() - started
            sys.stdout.flush()
            sys.stderr.flush()
            for number, handle in zip((1, 2), kept, strict=True):
                os.dup2(handle, number)
                os.close(handle)
        texts = []
        for handle in (out, err):
            handle.seek(0)
            texts.append(handle.read(2**20).decode("utf-8", "backslashreplace"))
    return {"status": status, "out": texts[0], "err": texts[1], "seconds": seconds}


def _status(words: list[str]) -> int | str:
    try:
        return main(words)
    except TooSlow:
        return "too slow"
    except SystemExit as error:
        return str(error.code)
    except BaseException as error:  # noqa: BLE001  # every error that is no refusal is what this looks for
        return "".join(traceback.format_exception(error, limit=-6))


def serve() -> None:
    """Answer until the other side closes."""
    signal.signal(signal.SIGALRM, _too_slow)
    signal.signal(signal.SIGPROF, _too_slow)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    held = next(
        int(line.split()[1]) * 1024
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        if line.startswith("VmData")
    )
    ready = False
    for line in sys.stdin:
        asked = json.loads(line)
        cases: list[Case] = importlib.import_module(asked["family"]).CASES
        if not ready:
            # What is loaded once for all cases is no memory of the first of them.
            resource.setrlimit(resource.RLIMIT_DATA, (held + MEMORY, held + MEMORY))
            ready = True
        answer = run_case(next(case for case in cases if case.name == asked["name"]))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
