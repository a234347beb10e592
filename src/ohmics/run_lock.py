"""A results folder comes in; a lock goes out that one run at a time can hold, and that ends with the process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from ohmics.errors import Fault, OhmicsError

LOCK = ".ohmics.lock"
"""Name of the lock file in a results folder. The file stays; what counts is whether a process holds it."""
_HELD = "OHMICS_HOLDS"


def hold_folder(folder: str | Path) -> IO[str]:
    """Take the lock of a results folder, made where there is none, until the returned file is closed.

    The operating system frees the lock when the process ends, however it ends, so a killed run leaves none behind.
    Snakemake's own lock guards the folder it is started in; this one guards the results, wherever a run is started.

    Raises
    ------
    OhmicsError
        When another process holds the lock.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    handle = (place / LOCK).open("a+", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        handle.seek(0)
        holder = handle.read().strip()
        handle.close()
        raise OhmicsError(
            Fault(
                f"another run is writing here{f' (process {holder})' if holder.isdigit() else ''}",
                where=str(folder),
                remedy="wait until it has ended, or give this one another outdir; two runs in one folder would mix",
            )
        ) from error
    except OSError:
        # A file system without locks: Snakemake's own lock still guards runs that start in one folder.
        return handle
    handle.truncate(0)
    handle.write(f"{os.getpid()}\n")
    handle.flush()
    return handle


def is_locked(held: IO[str]) -> bool:
    """Return whether the file system has locks, so that the returned file of `hold_folder` guards the folder."""
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def held_for_child(folder: str | Path) -> dict[str, str]:
    """Return the environment that tells a child process which folder its parent holds for it."""
    return {_HELD: str(Path(folder).resolve())}


def is_held_by_parent(folder: str | Path) -> bool:
    """Return whether the process that started this one holds the folder for it."""
    return os.environ.get(_HELD) == str(Path(folder).resolve())
