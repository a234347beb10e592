"""Signals and full disks come in; what a user is told and the exit status of the command go out."""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NO_ROOM = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up",
            errno.EFBIG: "a file grew beyond the largest size allowed"}  # fmt: skip
_OF_HDF5 = "error message ="
_FEW_BYTES = 1 << 20
"""A disk with less free than this is taken for the full one."""


class Stopped(KeyboardInterrupt):
    """A signal asked the process to end. It unwinds like Ctrl-C, so that every temporary file is removed on the way."""

    def __init__(self, number: int) -> None:
        self.number = signal.Signals(number)
        super().__init__(self.number.name)

    @property
    def status(self) -> int:
        """Exit status by the shells' convention: 130 after SIGINT, 143 after SIGTERM."""
        return 128 + int(self.number)


@contextmanager
def signals_unwind() -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into `Stopped` while the block runs; a second one does not disturb the first.

    A signal that whoever started us has told us to ignore (``nohup``, a script's background job) stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.getsignal(one) for one in _SIGNALS}
    ours = [one for one, handler in before.items() if handler is not signal.SIG_IGN]
    stopped = False

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the signature of a handler
        nonlocal stopped
        if not stopped:
            stopped = True
            raise Stopped(number)

    for one in ours:
        signal.signal(one, stop)
    try:
        yield
    finally:
        for one in ours:
            signal.signal(one, before[one])


@contextmanager
def one_fault_told() -> Iterator[None]:
    """Keep what HDF5 says again of a full disk or a damaged file while it lets go of it out of what the user reads.

    It fails once more at every part of the file it closes, where nothing can be raised any more.
    """
    unraisable, uncaught = sys.unraisablehook, sys.excepthook

    def of_unraisable(told: sys.UnraisableHookArgs) -> None:
        # Of a part of a damaged file that was refused, it says so when it lets go of the part.
        let_go = isinstance(told.exc_value, RuntimeError) and "decrement id ref count" in str(told.exc_value)
        if told.exc_value is None or not (let_go or no_room(told.exc_value)):
            unraisable(told)

    def of_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not no_room(error):
            uncaught(kind, error, trace)

    sys.unraisablehook, sys.excepthook = of_unraisable, of_uncaught
    try:
        yield
    finally:
        sys.unraisablehook, sys.excepthook = unraisable, uncaught


def told_stop(verb: str, stop: Stopped) -> int:
    """Say in one line that a signal ended a verb; return the exit status."""
    goes_on = "the same command goes on where it stopped" if verb in ("run", "demo") else "nothing half-written is left"
    _tell(f"ohmics {verb}: stopped by {stop.number.name}; {goes_on}")
    return stop.status


def no_room(error: BaseException) -> str:
    """Return in words that a disk had no room for what was written; empty when the error is another one.

    Libraries wrap the system's error, or keep only its text: the chain of errors is searched for either.

    Examples
    --------
    >>> no_room(OSError(28, "No space left on device"))
    'the disk is full'
    >>> no_room(OSError(2, "No such file or directory"))
    ''
    """
    seen: BaseException | None = error
    while seen is not None:
        number = getattr(seen, "errno", None)
        for known, words in _NO_ROOM.items():
            if number == known or os.strerror(known) in str(seen):
                return words
        seen = seen.__cause__ or seen.__context__
    return ""


def told_no_room(verb: str, words: str, *, error: BaseException, written: Iterable[Path]) -> int:
    """Say in one line what had no room, where, and what to do; return the exit status.

    What was half-written is gone by then, so the disk with the least room is taken for the one that was full.
    """
    named = getattr(error, "filename", None)
    place = Path(str(named)) if named else min(written, key=free_bytes, default=None)
    _tell(
        f"ohmics {verb}: {words}{f' at {place}' if place else ''}; nothing half-written is left. Make room, or choose "
        "another place (outdir in the config; TMPDIR for temporary files), and give the same command again"
    )
    if _OF_HDF5 in str(error):
        # It tries to write once more when the process ends, and crashes.
        atexit.register(_leave, 1)
    return 1


def _leave(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def free_bytes(path: Path) -> int:
    """Return the bytes that are free on the disk that holds a path, or would hold it."""
    place = path.absolute()
    while not place.is_dir() and place != place.parent:
        place = place.parent
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return sys.maxsize


def is_full(path: Path) -> bool:
    """Return whether the disk that holds a path, or would hold it, has next to nothing free."""
    return free_bytes(path) < _FEW_BYTES


def places_written(options: Mapping[str, object]) -> list[Path]:
    """Return the paths a command may write to: what its options call out, or else every path, and temporary files."""
    paths = {name: value for name, value in options.items() if isinstance(value, Path)}
    out = [path for name, path in paths.items() if name.startswith("out")]
    return [*(out or paths.values()), Path(tempfile.gettempdir())]


def _tell(line: str) -> None:
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        # The log itself lies on the full disk: the exit status still says it.
        return
