"""Signals and full disks: nothing half-written is left, one line says what happened, the exit status tells it too."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from ohmics import cli
from ohmics.cli import main
from ohmics.cli._stop import Stopped, is_full, no_room, signals_unwind
from ohmics.io import write_text
from ohmics.run_lock import LOCK, hold_folder

# A verb that is in the middle of a file, and says so.
WRITING = """
import sys, time, types
from pathlib import Path
import ohmics.cli as cli
from ohmics.io import write_atomic, write_folder

def run(arguments):
    with write_folder("pages") as pages, write_atomic("table.tsv") as temporary:
        temporary.write_text("half")
        (pages / "P01.html").write_text("half")
        print("writing", flush=True)
        time.sleep(60)

slow = types.ModuleType("ohmics.cli.slow")
slow.add_parser = lambda commands: commands.add_parser("slow").set_defaults(func=run)
sys.modules["ohmics.cli.slow"] = slow
cli.VERBS["slow"] = ("slow", "", "stages")
sys.exit(cli.main(["slow"]))
"""
# Stands for snakemake: starts a stage, tells its process number, waits for it, and takes SIGINT as snakemake does.
SNAKEMAKE = """
import os, subprocess, sys
stage = subprocess.Popen([sys.executable, "ohmics"])
print(stage.pid, "--nolock" in sys.argv, flush=True)
try:
    stage.wait()
except KeyboardInterrupt:
    print("cancelled", flush=True)
    stage.wait()
sys.exit(1)
"""


def started(folder: Path, *words: str, ignored: Iterable[int] = (), **environment: str) -> subprocess.Popen:
    """Start Python with the signals heeded but those given, however the tests themselves were started."""

    def heed() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

    return subprocess.Popen(
        [sys.executable, *words], cwd=folder, env={**os.environ, **environment}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        preexec_fn=heed,  # noqa: PLW1509  # it only sets handlers
    )  # fmt: skip


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_stage_stopped_in_the_middle_of_a_file_leaves_nothing(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    process = started(tmp_path, "-c", WRITING)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    assert len(list(tmp_path.iterdir())) == 2
    process.send_signal(number)
    _, told = process.communicate()
    assert process.returncode == status
    assert told == f"ohmics slow: stopped by {number.name}; nothing half-written is left\n"
    assert not list(tmp_path.iterdir())


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_unwind():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_signal_does_not_disturb_the_first() -> None:
    cleaned = False
    with pytest.raises(Stopped, match="SIGTERM"), signals_unwind():  # noqa: PT012  # the signals are the test
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            cleaned = True
    assert cleaned
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


STARTING = """
import sys
from pathlib import Path
import ohmics.cli as cli, ohmics.cli.run as run
from ohmics.cli._stop import signals_unwind, Stopped, told_stop
try:
    with signals_unwind():
        run.call_snakemake(Path("c.yaml"), cores="1", profile="local", rest=[], writes_to=Path("results"))
except Stopped as stop:
    sys.exit(told_stop("run", stop))
"""


@pytest.mark.parametrize(
    ("number", "status", "ignored"),
    [
        (signal.SIGINT, 130, ()),
        (signal.SIGTERM, 143, ()),
        # As `nohup ohmics run ... &` in a script is started.
        (signal.SIGTERM, 143, (signal.SIGINT, signal.SIGHUP)),
    ],
)
def test_a_stopped_run_ends_its_stages_and_frees_the_folder(
    tmp_path: Path, number: signal.Signals, status: int, ignored: tuple[int, ...]
) -> None:
    (tmp_path / "snakemake.py").write_text(SNAKEMAKE, encoding="utf-8")
    (tmp_path / "ohmics").write_text("import time; time.sleep(60)", encoding="utf-8")
    process = started(tmp_path, "-c", STARTING, ignored=ignored, PYTHONPATH=str(tmp_path))
    assert process.stdout is not None
    stage, without_lock = process.stdout.readline().split()
    assert without_lock == "True"
    with pytest.raises(ValueError, match="another run is writing here"):
        hold_folder(tmp_path / "results")
    process.send_signal(number)
    out, told = process.communicate()
    assert process.returncode == status
    assert out == "cancelled\n"
    assert told.splitlines()[-1] == f"ohmics run: stopped by {number.name}; the same command goes on where it stopped"
    assert not runs(int(stage))
    hold_folder(tmp_path / "results").close()
    assert [path.name for path in (tmp_path / "results").iterdir()] == [LOCK]


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("old", encoding="utf-8")
    monkeypatch.setattr(Path, "write_text", full)
    place = tmp_path / "results" / "config.yaml"
    place.parent.mkdir()
    monkeypatch.setattr("ohmics.cli.config_used.load_config", lambda _: type("C", (), {"to_yaml": lambda _: "x"})())
    assert main(["config-used", "--config", str(config), "--out", str(place)]) == 1
    told = capsys.readouterr().err
    assert told.startswith("ohmics config-used: the disk is full at ")
    assert "nothing half-written is left. Make room, or choose another place" in told
    assert told.count("\n") == 1
    assert not list(place.parent.iterdir())


def test_what_a_library_makes_of_a_full_disk_is_known() -> None:
    closing = RuntimeError("Can't decrement id ref count")
    closing.__cause__ = OSError(errno.ENOSPC, "x")
    assert no_room(closing) == "the disk is full"
    assert no_room(OSError("Can't write data (errno = 28, error message = 'No space left on device')"))
    assert no_room(OSError(errno.EDQUOT, "x")) == "the disk quota is used up"
    assert not no_room(RuntimeError("no such thing"))


def test_another_system_error_is_not_taken_for_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("ohmics.cli.verify.run", broken)
    with pytest.raises(PermissionError):
        main(["verify", str(tmp_path)])


def test_a_workbook_that_does_not_fit_says_so_and_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ohmics.export.workbook import write_workbook

    monkeypatch.setattr("zipfile.ZipFile.write", full)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(OSError, match="No space left") as raised:
        write_workbook([], tmp_path / "made" / "results.xlsx", project="p", version="1")
    assert no_room(raised.value)
    assert [path.name for path in tmp_path.rglob("*")] == ["made"]


@pytest.fixture
def small_disk(tmp_path: Path):
    place = tmp_path / "small"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], check=False)
    if done.returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_table_that_does_not_fit_on_the_disk_leaves_nothing(small_disk: Path) -> None:
    (small_disk / "rest").write_bytes(bytes(4096))
    assert is_full(small_disk)
    with pytest.raises(OSError, match="No space left") as raised:
        write_text("x" * 200_000, small_disk / "table.tsv")
    assert no_room(raised.value) == "the disk is full"
    assert [path.name for path in small_disk.iterdir()] == ["rest"]


TOO_LARGE = """
import sys, types
import anndata as ad, numpy as np, pandas as pd
import ohmics.cli as cli
from ohmics.io import write_atomic, write_h5ad

def run(arguments):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(400, 200))).rename(columns=str)
    if sys.argv[1] == "a.h5ad":
        write_h5ad(ad.AnnData(frame.to_numpy()), sys.argv[1])
    else:
        with write_atomic(sys.argv[1]) as temporary:
            frame.to_parquet(temporary) if sys.argv[1] == "a.parquet" else frame.to_csv(temporary)

large = types.ModuleType("ohmics.cli.large")
large.add_parser = lambda commands: commands.add_parser("large").set_defaults(func=run)
sys.modules["ohmics.cli.large"] = large
cli.VERBS["large"] = ("large", "", "stages")
sys.exit(cli.main(["large"]))
"""


@pytest.mark.parametrize("name", ["a.h5ad", "a.parquet", "a.csv"])
def test_what_each_writer_says_of_a_full_disk_is_told_in_one_line(small_disk: Path, name: str) -> None:
    process = started(small_disk, "-c", TOO_LARGE, name)
    _, told = process.communicate()
    assert process.returncode == 1
    assert told.startswith("ohmics large: the disk is full")
    assert told.count("\n") == 1
    assert not list(small_disk.iterdir())


def test_every_verb_is_run_so_that_signals_unwind(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(cli, "_run_verb", lambda verb, words: seen.append(signal.getsignal(signal.SIGTERM)) or 0)
    assert main(["verify", "."]) == 0
    assert callable(seen[0])
    assert signal.getsignal(signal.SIGTERM) != seen[0]
