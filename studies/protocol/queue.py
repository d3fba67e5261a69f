"""Trainings in processes of their own, several at a time, until they are done or the time is over."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dermimit.lock import LockedError, locked
from studies.protocol.runs import Run

NICE = 15
PATIENCE = 20.0  # seconds that a process has to end


@dataclass(frozen=True)
class Queue:
    """Where trainings run, and with which code.

    `tree` is the checkout whose code trains; `work` holds data and runs; `tables` the plan.
    """

    tree: Path
    work: Path
    tables: Path
    jobs: int = 2

    def is_done(self, run: Run) -> bool:
        """Whether a training is finished."""
        return (self.work / "runs" / run.name / "metrics.json").is_file()

    def start(self, run: Run) -> subprocess.Popen:
        """A process at low priority that trains; what it says goes to a file beside the runs."""
        log = self.work / "logs" / f"{run.name}.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        words = [sys.executable, "-m", "studies.protocol.train_one", run.name]
        words += ["--work", str(self.work), "--tables", str(self.tables)]
        environment = os.environ | {"PYTHONPATH": str(self.tree), "OMP_NUM_THREADS": "1"}
        with log.open("a") as file:
            return subprocess.Popen(
                words, cwd=self.tree, env=environment, stdout=file, stderr=file, start_new_session=True,
                preexec_fn=give_way,
            )  # fmt: skip

    def work_off(self, runs: Sequence[Run], until: float, finished: Callable[[Run], object]) -> list[Run]:
        """Train the runs in their order until a moment of `time.monotonic`; returns those that failed.

        What is being trained then is stopped, and goes on from its last epoch another time. Two queues of one folder
        share the work: a run that another process trains is passed over, also where that shows only after the start.
        """
        waiting, busy, failed = [run for run in runs if not self.is_done(run)], {}, []
        try:
            while (waiting or busy) and time.monotonic() < until:
                while waiting and len(busy) < self.jobs:
                    run = next((r for r in waiting if not self._draws(r, busy)), None)
                    if run is None:
                        break
                    waiting.remove(run)
                    if not self._taken(run):
                        busy[run] = self.start(run)
                time.sleep(0.5)
                for run in [run for run, process in busy.items() if process.poll() is not None]:
                    code = busy.pop(run).returncode
                    if self.is_done(run):
                        finished(run)
                    elif not self._taken(run):
                        failed.append(run)
                        print(f"{run.name}: failed ({code}), see {self.work / 'logs' / run.name}.txt", flush=True)
        finally:
            for process in busy.values():
                process.terminate()
            for process in busy.values():
                stop(process)
        return failed

    def _taken(self, run: Run) -> bool:
        """Whether another process trains a run."""
        folder = self.work / "runs" / run.name
        if not folder.exists():
            return False
        try:
            with locked(folder):
                return False
        except LockedError:
            return True

    def _draws(self, run: Run, busy: dict[Run, subprocess.Popen]) -> bool:
        """Whether the photographs of a run are being drawn by another of ours; a second one would only wait."""
        there = (self.work / "data" / f"{run.regime}-seed{run.seed}" / "croissant.json").is_file()
        return not there and any((other.regime, other.seed) == (run.regime, run.seed) for other in busy)


def give_way(group: Path = Path("/proc/self/autogroup")) -> None:
    """Take a low priority, for the session too: Linux may share out by sessions, and nice alone is void then."""
    os.nice(NICE)
    if group.is_file():
        with suppress(OSError):
            group.write_text(str(NICE))


def stop(process: subprocess.Popen) -> None:
    """Wait for a process that was asked to end, and end it if it does not."""
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
