"""A SLURM of one node on the loopback interface, started and ended by the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

CONF = Path("/etc/slurm/slurm.conf")
"""Jobs lose the variable that names another file, so the configuration has to be where Debian's SLURM looks for it."""
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "srun", "setpriv")
SESSION = "OHMICS_TEST_SLURM"
MARK = "# Written by the tests of ohmics."
# Ends when its standard input is closed, which the end of the tests does however they end, kill -9 included.
GUARD = 'cat >/dev/null; if grep -qxF "$1" "$2"; then rm -f "$2"; fi'


def why_not() -> str | None:
    """Return why no SLURM can be started here, or None."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [name for name in NEEDED if shutil.which(name, path=path) is None]
    if missing:
        return f"SLURM is not installed: no {', '.join(missing)} (Debian's slurmctld slurmd slurm-client munge)"
    if os.geteuid() != 0:
        return "SLURM's daemons need to be started by root"
    if CONF.exists() and not is_ours():
        return "a SLURM is configured here already; the tests leave it alone"
    return None


def is_ours() -> bool:
    """Return whether the configuration carries the mark of these tests."""
    return MARK in CONF.read_text(encoding="utf-8").splitlines()


def configuration(folder: Path) -> str:
    """Return a slurm.conf for one node that listens on loopback only and kills jobs beyond their memory."""
    memory = int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20 * 0.9)
    return f"""{MARK}
ClusterName=loopback
SlurmctldHost=localhost(127.0.0.1)
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort=16817
SlurmdPort=16818
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,defer_batch=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
MinJobAge=300
KillWait=2
NodeName=localhost NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""


def end_called(beginnings: tuple[str, ...]) -> list[int]:
    """End every process whose command line begins with one of these, and return their numbers."""
    ended = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().replace(b"\0", b" ").decode(errors="replace").startswith(beginnings):
                os.kill(int(path.parent.name), signal.SIGKILL)
                ended.append(int(path.parent.name))
        except OSError:
            # It has ended since.
            continue
    return ended


def end_marked(*marks: str) -> list[int]:
    """End every process whose environment holds all of these settings, and return their numbers."""
    wanted = {mark.encode() for mark in marks}
    ended = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            held = wanted <= set(path.read_bytes().split(b"\0"))
            if held and int(path.parent.name) != os.getpid():
                os.kill(int(path.parent.name), signal.SIGKILL)
                ended.append(int(path.parent.name))
        except OSError:
            # It has ended since.
            continue
    return ended


class LoopbackSlurm:
    """SLURM's daemons, which end when this object is closed; nothing else is touched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        for name in ("state", "spool"):
            (folder / name).mkdir(parents=True)
        folder.chmod(0o755)
        CONF.parent.mkdir(exist_ok=True)
        self.guard = subprocess.Popen(
            ["sh", "-c", GUARD, "guard", MARK, str(CONF)], stdin=subprocess.PIPE, start_new_session=True
        )
        # Jobs inherit it, and a process of a job that outlived its node is found by it; the guard has to stay.
        self.mark = f"{SESSION}={folder}"
        os.environ[SESSION] = str(folder)
        CONF.write_text(configuration(folder), encoding="utf-8")
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        munge = pwd.getpwnam("munge")
        place = self.folder / "munge"
        place.mkdir()
        key = place / "munge.key"
        key.write_bytes(os.urandom(128))
        for path in (key, place):
            os.chown(path, munge.pw_uid, munge.pw_gid)
        key.chmod(0o400)
        self._daemon(
            "munge", "munged", "--foreground", "--force", f"--key-file={key}", f"--socket={self.folder}/munge.socket",
            f"--pid-file={place}/munged.pid", f"--log-file={place}/munged.log", f"--seed-file={place}/munged.seed",
            user=munge,
        )  # fmt: skip
        self.wait_until((self.folder / "munge.socket").exists, "munged")
        self._daemon("slurmctld", "slurmctld", "-D")
        self._boot()

    def _boot(self) -> None:
        self._daemon("slurmd", "slurmd", "-D", "-N", "localhost")
        self.wait_until(lambda: "idle" in self.tell("sinfo", "-h", "-o", "%T"), "a node that is idle")

    def _daemon(self, name: str, *command: str, user: pwd.struct_passwd | None = None) -> None:
        if user is not None:
            # munged makes its socket where its user may write.
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        with (self.folder / f"{name}.out").open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    # A daemon ends with the tests, also where they were killed before they could end it.
                    ["setpriv", "--pdeathsig", "TERM", *command],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # A Ctrl-C is for the tests, which then end the daemons in their order.
                    start_new_session=True,
                    env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"},
                    user=None if user is None else user.pw_uid,
                    group=None if user is None else user.pw_gid,
                    extra_groups=None if user is None else [],
                )
            )

    def wait_until(self, ready: Callable[[], bool], what: str, seconds: float = 120) -> None:
        """Wait for something while the daemons run; what does not come in time is told with their logs."""
        end = time.monotonic() + seconds
        while not ready():
            for process in self.processes:
                if process.poll() is not None:
                    raise RuntimeError(f"{process.args} ended: {self.logs()}")
            if time.monotonic() > end:
                raise TimeoutError(f"no {what} within {seconds:g} s: {self.logs()}")
            time.sleep(0.2)

    def logs(self) -> str:
        """Return the end of every daemon's output."""
        return "\n".join(
            f"{path.name}: {path.read_text(errors='replace')[-1500:]}"
            for path in sorted([*self.folder.glob("*.out"), *self.folder.glob("*.log")])
        )

    def tell(self, *command: str) -> str:
        """Run one of SLURM's commands and return what it prints."""
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        return done.stdout

    def jobs(self, state: str = "RUNNING") -> dict[str, str]:
        """Return the jobs of a state: number to comment, in which the executor names the rule."""
        lines = self.tell("squeue", "-h", "-t", state, "-o", "%i|%k").splitlines()
        return dict(line.split("|", 1) for line in lines)

    def cut_power(self) -> None:
        """Kill what runs on the node, its daemon first, and tell the controller that the node is down."""
        running = list(self.jobs("RUNNING,COMPLETING"))
        node = self.processes.pop()
        node.kill()
        node.wait()
        end_called(tuple(f"slurmstepd: [{number}." for number in running))
        for number in running:
            end_marked(self.mark, f"SLURM_JOB_ID={number}")
        self.tell("scontrol", "update", "nodename=localhost", "state=down", "reason=test")

    def power_on(self) -> None:
        """Start the node's daemon as after a reboot; SLURM lets the jobs it lost begin two minutes later.

        Begun at once they would meet what ended them before: a daemon that is still at it refuses a second copy, which
        drains the node, and one that is new is told again to end them.
        """
        self._boot()

    def settle(self) -> None:
        """Cancel every job, take the node back into service and wait until it has nothing to do."""
        self.tell("scancel", "--user=root")
        if "idle" not in self.tell("sinfo", "-h", "-o", "%T"):
            self.tell("scontrol", "update", "nodename=localhost", "state=resume")
        self.wait_until(lambda: not self.jobs("RUNNING,PENDING,COMPLETING"), "quiet queue")

    def close(self) -> None:
        """End every daemon that was started here, the last first, and take the configuration away."""
        if len(self.processes) > 1:
            self.tell("scancel", "--user=root")
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()
        os.environ.pop(SESSION, None)
        end_marked(self.mark)
        # With a configuration and no controller each call of snakemake would wait ten seconds.
        if self.guard.stdin is not None:
            self.guard.stdin.close()
        self.guard.wait()
