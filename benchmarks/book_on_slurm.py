"""Makes the whole smoke book through Debian's Slurm on this machine, kills jobs on the way, and counts what was lost.

After `make book PROFILE=smoke`, whose runs are the yardstick: `python benchmarks/book_on_slurm.py`. Needs root, and
installs Slurm where it is missing. One node of one machine: it shows that the workflow runs, not that it is fast.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import tyro
from book_stages import newest_log, read_log, stages
from timing import finish, where_from

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from slurm_cluster import cluster, slurm, why_not

ROOT = Path(__file__).parents[1]
VENDORED = "results/vendor"  # fetched once, not tracked
RUNS, INDEX = "results/runs/smoke/synderm", "_build/synderm-smoke/_build/html/index.html"
FAILED = ("Error in", "    message:", "    wildcards:")
SUBMITTED = re.compile(r"Job (\d+) has been submitted with SLURM jobid")


def copy(project: Path) -> None:
    """The tracked files and what was fetched for the book, without anything that the workflow makes."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, project / name)
    if (ROOT / VENDORED).exists():
        shutil.copytree(ROOT / VENDORED, project / VENDORED, dirs_exist_ok=True)


def running(environment: dict[str, str]) -> dict[str, str]:
    """Running jobs of the cluster: number and comment, which names the rule."""
    lines = slurm(environment, "squeue", "-h", "-t", "running", "-o", "%i|%k").splitlines()
    return dict(line.split("|", 1) for line in lines)


def make(project: Path, environment: dict[str, str], kills: int, seed: int) -> tuple[int, list[str], float]:
    """The book through the profile `slurm`, some of whose running jobs are cancelled; status, their rules, seconds."""
    command = [sys.executable, "-m", "snakemake", "-s", "workflow/Snakefile", "--profile", "workflow/profiles/slurm"]
    command += ["--slurm-init-seconds-before-status-checks", "4", "--config", "profile=smoke", "dataset=synderm"]
    begun, draw, killed = time.time(), random.Random(seed), []
    with (project / "said.txt").open("wb") as said:
        whole = subprocess.Popen(
            [*command, "--", "book"], cwd=project, env=environment, stdout=said, stderr=subprocess.STDOUT
        )
        for pause in [draw.uniform(20, 40) for _ in range(kills)]:
            time.sleep(pause)
            while whole.poll() is None and not (there := running(environment)):
                time.sleep(0.5)
            if whole.poll() is None:
                number = draw.choice(sorted(there))
                slurm(environment, "scancel", "--signal=KILL", "--full", number)
                killed.append(re.sub(r"_wildcards.*|rule_", "", there[number]))
        status = whole.wait()
    return status, killed, time.time() - begun


def main(kills: int = 4, seed: int = 0, out: Path = ROOT / "results/benchmarks/book_on_slurm.json") -> None:
    """Make, compare, print a table and write JSON.

    Args:
        kills: jobs that are killed while they run.
        seed: of the moments and of which.
        out: file to write.
    """
    if reason := why_not():
        raise SystemExit(reason)
    yardstick = sorted((ROOT / RUNS).glob("*/metrics.json"))
    if not yardstick:
        raise SystemExit(f"{ROOT / RUNS} has no runs to compare with: run `make book PROFILE=smoke` first")
    started, load = time.time(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        project, daemons = Path(folder, "project"), Path(folder, "slurm")
        daemons.mkdir()
        copy(project)
        with cluster(daemons) as environment:
            environment |= {"PYTHONPATH": str(project), "OMP_NUM_THREADS": "1"}
            status, killed, seconds = make(project, environment, kills, seed)
        said = (project / "said.txt").read_text(errors="replace")
        if status:
            failed = "\n".join(line for line in said.splitlines() if line.startswith(FAILED))
            raise SystemExit(f"the book was not made, status {status}:\n{failed}\n{said[-1000:]}")
        jobs = read_log(newest_log(project / ".snakemake/log"))
        pairs = [(path, project / RUNS / path.parent.name / path.name) for path in yardstick]
        equal = sum(there.exists() and there.read_text() == here.read_text() for here, there in pairs)
        found: dict[str, Any] = {"nodes": 1, "kills": killed, "submitted": len(SUBMITTED.findall(said))}
        found |= {"stages": stages(jobs), "total_seconds": seconds, "book": (project / INDEX).exists()}
        found |= {"runs": len(pairs), "equal_runs": equal, "jobs": len(jobs)}
    finish(found | {"provenance": where_from(started, load)}, out, table)


def table(found: dict[str, Any]) -> str:
    """The results as text."""
    lines = [f"{row['stage']:<12} {row['jobs']:>4} jobs {row['seconds']:>6.0f} s" for row in found["stages"]]
    lines += [f"{found['submitted']} jobs submitted, {len(found['kills'])} killed while running: {found['kills']}"]
    lines += [f"runs equal to those made without Slurm: {found['equal_runs']} of {found['runs']}"]
    return "\n".join([*lines, f"the book was made in {found['total_seconds']:.0f} s"])


if __name__ == "__main__":
    tyro.cli(main)
