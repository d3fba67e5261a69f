"""Train the next planned runs of the protocol until the time is over, publish what finished, and say what is left.

Runs are bound to one state of the code: the first call binds them to its commit, and later calls train with that
commit's code from a git worktree, whatever has been changed since. Writes results/published/protocol, or the folder of
another plan.

Run: python -m studies.protocol.measure --minutes 150 [--jobs 2] [--only selection ...]
     [--tables workflow/experiments/pretrained]
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
import tyro

from dermimit.data.problems import suggest
from dermimit.records import git_state, provenance, write_json
from studies.protocol.contrasts import judged, read_contrasts
from studies.protocol.queue import Queue
from studies.protocol.records import hours, publish, read_runs
from studies.protocol.runs import TABLES, Run, planned, read_models
from studies.shared.paths import PUBLISHED, ROOT

FOLDERS = {TABLES.name: ("protocol", "evidence")}
"""Plan -> its folders in results/published and in results; those of other plans have its name."""


def main(
    minutes: float = 150.0,
    jobs: int = 0,
    only: tuple[str, ...] = (),
    tables: Path = TABLES,
    out: Path | None = None,
    work: Path | None = None,
    resamples: int = 1000,
) -> None:
    """Train, publish and judge.

    Args:
        minutes: after which trainings are stopped; they go on with the next call. 0: publish, and say what is left.
        jobs: trainings at a time, each on one processor core; 0: as many as there are cores, or half as many where
            they share a GPU, since each then has a process that prepares photographs.
        only: names of experiments; without it all.
        tables: folder of the plan: models.csv, runs.csv, contrasts.csv and recipe.json.
        out: folder of the records; without it that of the plan in results/published.
        work: folder of photographs, runs and their logs; without it that of the plan in results.
        resamples: of the bootstrap over test cases.
    """
    for sign in (signal.SIGTERM, signal.SIGHUP):  # so that trainings are stopped too
        if signal.getsignal(sign) != signal.SIG_IGN:  # as nohup has it
            signal.signal(sign, lambda *_: sys.exit(143))
    jobs = jobs or max(1, (os.cpu_count() or 1) // (2 if torch.cuda.is_available() else 1))
    until = time.monotonic() + 60 * minutes
    records, runs_of = FOLDERS.get(tables.name, (tables.name, f"evidence_{tables.name}"))
    out, work = out or ROOT / PUBLISHED / records, work or ROOT / "results" / runs_of
    out, work, tables = out.resolve(), work.resolve(), tables.resolve()  # trainings start in another folder
    known = {name for run in planned(tables) for name in run.experiments}
    if unknown := [name for name in only if name not in known]:
        raise SystemExit(f"--only: unknown experiment {unknown[0]!r}; {suggest(unknown[0], sorted(known))}")
    runs = [run for run in planned(tables) if not only or set(only) & set(run.experiments)]
    if minutes:
        tree = tree_of(out, work)
        own = tables if tables.is_relative_to(ROOT) else TABLES
        refuse_changed_models(read_runs(out), tables, tree / own.relative_to(ROOT))
        queue = Queue(tree, work, tables, jobs)
        publish(out, work / "runs", runs)
        for run in queue.work_off(waiting(out, runs), until, lambda run: tell(out, work, run, runs)):
            print(f"{run.name}: failed, and its contrasts have one seed fewer; the next call tries it again")
    publish(out, work / "runs", runs)
    judge(out, tables, resamples)
    print(left(read_runs(out), runs, jobs))


def judge(out: Path, tables: Path, resamples: int) -> None:
    """Write verdicts.json: every contrast with what the published runs say of it."""
    started, known = time.time(), read_runs(out)
    if len(known):
        table = judged(read_contrasts(tables), known, out, resamples)
        origin = provenance(known[["name", "code_fingerprint"]], started, {"resamples": resamples})
        write_json(out / "verdicts.json", {"contrasts": table.to_dict("records"), "provenance": origin})


def tree_of(out: Path, work: Path) -> Path:
    """The checkout whose code trains: of the commit that the published runs are of, or of this one's.

    Raises:
        SystemExit: the first call, and files differ from the commit; or git has not got the commit.
    """
    known, (commit, dirty) = read_runs(out), git_state()
    if len(known):
        commit = known["commit"].iloc[0]
    elif dirty:
        raise SystemExit("files differ from the commit: runs are bound to a commit, so commit first")
    tree = work / f"code-{commit[:12]}"
    if not (tree / "dermimit").is_dir():
        subprocess.run(["git", "worktree", "prune"], cwd=ROOT, check=False)  # of a folder that was deleted
        words = ["git", "worktree", "add", "--detach", str(tree), commit]
        if subprocess.run(words, cwd=ROOT, check=False).returncode:
            raise SystemExit(f"git cannot check out {commit}, whose code the published runs are bound to: use a whole "
                             "clone of the repository (git fetch --unshallow)")  # fmt: skip
    return tree


def refuse_changed_models(known: pd.DataFrame, tables: Path, bound: Path) -> None:
    """The plan may change; a model that has published runs may not, since all its seeds share a row.

    Args:
        known: published runs.
        tables: folder of models.csv.
        bound: the same of the commit that the runs are bound to.

    Raises:
        SystemExit: naming a row that differs.
    """
    columns = ["row", "tasks", "lsm", "fusion", "settings"]
    now, then = (read_models(folder)[columns] for folder in (tables, bound))
    for row in dict.fromkeys(known["row"]):
        if row in then.index and (row not in now.index or not now.loc[row].equals(then.loc[row])):
            raise SystemExit(f"{tables / 'models.csv'}: {row} has published runs and is not what it was at their "
                             "commit: restore the line, or give the new model a name of its own")  # fmt: skip


def waiting(out: Path, runs: Sequence[Run]) -> list[Run]:
    """The runs that are not published yet."""
    there = set(read_runs(out)["name"])
    return [run for run in runs if run.name not in there]


def tell(out: Path, work: Path, run: Run, runs: Sequence[Run]) -> None:
    """Publish a finished run, and print its score."""
    publish(out, work / "runs", runs)
    line = read_runs(out).set_index("name").loc[run.name]
    print(f"{run.name}: macro-F1 {line['macro_f1']:.3f}, {line['train_seconds']:.0f} s", flush=True)


def left(known: pd.DataFrame, runs: Sequence[Run], jobs: int) -> str:
    """How many runs are left, by experiment, and about how long they will take."""
    there = set(known["name"])
    rest = [run for run in runs if run.name not in there]
    lines = [f"{len(runs) - len(rest)} of {len(runs)} trainings are published"]
    for name in dict.fromkeys(name for run in runs for name in run.experiments):
        own = [run for run in rest if name in run.experiments and not run.beyond]
        lines.append(f"  {name}: {len(own)} left" + (f", {hours(known, own, jobs):.1f} h" if len(known) else ""))
    parts = {"within the limit": [run for run in rest if not run.beyond], "beyond": [run for run in rest if run.beyond]}
    if len(known):
        lines += [
            f"{part}: about {hours(known, runs, jobs):.1f} h with {jobs} at a time" for part, runs in parts.items()
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    tyro.cli(main)
