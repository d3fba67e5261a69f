"""Debian's Slurm on this machine alone: one node that also controls, on the loopback interface, in one folder."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

TOOLS = {"slurmctld": "slurmctld", "slurmd": "slurmd", "sbatch": "slurm-client", "munged": "munge"}
CONFIGURATION = """
ClusterName=loopback
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
MpiDefault=none
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
MinJobAge=300
KillWait=5
ReturnToService=2
NodeName=one NodeAddr=127.0.0.1 NodeHostname=localhost CPUs={cpus} RealMemory={memory} Gres=gpu:1 State=UNKNOWN
PartitionName=all Nodes=one Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str | None:
    """Installs what is missing; a reason where there can be no cluster."""
    missing = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool)})
    if os.getuid() != 0:
        return "Slurm's daemons need root, and the tests do not run as root"
    if not missing:
        return None
    if not shutil.which("apt-get"):
        return f"{', '.join(missing)} missing, and this is no Debian to install them from"
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    done = subprocess.run(
        command, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, capture_output=True, text=True
    )
    return f"Debian's {', '.join(missing)} cannot be installed: {done.stderr[-300:]}" if done.returncode else None


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_configuration(folder: Path) -> None:
    """slurm.conf and its like: one node with all processors and most of the memory, and a GPU by name only."""
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    values = {"controller": free_port(), "node": free_port(), "folder": folder}
    text = CONFIGURATION.format(cpus=os.cpu_count(), memory=memory * 9 // 10, **values)
    (folder / "slurm.conf").write_text(text.lstrip())
    (folder / "gres.conf").write_text("NodeName=one Name=gpu File=/dev/null\n")
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)


def write_srun(folder: Path) -> Path:
    """A folder with an `srun` that finds this cluster by itself: the plugin hides SLURM_CONF from the one it calls."""
    (folder / "bin").mkdir()
    script = folder / "bin/srun"
    script.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
    script.chmod(0o755)
    return script.parent


def daemons(folder: Path) -> dict[str, list[str]]:
    """Their commands, in the order of starting; each stays in the foreground."""
    places = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    munge = ["munged", "--foreground", "--force", *(f"--{name}={folder}/munge.{end}" for name, end in places.items())]
    return {"munged": munge, "slurmctld": ["slurmctld", "-D", "-i"], "slurmd": ["slurmd", "-D", "-N", "one"]}


def wait_until(true: Callable[[], object], seconds: float, what: str) -> None:
    """Asks twice a second.

    Raises:
        TimeoutError: it did not become true.
    """
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.5)


def slurm(environment: dict[str, str], *words: str) -> str:
    """What a Slurm command prints; nothing where it fails."""
    return subprocess.run(words, env=environment, capture_output=True, text=True).stdout.strip()


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """A running cluster; gives out the environment in which Slurm's commands find it, and ends all it started.

    Raises:
        TimeoutError: it did not start; the end of each daemon's log is in the message.
    """
    write_configuration(folder)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SNAKEMAKE"))}
    environment["SLURM_CONF"] = str(folder / "slurm.conf")
    environment["PATH"] = f"{write_srun(folder)}:{environment['PATH']}"
    started: list[subprocess.Popen] = []
    try:
        for name, command in daemons(folder).items():
            with (folder / f"{name}.out").open("wb") as out:
                started.append(subprocess.Popen(command, env=environment, stdout=out, stderr=out))
            wait_until(lambda: (folder / "munge.socket").exists(), 20, "munged")
        idle = ["sinfo", "-h", "-o", "%T"]
        try:
            wait_until(lambda: slurm(environment, *idle) == "idle", 60, "an idle node")
        except TimeoutError as error:
            ends = [f"{path.name}: {path.read_text(errors='replace')[-500:]}" for path in folder.glob("*.out")]
            raise TimeoutError(f"{error}\n" + "\n".join(ends)) from None
        yield environment
    finally:
        slurm(environment, "scancel", "--user=root")
        slurm(environment, "scancel", "--user=root", "--signal=KILL")
        deadline = time.monotonic() + 20
        while slurm(environment, "squeue", "-h", "-t", "running,completing") and time.monotonic() < deadline:
            time.sleep(0.5)
        for process in reversed(started):
            process.terminate()
        for process in started:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
