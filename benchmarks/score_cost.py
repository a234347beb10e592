"""What a call costs: seconds, processor seconds of all threads and child processes, and memory (Linux)."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd


def family(process: int | str = "self") -> list[str]:
    """Return the ids of a process and its children (Linux)."""
    found = [str(process)]
    try:
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in (thread / "children").read_text().split():
                found += family(child)
    except FileNotFoundError:  # it has ended
        return found
    return found


def resident() -> int:
    """Return the resident bytes of this process and its children."""
    total = 0
    for process in family():
        try:
            total += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except FileNotFoundError:
            continue
    return total


def processor_seconds() -> float:
    """Return the processor seconds of this process and its children, also those that have ended."""
    spent = os.times()
    total = spent.children_user + spent.children_system + time.process_time()
    for process in family()[1:]:
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            continue
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def timed(task: Callable[[], pd.DataFrame]) -> tuple[pd.DataFrame, float, float]:
    """Return the answer, seconds and processor seconds of one call."""
    spent, started = processor_seconds(), time.perf_counter()
    answer = task()
    seconds = time.perf_counter() - started
    return answer, seconds, processor_seconds() - spent


def peak(task: Callable[[], pd.DataFrame]) -> float:
    """Return the MiB that one call takes at most beyond what was there."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    before, highest, done = resident(), 0, threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.005):
            highest = max(highest, resident() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    task()
    done.set()
    watcher.join()
    return highest / 2**20
