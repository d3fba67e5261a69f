"""Where the time of `make book` goes, by stage, from the log that Snakemake wrote of it.

After a book: `python benchmarks/book_stages.py` reads the newest log in `.snakemake/log`.
"""

import os
import re
import resource
import statistics
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import tyro
from timing import finish, where_from

STAMP = re.compile(r"^\[(\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4})\]$")
BEGUN = re.compile(r"^(?:local)?(?:rule|checkpoint) (\w+):$")
JOB = re.compile(r"^    jobid: (\d+)$")
KIND = re.compile(r"^    wildcards: (.*)$")
NEEDED = "import studies.shared.page, dermimit.evaluate.runs, dermimit.explain.style"
DONE = re.compile(r"^Finished jobid: (\d+)")


def read_log(path: Path) -> list[dict[str, Any]]:
    """Jobs of a run of the workflow that finished: rule, wildcards, begin and end in seconds since the epoch.

    Raises:
        ValueError: no job finished.
    """
    now, rule, kinds = 0.0, "", ""
    begun: dict[str, dict[str, Any]] = {}
    jobs = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if found := STAMP.match(line):
            now = datetime.strptime(found[1], "%a %b %d %H:%M:%S %Y").timestamp()
        elif found := BEGUN.match(line):
            rule, kinds, number = found[1], "", ""
        elif found := JOB.match(line):
            number = found[1]
            begun[number] = {"rule": rule, "wildcards": kinds, "begin": now}
        elif found := KIND.match(line):
            begun[number]["wildcards"] = found[1]
        elif (found := DONE.match(line)) and found[1] in begun:
            jobs.append(begun.pop(found[1]) | {"end": now})
    if not jobs:
        raise ValueError(f"{path}: no finished job; is it the log of a book that was made?")
    return jobs


def stages(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Seconds of each rule: of all its jobs added up, of its longest, and from its first begin to its last end."""
    rows = []
    for rule in dict.fromkeys(job["rule"] for job in jobs):
        own = [job for job in jobs if job["rule"] == rule]
        longest = max(own, key=lambda job: job["end"] - job["begin"])
        row = {"stage": rule, "jobs": len(own), "seconds": sum(job["end"] - job["begin"] for job in own)}
        row |= {"longest_seconds": longest["end"] - longest["begin"], "longest": longest["wildcards"]}
        rows.append(row | {"span": max(job["end"] for job in own) - min(job["begin"] for job in own)})
    return sorted(rows, key=lambda row: -row["seconds"])


def newest_log(folder: Path) -> Path:
    """The last log of a run that made a book.

    Raises:
        SystemExit: there is none.
    """
    for path in sorted(folder.glob("*.log"), reverse=True):
        if "rule book:" in path.read_text(encoding="utf-8"):
            return path
    raise SystemExit(f"{folder} has no log of a book: run `make book` first")


def import_seconds(repeats: int = 3) -> float:
    """Processor seconds until a fresh process has imported what a page needs; the median."""
    found = []
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", NEEDED], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(found)


def main(
    log: Path | None = None, profile: str = "quick", out: Path = Path("results/benchmarks/book_stages.json")
) -> None:
    """Read, print a table and write JSON.

    Args:
        log: of Snakemake; the newest of a book where none is given.
        profile: that the book was made with, for the record.
        out: file to write.
    """
    started, load = time.time(), os.getloadavg()[0]
    jobs = read_log(log or newest_log(Path(".snakemake/log")))
    total = max(job["end"] for job in jobs) - min(job["begin"] for job in jobs)
    found = {"profile": profile, "total_seconds": total, "stages": stages(jobs)}
    pages = [job for job in jobs if job["rule"] == "page"]
    found["pages"] = {job["wildcards"].removeprefix("page="): job["end"] - job["begin"] for job in pages}
    found["import_seconds"] = import_seconds()
    found["provenance"] = where_from(started, load)
    finish(found, out, table)


def table(found: dict[str, Any]) -> str:
    """The results as text."""
    lines = [f"{'stage':<12} {'jobs':>5} {'seconds':>8} {'span':>6}  longest job"]
    for row in found["stages"]:
        longest = f"{row['longest_seconds']:.0f} s {row['longest']}"
        lines.append(f"{row['stage']:<12} {row['jobs']:>5} {row['seconds']:>8.0f} {row['span']:>6.0f}  {longest}")
    return "\n".join([*lines, f"from first to last: {found['total_seconds']:.0f} s, profile {found['profile']}"])


if __name__ == "__main__":
    tyro.cli(main)
