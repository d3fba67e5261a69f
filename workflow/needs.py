"""What a training asks of the machine that runs it: GPUs, memory, minutes."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from snakemake.exceptions import WorkflowError

NEEDS = {"gpu": "gpu", "memory_mb": "mem_mb", "minutes": "runtime"}  # column and key: what Snakemake calls it
USUAL = {"gpu": 0, "memory_mb": 4000, "minutes": 120}  # of a profile that does not say


def read_needs(path: Path) -> dict[str, dict[str, int]]:
    """Read the columns `gpu`, `memory_mb` and `minutes` of a table of experiments; each may be blank, or missing.

    Returns:
        row -> what the row needs in every profile, however small; where it says nothing, nothing.
    """
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["row"]: _of_row(row, f"{path.name}, line {line}") for line, row in enumerate(rows, start=2)}


def _of_row(row: Mapping[str, str | None], where: str) -> dict[str, int]:
    given = {name: row[name].strip() for name in NEEDS if (row.get(name) or "").strip()}
    if wrong := [name for name, value in given.items() if not value.isdecimal()]:
        raise WorkflowError(f"{where}, {wrong[0]}: expected a whole number or nothing, got {given[wrong[0]]!r}.")
    return {name: int(value) for name, value in given.items()}


def resources(row: Callable[[Any], Mapping[str, int]], usual: Mapping[str, int]) -> dict[str, Callable[..., int]]:
    """Resources of a rule that trains: the larger of the row's needs and the profile's.

    Memory and minutes double with each attempt: a job that was stopped for having too little of them gets more.

    Args:
        row: from a job's wildcards to its row's needs.
        usual: the profile's.
    """

    def of(name: str) -> Callable[..., int]:
        def value(wildcards: Any, attempt: int) -> int:
            least = max(usual[name], row(wildcards).get(name, 0))
            return least if name == "gpu" else least * 2 ** (attempt - 1)

        return value

    return {called: of(name) for name, called in NEEDS.items()}
