"""A command comes in and runs; what each process it starts took goes out: seconds, processor seconds, memory (Linux).

The peak is the kernel's own high-water mark of a process's resident memory, so a short peak is not missed; processor
seconds are looked at ten times a second, so that up to a tenth of a second a process is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from score_cost import family

INTERVAL = 0.1
TELL_EVERY = 30.0
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Process:
    """What one process took: its words, seconds from first to last sight, processor seconds, peak MiB."""

    words: list[str]
    started: float
    seconds: float = 0.0
    processor: float = 0.0
    peak_mib: float = 0.0

    @property
    def stage(self) -> str:
        """The verb of ohmics, ``snakemake``, or the program's name."""
        names = [Path(word).name for word in self.words]
        if "ohmics" in names[:3]:
            rest = self.words[names.index("ohmics") + 1 :]
            return " ".join(rest[: 2 if rest[:1] == ["report"] else 1])
        return "snakemake" if "snakemake" in names[:3] else names[0] if names else ""


@dataclass(frozen=True, slots=True)
class Watched:
    """A command that has ended: its status, seconds, the highest sum of memory at once (MiB), and its processes."""

    status: int
    seconds: float
    together_mib: float
    processes: list[Process]


def watch(
    command: Sequence[str], *, folder: Path, log: Path, book: Path, environment: Mapping[str, str] | None = None
) -> int:
    """Run a command in a folder with its output in ``log``; return its status.

    What it and all it starts took is added to ``book`` (JSON lines). It is also written down every half minute, so that
    what a run took before it was killed is counted when it is resumed.
    """
    now = book.with_suffix(".now")
    if now.is_file():
        keep(_read(now.read_text(encoding="utf-8")), book)
        now.unlink()
    seen: dict[tuple[str, str], Process] = {}
    together, told, started = 0.0, 0.0, time.monotonic()
    with log.open("ab") as output:
        running = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        try:
            while running.poll() is None:
                passed = time.monotonic() - started
                together = max(together, _look(running.pid, seen, passed))
                if passed - told > TELL_EVERY:
                    told = passed
                    now.write_text(_written(Watched(-1, passed, together, list(seen.values()))), encoding="utf-8")
                    print(f"{passed / 60:6.1f} minutes  {_progress(log)}", file=sys.stderr, flush=True)
                time.sleep(INTERVAL)
        finally:
            if running.poll() is None:
                running.terminate()
                running.wait()
            keep(Watched(running.returncode, time.monotonic() - started, together, list(seen.values())), book)
            now.unlink(missing_ok=True)
    return running.returncode


def _progress(log: Path) -> str:
    """Return what snakemake said last of how far it is."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 100_000))
        found = re.findall(rb"^\d+ of \d+ steps .*$", file.read(), flags=re.M)
    return found[-1].decode() if found else ""


def _look(root: int, seen: dict[tuple[str, str], Process], now: float) -> float:
    """Note what every process of the tree has taken so far; return the MiB they hold now."""
    together = 0.0
    for number in family(root):
        try:
            fields = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
            memory = _memory(number)
            words = Path(f"/proc/{number}/cmdline").read_text(encoding="utf-8").split("\0")[:-1]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if not memory:  # it has ended and waits for its parent
            continue
        process = seen.setdefault((number, fields[19]), Process(words, now))
        # A shell becomes the program it starts.
        process.words = words or process.words
        process.seconds = now - process.started
        process.processor = (int(fields[11]) + int(fields[12])) / TICK
        process.peak_mib = max(process.peak_mib, memory["VmHWM"] / 1024)
        together += memory["VmRSS"] / 1024
    return together


def _memory(number: str) -> dict[str, int]:
    lines = Path(f"/proc/{number}/status").read_text(encoding="utf-8").splitlines()
    return {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)
            if name in ("VmHWM", "VmRSS")}  # fmt: skip


def keep(watched: Watched, book: Path) -> None:
    """Add a run to a book."""
    with book.open("a", encoding="utf-8") as file:
        file.write(_written(watched) + "\n")


def kept(book: Path) -> list[Watched]:
    """Read the runs of a book."""
    return [_read(line) for line in book.read_text(encoding="utf-8").splitlines()] if book.is_file() else []


def _written(watched: Watched) -> str:
    row = {"status": watched.status, "seconds": watched.seconds, "together_mib": watched.together_mib}
    return json.dumps({**row, "processes": [asdict(process) for process in watched.processes]})


def _read(line: str) -> Watched:
    row = json.loads(line)
    row["processes"] = [Process(**process) for process in row["processes"]]
    return Watched(**row)
